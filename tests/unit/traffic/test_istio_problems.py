"""Istio: each way to be wrong has its own sentence, with the path in the rollout (I10)."""

from typing import Any

import pytest

from davy.traffic.base import Json, RoutedRollout
from davy.traffic.istio import IstioRouter
from tests.unit.traffic.routes import (
    DESTINATION_RULE,
    MANAGED_BY,
    VIRTUAL_SERVICE,
    Cluster,
    a_cluster,
    a_destination_rule,
    a_rollout,
    a_virtual_service,
    an_http_route_of_istio,
    by_services,
    by_subsets,
    to_host,
    to_subset,
    without,
)

ROUTER = IstioRouter()
VIRTUAL = "spec.strategy.canary.trafficRouting.istio.virtualService"
RULE = "spec.strategy.canary.trafficRouting.istio.destinationRule"


def a_split(name: str | None = None, stable: int = 100, canary: int = 0) -> Json:
    """An http route between the two Services."""
    return an_http_route_of_istio(
        name, to_host("cart-stable", stable), to_host("cart-canary", canary)
    )


def services(*destinations: Json, name: str | None = "api") -> Cluster:
    """VirtualService shop/cart with one http route to these."""
    return a_cluster(a_virtual_service(an_http_route_of_istio(name, *destinations)))


def subsets(rule: Json, *destinations: Json) -> Cluster:
    """One http route between subsets, and this DestinationRule."""
    to = destinations or (to_subset("stable", 100), to_subset("canary", 0))
    return a_cluster(a_virtual_service(an_http_route_of_istio("api", *to)), rule)


def a_delegate(**more: str) -> Json:
    """An http route that another VirtualService has the destinations of."""
    return {"name": "api", "delegate": {"name": "cart-routes", **more}}


def a_rule_with(*names: str, **spec: Any) -> Json:
    """A DestinationRule with these subsets."""
    return a_destination_rule(
        **{"subsets": [{"name": name, "labels": {"app": "cart"}} for name in names], **spec}
    )


def claimed(rule: Json, owner: str) -> Json:
    """The object with another rollout's claim."""
    rule["metadata"]["annotations"] = {MANAGED_BY: owner}
    return rule


def same_subset() -> RoutedRollout:
    """Both roles are one subset."""
    rule = {"name": "cart", "stableSubsetName": "all", "canarySubsetName": "all"}
    routing = {"istio": {"virtualService": {"name": "cart"}, "destinationRule": rule}}
    return a_rollout(routing, stableService=None, canaryService=None)


Case = tuple[RoutedRollout, Cluster, str, str]

