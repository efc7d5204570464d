"""Cache + route + runs → `world.Rollout` and `World`. Reads the cache and nothing else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from davy.api import errors, fields, group, pod_template, validate
from davy.api.errors import Finding
from davy.api.rollout import CanaryStrategy, RolloutSpec
from davy.api.status import RolloutStatus
from davy.api.template_hash import template_hash, written_hash
from davy.cluster import roles, trim
from davy.cluster.cache import Cache, Json, uid_of, version_of
from davy.cluster.kinds import REPLICA_SET, Kind, Kinds
from davy.controller import pods, runs, workloads
from davy.controller.interest import Reference
from davy.controller.queue import Key
from davy.engine import restart, revision, world
from davy.plugins import missing
from davy.plugins.installed import Installed
from davy.traffic import base as traffic
from davy.traffic import ping_pong, registry


@dataclass(frozen=True)
class Observation:
    """One rollout and all that belongs to it, at one moment."""

    raw: Json
    """The Rollout as the server wrote it."""
    rollout: world.Rollout
    world: world.World
    router: traffic.Router | None
    """None: the spec names none that Davy has; `World.problems` says so."""
    routed: traffic.RoutedRollout
    """What the router may know of the rollout."""
    keys: tuple[traffic.ObjectKey, ...]
    """The objects that the route is made of, there or not."""
    objects: traffic.Objects
    """Those that are there."""
    late: bool = False
    """A plugin's router failed; it may not the next time, though nothing changes."""
    workload: Reference | None = None
    """What the pod template is taken from, there or not; None: the Rollout has its own."""
    workload_version: str = ""
    """Its resourceVersion."""


@dataclass(frozen=True)
class Unreadable:
    """A Rollout whose spec can't be parsed, or that has no pod template and never had one."""

    raw: Json
    status: RolloutStatus
    findings: tuple[Finding, ...]
    workload: Reference | None = None
    """See `Observation`."""


