"""Gateway API: managed routes, as twins of the weighted rules, and who then has which request."""

from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davy.api.managed_routes import Rule
from davy.traffic.base import Json, ObjectKey, RoutedRollout
from davy.traffic.gateway_api import GROUP, GatewayApiRouter
from tests.unit.traffic.routes import (
    HTTP_ROUTE,
    Cluster,
    a_backend,
    a_cluster,
    a_rollout,
    an_http_route,
    applied,
)
from tests.unit.traffic.test_properties import Kind, strange

ROUTER = GatewayApiRouter()
STEPS = "spec.strategy.canary.steps"
HTTP = {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}}
BETA: Json = {"name": "beta", "match": [{"headerName": "X-Beta", "headerValue": {"exact": "1"}}]}
COPY: Json = {
    "name": "copy",
    "match": [{"method": {"exact": "GET"}, "path": {"prefix": "/api/v2"}}],
    "percentage": 35,
}


def a_rollout_with(*steps: Json, routing: Json | None = None, names: str = "copy beta") -> Any:
    """A rollout with managed routes; the mirror comes first, as it is the more specific."""
    managed = [{"name": name} for name in names.split()]
    return a_rollout({**(routing or HTTP), "managedRoutes": managed}, steps=list(steps))


BOTH: RoutedRollout = a_rollout_with({"setHeaderRoute": BETA}, {"setMirrorRoute": COPY})


def rules(rollout: RoutedRollout, *steps: int) -> tuple[Rule, ...]:
    """The rules of some steps."""
    found = [step.rule for step in rollout.canary.steps or ()]
    return tuple(rule for index in steps if (rule := found[index]) is not None)


def to(path: str, kind: str = "PathPrefix", **fields: Any) -> Json:
    """A match by path."""
    return {"path": {"type": kind, "value": path}, **fields}


def exactly(name: str, value: str) -> Json:
    """A match of a header."""
    return {"type": "Exact", "name": name, "value": value}


def a_split(stable: int, canary: int, *matches: Json, **fields: Any) -> Json:
    """A weighted rule of the user's."""
    both = [a_backend("cart-stable", stable), a_backend("cart-canary", canary)]
    return {"matches": [*matches] or [to("/")], "backendRefs": both, **fields}


def found(objects: Cluster, key: ObjectKey = HTTP_ROUTE) -> list[Json]:
    """The rules of the route."""
    held: list[Json] = objects[key]["spec"]["rules"]
    return held


def written(rollout: RoutedRollout, objects: Cluster) -> dict[str, tuple[Rule, ...]]:
    """What is read of the managed routes."""
    return {each.name: each.rules for each in ROUTER.read(rollout, objects).rules}


def problems(rollout: RoutedRollout, objects: Cluster) -> dict[str, str]:
    """What is wrong, by path."""
    return {each.path: each.message for each in ROUTER.read(rollout, objects).problems}


def test_twins_stand_before_their_rule_and_are_as_it_is() -> None:
    """The same filters and time-outs, for fewer requests; all in one patch with the weight."""
    own = {"matches": [to("/own")], "backendRefs": [a_backend("other", 1)]}
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}}]
    rest: Json = {"filters": filters, "timeouts": {"request": "5s"}}
    web = a_split(100, 0, to("/api"), **rest)
    before = a_cluster(an_http_route(own, web))
    (patch,) = ROUTER.weights(BOTH, before, 20, rules(BOTH, 1, 0))
    after = applied(before, (patch,))
    split = [a_backend("cart-stable", 80), a_backend("cart-canary", 20)]
    mirror = {"backendRef": a_backend("cart-canary"), "percent": 35}
    assert found(after) == [
        own,
        {
            "name": "copy",
            "matches": [to("/api/v2", method="GET")],
            **rest,
            "filters": [*filters, {"type": "RequestMirror", "requestMirror": mirror}],
            "backendRefs": split,
        },
        {
            "name": "beta",
            "matches": [to("/api", headers=[exactly("x-beta", "1")])],
            **rest,
            "backendRefs": [a_backend("cart-canary")],
        },
        {**web, "backendRefs": split},
    ]
    assert written(BOTH, after) == {"copy": rules(BOTH, 1), "beta": rules(BOTH, 0)}
    state = ROUTER.read(BOTH, after)
    assert (state.canary_weight, state.uneven, state.problems) == (20, False, ())
    assert ROUTER.weights(BOTH, after, 20, rules(BOTH, 1, 0)) == ()
    found(after)[2]["backendRefs"][0]["weight"] = 1  # as the API server fills it in
    assert ROUTER.weights(BOTH, after, 20, rules(BOTH, 1, 0)) == ()
    assert applied(after, ROUTER.weights(BOTH, after, 0)) == a_cluster(
        an_http_route(own, {**web, "backendRefs": a_split(100, 0)["backendRefs"]})
    )


