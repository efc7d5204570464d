"""Istio: several VirtualServices, tls and tcp routes, and subsets of neither revision."""

from typing import Any

import pytest

from davy.traffic.base import Json, NotYet, RoutedRollout
from davy.traffic.istio import IstioRouter
from tests.unit.traffic.routes import (
    VIRTUAL_SERVICE,
    Cluster,
    a_cluster,
    a_destination_rule,
    a_rollout,
    a_virtual_service,
    an_http_route_of_istio,
    applied,
    by_services,
    metadata,
    to_host,
    to_subset,
)

ROUTER = IstioRouter()
ISTIO = "spec.strategy.canary.trafficRouting.istio"
CART, EDGE = {"name": "cart"}, {"name": "edge"}


def several(*specs: Json) -> RoutedRollout:
    """The split is in several VirtualServices, between the two Services."""
    return a_rollout({"istio": {"virtualServices": list(specs)}})


def a_split(stable: int, canary: int) -> tuple[Json, Json]:
    """Destinations between the two Services."""
    return to_host("cart-stable", stable), to_host("cart-canary", canary)


def an_http(stable: int, canary: int, name: str | None = None) -> Json:
    """An http route between the two Services."""
    return an_http_route_of_istio(name, *a_split(stable, canary))


def a_tls(port: int, *hosts: str, weights: tuple[int, int] = (100, 0)) -> Json:
    """A tls route between the two Services."""
    return {"match": [{"port": port, "sniHosts": [*hosts]}], "route": [*a_split(*weights)]}


def a_tcp(port: int, weights: tuple[int, int] = (100, 0)) -> Json:
    """A tcp route between the two Services."""
    return {"match": [{"port": port}], "route": [*a_split(*weights)]}


def named(name: str, virtual_service: Json) -> Json:
    """The VirtualService under another name."""
    return {**virtual_service, "metadata": metadata(name)}


def weights(objects: Cluster, *names: str) -> list[list[list[int]]]:
    """The written weights of each route of the VirtualServices, http before tls before tcp."""
    found = {key.name: held for key, held in objects.items() if key.kind == "VirtualService"}
    return [
        [
            [destination["weight"] for destination in route["route"]]
            for kind in ("http", "tls", "tcp")
            for route in found[name]["spec"].get(kind, ())
        ]
        for name in names
    ]


def messages(rollout: RoutedRollout, objects: Cluster) -> dict[str, str]:
    """What is wrong, by path."""
    return {found.path: found.message for found in ROUTER.read(rollout, objects).problems}


def test_all_virtual_services_get_the_weight() -> None:
    """The weight that is read is the highest; one that lags is uneven and brought along."""
    rollout = several(CART, EDGE)
    before = a_cluster(
        a_virtual_service(an_http(90, 10)), named("edge", a_virtual_service(an_http(60, 40)))
    )
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven, state.problems) == (40, True, ())
    assert isinstance(state.verification, NotYet)
    after = applied(before, ROUTER.weights(rollout, before, 40))
    assert weights(after, "cart", "edge") == [[[60, 40]], [[60, 40]]]
    assert ROUTER.weights(rollout, after, 40) == ()


def test_a_missing_virtual_service_is_named_and_the_others_are_aborted() -> None:
    """I3: the weight can't be read, what can be written is; the problem names the one."""
    rollout = several(CART, EDGE)
    objects = a_cluster(a_virtual_service(an_http(60, 40)))
    state = ROUTER.read(rollout, objects)
    assert (state.canary_weight, state.part_weight) == (None, 40)
    assert messages(rollout, objects) == {
        f"{ISTIO}.virtualServices[1].name": (
            "VirtualService shop/edge doesn't exist; create it, with an http route to host "
            "cart-stable and host cart-canary."
        )
    }
    after = applied(objects, ROUTER.weights(rollout, objects, 0))
    assert weights(after, "cart") == [[[100, 0]]]


def test_the_own_namespace_may_stand_behind_the_name() -> None:
    """Argo's `name.namespace`; a name may have dots of its own."""
    rollout = several({"name": "cart.shop"}, CART, {"name": "cart.v1.shop"})
    keys = [key for key in ROUTER.objects(rollout) if key.kind == "VirtualService"]
    assert [(key.namespace, key.name) for key in keys] == [("shop", "cart"), ("shop", "cart.v1")]


def test_tls_and_tcp_routes_are_weighted_where_they_are_named() -> None:
    """By all that they match; a route that isn't named stays as it is (I9)."""
    rollout = several(
        {
            "name": "cart",
            "routes": ["api"],
            "tlsRoutes": [{"port": 443, "sniHosts": ["b.example.com", "a.example.com"]}],
            "tcpRoutes": [{"port": 6379}],
        }
    )
    before = a_cluster(
        a_virtual_service(
            an_http(100, 0, "api"),
            tls=[
                a_tls(443, "a.example.com"),
                a_tls(443, "a.example.com", "b.example.com"),
                a_tls(8443, "a.example.com", "b.example.com"),
            ],
            tcp=[a_tcp(6379), a_tcp(3306)],
        )
    )
    assert ROUTER.read(rollout, before).problems == ()
    after = applied(before, ROUTER.weights(rollout, before, 10))
    http, tls = [[90, 10]], [[100, 0], [90, 10], [100, 0]]
    assert weights(after, "cart") == [[*http, *tls, [90, 10], [100, 0]]]
    assert ROUTER.read(rollout, after).canary_weight == 10


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([{"port": 443}], [[90, 10], [90, 10], [100, 0]]),
        ([{"sniHosts": ["a"]}], [[90, 10], [100, 0], [90, 10]]),
        ([{"port": 443}, {"port": 443, "sniHosts": ["a"]}], [[90, 10], [90, 10], [100, 0]]),
    ],
    ids=["by port", "by sniHosts", "one meant twice"],
)
def test_one_name_may_mean_several_tls_routes(wanted: list[Json], expected: list[Any]) -> None:
    """What isn't said doesn't matter; each route is written once."""
    rollout = several({"name": "cart", "tlsRoutes": wanted})
    before = a_cluster(
        a_virtual_service(tls=[a_tls(443, "a"), a_tls(443, "b"), a_tls(8443, "a")], http=[])
    )
    patches = ROUTER.weights(rollout, before, 10)
    writes = [each["path"] for each in patches[0].operations if each["op"] != "test"]
    assert len(writes) == len(set(writes))
    assert weights(applied(before, patches), "cart") == [expected]


