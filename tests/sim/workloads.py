"""ReplicaSets and their pods: slow and failing starts, flapping, evictions, quotas.

How a pod behaves is in its template's version: `good-2` starts in time, `slow-3` in eight times
that, `broken-4` never, `flapping-5` is unready now and then, `bad-6` runs but answers with errors.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from davy.cluster.client import Json
from davy.cluster.kinds import POD, REPLICA_SET
from tests.sim.cluster import GONE, Change, Cluster
from tests.sim.loop import VirtualLoop
from tests.sim.manifests import NAMESPACE, version_of
from tests.sim.schedule import Setup

_ME: Final = "replicaset controller"
_FLAP_SECONDS: Final = 15.0
_FLAPS: Final = 6
"""A flapping pod calms down after so many times, so that every run comes to rest."""


@dataclass
class Pod:
    """One pod."""

    name: str
    ready_since: float | None = None
    """None: it isn't ready."""
    flaps: int = 0


@dataclass
class Workload:
    """What the controller knows of one ReplicaSet."""

    name: str
    version: str
    pods: list[Pod] = field(default_factory=list)
    observed: int = 0
    """The generation that the pods belong to."""
    made: int = 0
    refused: bool = False
    """The quota kept pods from being made."""
    publishing: bool = False


class Workloads:
    """The ReplicaSet controller, the kubelets and what befalls them."""

    def __init__(
        self,
        *,
        loop: VirtualLoop,
        cluster: Cluster,
        setup: Setup,
        chance: Random,
        note: Callable[[str, str], None],
    ) -> None:
        self._loop = loop
        self._cluster = cluster
        self._setup = setup
        self._chance = chance
        self._note = note
        self._sets: dict[str, Workload] = {}
        self.quota = False
        """No pod can be made."""
        self.calm = False
        """Nothing befalls pods any more."""
        self.started_at = 0.0
        """When the last of the pods that are starting has started (seconds of the run)."""
        cluster.watch(self._told)

    def evict(self, rollout: str, count: int) -> None:
        """Some pods of a rollout are gone at once; others follow them."""
        ready = [
            (workload, pod)
            for workload in self._sets.values()
            if workload.name.partition("-")[0] == rollout
            for pod in workload.pods
        ]
        for workload, pod in self._chance.sample(ready, min(count, len(ready))):
            self._note(_ME, f"pod {pod.name} is evicted")
            self._remove(workload, pod)
            self._loop.later(self._chance.uniform(0.01, 0.3), self._sync, workload.name)

    def lose_node(self, seconds: float) -> None:
        """Every second pod is unready for a while, then replaced."""
        for workload in self._sets.values():
            for pod in workload.pods[::2]:
                pod.ready_since = None
                self._shows_ready(pod, ready=False)
                self._note(_ME, f"pod {pod.name} is lost with its node")
                self._loop.later(seconds, self._replace, workload.name, pod)
            self._publish_soon(workload)

    def set_quota(self, *, full: bool) -> None:
        """No pod can be made, or every one again."""
        self.quota = full
        for name in self._sets:
            self._loop.later(0.1, self._sync, name)

    def _told(self, change: Change) -> None:
        if change.kind == POD and change.type == GONE and change.by != _ME:
            self._gone(change.object["metadata"]["name"])
        if change.kind != REPLICA_SET:
            return
        name = change.object["metadata"]["name"]
        if change.type == GONE:
            for pod in [*self._sets[name].pods]:
                self._remove(self._sets[name], pod)
            del self._sets[name]
            return
        if name not in self._sets:
            version = version_of(change.object["spec"]["template"])
            self._sets[name] = Workload(name, version)
        workload = self._sets[name]
        if workload.observed != change.object["metadata"]["generation"]:
            self._loop.later(self._chance.uniform(0.005, 0.3), self._sync, name)

    def _gone(self, name: str) -> None:
        """Somebody removed a pod: another one follows it."""
        for workload in self._sets.values():
            for pod in [found for found in workload.pods if found.name == name]:
                workload.pods.remove(pod)
                self._publish_soon(workload)
                self._loop.later(self._chance.uniform(0.01, 0.3), self._sync, workload.name)

    def _sync(self, name: str) -> None:
        """As many pods as wanted."""
        workload = self._sets.get(name)
        found = self._cluster.look(REPLICA_SET, NAMESPACE, name)
        if workload is None or found is None:
            return
        wanted = found["spec"].get("replicas", 1)
        workload.refused = self.quota and len(workload.pods) < wanted
        while len(workload.pods) < wanted and not self.quota:
            self._start(workload, found)
        surplus = sorted(workload.pods, key=lambda pod: (pod.ready_since is not None, pod.name))
        for pod in surplus[: max(0, len(workload.pods) - wanted)]:
            self._remove(workload, pod)
        workload.observed = found["metadata"]["generation"]
        self._publish_soon(workload)

    def _start(self, workload: Workload, found: Json) -> None:
        workload.made += 1
        pod = Pod(f"{workload.name}-{workload.made}")
        workload.pods.append(pod)
        kind = workload.version.partition("-")[0]
        if self._setup.pods_shown:
            self._show(workload, pod, found, "ErrImagePull" if kind == "broken" else "")
        if kind == "broken":
            return
        seconds = self._setup.pod_start * self._chance.uniform(0.5, 1.5)
        seconds *= 8 if kind == "slow" else 1
        self.started_at = max(self.started_at, self._loop.time() + seconds)
        self._loop.later(seconds, self._ready, workload.name, pod)

    def _show(self, workload: Workload, pod: Pod, found: Json, waiting: str) -> None:
        owner: Json = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": workload.name}
        owner |= {"uid": found["metadata"]["uid"], "controller": True}
        template = found["spec"]["template"]["metadata"]
        state: Any = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
        self._cluster.actor = _ME
        self._cluster.put(
            POD,
            {
                "metadata": {
                    "namespace": NAMESPACE,
                    "name": pod.name,
                    "labels": dict(template["labels"]),
                    "annotations": dict(template.get("annotations") or {}),
                    "ownerReferences": [owner],
                    **({"creationTimestamp": self._cluster.now()} if self._cluster.now else {}),
                },
                "status": {"phase": "Pending", "containerStatuses": [{"state": state}]},
            },
        )

    def _shows_ready(self, pod: Pod, *, ready: bool) -> None:
        held = self._cluster.look(POD, NAMESPACE, pod.name)
        if held is None:
            return
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        self._cluster.actor = _ME
        status = {**held["status"], "phase": "Running", "conditions": [condition]}
        self._cluster.put(POD, {**held, "status": status})

    def _ready(self, name: str, pod: Pod) -> None:
        workload = self._sets.get(name)
        if workload is None or pod not in workload.pods or pod.ready_since is not None:
            return
        pod.ready_since = self._loop.time()
        self._shows_ready(pod, ready=True)
        if self._setup.min_ready:
            self._loop.later(self._setup.min_ready, self._publish_soon, workload)
        flaps = workload.version.startswith("flapping") and pod.flaps < _FLAPS
        if flaps and not self.calm:
            self._loop.later(_FLAP_SECONDS * self._chance.uniform(0.3, 1), self._flap, name, pod)
        self._publish_soon(workload)

    def _flap(self, name: str, pod: Pod) -> None:
        workload = self._sets.get(name)
        if workload is None or pod not in workload.pods or self.calm:
            return
        pod.ready_since = None
        self._shows_ready(pod, ready=False)
        pod.flaps += 1
        self._loop.later(self._chance.uniform(0.2, 4), self._ready, name, pod)
        self._publish_soon(workload)

    def _replace(self, name: str, pod: Pod) -> None:
        workload = self._sets.get(name)
        if workload is not None and pod in workload.pods:
            self._remove(workload, pod)
            self._sync(name)

    def _remove(self, workload: Workload, pod: Pod) -> None:
        workload.pods.remove(pod)
        if self._setup.pods_shown and self._cluster.look(POD, NAMESPACE, pod.name):
            self._cluster.actor = _ME
            self._cluster.remove(POD, NAMESPACE, pod.name)
        self._publish_soon(workload)

    def _publish_soon(self, workload: Workload) -> None:
        if not workload.publishing:
            workload.publishing = True
            self._loop.later(self._chance.uniform(0.001, 0.05), self._publish, workload)

    def _publish(self, workload: Workload) -> None:
        workload.publishing = False
        found = self._cluster.look(REPLICA_SET, NAMESPACE, workload.name)
        if found is None or self._sets.get(workload.name) is not workload:
            return
        patience = found["spec"].get("minReadySeconds") or 0
        now = self._loop.time()
        ready = [pod.ready_since for pod in workload.pods if pod.ready_since is not None]
        status: Json = {
            "replicas": len(workload.pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(now - since >= patience - 1e-6 for since in ready),
            "observedGeneration": workload.observed,
        }
        if patience and len(ready) > status["availableReplicas"]:
            self._loop.later(patience, self._publish_soon, workload)
        if workload.refused:
            status["conditions"] = [
                {
                    "type": "ReplicaFailure",
                    "status": "True",
                    "reason": "FailedCreate",
                    "message": "exceeded quota: pods",
                }
            ]
        if found.get("status") != status:
            self._cluster.actor = _ME
            self._cluster.put(REPLICA_SET, {**found, "status": status})
