"""What users and other controllers do beside releases: scale, describe, wait, read metrics."""

from tests.lab import davy as davy_process
from tests.lab.rollouts.conftest import OpenShop

STEPS = [{"setWeight": 50}, {"pause": {}}]


async def test_scaling_in_the_middle_keeps_the_share_and_loses_nothing(
    open_shop: OpenShop,
) -> None:
    """The scale subresource, as HPA uses it: both sides grow, then shrink."""
    shop = await open_shop(steps=STEPS, canary={"scaleDownDelaySeconds": 2})
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        for replicas, canary in ((6, 3), (2, 1)):
            await shop.lab.kubectl(
                "scale", "rollouts.davy.dev/shop", f"--replicas={replicas}", "-n", shop.namespace
            )
            wanted = replicas + canary

            async def has_them(wanted: int = wanted) -> bool:
                status = await shop.status()
                return (status["availableReplicas"], status["HPAReplicas"]) == (wanted, wanted)

            await shop.lab.until(has_them, describe=f"{wanted} pods", namespace=shop.namespace)
            await shop.until(phase="Paused", weight=50)
    assert load.failed() == ()


async def test_kubectl_describe_reads_like_a_story(open_shop: OpenShop) -> None:
    """Events with numbers, in order, none told twice."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    await shop.edit_status(pauseConditions=None)
    await shop.until(phase="Healthy", weight=0)

    async def told() -> bool:
        return ("RolloutCompleted", "Revision 2 promoted: it is stable now") in await shop.events()

    await shop.lab.until(told, describe="the last event", namespace=shop.namespace)
    story = await shop.events()
    assert len(story) == len(set(story))
    wanted = [
        ("TrafficWeightUpdated", "Canary weight 0 → 50, step 1 of 2"),
        ("RolloutStepCompleted", "Step 1 of 2 completed: setWeight 50"),
        ("RolloutResumed", "Resumed by hand"),
        ("RolloutStepCompleted", "Step 2 of 2 completed: pause"),
        ("RolloutCompleted", "Revision 2 promoted: it is stable now"),
    ]
    assert [event for event in story if event in wanted] == wanted
    described = await shop.lab.kubectl(
        "describe", "rollouts.davy.dev", "shop", "-n", shop.namespace
    )
    assert "Canary weight 0 → 50, step 1 of 2" in described


async def test_kubectl_get_shows_phase_step_and_weight(open_shop: OpenShop) -> None:
    """Printer columns a person wants, and the message with -o wide."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    out = await shop.lab.kubectl("get", "ro", "shop", "-n", shop.namespace, "-o", "wide")
    head, line = out.splitlines()
    assert head.split()[:6] == ["NAME", "PHASE", "STEP", "WEIGHT", "STABLE", "CANARY"]
    assert line.split()[:4] == ["shop", "Paused", "2/2", "50"]
    assert "paused at weight 50" in line


async def test_kubectl_wait_sees_ready(open_shop: OpenShop) -> None:
    """kstatus: Ready is True when healthy, with the observed generation."""
    shop = await open_shop(steps=STEPS)
    await shop.release("v1")
    await shop.lab.kubectl(
        "wait",
        "rollouts.davy.dev/shop",
        "-n",
        shop.namespace,
        "--for=condition=Ready",
        "--timeout=30s",
    )
    status = await shop.until(phase="Healthy")
    conditions = {found["type"]: found for found in status["conditions"]}
    assert conditions["Reconciling"]["status"] == "False"
    assert conditions["Stalled"]["status"] == "False"
    assert conditions["Ready"]["observedGeneration"] == 1


async def test_the_operator_tells_its_own_metrics(open_shop: OpenShop) -> None:
    """Passes, API requests and rollouts by phase; no label names a rollout."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    text = await davy_process.metrics()
    for name in ("davy_reconcile", "davy_api_requests_total", "davy_queue"):
        assert name in text
    assert shop.namespace not in text