def test_a_mirror_of_all_says_no_percent() -> None:
    """Versions of the API without that field take it too."""
    step = {"setMirrorRoute": {"name": "copy", "match": COPY["match"]}}
    rollout = a_rollout_with(step)
    before = a_cluster(an_http_route(a_split(100, 0)))
    after = applied(before, ROUTER.weights(rollout, before, 0, rules(rollout, 0)))
    (filtered,) = found(after)[0]["filters"]
    assert filtered["requestMirror"] == {"backendRef": a_backend("cart-canary")}


def test_weights_of_a_mirroring_twin_follow() -> None:
    """I1: its requests are split as all others; only weights are written then."""
    before = a_cluster(an_http_route(a_split(100, 0)))
    there = applied(before, ROUTER.weights(BOTH, before, 0, rules(BOTH, 1, 0)))
    (patch,) = ROUTER.weights(BOTH, there, 40, rules(BOTH, 1, 0))
    assert {each["op"] for each in patch.operations} == {"test", "replace"}
    after = applied(there, (patch,))
    split = [a_backend("cart-stable", 60), a_backend("cart-canary", 40)]
    assert [found(after)[index]["backendRefs"] for index in (0, 2)] == [split, split]
    found(after)[0]["backendRefs"][1]["weight"] = 70
    assert ROUTER.read(BOTH, after).uneven


def test_no_two_rules_have_one_name() -> None:
    """The Gateway API asks for that; all twins go with the weight."""
    before = a_cluster(an_http_route(a_split(100, 0, to("/a")), a_split(100, 0, to("/b"))))
    after = applied(before, ROUTER.weights(BOTH, before, 0, rules(BOTH, 0)))
    assert [rule.get("name") for rule in found(after)] == ["beta", None, "beta.2", None]
    assert written(BOTH, after) == {"beta": rules(BOTH, 0)}
    assert applied(after, ROUTER.weights(BOTH, after, 0)) == before
    del found(after)[2]
    assert written(BOTH, after) == {"beta": ()}


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held[0].update(timeouts={"request": "1s"}),
        lambda held: held[1]["matches"].pop(),
        lambda held: held[1]["backendRefs"].append(a_backend("cart-stable")),
        lambda held: held.append(held.pop(0)),
        lambda held: held.insert(1, held.pop(0)),
        lambda held: held[2].update(timeouts={"request": "9s"}),
    ],
    ids=["field", "match", "backend", "place", "order", "its rule"],
)
def test_one_that_isnt_as_a_step_asks_is_told_and_mended(change: Any) -> None:
    """I5: somebody changed it, or the rule that it is a twin of."""
    before = a_cluster(an_http_route(a_split(100, 0)))
    there = applied(before, ROUTER.weights(BOTH, before, 0, rules(BOTH, 1, 0)))
    change(found(there))
    assert not all(written(BOTH, there).values())
    after = applied(there, ROUTER.weights(BOTH, there, 0, rules(BOTH, 1, 0)))
    assert written(BOTH, after) == {"copy": rules(BOTH, 1), "beta": rules(BOTH, 0)}
    assert len(found(after)) == 3


def test_grpc_requests_have_headers_and_no_mirror() -> None:
    """A GRPCRoute has twins by header; a mirror is of the HTTPRoutes beside it."""
    routing = {"gatewayAPI": {"httpRoutes": [{"name": "cart"}], "grpcRoutes": [{"name": "cart"}]}}
    rollout = a_rollout_with({"setHeaderRoute": BETA}, {"setMirrorRoute": COPY}, routing=routing)
    method = {"type": "Exact", "service": "shop.Cart"}
    grpc = {**an_http_route(a_split(100, 0, {"method": method})), "kind": "GRPCRoute"}
    key = ObjectKey(GROUP, "GRPCRoute", "shop", "cart")
    before = a_cluster(an_http_route(a_split(100, 0)), grpc)
    after = applied(before, ROUTER.weights(rollout, before, 10, rules(rollout, 1, 0)))
    assert [rule.get("name") for rule in found(after)] == ["copy", "beta", None]
    beta, _ = found(after, key)
    assert beta["matches"] == [{"method": method, "headers": [exactly("x-beta", "1")]}]
    state = ROUTER.read(rollout, after)
    assert [each.name for each in state.rules if each.rules] == ["copy", "beta"]
    assert (state.problems, ROUTER.weights(rollout, after, 10, rules(rollout, 1, 0))) == ((), ())


