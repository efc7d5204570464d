"""What a revision's pods have for its role, and where they are scheduled; none restarts for it."""

from typing import Any

from tests.lab.kube import Json
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Shop

PAUSED: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]
ROLES: dict[str, Any] = {
    "scaleDownDelaySeconds": 2,
    "stableMetadata": {"labels": {"role": "stable"}},
    "canaryMetadata": {"labels": {"role": "canary"}, "annotations": {"example.com/watch": "yes"}},
}


async def pods(shop: Shop, role: str) -> dict[str, Json]:
    """Metadata of the pods with this role, by uid."""
    found = await shop.lab.kube.list("pod", namespace=shop.namespace, labels=f"role={role}")
    return {each["metadata"]["uid"]: each["metadata"] for each in found}


async def test_pods_change_their_role_in_place(open_shop: OpenShop) -> None:
    """The canary's pods become stable's, the same pods, with stable's label alone."""
    shop = await open_shop(steps=PAUSED, canary=ROLES)
    await shop.healthy()
    assert len(await pods(shop, "stable")) == 4
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        canary = await pods(shop, "canary")
        assert len(canary) == 2
        assert all(found["annotations"]["example.com/watch"] == "yes" for found in canary.values())
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)

        async def all_are_stable() -> bool:
            stable = await pods(shop, "stable")
            return canary.keys() <= stable.keys() and not await pods(shop, "canary")

        await shop.lab.until(all_are_stable, describe="new roles", namespace=shop.namespace)
        stable = await pods(shop, "stable")
        assert "example.com/watch" not in stable[next(iter(canary))]["annotations"]
    assert load.failed() == ()


async def test_metadata_that_is_edited_starts_no_update(open_shop: OpenShop) -> None:
    """I8: no hash sees it, and the pods that run get it."""
    shop = await open_shop(steps=PAUSED, canary=ROLES)
    await shop.healthy()
    before = await shop.status()
    shop.canary["stableMetadata"] = {"labels": {"role": "steady"}}
    await shop.apply()

    async def all_are_steady() -> bool:
        return len(await pods(shop, "steady")) == 4 and not await pods(shop, "stable")

    await shop.lab.until(all_are_steady, describe="other labels", namespace=shop.namespace)
    after = await shop.until(phase="Healthy")
    assert after["currentPodHash"] == before["currentPodHash"]
    assert [entry["revision"] for entry in after["history"]] == [1]


async def test_a_canary_is_scheduled_apart_from_stable(open_shop: OpenShop) -> None:
    """The rule is the canary's alone, and gone when it is stable."""
    apart = {"antiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 50}}}
    shop = await open_shop(steps=PAUSED, canary=apart)
    await shop.healthy()
    await shop.release("v2")
    status = await shop.until(phase="Paused", weight=50)

    async def affinity() -> Any:
        name = f"shop-{status['currentPodHash']}"
        found = await shop.lab.kube.get("replicaset", name, namespace=shop.namespace)
        return found["spec"]["template"]["spec"].get("affinity")

    terms = (await affinity())["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [term["weight"] for term in terms] == [50]
    await shop.edit_status(pauseConditions=None)
    await shop.until(phase="Healthy", weight=0)

    async def is_gone() -> bool:
        return await affinity() is None

    await shop.lab.until(is_gone, describe="no affinity", namespace=shop.namespace)


async def test_the_history_tells_what_became_of_each_update(open_shop: OpenShop) -> None:
    """Aborted, superseded, rolled back, promoted: the newest first."""
    shop = await open_shop(steps=PAUSED, canary={"abortScaleDownDelaySeconds": 1})
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)
    await shop.edit_status(abort=True)
    await shop.until(phase="Degraded", weight=0)
    await shop.release("v3")
    await shop.until(phase="Paused", weight=50)
    await shop.release("v4")
    await shop.until(phase="Paused", weight=50, message_has="Step 2 of 2")
    await shop.release("v1")
    await shop.until(phase="Healthy", weight=0)
    await shop.release("v5")
    await shop.until(phase="Paused", weight=50)
    await shop.edit_status(promoteFull=True)
    status = await shop.until(phase="Healthy", weight=0)
    outcomes = [entry["outcome"] for entry in status["history"]]
    assert outcomes == ["FastPromoted", "RolledBack", "Superseded", "Aborted", "Promoted"]
    assert "at weight 50: by hand" in status["history"][3]["message"]
