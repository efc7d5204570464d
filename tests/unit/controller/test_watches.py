import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from davy.api.group import ApiGroup
from davy.cluster import shallow
from davy.cluster.kinds import DEPLOYMENT, POD, VIRTUAL_SERVICE, Kind, Kinds
from davy.controller.watches import Stream, Watches
from tests.sim.clock import TurnedClock
from tests.unit.controller.stage import START
from tests.unit.serving import serving

PODS = "/api/v1/pods"
WATCH = f"{PODS}?watch=true"


class Bench:
    """Watches, and a server that is asked on a session like kopf's."""

    def __init__(self, *namespaces: str) -> None:
        self.clock = TurnedClock(START)
        self.began: list[Stream] = []
        self.seen: list[tuple[Kind, str, Any]] = []
        self.kinds = Kinds(ApiGroup())
        self.watches = Watches(
            self.kinds.watched,
            namespaces,
            self.clock,
            self.began.append,
            lambda *event: self.seen.append(event),
        )
        self.status = 200
        self.chunks: tuple[bytes, ...] = ()
        """What is answered."""
        self.asked: list[web.Request] = []
        self.open: asyncio.Event | None = None
        """When set, the answer is open until this event."""
        self.answered = asyncio.Event()
        """A client has an answer's head."""
        self.url = ""

    async def request(self, path: str, status: int = 200) -> list[bytes]:
        """What kopf reads, line by line."""
        self.status = status
        async with (
            aiohttp.ClientSession(middlewares=(self.watches.read_along,)) as session,
            session.get(self.url + path) as answer,
        ):
            self.answered.set()
            text = b"".join([part async for part in answer.content.iter_chunked(1000)])
        return text.splitlines()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        answer = web.StreamResponse(status=self.status)
        await answer.prepare(request)
        for chunk in self.chunks:
            await answer.write(chunk)
        if self.open is not None:
            await self.open.wait()
        return answer


@asynccontextmanager
async def asking(*namespaces: str) -> AsyncIterator[Bench]:
    bench = Bench(*namespaces)
    app = web.Application()
    app.router.add_get("/{path:.*}", bench.answer)
    async with serving(app) as url:
        bench.url = url
        yield bench


def line(event: str, version: int, **more: Any) -> bytes:
    metadata = {"name": "cart", "resourceVersion": str(version)}
    return json.dumps({"type": event, "object": {"metadata": metadata, **more}}).encode() + b"\n"


async def test_objects_are_taken_from_a_watch_and_their_versions_left() -> None:
    """However the lines are cut; kopf goes on from the version of the last one."""
    text = line("ADDED", 1) + line("MODIFIED", 2) + line("DELETED", 3)
    async with asking() as bench:
        bench.chunks = tuple(text[start : start + 7] for start in range(0, len(text), 7))
        left = [json.loads(found) for found in await bench.request(WATCH)]
    assert [(kind, event) for kind, event, _ in bench.seen] == [
        (POD, "ADDED"),
        (POD, "MODIFIED"),
        (POD, "DELETED"),
    ]
    assert [found["metadata"]["resourceVersion"] for *_, found in bench.seen] == ["1", "2", "3"]
    assert left == [
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}
        for version in (1, 2, 3)
    ]


async def test_errors_and_bookmarks_are_for_kopf() -> None:
    """And are signs of life."""
    gone = b'{"type": "ERROR", "object": {"code": 410}}\n'
    async with asking() as bench:
        bench.chunks = (gone, line("BOOKMARK", 7))
        assert await bench.request(WATCH) == [gone.strip(), line("BOOKMARK", 7).strip()]
    assert bench.seen == []


async def test_what_is_cut_off_is_no_event() -> None:
    """The connection broke in the middle of an object."""
    async with asking() as bench:
        bench.chunks = (line("ADDED", 1), line("MODIFIED", 2)[:-9])
        assert len(await bench.request(WATCH)) == 1
    assert len(bench.seen) == 1


async def test_an_object_as_deep_as_anybody_likes_ends_no_watch() -> None:
    """Its neighbours are seen."""
    deep = b'{"type": "ADDED", "object": {"metadata": {"resourceVersion": "2"}, "x": %s1%s}}\n' % (
        b"[" * 9000,
        b"]" * 9000,
    )
    async with asking() as bench:
        bench.chunks = (line("ADDED", 1), deep, line("ADDED", 3))
        assert len(await bench.request(WATCH)) == 3
    assert [found["metadata"]["resourceVersion"] for *_, found in bench.seen] == ["1", "2", "3"]
    levels, inner = 0, bench.seen[1][2]["x"]
    while inner:
        levels, inner = levels + 1, inner[0]
    assert levels < shallow.DEEPEST


async def test_an_event_that_raises_is_logged_and_the_watch_goes_on() -> None:
    """A resync heals what was missed."""
    async with asking() as bench:
        bench.chunks = (b'{"type": "ADDED", "object": {"metadata": {}}}\n', line("ADDED", 2))
        bench.watches._seen = lambda kind, event, found: bench.seen.append(
            (kind, event, found["metadata"]["name"])
        )
        assert len(await bench.request(WATCH)) == 2
    assert bench.seen == [(POD, "ADDED", "cart")]


