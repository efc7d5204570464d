"""Good releases: each router, step by step, no request lost."""

import copy
from collections import Counter
from typing import Any

import pytest

from tests.lab import audit
from tests.lab import davy as davy_process
from tests.lab.lab import Lab
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Router, now

STEPS = [
    {"setWeight": 10},
    {"pause": {"duration": "3s"}},
    {"setWeight": 50},
    {"pause": {}},
    {"setWeight": 100},
]
PAUSED: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]
QUICK = [{"setWeight": 50}, {"pause": {"duration": "1s"}}]


@pytest.mark.parametrize("router", list(Router))
async def test_a_good_release_loses_no_request_and_keeps_its_shares(
    open_shop: OpenShop, router: Router
) -> None:
    """I2, I4, I5: 10, 50, 100 with pauses; the observed share is the written weight's."""
    shop = await open_shop(router, steps=STEPS, canary={"scaleDownDelaySeconds": 3})
    await shop.healthy("v1")
    async with shop.load(rate=100) as load:
        await load.until(50)
        await shop.release("v2")
        await shop.until(weight=10, step=1)
        since = now()
        await shop.until(weight=50, step=3, phase="Paused")
        at_10 = load.share("v2", since=since, until=None)
        since = now()
        await load.until(400, since=since)
        at_50 = load.share("v2", since=since)
        assert at_50.agrees(50), at_50
        assert 0.02 < at_10.value < 0.5, at_10
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
        since = now()
        await load.until(200, since=since)
        assert load.share("v2", since=since).value == 1
        await shop.until(message_has="is stable and has all traffic.")
        await shop.lab.until(lambda: _only_new_pods(shop.lab, shop.namespace), describe="drained")
    assert load.failed() == ()
    status = await shop.status()
    assert status["stableRS"] == status["currentPodHash"]
    told = [reason for reason, _ in await shop.events()]
    assert told.count("RolloutCompleted") == 2
    assert told.count("RolloutStepCompleted") == 5
    assert ("TrafficWeightUpdated", "Canary weight 10 → 50, step 3 of 5") in await shop.events()


async def _only_new_pods(lab: Lab, namespace: str) -> bool:
    sets = await lab.kube.list("replicaset", namespace=namespace)
    return sorted(each["spec"]["replicas"] for each in sets) == [0, 4]


async def test_the_first_release_waits_for_all_pods_and_needs_no_steps(
    open_shop: OpenShop,
) -> None:
    """The first revision is stable when its pods are; the route is narrowed to them."""
    shop = await open_shop(steps=STEPS)
    await shop.release("v1")
    status = await shop.until(phase="Healthy")
    assert status["currentStep"] == "5/5"
    assert status["availableReplicas"] == 4
    rule = await shop.lab.kube.get(
        "destinationrule.networking.istio.io", "shop", namespace=shop.namespace
    )
    labels = [subset["labels"] for subset in rule["spec"]["subsets"]]
    assert labels == [{"app": "shop", "rollouts-pod-template-hash": status["stableRS"]}] * 2


async def test_a_rollout_without_steps_goes_straight_to_100(open_shop: OpenShop) -> None:
    """No steps: all pods first, then all traffic, and none lost."""
    shop = await open_shop(steps=[])
    await shop.healthy()
    async with shop.load() as load:
        await load.until(30)
        await shop.release("v2")
        await shop.until(phase="Healthy", weight=0)
        since = now()
        await load.until(50, since=since)
    assert load.share("v2", since=since).value == 1
    assert load.failed() == ()


async def test_only_weights_and_hashes_of_the_users_objects_change(open_shop: OpenShop) -> None:
    """I9: the user's fields, rules, order and labels stay as they were."""
    shop = await open_shop(steps=QUICK)
    kinds = {
        "VirtualService": "virtualservice.networking.istio.io",
        "DestinationRule": "destinationrule.networking.istio.io",
        "Service": "service",
    }
    before = {
        kind: await shop.lab.kube.get(name, "shop", namespace=shop.namespace)
        for kind, name in kinds.items()
    }
    await shop.healthy()
    await shop.release("v2")
    status = await shop.until(phase="Healthy", weight=0)
    for kind, name in kinds.items():
        after = await shop.lab.kube.get(name, "shop", namespace=shop.namespace)
        for subset in after["spec"].get("subsets", ()):
            assert subset["labels"].pop("rollouts-pod-template-hash") == status["stableRS"]
        assert after["spec"] == before[kind]["spec"], kind


async def test_every_rule_of_an_httproute_with_both_services_is_weighted(
    open_shop: OpenShop,
) -> None:
    """Two rules hold both services and go together; a third, with one of them, is left alone."""
    shop = await open_shop(Router.GATEWAY_API, steps=PAUSED, applies_network=False)
    network = shop.network()
    route = next(each for each in network if each["kind"] == "HTTPRoute")
    rules = route["spec"]["rules"]
    for path, services in (("/second", 2), ("/stable", 1)):
        match = {"path": {"type": "PathPrefix", "value": path}}
        refs = copy.deepcopy(rules[0]["backendRefs"][:services])
        rules.append({"matches": [match], "backendRefs": refs})
    await shop.lab.apply(network, namespace=shop.namespace)
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        found = (await shop.route())["spec"]["rules"]
        weights = [[ref["weight"] for ref in rule["backendRefs"]] for rule in found]
        assert weights == [[50, 50], [50, 50], [100]]
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


async def test_an_idle_operator_writes_and_reads_nothing(open_shop: OpenShop, lab: Lab) -> None:
    """A healthy rollout costs no request, lease and resync do: resourceVersions stand still."""
    shop = await open_shop(steps=QUICK, canary={"scaleDownDelaySeconds": 0})
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Healthy", weight=0)
    await lab.until(lambda: _only_new_pods(lab, shop.namespace), describe="drained")
    await shop.until(message_has="has all traffic.")
    before = len(_requests(lab, shop.namespace))
    versions = (await shop.get())["metadata"]["resourceVersion"]
    async with shop.load(rate=50) as load:
        await load.until(150)
    since_then = Counter(_requests(lab, shop.namespace)[before:])
    assert all(count == 1 and each.verb == "list" for each, count in since_then.items()), since_then
    assert (await shop.get())["metadata"]["resourceVersion"] == versions


def _requests(lab: Lab, namespace: str) -> list[audit.Request]:
    """What Davy asked for here and of the whole cluster, but for watches and the lease.

    What it does in the namespaces of earlier tests, which are being deleted, is theirs.
    """
    return [
        each
        for each in audit.requests(audit.log(lab.folder), davy_process.USER)
        if each.namespace in ("", namespace) and each.verb != "watch" and each.resource != "leases"
    ]
