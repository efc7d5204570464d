"""Istio: VirtualServices of other namespaces, whose owners allow a rollout to weight its routes."""

from typing import Any, Final

import pytest

from davy.api.group import ApiGroup
from davy.traffic.base import Json, ObjectKey, RoutedRollout
from davy.traffic.istio import IstioRouter
from tests.unit.traffic.routes import (
    MANAGED_BY,
    Cluster,
    PatchRefused,
    a_cluster,
    a_destination_rule,
    a_rollout,
    a_virtual_service,
    an_http_route_of_istio,
    applied,
    to_host,
    to_subset,
)

ROUTER = IstioRouter()
ALLOWED_FROM = ApiGroup().allowed_from_annotation
ELSEWHERE = ObjectKey("networking.istio.io", "VirtualService", "edge", "web")
NAME = "spec.strategy.canary.trafficRouting.istio.virtualService.name"
LOCAL = "shop.svc.cluster.local"
REFUSED = (
    "VirtualService edge/web doesn't exist or doesn't allow rollouts of namespace shop; its owner "
    'allows them by the annotation davy.dev/allowed-from: "shop" on it, a list of namespaces apart '
    "by commas."
)
WITHDRAWN = (
    "VirtualService edge/web doesn't allow rollouts of namespace shop any more, so the canary's "
    "weight can only fall; its owner allows them by the annotation davy.dev/allowed-from: "
    '"shop" on it, a list of namespaces apart by commas.'
)
CLAIMED: Final = {MANAGED_BY: "shop/cart"}
ALLOWED: Final = {ALLOWED_FROM: "shop"}


def by_web(**canary: Any) -> RoutedRollout:
    """The split of shop/cart is in VirtualService edge/web."""
    return a_rollout({"istio": {"virtualService": {"name": "web.edge"}}}, **canary)


def by_subsets_of_web() -> RoutedRollout:
    """The same between two subsets."""
    rule = {"name": "cart", "stableSubsetName": "stable", "canarySubsetName": "canary"}
    routing = {"istio": {"virtualService": {"name": "web.edge"}, "destinationRule": rule}}
    return a_rollout(routing, stableService=None, canaryService=None)


def between(stable: int, canary: int, domain: str = f".{LOCAL}") -> Json:
    """A route between the two Services, whose names end so."""
    return an_http_route_of_istio(
        None, to_host(f"cart-stable{domain}", stable), to_host(f"cart-canary{domain}", canary)
    )


def web(*routes: Json, **annotations: Json) -> Json:
    """VirtualService edge/web."""
    found = a_virtual_service(*routes)
    metadata = {**found["metadata"], "namespace": "edge", "name": "web"}
    return {**found, "metadata": metadata | annotations}


def cluster(annotations: Json | None, *routes: Json, rule: Json | None = None) -> Cluster:
    """The Services of shop and a VirtualService with these annotations (None: it has no map)."""
    more = {} if annotations is None else {"annotations": annotations}
    found = a_cluster(*([rule] if rule else []))
    return {**found, ELSEWHERE: web(*routes, **more)}


def weights_of(objects: Cluster) -> list[list[int]]:
    """The written weights of each http route."""
    routes = objects[ELSEWHERE]["spec"]["http"]
    return [[found["weight"] for found in route["route"]] for route in routes]


def annotations_of(objects: Cluster) -> Json:
    """The annotations of the VirtualService."""
    return dict(objects[ELSEWHERE]["metadata"].get("annotations") or {})


def test_it_is_among_the_objects_that_are_watched() -> None:
    """In its own namespace."""
    assert ELSEWHERE in ROUTER.objects(by_web())


@pytest.mark.parametrize(
    "listed", ["shop", "pay, shop", " shop ,pay", "pay,shop,"], ids=lambda listed: f"<{listed}>"
)
def test_one_that_allows_the_namespace_is_weighted(listed: str) -> None:
    """Read, written and claimed while the canary has weight; its other fields stay (I1, I9)."""
    before = cluster({ALLOWED_FROM: listed, "team": "edge"}, between(100, 0))
    state = ROUTER.read(by_web(), before)
    assert (state.canary_weight, state.problems) == (0, ())
    half = applied(before, ROUTER.weights(by_web(), before, 40))
    assert weights_of(half) == [[60, 40]]
    assert annotations_of(half) == {ALLOWED_FROM: listed, "team": "edge", **CLAIMED}
    assert ROUTER.read(by_web(), half).canary_weight == 40
    assert ROUTER.weights(by_web(), half, 40) == ()
    assert applied(half, ROUTER.weights(by_web(), half, 0)) == before


