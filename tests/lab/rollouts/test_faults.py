"""Things break in the middle: pods, route, Prometheus, the operator itself."""

import asyncio
import itertools

import pytest

from tests.lab.component import Component
from tests.lab.lab import Lab
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.rollouts.test_abort import PAUSED, _analysed
from tests.lab.shop import Shop

TIMED = [
    {"setWeight": 10},
    {"pause": {"duration": "2s"}},
    {"setWeight": 50},
    {"pause": {"duration": "2s"}},
]


async def test_a_canary_that_never_gets_ready_is_degraded_and_says_why(
    open_shop: OpenShop,
) -> None:
    """The deadline passes, no traffic moved, the message names pod and cause."""
    shop = await open_shop(steps=PAUSED, progressDeadlineSeconds=5)
    await shop.healthy()
    async with shop.load() as load:
        container = shop.rollout["spec"]["template"]["spec"]["containers"][0]
        image, container["image"] = container["image"], "registry.example/missing:2"
        await shop.release("v2")
        await shop.until(phase="Degraded", message_has="ErrImagePull", seconds=30)
        assert await shop.weight() == 0
        container["image"] = image
        await shop.release("v3")
        await shop.until(phase="Paused", weight=50)
    assert load.failed() == ()
    assert "ProgressDeadlineExceeded" in [reason for reason, _ in await shop.events()]


async def test_a_deadline_aborts_where_the_user_asked_for_it(open_shop: OpenShop) -> None:
    """progressDeadlineAbort: the update is given up by itself."""
    shop = await open_shop(steps=PAUSED, progressDeadlineSeconds=5, progressDeadlineAbort=True)
    await shop.healthy()
    await shop.release("v2", START_DELAY="60")
    status = await shop.until(phase="Degraded", seconds=30)
    assert status["abort"] is True
    assert "no progress for 5 s (progressDeadlineSeconds)" in status["message"]


@pytest.mark.untold("a SIGKILL loses the events that weren't posted")
async def test_a_killed_operator_goes_on_where_it_was(open_shop: OpenShop, davy: Component) -> None:
    """I6: SIGKILL in the middle of a step, twice; each step is passed once, no request is lost."""
    shop = await open_shop(steps=TIMED)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(weight=10)
        await davy.kill()
        await davy.start()
        await shop.until(weight=50)
        await davy.kill()
        await davy.start()
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    steps = [text for reason, text in await shop.events() if reason == "RolloutStepCompleted"]
    assert len(steps) == len(set(steps))


async def test_a_restarted_operator_starts_nothing(open_shop: OpenShop, davy: Component) -> None:
    """I8: a restart changes no object of a healthy rollout."""
    shop = await open_shop(steps=TIMED)
    await shop.healthy()
    await shop.until(message_has="has all traffic.")
    before = await _versions(shop)
    await davy.kill()
    await davy.start()
    async with shop.load() as load:
        await load.until(100)
    assert await _versions(shop) == before


async def _versions(shop: Shop) -> dict[str, str]:
    kube, where = shop.lab.kube, shop.namespace
    found = [await shop.get(), await shop.route(), *await kube.list("replicaset", namespace=where)]
    return {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in found}


async def test_a_prometheus_outage_holds_the_weight(open_shop: OpenShop, lab: Lab) -> None:
    """I7: while Prometheus is away nothing is promoted or aborted, and the status says why."""
    shop = await open_shop(steps=await _analysed(open_shop))
    await shop.healthy()
    async with shop.load(rate=100) as load:
        await shop.release("v2")
        await shop.until(weight=10, step=1)
        async with lab.prometheus.stopped():
            await shop.until(message_has="refused the connection", seconds=40)
            assert await shop.weight() == 10
        await shop.until(phase="Healthy", weight=0, seconds=60)
    assert load.failed() == ()


async def test_without_traffic_the_analysis_holds_and_says_so(open_shop: OpenShop) -> None:
    """I7: no request is no evidence: neither promoted nor aborted."""
    shop = await open_shop(steps=await _analysed(open_shop))
    await shop.healthy()
    await shop.release("v2")
    await shop.until(step=2, message_has="no evidence")
    assert await shop.weight() == 10


async def test_a_deleted_route_holds_and_recovers_when_it_is_back(open_shop: OpenShop) -> None:
    """The message names the missing object; when it is back, the weight is written again."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    await shop.lab.kube.delete(
        "virtualservice.networking.istio.io", "shop", namespace=shop.namespace
    )
    await shop.until(phase="Degraded", message_has="VirtualService")
    await shop.lab.apply(shop.network(), namespace=shop.namespace)
    await shop.until(phase="Paused", weight=50)


async def test_an_unready_stable_pod_does_not_hold_an_abort_back(open_shop: OpenShop) -> None:
    """I3 (Argo's H1): a stable pod just died; the abort is written all the same."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    stable = (await shop.status())["stableRS"]
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    pods = await shop.lab.kube.list(
        "pod", namespace=shop.namespace, labels=f"rollouts-pod-template-hash={stable}"
    )
    name = pods[0]["metadata"]["name"]
    await shop.lab.kube.delete("pod", name, namespace=shop.namespace, grace_seconds=0)
    await shop.edit_status(abort=True)
    await shop.until(phase="Degraded", weight=0, seconds=5)


async def test_an_edit_of_the_route_by_somebody_else_is_taken_back(open_shop: OpenShop) -> None:
    """GitOps puts the route back as it is in Git: Davy writes the step's weight again."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    await shop.lab.apply(shop.network(), namespace=shop.namespace)

    async def is_back() -> bool:
        return await shop.weight() == 50

    await shop.lab.until(is_back, describe="weight 50 again", namespace=shop.namespace)


@pytest.mark.untold("the weight that an event finds is anybody's")
async def test_a_route_that_another_writer_keeps_changing_delays_nobody(
    open_shop: OpenShop,
) -> None:
    """I3: writes of a weight are conflicts, tried again at once and told to nobody."""
    shop = await open_shop(steps=PAUSED)
    await shop.healthy()
    async with shop.load() as load:
        writer = asyncio.create_task(_keep_changing(shop))
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50, seconds=20)
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0, seconds=10)
        assert not writer.done(), "the route was no longer changed by anybody else"
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    assert load.failed() == ()
    assert [text for _, text in await shop.events() if "HTTP 4" in text] == []


async def _keep_changing(shop: Shop) -> None:
    """A new time-out in the VirtualService, some fifty times a second."""
    for seconds in itertools.count(100):
        timeout = {"op": "add", "path": "/spec/http/0/timeout", "value": f"{seconds}s"}
        await shop.lab.kube.patch(
            "virtualservice.networking.istio.io",
            "shop",
            [timeout],
            namespace=shop.namespace,
            patch="json",
        )
        await asyncio.sleep(0.02)
