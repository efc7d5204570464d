"""Bad releases and people who change their mind: all weight back to stable, nobody else harmed."""

import pytest

from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Router, now

PAUSED = [{"setWeight": 50}, {"pause": {}}, {"setWeight": 100}]


@pytest.mark.parametrize("router", list(Router))
async def test_abort_by_hand_takes_all_traffic_back_and_loses_none(
    open_shop: OpenShop, router: Router
) -> None:
    """I3, I4: weight 0 at once; the canary's pods stay until it is in effect and drained."""
    shop = await open_shop(router, steps=PAUSED, canary={"abortScaleDownDelaySeconds": 2})
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0, message_has="aborted at weight 50: by hand")
        since = now()
        await load.until(60, since=since)
        assert load.share("v1", since=since).value == 1
    assert load.failed() == ()
    events = await shop.events()
    text = "Revision 2 aborted at weight 50: by hand. All weight to revision 1."
    assert events.count(("RolloutAborted", text)) == 1


async def test_inline_analysis_aborts_a_bad_release(open_shop: OpenShop) -> None:
    """20 % errors at weight 10: aborted there, with the measured share in the message."""
    steps = await _analysed(open_shop)
    shop = await open_shop(steps=steps)
    await shop.healthy()
    async with shop.load(rate=100) as load:
        await shop.release("v2", error_rate=0.2)
        status = await shop.until(phase="Degraded", weight=0)
        since = now()
        await load.until(50, since=since)
        assert load.share("v1", since=since).value == 1
    assert load.failed(outside="v2") == ()
    assert status["abort"] is True
    assert "error-rate" in status["message"]
    assert "aborted at weight 10" in status["message"]


async def _analysed(open_shop: OpenShop) -> list[dict[str, object]]:
    """The example's analysis step after a weight of 10 and two seconds."""
    example = (await open_shop()).canary["steps"]
    analysis = next(step for step in example if "analysis" in step)
    return [{"setWeight": 10}, {"pause": {"duration": "2s"}}, analysis, {"setWeight": 50}]


@pytest.mark.untold("the run may begin before or after the pause")
async def test_background_analysis_aborts_a_bad_release(open_shop: OpenShop) -> None:
    """The judge runs beside an indefinite pause and needs nobody to say go."""
    analysis = (await _analysed(open_shop))[2]["analysis"]
    shop = await open_shop(steps=[{"setWeight": 20}, {"pause": {}}], canary={"analysis": analysis})
    await shop.healthy()
    async with shop.load(rate=100) as load:
        await shop.release("v2", error_rate=0.5)
        await shop.until(phase="Degraded", weight=0, message_has="error-rate")
    assert load.failed(outside="v2") == ()


async def test_a_good_release_passes_its_analysis(open_shop: OpenShop) -> None:
    """The same analysis lets a release without errors through."""
    shop = await open_shop(steps=await _analysed(open_shop))
    await shop.healthy()
    async with shop.load(rate=100) as load:
        await shop.release("v2")
        await shop.until(phase="Healthy", weight=0, seconds=60)
    assert load.failed() == ()
    assert "AnalysisRunSuccessful" in [reason for reason, _ in await shop.events()]


async def test_retry_takes_an_aborted_release_up_again(open_shop: OpenShop) -> None:
    """From step 1, with the same revision."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    await shop.edit_status(abort=True)
    await shop.until(phase="Degraded", weight=0)
    await shop.edit_status(abort=False)
    await shop.until(phase="Paused", weight=50)
    await shop.edit_status(pauseConditions=None)
    await shop.until(phase="Healthy", weight=0)


async def test_a_new_revision_in_the_middle_replaces_the_one_before(open_shop: OpenShop) -> None:
    """Weight 0 first, then the new one's pods, then its weight; nobody is lost on the way."""
    shop = await open_shop(steps=PAUSED, canary={"scaleDownDelaySeconds": 2})
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        await shop.release("v3")
        await shop.until(phase="Paused", weight=50)
        since = now()
        await load.until(100, since=since)
        assert load.counts("v2", since=since).sent == 0
        assert load.counts("v3", since=since).sent > 20
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


async def test_a_rollback_in_the_middle_needs_no_steps(open_shop: OpenShop) -> None:
    """The stable template applied again: all weight back at once."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy("v1")
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        await shop.release("v1")
        await shop.until(phase="Healthy", weight=0)
        since = now()
        await load.until(60, since=since)
        assert load.share("v1", since=since).value == 1
    assert load.failed() == ()


async def test_promote_full_passes_the_pauses(open_shop: OpenShop) -> None:
    """All steps are passed, yet the weight waits for the pods."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        await shop.edit_status(promoteFull=True)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


async def test_deletion_in_the_middle_leaves_the_route_on_stable(open_shop: OpenShop) -> None:
    """I9: the finalizer holds the Rollout until the weight is back; then it goes."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    assert (await shop.get())["metadata"]["finalizers"]
    await shop.lab.kube.delete(shop.kind, "shop", namespace=shop.namespace)

    async def is_gone() -> bool:
        return await shop.lab.kube.find(shop.kind, "shop", namespace=shop.namespace) is None

    await shop.lab.until(is_gone, describe="the rollout is gone", namespace=shop.namespace)
    assert await shop.weight() == 0
