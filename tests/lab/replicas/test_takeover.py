"""The leader ends, one way or another, in the middle of a release: the other goes on."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.lab.replicas.conftest import OpenShop
from tests.lab.replicas.figures import Figures
from tests.lab.replicas.pair import Pair, Replica, canary_weights
from tests.lab.shop import Shop

STEPS = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]
PAUSED = STEPS[2:]

End = Callable[[Pair, Replica, Figures], Awaitable[None]]


async def killed(pair: Pair, leader: Replica, figures: Figures) -> None:
    """SIGKILL: nothing is released."""
    other = pair.other(leader)
    began = time.monotonic()
    await leader.process.kill()
    await pair.leads(other)
    figures.add("SIGKILL, until the other leads", time.monotonic() - began)


async def stopped(pair: Pair, leader: Replica, figures: Figures) -> None:
    """SIGTERM: the lease is handed over."""
    other = pair.other(leader)
    began = time.monotonic()
    stop = asyncio.create_task(leader.process.stop())
    await pair.leads(other)
    figures.add("SIGTERM, until the other leads", time.monotonic() - began)
    await stop
    figures.add("SIGTERM, until the process has ended", time.monotonic() - began)


@pytest.mark.parametrize("end", [killed, stopped])
async def test_a_release_ends_as_it_would_have_when_the_leader_ends(
    pair: Pair, open_shop: OpenShop, figures: Figures, end: End
) -> None:
    """I6: twice, just as a pause is ended by hand; each step passes once, no request is lost."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        for weight in (10, 50):
            await shop.until(phase="Paused", weight=weight)
            leader = await pair.leader()
            before = (await pair.lease())["leaseTransitions"]
            await asyncio.gather(end(pair, leader, figures), shop.edit_status(pauseConditions=None))
            assert (await pair.lease())["leaseTransitions"] > before
            await leader.process.start()
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    steps = [text for reason, text in await shop.events() if reason == "RolloutStepCompleted"]
    assert len(steps) == len(set(steps))
    assert canary_weights(pair.writes(shop.namespace)) == [10, 50, 100, 0]
    for replica in pair.both:
        assert pair.writes(shop.namespace, by=replica), f"{replica.process.name} never acted"


@pytest.mark.parametrize("end", [killed, stopped])
async def test_an_abort_reaches_the_route_though_the_leader_just_ended(
    pair: Pair, open_shop: OpenShop, figures: Figures, end: End
) -> None:
    """I3: a person aborts at that very moment; the other does it as soon as it leads."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        leader = await pair.leader()
        began = time.monotonic()
        await asyncio.gather(end(pair, leader, figures), shop.edit_status(abort=True))
        await _until_weight(shop, 0)
        took = time.monotonic() - began
        figures.add(f"abort while the leader is {end.__name__}, until weight 0", took)
        await shop.until(phase="Degraded", weight=0)
    assert load.failed() == ()


async def _until_weight(shop: Shop, weight: int) -> None:
    async def is_so() -> bool:
        return await shop.weight() == weight

    await shop.lab.until(is_so, describe=f"weight {weight}", namespace=shop.namespace)


async def test_a_follower_is_ready_and_writes_nothing(pair: Pair, open_shop: OpenShop) -> None:
    """Its caches are whole, it says whom it follows, and a whole release costs it no write."""
    shop = await open_shop(steps=[{"setWeight": 50}])
    leader = await pair.leader()
    other = pair.other(leader)
    before = await other.requests()
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Healthy", weight=0)
    assert pair.writes(shop.namespace, by=leader)
    assert pair.writes(shop.namespace, by=other) == []
    after = await other.requests()
    sent = {key for key, count in after.items() if count != before.get(key, 0)}
    assert sent == {("get", "leases.coordination.k8s.io")}
    holder = (await pair.lease())["holderIdentity"]
    assert await other.says() == f"ok, follows {holder}"
    assert await leader.says() == "ok, leads"


@pytest.mark.parametrize("way", ["killed", "stopped"])
async def test_one_alone_leads_again_after_a_restart(
    pair: Pair, open_shop: OpenShop, figures: Figures, way: str
) -> None:
    """After SIGKILL when its own lease has run out, after SIGTERM at once; and goes on."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    leader = await pair.leader()
    await pair.other(leader).process.stop()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(weight=50)
        await (leader.process.kill() if way == "killed" else leader.process.stop())
        await shop.edit_status(abort=True)
        began = time.monotonic()
        await leader.process.launch()
        await pair.leads(leader)
        figures.add(f"{way} alone and started anew, until it leads", time.monotonic() - began)
        await shop.until(phase="Degraded", weight=0)
    assert load.failed() == ()
