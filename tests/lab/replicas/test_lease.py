"""What people do to the Lease, and what becomes of the two."""

import asyncio
import time

from tests.lab import davy
from tests.lab.replicas.conftest import OpenShop
from tests.lab.replicas.figures import Figures
from tests.lab.replicas.pair import LEASE, LEASE_BINDING, Pair, Replica, canary_weights
from tests.lab.replicas.test_takeover import PAUSED


async def test_a_deleted_lease_is_made_again_and_the_release_goes_on(
    pair: Pair, open_shop: OpenShop
) -> None:
    """`kubectl delete lease`, in the middle of a release."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        await pair.lab.kube.delete("lease", LEASE, namespace=davy.NAMESPACE)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    assert canary_weights(pair.writes(shop.namespace)) == [50, 100, 0]
    await pair.mended()


async def test_a_lease_given_to_nobody_known_runs_out(pair: Pair, figures: Figures) -> None:
    """`kubectl edit lease`: the leader lets go at once; in time one of the two takes it."""
    leader = await pair.leader()
    await pair.edit_lease(holderIdentity="somebody-else")
    began = time.monotonic()

    async def lets_go() -> bool:
        return not await leader.leads()

    await pair.lab.until(lets_go, describe="the leader lets go")
    assert "leads no more" in leader.log()
    await pair.leader()
    figures.add("Lease given to nobody known, until one leads again", time.monotonic() - began)
    await pair.mended()


async def test_times_in_the_lease_decide_nothing(pair: Pair) -> None:
    """Clocks that differ by years, either way: who leads goes on leading."""
    leader = await pair.leader()
    for year in ("1970", "2970"):
        transitions = (await pair.lease())["leaseTransitions"]
        stamp = f"{year}-01-01T00:00:00.000000Z"
        await pair.edit_lease(renewTime=stamp, acquireTime=stamp)
        await pair.renewed(times=5)
        assert await leader.leads()
        assert not await pair.other(leader).leads()
        assert (await pair.lease())["leaseTransitions"] == transitions


async def test_a_duration_edited_by_hand_delays_nobody(pair: Pair, figures: Figures) -> None:
    """An hour in `leaseDurationSeconds`: the leader's next renewal puts its own there again."""
    leader = await pair.leader()
    await pair.edit_lease(leaseDurationSeconds=3600)
    await pair.renewed(times=2)
    assert (await pair.lease())["leaseDurationSeconds"] == 3
    began = time.monotonic()
    await leader.process.kill()
    await pair.leads(pair.other(leader))
    figures.add("SIGKILL, until the other leads", time.monotonic() - began)


async def test_without_the_right_to_the_lease_the_other_leads(pair: Pair) -> None:
    """The message names verb and resource; the right back, it follows."""
    second = await _second_leads(pair)
    await pair.lab.kube.delete("rolebinding", LEASE_BINDING, namespace=davy.NAMESPACE)
    await pair.leads(pair.both[0])
    assert not await second.leads()
    assert "grant the verb" in second.log()
    assert "leases.coordination.k8s.io" in second.log()
    await pair.mended()
    assert await pair.both[0].leads()


async def test_without_the_right_to_the_lease_it_does_not_start(pair: Pair) -> None:
    """It ends with one sentence that says what to grant."""
    second = pair.both[1].process
    await second.stop()
    await pair.lab.kube.delete("rolebinding", LEASE_BINDING, namespace=davy.NAMESPACE)
    await second.launch()
    assert await second.ended() != 0
    await second.stop()
    assert "leases.coordination.k8s.io" in second.tail(3)
    await pair.mended()


async def _second_leads(pair: Pair) -> Replica:
    """The replica whose rights are its own, leading."""
    first, second = pair.both
    if await first.leads():
        stop = asyncio.create_task(first.process.stop())
        await pair.leads(second)
        await stop
        await pair.mended()
    return second