@dataclass
class Observer:
    """Builds observations.

    Args:
        cache: to read.
        kinds: Davy's own kinds.
        served: whether the API server serves a kind.
        plugins: of other packages.
        namespaces: that are served; (): all.
    """

    cache: Cache
    kinds: Kinds
    served: Callable[[Kind], bool]
    plugins: Installed
    namespaces: tuple[str, ...] = ()
    prometheus: str = ""
    """See `MeasureSettings.prometheus`."""
    route_written_at: dict[Key, datetime] = field(default_factory=dict)
    """When the route of a Rollout was written last, or may have been, by this process."""

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.routers = registry.Routers(self.plugins)

    def observe(self, raw: Json) -> Observation | Unreadable:
        """What is known of this Rollout."""
        status = self.cache.made(parse_status, raw, version_of(raw))
        spec = self.spec(raw)
        if not isinstance(spec, RolloutSpec):
            return Unreadable(raw, status, spec)
        metadata = raw["metadata"]
        referred, found = self._workload(raw, spec)
        spec, wrong = workloads.filled(spec, found)
        if spec.template is None and not status.current_pod_hash:
            return Unreadable(raw, status, wrong, referred)
        problems: list[Finding] = [*wrong, *missing.in_rollout(self.plugins, spec)]
        late = False
        routed = self._routed(raw, spec, status)
        router = None
        keys: tuple[traffic.ObjectKey, ...] = ()
        objects: dict[traffic.ObjectKey, Json] = {}
        route = world.Route(canary_weight=None)
        try:
            router = self.routers.router_for(routed.canary)
            keys = router.objects(routed)
            objects = self._objects(keys)
            version = _version(raw, routed, status, keys, objects)
            routed, state = self.cache.made(self._route_state, raw, version)
            problems += [*self._unserved(keys)] or state.problems
            swaps = ping_pong.swaps(spec.strategy.canary, _said(status))
            route = _route(state, routed.canary, self._route_written_at(raw), swaps=swaps)
        except errors.InvalidObject as error:
            problems += error.findings
        except errors.BrokenPlugIn as error:
            late = router is not None
            problems += [Finding(missing.PLUGINS, f"{error}.")] if late else []
        stamp = runs.stamp(self.cache, self.kinds, raw, spec)
        problems += self.cache.made(self._run_problems, raw, stamp)
        annotations = metadata.get("annotations") or {}
        rollout = world.Rollout(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=uid_of(raw),
            generation=metadata.get("generation", 0),
            spec=spec,
            status=status,
            deleting="deletionTimestamp" in metadata,
            finalizer=self.kinds.api_group.finalizer in (metadata.get("finalizers") or ()),
            revision=_number(annotations.get(self.kinds.api_group.revision_annotation)),
            workload_generation=_number(
                annotations.get(self.kinds.api_group.workload_generation_annotation)
            ),
            hash=self._revision_hash(raw, spec, version_of(found) if found else "", status),
            steps_hash=self.cache.made(self._steps_hash, raw, metadata.get("generation", 0)),
        )
        return Observation(
            raw=raw,
            rollout=rollout,
            world=world.World(
                replica_sets=tuple(
                    self._replica_sets(raw, with_pods=restart.pending(rollout) is not None)
                ),
                route=route,
                runs=tuple(runs.observed(self.cache, self.kinds, raw)),
                problems=tuple(problems),
                workload=workloads.observed(spec, found),
            ),
            router=router,
            routed=routed,
            keys=keys,
            objects=objects,
            late=late,
            workload=referred,
            workload_version=version_of(found) if found else "",
        )

    def _revision_hash(
        self, raw: Json, spec: RolloutSpec, workload_version: str, status: RolloutStatus
    ) -> str | None:
        """The hash of this template's revision: Davy's, unless its ReplicaSet has another (I8)."""
        if spec.template is None:
            return None
        version = (raw["metadata"].get("generation", 0), workload_version)
        own, written = self.cache.made(self._hashes, raw, version)
        found = [each for each in self.cache.owned(REPLICA_SET, raw) if not _is_going(each)]
        if own in map(_hash, found):
            return own
        if written in {status.current_pod_hash, status.stable_rs, *map(_hash, found)}:
            return written
        same = [_hash(each) for each in found if each["spec"].get(trim.TEMPLATE_HASH) == own]
        if status.stable_rs in same:
            return status.stable_rs
        return next(iter(same), own)

    def references(self, seen: Observation | Unreadable) -> Iterator[Reference]:
        """The objects by name whose changes matter to this rollout."""
        if isinstance(seen, Unreadable):
            return
        for key in seen.keys:
            kind = self.kinds.named(key.group, key.kind)
            if kind:
                yield (kind, key.namespace, key.name)
        rollout = seen.rollout
        yield from runs.references(self.cache, self.kinds, rollout.namespace, rollout.spec)

    def spec(self, raw: Json) -> RolloutSpec | tuple[Finding, ...]:
        """The parsed spec, or what is wrong with it."""
        return self.cache.made(_spec, raw, raw["metadata"].get("generation", 0))

    def _run_problems(self, raw: Json) -> tuple[Finding, ...]:
        spec = self.spec(raw)
        assert isinstance(spec, RolloutSpec)  # noqa: S101  # it was observed
        return tuple(
            runs.problems(
                self.cache, self.kinds, raw, spec, self.plugins, prometheus=self.prometheus
            )
        )

    def _route_written_at(self, raw: Json) -> datetime | None:
        namespace, name = raw["metadata"]["namespace"], raw["metadata"]["name"]
        return self.route_written_at.get(Key(namespace, "Rollout", name))

    def _filled(self, raw: Json) -> RolloutSpec:
        """The parsed spec with its workload's template."""
        spec = self.spec(raw)
        assert isinstance(spec, RolloutSpec)  # noqa: S101  # it was observed
        return workloads.filled(spec, self._workload(raw, spec)[1])[0]

    def _steps_hash(self, raw: Json) -> str:
        return revision.steps_hash(self._filled(raw).strategy.canary.steps or ())

    def _hashes(self, raw: Json) -> tuple[str, str]:
        """Of the pod template: Davy's, and the one that an earlier Davy gave it."""
        template = self._filled(raw).template
        return template_hash(template), written_hash(template)

    def _workload(self, raw: Json, spec: RolloutSpec) -> tuple[Reference | None, Json | None]:
        """What the pod template is taken from, and as what it is known."""
        referred = workloads.reference(spec, raw["metadata"]["namespace"])
        return referred, self.cache.get(*referred) if referred else None

    def _routed(self, raw: Json, spec: RolloutSpec, status: RolloutStatus) -> traffic.RoutedRollout:
        metadata = raw["metadata"]
        labels = None if spec.template is None else pod_template.labels(spec.template)
        return traffic.RoutedRollout(
            namespace=metadata["namespace"],
            name=metadata["name"],
            canary=ping_pong.with_roles(spec.strategy.canary, _said(status)),
            template_labels=self._last_labels(raw, status) if labels is None else labels,
            group=self.kinds.api_group,
            left_rules=tuple((status.traffic and status.traffic.rules) or ()),
        )

    def _route_state(self, raw: Json) -> tuple[traffic.RoutedRollout, traffic.RouteState]:
        """What the route says, as long as nobody changes what `_version` has."""
        spec = self._filled(raw)
        status = self.cache.made(parse_status, raw, version_of(raw))
        routed = self._routed(raw, spec, status)
        router = self.routers.router_for(routed.canary)
        objects = self._objects(router.objects(routed))
        if not ping_pong.swaps(spec.strategy.canary, _said(status)):
            return routed, router.read(routed, objects)
        return ping_pong.read(router, routed, objects, status.stable_rs)

    def _last_labels(self, raw: Json, status: RolloutStatus) -> Mapping[str, str]:
        """Those of the last template that was known: its ReplicaSet has them too."""
        for found in self.cache.owned(REPLICA_SET, raw):
            labels: Json = found["metadata"].get("labels") or {}
            if labels.get(group.POD_TEMPLATE_HASH_LABEL) == status.current_pod_hash:
                return labels
        return {}

    def _objects(self, keys: tuple[traffic.ObjectKey, ...]) -> dict[traffic.ObjectKey, Json]:
        found = {}
        for key in keys:
            kind = self.kinds.named(key.group, key.kind)
            held = kind and self.cache.get(kind, key.namespace, key.name)
            if held:
                found[key] = held
        return found

    def _unserved(self, keys: tuple[traffic.ObjectKey, ...]) -> Iterator[Finding]:
        """A sentence for each kind of the route that the cluster doesn't know.

        And for each object of a namespace that isn't watched: whether it is there isn't known.
        """
        kinds = {self.kinds.named(key.group, key.kind) for key in keys}
        for kind in sorted(filter(None, kinds), key=str):
            if not self.served(kind):
                yield Finding(
                    "spec.strategy.canary.trafficRouting",
                    f"the cluster serves no {kind.kind} ({kind.api_version}); install its CRD.",
                )
        for key in keys:
            if self.namespaces and key.namespace not in self.namespaces:
                yield Finding(
                    "spec.strategy.canary.trafficRouting",
                    f"{key} lies in a namespace that this Davy doesn't serve; its administrator "
                    f"adds {key.namespace} to --namespace.",
                )

    def _replica_sets(self, raw: Json, *, with_pods: bool) -> Iterator[world.ReplicaSet]:
        for found in self.cache.owned(REPLICA_SET, raw):
            if not _is_going(found):
                seen = self._replica_set(found)
                yield replace(seen, pods=tuple(pods.of(self.cache, found))) if with_pods else seen

    def _replica_set(self, found: Json) -> world.ReplicaSet:
        metadata, status = found["metadata"], found.get("status") or {}
        annotations = metadata.get("annotations") or {}
        added = roles.recorded(found, self.kinds.api_group)
        desired = found["spec"].get("replicas", 1)
        available = status.get("availableReplicas") or 0
        waits = available < desired
        down = desired > 0 and not status.get("readyReplicas")
        return world.ReplicaSet(
            name=metadata["name"],
            hash=_hash(found),
            revision=_number(annotations.get(self.kinds.api_group.revision_annotation)) or 0,
            desired=desired,
            current=status.get("replicas") or 0,
            ready=status.get("readyReplicas") or 0,
            available=available,
            min_ready_seconds=found["spec"].get("minReadySeconds") or 0,
            observed=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
            scale_down_at=_instant(annotations.get(group.SCALE_DOWN_DEADLINE)),
            trouble=pods.trouble(self.cache, found) if waits else None,
            crashing=pods.crashing(self.cache, found) if down else None,
            unready=pods.unready(self.cache, found) if down else None,
            failure=_failure(status),
            created_at=_instant(metadata.get("creationTimestamp")),
            added=added,
            apart=roles.apart(found, self.kinds.api_group),
            pods_added=()
            if added is None
            else tuple(pods.added(self.cache, found, self.kinds.api_group)),
        )


