"""Rollouts with the pod template of a Deployment: to Davy and back under load."""

import asyncio
from typing import Any

import pytest

from tests.lab.rollouts.conftest import OpenShop
from tests.lab.rollouts.test_basic import WITHOUT_ROUTER
from tests.lab.shop import NAME, Router, Shop, now
from tests.lab.workload import Deployed

STEPS: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]
QUICK_DRAIN = {"scaleDownDelaySeconds": 3}
HASH = "rollouts-pod-template-hash"


async def _owners(shop: Shop) -> list[str]:
    """Whose the ReplicaSets are, each: `Deployment` or `Rollout`."""
    found = await shop.lab.kube.list("replicaset", namespace=shop.namespace)
    return sorted(owner["kind"] for each in found for owner in each["metadata"]["ownerReferences"])


@pytest.mark.parametrize("scale_down", ["never", "onsuccess", "progressively"])
@pytest.mark.parametrize("router", [Router.ISTIO_SUBSETS, Router.GATEWAY_API])
async def test_from_a_deployment_to_davy_and_back_no_request_is_lost(
    open_shop: OpenShop, router: Router, scale_down: str
) -> None:
    """I2, I4: taken over under load, a release through its steps, given back under load."""
    shop = await open_shop(router, steps=STEPS, canary=QUICK_DRAIN)
    deployed = Deployed.of(shop, scale_down)
    await deployed.create("v1")
    await deployed.serves("v1")
    async with shop.load(rate=100) as load:
        await load.until(50)
        await shop.apply()
        await shop.until(phase="Healthy")
        if scale_down == "never":
            await deployed.scale(0)
        await deployed.has_pods(0)
        assert await _owners(shop) == ["Deployment", "Rollout"]
        await load.until(100, since=now())

        await deployed.release("v2")
        await shop.until(phase="Paused", weight=50)
        await shop.edit_status(pauseConditions=None)
        status = await shop.until(phase="Healthy", weight=0)
        assert status["workload"].get("taken", False) is (scale_down != "never")
        since = now()
        await load.until(100, since=since)
        assert load.share("v2", since=since).value == 1
        await deployed.has_pods(0)

        await deployed.scale(4)
        await shop.until(message_has="Deployment shop has 4 pods beside it.")
        await shop.lab.kube.delete(shop.kind, NAME, namespace=shop.namespace)
        await deployed.is_alone()
        since = now()
        await load.until(200, since=since)
        assert load.share("v2", since=since).value == 1
    assert load.failed() == ()
    await deployed.has_pods(4)
    for selector in await _selectors(shop):
        assert selector == {"app": "shop"}


async def _selectors(shop: Shop) -> list[dict[str, str]]:
    """By what the two destinations find their pods."""
    if shop.router is Router.ISTIO_SUBSETS:
        kind = "destinationrule.networking.istio.io"
        rule = await shop.lab.kube.get(kind, NAME, namespace=shop.namespace)
        return [subset["labels"] for subset in rule["spec"]["subsets"]]
    services = await shop.lab.kube.list("service", namespace=shop.namespace)
    return [each["spec"]["selector"] for each in services]


async def test_a_deployments_pods_go_one_by_one_and_none_is_missed(open_shop: OpenShop) -> None:
    """I2, progressively: what is wanted is available at every moment, of both together."""
    shop = await open_shop(steps=[], canary=WITHOUT_ROUTER)
    deployed = Deployed.of(shop, "progressively")
    await deployed.create("v1")
    await deployed.serves("v1")
    fewest: list[int] = []

    async def is_over() -> bool:
        rollout, found = await shop.status(), await deployed.get()
        deployment = found.get("status") or {}
        own = rollout.get("availableReplicas", 0)
        fewest.append(own + deployment.get("availableReplicas", 0))
        return bool(rollout.get("phase") == "Healthy" and found["spec"]["replicas"] == 0)

    async with shop.load(rate=100) as load:
        await load.until(50)
        await shop.apply()
        await shop.lab.until(is_over, describe="taken over", namespace=shop.namespace)
        await load.until(100, since=now())
    assert min(fewest) >= 4 - 1, "the two statuses are read one after the other"
    assert load.failed() == ()


