"""What holds for every route, however it looks: no exception, no stray write, a sum of 100."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.traffic.base import RoutedRollout
from davy.traffic.registry import router_for
from davy.traffic.services import ROLES
from tests.unit.traffic.routes import (
    Cluster,
    a_backend,
    a_cluster,
    a_destination_rule,
    a_rule,
    a_service,
    a_virtual_service,
    an_http_route,
    an_http_route_of_istio,
    applied,
    by_http_routes,
    by_services,
    by_several,
    by_subsets,
    metadata,
    to_host,
    to_subset,
)

OWNED = re.compile(
    r"/spec/(http|tls)/\d+/route/\d+/weight"
    r"|/spec/rules/\d+/backendRefs/\d+/weight"
    r"|/spec/subsets/\d+/labels(/rollouts-pod-template-hash)?"
    r"|/spec/selector/rollouts-pod-template-hash"
    r"|/metadata(/annotations(/davy\.dev~1managed-by-rollouts)?)?"
)
"""Paths that Davy may write (I9); a container only when it isn't there."""


class Kind(NamedTuple):
    """One form of a route."""

    rollout: RoutedRollout
    objects: Callable[[list[tuple[int | None, int | None]]], Cluster]
    """From the weights of stable and canary in each of two rules."""


Weights = list[tuple[int | None, int | None]]


def _of_services(weights: Weights) -> Cluster:
    api, web = (
        an_http_route_of_istio(name, to_host("cart-stable", a), to_host("cart-canary", b))
        for name, (a, b) in zip(("api", "web"), weights, strict=True)
    )
    own = an_http_route_of_istio("own", to_host("cart-stable", 3), to_host("cart-canary", 4))
    return a_cluster(a_virtual_service(api, own, web))


def _of_subsets(weights: Weights) -> Cluster:
    api, web = (
        an_http_route_of_istio(name, to_subset("canary", b), to_subset("stable", a))
        for name, (a, b) in zip(("api", "web"), weights, strict=True)
    )
    return a_cluster(a_virtual_service(api, web), a_destination_rule("old"))


def _of_http_routes(weights: Weights) -> Cluster:
    rules = [a_rule(a_backend("cart-stable", a), a_backend("cart-canary", b)) for a, b in weights]
    return a_cluster(
        an_http_route(rules[0], a_rule(a_backend("cart-canary"))),
        an_http_route(rules[1], name="web"),
        a_service("cart-stable", "old"),
    )


def _of_several(weights: Weights) -> Cluster:
    (a, b), (c, d) = weights
    api = an_http_route_of_istio("api", to_subset("canary", b), to_subset("stable", a))
    tls = {"match": [{"port": 443}], "route": [to_subset("stable", c), to_subset("canary", d)]}
    edge = {**a_virtual_service(tls=[tls]), "metadata": metadata("edge")}
    return a_cluster(a_virtual_service(api), edge, a_destination_rule("old"))


KINDS = {
    "several": Kind(by_several(), _of_several),
    "services": Kind(by_services("api", "web"), _of_services),
    "subsets": Kind(by_subsets("api", "web"), _of_subsets),
    "HTTPRoutes": Kind(by_http_routes("cart", "web"), _of_http_routes),
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)

