import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from davy.api import errors
from davy.api.group import ApiGroup
from davy.cluster import events
from davy.cluster.cache import Json
from davy.cluster.events import Recorder
from davy.cluster.kinds import EVENT, Kinds
from tests.sim.cluster import Call, Cluster

KIND = Kinds(ApiGroup()).rollout
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Bench:
    def __init__(self) -> None:
        self.cluster = Cluster()
        self.seconds = 0.0
        self.lost: list[str] = []
        self.recorder = Recorder(
            self.cluster,
            component="davy",
            now=lambda: START + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
            lost=self.lost.append,
        )

    def say(self, message: str, uid: str = "u", *, warning: bool = False) -> None:
        about = {"metadata": {"namespace": "shop", "name": "cart", "uid": uid}}
        self.recorder.emit(KIND, about, "RolloutPaused", message, warning=warning)

    async def posted(self) -> list[Json]:
        await self.recorder.drained()
        return self.cluster.every(EVENT)


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    bench = Bench()
    task = asyncio.create_task(bench.recorder.run())
    yield bench
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_event_says_who_what_and_when() -> None:
    """As `kubectl describe` shows it."""
    async with running() as bench:
        bench.say("paused", warning=True)
        (event,) = await bench.posted()
        assert event["involvedObject"]["uid"] == "u"
        assert event["involvedObject"]["apiVersion"] == "davy.dev/v1alpha1"
        assert (event["type"], event["reason"], event["message"]) == (
            "Warning",
            "RolloutPaused",
            "paused",
        )
        assert event["firstTimestamp"] == "2026-01-01T12:00:00Z"
        assert event["count"] == 1


async def test_the_same_trouble_is_one_event() -> None:
    """Said again within ten minutes it raises the count, which is written once a minute."""
    async with running() as bench:
        for _ in range(5):
            bench.say("no route", warning=True)
        (event,) = await bench.posted()
        assert event["count"] == 1
        bench.seconds += events.COUNT_SECONDS
        bench.say("no route", warning=True)
        (event,) = await bench.posted()
        assert event["count"] == 6
        assert event["lastTimestamp"] == "2026-01-01T12:01:00Z"
        bench.seconds += events.SAME_WARNING_SECONDS
        bench.say("no route", warning=True)
        assert len(await bench.posted()) == 2


async def test_a_step_that_is_taken_again_is_told_again() -> None:
    """After a retry the story goes on; only a repeated pass is silent."""
    async with running() as bench:
        bench.say("paused")
        bench.say("paused")
        assert len(await bench.posted()) == 1
        bench.seconds += events.SAME_SECONDS
        bench.say("paused")
        assert len(await bench.posted()) == 2


async def test_an_object_that_is_talked_about_too_much_is_cut_short() -> None:
    """Others aren't, nor its own warnings; after a while it may speak again."""
    async with running() as bench:
        for number in range(events.BURST + 5):
            bench.say(f"number {number}")
        bench.say("calm", uid="other")
        assert len(await bench.posted()) == events.BURST + 1
        assert bench.lost == ["rate"] * 5
        bench.say("aborted", warning=True)
        assert len(await bench.posted()) == events.BURST + 2
        bench.seconds += events.REFILL_SECONDS
        bench.say("one more")
        assert len(await bench.posted()) == events.BURST + 3


async def test_trouble_with_events_stops_nothing() -> None:
    """What can't be posted is counted and dropped."""
    async with running() as bench:

        def refuse(call: Call) -> Exception | None:
            return errors.Forbidden("no") if call.kind == EVENT else None

        bench.cluster.faults.append(refuse)
        bench.say("lost")
        assert await bench.posted() == []
        assert bench.lost == ["Forbidden"]
        bench.cluster.faults.clear()
        bench.say("heard")
        assert [event["message"] for event in await bench.posted()] == ["heard"]


async def test_a_full_queue_drops_instead_of_waiting() -> None:
    """A pass never waits for events."""
    bench = Bench()
    for number in range(events.QUEUE + 1):
        bench.say("x", uid=str(number))
    assert bench.lost == ["queue full"]
    bench.say("aborted", uid="last", warning=True)
    assert bench.lost == ["queue full"]


async def test_a_long_message_is_cut() -> None:
    """An API server takes 1 024 characters."""
    async with running() as bench:
        bench.say("x" * 5000)
        (event,) = await bench.posted()
        assert len(event["message"]) == 1024