@pytest.mark.parametrize(
    "annotations",
    [
        None,
        {},
        {ALLOWED_FROM: ""},
        {ALLOWED_FROM: "pay"},
        {ALLOWED_FROM: "*"},
        {ALLOWED_FROM: "shop-2, my-shop"},
        {ALLOWED_FROM: "shop pay"},
        {"argo-rollouts.argoproj.io/allowed-from": "shop"},
        {MANAGED_BY: "shop/other, pay/cart"},
    ],
    ids=repr,
)
def test_without_permission_nothing_is_written(annotations: Json | None) -> None:
    """Not even the way back: it was never this rollout's. What it says isn't told either."""
    before = cluster(annotations, between(60, 40))
    state = ROUTER.read(by_web(), before)
    assert (state.canary_weight, state.part_weight) == (None, None)
    assert [(found.path, found.message) for found in state.problems] == [(NAME, REFUSED)]
    for weight in (0, 20, 40, 100):
        assert ROUTER.weights(by_web(), before, weight) == ()


def test_one_that_is_missing_looks_as_one_that_allows_nothing() -> None:
    """Whether it is there is its namespace's own business."""
    state = ROUTER.read(by_web(), a_cluster())
    assert [found.message for found in state.problems] == [REFUSED]


def test_errors_of_istio_are_told_of_an_open_one_only() -> None:
    """They speak of what is in it."""
    refused = cluster({}, between(100, 0))
    messages = [{"level": "ERROR", "type": {"code": "IST0101", "name": "NotFound"}}]
    refused[ELSEWHERE]["status"] = {"validationMessages": messages}
    assert "IST0101" not in str(ROUTER.read(by_web(), refused))
    allowed = {**refused, ELSEWHERE: {**refused[ELSEWHERE]}}
    allowed[ELSEWHERE]["metadata"] = {**refused[ELSEWHERE]["metadata"], "annotations": ALLOWED}
    assert "IST0101" in str(ROUTER.read(by_web(), allowed).verification)


def test_after_a_withdrawn_permission_the_weight_only_falls() -> None:
    """I3: the way back is written; no route gets more than it had, and the 0 can be seen (I4)."""
    spec = {"name": "web.edge", "routes": ["a", "b"]}
    rollout = a_rollout({"istio": {"virtualService": spec}})
    routes = [{**between(50, 50), "name": "a"}, {**between(90, 10), "name": "b"}]
    before = cluster(CLAIMED, *routes)
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven) == (50, True)
    assert [found.message for found in state.problems] == [WITHDRAWN]
    assert ROUTER.weights(rollout, before, 51) == ()
    lower = applied(before, ROUTER.weights(rollout, before, 20))
    assert weights_of(lower) == [[80, 20], [90, 10]]
    assert annotations_of(lower) == CLAIMED
    back = applied(lower, ROUTER.weights(rollout, lower, 0))
    assert weights_of(back) == [[100, 0], [100, 0]]
    assert annotations_of(back) == CLAIMED
    state = ROUTER.read(rollout, back)
    assert (state.canary_weight, [found.message for found in state.problems]) == (0, [WITHDRAWN])


def test_several_rollouts_stand_in_one_annotation() -> None:
    """Each adds and takes away its own name alone (I9)."""
    others = {**ALLOWED, MANAGED_BY: "pay/checkout, shop/list"}
    before = cluster(others, between(100, 0))
    half = applied(before, ROUTER.weights(by_web(), before, 50))
    assert annotations_of(half)[MANAGED_BY] == "pay/checkout, shop/list, shop/cart"
    assert applied(half, ROUTER.weights(by_web(), half, 0)) == before


def test_a_permission_that_is_withdrawn_meanwhile_fails_the_write() -> None:
    """The generation doesn't tell of annotations, so the patch tests the permission itself."""
    before = cluster(ALLOWED, between(100, 0))
    patches = ROUTER.weights(by_web(), before, 50)
    with pytest.raises((PatchRefused, KeyError)):
        applied(cluster({}, between(100, 0)), patches)
    with pytest.raises(PatchRefused):
        applied(cluster({ALLOWED_FROM: "pay"}, between(100, 0)), patches)


