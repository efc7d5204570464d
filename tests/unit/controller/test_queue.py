import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from davy.controller.queue import Key, Queue
from davy.controller.settings import QueueSettings
from tests.sim.clock import TurnedClock

START = datetime(2026, 1, 1, tzinfo=UTC)


def a_key(name: str = "cart", namespace: str = "shop") -> Key:
    return Key(namespace, "Rollout", name)


class Bench:
    """A queue, its clock, and one worker that notes what it gets."""

    def __init__(self) -> None:
        self.clock = TurnedClock(START)
        settings = QueueSettings(jitter=0.0)
        self.queue = Queue(self.clock, settings, random.Random(1))
        self.got: list[tuple[float, Key]] = []

    async def work(self) -> None:
        while True:
            key, _ = await self.queue.get()
            self.got.append((self.clock.monotonic(), key))
            self.queue.done(key)

    @property
    def names(self) -> list[str]:
        return [key.name for _, key in self.got]


@asynccontextmanager
async def running(*, workers: int = 1) -> AsyncIterator[Bench]:
    bench = Bench()
    tasks = [asyncio.create_task(bench.queue.run())]
    tasks += [asyncio.create_task(bench.work()) for _ in range(workers)]
    await bench.clock.turn(0)
    yield bench
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_ten_events_of_an_object_are_one_pass() -> None:
    """Keys coalesce while they wait."""
    async with running() as bench:
        for _ in range(10):
            bench.queue.add(a_key())
        await bench.clock.turn(0)
        assert bench.names == ["cart"]


async def test_a_key_added_while_it_is_worked_on_is_looked_at_once_more() -> None:
    """No event is lost, and no two workers have the same key."""
    bench = Bench()
    bench.queue.add(a_key())
    key, _ = await bench.queue.get()
    bench.queue.add(key)
    bench.queue.add(key)
    assert len(bench.queue) == 0
    bench.queue.done(key)
    assert len(bench.queue) == 1


async def test_namespaces_take_turns() -> None:
    """A namespace with many keys doesn't make another wait for all of them."""
    bench = Bench()
    for name in ("a", "b", "c"):
        bench.queue.add(a_key(name, "busy"))
    bench.queue.add(a_key("x", "calm"))
    order = [(await bench.queue.get())[0].name for _ in range(4)]
    assert order == ["a", "x", "b", "c"]


async def test_a_wake_up_comes_at_its_instant() -> None:
    """Not before, and by no polling."""
    async with running() as bench:
        bench.queue.wake_at(a_key(), START + timedelta(seconds=7))
        await bench.clock.turn(6.9)
        assert bench.got == []
        await bench.clock.turn(0.2)
        assert bench.got == [(7.0, a_key())]


async def test_the_last_named_wake_up_counts() -> None:
    """A pass says anew when to look again; what an earlier one said is void."""
    async with running() as bench:
        bench.queue.wake_at(a_key(), START + timedelta(seconds=5))
        bench.queue.wake_at(a_key(), START + timedelta(seconds=9))
        await bench.clock.turn(20)
        assert bench.got == [(9.0, a_key())]
        bench.queue.wake_at(a_key(), START + timedelta(seconds=30))
        bench.queue.wake_at(a_key(), None)
        await bench.clock.turn(30)
        assert len(bench.got) == 1


async def test_a_step_of_the_wall_clock_delays_nobody_for_long() -> None:
    """A wake-up is found due within clock_check after the clock was set forward."""
    async with running() as bench:
        bench.queue.wake_at(a_key(), START + timedelta(hours=1))
        await bench.clock.turn(1)
        bench.clock.step(timedelta(hours=2))
        await bench.clock.turn(30)
        assert bench.names == ["cart"]


async def test_a_clock_that_is_set_back_delays_nobody_for_long() -> None:
    """A wake-up named before would come an hour late; it comes at the next look at the clock."""
    async with running() as bench:
        bench.queue.wake_at(a_key(), START + timedelta(seconds=5))
        await bench.clock.turn(1)
        bench.clock.step(timedelta(hours=-1))
        await bench.clock.turn(31)
        assert bench.names == ["cart"]


async def test_backoff_doubles_up_to_its_cap_and_starts_over_after_success() -> None:
    """0.1, 0.2, 0.4 … 30 s."""
    bench = Bench()
    delays = [bench.queue.retry(a_key()) for _ in range(12)]
    assert delays[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert delays[-1] == 30.0
    bench.queue.succeeded(a_key())
    assert bench.queue.retry(a_key()) == pytest.approx(0.1)


async def test_a_server_that_asks_to_wait_is_believed() -> None:
    """Retry-After stands above the backoff, its cap too."""
    bench = Bench()
    assert bench.queue.retry(a_key(), at_least=60.0) == 60.0


async def test_jitter_parts_keys_that_failed_together() -> None:
    """Two keys that fail at the same time aren't tried at the same time."""
    queue = Queue(TurnedClock(START), QueueSettings(jitter=0.5), random.Random(1))
    delays = {queue.retry(a_key(str(number))) for number in range(20)}
    assert len(delays) == 20
    assert all(0.05 <= delay <= 0.1 for delay in delays)


async def test_a_failed_key_comes_again() -> None:
    """After its backoff, without an event."""
    async with running() as bench:
        bench.queue.retry(a_key())
        await bench.clock.turn(0.2)
        assert bench.got == [(0.1, a_key())]


async def test_a_forgotten_key_doesnt_come_again() -> None:
    """The object is gone: neither its retry nor its wake-up is left."""
    async with running() as bench:
        bench.queue.retry(a_key())
        bench.queue.wake_at(a_key(), START + timedelta(seconds=1))
        bench.queue.forget(a_key())
        await bench.clock.turn(60)
        assert bench.got == []


async def test_a_closed_queue_gives_no_more_keys_and_waits_for_those_given() -> None:
    """On SIGTERM passes under way end, and none begins."""
    bench = Bench()
    bench.queue.add(a_key("a"))
    bench.queue.add(a_key("b"))
    key, _ = await bench.queue.get()
    drained = asyncio.create_task(bench.queue.drained())
    await bench.clock.turn(0)
    assert not drained.done()
    bench.queue.done(key)
    await bench.clock.turn(0)
    assert drained.done()
    assert len(bench.queue) == 1


async def test_passes_that_never_wait_leave_others_their_turn() -> None:
    """A thousand of them in a row would keep the lease from being renewed."""
    async with running() as bench:
        turns: list[int] = []

        for number in range(100):
            bench.queue.add(a_key(str(number)))
        while len(bench.got) < 100:
            turns.append(len(bench.got))
            await asyncio.sleep(0)
        between = [after - before for before, after in itertools.pairwise(turns)]
        assert max(between) <= 2
