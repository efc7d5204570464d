"""Two replicas, one acts: at no instant both, whatever the network and the clocks do."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from davy.api import errors
from davy.cluster.fence import Fence
from davy.cluster.kinds import LEASE, SERVICE
from davy.controller.leader import Leader
from davy.controller.settings import LeaseSettings
from tests.sim.clock import TurnedClock
from tests.sim.cluster import Cluster
from tests.unit.controller.stage import START, manifest, network, playing

SETTINGS = LeaseSettings()
DURATION = SETTINGS.duration.total_seconds()


@dataclass
class Line:
    """A replica's way to the API server."""

    cluster: Cluster
    clock: TurnedClock
    delay: Callable[[], float] = lambda: 0.0
    cut: bool = False
    """Nothing gets through."""
    deaf: bool = False
    """What is sent gets through, no answer comes back."""

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            await self.clock.sleep(self.delay())
            if self.cut:
                raise errors.Unreachable(f"{name}: no route")
            answer = await getattr(self.cluster, name)(*args, **kwargs)
            await self.clock.sleep(self.delay())
            if self.deaf:
                raise errors.Unreachable(f"{name}: no answer")
            return answer

        return call


@dataclass
class Replica:
    """A leader, its line, and its fence."""

    line: Line
    leader: Leader
    fence: Fence
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Campaign."""
        jobs = (self.leader.run(), self.leader.watch())
        self.tasks = [asyncio.create_task(job) for job in jobs]

    def kill(self) -> None:
        """SIGKILL."""
        for task in self.tasks:
            task.cancel()


async def _rested() -> None:
    """No pass is under way."""


def replica(cluster: Cluster, clock: TurnedClock, name: str) -> Replica:
    """One that campaigns as soon as it is started."""
    line: Any = Line(cluster, clock)
    leader = Leader(
        api=line,
        clock=clock,
        settings=SETTINGS,
        identity=name,
        gained=lambda _: None,
        lost=lambda: None,
        rested=_rested,
    )
    fence = Fence(line, leader.leads)
    leader.lost = fence.cut
    return Replica(line, leader, fence)


@asynccontextmanager
async def two() -> AsyncIterator[tuple[Replica, Replica, TurnedClock, Cluster]]:
    """The first leads, the second follows."""
    cluster, clock = Cluster(), TurnedClock(START)
    first, second = replica(cluster, clock, "first"), replica(cluster, clock, "second")
    first.start()
    await clock.turn(0.1)
    second.start()
    await clock.turn(5)
    assert first.leader.leads()
    assert not second.leader.leads()
    try:
        yield first, second, clock, cluster
    finally:
        first.kill()
        second.kill()


async def until(true: Callable[[], bool], clock: TurnedClock, within: float) -> float:
    """Turn the clock until something holds; the seconds that it took."""
    passed = 0.0
    while not true():
        assert passed < within, f"not within {within} s"
        await clock.turn(0.05)
        passed += 0.05
    return passed


async def test_after_a_kill_the_next_leads_when_the_lease_has_run_out() -> None:
    """Not before, and soon after."""
    async with two() as (first, second, clock, _):
        first.kill()
        took = await until(second.leader.leads, clock, within=DURATION * 1.2)
        assert took >= DURATION * 0.6


async def test_a_released_lease_is_taken_at_the_next_look() -> None:
    """And the one who released it writes no more."""
    async with two() as (first, second, clock, cluster):
        first.kill()
        await asyncio.gather(first.leader.release(), clock.turn(0))
        with pytest.raises(errors.NotLeading):
            await first.fence.delete(SERVICE, "shop", "cart", uid="1")
        await until(second.leader.leads, clock, within=2 * SETTINGS.poll.total_seconds())
        found = cluster.peek(LEASE, SETTINGS.namespace, SETTINGS.name)
        assert found is not None
        assert found["spec"]["holderIdentity"] == "second"
        assert found["spec"]["leaseTransitions"] == 2


async def test_cut_off_it_stops_before_another_may_begin() -> None:
    """A partition: first nobody leads, then the other."""
    async with two() as (first, second, clock, _):
        first.line.cut = True
        await until(lambda: not first.leader.leads(), clock, within=DURATION)
        assert not second.leader.leads()
        await until(second.leader.leads, clock, within=DURATION)
        first.line.cut = False
        await clock.turn(3 * DURATION)
        assert second.leader.leads()
        assert first.leader.says() == "follows second"


async def test_whoever_was_stopped_finds_his_time_over() -> None:
    """SIGSTOP: no task of it runs, not even its watchdog; the clock alone tells it."""
    async with two() as (first, second, clock, cluster):
        first.kill()
        await until(second.leader.leads, clock, within=2 * DURATION)
        assert not first.leader.leads()
        writes = len(cluster.writes)
        with pytest.raises(errors.NotLeading, match="not sent"):
            await first.fence.patch_merge(SERVICE, "shop", "cart", {})
        assert len(cluster.writes) == writes


async def test_a_write_under_way_is_given_up_when_the_lead_ends() -> None:
    """Long before another leads."""
    async with two() as (first, second, clock, _):
        line: Any = Line(Cluster(), clock, lambda: 1e6)
        hanging = Fence(line, first.leader.leads)
        first.leader.lost = hanging.cut
        write = asyncio.ensure_future(hanging.patch_merge(SERVICE, "shop", "cart", {}))
        first.line.cut = True
        await until(write.done, clock, within=DURATION)
        assert not second.leader.leads()
        with pytest.raises(errors.NotLeading, match="given up"):
            await write


async def test_a_lease_holds_from_when_its_renewal_was_sent() -> None:
    """Answers take 0.9 s: who counted from them would lead when the next one does."""
    async with two() as (first, second, clock, _):
        trips = itertools.cycle([0.0, 0.9])
        first.line.delay = lambda: next(trips)
        await clock.turn(DURATION)
        assert first.leader.leads()
        first.line.cut = True
        while not second.leader.leads():
            await clock.turn(0.05)
        assert not first.leader.leads()


async def test_a_slow_api_server_costs_nobody_the_lead() -> None:
    """Answers take 1.2 s: the next renewal is sent at once, and answered while this one holds."""
    async with two() as (first, second, clock, _):
        ends = []
        first.leader.lost = lambda: ends.append(clock.monotonic())
        first.line.delay = second.line.delay = lambda: 0.6
        await clock.turn(30)
        assert first.leader.leads()
        assert ends == []


async def test_answers_that_get_lost_dont_lose_the_lead() -> None:
    """It finds its own name in the Lease, and holds it only from a write that was answered."""
    async with two() as (first, second, clock, _):
        first.line.deaf = True
        await clock.turn(1.2)
        first.line.deaf = False
        await clock.turn(1.2)
        assert first.leader.leads()
        assert not second.leader.leads()


async def test_a_lease_that_a_person_deletes_is_made_again() -> None:
    """One of them leads soon."""
    async with two() as (first, second, clock, cluster):
        cluster.remove(LEASE, SETTINGS.namespace, SETTINGS.name)
        await clock.turn(2 * DURATION)
        assert first.leader.leads() != second.leader.leads()


async def test_a_lease_given_to_another_by_hand_is_let_go() -> None:
    """`kubectl edit`: he leads no more, though nobody of that name does."""
    async with two() as (first, second, clock, cluster):
        edited = {"spec": {"holderIdentity": "nobody-i-know"}}
        await cluster.patch_merge(LEASE, SETTINGS.namespace, SETTINGS.name, edited)
        await until(lambda: not first.leader.leads(), clock, within=DURATION)
        await clock.turn(2 * DURATION)
        assert first.leader.leads() != second.leader.leads()


async def test_times_in_the_lease_decide_nothing() -> None:
    """A wall clock hours ahead, or a renewTime of last year."""
    async with two() as (first, second, clock, cluster):
        clock.step(timedelta(hours=-5))
        edited = {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}
        await cluster.patch_merge(LEASE, SETTINGS.namespace, SETTINGS.name, edited)
        await clock.turn(3 * DURATION)
        assert first.leader.leads()
        assert not second.leader.leads()


async def test_a_duration_edited_by_hand_delays_nobody() -> None:
    """An hour in the Lease: the next renewal puts the leader's own there again."""
    async with two() as (first, second, clock, cluster):
        edited = {"spec": {"leaseDurationSeconds": 3600}}
        await cluster.patch_merge(LEASE, SETTINGS.namespace, SETTINGS.name, edited)
        await clock.turn(DURATION)
        first.kill()
        await until(second.leader.leads, clock, within=DURATION * 1.2)


