"""A leader that was stopped or cut off does no harm when it comes back.

FREEZE_SECONDS=60 stops it for as long as a virtual machine's migration may; RELEASES=20 does so in
so many releases, three times in each, at moments that SEED decides.
"""

import asyncio
import contextlib
import os
import random
import secrets
import time
from collections.abc import AsyncIterator
from typing import Final

import pytest

from tests.lab.replicas.conftest import OpenShop
from tests.lab.replicas.figures import Figures
from tests.lab.replicas.pair import Pair, canary_weights
from tests.lab.replicas.test_takeover import STEPS
from tests.lab.shop import Shop, now

FREEZE_SECONDS: Final = float(os.environ.get("FREEZE_SECONDS", "8"))
"""More than twice the lease's duration."""
RELEASES: Final = int(os.environ.get("RELEASES", "1"))
SEED: Final = os.environ.get("SEED") or secrets.token_hex(4)


async def test_a_leader_stopped_in_the_middle_writes_nothing_when_it_goes_on(
    pair: Pair, open_shop: OpenShop, figures: Figures
) -> None:
    """SIGSTOP in the middle of a pass; meanwhile a person aborts; SIGCONT: the weight stays 0."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    async with shop.load() as load:
        leader = await pair.leader()
        other = pair.other(leader)
        async with _when_written(shop, 10) as written:
            await shop.release("v2")
            await written
            leader.process.freeze()
        frozen = time.monotonic()
        figures.add("SIGSTOP, until the other leads", await pair.leads(other))
        led_at = now()
        await shop.until(phase="Paused", weight=10)
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0)
        aborted_at = now()
        await asyncio.sleep(max(0.0, frozen + FREEZE_SECONDS - time.monotonic()))
        leader.process.thaw()
        await pair.follows(leader)
        since = now()
        await load.until(200, since=since)
    assert load.failed() == ()
    assert load.share("v1", since=aborted_at).value == 1
    late = pair.writes(shop.namespace, by=leader, since=led_at)
    assert [write for write in late if write.applied] == []
    assert canary_weights(pair.writes(shop.namespace, since=aborted_at)) == []
    assert await shop.weight() == 0
    assert "leads no more" in leader.log()


async def test_a_leader_cut_off_stops_before_the_other_begins(
    pair: Pair, open_shop: OpenShop, figures: Figures
) -> None:
    """Nothing gets through to the API server or back; then all of it does, late."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    async with shop.load() as load:
        leader = await pair.leader()
        other = pair.other(leader)
        async with _when_written(shop, 10) as written:
            await shop.release("v2")
            await written
            began = time.monotonic()
            async with leader.relay.held():
                while not await other.leads():
                    assert time.monotonic() < began + 30, other.process.tail()
                assert not await leader.leads()
                led_at = now()
                figures.add("network cut, until the other leads", time.monotonic() - began)
                await shop.until(phase="Paused", weight=10)
                await shop.edit_status(pauseConditions=None)
                await shop.until(phase="Paused", weight=50)
        await pair.follows(leader)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    late = pair.writes(shop.namespace, by=leader, since=led_at)
    assert [write for write in late if write.applied] == []
    assert canary_weights(pair.writes(shop.namespace)) == [10, 50, 100, 0]


@pytest.mark.parametrize("number", range(RELEASES))
async def test_leaders_stopped_at_any_moment_change_no_outcome(
    pair: Pair, open_shop: OpenShop, figures: Figures, number: int
) -> None:
    """I6: whoever leads is stopped, three times, and goes on as soon as the other leads."""
    seed = f"{SEED}-{number}"
    chance = random.Random(seed)
    weights = [10, 20, 30, 40, 50, 60, 70, 80, 90]
    shop = await open_shop(steps=[{"setWeight": weight} for weight in weights])
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        for _ in range(3):
            leader = await pair.leader()
            await asyncio.sleep(chance.uniform(0, 2))
            leader.process.freeze()
            figures.add("SIGSTOP, until the other leads", await pair.leads(pair.other(leader)))
            led_at = now()
            leader.process.thaw()
            await pair.follows(leader)
            late = pair.writes(shop.namespace, by=leader, since=led_at)
            assert [write for write in late if write.applied] == [], f"SEED={seed}"
        await shop.until(phase="Healthy", weight=0, seconds=90)
    assert load.failed() == (), f"SEED={seed}"
    assert _went_on(canary_weights(pair.writes(shop.namespace)), [*weights, 100, 0], 3), (
        f"SEED={seed}"
    )


def _went_on(written: list[int], wanted: list[int], stops: int) -> bool:
    """Whether every weight was written in order, but for one step back after each stop.

    A leader that is stopped between a weight and the status that tells of it leaves a status that
    says the step before: its successor goes back to that step, whose weight is lower, and on again.
    """
    if written == wanted:
        return True
    back = next((at for at in range(1, len(written) - 1) if written[at] < written[at - 1]), None)
    if back is None or not stops or written[back : back + 2] != written[back - 2 : back]:
        return False
    return _went_on(written[:back] + written[back + 2 :], wanted, stops - 1)


async def test_broken_connections_do_not_cost_the_lead(pair: Pair) -> None:
    """Resets, as a load balancer that is restarted sends them: connected again, and renewed."""
    leader = await pair.leader()
    before = (await pair.lease())["leaseTransitions"]
    for _ in range(5):
        assert leader.relay.cut()
        await pair.renewed(times=1)
    assert await leader.leads()
    assert (await pair.lease())["leaseTransitions"] == before


@contextlib.asynccontextmanager
async def _when_written(shop: Shop, weight: int) -> AsyncIterator[asyncio.Task[None]]:
    """A task that is done at the very moment when the VirtualService has this canary weight.

    The pass that wrote it goes on: its status isn't written yet.
    """
    kube, kind = shop.lab.kube, "virtualservice.networking.istio.io"

    async def seen() -> None:
        async for type_, found in kube.watch(kind, namespace=shop.namespace):
            if type_ == "BOOKMARK":
                continue
            if found["spec"]["http"][0]["route"][1].get("weight") == weight:
                return

    task = asyncio.create_task(seen())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