def test_the_way_back_waits_for_no_permission() -> None:
    """I3: a patch that takes the weight away doesn't test it."""
    before = cluster({**ALLOWED, **CLAIMED}, between(50, 50))
    patches = ROUTER.weights(by_web(), before, 0)
    after = applied(cluster(CLAIMED, between(50, 50)), patches)
    assert weights_of(after) == [[100, 0]]


@pytest.mark.parametrize("domain", ["", ".edge", ".edge.svc.cluster.local", ".svc.cluster.local"])
def test_a_short_host_lies_in_the_virtual_service_s_namespace(domain: str) -> None:
    """`cart-stable` there is a Service of edge, whatever shop's is called (I9)."""
    before = cluster(ALLOWED, between(100, 0, domain))
    (first, *_) = ROUTER.read(by_web(), before).problems
    assert first.path == NAME
    assert f"(host cart-stable.{LOCAL})" in first.message
    assert ROUTER.weights(by_web(), before, 50) == ()
    held = cluster({**ALLOWED, **CLAIMED}, between(50, 50, domain))
    after = applied(held, ROUTER.weights(by_web(), held, 0))
    assert (weights_of(after), annotations_of(after)) == ([[50, 50]], ALLOWED)


def test_subsets_count_on_hosts_of_the_rollout_s_namespace_only() -> None:
    """Others have subsets of those names; the DestinationRule is the rollout's own."""
    rollout, rule = by_subsets_of_web(), a_destination_rule()
    mine = [to_subset(role, weight, f"cart.{LOCAL}") for role, weight in _HALF]
    before = cluster({**ALLOWED, **CLAIMED}, an_http_route_of_istio(None, *mine), rule=rule)
    assert ROUTER.read(rollout, before).problems == ()
    assert weights_of(applied(before, ROUTER.weights(rollout, before, 0))) == [[100, 0]]
    for host in ("cart", "cart.edge.svc.cluster.local"):
        others = [to_subset(role, weight, host) for role, weight in _HALF]
        before = cluster({**ALLOWED, **CLAIMED}, an_http_route_of_istio(None, *others), rule=rule)
        assert ROUTER.read(rollout, before).problems
        assert weights_of(applied(before, ROUTER.weights(rollout, before, 0))) == [[50, 50]]


_HALF: Final = (("stable", 50), ("canary", 50))


def test_no_managed_route_is_made_or_taken_away() -> None:
    """A permission for weights: a route of that name is its owner's (I9)."""
    match = [{"headerName": "X-Beta", "headerValue": {"exact": "1"}}]
    steps = [{"setHeaderRoute": {"name": "beta", "match": match}}]
    beta = an_http_route_of_istio("beta", to_host("other", 100))
    held = cluster({**ALLOWED, **CLAIMED}, beta, {**between(50, 50), "name": "primary"})
    named = a_rollout(
        {
            "istio": {"virtualService": {"name": "web.edge", "routes": ["primary"]}},
            "managedRoutes": [{"name": "beta"}],
        },
        steps=steps,
    )
    (found,) = ROUTER.read(named, held).problems
    assert found.path == "spec.strategy.canary.steps[0].setHeaderRoute"
    assert "edge/web is of another namespace, where Davy writes weights only" in found.message
    assert ROUTER.read(named, held).rules == ()
    after = applied(held, ROUTER.weights(named, held, 0))
    assert after[ELSEWHERE]["spec"]["http"][0] == beta
    assert weights_of(after)[1] == [100, 0]


def test_a_route_named_as_a_managed_one_is_its_owner_s() -> None:
    """It is weighted where the rollout names it: no route there is Davy's own."""
    spec = {"name": "web.edge", "routes": ["beta"]}
    rollout = a_rollout(
        {"istio": {"virtualService": spec}, "managedRoutes": [{"name": "beta"}]},
    )
    before = cluster(ALLOWED, {**between(100, 0), "name": "beta"})
    assert ROUTER.read(rollout, before).problems == ()
    assert weights_of(applied(before, ROUTER.weights(rollout, before, 30))) == [[70, 30]]