def _hash(replica_set: Json) -> str:
    """The revision that a ReplicaSet is of."""
    labels = replica_set["metadata"].get("labels") or {}
    return str(labels.get(group.POD_TEMPLATE_HASH_LABEL, ""))


def _is_going(found: Json) -> bool:
    return "deletionTimestamp" in found["metadata"]


def parse_status(raw: Json) -> RolloutStatus:
    """The status; fields that can't be read (another tool's, or broken) count as unset."""
    held = raw.get("status") or {}
    try:
        return RolloutStatus.model_validate(held)
    except ValidationError as error:
        broken = {str(found["loc"][0]) for found in error.errors() if found["loc"]}
        kept = {name: value for name, value in held.items() if name not in broken}
        try:
            return RolloutStatus.model_validate(kept)
        except ValidationError:
            return RolloutStatus()


def _spec(raw: Json) -> RolloutSpec | tuple[Finding, ...]:
    """The parsed spec, or what is wrong with it."""
    try:
        return validate.parse_rollout(raw)
    except errors.InvalidObject as error:
        return error.findings


def _version(
    raw: Json,
    routed: traffic.RoutedRollout,
    status: RolloutStatus,
    keys: tuple[traffic.ObjectKey, ...],
    objects: traffic.Objects,
) -> object:
    """What tells the states of all apart that a router reads."""
    generation = raw["metadata"].get("generation", 0)
    seen = [(key, version_of(objects[key])) for key in keys if key in objects]
    said = _said(status)
    return (generation, routed.left_rules, routed.template_labels, status.stable_rs, said, seen)


