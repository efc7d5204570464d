"""Between one process and the API server: latency, refusals, lost answers, late arrivals.

A request is carried by timers of its own, not by the task that waits for it: what is under way when
the process dies or is stopped may still arrive.
"""

from asyncio import Future
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, Protocol, TypeVar

from davy.api import errors
from davy.cluster.client import Json
from davy.cluster.kinds import JOB, POD, REPLICA_SET, Kind
from davy.cluster.listing import Listing
from tests.sim import older
from tests.sim.cluster import Call, Cluster
from tests.sim.loop import VirtualLoop
from tests.sim.manifests import ROLLOUT, ROUTE_KINDS

_Answer = TypeVar("_Answer")
_KINDS: Final = {"route": ROUTE_KINDS, "jobs": {JOB}, "replicasets": {REPLICA_SET}}
TIMEOUT_SECONDS: Final = 15.0
"""The client gives a request up after so long."""


@dataclass(frozen=True)
class Weather:
    """A fault for a while."""

    mode: str
    """busy: 429 with Retry-After. error: 500. timeout: it never arrives. lost: it is served, the
    answer never comes. late: the client gives up, later it is served. slow: it takes seconds.
    conflict: 409. outage: no connection."""
    where: str
    """Which requests: all, reads, writes, status, route, jobs, replicasets."""
    share: float
    """Of these requests."""

    def concerns(self, call: Call) -> bool:
        """Whether a request may meet it."""
        writes = call.verb not in {"get", "list"}
        match self.where:
            case "all":
                return True
            case "reads":
                return not writes
            case "writes":
                return writes
            case "status":
                return writes and call.subresource == "status"
            case _:
                return call.kind in _KINDS[self.where]


class Side(Protocol):
    """The process on this end of the wire."""

    name: str
    alive: bool

    def wakes(self, call: Callable[..., None], *arguments: object) -> None:
        """Do something in the process: now, or when it goes on after a stop; never if it died."""

    def leaves(self, call: Call) -> None:
        """A request is about to be sent; the process may be stopped just before."""

    def sends(self, call: Call) -> None:
        """A request leaves."""

    def serves(self, call: Call) -> None:
        """The server works on it now."""

    def served(self, call: Call, *, error: Exception | None) -> None:
        """The server is through with it."""


