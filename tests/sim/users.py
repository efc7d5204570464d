"""What people do: a `do_…` method per kind of entry, to Rollouts and to the objects of a route."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from davy.api.fields import format_instant
from davy.api.template_hash import template_hash
from davy.cli import verbs, verbs_spec
from davy.cluster.client import Json
from davy.cluster.kinds import DEPLOYMENT, VIRTUAL_SERVICE, Kind
from tests.sim import manifests
from tests.sim.manifests import NAMESPACE, ROLLOUT
from tests.sim.network import at_once
from tests.sim.schedule import PODS, Step
from tests.sim.shown import START

if TYPE_CHECKING:
    from tests.sim.world import World


BACKOFF_SECONDS = 62.0
"""After a fault a key may wait so long: the longest backoff after a refusal, and the next."""


class Users:
    """People, autoscalers and other tools; what they applied last."""

    def __init__(self, world: "World") -> None:
        self._world = world
        names = world.setup.names
        self._versions: dict[str, list[str]] = {name: [] for name in names}
        self._steps = dict.fromkeys(names, world.setup.steps)
        self._replicas = dict.fromkeys(names, world.setup.replicas)
        self._applied = dict.fromkeys(names, 0)

    def start(self) -> None:
        """Routes and templates are there before the operator is."""
        for name in self._world.setup.names:
            for kind, manifest in manifests.network(self._world.setup, name):
                self._puts(kind, manifest)
        template = manifests.analysis_template(self._world.setup)
        self._puts(manifests.ANALYSIS_TEMPLATE, template)

    def promote_all(self) -> int:
        """Every rollout that waits for a person goes on; how many did."""
        for name in self._world.setup.names:
            if ((self._world.rollout(name) or {}).get("spec") or {}).get("paused"):
                self.do_unpause(name)
        waiting = [
            name
            for name in self._world.setup.names
            if ((self._world.rollout(name) or {}).get("status") or {}).get("pauseConditions")
        ]
        for name in waiting:
            self.do_promote(name)
        return len(waiting)

    def _puts(self, kind: Kind, manifest: Json) -> Json:
        self._world.cluster.actor = "user"
        return self._world.cluster.put(kind, manifest)

    def _apply(self, name: str) -> None:
        """The user's manifest, each second time in other words; what isn't in it stays (I8)."""
        version = self._versions[name][-1]
        template = manifests.template(name, version)
        self._applied[name] += 1
        if self._applied[name] % 2 == 0:
            template = manifests.in_other_words(template)
        wanted = manifests.rollout(
            self._world.setup, name, template, self._steps[name], self._replicas[name]
        )
        if version.startswith("bad"):
            self._world.prometheus.bad.add(template_hash(template))
        if self._world.setup.scale_down:
            self._write_template(name, template)
        held = self._world.rollout(name)
        if held is None:
            wanted["metadata"]["creationTimestamp"] = format_instant(
                START + timedelta(seconds=self._world.now)
            )
            self._puts(ROLLOUT, wanted)
        elif "deletionTimestamp" not in held["metadata"]:
            kept = {
                key: held["spec"][key] for key in ("paused", "restartAt") if key in held["spec"]
            }
            self._puts(ROLLOUT, {**held, "spec": {**wanted["spec"], **kept}})
        self._world.judge.applied(name, template)

    def _write_template(self, name: str, template: Json) -> None:
        """Into the Deployment, whose size is left as it is; at first it serves everybody."""
        held = self._world.cluster.look(DEPLOYMENT, NAMESPACE, name)
        if held is None:
            replicas = self._replicas[name] if self._world.now == 0 else 0
            self._puts(DEPLOYMENT, manifests.deployment(name, template, replicas))
        else:
            self._puts(DEPLOYMENT, {**held, "spec": {**held["spec"], "template": template}})

    def do_scale_workload(self, name: str, replicas: int) -> None:
        """Somebody scales the Deployment."""
        held = self._world.cluster.look(DEPLOYMENT, NAMESPACE, name)
        if held is not None:
            self._puts(DEPLOYMENT, {**held, "spec": {**held["spec"], "replicas": replicas}})

    def do_touch_workload(self, name: str) -> None:
        """Somebody changes what isn't its template."""
        held = self._world.cluster.look(DEPLOYMENT, NAMESPACE, name)
        if held is not None:
            spec = {**held["spec"], "comment": f"edited at {self._world.now:g}"}
            self._puts(DEPLOYMENT, {**held, "spec": spec})

    def do_workload_gone(self, name: str, seconds: float) -> None:
        """Somebody deletes the Deployment; another one of that name comes, with the template."""
        held = self._world.cluster.look(DEPLOYMENT, NAMESPACE, name)
        if held is None:
            return
        self._world.cluster.actor = "user"
        self._world.cluster.remove(DEPLOYMENT, NAMESPACE, name)
        self._world.loop.later(seconds, self._workload_back, name)
        self._world.judge.disturbed(seconds + BACKOFF_SECONDS)

    def _workload_back(self, name: str) -> None:
        if self._world.cluster.look(DEPLOYMENT, NAMESPACE, name) is None:
            self._write_template(name, manifests.template(name, self._versions[name][-1]))

    def do_back(self, name: str, seconds: float) -> None:
        """From the rollout to its Deployment: scaled up, and after a while the rollout goes."""
        self.do_scale_workload(name, self._replicas[name])
        self._world.loop.later(seconds, self.do_delete, name)

    def do_apply(self, name: str, version: str) -> None:
        """A new version, or the first."""
        self._versions[name].append(version)
        self._apply(name)

    def do_rollback(self, name: str) -> None:
        """The version before."""
        if len(self._versions[name]) > 1:
            self._versions[name].append(self._versions[name][-2])
            self._apply(name)

    def do_scale(self, name: str, replicas: int) -> None:
        """By a person or an autoscaler."""
        self._replicas[name] = replicas
        if self._world.rollout(name) is not None:
            self._apply(name)

    def do_steps(self, name: str, steps: tuple[Step, ...]) -> None:
        """Other steps."""
        self._steps[name] = steps
        if self._world.rollout(name) is not None:
            self._apply(name)

    def do_delete(self, name: str) -> None:
        """The Rollout goes, and does not come back by itself."""
        self._world.cluster.actor = "user"
        if self._world.rollout(name) is not None:
            self._world.cluster.remove(ROLLOUT, NAMESPACE, name)

    def do_recreate(self, name: str, seconds: float) -> None:
        """The Rollout goes and comes back, as soon as it can."""
        self.do_delete(name)
        self._world.loop.later(seconds, self._come_back, name, 40)

    def _come_back(self, name: str, attempts: int) -> None:
        if self._world.rollout(name) is None and self._versions[name]:
            self._apply(name)
        elif attempts:
            self._world.loop.later(2, self._come_back, name, attempts - 1)

    def _verb(self, name: str, verb: verbs.Verb) -> None:
        """What the command line would write, at once on what it read."""
        found = self._world.rollout(name)
        if found is None:
            return
        decision = verb(found, manifests.KINDS.api_group)
        self._world.note("user", decision.said)
        if isinstance(decision, verbs.Write):
            self._world.cluster.actor = "user"
            for part, subresource in (
                ({"spec": decision.spec}, ""),
                ({"status": decision.status}, "status"),
            ):
                if any(part.values()):
                    at_once(
                        self._world.cluster.patch_merge(
                            ROLLOUT, NAMESPACE, name, part, subresource=subresource
                        )
                    )

    def do_hold(self, name: str, seconds: float) -> None:
        """Somebody pauses the rollout in its spec, and resumes it after a while."""
        self._verb(name, verbs_spec.pause)
        self._world.loop.later(seconds, self.do_unpause, name)

    def do_unpause(self, name: str) -> None:
        """See the command `resume`."""
        self._verb(name, verbs_spec.resume)

    def do_abort(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.abort)

    def do_promote(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.promote)

    def do_promote_full(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.promote_full)

    def do_retry(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.retry)

    def do_restart(self, name: str) -> None:
        """See the command. Where no pods are shown there is nothing to restart."""
        at = START + timedelta(seconds=int(self._world.now))
        if self._world.setup.pods_shown:
            self._verb(name, verbs_spec.restart(at))

    def _parts(self, name: str, part: str) -> list[tuple[Kind, Json]]:
        found = manifests.network(self._world.setup, name)
        if self._world.setup.router == PODS:
            return [] if part == "weights" else found
        return found[:1] if part == "weights" else found[1:]

    def _held(self, kind: Kind, manifest: Json) -> Json | None:
        """The object that a manifest made."""
        metadata = manifest["metadata"]
        return self._world.cluster.look(kind, metadata["namespace"], metadata["name"])

    def do_foreign_weight(self, name: str, weight: int) -> None:
        """Somebody else writes a weight."""
        setup = self._world.setup
        for kind, found in self._parts(name, "weights"):
            where = manifests.own(setup, name) or (kind, found["metadata"]["name"])
            space = found["metadata"]["namespace"]
            held = self._world.cluster.look(where[0], space, where[1])
            if held is not None:
                self._puts(kind, manifests.weighted(setup, name, held, weight))

    def do_foreign_field(self, name: str) -> None:
        """The user changes a field of the route that is the user's own."""
        for kind, manifest in manifests.network(self._world.setup, name):
            held = self._held(kind, manifest)
            if held is not None:
                labels = {**held["metadata"]["labels"], "edited": f"{self._world.now:g}"}
                spec = {**held["spec"], "comment": f"edited at {self._world.now:g}"}
                metadata = {**held["metadata"], "labels": labels}
                self._puts(kind, {**held, "metadata": metadata, "spec": spec})

    def do_drift(self, name: str) -> None:
        """The user applies the route's manifests again, as they were at first."""
        for kind, manifest in manifests.network(self._world.setup, name):
            held = self._held(kind, manifest)
            kept = {"status": held["status"]} if held and "status" in held else {}
            self._puts(kind, {**manifest, **kept})

    def do_route_gone(self, name: str, part: str, seconds: float) -> None:
        """The user deletes a part of the route, and puts it back as it was at first."""
        parts = self._parts(name, part)
        self._world.cluster.actor = "user"
        for kind, manifest in parts:
            if self._held(kind, manifest) is not None:
                metadata = manifest["metadata"]
                self._world.cluster.remove(kind, metadata["namespace"], metadata["name"])
        self._world.loop.later(seconds, self._put_back, parts)
        self._world.judge.disturbed(seconds + BACKOFF_SECONDS)

    def _put_back(self, parts: list[tuple[Kind, Json]]) -> None:
        for kind, manifest in parts:
            if self._held(kind, manifest) is None:
                self._puts(kind, manifest)

    def do_withdraw(self, name: str, seconds: float) -> None:
        """The owner of the route's namespace doesn't allow the rollout any more, for a while."""
        self._permit(name, allowed=False)
        self._world.loop.later(seconds, partial(self._permit, name, allowed=True))
        self._world.judge.disturbed(seconds + BACKOFF_SECONDS)

    def _permit(self, name: str, *, allowed: bool) -> None:
        held = self._world.cluster.look(VIRTUAL_SERVICE, manifests.ELSEWHERE, name)
        if held is None:
            return
        annotations = dict(held["metadata"].get("annotations") or {})
        annotations.pop(manifests.ALLOWED_FROM, None)
        if allowed:
            annotations[manifests.ALLOWED_FROM] = NAMESPACE
        self._puts(
            VIRTUAL_SERVICE, {**held, "metadata": {**held["metadata"], "annotations": annotations}}
        )
