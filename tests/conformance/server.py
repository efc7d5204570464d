"""A server as the suite sees it: Davy's own calls, a watch, and patience."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from davy.cluster.client import Api, Json
from davy.cluster.kinds import Kind
from tests.conformance.samples import Sample
from tests.lab.lab import Lab
from tests.sim.cluster import Change, Cluster


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
