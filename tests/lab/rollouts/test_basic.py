"""Releases without a router: Services and endpoints alone, the pods are the weight."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Shop, now

STEPS: list[dict[str, Any]] = [
    {"setWeight": 25},
    {"pause": {"duration": "3s"}},
    {"setWeight": 50},
    {"pause": {}},
]
WITHOUT_ROUTER: dict[str, Any] = {
    "trafficRouting": None,
    "scaleDownDelaySeconds": None,
    "maxSurge": 1,
    "maxUnavailable": 0,
}
"""Over the example with subsets: nobody narrows those, so its route leads to every pod."""


async def sizes(shop: Shop) -> list[int]:
    """Wanted pods of its ReplicaSets, the fewest first."""
    found = await shop.lab.kube.list("replicaset", namespace=shop.namespace)
    return sorted(each["spec"]["replicas"] for each in found)


def has_sizes(shop: Shop, *wanted: int) -> Callable[[], Awaitable[bool]]:
    """Whether its ReplicaSets want so many pods."""

    async def are_so() -> bool:
        return await sizes(shop) == [*wanted]

    return are_so


async def test_a_good_release_goes_by_its_pods(open_shop: OpenShop) -> None:
    """One of four, two of four, all; the observed share is that of the pods."""
    shop = await open_shop(steps=STEPS, canary=WITHOUT_ROUTER)
    await shop.healthy("v1")
    async with shop.load(rate=100) as load:
        await load.until(50)
        await shop.release("v2")
        await shop.until(step=1, phase="Paused")
        assert await sizes(shop) == [1, 3]
        await shop.until(step=3, phase="Paused", weight=50)
        assert await sizes(shop) == [2, 2]
        since = now()
        await load.until(400, since=since)
        at_50 = load.share("v2", since=since)
        assert at_50.agrees(50), at_50
        await shop.edit_status(pauseConditions=None)
        status = await shop.until(phase="Healthy", weight=0)
        since = now()
        await load.until(100, since=since)
        assert load.share("v2", since=since).value == 1
    assert await sizes(shop) == [0, 4]
    assert status["stableRS"] == status["currentPodHash"]
    assert "weights" not in status["canary"]
    assert "finalizers" not in (await shop.get())["metadata"]
    told = [reason for reason, _ in await shop.events()]
    assert told.count("RolloutStepCompleted") == 4


async def test_no_steps_is_a_rolling_update(open_shop: OpenShop) -> None:
    """Four available pods at every moment, never more than five wanted."""
    shop = await open_shop(steps=[], canary=WITHOUT_ROUTER)
    await shop.healthy("v1")
    await shop.release("v2")
    seen: list[tuple[int, int]] = []

    async def is_done() -> bool:
        status = await shop.status()
        seen.append((status["availableReplicas"], sum(await sizes(shop))))
        return bool(status["phase"] == "Healthy" and await sizes(shop) == [0, 4])

    await shop.lab.until(is_done, describe="a rolling update", namespace=shop.namespace)
    assert min(available for available, _ in seen) >= 4
    assert max(wanted for _, wanted in seen) <= 5


async def test_an_abort_gives_the_pods_back(open_shop: OpenShop) -> None:
    """Two of four are taken back; the others answer meanwhile."""
    shop = await open_shop(steps=STEPS, canary=WITHOUT_ROUTER)
    await shop.healthy("v1")
    await shop.release("v2")
    await shop.until(step=3, phase="Paused")
    await shop.edit_status(abort=True)
    await shop.until(phase="Degraded", message_has="by hand. All weight to revision 1.")
    await shop.lab.until(has_sizes(shop, 0, 4), describe="pods back", namespace=shop.namespace)
    await shop.until(weight=0)


async def test_a_bad_release_never_takes_more_than_its_share(open_shop: OpenShop) -> None:
    """Pods that never get ready: one at most beside four, and the deadline aborts."""
    shop = await open_shop(
        steps=[], canary=WITHOUT_ROUTER, progressDeadlineSeconds=5, progressDeadlineAbort=True
    )
    await shop.healthy("v1")
    await shop.release("v2", START_DELAY="60")
    await shop.until(phase="Progressing", message_has="0 of 4 pods of revision 2 are available")
    assert await sizes(shop) == [1, 4]
    await shop.until(phase="Degraded", message_has="no progress for 5 s")
    await shop.lab.until(has_sizes(shop, 0, 4), describe="pods back", namespace=shop.namespace)


async def test_named_services_follow_their_revisions(open_shop: OpenShop) -> None:
    """Both to stable at first; the canary's to the canary while there is one."""
    services = {"stableService": "shop-stable", "canaryService": "shop-canary"}
    shop = await open_shop(steps=STEPS, canary={**WITHOUT_ROUTER, **services})
    base = {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": "http"}]}
    made = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": base}
        for name in services.values()
    ]
    await shop.lab.apply(made, namespace=shop.namespace)

    async def leads() -> list[str]:
        found = [
            await shop.lab.kube.get("service", name, namespace=shop.namespace)
            for name in services.values()
        ]
        return [each["spec"]["selector"]["rollouts-pod-template-hash"] for each in found]

    await shop.healthy("v1")
    first = (await shop.status())["stableRS"]
    assert await leads() == [first, first]
    await shop.release("v2")
    second = (await shop.until(step=3, phase="Paused"))["currentPodHash"]
    assert await leads() == [first, second]
    await shop.edit_status(pauseConditions=None)
    await shop.until(phase="Healthy")
    assert await leads() == [second, second]