def test_argo_s_plugin_makes_header_routes_where_it_is_told_to() -> None:
    """`useHeaderRoutes: true` in a list; a lone httpRoute always. A mirror is made in all."""
    listed = [{"name": "web"}, {"name": "edge", "useHeaderRoutes": True}]
    plugin = {"argoproj-labs/gatewayAPI": {"httpRoute": "cart", "httpRoutes": listed}}
    steps = ({"setHeaderRoute": BETA}, {"setMirrorRoute": COPY})
    rollout = a_rollout_with(*steps, routing={"plugins": plugin})
    before = a_cluster(
        *(an_http_route(a_split(100, 0), name=name) for name in ("cart", "web", "edge"))
    )
    after = applied(before, ROUTER.weights(rollout, before, 0, rules(rollout, 1, 0)))
    names = {
        name: [
            rule.get("name") for rule in found(after, ObjectKey(GROUP, "HTTPRoute", "shop", name))
        ]
        for name in ("cart", "web", "edge")
    }
    everything = ["copy", "beta", None]
    assert names == {"cart": everything, "web": ["copy", None], "edge": everything}
    assert all(written(rollout, after).values())
    plugin["argoproj-labs/gatewayAPI"] = {"httpRoutes": [{"name": "cart"}]}
    rollout = a_rollout_with(steps[0], routing={"plugins": plugin})
    assert problems(rollout, a_cluster(an_http_route(a_split(100, 0)))) == {
        f"{STEPS}[0].setHeaderRoute": (
            "needs a weighted rule of an HTTPRoute, or for a header of a GRPCRoute; in the "
            "configuration of Argo's plugin a header needs a route with useHeaderRoutes: true."
        )
    }


@pytest.mark.parametrize(
    ("held", "wanted", "match"),
    [
        (to("/api/v1"), {"path": {"prefix": "/api"}}, to("/api/v1")),
        (to("/api/"), {"path": {"exact": "/api"}}, to("/api", "Exact")),
        (to("/api", "Exact"), {"path": {"prefix": "/"}}, to("/api", "Exact")),
        (
            to("/x+", "RegularExpression"),
            {"method": {"exact": "PUT"}},
            to("/x+", "RegularExpression", method="PUT"),
        ),
        (
            to("/", headers=[exactly("A", "x")]),
            {"headers": {"a": {"exact": "x"}, "b": {"regex": "y"}}},
            to(
                "/",
                headers=[
                    exactly("A", "x"),
                    {"type": "RegularExpression", "name": "b", "value": "y"},
                ],
            ),
        ),
        (to("/", queryParams=[exactly("q", "x")]), {"method": {"exact": "PUT"}}, None),
    ],
    ids=["wider path", "path of a prefix", "every path", "pattern", "headers", "query"],
)
def test_a_twin_asks_for_what_both_ask_for(held: Json, wanted: Json, match: Json | None) -> None:
    """Of two texts for one thing it has the one that implies the other."""
    rollout = a_rollout_with({"setMirrorRoute": {"name": "copy", "match": [wanted]}})
    before = a_cluster(an_http_route(a_split(100, 0, held)))
    after = applied(before, ROUTER.weights(rollout, before, 0, rules(rollout, 0)))
    assert found(after)[0]["matches"] == [match or {**held, "method": "PUT"}]


UNCLEAR = (
    "asks for a text that rules[0] of HTTPRoute shop/cart matches too, and the two patterns can't "
    "be joined; write one that implies the other."
)
NOTHING = "matches no request that HTTPRoute shop/cart weights; change it."


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (to("/apis"), NOTHING),
        (to("/", method="GET"), NOTHING),
        (to("/", headers=[exactly("A", "y")]), NOTHING),
        (to("/api.*", "RegularExpression"), UNCLEAR),
        (to("/", headers=[{"type": "RegularExpression", "name": "a", "value": "x"}]), UNCLEAR),
    ],
    ids=["path", "method", "header", "path pattern", "header pattern"],
)
def test_a_rule_without_a_twin_is_told(held: Json, sentence: str) -> None:
    """No guess is written."""
    wanted = {
        "path": {"prefix": "/api"},
        "method": {"exact": "PUT"},
        "headers": {"a": {"exact": "x"}},
    }
    rollout = a_rollout_with({"setMirrorRoute": {"name": "copy", "match": [wanted]}})
    objects = a_cluster(an_http_route(a_split(100, 0, held)))
    assert problems(rollout, objects) == {f"{STEPS}[0].setMirrorRoute.match": sentence}
    assert ROUTER.weights(rollout, objects, 0, rules(rollout, 0)) == ()