class Network:
    """`Api` for one process."""

    def __init__(
        self,
        *,
        side: Side,
        loop: VirtualLoop,
        cluster: Cluster,
        chance: Random,
        latency: float,
        weathers: Sequence[Weather],
        is_older: bool,
    ) -> None:
        self._side = side
        self._loop = loop
        self._cluster = cluster
        self._chance = chance
        self._latency = latency
        self._is_older = is_older
        self._weathers = weathers
        """Shared with the world, which changes it."""
        self.landing = True
        """Requests under way arrive; turned off when a process dies with its packets unsent."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """See `Api.get`."""
        call = Call("get", kind, namespace, name)
        return self._read(
            kind, await self._send(call, lambda: self._cluster.get(kind, namespace, name))
        )

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str | None = None
    ) -> Listing:
        """See `Api.list`."""
        call = Call("list", kind, namespace, None)
        found = await self._send(
            call, lambda: self._cluster.list(kind, namespace, selector=selector)
        )
        return replace(found, items=tuple(self._read(kind, each) for each in found.items))

    async def batches(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Listing]:
        """See `Api.batches`."""
        yield await self.list(kind, namespace)

    async def create(self, kind: Kind, namespace: str, body: Json, *, strict: bool = False) -> Json:
        """See `Api.create`."""
        call = Call("create", kind, namespace, body["metadata"]["name"], body)
        return await self._send(
            call, lambda: self._cluster.create(kind, namespace, body, strict=strict)
        )

    async def patch_json(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Json]
    ) -> Json:
        """See `Api.patch_json`."""
        call = Call("patch", kind, namespace, name, operations)
        return await self._send(
            call, lambda: self._cluster.patch_json(kind, namespace, name, operations)
        )

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """See `Api.patch_merge`."""
        if self._is_older and kind == ROLLOUT and subresource:
            body = older.written(body)
        call = Call("patch", kind, namespace, name, body, subresource)
        made = await self._send(
            call,
            lambda: self._cluster.patch_merge(kind, namespace, name, body, subresource=subresource),
        )
        return self._read(kind, made)

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str, version: str | None = None
    ) -> None:
        """See `Api.delete`."""
        call = Call("delete", kind, namespace, name)
        await self._send(
            call, lambda: self._cluster.delete(kind, namespace, name, uid=uid, version=version)
        )

    async def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """See `Api.evict`."""
        call = Call("create", POD, namespace, name, "eviction")
        await self._send(call, lambda: self._cluster.evict(namespace, name, uid=uid))

    async def served(self, group: str, version: str) -> frozenset[str]:
        """See `Api.served`."""
        return await self._cluster.served(group, version)

    async def allowed(
        self, verb: str, kind: Kind, namespace: str | None = None, *, subresource: str = ""
    ) -> bool:
        """See `Api.allowed`."""
        return await self._cluster.allowed(verb, kind, namespace, subresource=subresource)

    def _read(self, kind: Kind, found: Json) -> Json:
        return older.read(found) if self._is_older and kind == ROLLOUT else found

    async def _send(self, call: Call, serve: Callable[[], Coroutine[Any, Any, _Answer]]) -> _Answer:
        answer: Future[_Answer] = self._loop.create_future()
        self._side.leaves(call)
        self._side.wakes(self._depart, call, serve, answer)
        return await answer

    def _depart(
        self,
        call: Call,
        serve: Callable[[], Coroutine[Any, Any, _Answer]],
        answer: Future[_Answer],
    ) -> None:
        """The request goes out, into the weather of this moment."""
        self._side.sends(call)
        mode = self._meets(call)
        way = self._latency * self._chance.uniform(0.5, 1.5)
        match mode:
            case "busy":
                seconds = self._chance.choice((1.0, 3.0))
                told = errors.Unreachable("busy", status=429, retry_after=seconds)
                self._loop.later(2 * way, self._fail, answer, told)
            case "error":
                told = errors.Unreachable("etcd has no leader", status=500)
                self._loop.later(2 * way, self._fail, answer, told)
            case "outage":
                self._loop.later(way, self._fail, answer, errors.Unreachable("no connection"))
            case "conflict":
                told_conflict = errors.Conflict("the object has been modified", status=409)
                self._loop.later(2 * way, self._fail, answer, told_conflict)
            case "timeout":
                self._give_up(answer)
            case "lost":
                self._loop.later(way, self._arrive, call, serve, None)
                self._give_up(answer)
            case "late":
                seconds = TIMEOUT_SECONDS + self._chance.uniform(0.01, 5)
                self._loop.later(seconds, self._arrive, call, serve, None)
                self._give_up(answer)
            case "slow":
                self._loop.later(self._chance.uniform(0.5, 5), self._arrive, call, serve, answer)
            case _:
                self._loop.later(way, self._arrive, call, serve, answer)

    def _give_up(self, answer: Future[Any]) -> None:
        """The client waits for its time-out, or the connection breaks sooner."""
        seconds = self._chance.choice((self._latency, TIMEOUT_SECONDS))
        told = errors.Unreachable("the API server didn't answer in time")
        self._loop.later(seconds, self._fail, answer, told)

    def _meets(self, call: Call) -> str | None:
        for weather in self._weathers:
            if weather.concerns(call) and self._chance.random() < weather.share:
                return weather.mode
        return None

    def _arrive(
        self,
        call: Call,
        serve: Callable[[], Coroutine[Any, Any, _Answer]],
        answer: Future[_Answer] | None,
    ) -> None:
        if not self._side.alive and not self.landing:
            return
        self._cluster.actor = self._side.name
        self._side.serves(call)
        made: Any = None
        error: errors.ApiFailure | None = None
        try:
            made = at_once(serve())
        except errors.ApiFailure as failure:
            error = failure
        self._side.served(call, error=error)
        if answer is None:
            return
        way = self._latency * self._chance.uniform(0.5, 1.5)
        if error is not None:
            self._loop.later(way, self._fail, answer, error)
        else:
            self._loop.later(way, self._side.wakes, _settle, answer, made)

    def _fail(self, answer: Future[Any], error: errors.ApiFailure) -> None:
        self._side.wakes(_refuse, answer, error)


def at_once(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """What a coroutine returns that never waits: the server's own code."""
    try:
        work.send(None)
    except StopIteration as end:
        result: _Answer = end.value
        return result
    raise AssertionError("it waits")


def _settle(answer: Future[Any], made: object) -> None:
    if not answer.done():
        answer.set_result(made)


def _refuse(answer: Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