async def test_what_isnt_its_template_starts_no_release(open_shop: OpenShop) -> None:
    """I8: a scale, a label, an annotation; a restart of the Deployment is a change of it."""
    shop = await open_shop(steps=STEPS, canary=QUICK_DRAIN)
    deployed = Deployed.of(shop, "never")
    await deployed.create("v1")
    await deployed.serves("v1")
    await shop.apply()
    first = (await shop.until(phase="Healthy"))["currentPodHash"]
    patch, namespace = shop.lab.kube.patch, shop.namespace
    marks = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}
    await patch("deployment", NAME, marks, namespace=namespace)
    await deployed.scale(2)
    await shop.until(phase="Healthy", message_has="Deployment shop has 2 pods beside it.")
    assert (await shop.status())["currentPodHash"] == first
    restarted = {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}
    await patch("deployment", NAME, {"spec": restarted}, namespace=namespace)
    await shop.until(phase="Paused", weight=50)
    assert (await shop.status())["currentPodHash"] != first


async def test_a_deployment_that_is_missing_is_said_and_takes_nothing_with_it(
    open_shop: OpenShop,
) -> None:
    """Before the first revision nothing is made; later nothing is scaled, an abort is obeyed."""
    shop = await open_shop(steps=STEPS, canary=QUICK_DRAIN)
    deployed = Deployed.of(shop, "onsuccess")
    await shop.apply()
    await shop.until(phase="Degraded", message_has="there is no Deployment shop (apps/v1)")
    await deployed.create("v1")
    await deployed.serves("v1")
    await shop.until(phase="Healthy")
    await deployed.has_pods(0)
    async with shop.load() as load:
        await deployed.release("v2")
        await shop.until(phase="Paused", weight=50)
        await shop.lab.kube.delete("deployment", NAME, namespace=shop.namespace)
        await shop.until(phase="Degraded", message_has="there is no Deployment shop (apps/v1)")
        await load.until(60, since=now())
        await shop.edit_status(abort=True)
        await shop.until(weight=0)
    assert load.failed() == ()
    sets = await shop.lab.kube.list("replicaset", namespace=shop.namespace, labels=HASH)
    assert max(each["spec"]["replicas"] for each in sets) == 4


@pytest.mark.parametrize(
    ("api_version", "kind"), [("v1", "PodTemplate"), ("apps/v1", "ReplicaSet")]
)
async def test_other_workloads_give_their_template_too(
    open_shop: OpenShop, api_version: str, kind: str
) -> None:
    """A PodTemplate is watched; a ReplicaSet without Davy's label is read once a minute."""
    shop = await open_shop(steps=[], canary=WITHOUT_ROUTER)
    deployed = Deployed.of(shop, "never")
    spec = shop.rollout["spec"]
    spec["selector"] = {"matchLabels": {"app": NAME}}
    spec["workloadRef"] = {"apiVersion": api_version, "kind": kind, "name": NAME}
    held: dict[str, Any] = {"template": deployed.with_version("v1")}
    if kind == "ReplicaSet":
        held = {"spec": {"replicas": 0, "selector": spec["selector"], **held}}
    made = {"apiVersion": api_version, "kind": kind, "metadata": {"name": NAME}, **held}
    await shop.lab.apply(made, namespace=shop.namespace)
    await shop.apply()
    first = (await shop.until(phase="Healthy"))["stableRS"]
    changed: dict[str, Any] = {"template": deployed.with_version("v2")}
    change = {"spec": changed} if kind == "ReplicaSet" else changed
    await shop.lab.kube.patch(kind.lower(), NAME, change, namespace=shop.namespace)

    async def is_promoted() -> bool:
        return bool((await shop.status())["stableRS"] != first)

    await shop.lab.until(
        is_promoted, timeout=120, describe="the template's release", namespace=shop.namespace
    )


async def test_a_deployment_adopts_none_of_a_rollouts_replica_sets(open_shop: OpenShop) -> None:
    """Both select by the same labels; each has an owner, and keeps it while the other is busy."""
    shop = await open_shop(steps=[], canary=WITHOUT_ROUTER)
    deployed = Deployed.of(shop, "never")
    await deployed.create("v1")
    await deployed.serves("v1")
    await shop.apply()
    await shop.until(phase="Healthy")
    await deployed.release("v2")
    await asyncio.gather(
        shop.until(phase="Healthy", message_has="Revision 2 is stable"), deployed.has_pods(4)
    )
    assert await _owners(shop) == ["Deployment", "Deployment", "Rollout", "Rollout"]
    pods = await shop.lab.kube.list("pod", namespace=shop.namespace)
    both = [each for each in pods if {HASH, "pod-template-hash"} <= {*each["metadata"]["labels"]}]
    assert both == []
