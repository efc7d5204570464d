"""`judge`: canary against stable from the mesh's own counters, with nothing tuned."""

import time
from typing import Any

import pytest

from tests.lab.component import Component
from tests.lab.lab import Lab
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Router, Shop

RATE = 200.0
"""Requests a second."""
STEPS: list[dict[str, Any]] = [
    {"setWeight": 10},
    {"pause": {"duration": "30s"}},
    {"setWeight": 50},
    {"pause": {"duration": "30s"}},
]
SHORT: list[dict[str, Any]] = [
    {"setWeight": 10},
    {"pause": {"duration": "8s"}},
    {"setWeight": 50},
    {"pause": {"duration": "8s"}},
]


async def judged(
    open_shop: OpenShop,
    steps: list[dict[str, Any]],
    router: Router = Router.ISTIO_SUBSETS,
    **canary: Any,
) -> Shop:
    """A healthy shop whose rollout says nothing but `judge`, and what else is given."""
    canary = {"judge": judge(), "analysis": None, **canary}
    return await open_shop(router, steps=steps, canary=canary)


def judge() -> dict[str, Any]:
    """Of the mesh's gateway."""
    return {"preset": "envoy", "prometheus": {"address": "http://10.0.0.1:9090"}}


COUNTS_DIFFER = "a verdict tells how many requests there were"


async def harmed(shop: Shop, error_rate: float, stable_rate: float, steps: int) -> tuple[int, Any]:
    """Releases a bad version; how many requests the canary failed, and the status at the end."""
    await shop.release("v1", error_rate=stable_rate)
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await load.until(200)
        await shop.release("v2", error_rate=error_rate)
        status = await shop.until(phase="Degraded", weight=0, seconds=steps)
    bad = [found for found in load.failed() if found.version == "v2"]
    print(f"harmed {len(bad)}: {status['message']}")
    return len(bad), status


@pytest.mark.untold(COUNTS_DIFFER)
async def test_a_fifth_of_errors_aborts_within_seconds(open_shop: OpenShop) -> None:
    """20 % errors: about as many harmed as 3 s of them."""
    shop = await judged(open_shop, STEPS)
    users, status = await harmed(shop, 0.2, 0.0, 60)
    assert "worse" in status["message"]
    assert users <= 24


@pytest.mark.parametrize("router", [Router.ISTIO_SERVICES, Router.GATEWAY_API])
@pytest.mark.untold(COUNTS_DIFFER)
async def test_services_are_told_apart_too(open_shop: OpenShop, router: Router) -> None:
    """A split between two Services, of Istio's or of the Gateway API's routes."""
    shop = await judged(open_shop, STEPS, router)
    users, status = await harmed(shop, 0.2, 0.0, 60)
    assert "worse" in status["message"]
    assert users <= 24


@pytest.mark.untold(COUNTS_DIFFER)
async def test_a_killed_operator_judges_on(open_shop: OpenShop, davy: Component) -> None:
    """I6: SIGKILL five seconds into a bad step's time; the next one counts what came meanwhile."""
    shop = await judged(open_shop, [{"setWeight": 10}, {"pause": {}}])
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await shop.release("v2", error_rate=0.01)
        await shop.until(weight=10, step=1)
        before = await shop.status()
        await load.until(200)
        await davy.kill()
        await load.until(400)
        await davy.start()
        status = await shop.until(phase="Degraded", weight=0, seconds=90)
    print(f"killed: {before['message']} {status['message']}")
    assert "worse" in status["message"]


@pytest.mark.untold(COUNTS_DIFFER)
async def test_a_step_waits_for_its_verdict(open_shop: OpenShop) -> None:
    """`analysis.compare`: a pass is needed to go on, and is what the run ends with."""
    step = {"analysis": {"compare": {**judge(), "deadline": "1m"}}}
    shop = await open_shop(
        steps=[{"setWeight": 20}, step, {"setWeight": 50}, {"pause": {"duration": "1s"}}],
        canary={"analysis": None},
    )
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await shop.release("v2")
        await shop.until(phase="Healthy", weight=0, seconds=90)
    assert load.failed() == ()
    told = [text for reason, text in await shop.events() if reason == "AnalysisRunSuccessful"]
    print(told)
    assert any("not worse: canary 0 errors of" in text for text in told)


@pytest.mark.untold(COUNTS_DIFFER)
async def test_a_total_failure_aborts_at_once(open_shop: OpenShop) -> None:
    """100 % errors: two scrapes, as one proves nothing."""
    shop = await judged(open_shop, STEPS)
    users, status = await harmed(shop, 1.0, 0.0, 60)
    assert "worse" in status["message"]
    assert users <= 100


@pytest.mark.untold(COUNTS_DIFFER)
async def test_a_total_failure_keeps_to_its_harm_budget(open_shop: OpenShop) -> None:
    """The weight begins at the smallest there is; all of 10 requests, beside 200 each second."""
    shop = await judged(open_shop, STEPS, harmBudget={"requests": 10})
    users, status = await harmed(shop, 1.0, 0.0, 60)
    assert "worse" in status["message"]
    assert status["harmBudget"]["spent"] > 0
    assert users <= 10