def test_a_rewritten_prefix_stays_the_one_that_is_matched() -> None:
    """What is replaced is the match's path: another one would lead elsewhere."""
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    filters = [{"type": "URLRewrite", "urlRewrite": rewrite}]
    objects = a_cluster(an_http_route(a_split(100, 0, to("/api"), filters=filters)))
    assert problems(BOTH, objects) == {
        f"{STEPS}[1].setMirrorRoute.match": (
            "can't be joined with rules[0] of HTTPRoute shop/cart, which rewrites the prefix of "
            "its path: that takes one match with that very path; ask for one header."
        )
    }
    after = applied(objects, ROUTER.weights(BOTH, objects, 0, rules(BOTH, 0)))
    assert [rule.get("name") for rule in found(after)] == ["beta", None]


def test_a_twin_that_would_take_another_rule_s_requests_is_told() -> None:
    """I9: the most specific match has a request, whatever stands before it."""
    preview = {
        "matches": [to("/", headers=[exactly("x-preview", "1")])],
        "backendRefs": [a_backend("cart-canary", 1)],
    }
    rollout = a_rollout_with({"setHeaderRoute": BETA})
    assert problems(rollout, a_cluster(an_http_route(preview, a_split(100, 0)))) == {}
    assert problems(rollout, a_cluster(an_http_route(a_split(100, 0), preview))) == {
        f"{STEPS}[0].setHeaderRoute.match": (
            "gives requests of rules[1] of HTTPRoute shop/cart to managed route beta before "
            "rules[0], as the Gateway API lets the more specific match have them; change one of "
            "the matches, or the order."
        )
    }


def test_a_managed_route_that_would_take_an_earlier_one_s_requests_is_told() -> None:
    """The order of managedRoutes is kept or refused; one that was taken away has no requests."""
    objects = a_cluster(an_http_route(a_split(100, 0)))
    steps = ({"setHeaderRoute": BETA}, {"setMirrorRoute": COPY})
    assert problems(a_rollout_with(*steps), objects) == {}
    wrong = a_rollout_with(*steps, names="beta copy")
    assert [*problems(wrong, objects)] == [f"{STEPS}[1].setMirrorRoute.match"]
    gone = ({"setHeaderRoute": BETA}, {"setHeaderRoute": {"name": "beta"}}, steps[1])
    assert problems(a_rollout_with(*gone, names="beta copy"), objects) == {}


def test_a_route_without_room_for_the_twins_is_told() -> None:
    """The API server would refuse the patch."""
    matches = [to(f"/{index}") for index in range(33)]
    two = [{"headerName": name, "headerValue": {"exact": "1"}} for name in ("a", "b")]
    step = {"setHeaderRoute": {"name": "beta", "match": two}}
    path = f"{STEPS}[0].setHeaderRoute.match"
    rollout = a_rollout_with(step)
    assert problems(rollout, a_cluster(an_http_route(a_split(100, 0, *matches)))) == {
        path: (
            "makes 66 matches in one rule of HTTPRoute shop/cart, which takes 64 at most; ask for "
            "fewer, or leave out some of the route's."
        )
    }
    many = [a_split(100, 0, match) for match in matches[:9]]
    assert "makes 18 rules" in problems(rollout, a_cluster(an_http_route(*many)))[path]


class Request(NamedTuple):
    """A request, as far as matches tell it."""

    path: str
    method: str
    headers: dict[str, str]


REQUESTS = [
    Request(path, method, {name: value for name, value in (("a", a), ("b", b)) if value})
    for path, method, a, b in product(
        ("/", "/x", "/x/y", "/z"), ("GET", "PUT"), ("", "1", "2"), ("", "1")
    )
]


def matches(match: Json, request: Request) -> bool:
    """Whether the gateway would let a request pass for this match."""
    kind, value = match["path"]["type"], match["path"]["value"].rstrip("/")
    path = request.path.rstrip("/")
    if not (path == value or (kind == "PathPrefix" and path.startswith(f"{value}/"))):
        return False
    if match.get("method", request.method) != request.method:
        return False
    return all(
        request.headers.get(each["name"]) == each["value"] for each in match.get("headers", ())
    )


def served(held: list[Json], request: Request) -> int | None:
    """The rule that has a request: the Gateway API's precedence, said once more."""
    best: list[tuple[bool, int, bool, int, int]] = [
        (
            match["path"]["type"] == "Exact",
            len(match["path"]["value"]),
            "method" in match,
            len(match.get("headers", ())),
            -index,
        )
        for index, rule in enumerate(held)
        for match in rule["matches"]
        if matches(match, request)
    ]
    return -max(best)[-1] if best else None


