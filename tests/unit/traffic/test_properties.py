"""What holds for every route, however it looks: no exception, no stray write, a sum of 100."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.plugins.installed import Installed
from davy.traffic.base import Json, ObjectPatch, RoutedRollout, Write
from davy.traffic.registry import Routers
from davy.traffic.services import ROLES
from tests.unit.traffic.ingresses import (
    a_canary_ingress,
    a_host,
    a_path,
    an_action,
    an_alb_ingress,
    an_ingress,
    by_action,
    by_ingresses,
)
from tests.unit.traffic.routes import (
    Cluster,
    a_backend,
    a_cluster,
    a_destination_rule,
    a_proxied,
    a_rule,
    a_service,
    a_traefik_service,
    a_virtual_service,
    an_apisix_backend,
    an_apisix_route,
    an_apisix_rule,
    an_http_proxy,
    an_http_route,
    an_http_route_of_istio,
    applied,
    by_apisix_route,
    by_http_proxies,
    by_http_routes,
    by_services,
    by_several,
    by_subsets,
    by_traefik_service,
    metadata,
    to_host,
    to_subset,
)

ROUTERS = Routers(Installed())

ACTION = "alb.ingress.kubernetes.io/actions.cart-stable"
OWNED = re.compile(
    r"/spec/(http|tls)/\d+/route/\d+/weight"
    r"|/spec/rules/\d+/backendRefs/\d+/weight"
    r"|/spec/subsets/\d+/labels(/rollouts-pod-template-hash)?"
    r"|/spec/selector/rollouts-pod-template-hash"
    r"|/spec|/spec/(rules|tls|ingressClassName)"
    r"|/spec/routes/\d+/services/\d+/weight"
    r"|/spec/http/\d+/backends/\d+/weight|/spec/weighted/services/\d+/weight"
    r"|/metadata/annotations/alb\.ingress\.kubernetes\.io~1actions\.cart-stable"
    r"|/metadata/annotations/nginx\.ingress\.kubernetes\.io~1.*"
    r"|/metadata(/annotations(/davy\.dev~1managed-by-rollouts)?)?"
)
"""Paths that Davy may write (I9); a container only when it isn't there."""


class Kind(NamedTuple):
    """One form of a route."""

    rollout: RoutedRollout
    objects: Callable[[list[tuple[int | None, int | None]]], Cluster]
    """From the weights of stable and canary in each of two rules."""
    default: int = 0
    """Of a weight that is absent, as the proxies take it."""
    rules: int = 2
    """How many of the rules there are in the route."""
    even: bool = False
    """Where a rule has no weight at all both sides have the same."""


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


def _of_ingresses(weights: Weights) -> Cluster:
    """Canary Ingresses with these shares, the second one's rules no longer as they should be."""
    (a, b), (c, d) = weights
    hosts = {name: a_host(f"{name}.example.com", a_path("cart-stable")) for name in ("cart", "web")}
    led = a_host("cart.example.com", a_path("cart-canary"))
    return a_cluster(
        an_ingress(hosts["cart"]),
        an_ingress(hosts["web"], name="web"),
        a_canary_ingress(_percent(a, b), led),
        a_canary_ingress(_percent(c, d), name="cart-web-canary"),
    )


def _of_actions(weights: Weights) -> Cluster:
    actions = [an_action(a, b) for a, b in weights]
    return a_cluster(an_alb_ingress(actions[0]), an_alb_ingress(actions[1], name="web"))


def _of_traefik(weights: Weights) -> Cluster:
    a, b = weights[0]
    return a_cluster(a_traefik_service(a_backend("cart-stable", a), a_backend("cart-canary", b)))


def _of_apisix(weights: Weights) -> Cluster:
    api, web = (
        an_apisix_rule(
            name, an_apisix_backend("cart-canary", b), an_apisix_backend("cart-stable", a)
        )
        for name, (a, b) in zip(("api", "web"), weights, strict=True)
    )
    own = an_apisix_rule(
        "own", an_apisix_backend("cart-stable", 3), an_apisix_backend("cart-canary", 4)
    )
    return a_cluster(an_apisix_route(api, own, web))


def _of_http_proxies(weights: Weights) -> Cluster:
    api, web = (
        a_proxied(a_backend("cart-canary", b), a_backend("cart-stable", a)) for a, b in weights
    )
    own = a_proxied(a_backend("cart-canary", 4))
    return a_cluster(an_http_proxy(api, own), an_http_proxy(web, name="web"))


