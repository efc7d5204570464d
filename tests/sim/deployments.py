"""Deployments that Rollouts take their template from, and their controller.

Of a Deployment's pods only counts are told: nothing here looks at them one by one. A template's
version says how they behave, as for those of ReplicaSets (see `workloads`); when it changes they
are replaced one after the other, a new one first; those that never got ready go at once.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from davy.cluster.kinds import DEPLOYMENT
from tests.sim.cluster import GONE, Change, Cluster
from tests.sim.loop import VirtualLoop
from tests.sim.manifests import NAMESPACE, version_of
from tests.sim.schedule import Setup

_ME: Final = "deployment controller"


@dataclass
class _Pod:
    version: str
    ready: bool = False


@dataclass
class _Deployment:
    pods: list[_Pod] = field(default_factory=list)
    observed: int = 0


class Deployments:
    """The Deployment controller and the kubelets of its pods."""

    def __init__(
        self, *, loop: VirtualLoop, cluster: Cluster, setup: Setup, chance: Random
    ) -> None:
        self._loop = loop
        self._cluster = cluster
        self._setup = setup
        self._chance = chance
        self._held: dict[str, _Deployment] = {}
        cluster.watch(self._told)

    def _told(self, change: Change) -> None:
        if change.kind != DEPLOYMENT or change.by == _ME:
            return
        name = change.object["metadata"]["name"]
        if change.type == GONE:
            self._held.pop(name, None)
            return
        if name not in self._held:
            self._held[name] = self._begins(change)
        self._loop.later(self._chance.uniform(0.005, 0.3), self._sync, name)

    def _begins(self, change: Change) -> _Deployment:
        """One that is there from the start has served for long."""
        spec = change.object["spec"]
        old = spec["replicas"] if self._loop.time() == 0 else 0
        return _Deployment([_Pod(version_of(spec["template"]), ready=True) for _ in range(old)])

    def _sync(self, name: str) -> None:
        found = self._cluster.look(DEPLOYMENT, NAMESPACE, name)
        held = self._held.get(name)
        if found is None or held is None:
            return
        version, wanted = version_of(found["spec"]["template"]), found["spec"]["replicas"]
        held.pods = [pod for pod in held.pods if pod.ready or pod.version == version]
        older = [pod for pod in held.pods if pod.version != version]
        spare = len(held.pods) - wanted - (1 if older and wanted else 0)
        for pod in sorted(held.pods, key=lambda pod: (pod.ready, pod.version == version)):
            if spare > 0:
                held.pods.remove(pod)
                spare -= 1
        older = [pod for pod in held.pods if pod.version != version]
        while len(held.pods) < wanted + (1 if older else 0):
            self._start(name, held, version)
        held.observed = found["metadata"]["generation"]
        self._loop.later(self._chance.uniform(0.001, 0.05), self._publish, name)

    def _start(self, name: str, held: _Deployment, version: str) -> None:
        pod = _Pod(version)
        held.pods.append(pod)
        if version.startswith("broken"):
            return
        seconds = self._setup.pod_start * self._chance.uniform(0.5, 1.5)
        seconds *= 8 if version.startswith("slow") else 1
        self._loop.later(seconds, self._ready, name, held, pod)

    def _ready(self, name: str, held: _Deployment, pod: _Pod) -> None:
        """A new one is there: one of the older ones goes."""
        if self._held.get(name) is not held or pod not in held.pods:
            return
        pod.ready = True
        older = [found for found in held.pods if found.version != pod.version]
        if older:
            held.pods.remove(older[0])
        self._sync(name)

    def _publish(self, name: str) -> None:
        found = self._cluster.look(DEPLOYMENT, NAMESPACE, name)
        held = self._held.get(name)
        if found is None or held is None:
            return
        version = version_of(found["spec"]["template"])
        status = {
            "observedGeneration": held.observed,
            "replicas": len(held.pods),
            "updatedReplicas": sum(pod.version == version for pod in held.pods),
            "availableReplicas": sum(pod.ready for pod in held.pods),
        }
        if found.get("status") != status:
            self._cluster.actor = _ME
            self._cluster.put(DEPLOYMENT, {**found, "status": status})