def _said(status: RolloutStatus) -> str | None:
    return status.canary.stable_ping_pong if status.canary else None


def _route(
    state: traffic.RouteState, canary: CanaryStrategy, written_at: datetime | None, *, swaps: bool
) -> world.Route:
    answers = {
        traffic.Verified: world.Answer.VERIFIED,
        traffic.NotYet: world.Answer.NOT_YET,
        traffic.Unknown: world.Answer.UNKNOWN,
    }
    return world.Route(
        canary_weight=state.canary_weight,
        part_weight=state.part_weight,
        rules=tuple(world.WrittenRule(found.name, found.rules) for found in state.rules),
        uneven=state.uneven,
        stable_hash=state.stable_hash,
        canary_hash=state.canary_hash,
        answer=answers[type(state.verification)],
        why=state.verification.why,
        stable_service=canary.stable_service,
        canary_service=canary.canary_service,
        swaps=swaps,
        total=canary.all_traffic,
        written_at=written_at,
    )


def _failure(status: Mapping[str, Any]) -> str | None:
    """Why the ReplicaSet controller can't create pods."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return str(condition.get("message") or condition.get("reason") or "unknown reason")
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _instant(text: str | None) -> datetime | None:
    """None for what isn't an instant: an annotation is only as good as its last writer."""
    try:
        return fields.parse_instant(text) if text else None
    except ValueError:
        return None