@pytest.mark.untold(COUNTS_DIFFER)
async def test_a_good_release_outgrows_its_harm_budget(open_shop: OpenShop) -> None:
    """Its weight doubles with what it has served well, through all steps, and nobody helps."""
    shop = await judged(open_shop, SHORT, harmBudget={"requests": 20})
    await shop.release("v1", error_rate=0.005)
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await load.until(200)
        await shop.release("v2", error_rate=0.005)
        begun = time.monotonic()
        await shop.until(phase="Healthy", seconds=120)
        print(f"promoted in {time.monotonic() - begun:.1f} s")


@pytest.mark.untold(COUNTS_DIFFER)
async def test_two_percent_against_a_thousandth_aborts_in_the_first_step(
    open_shop: OpenShop,
) -> None:
    """A regression that thresholds don't see."""
    shop = await judged(open_shop, [{"setWeight": 10}, {"pause": {}}])
    users, status = await harmed(shop, 0.02, 0.001, 90)
    assert "worse" in status["message"]
    assert users <= 40


@pytest.mark.untold(COUNTS_DIFFER)
async def test_a_good_release_goes_through_in_its_time(open_shop: OpenShop) -> None:
    """0.5 % errors on both sides: nothing is aborted, nothing held."""
    shop = await judged(open_shop, SHORT)
    await shop.release("v1", error_rate=0.005)
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await load.until(200)
        await shop.release("v2", error_rate=0.005)
        await shop.until(phase="Healthy", weight=0, seconds=60)
    assert load.failed()


async def test_without_traffic_it_holds_and_says_how_much_is_missing(open_shop: OpenShop) -> None:
    """I7: no request is no evidence."""
    shop = await judged(open_shop, SHORT)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(step=1, message_has="too few canary requests")
    status = await shop.until(step=1, message_has="needs about 50 more canary requests")
    print(status["message"])
    assert await shop.weight() == 10
    async with shop.load(rate=RATE):
        await shop.until(phase="Healthy", weight=0, seconds=60)


@pytest.mark.untold(COUNTS_DIFFER)
async def test_an_outage_of_prometheus_holds_and_goes_on(open_shop: OpenShop, lab: Lab) -> None:
    """I7: in the middle of a step; said while it lasts, and nothing is aborted by it."""
    shop = await judged(open_shop, SHORT)
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await shop.release("v2")
        await shop.until(weight=10, step=1)
        async with lab.prometheus.stopped():
            status = await shop.until(message_has="no evidence since", seconds=40)
            print(status["message"])
            assert await shop.weight() == 10
        await shop.until(phase="Healthy", weight=0, seconds=60)
    assert load.failed() == ()


@pytest.mark.untold(COUNTS_DIFFER)
async def test_slow_answers_abort_beside_errors_and_after_a_warm_up(open_shop: OpenShop) -> None:
    """`also`: a canary without an error that takes 0.7 s; `warmup`: what it says meanwhile."""
    slow = {"name": "latency", "latency": {"slowerThan": "500ms"}}
    shop = await open_shop(
        Router.ISTIO_SUBSETS,
        steps=[{"setWeight": 10}, {"pause": {"duration": "1s"}}, *STEPS[2:]],
        canary={"judge": {**judge(), "warmup": "5s", "also": [slow]}, "analysis": None},
    )
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await load.until(200)
        await shop.release("v2", LATENCY="0.7")
        held = await shop.until(step=1, message_has="warms up until", seconds=30)
        assert "no evidence since" in held["message"]
        status = await shop.until(phase="Degraded", weight=0, seconds=90)
    print(f"{held['message']}\n{status['message']}")
    assert "latency worse" in status["message"]
    assert load.failed() == ()


@pytest.mark.untold(COUNTS_DIFFER)
async def test_services_that_swap_are_judged_by_turns(open_shop: OpenShop) -> None:
    """`pingPong`: a good release, and then a bad one through the Service that was stable's."""
    swapping = {
        "pingPong": {"pingService": "shop-stable", "pongService": "shop-canary"},
        "stableService": None,
        "canaryService": None,
        "scaleDownDelaySeconds": 2,
        "abortScaleDownDelaySeconds": 2,
    }
    shop = await open_shop(
        Router.ISTIO_SERVICES,
        steps=SHORT,
        canary={**swapping, "judge": judge(), "analysis": None},
    )
    await shop.healthy()
    async with shop.load(rate=RATE) as load:
        await load.until(200)
        await shop.release("v2")
        await shop.until(phase="Healthy", weight=0, seconds=60)
        before = await shop.status()
        assert before["canary"]["stablePingPong"] == "pong"
        await shop.release("v3", error_rate=0.2)
        status = await shop.until(phase="Degraded", weight=0, seconds=60)
    bad = [found for found in load.failed() if found.version == "v3"]
    print(f"harmed {len(bad)}: {status['message']}")
    assert "worse" in status["message"]
    assert len(bad) <= 24
    assert len(bad) == len(load.failed())