SOME_HEADERS: list[dict[str, str]] = [{"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "1", "b": "1"}]
HEADERS = st.sampled_from([{}, *SOME_HEADERS])
PATHS = st.sampled_from([("PathPrefix", "/"), ("PathPrefix", "/x"), ("Exact", "/x")])


@st.composite
def a_match(draw: st.DrawFn) -> Json:
    """One of a user's."""
    kind, path = draw(PATHS)
    headers = [exactly(name, value) for name, value in draw(HEADERS).items()]
    method = draw(st.sampled_from([{}, {"method": "GET"}]))
    return to(path, kind, **method, **({"headers": headers} if headers else {}))


@st.composite
def a_step(draw: st.DrawFn) -> Json:
    """A header, or a mirror."""
    if draw(st.booleans()):
        held = [
            {"headerName": name, "headerValue": {"exact": value}}
            for name, value in draw(st.sampled_from(SOME_HEADERS)).items()
        ]
        return {"setHeaderRoute": {"name": "beta", "match": held}}
    kind, path = draw(PATHS)
    form = "exact" if kind == "Exact" else "prefix"
    headers = {name: {"exact": value} for name, value in draw(HEADERS).items()}
    match = {"path": {form: path}, **({"headers": headers} if headers else {})}
    return {"setMirrorRoute": {"name": "copy", "match": [match]}}


def asks(rule: Rule, request: Request) -> bool:
    """Whether a managed route is for this request."""
    steps = a_rollout_with({f"set{type(rule).__name__[3:]}": rule.manifest()})
    held = a_cluster(an_http_route(a_split(100, 0)))
    (twin, _) = found(applied(held, ROUTER.weights(steps, held, 0, (rule,))))
    return any(matches(match, request) for match in twin["matches"])


@settings(max_examples=150)
@given(data=st.data())
def test_each_request_is_the_rule_s_that_should_have_it(data: st.DataObject) -> None:
    """I9: what no finding forbids takes just those requests of the weighted rules that it names."""
    own = data.draw(st.lists(st.lists(a_match(), min_size=1, max_size=2), max_size=2))
    users: list[Json] = [{"matches": held, "backendRefs": [a_backend("own")]} for held in own]
    for held in data.draw(
        st.lists(st.lists(a_match(), min_size=1, max_size=2), min_size=1, max_size=2)
    ):
        users.insert(data.draw(st.integers(0, len(users))), a_split(90, 10, *held))
    steps = data.draw(st.lists(a_step(), min_size=1, max_size=2))
    rollout = a_rollout_with(*steps)
    before = a_cluster(an_http_route(*users))
    if ROUTER.read(rollout, before).problems:
        return
    latest = {rule.name: rule for rule in rules(rollout, *range(len(steps)))}
    wanted = [latest[name] for name in ("copy", "beta") if name in latest]
    after = found(applied(before, ROUTER.weights(rollout, before, 10, tuple(wanted))))
    left = [index for index, rule in enumerate(after) if "name" not in rule]
    for request in REQUESTS:
        winner = served(users, request)
        got = served(after, request)
        if winner is None:
            assert got is None
            continue
        split = len(users[winner]["backendRefs"]) > 1
        first = next((rule.name for rule in wanted if split and asks(rule, request)), None)
        assert got is not None
        name = str(after[got].get("name", "")).partition(".")[0] or None
        behind = next(index for index in left if index >= got)
        assert (name, left.index(behind)) == (first, winner), (request, after)


def _with_rules(weights: Any) -> Cluster:
    """Both managed routes are there."""
    (stable, canary), _ = weights
    before = a_cluster(an_http_route(a_split(stable, canary, to("/"))))
    return applied(before, ROUTER.weights(BOTH, before, canary, rules(BOTH, 1, 0)))


@settings(max_examples=100)
@given(data=st.data(), weight=st.integers(0, 100))
def test_strange_objects_raise_nothing_and_lose_every_managed_route(
    data: st.DataObject, weight: int
) -> None:
    """I3, I10: whatever somebody made of it, an abort leaves no rule of that name."""
    objects = data.draw(strange(Kind(BOTH, _with_rules)))
    ROUTER.read(BOTH, objects)
    applied(objects, ROUTER.weights(BOTH, objects, weight, rules(BOTH, 1, 0)))
    after = applied(objects, ROUTER.weights(BOTH, objects, 0))
    assert ROUTER.read(BOTH, after).rules == ()
    assert ROUTER.weights(BOTH, after, 0) == ()