def _percent(stable: int | None, canary: int | None) -> str | None:
    """The share as a canary Ingress says it, rounded up."""
    if not canary:
        return None if canary is None else "0"
    return str(min(100, -(-100 * canary // (canary + (stable or 0)))))


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
    "HTTPRoutes": Kind(by_http_routes("cart", "web"), _of_http_routes, default=1),
    "nginx": Kind(by_ingresses("cart", "web"), _of_ingresses),
    "ALB": Kind(by_action("cart", "web"), _of_actions, default=1),
    "Traefik": Kind(by_traefik_service(), _of_traefik, default=1, rules=1),
    "Contour": Kind(by_http_proxies("cart", "web"), _of_http_proxies, even=True),
    "APISIX": Kind(by_apisix_route("api", "web"), _of_apisix, default=100),
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


def is_own(found: Json) -> bool:
    """Whether it is an object of Davy's own: a canary Ingress."""
    return bool(found.get("kind") == "Ingress" and found["metadata"].get("ownerReferences"))


def split_rules(found: Json) -> list[list[Any]]:
    """The destinations of each rule with both sides that the rollout manages."""
    spec = found["spec"]
    rules = [
        [
            destination
            for name in ("route", "backendRefs", "backends", "services")
            for destination in rule.get(name, ())
        ]
        for rule in (
            *spec.get("http", ()),
            *spec.get("tls", ()),
            *spec.get("rules", ()),
            *spec.get("routes", ()),
        )
        if rule.get("name") != "own"
    ]
    rules.append(spec.get("weighted", {}).get("services", []))
    if action := found["metadata"].get("annotations", {}).get(ACTION):
        rules.append(json.loads(action)["forwardConfig"]["targetGroups"])
    return [rule for rule in rules if len(rule) > 1]


def stripped(objects: Cluster) -> str:
    """The objects as JSON without what Davy owns, each key in its order."""
    rest = {key: copy.deepcopy(each) for key, each in objects.items() if not is_own(each)}
    for found in rest.values():
        for name in ("davy.dev/managed-by-rollouts", ACTION):
            found.get("metadata", {}).get("annotations", {}).pop(name, None)
        if not found["metadata"].get("annotations", True):
            del found["metadata"]["annotations"]
        spec = found["spec"]
        spec.get("selector", {}).pop("rollouts-pod-template-hash", None)
        for subset in spec.get("subsets", ()):
            subset["labels"].pop("rollouts-pod-template-hash", None)
        for destination in (each for rule in split_rules(found) for each in rule):
            destination.pop("weight", None)
    return json.dumps([[str(key), found] for key, found in rest.items()])


def sums(objects: Cluster) -> set[int]:
    """The sum of the weights in each rule with both sides that the rollout manages."""
    found = set()
    for root in objects.values():
        found |= {sum(each["weight"] for each in rule) for rule in split_rules(root)}
        if is_own(root):
            weight = int(
                root["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"]
            )
            found.add(100 if weight in range(101) else weight)
    return found


@every_kind
@given(weights=two_rules, weight=percent)
def test_a_weight_that_is_written_is_read_again(kind: Kind, weights: Weights, weight: int) -> None:
    """I1, I9: whatever a user wrote, `weights` makes it so, in sum 100, and nothing else."""
    router, before = ROUTERS.router_for(kind.rollout.canary), kind.objects(weights)
    after = applied(before, router.weights(kind.rollout, before, weight))
    state = router.read(kind.rollout, after)
    assert (state.canary_weight, state.uneven, state.problems) == (weight, False, ())
    assert router.weights(kind.rollout, after, weight) == ()
    assert sums(after) == {100}
    assert stripped(after) == stripped(before)


@every_kind
@given(weights=two_rules)
def test_a_canary_with_traffic_is_never_said_to_have_none(kind: Kind, weights: Weights) -> None:
    """I4: 0 is only read where each rule's canary weight is 0, be it by default."""
    router, objects = ROUTERS.router_for(kind.rollout.canary), kind.objects(weights)
    canary = [
        1 if kind.even and not (stable or weight) else kind.default if weight is None else weight
        for stable, weight in weights[: kind.rules]
    ]
    assert (router.read(kind.rollout, objects).canary_weight == 0) is (max(canary) == 0)


@every_kind
@given(weights=two_rules, role=st.sampled_from(ROLES))
def test_a_role_that_is_narrowed_is_read_again(kind: Kind, weights: Weights, role: Any) -> None:
    """I9: `target` writes hash and claim, once, and touches nothing else."""
    router, before = ROUTERS.router_for(kind.rollout.canary), kind.objects(weights)
    after = applied(before, router.target(kind.rollout, before, role, "6fd9"))
    state = router.read(kind.rollout, after)
    assert {"stable": state.stable_hash, "canary": state.canary_hash}[role] == "6fd9"
    assert router.target(kind.rollout, after, role, "6fd9") == ()
    assert stripped(after) == stripped(before)
    opened = applied(after, router.target(kind.rollout, after, role, None))
    state = router.read(kind.rollout, opened)
    assert {"stable": state.stable_hash, "canary": state.canary_hash}[role] is None
    assert stripped(opened) == stripped(before)


@every_kind
@settings(max_examples=60)
@given(data=st.data(), weight=percent)
def test_strange_objects_raise_nothing_and_get_no_stray_write(
    kind: Kind, data: st.DataObject, weight: int
) -> None:
    """I9, I10: anything anywhere gives problems, not exceptions; patches apply, to owned leaves."""
    router, rollout = ROUTERS.router_for(kind.rollout.canary), kind.rollout
    objects = data.draw(strange(kind))
    state = router.read(rollout, objects)
    writes: list[Write] = [
        *router.weights(rollout, objects, weight),
        *router.weights(rollout, objects, 0),
        *(patch for role in ROLES for patch in router.target(rollout, objects, role, "6fd9")),
        *(patch for role in ROLES for patch in router.target(rollout, objects, role, None)),
    ]
    for write in writes:
        applied(objects, (write,))
        for operation in write.operations if isinstance(write, ObjectPatch) else ():
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
    router, rollout = ROUTERS.router_for(kind.rollout.canary), kind.rollout
    objects = data.draw(strange(kind))
    after = applied(objects, router.weights(rollout, objects, 0))
    state = router.read(rollout, after)
    assert state.canary_weight in {0, None} or any(
        "no destination for stable" in problem.message for problem in state.problems
    )
    assert router.weights(rollout, after, 0) == ()