PROBLEMS: dict[str, Case] = {
    "no VirtualService": (
        by_services(),
        without(a_cluster(), VIRTUAL_SERVICE),
        f"{VIRTUAL}.name",
        (
            "VirtualService shop/cart doesn't exist; create it, with an http route to host "
            "cart-stable and host cart-canary."
        ),
    ),
    "no http routes": (
        by_services(),
        a_cluster(a_virtual_service()),
        f"{VIRTUAL}.name",
        (
            "VirtualService shop/cart has no http routes; add one to host cart-stable and host "
            "cart-canary."
        ),
    ),
    "only tls and tcp": (
        by_services(),
        a_cluster(a_virtual_service(tls=[{}], tcp=[{}])),
        f"{VIRTUAL}.tlsRoutes",
        (
            "VirtualService shop/cart has 2 tls and tcp routes; name one in "
            "trafficRouting.istio.virtualService.tlsRoutes: tls route tls[0], tcp route tcp[0]."
        ),
    ),
    "several routes to both": (
        by_services(),
        a_cluster(a_virtual_service(a_split("api"), a_split("web"), a_split("legacy"))),
        f"{VIRTUAL}.routes",
        (
            "VirtualService shop/cart has 3 http routes to both services; name one in "
            "trafficRouting.istio.virtualService.routes: api, web, legacy."
        ),
    ),
    "several routes, one to both": (
        by_services(),
        a_cluster(
            a_virtual_service(
                an_http_route_of_istio("preview", to_host("cart-canary")), a_split(None)
            )
        ),
        f"{VIRTUAL}.routes",
        (
            "VirtualService shop/cart has 2 http routes; name one in "
            "trafficRouting.istio.virtualService.routes: preview, (one without a name: give it "
            "one)."
        ),
    ),
    "no route of that name": (
        by_services("web"),
        a_cluster(a_virtual_service(a_split("api"), a_split("admin"))),
        f"{VIRTUAL}.routes[0]",
        "VirtualService shop/cart has no http route named web; it has: api, admin.",
    ),
    "two routes of that name": (
        by_services("api"),
        a_cluster(a_virtual_service(a_split("api"), a_split("api"))),
        f"{VIRTUAL}.routes[0]",
        "VirtualService shop/cart has 2 http routes named api; give each its own name.",
    ),
    "a delegate": (
        by_services("api"),
        a_cluster(a_virtual_service(a_delegate())),
        f"{VIRTUAL}.routes[0]",
        (
            "http route api of VirtualService shop/cart delegates to another VirtualService; name "
            "that one in virtualService.name: cart-routes."
        ),
    ),
    "a delegate of another namespace": (
        by_services("api"),
        a_cluster(a_virtual_service(a_delegate(namespace="edge"))),
        f"{VIRTUAL}.routes[0]",
        (
            "http route api of VirtualService shop/cart delegates to another VirtualService; name "
            "that one in virtualService.name: cart-routes.edge."
        ),
    ),
    "a redirect": (
        by_services(),
        a_cluster(a_virtual_service({"name": "api", "redirect": {"uri": "/"}})),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart has no destinations; it must send its "
            "traffic to host cart-stable and host cart-canary."
        ),
    ),
    "no canary destination": (
        by_services(),
        services(to_host("cart-stable")),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart has no destination for canary (host "
            "cart-canary); it has: host cart-stable."
        ),
    ),
    "two canary destinations": (
        by_services(),
        services(
            to_host("cart-stable", 80), to_host("cart-canary", 10), to_host("cart-canary", 10)
        ),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart has 2 destinations for canary (host "
            "cart-canary); leave one."
        ),
    ),
    "a third destination": (
        by_services(),
        services(to_host("cart-stable", 80), to_host("cart-canary", 10), to_host("legacy", 10)),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart has a destination that is neither host "
            "cart-stable nor host cart-canary: host legacy; remove it."
        ),
    ),
    "a sum that isn't 100": (
        by_services(),
        services(to_host("cart-stable", 50), to_host("cart-canary", 30)),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart has weights 50 and 30, in sum 80; write "
            "100 and 0."
        ),
    ),
    "a malformed weight": (
        by_services(),
        services(to_host("cart-stable", 50), to_host("cart-canary", -1)),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart has a weight that isn't a whole number "
            "from 0 (route[1]); write 0."
        ),
    ),
    "no host": (
        by_services(),
        services(to_host("cart-stable", 50), {"destination": {}}),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart has a destination without a host "
            "(route[1]); write host cart-stable and host cart-canary."
        ),
    ),
    "no stableService": (
        a_rollout({"istio": {"virtualService": {"name": "cart"}}}, stableService=None),
        services(to_host("cart-canary")),
        "spec.strategy.canary.stableService",
        (
            "isn't set; without istio.destinationRule the weights are split between two Services: "
            "name the Service of the stable pods."
        ),
    ),
    "no DestinationRule": (
        by_subsets(),
        without(subsets(a_destination_rule()), DESTINATION_RULE),
        f"{RULE}.name",
        (
            "DestinationRule shop/cart doesn't exist; create it for the route's host, with the "
            "subsets stable and canary."
        ),
    ),
    "no such subset": (
        by_subsets(),
        subsets(a_rule_with("stable", "v2")),
        f"{RULE}.canarySubsetName",
        "DestinationRule shop/cart has no subset canary; it has: stable, v2.",
    ),
    "two such subsets": (
        by_subsets(),
        subsets(a_rule_with("stable", "canary", "stable")),
        f"{RULE}.stableSubsetName",
        "DestinationRule shop/cart has 2 subsets named stable; leave one.",
    ),
    "one subset for both": (
        same_subset(),
        subsets(a_rule_with("all")),
        f"{RULE}.canarySubsetName",
        "is all, as stableSubsetName; weights need two subsets.",
    ),
    "a subset of other pods": (
        by_subsets(),
        subsets(
            a_rule_with(
                "stable",
                "canary",
                subsets=[
                    {"name": "stable"},
                    {"name": "canary", "labels": {"version": "v2"}},
                ],
            )
        ),
        f"{RULE}.canarySubsetName",
        (
            "subset canary of DestinationRule shop/cart selects version=v2, but the pod template "
            "has app=cart, tier=web; it would find no pods."
        ),
    ),
    "labels that are none": (
        by_subsets(),
        subsets(
            a_rule_with(
                "stable",
                "canary",
                subsets=[
                    {"name": "stable"},
                    {"name": "canary", "labels": ["v2"]},
                ],
            )
        ),
        f"{RULE}.canarySubsetName",
        (
            "subset canary of DestinationRule shop/cart selects by something that isn't a map of "
            "labels; write key: value."
        ),
    ),
    "another host": (
        by_subsets(),
        subsets(a_destination_rule(host="basket.shop.svc.cluster.local")),
        f"{VIRTUAL}.name",
        (
            "http route api of VirtualService shop/cart sends subset canary of host cart, but the "
            "DestinationRule is for host basket.shop; make the hosts the same."
        ),
    ),
    "another namespace's host": (
        by_subsets(),
        subsets(a_destination_rule(host="cart.billing.svc.cluster.local")),
        f"{RULE}.name",
        (
            "DestinationRule shop/cart is for host cart.billing.svc.cluster.local, a Service of "
            "namespace billing; a rollout moves the traffic of its own namespace, shop, only."
        ),
    ),
    "every host of another namespace": (
        by_subsets(),
        subsets(a_destination_rule(host="*.billing.svc.cluster.local")),
        f"{RULE}.name",
        (
            "DestinationRule shop/cart is for host *.billing.svc.cluster.local, a Service of "
            "namespace billing; a rollout moves the traffic of its own namespace, shop, only."
        ),
    ),
    "no host in the rule": (
        by_subsets(),
        subsets(a_destination_rule(host="")),
        f"{RULE}.name",
        "DestinationRule shop/cart has no host; write the host of the route.",
    ),
    "another rollout's rule": (
        by_subsets(),
        subsets(claimed(a_destination_rule(), "basket")),
        f"{RULE}.name",
        (
            "DestinationRule shop/cart is managed by rollout basket (annotation "
            "davy.dev/managed-by-rollouts); name another DestinationRule, or remove the annotation "
            "if that rollout is gone."
        ),
    ),
    "subsets of a narrowed Service": (
        by_subsets(stableService="cart-stable"),
        subsets(
            a_destination_rule(host="cart-stable"),
            to_subset("stable", 100, "cart-stable"),
            to_subset("canary", 0, "cart-stable"),
        ),
        "spec.strategy.canary.stableService",
        (
            "Service shop/cart-stable is narrowed to the stable pods, but DestinationRule "
            "shop/cart splits it into subsets, one of which would be empty; unset it, or name "
            "another Service."
        ),
    ),
}


