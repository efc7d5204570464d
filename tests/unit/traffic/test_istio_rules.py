"""Istio: managed routes, as twins of the weighted http routes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.api.managed_routes import Rule
from davy.traffic.base import Json, RoutedRollout, WrittenRule
from davy.traffic.istio import IstioRouter
from tests.unit.traffic.routes import (
    VIRTUAL_SERVICE,
    Cluster,
    PatchRefused,
    a_cluster,
    a_destination_rule,
    a_rollout,
    a_virtual_service,
    applied,
    to_host,
    to_subset,
)
from tests.unit.traffic.test_properties import Kind, strange

ROUTER = IstioRouter()
STEPS = "spec.strategy.canary.steps"
BETA: Json = {
    "name": "beta",
    "match": [
        {"headerName": "X-Beta", "headerValue": {"exact": "1"}},
        {"headerName": "cookie", "headerValue": {"regex": "beta=<yes>"}},
    ],
}
COPY: Json = {
    "name": "copy",
    "match": [{"method": {"exact": "GET"}, "path": {"prefix": "/api/v2"}}],
    "percentage": 35,
}


def a_rollout_with(*steps: Json, istio: Json | None = None, names: tuple[str, ...] = ()) -> Any:
    """A rollout with managed routes beta and copy."""
    managed = [{"name": name} for name in names or ("beta", "copy")]
    routing = {
        "istio": istio or {"virtualService": {"name": "cart"}},
        "managedRoutes": managed,
    }
    return a_rollout(routing, steps=list(steps))


BOTH: RoutedRollout = a_rollout_with({"setHeaderRoute": BETA}, {"setMirrorRoute": COPY})


def rules(rollout: RoutedRollout, *steps: int) -> tuple[Rule, ...]:
    """The rules of some steps."""
    found = [step.rule for step in rollout.canary.steps or ()]
    return tuple(rule for index in steps if (rule := found[index]) is not None)


def a_route(stable: int, canary: int, **fields: Any) -> Json:
    """A weighted http route of the user's."""
    return {
        "timeout": "5s",
        "rewrite": {"uri": "/"},
        "route": [to_host("cart-stable", stable), to_host("cart-canary", canary)],
        **fields,
    }


def a_mesh(*routes: Json, **spec: Any) -> Cluster:
    """One VirtualService with these http routes."""
    return a_cluster(a_virtual_service(*routes, **spec))


def http(objects: Cluster) -> list[Json]:
    """The http routes."""
    found: list[Json] = objects[VIRTUAL_SERVICE]["spec"]["http"]
    return found


def written(rollout: RoutedRollout, objects: Cluster) -> dict[str, tuple[Rule, ...]]:
    """What is read of the managed routes."""
    return {found.name: found.rules for found in ROUTER.read(rollout, objects).rules}


def test_twins_stand_before_their_route_in_the_order_of_managed_routes() -> None:
    """They are what their route is, for fewer requests; all in one patch with the weight."""
    own = {"name": "own", "route": [to_host("other")]}
    web = a_route(100, 0, name="web", match=[{"uri": {"prefix": "/api"}, "port": 80}])
    rollout = a_rollout_with(
        {"setHeaderRoute": BETA},
        {"setMirrorRoute": COPY},
        istio={"virtualService": {"name": "cart", "routes": ["web"]}},
    )
    before = a_mesh(own, web)
    (patch,) = ROUTER.weights(rollout, before, 20, rules(rollout, 0, 1))
    after = applied(before, (patch,))
    where = {"uri": {"prefix": "/api"}, "port": 80}
    split = [to_host("cart-stable", 80), to_host("cart-canary", 20)]
    rest = {"timeout": "5s", "rewrite": {"uri": "/"}}
    assert http(after) == [
        own,
        {
            "name": "beta",
            "match": [
                {**where, "headers": {"x-beta": {"exact": "1"}}},
                {**where, "headers": {"cookie": {"regex": "beta=<yes>"}}},
            ],
            **rest,
            "route": [to_host("cart-canary")],
        },
        {
            "name": "copy",
            "match": [{"uri": {"prefix": "/api/v2"}, "port": 80, "method": {"exact": "GET"}}],
            **rest,
            "route": split,
            "mirror": to_host("cart-canary")["destination"],
            "mirrorPercentage": {"value": 35},
        },
        {**web, "route": split},
    ]
    assert written(rollout, after) == {"beta": rules(rollout, 0), "copy": rules(rollout, 1)}
    state = ROUTER.read(rollout, after)
    assert (state.canary_weight, state.uneven, state.problems) == (20, False, ())
    assert ROUTER.weights(rollout, after, 20, rules(rollout, 0, 1)) == ()


