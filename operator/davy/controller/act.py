"""Plan → calls, in the Plan's order.

Every action is tried, whatever became of those before it: an abort's weights come first and wait
for nothing (I3), and a route that refuses a weight must not keep a ReplicaSet from being scaled.
What was written is in the cache before the next pass, so no pass decides on what Davy itself has
changed.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from davy.api import errors
from davy.cluster import apply, roles
from davy.cluster.cache import Cache, Json, uid_of, version_of
from davy.cluster.client import Api
from davy.cluster.kinds import DEPLOYMENT, POD, REPLICA_SET, Kind, Kinds
from davy.controller import outcome as outcomes
from davy.controller import runs
from davy.controller.observe import Observation
from davy.engine import plan
from davy.traffic import base as traffic

_log = structlog.get_logger()


@dataclass
class Outcome:
    """What became of a Plan's actions."""

    rollout: Json
    """The Rollout as observed, with what this pass wrote into its metadata: the status that is
    written goes on top of this, so that whatever else changed meanwhile ends in a Conflict."""
    written: int = 0
    """Requests that changed something."""
    routed: bool = False
    """The route was written, or may have been by a request whose answer never came."""
    failures: list[tuple[plan.Action, errors.DavyError]] = field(default_factory=list)

    def most_hopeful(self) -> errors.DavyError:
        """The failure that is likeliest to pass by itself: it says when to try again."""
        return min((error for _, error in self.failures), key=outcomes.least_wait)

    def sentences(self) -> Sequence[tuple[plan.Action, str]]:
        """What failed and why, for the status.

        Not conflicts: they say that the cache was a moment behind, and the next pass is at hand;
        nor the lead's end: who leads next has no such trouble.
        """
        return [
            (action, str(error))
            for action, error in self.failures
            if not isinstance(error, errors.Conflict | errors.NotLeading)
        ]


