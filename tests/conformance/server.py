"""A server as the suite sees it: Davy's own calls, a watch, and patience."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from davy.api import errors
from davy.cluster.client import Api, Json, connect
from davy.cluster.kinds import Kind
from tests.conformance.samples import KINDS, ROLLOUT, ROUTE, RUN, SETS, Sample
from tests.lab.lab import Lab
from tests.sim.cluster import Change, Cluster

_VERBS = ("get", "list", "watch", "create", "patch", "delete")


@dataclass
class Watch:
    """What a watch has told, oldest first, as (type, object)."""

    events: list[tuple[str, Json]] = field(default_factory=list)

    def of(self, name: str) -> list[tuple[str, Json]]:
        """What it told of one object."""
        return [event for event in self.events if event[1]["metadata"].get("name") == name]

    def types(self, name: str) -> list[str]:
        """The types of these events alone."""
        return [type_ for type_, _ in self.of(name)]


class Server(Protocol):
    """One of the two."""

    @property
    def api(self) -> Api:
        """Davy's own calls."""

    @property
    def namespace(self) -> str:
        """Of this test alone."""

    async def until(self, true: Callable[[], Awaitable[object]], what: str) -> None:
        """Return when it is true; other components may need a while for it."""

    def watching(self, kind: Kind) -> AbstractAsyncContextManager[Watch]:
        """A watch of the namespace from now on."""

    async def settled(self, sample: Sample, name: str) -> Json:
        """The object, when no other component will write it any more."""

    def account(self, resource: str, *verbs: str) -> AbstractAsyncContextManager[Api]:
        """The calls of somebody who may do this and nothing else.

        Args:
            resource: `rollouts` or `rollouts/status`, of Davy's group.
            verbs: as RBAC names them.
        """


async def create(server: Server, sample: Sample, name: str, **metadata: object) -> Json:
    """A sample, created and settled."""
    manifest = sample.manifest(server.namespace, name, **metadata)
    await server.api.create(sample.kind, server.namespace, manifest)
    return await server.settled(sample, name)


@dataclass
class Simulated:
    """The simulation's cluster."""

    cluster: Cluster = field(default_factory=Cluster)
    namespace: str = "shop"

    @property
    def api(self) -> Api:
        return self.cluster

    async def until(self, true: Callable[[], Awaitable[object]], what: str) -> None:
        assert await true(), what

    @asynccontextmanager
    async def watching(self, kind: Kind) -> AsyncIterator[Watch]:
        watch = Watch()

        def told(change: Change) -> None:
            if change.kind == kind and change.object["metadata"]["namespace"] == self.namespace:
                watch.events.append((change.type, change.object))

        self.cluster.watch(told)
        yield watch

    async def settled(self, sample: Sample, name: str) -> Json:
        return await self.api.get(sample.kind, self.namespace, name)

    @asynccontextmanager
    async def account(self, resource: str, *verbs: str) -> AsyncIterator[Api]:
        plural = resource.partition("/")[0]
        resources = (plural, f"{plural}/status")
        self.cluster.denied = {(verb, each) for each in resources for verb in _VERBS}
        self.cluster.denied -= {(verb, resource) for verb in verbs}
        yield self.cluster


@dataclass
class Real:
    """The lab's API server, asked through Davy's client."""

    api: Api
    namespace: str
    lab: Lab

    async def until(self, true: Callable[[], Awaitable[object]], what: str) -> None:
        # The garbage collector learns of new kinds every 30 s.
        await self.lab.until(true, timeout=90, describe=what, namespace=self.namespace)

    @asynccontextmanager
    async def watching(self, kind: Kind) -> AsyncIterator[Watch]:
        since = (await self.api.list(kind, self.namespace, selector="")).resource_version
        watch = Watch()

        async def listen() -> None:
            async for event in self.lab.kube.watch(
                kind.resource, namespace=self.namespace, since=since
            ):
                watch.events.append(event)

        task = asyncio.create_task(listen())
        try:
            yield watch
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def settled(self, sample: Sample, name: str) -> Json:
        found: list[Json] = []

        async def is_so() -> bool:
            found[:] = [await self.api.get(sample.kind, self.namespace, name)]
            status = found[0].get("status") or {}
            match sample.kind.kind:
                case "ReplicaSet":
                    generation: object = found[0]["metadata"]["generation"]
                    return generation == status.get("observedGeneration")
                case "HTTPRoute":
                    return "parents" in status
            return True

        await self.until(is_so, f"{sample.kind} {name} was taken in by its controller")
        return found[0]

    @asynccontextmanager
    async def account(self, resource: str, *verbs: str) -> AsyncIterator[Api]:
        name, rights = "somebody", "rbac.authorization.k8s.io"
        rule = {"apiGroups": [KINDS.rollout.group], "resources": [resource], "verbs": [*verbs]}
        documents: list[Json] = [
            {"apiVersion": "v1", "kind": "ServiceAccount"},
            {"apiVersion": f"{rights}/v1", "kind": "Role", "rules": [rule]},
            {
                "apiVersion": f"{rights}/v1",
                "kind": "RoleBinding",
                "roleRef": {"apiGroup": rights, "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name}],
            },
        ]
        for document in documents:
            named = {**document, "metadata": {"name": name}}
            await self.lab.kube.create(named, namespace=self.namespace)
        path = await self.lab.service_account_kubeconfig(self.namespace, name)
        api = await connect(str(path), timeout=15)
        _, _, subresource = resource.partition("/")

        async def is_granted() -> bool:
            return await api.allowed(
                verbs[0], KINDS.rollout, self.namespace, subresource=subresource
            )

        try:
            await self.until(is_granted, f"{resource} is granted to {name}")
            yield api
        finally:
            await api.close()

    async def let_go(self) -> None:
        """Nothing is held any more: the namespace can go, and no controller works in it.

        Asked again while the API server still makes a new CRD's storage.
        """
        await self.lab.until(self._let_go, describe="the objects are let go")

    async def _let_go(self) -> bool:
        none = [{"op": "add", "path": "/metadata/finalizers", "value": []}]
        for sample in (ROLLOUT, ROUTE, SETS, RUN):
            try:
                found = await self.api.list(sample.kind, self.namespace, selector="")
            except errors.Unreachable:
                return False
            for metadata in (each["metadata"] for each in found.items):
                if metadata.get("finalizers"):
                    await self.api.patch_json(sample.kind, self.namespace, metadata["name"], none)
        return True