def test_a_tls_route_of_two_ports_is_meant_by_neither() -> None:
    """As Argo reads it: the port that is named is the only one."""
    rollout = several({"name": "cart", "tlsRoutes": [{"port": 443}]})
    route = a_tls(443, "a")
    route["match"].append({"port": 8443, "sniHosts": ["a"]})
    objects = a_cluster(a_virtual_service(tls=[route], http=[]))
    assert ROUTER.read(rollout, objects).canary_weight is None
    assert messages(rollout, objects) == {
        f"{ISTIO}.virtualServices[0].tlsRoutes[0]": (
            "VirtualService shop/cart has no tls route that matches exactly port 443; add it."
        )
    }


def test_a_lone_tls_or_tcp_route_needs_no_name() -> None:
    """Alone it is the route; beside an http route where it splits the same way."""
    alone = a_cluster(a_virtual_service(tls=[a_tls(443, "a", weights=(70, 30))], http=[]))
    assert ROUTER.read(by_services(), alone).canary_weight == 30
    beside = a_cluster(
        a_virtual_service(
            an_http(100, 0),
            tls=[{"route": [to_host("elsewhere", 100)]}],
            tcp=[a_tcp(6379, (50, 50))],
        )
    )
    state = ROUTER.read(by_services(), beside)
    assert (state.canary_weight, state.uneven, state.problems) == (50, True, ())
    after = applied(beside, ROUTER.weights(by_services(), beside, 0))
    assert weights(after, "cart") == [[[100, 0], [100], [100, 0]]]


def with_legacy(stable: int, canary: int, legacy: int) -> Cluster:
    """A split beside a subset of neither revision."""
    route = an_http_route_of_istio(
        None, to_subset("stable", stable), to_subset("legacy", legacy), to_subset("canary", canary)
    )
    rule = a_destination_rule("old", "new")
    rule["spec"]["subsets"].append({"name": "legacy", "labels": {"app": "cart", "tier": "old"}})
    return a_cluster(a_virtual_service(route), rule)


def beside_legacy(*steps: int) -> RoutedRollout:
    """The split leaves subset `legacy` its weight."""
    rule = {
        "name": "cart",
        "stableSubsetName": "stable",
        "canarySubsetName": "canary",
        "additionalSubsetNames": ["legacy"],
    }
    return a_rollout(
        {"istio": {"virtualService": {"name": "cart"}, "destinationRule": rule}},
        stableService=None,
        canaryService=None,
        steps=[{"setWeight": weight} for weight in steps],
    )


@pytest.mark.parametrize(
    ("weight", "stable", "canary"), [(0, 80, 0), (50, 30, 50), (79, 1, 79), (100, 0, 80)]
)
def test_an_additional_subset_keeps_its_weight(weight: int, stable: int, canary: int) -> None:
    """I1: the sum stays 100; the canary's weight is of 100, all is what the others leave."""
    rollout, before = beside_legacy(weight), with_legacy(70, 10, 20)
    assert ROUTER.read(rollout, before).canary_weight == 10
    after = applied(before, ROUTER.weights(rollout, before, weight))
    assert after == with_legacy(stable, canary, 20)
    state = ROUTER.read(rollout, after)
    assert (state.canary_weight, state.uneven, state.problems) == (weight, False, ())


def test_a_weight_without_room_is_said_at_its_step() -> None:
    """Between what additional subsets leave and all there is no weight to write."""
    found = messages(beside_legacy(79, 80, 100), with_legacy(80, 0, 20))
    assert found == {
        "spec.strategy.canary.steps[1].setWeight": (
            "is 80, but destinations of additionalSubsetNames have 20 of 100; write less than 80, "
            "or 100 for all that they leave."
        )
    }


def test_additional_subsets_that_leave_nothing_are_said() -> None:
    """Nothing is written but an abort."""
    objects = with_legacy(0, 1, 100)
    assert "leaves nothing of 100" in str(messages(beside_legacy(10), objects))
    assert ROUTER.weights(beside_legacy(10), objects, 50) == ()
    after = applied(objects, ROUTER.weights(beside_legacy(10), objects, 0))
    assert weights(after, VIRTUAL_SERVICE.name) == [[[1, 100, 0]]]


def test_an_additional_subset_must_exist() -> None:
    """A name that nothing has is a slip."""
    objects = a_cluster(
        a_virtual_service(
            an_http_route_of_istio(None, to_subset("stable", 100), to_subset("canary", 0))
        ),
        a_destination_rule("old", "new"),
    )
    assert messages(beside_legacy(10), objects) == {
        f"{ISTIO}.destinationRule.additionalSubsetNames[0]": (
            "DestinationRule shop/cart has no subset legacy; it has: stable, canary."
        )
    }