@dataclass
class Actor:
    """Carries out actions.

    Args:
        api: to write with.
        cache: gets every answer.
        kinds: Davy's own kinds.
        prometheus: see `MeasureSettings.prometheus`.
    """

    api: Api
    cache: Cache
    kinds: Kinds
    prometheus: str = ""

    async def act(self, seen: Observation, actions: Sequence[plan.Action]) -> Outcome:
        """Try every action once, in order."""
        outcome = Outcome(seen.raw)
        for action in actions:
            name = type(action).__name__
            try:
                sent = await self._try(seen, action, outcome)
            except errors.DavyError as error:
                outcome.failures.append((action, error))
                may_be_there = isinstance(error, errors.Unreachable)
                _log.info("action failed", action=name, why=action.why, error=str(error))
            else:
                outcome.written += sent
                may_be_there = sent > 0
                if sent:
                    _log.info("action done", action=name, why=action.why)
            outcome.routed |= may_be_there and isinstance(action, plan.SetWeights | plan.PointRole)
        return outcome

    async def _try(  # noqa: C901, PLR0911  # a case per kind of action
        self, seen: Observation, action: plan.Action, outcome: Outcome
    ) -> int:
        """Requests sent for one action."""
        if _adds_canary_pods(seen, action):
            await self._still_so(outcome)
        match action:
            case plan.SetWeights():
                return await self._set_weights(seen, action, outcome)
            case plan.PointRole():
                return await self._point(seen, action)
            case plan.CreateReplicaSet():
                return await self._create_replica_set(seen, action)
            case (
                plan.ScaleReplicaSet()
                | plan.SetMinReadySeconds()
                | plan.MarkReplicaSet()
                | plan.DeleteReplicaSet()
            ):
                return await self._replica_set(seen, action)
            case plan.CreateRun() | plan.TerminateRun() | plan.DeleteRun():
                return await self._run(seen, action)
            case plan.EvictPod():
                return await self._evict(seen, action)
            case plan.AddToReplicaSet() | plan.SetApart() | plan.AddToPods():
                return await self._add(seen, action)
            case plan.ScaleWorkload():
                await self._still_so(outcome)
                return await self._workload(seen, action)
            case plan.MarkRollout():
                made = await apply.mark_rollout(
                    self.api,
                    self.kinds,
                    outcome.rollout,
                    finalizer=action.finalizer,
                    annotations=self._annotations(action),
                )
                outcome.rollout = made or outcome.rollout
                return self._took(self.kinds.rollout, made)

    async def _replica_set(
        self,
        seen: Observation,
        action: (
            plan.ScaleReplicaSet
            | plan.SetMinReadySeconds
            | plan.MarkReplicaSet
            | plan.DeleteReplicaSet
        ),
    ) -> int:
        """One request at most; after a Conflict the cache has what is there."""
        found = self._held(REPLICA_SET, seen, action.name)
        made = None
        try:
            match action:
                case plan.ScaleReplicaSet():
                    made = await apply.scale_replica_set(
                        self.api,
                        found,
                        replicas=action.replicas,
                        desired=seen.rollout.spec.replicas,
                        api_group=self.kinds.api_group,
                    )
                case plan.SetMinReadySeconds():
                    made = await apply.set_min_ready_seconds(self.api, found, action.seconds)
                case plan.MarkReplicaSet():
                    made = await apply.mark_replica_set(
                        self.api,
                        found,
                        revision=action.revision,
                        scale_down_at=action.scale_down_at,
                        api_group=self.kinds.api_group,
                    )
                case plan.DeleteReplicaSet():
                    if "deletionTimestamp" in found["metadata"]:
                        return 0
                    await apply.delete_replica_set(self.api, found)
                    return self._went(REPLICA_SET, found)
        except errors.Conflict:
            await self._look_again(REPLICA_SET, seen.rollout.namespace, action.name)
            raise
        return self._took(REPLICA_SET, made)

    async def _evict(self, seen: Observation, action: plan.EvictPod) -> int:
        """One request."""
        namespace = seen.rollout.namespace
        await self.api.evict(namespace, action.name, uid=action.uid)
        held = self.cache.get(POD, namespace, action.name)
        if held is not None and uid_of(held) == action.uid:
            return self._went(POD, held)
        return 1

    async def _add(
        self, seen: Observation, action: plan.AddToReplicaSet | plan.SetApart | plan.AddToPods
    ) -> int:
        """Two requests at most for a ReplicaSet, one more than it has pods for these."""
        namespace, group = seen.rollout.namespace, self.kinds.api_group
        found = await roles.whole(self.api, self._held(REPLICA_SET, seen, action.name))
        if not isinstance(action, plan.AddToPods):
            made = (
                await roles.set_apart(self.api, found, action.apart, group)
                if isinstance(action, plan.SetApart)
                else await roles.add_to_replica_set(self.api, found, action.added, group)
            )
            self.cache.put(REPLICA_SET, made or found)
            return int(made is not None)
        sent = 0
        for pod in action.pods:
            held = self.cache.get(POD, namespace, pod.name)
            if held is None or uid_of(held) != pod.uid:
                continue
            with suppress(errors.NotFound):  # gone meanwhile
                made = await roles.add_to_pod(self.api, held, found, action.added, group)
                sent += self._took(POD, made)
        return sent

    async def _workload(self, seen: Observation, action: plan.ScaleWorkload) -> int:
        """Two requests: its scale says nothing of what else there is."""
        found = self._held(DEPLOYMENT, seen, action.name)
        try:
            made = await apply.scale_workload(self.api, DEPLOYMENT, found, action.replicas)
        except errors.Conflict:
            await self._look_again(DEPLOYMENT, seen.rollout.namespace, action.name)
            raise
        return self._took(DEPLOYMENT, made)

    def _annotations(self, action: plan.MarkRollout) -> dict[str, str | None]:
        """A revision is never taken back; the workload may not be referred to any more."""
        names, generation = self.kinds.api_group, action.workload_generation
        told = {names.workload_generation_annotation: _text(generation)}
        return (
            told
            if action.revision is None
            else told | {names.revision_annotation: str(action.revision)}
        )

    async def _run(
        self, seen: Observation, action: plan.CreateRun | plan.TerminateRun | plan.DeleteRun
    ) -> int:
        """One request at most."""
        kind = self.kinds.analysis_run
        if isinstance(action, plan.CreateRun):
            owner = self._owner(seen)
            body = runs.manifest(
                self.cache,
                self.kinds,
                owner,
                seen.raw,
                action,
                prometheus=self.prometheus,
                route=seen.world.route,
            )
            return await self._create(seen, kind, body)
        found = self._held(kind, seen, action.name)
        if isinstance(action, plan.TerminateRun):
            return self._took(kind, await apply.terminate_run(self.api, self.kinds, found))
        if "deletionTimestamp" in found["metadata"]:
            return 0
        await apply.delete(self.api, kind, found)
        return self._went(kind, found)

    async def _set_weights(
        self, seen: Observation, action: plan.SetWeights, outcome: Outcome
    ) -> int:
        total = seen.world.route.total
        if action.canary + action.stable != total:  # I1: the last place to stop it
            raise errors.Rejected(
                f"weights {action.stable} and {action.canary} don't sum to {total}; not written."
            )
        route = seen.world.route
        come = {rule.name for rule in action.rules} - {found.name for found in route.rules}
        if come or action.canary > (route.canary_weight or 0):
            await self._still_so(outcome)
        return await self._patched(
            seen,
            lambda router, objects: router.weights(
                seen.routed, objects, action.canary, action.rules
            ),
        )

    async def _still_so(self, outcome: Outcome) -> None:
        """Before more users get the canary, the Rollout itself is read.

        A watch that lags, or a leader that has just taken over, may not know yet that somebody
        aborted (I3).

        Raises:
            errors.Conflict: it has changed.
        """
        kind, held = self.kinds.rollout, outcome.rollout
        namespace, name = held["metadata"]["namespace"], held["metadata"]["name"]
        found = await self.api.get(kind, namespace, name)
        if version_of(found) != version_of(held) or uid_of(found) != uid_of(held):
            self.cache.put(kind, found)
            raise errors.Conflict(f"Rollout {namespace}/{name} changed since it was read.")

    async def _point(self, seen: Observation, action: plan.PointRole) -> int:
        return await self._patched(
            seen,
            lambda router, objects: router.target(
                seen.routed, objects, action.role.value, action.hash
            ),
        )

    async def _patched(
        self,
        seen: Observation,
        ask: Callable[[traffic.Router, traffic.Objects], Sequence[traffic.Write]],
    ) -> int:
        """Send what a router wants: each is tried, the first failure is raised at the end."""
        if seen.router is None:
            raise errors.Rejected("no router is configured; nothing can be written.")
        failure: errors.DavyError | None = None
        sent = 0
        for write in ask(seen.router, self._fresh(seen)):
            kind = self.kinds.named(write.key.group, write.key.kind)
            if kind is None:
                raise errors.Rejected(f"{write.key} is of a kind that Davy doesn't write.")
            try:
                sent += await self._route(seen, kind, write)
            except errors.ApiFailure as error:
                failure = failure or error
                if isinstance(error, errors.Conflict):
                    await self._look_again(kind, write.key.namespace, write.key.name)
        if failure:
            raise failure
        return sent

    async def _route(self, seen: Observation, kind: Kind, write: traffic.Write) -> int:
        """One request at most."""
        if isinstance(write, traffic.NewObject):
            owners = [self._owner(seen).reference()]
            metadata = {**write.manifest["metadata"], "ownerReferences": owners}
            return await self._create(seen, kind, {**write.manifest, "metadata": metadata})
        key = write.key
        made = await apply.patch_object(self.api, kind, key.namespace, key.name, write.operations)
        return self._took(kind, made)

    def _fresh(self, seen: Observation) -> traffic.Objects:
        """The route's objects with what this very pass wrote into them."""
        found = {}
        for key in seen.keys:
            kind = self.kinds.named(key.group, key.kind)
            held = kind and self.cache.get(kind, key.namespace, key.name)
            if held:
                found[key] = held
        return found

    async def _create_replica_set(self, seen: Observation, action: plan.CreateReplicaSet) -> int:
        rollout = seen.rollout
        if rollout.spec.selector is None or rollout.spec.template is None:
            raise errors.Rejected(f"ReplicaSet {action.name} can't be made without a pod template.")
        new = apply.NewReplicaSet(
            name=action.name,
            hash=action.hash,
            revision=action.revision,
            replicas=action.replicas,
            desired=rollout.spec.replicas,
            min_ready_seconds=rollout.spec.min_ready_seconds,
            selector=rollout.spec.selector.manifest(),
            template=rollout.spec.template,
            added=action.added,
            apart=action.apart,
        )
        body = apply.replica_set(self._owner(seen), new, self.kinds.api_group)
        return await self._create(seen, REPLICA_SET, body, strict=True)

    async def _create(
        self, seen: Observation, kind: Kind, body: Json, *, strict: bool = False
    ) -> int:
        made = await apply.create(self.api, self._owner(seen), kind, body, strict=strict)
        return self._took(kind, made)

    async def _look_again(self, kind: Kind, namespace: str, name: str) -> None:
        """The cache is behind: read the object, so that the next pass isn't."""
        with suppress(errors.ApiFailure):
            self.cache.put(kind, await self.api.get(kind, namespace, name))

    def _held(self, kind: Kind, seen: Observation, name: str) -> Json:
        found = self.cache.get(kind, seen.rollout.namespace, name)
        if found is None:
            raise errors.NotFound(f"{kind.kind} {seen.rollout.namespace}/{name} is gone.")
        return found

    def _took(self, kind: Kind, made: Json | None) -> int:
        if made is None:
            return 0
        self.cache.put(kind, made)
        return 1

    def _went(self, kind: Kind, found: Json) -> int:
        """It is going, and counts no more though its watch is late: it is asked for once."""
        self.cache.delete(kind, found)
        return 1

    def _owner(self, seen: Observation) -> apply.Owner:
        rollout = seen.rollout
        return apply.Owner(self.kinds.rollout, rollout.namespace, rollout.name, rollout.uid)


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _adds_canary_pods(seen: Observation, action: plan.Action) -> bool:
    """Without a router more of the canary's pods are more weight for it."""
    canary, stable = seen.rollout.spec.strategy.canary, seen.rollout.status.stable_rs
    if canary.traffic_routing is not None or stable is None:
        return False
    match action:
        case plan.CreateReplicaSet(replicas=replicas):
            return replicas > 0
        case plan.ScaleReplicaSet(name=name, replicas=replicas):
            return any(
                found.name == name and found.hash != stable and replicas > found.desired
                for found in seen.world.replica_sets
            )
        case _:
            return False