def test_weights_of_a_mirroring_twin_follow() -> None:
    """I1: its requests are split as all others; only weights are written then."""
    before = a_mesh(a_route(100, 0))
    there = applied(before, ROUTER.weights(BOTH, before, 0, rules(BOTH, 0, 1)))
    (patch,) = ROUTER.weights(BOTH, there, 40, rules(BOTH, 0, 1))
    assert {each["op"] for each in patch.operations} == {"test", "replace"}
    after = applied(there, (patch,))
    split = [to_host("cart-stable", 60), to_host("cart-canary", 40)]
    assert [route["route"] for route in http(after)[1:]] == [split, split]
    held = http(there)[1]["route"]
    held[1]["weight"] = 70
    assert ROUTER.read(BOTH, there).uneven


def test_an_abort_is_one_patch_that_leaves_nothing() -> None:
    """I3: weight and managed routes together; the user's route is as it was."""
    before = a_mesh(a_route(100, 0))
    there = applied(before, ROUTER.weights(BOTH, before, 40, rules(BOTH, 0, 1)))
    (patch,) = ROUTER.weights(BOTH, there, 0)
    assert applied(there, (patch,)) == before
    assert ROUTER.read(BOTH, before).rules == ()


def test_an_object_without_metadata_is_patched_without_its_test() -> None:
    """A patch is JSON, whatever the object lacks."""
    before = a_mesh(a_route(100, 0))
    there = applied(before, ROUTER.weights(BOTH, before, 40, rules(BOTH, 0)))
    del there[VIRTUAL_SERVICE]["metadata"]
    (patch,) = ROUTER.weights(BOTH, there, 0)
    json.dumps(patch.operations)
    assert http(applied(there, (patch,))) == [a_route(100, 0)]


def test_an_abort_takes_them_away_though_the_route_cant_be_read() -> None:
    """I3: by name, wherever they stand."""
    before = a_mesh(a_route(100, 0))
    there = applied(before, ROUTER.weights(BOTH, before, 40, rules(BOTH, 0)))
    http(there)[1:] = [{"redirect": {"uri": "/"}}, a_route(60, 40), a_route(60, 40)]
    after = applied(there, ROUTER.weights(BOTH, there, 0))
    assert http(after) == [{"redirect": {"uri": "/"}}, a_route(100, 0), a_route(100, 0)]


def test_a_list_that_changed_meanwhile_refuses_the_patch() -> None:
    """I9: an index is only good in the generation that it was read in."""
    before = a_mesh(a_route(100, 0))
    patches = ROUTER.weights(BOTH, before, 0, rules(BOTH, 0))
    before[VIRTUAL_SERVICE]["metadata"]["generation"] = 8
    with pytest.raises(PatchRefused):
        applied(before, patches)


@pytest.mark.parametrize(
    "change",
    [
        lambda routes: routes[0]["match"].pop(),
        lambda routes: routes[0].update(timeout="1s"),
        lambda routes: routes[0]["route"].append(to_host("cart-stable")),
        lambda routes: routes.append(routes.pop(0)),
        lambda routes: routes.insert(0, dict(routes[0])),
        lambda routes: routes[2].update(timeout="9s"),
        lambda routes: routes.insert(1, routes.pop(0)),
    ],
    ids=["match", "field", "destination", "place", "twice", "its route", "order"],
)
def test_one_that_isnt_as_a_step_asks_is_told_and_mended(change: Any) -> None:
    """I5: somebody changed it, or the route that it is a twin of."""
    before = a_mesh(a_route(100, 0))
    there = applied(before, ROUTER.weights(BOTH, before, 0, rules(BOTH, 0, 1)))
    change(http(there))
    assert not all(written(BOTH, there).values())
    after = applied(there, ROUTER.weights(BOTH, there, 0, rules(BOTH, 0, 1)))
    assert written(BOTH, after) == {"beta": rules(BOTH, 0), "copy": rules(BOTH, 1)}
    assert len(http(after)) == 3