async def test_lists_of_kopf_are_empty() -> None:
    """Davy lists itself; other kinds than those that are watched are left alone."""
    async with asking() as bench:
        await bench.request(f"{PODS}?limit=500&labelSelector=app")
        await bench.request("/apis/apiextensions.k8s.io/v1/customresourcedefinitions?limit=500")
        await bench.request(f"{WATCH}&labelSelector=app")
    asked = [request.query.get("labelSelector") for request in bench.asked]
    assert asked == ["davy.invalid/listed-by=nobody", None, "app"]


async def test_a_stream_begins_with_the_first_watch_after_a_list() -> None:
    """A watch that goes on where the last one ended begins nothing."""
    async with asking() as bench:
        await bench.request(f"{PODS}?limit=500")
        assert bench.began == []
        await bench.request(WATCH)
        await bench.request(WATCH)
        assert bench.began == [(POD, None)]
        await bench.request(f"{PODS}?limit=500")
        await bench.request(WATCH)
        assert bench.began == [(POD, None)] * 2


async def test_a_refused_watch_is_no_sign_of_life() -> None:
    """Only what the server took counts."""
    async with asking() as bench:
        await bench.clock.turn(100)
        await bench.request(WATCH, status=403)
        assert bench.watches.ages()[POD, None] == 100
        await bench.request(WATCH)
        assert bench.watches.ages()[POD, None] == 0


async def test_a_namespaced_operator_has_a_stream_per_namespace() -> None:
    """But one for the whole cluster's kinds."""
    async with asking("a", "b") as bench:
        await bench.request("/api/v1/namespaces/b/pods?watch=true")
        assert bench.began == [(POD, "b")]
        cluster_wide = bench.kinds.cluster_analysis_template
        assert (cluster_wide, None) in bench.watches.streams()


async def test_an_absent_kind_is_neither_awaited_nor_dead() -> None:
    """Until kopf lists it: its CRD came."""
    async with asking() as bench:
        bench.watches.mark_absent(VIRTUAL_SERVICE)
        assert bench.watches.synced(VIRTUAL_SERVICE)
        assert (VIRTUAL_SERVICE, None) not in bench.watches.ages()
        await bench.request("/apis/networking.istio.io/v1/virtualservices?limit=500")
        assert bench.watches.present(VIRTUAL_SERVICE)
        assert not bench.watches.synced(VIRTUAL_SERVICE)


async def test_nothing_is_whole_before_each_kind_was_listed() -> None:
    """I8: an established watch alone may have missed what was there before it."""
    async with asking() as bench:
        core = [
            stream
            for stream in bench.watches.streams()
            if not (stream[0].optional or stream[0].referred)
        ]
        for stream in core:
            bench.watches.begun(stream)
        for stream in core:
            assert not bench.watches.core_synced()
            assert stream[0].kind in bench.watches.unsynced()
            bench.watches.mark_synced(stream)
        assert bench.watches.core_synced()


DEPLOYMENTS = "/apis/apps/v1/deployments?watch=true"


async def test_a_kind_that_nobody_refers_to_is_watched_for_nobody() -> None:
    """A cluster's Deployments cost nothing; nor are they waited for, nor taken for dead."""
    async with asking() as bench:
        await bench.clock.turn(100)
        await bench.request("/apis/apps/v1/deployments?limit=500")
        await bench.request(DEPLOYMENTS)
        selectors = [request.query["labelSelector"] for request in bench.asked]
        assert selectors == ["davy.invalid/listed-by=nobody"] * 2
        assert bench.began == []
        assert not bench.watches.synced(DEPLOYMENT)
        assert "Deployment" not in bench.watches.unsynced()
        assert bench.watches.ages()[DEPLOYMENT, None] == 0


async def test_a_kind_that_is_needed_is_watched_at_once() -> None:
    """The watch that sleeps ends, and kopf asks again."""
    async with asking() as bench:
        bench.open = asyncio.Event()
        asleep = asyncio.create_task(bench.request(DEPLOYMENTS))
        await bench.answered.wait()
        bench.watches.need(DEPLOYMENT)
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(asleep, 5)
        bench.open.set()
        await bench.request(DEPLOYMENTS)
        assert "labelSelector" not in bench.asked[-1].query
        assert bench.began == [(DEPLOYMENT, None)]
        assert "Deployment" in bench.watches.unsynced()


async def test_a_kind_that_is_needed_while_its_watch_begins_doesnt_sleep() -> None:
    """The server hadn't answered yet."""
    async with asking() as bench:
        bench.open = asyncio.Event()
        asleep = asyncio.create_task(bench.request(DEPLOYMENTS))
        await asyncio.sleep(0)
        bench.watches.need(DEPLOYMENT)
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(asleep, 5)
        bench.open.set()