@pytest.mark.parametrize("seed", range(30))
async def test_never_two_at_once(seed: int) -> None:
    """Slow lines, cut lines, lost answers, kills: at each instant at most one leads."""
    chance = random.Random(seed)
    cluster, clock = Cluster(), TurnedClock(START)
    replicas = [replica(cluster, clock, name) for name in ("a", "b", "c")]
    for each in replicas:
        each.line.delay = lambda: chance.choice([0.0, 0.01, 0.2, 0.9, 2.0])
        each.start()
    led = 0
    for _ in range(150):
        await clock.turn(chance.choice([0.05, 0.3, 1.0]))
        leading = [each for each in replicas if each.leader.leads()]
        assert len(leading) <= 1
        led += len(leading)
        for each in replicas:
            if chance.random() < 0.1:
                each.line.cut, each.line.deaf = chance.random() < 0.3, chance.random() < 0.3
            if chance.random() < 0.02:
                each.kill()
                each.leader.identity += "'"
                each.leader._leading = False
                each.start()
    assert led, "nobody ever led: nothing was shown"
    for each in replicas:
        each.kill()


async def test_the_follower_writes_nothing_and_goes_on_where_the_leader_stopped() -> None:
    """Its caches are full: it acts at once when it leads."""
    cluster = Cluster()
    network(cluster)
    async with AsyncExitStack() as leader:
        first = await leader.enter_async_context(playing(cluster))
        await first.turn(0.5)
        async with playing(cluster, first.clock) as second:
            first.apply(manifest())
            await first.until(lambda: first.status().get("phase") == "Healthy")
            first.apply(manifest(version="2"))
            await first.until(lambda: first.weight() == 10)
            assert second.operator.leader.says() == f"follows {first.operator.identity}"
            assert second.operator.cache.count(second.operator.kinds.rollout) == 1
            assert not second.operator.queue.active
            assert len(second.operator.queue) > 0
            await leader.aclose()  # killed: nothing is released
            assert not second.operator.leader.leads()
            await second.until(second.operator.leader.leads, within=2 * DURATION)
            await second.until(lambda: second.status().get("phase") == "Healthy")
            assert len(second.replica_sets()) == 2


async def test_an_abort_that_the_watch_hasnt_told_keeps_the_weight_where_it_is() -> None:
    """I3: before a raise the Rollout is read; a deaf watch must not send users to a bad version."""
    cluster = Cluster()
    network(cluster)
    async with playing(cluster) as stage:
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        stage.apply(manifest(version="2"))
        await stage.until(lambda: "pauseConditions" in stage.status())
        stage.deaf = True
        kind = stage.operator.kinds.rollout
        await cluster.patch_merge(
            kind, "shop", "cart", {"status": {"abort": True}}, subresource="status"
        )
        heights = []
        while stage.weight() > 0:
            await stage.turn(0.5)
            heights.append(stage.weight())
        assert max(heights) <= 10