def test_each_weighted_route_of_each_virtual_service_has_its_twin() -> None:
    """One that lacks it isn't as the step asks; tls routes know no headers."""
    istio = {"virtualServices": [{"name": "cart", "routes": ["a", "b"]}, {"name": "edge"}]}
    rollout = a_rollout_with({"setHeaderRoute": BETA}, istio=istio)
    tls = [{"match": [{"port": 443}], "route": a_route(100, 0)["route"]}]
    edge = a_virtual_service(http=[], tls=tls)
    edge["metadata"] = {**edge["metadata"], "name": "edge"}
    before = a_cluster(
        a_virtual_service(a_route(100, 0, name="a"), a_route(100, 0, name="b")), edge
    )
    after = applied(before, ROUTER.weights(rollout, before, 0, rules(rollout, 0)))
    assert [route["name"] for route in http(after)] == ["beta", "a", "beta", "b"]
    assert written(rollout, after) == {"beta": rules(rollout, 0)}
    assert ROUTER.read(rollout, after).problems == ()
    del http(after)[2]
    assert written(rollout, after) == {"beta": ()}


def test_a_name_that_managed_routes_lost_is_still_taken_away() -> None:
    """The status remembers it; a twin isn't left over for a changed spec."""
    before = a_mesh(a_route(100, 0))
    there = applied(before, ROUTER.weights(BOTH, before, 0, rules(BOTH, 0, 1)))
    routed = RoutedRollout(
        namespace="shop",
        name="cart",
        canary=a_rollout_with(names=("other",)).canary,
        template_labels=BOTH.template_labels,
        group=BOTH.group,
        left_rules=("beta", "copy"),
    )
    assert ROUTER.read(routed, there).rules == (WrittenRule("beta", ()), WrittenRule("copy", ()))
    assert applied(there, ROUTER.weights(routed, there, 0)) == before


def test_beside_subsets_the_canary_is_its_subset() -> None:
    """The twin names the destination as its route does."""
    rule = {"name": "cart", "stableSubsetName": "stable", "canarySubsetName": "canary"}
    istio = {"virtualService": {"name": "cart"}, "destinationRule": rule}
    rollout = a_rollout_with({"setHeaderRoute": BETA}, {"setMirrorRoute": COPY}, istio=istio)
    route = {"route": [to_subset("stable", 100), to_subset("canary", 0)]}
    before = a_cluster(a_virtual_service(route), a_destination_rule("old", "new"))
    after = applied(before, ROUTER.weights(rollout, before, 0, rules(rollout, 0, 1)))
    beta, copy, _ = http(after)
    assert beta["route"] == [to_subset("canary")]
    assert copy["mirror"] == {"host": "cart", "subset": "canary"}


def one(kind: str, **match: Any) -> Json:
    """A step with one match."""
    if kind == "header":
        name, value = next(iter(match.items()))
        wanted = {"headerName": name, "headerValue": value}
        return {"setHeaderRoute": {"name": "beta", "match": [wanted]}}
    return {"setMirrorRoute": {"name": "copy", "match": [match]}}


