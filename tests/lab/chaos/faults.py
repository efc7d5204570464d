"""What is done to a run: each fault breaks one thing, puts it back, and notes from when to when."""

import asyncio
import contextlib
import copy
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.lab.chaos.history import Fault, FaultKind, Json
from tests.lab.chaos.mesh import Mesh
from tests.lab.chaos.recorder import Recorder
from tests.lab.chaos.replica import Replica
from tests.lab.chaos.users import insist
from tests.lab.component import Component
from tests.lab.kube import Objects
from tests.lab.kube_errors import NotFound
from tests.lab.lab import Lab
from tests.lab.shop import NAME, Router, Shop

_KUBECTL: Final = {
    "virtualservices": "virtualservice.networking.istio.io",
    "destinationrules": "destinationrule.networking.istio.io",
    "httproutes": "httproute.gateway.networking.k8s.io",
    "services": "service",
    "rollouts": "rollout.davy.dev",
}
"""Plurals, and how kubectl takes them."""

_OURS: Final = ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields")
"""What a backup of an object leaves out."""

_LOOK_SECONDS: Final = 0.1
_MARK: Final = "chaos.example/edit"


@dataclass
class Faults:
    """Everything that can be broken, and the account of what was."""

    lab: Lab
    replicas: Sequence[Replica]
    shops: Sequence[Shop]
    recorder: Recorder
    mesh: Mesh
    outage_seconds: tuple[float, float]
    absent_seconds: tuple[float, float]
    done: list[Fault] = field(default_factory=list)
    """All faults so far, in the order of their starts."""

    def count(self, kind: FaultKind) -> int:
        """How many of a kind there were so far."""
        return sum(fault.kind is kind for fault in self.done)

    # -- the operator -------------------------------------------------------------------------

    async def somebody_leads(self) -> None:
        """Return when a replica leads."""
        while True:
            if any([await replica.leads() for replica in self.replicas]):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def kill_operator(self, chance: random.Random) -> None:
        """SIGKILL at once, mostly started again at once; may hit it while it starts."""
        pause = 0.0 if chance.random() < 0.8 else chance.uniform(0.5, 6.0)
        replica = await self._a_replica(chance)
        if not replica.process.running:
            return  # waits to be started
        last, replica.down = replica.down, self._begin(FaultKind.KILL_OPERATOR, replica.name)
        if last is not None:
            last.end = replica.down.start
        await replica.kill(pause)

    async def freeze_operator(self, chance: random.Random) -> None:
        """SIGSTOP in the middle of whatever it does; SIGCONT, and it goes on as if nothing was."""
        seconds = chance.uniform(0.5, 10.0)
        replica = await self._a_replica(chance)
        if not replica.process.running:
            return
        async with self._noted(FaultKind.FREEZE_OPERATOR, replica.name):
            replica.process.freeze()
            await asyncio.sleep(seconds)
            replica.process.thaw()

    async def cut_connections(self, chance: random.Random) -> None:
        """All its connections to the API server are reset, watches and calls under way."""
        replica = await self._a_replica(chance)
        async with self._noted(FaultKind.CUT, replica.name):
            replica.relay.cut()

    async def hold_connections(self, chance: random.Random) -> None:
        """Nothing gets through to the API server or back, and nobody is told."""
        seconds = chance.uniform(0.5, 8.0)
        replica = await self._a_replica(chance)
        async with self._noted(FaultKind.HOLD, replica.name), replica.relay.held():
            await asyncio.sleep(seconds)

    # -- the components -----------------------------------------------------------------------

    async def outage(self, chance: random.Random) -> None:
        """One component is stopped, killed or frozen for a while, then ready again."""
        lab = self.lab
        component = chance.choice((lab.apiserver, lab.etcd, lab.istiod, lab.prometheus))
        how = chance.choice((_stopped, _killed, _frozen))
        shortest, longest = self.outage_seconds
        seconds = chance.triangular(shortest, longest, shortest)
        async with self._noted(FaultKind.OUTAGE, component.name) as fault, how(component):
            await asyncio.sleep(seconds)
        if component is not lab.prometheus:
            await self.mesh.hears()
            fault.heard = datetime.now(UTC)

    # -- pods ---------------------------------------------------------------------------------

    async def kill_pod(self, chance: random.Random) -> None:
        """A pod's process dies at once; the node starts it again, in the same pod."""
        await self._on_a_pod(chance, FaultKind.KILL_POD, _kill_process)

    async def remove_pod(self, chance: random.Random) -> None:
        """A pod goes at once and without a word, as with its node."""
        await self._on_a_pod(chance, FaultKind.REMOVE_POD, self._remove)

    async def evict_pod(self, chance: random.Random) -> None:
        """A pod is asked to go: it drains, nobody may notice."""
        await self._on_a_pod(chance, FaultKind.EVICT_POD, self._evict)

    # -- routes -------------------------------------------------------------------------------

    async def delete_route(self, chance: random.Random) -> None:
        """A route, DestinationRule or Service is deleted, and comes back after a while.

        It comes back as it was (from a backup) or as the user wrote it (from Git).
        """
        shop = chance.choice(self.shops)
        manifest = chance.choice(shop.network())
        from_git = chance.random() < 0.5
        seconds = chance.uniform(*self.absent_seconds)
        plural, name = f"{manifest['kind'].lower()}s", manifest["metadata"]["name"]
        held = self.recorder.find(shop.namespace, plural, name)
        if held is None:
            return
        restored = manifest if from_git else _backup(held)
        kind = _KUBECTL[plural]
        async with self._noted(FaultKind.DELETE_ROUTE, plural, shop.namespace):
            await insist(
                # This one: a deletion whose answer was lost may come after the restoration.
                lambda: self.lab.kube.delete(
                    kind, name, namespace=shop.namespace, uid=held["metadata"]["uid"]
                )
            )
            await asyncio.sleep(seconds)
            await insist(lambda: self.lab.kube.apply(restored, namespace=shop.namespace))

    async def reset_route(self, chance: random.Random) -> None:
        """A GitOps tool applies Services and route as they are in Git: 100 to 0."""
        shop = chance.choice(self.shops)
        async with self._noted(FaultKind.RESET_ROUTE, str(shop.router), shop.namespace):
            await insist(lambda: self.lab.apply(shop.network(), namespace=shop.namespace))

    async def edit_weight(self, chance: random.Random) -> None:
        """Somebody writes a weight of their own into the route."""
        shop, weight = chance.choice(self.shops), chance.randint(0, 100)
        gateway = shop.router is Router.GATEWAY_API
        path = "/spec/rules/0/backendRefs" if gateway else "/spec/http/0/route"
        change = [
            {"op": "replace", "path": f"{path}/0/weight", "value": 100 - weight},
            {"op": "replace", "path": f"{path}/1/weight", "value": weight},
        ]
        async with self._noted(FaultKind.EDIT_WEIGHT, f"canary {weight}", shop.namespace):
            await self._patch(shop, _route_of(shop), change)

    async def edit_field(self, chance: random.Random) -> None:
        """Somebody edits a field that is none of Davy's, so that its own next write meets it."""
        shop, number = chance.choice(self.shops), chance.randint(1, 10**6)
        plural = chance.choice((_route_of(shop), "rollouts"))
        found = self.recorder.find(shop.namespace, plural, NAME)
        if found is None:
            return
        annotations = {**(found["metadata"].get("annotations") or {}), _MARK: str(number)}
        change: Objects = [{"op": "add", "path": "/metadata/annotations", "value": annotations}]
        if plural == "virtualservices":
            change = [{"op": "add", "path": "/spec/http/0/timeout", "value": f"{number % 9 + 9}s"}]
        async with self._noted(FaultKind.EDIT_FIELD, plural, shop.namespace):
            await self._patch(shop, plural, change)

    # -- beneath ------------------------------------------------------------------------------

    def _begin(self, kind: FaultKind, target: str, namespace: str = "") -> Fault:
        fault = Fault(kind, target, datetime.now(UTC), namespace=namespace)
        self.done.append(fault)
        return fault

    @contextlib.asynccontextmanager
    async def _noted(
        self, kind: FaultKind, target: str, namespace: str = ""
    ) -> AsyncIterator[Fault]:
        fault = self._begin(kind, target, namespace)
        try:
            yield fault
        finally:
            fault.end = datetime.now(UTC)

    async def _a_replica(self, chance: random.Random) -> Replica:
        """The one that leads, mostly; any where that isn't known."""
        any_of_them, wants_leader = chance.choice(self.replicas), chance.random() < 0.8
        if wants_leader and len(self.replicas) > 1:
            for replica in self.replicas:
                if await replica.leads():
                    return replica
        return any_of_them

    async def _on_a_pod(
        self, chance: random.Random, kind: FaultKind, action: Callable[[Json], object]
    ) -> None:
        shop, place = chance.choice(self.shops), chance.random()
        pods = [
            pod
            for pod in self.recorder.all(shop.namespace, "pods")
            if _is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]
        if not pods:
            return
        pods.sort(key=lambda pod: str(pod["metadata"]["name"]))
        pod = pods[int(place * len(pods))]
        async with self._noted(kind, pod["metadata"]["name"], shop.namespace) as fault:
            fault.address = pod["status"]["podIP"]
            doing = action(pod)
            if asyncio.iscoroutine(doing):
                await doing

    async def _remove(self, pod: Json) -> None:
        await self._delete_pod(pod, grace_seconds=0)
        _kill_process(pod)

    async def _evict(self, pod: Json) -> None:
        await self._delete_pod(pod, grace_seconds=None)

    async def _delete_pod(self, pod: Json, *, grace_seconds: int | None) -> None:
        metadata = pod["metadata"]
        with contextlib.suppress(NotFound):
            await insist(
                lambda: self.lab.kube.delete(
                    "pod",
                    metadata["name"],
                    namespace=metadata["namespace"],
                    grace_seconds=grace_seconds,
                )
            )

    async def _patch(self, shop: Shop, plural: str, change: Objects) -> None:
        """Patch the object of the shop's name; nothing where it is away just now."""
        with contextlib.suppress(NotFound):
            await insist(
                lambda: self.lab.kube.patch(
                    _KUBECTL[plural], NAME, change, namespace=shop.namespace, patch="json"
                )
            )


@contextlib.asynccontextmanager
async def _killed(component: Component) -> AsyncIterator[None]:
    await component.kill()
    try:
        yield
    finally:
        await component.start()


def _stopped(component: Component) -> contextlib.AbstractAsyncContextManager[None]:
    return component.stopped()


def _frozen(component: Component) -> contextlib.AbstractAsyncContextManager[None]:
    return component.frozen()


def _route_of(shop: Shop) -> str:
    return "httproutes" if shop.router is Router.GATEWAY_API else "virtualservices"


def _backup(found: Json) -> Json:
    """The object as it can be applied again."""
    kept = copy.deepcopy(found)
    for name in _OURS:
        kept["metadata"].pop(name, None)
    kept.pop("status", None)
    for name in ("clusterIP", "clusterIPs"):
        kept["spec"].pop(name, None)
    return kept


def _is_ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _kill_process(pod: Json) -> None:
    """SIGKILL to every process of a pod; they all have its address in their environment."""
    mark = f"POD_IP={pod['status']['podIP']}\0".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
