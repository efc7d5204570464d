"""What is wrong outside the Rollout's own schema: said in a sentence, gone when it is mended."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.kube import Json
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Router

STEPS = [{"setWeight": 50}, {"pause": {}}]
Break = Callable[[list[Json]], None]


def _of(kind: str, documents: list[Json]) -> Json:
    return next(document for document in documents if document["kind"] == kind)


def _without(kind: str, name: str | None = None) -> Break:
    def change(documents: list[Json]) -> None:
        documents[:] = [
            each
            for each in documents
            if each["kind"] != kind or name not in {None, each["metadata"]["name"]}
        ]

    return change


def _two_routes(documents: list[Json]) -> None:
    http = _of("VirtualService", documents)["spec"]["http"]
    http[0]["name"] = "api"
    http.insert(0, {**http[0], "name": "web", "match": [{"uri": {"prefix": "/web"}}]})


def _third_destination(documents: list[Json]) -> None:
    route = _of("VirtualService", documents)["spec"]["http"][0]["route"]
    route[0]["weight"] = 90
    route.append({"destination": {"host": "elsewhere"}, "weight": 10})


def _no_canary_subset(documents: list[Json]) -> None:
    _of("DestinationRule", documents)["spec"]["subsets"].pop()


def _foreign_host(documents: list[Json]) -> None:
    _of("DestinationRule", documents)["spec"]["host"] = "other"


def _no_rule_with_both(documents: list[Json]) -> None:
    _of("HTTPRoute", documents)["spec"]["rules"][0]["backendRefs"].pop()


def _third_backend(documents: list[Json]) -> None:
    _of("HTTPRoute", documents)["spec"]["rules"][0]["backendRefs"].append(
        {"name": "elsewhere", "port": 80, "weight": 1}
    )


CASES = [
    (Router.ISTIO_SUBSETS, _without("VirtualService"), "VirtualService"),
    (Router.ISTIO_SUBSETS, _without("DestinationRule"), "DestinationRule"),
    (Router.ISTIO_SUBSETS, _two_routes, "api"),
    (Router.ISTIO_SUBSETS, _third_destination, "elsewhere"),
    (Router.ISTIO_SUBSETS, _no_canary_subset, "canary"),
    (Router.ISTIO_SUBSETS, _foreign_host, "other"),
    (Router.ISTIO_SERVICES, _without("Service", "shop-canary"), "shop-canary"),
    (Router.GATEWAY_API, _without("HTTPRoute"), "HTTPRoute"),
    (Router.GATEWAY_API, _no_rule_with_both, "shop-canary"),
    (Router.GATEWAY_API, _third_backend, "elsewhere"),
]


@pytest.mark.parametrize(
    ("router", "change", "says"), CASES, ids=[f"{case[0]}-{case[2]}" for case in CASES]
)
async def test_a_wrong_route_is_named_and_its_mending_noticed(
    open_shop: OpenShop, router: Router, change: Break, says: str
) -> None:
    """InvalidSpec with the object's name; healthy by itself when the route is mended."""
    shop = await open_shop(router, steps=STEPS, applies_network=False)
    if router is Router.ISTIO_SUBSETS:
        shop.canary["trafficRouting"]["istio"]["virtualService"].pop("routes", None)
    good = shop.network()
    bad = shop.network()
    change(bad)
    await shop.lab.apply(bad, namespace=shop.namespace)
    await shop.release("v1")
    status = await shop.until(phase="Degraded", message_has=says)
    assert status["message"].startswith("InvalidSpec: spec.strategy.canary")
    assert "InvalidSpec" in [condition["type"] for condition in status["conditions"]]
    await shop.lab.apply(good, namespace=shop.namespace)
    status = await shop.until(phase="Healthy")
    assert "InvalidSpec" not in [condition["type"] for condition in status["conditions"]]


async def test_a_missing_template_holds_the_rollout_and_is_named(open_shop: OpenShop) -> None:
    """The AnalysisTemplate comes later, as from GitOps: the rollout goes on by itself."""
    steps: list[dict[str, Any]] = [{"analysis": {"templates": [{"templateName": "later"}]}}]
    shop = await open_shop(steps=steps)
    await shop.release("v1")
    await shop.until(phase="Degraded", message_has="there is no AnalysisTemplate later")
    template = shop.analysis()[0]
    template["metadata"]["name"] = "later"
    template["spec"] = {
        "metrics": [
            {
                "name": "always",
                "successCondition": "true",
                "provider": {
                    "prometheus": {"address": shop.lab.prometheus_url, "query": "vector(1)"}
                },
            }
        ]
    }
    await shop.lab.apply(template, namespace=shop.namespace)
    await shop.until(phase="Healthy")


async def test_a_pod_template_that_the_server_refuses_is_said_and_recovers(
    open_shop: OpenShop,
) -> None:
    """The API server's own words, with the path in the template."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    container = shop.rollout["spec"]["template"]["spec"]["containers"][0]
    container["imagePullPolicy"] = "Sometimes"
    await shop.release("v2")
    status = await shop.until(message_has="ReplicaSetCreateError")
    assert "spec.template.spec.containers[0].imagePullPolicy" in status["message"]
    del container["imagePullPolicy"]
    await shop.release("v3")
    await shop.until(phase="Paused", weight=50)


async def test_one_broken_rollout_does_not_hold_another_back(
    open_shop: OpenShop, namespace: str
) -> None:
    """Bad input never blocks another rollout, in the same namespace and while it is looked at."""
    shop = await open_shop(steps=STEPS)
    broken = copy.deepcopy(shop.rollout)
    broken["metadata"] = {"name": "broken"}
    broken["spec"]["selector"]["matchLabels"] = {"app": "broken"}
    broken["spec"]["template"]["metadata"]["labels"] = {"app": "broken"}
    routing = broken["spec"]["strategy"]["canary"]["trafficRouting"]
    routing["istio"]["virtualService"]["name"] = "absent"
    await shop.lab.apply(broken, namespace=namespace)

    async def is_degraded() -> bool:
        found = await shop.lab.kube.get(shop.kind, "broken", namespace=namespace)
        return "VirtualService" in found["status"]["message"]

    await shop.lab.until(is_degraded, describe="broken is Degraded", namespace=namespace)
    await shop.healthy()
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)


async def test_two_rollouts_on_one_destination_rule_are_told_apart(
    open_shop: OpenShop, namespace: str
) -> None:
    """The second names the first: they don't fight over subsets in turn."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    second = copy.deepcopy(shop.rollout)
    second["metadata"] = {"name": "second"}
    await shop.lab.apply(second, namespace=namespace)

    async def is_refused() -> bool:
        found = await shop.lab.kube.get(shop.kind, "second", namespace=namespace)
        return "InvalidSpec" in found["status"]["message"] and "shop" in found["status"]["message"]

    await shop.lab.until(is_refused, describe="the second is refused", namespace=namespace)
    await shop.until(phase="Healthy")