@pytest.mark.parametrize(
    ("held", "step", "joined"),
    [
        ({}, one("header", a={"exact": "x"}), {"headers": {"a": {"exact": "x"}}}),
        (
            {"headers": {"A": {"prefix": "x"}, "b": {"exact": "y"}}},
            one("header", a={"exact": "xy"}),
            {"headers": {"A": {"exact": "xy"}, "b": {"exact": "y"}}},
        ),
        (
            {"uri": {"prefix": "/api/v1"}},
            one("mirror", path={"prefix": "/api"}),
            {"uri": {"prefix": "/api/v1"}},
        ),
        (
            {"uri": {"exact": "/api"}, "headers": {"a": {"regex": "x+"}}},
            one("mirror", path={"exact": "/api"}, headers={"A": {"regex": "x+"}}),
            {"uri": {"exact": "/api"}, "headers": {"a": {"regex": "x+"}}},
        ),
    ],
)
def test_a_rule_and_a_route_are_joined(held: Json, step: Json, joined: Json) -> None:
    """A twin takes what both match; of two texts for one thing the one that implies the other."""
    rollout = a_rollout_with(step)
    before = a_mesh(a_route(100, 0, match=[held] if held else []))
    after = applied(before, ROUTER.weights(rollout, before, 0, rules(rollout, 0)))
    assert http(after)[0]["match"] == [joined]


def problems(rollout: RoutedRollout, objects: Cluster) -> dict[str, str]:
    """What is wrong, by path."""
    return {found.path: found.message for found in ROUTER.read(rollout, objects).problems}


def test_patterns_that_cant_be_joined_are_told() -> None:
    """No guess is written."""
    rollout = a_rollout_with(one("header", a={"exact": "x"}))
    objects = a_mesh(a_route(100, 0, match=[{"headers": {"a": {"regex": "x+"}}}]))
    assert problems(rollout, objects) == {
        f"{STEPS}[0].setHeaderRoute.match": (
            "asks for a text that http[0] of VirtualService shop/cart matches too, and the two "
            "patterns can't be joined; write one that implies the other."
        )
    }
    assert ROUTER.weights(rollout, objects, 0, rules(rollout, 0)) == ()


def test_a_rule_that_matches_nothing_is_told() -> None:
    """It would be passed and do nothing; of several routes some may have no twin."""
    rollout = a_rollout_with(one("mirror", path={"prefix": "/web"}))
    objects = a_mesh(a_route(100, 0, match=[{"uri": {"prefix": "/api"}}]))
    assert problems(rollout, objects) == {
        f"{STEPS}[0].setMirrorRoute.match": (
            "matches no request that VirtualService shop/cart weights; change it."
        )
    }
    two = a_mesh(a_route(100, 0, match=[{"uri": {"prefix": "/api"}}, {"uri": {"prefix": "/web"}}]))
    assert problems(rollout, two) == {}
    after = applied(two, ROUTER.weights(rollout, two, 0, rules(rollout, 0)))
    assert http(after)[0]["match"] == [{"uri": {"prefix": "/web"}}]


def test_headers_need_an_http_route() -> None:
    """A tls route shows none."""
    rollout = a_rollout_with(one("header", a={"exact": "x"}))
    tls = [{"match": [{"port": 443}], "route": a_route(100, 0)["route"]}]
    assert problems(rollout, a_mesh(tls=tls)) == {
        f"{STEPS}[0].setHeaderRoute": (
            "needs an http route that is weighted; tls and tcp have no headers."
        )
    }


def _with_rules(weights: Any) -> Cluster:
    """Both managed routes are there."""
    (stable, canary), _ = weights
    before = a_mesh(a_route(stable, canary, match=[{"headers": {"X-Beta": {"prefix": "1"}}}]))
    return applied(before, ROUTER.weights(BOTH, before, canary, rules(BOTH, 0, 1)))


@settings(max_examples=100)
@given(data=st.data(), weight=st.integers(0, 100))
def test_strange_objects_raise_nothing_and_lose_every_managed_route(
    data: st.DataObject, weight: int
) -> None:
    """I3, I10: whatever somebody made of it, an abort leaves no route of that name."""
    objects = data.draw(strange(Kind(BOTH, _with_rules)))
    ROUTER.read(BOTH, objects)
    applied(objects, ROUTER.weights(BOTH, objects, weight, rules(BOTH, 0, 1)))
    after = applied(objects, ROUTER.weights(BOTH, objects, 0))
    assert ROUTER.read(BOTH, after).rules == ()
    assert ROUTER.weights(BOTH, after, 0) == ()
