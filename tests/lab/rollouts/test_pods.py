"""How many pods the revisions have: scales, floors, thresholds, a stable that shrinks."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Shop, now

PAUSED: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]


async def available(shop: Shop) -> dict[str, int]:
    """Available pods by pod template hash."""
    found = await shop.lab.kube.list("replicaset", namespace=shop.namespace)
    return {
        each["metadata"]["labels"]["rollouts-pod-template-hash"]: each["status"].get(
            "availableReplicas", 0
        )
        for each in found
    }


def has(shop: Shop, *wanted: int) -> Callable[[], Awaitable[bool]]:
    """Whether its ReplicaSets have so many available pods, the fewest first."""

    async def are_so() -> bool:
        return sorted((await available(shop)).values()) == [*wanted]

    return are_so


async def test_a_canary_is_scaled_apart_from_its_weight(open_shop: OpenShop) -> None:
    """I2: three pods at weight 0; weight 25 of four pods needs one, and the three stay."""
    steps = [
        {"setCanaryScale": {"replicas": 3}},
        {"pause": {}},
        {"setWeight": 25},
        {"setCanaryScale": {"matchTrafficWeight": True}},
        {"pause": {}},
    ]
    shop = await open_shop(steps=steps, canary={"scaleDownDelaySeconds": 1})
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        status = await shop.until(phase="Paused", step=1, weight=0)
        assert (await available(shop))[status["currentPodHash"]] == 3
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Paused", step=4, weight=25)
        await shop.lab.until(has(shop, 1, 4), describe="as many pods as the weight needs")
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    told = [text for reason, text in await shop.events() if reason == "RolloutStepCompleted"]
    assert "Step 1 of 5 completed: setCanaryScale" in told


async def test_a_small_weight_has_the_floor_of_pods(open_shop: OpenShop) -> None:
    """I2: weight 1 of four pods needs one, minPodsPerReplicaSet three, and they come first."""
    steps: list[dict[str, Any]] = [{"setWeight": 1}, {"pause": {}}]
    shop = await open_shop(steps=steps, canary={"minPodsPerReplicaSet": 3})
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        status = await shop.until(phase="Paused", weight=1)
        assert (await available(shop))[status["currentPodHash"]] == 3
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0)
    assert load.failed() == ()


async def test_a_step_goes_on_with_enough_pods_at_the_weight_that_they_carry(
    open_shop: OpenShop,
) -> None:
    """I2: one of two pods is enough, and carries 25; the other comes when the quota lets it."""
    enough = {"replicaProgressThreshold": {"type": "Pods", "value": 1}}
    shop = await open_shop(steps=PAUSED, canary=enough)
    await shop.healthy()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "5"}},
    }
    await shop.lab.apply(quota, namespace=shop.namespace)
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", step=1, weight=25)
        await shop.lab.kube.delete("resourcequota", "few", namespace=shop.namespace)
        await shop.until(phase="Paused", step=1, weight=50)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


async def test_a_stable_that_shrank_takes_an_abort_back(open_shop: OpenShop) -> None:
    """H6: Argo stops for ever at 10 % canary, each revision waiting for the other."""
    steps: list[dict[str, Any]] = [{"setWeight": 75}, {"pause": {}}]
    dynamic = {"dynamicStableScale": True, "scaleDownDelaySeconds": None}
    shop = await open_shop(steps=steps, canary=dynamic)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=75)
        await shop.lab.until(
            has(shop, 1, 3), timeout=60, describe="a smaller stable", namespace=shop.namespace
        )
        await shop.edit_status(abort=True)
        status = await shop.until(phase="Degraded", weight=0)
        since = now()
        await load.until(50, since=since)
        assert load.share("v1", since=since).value == 1
        assert (await available(shop))[status["stableRS"]] == 4
    assert load.failed() == ()


async def test_a_rollback_in_the_window_waits_for_its_pods_alone(open_shop: OpenShop) -> None:
    """H2: Argo puts 80 % on one pod; here no step is asked for, and the pods come first."""
    steps: list[dict[str, Any]] = [{"setWeight": 25}, {"pause": {}}]
    shop = await open_shop(steps=steps, rollbackWindow={"revisions": 2})
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=25)
    await shop.edit_status(promoteFull=True)
    await shop.until(phase="Healthy", weight=0)
    async with shop.load() as load:
        await load.until(20)
        await shop.release("v1")
        await shop.until(phase="Healthy", weight=0, message_has="stable")
        since = now()
        await load.until(50, since=since)
        assert load.share("v1", since=since).value == 1
    assert load.failed() == ()
    history = (await shop.status())["history"]
    assert [entry["outcome"] for entry in history] == ["FastPromoted", "FastPromoted", "Promoted"]
    assert "SkipSteps" in [reason for reason, _ in await shop.events()]
    paused = [reason for reason, _ in await shop.events() if reason == "RolloutPaused"]
    assert len(paused) == 1