@pytest.mark.parametrize(
    ("rollout", "objects", "path", "sentence"), PROBLEMS.values(), ids=PROBLEMS
)
def test_what_is_wrong_is_said_in_one_sentence(
    rollout: RoutedRollout, objects: Cluster, path: str, sentence: str
) -> None:
    """What is, what would be right, and where the rollout names it."""
    found = [(problem.path, problem.message) for problem in ROUTER.read(rollout, objects).problems]
    assert (path, sentence) in found


UNREADABLE = (
    "no VirtualService",
    "no http routes",
    "no route of that name",
    "a delegate",
    "a redirect",
    "a malformed weight",
    "no host",
)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_route_that_cannot_be_read_has_no_weight(name: str) -> None:
    """I4: not known is not 0."""
    rollout, objects, _, _ = PROBLEMS[name]
    assert ROUTER.read(rollout, objects).canary_weight is None


@pytest.mark.parametrize(
    "name",
    [
        "another rollout's rule",
        "another namespace's host",
        "every host of another namespace",
        "no such subset",
        "one subset for both",
        "a subset of other pods",
        "labels that are none",
        "no DestinationRule",
    ],
)
def test_a_subset_with_a_problem_is_not_narrowed(name: str) -> None:
    """I9: what isn't surely the rollout's stays as it is."""
    rollout, objects, _, _ = PROBLEMS[name]
    assert ROUTER.target(rollout, objects, "canary", "new") == ()