percent = st.integers(0, 100)
written = st.one_of(st.none(), st.integers(0, 1_000_000))
two_rules = st.lists(st.tuples(written, written), min_size=2, max_size=2)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 200)
    | st.integers()
    | st.floats()
    | st.text("ab/~<é9", max_size=4)
    | st.sampled_from(["cart-stable", "cart-canary", "stable", "canary", "api", "web", "cart"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text("ab/~", max_size=2)
            | st.sampled_from(
                ["name", "host", "weight", "route", "destination", "backendRefs", "labels"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def places(found: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each value in the object, but the object itself."""
    match found:
        case dict():
            inner = [(key, found[key]) for key in found]
        case list():
            inner = list(enumerate(found))
        case _:
            inner = []
    return [place for key, value in inner for place in ((*path, key), *places(value, (*path, key)))]


@st.composite
def strange(draw: st.DrawFn, kind: Kind) -> Cluster:
    """Objects of which up to three places hold anything, or nothing."""
    objects = copy.deepcopy(kind.objects([(60, 40), (60, 40)]))
    for _ in range(draw(st.integers(1, 3))):
        root = objects[draw(st.sampled_from(sorted(objects)))]
        place = draw(st.sampled_from(places(root)))
        around: Any = root
        for key in place[:-1]:
            around = around[key]
        if draw(st.booleans()):
            around[place[-1]] = draw(anything)
        else:
            del around[place[-1]]
        if not root:
            root["kind"] = "Strange"
    return objects


def stripped(objects: Cluster) -> str:
    """The objects as JSON without what Davy owns, each key in its order."""
    rest = copy.deepcopy(objects)
    for found in rest.values():
        found.get("metadata", {}).get("annotations", {}).pop("davy.dev/managed-by-rollouts", None)
        if not found["metadata"].get("annotations", True):
            del found["metadata"]["annotations"]
        spec = found["spec"]
        spec.get("selector", {}).pop("rollouts-pod-template-hash", None)
        for subset in spec.get("subsets", ()):
            subset["labels"].pop("rollouts-pod-template-hash", None)
        for route in (*spec.get("http", ()), *spec.get("tls", ()), *spec.get("rules", ())):
            for destination in (*route.get("route", ()), *route.get("backendRefs", ())):
                if route.get("name") != "own":
                    destination.pop("weight", None)
    return json.dumps([[str(key), found] for key, found in rest.items()])


def sums(objects: Cluster) -> set[int]:
    """The sum of the weights in each rule with both sides that the rollout manages."""
    found = set()
    for root in objects.values():
        spec = root["spec"]
        for route in (*spec.get("http", ()), *spec.get("tls", ()), *spec.get("rules", ())):
            destinations = [*route.get("route", ()), *route.get("backendRefs", ())]
            if len(destinations) > 1 and route.get("name") != "own":
                found.add(sum(destination["weight"] for destination in destinations))
    return found


@every_kind
@given(weights=two_rules, weight=percent)
def test_a_weight_that_is_written_is_read_again(kind: Kind, weights: Weights, weight: int) -> None:
    """I1, I9: whatever a user wrote, `weights` makes it so, in sum 100, and nothing else."""
    router, before = router_for(kind.rollout.canary), kind.objects(weights)
    after = applied(before, router.weights(kind.rollout, before, weight))
    state = router.read(kind.rollout, after)
    assert (state.canary_weight, state.uneven, state.problems) == (weight, False, ())
    assert router.weights(kind.rollout, after, weight) == ()
    assert sums(after) == {100}
    assert stripped(after) == stripped(before)


@every_kind
@given(weights=two_rules)
def test_a_canary_with_traffic_is_never_said_to_have_none(kind: Kind, weights: Weights) -> None:
    """I4: 0 is only read where each rule's canary weight is 0 or, in Istio, absent."""
    router, objects = router_for(kind.rollout.canary), kind.objects(weights)
    default = 1 if kind.rollout.canary.routing.istio is None else 0
    canary = [default if weight is None else weight for _, weight in weights]
    assert (router.read(kind.rollout, objects).canary_weight == 0) is (max(canary) == 0)


@every_kind
@given(weights=two_rules, role=st.sampled_from(ROLES))
def test_a_role_that_is_narrowed_is_read_again(kind: Kind, weights: Weights, role: Any) -> None:
    """I9: `target` writes hash and claim, once, and touches nothing else."""
    router, before = router_for(kind.rollout.canary), kind.objects(weights)
    after = applied(before, router.target(kind.rollout, before, role, "6fd9"))
    state = router.read(kind.rollout, after)
    assert {"stable": state.stable_hash, "canary": state.canary_hash}[role] == "6fd9"
    assert router.target(kind.rollout, after, role, "6fd9") == ()
    assert stripped(after) == stripped(before)


@every_kind
@settings(max_examples=60)
@given(data=st.data(), weight=percent)
def test_strange_objects_raise_nothing_and_get_no_stray_write(
    kind: Kind, data: st.DataObject, weight: int
) -> None:
    """I9, I10: anything anywhere gives problems, not exceptions; patches apply, to owned leaves."""
    router, rollout = router_for(kind.rollout.canary), kind.rollout
    objects = data.draw(strange(kind))
    state = router.read(rollout, objects)
    patches = [
        *router.weights(rollout, objects, weight),
        *router.weights(rollout, objects, 0),
        *(patch for role in ROLES for patch in router.target(rollout, objects, role, "6fd9")),
    ]
    for patch in patches:
        applied(objects, (patch,))
        for operation in patch.operations:
            assert operation["op"] == "test" or OWNED.fullmatch(operation["path"])
    assert state.canary_weight is None or 0 <= state.canary_weight <= 100
    assert state.canary_weight is not None or state.problems
    assert all(isinstance(problem.message, str) for problem in state.problems)


@every_kind
@settings(max_examples=60)
@given(data=st.data())
def test_an_abort_of_strange_objects_leaves_no_readable_canary_weight(
    kind: Kind, data: st.DataObject
) -> None:
    """I3: after `weights(0)` a weight that can be read is 0, unless no stable can take it."""
    router, rollout = router_for(kind.rollout.canary), kind.rollout
    objects = data.draw(strange(kind))
    after = applied(objects, router.weights(rollout, objects, 0))
    state = router.read(rollout, after)
    assert state.canary_weight in {0, None} or any(
        "no destination for stable" in problem.message for problem in state.problems
    )
    assert router.weights(rollout, after, 0) == ()
