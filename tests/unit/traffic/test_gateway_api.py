"""Gateway API: what is read from HTTPRoutes, and what is written."""

import pytest

from davy.traffic.base import Json, NotYet, ObjectKey, RoutedRollout, RouteState, Verified
from davy.traffic.gateway_api import GROUP, GatewayApiRouter
from tests.unit.traffic.routes import (
    CANARY,
    HTTP_ROUTE,
    STABLE,
    Cluster,
    PatchRefused,
    a_backend,
    a_cluster,
    a_rollout,
    a_rule,
    a_service,
    an_http_route,
    applied,
    by_http_routes,
    by_services,
    without,
)

ROUTER = GatewayApiRouter()
NAME = "spec.strategy.canary.trafficRouting.gatewayAPI.httpRoutes[0].name"


def a_split(stable: int | None, canary: int | None) -> Json:
    """A rule between the two Services."""
    return a_rule(a_backend("cart-stable", stable), a_backend("cart-canary", canary))


def weights_of(objects: Cluster, key: ObjectKey = HTTP_ROUTE) -> list[list[int | None]]:
    """The written weights of each rule."""
    rules = objects[key]["spec"]["rules"]
    return [[found.get("weight") for found in rule["backendRefs"]] for rule in rules]


def test_the_objects_are_the_routes_and_the_services() -> None:
    """The controller watches exactly these."""
    routes = [ObjectKey(GROUP, "HTTPRoute", "shop", name) for name in ("api", "web")]
    assert ROUTER.objects(by_http_routes("api", "web")) == (*routes, STABLE, CANARY)


PLUGIN = 'plugins["argoproj-labs/gatewayAPI"]'


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"httpRoute": "web"}, {"HTTPRoute web": "httpRoute"}),
        ({"httpRoutes": [{"name": "web"}]}, {"HTTPRoute web": "httpRoutes[0].name"}),
        (
            {"httpRoute": "web", "httpRoutes": [{"name": "web"}, {"name": "api"}]},
            {"HTTPRoute web": "httpRoute", "HTTPRoute api": "httpRoutes[1].name"},
        ),
        (
            {"grpcRoute": "web", "httpRoute": "web", "grpcRoutes": [{"name": "api"}]},
            {
                "HTTPRoute web": "httpRoute",
                "GRPCRoute web": "grpcRoute",
                "GRPCRoute api": "grpcRoutes[0].name",
            },
        ),
    ],
    ids=["one", "several", "both", "kinds"],
)
def test_argo_s_plugin_configuration_names_the_same_routes(
    configuration: Json, expected: dict[str, str]
) -> None:
    """A user of Argo Rollouts keeps the configuration; each route is meant once."""
    rollout = a_rollout({"plugins": {"argoproj-labs/gatewayAPI": configuration}})
    named = rollout.canary.gateway_routes
    assert {f"{kind} {name}": field for (kind, name), field in named.items()} == {
        name: f"{PLUGIN}.{field}" for name, field in expected.items()
    }


def test_a_split_is_read() -> None:
    """Weight, hashes, and what the gateway says."""
    objects = a_cluster(
        an_http_route(a_split(90, 10)),
        a_service("cart-stable", "old"),
        a_service("cart-canary", "new"),
    )
    assert ROUTER.read(by_http_routes(), objects) == RouteState(
        canary_weight=10,
        stable_hash="old",
        canary_hash="new",
        verification=Verified("HTTPRoute shop/cart: generation 7 is accepted by Gateway infra/web"),
        part_weight=10,
    )


def test_http_and_grpc_routes_get_the_same_weight() -> None:
    """The weight is the highest; a problem says of which kind the route is."""
    routing = {"httpRoutes": [{"name": "cart"}], "grpcRoutes": [{"name": "cart"}]}
    rollout = a_rollout({"gatewayAPI": routing})
    grpc = {**an_http_route(a_split(60, 40)), "kind": "GRPCRoute"}
    key = ObjectKey(GROUP, "GRPCRoute", "shop", "cart")
    before = a_cluster(an_http_route(a_split(90, 10)), grpc)
    assert ROUTER.objects(rollout) == (HTTP_ROUTE, key, STABLE, CANARY)
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven, state.problems) == (40, True, ())
    after = applied(before, ROUTER.weights(rollout, before, 40))
    assert weights_of(after) == weights_of(after, key) == [[60, 40]]
    half = without(after, key)
    state = ROUTER.read(rollout, half)
    assert (state.canary_weight, state.part_weight) == (None, 40)
    assert [(found.path, found.message) for found in state.problems] == [
        (
            "spec.strategy.canary.trafficRouting.gatewayAPI.grpcRoutes[0].name",
            (
                "GRPCRoute shop/cart doesn't exist; create it, with a rule that refers to "
                "cart-stable and cart-canary."
            ),
        )
    ]
    assert weights_of(applied(half, ROUTER.weights(rollout, half, 0))) == [[100, 0]]


@pytest.mark.parametrize("kind", ["TCPRoute", "TLSRoute"])
def test_connections_are_split_as_requests_are(kind: str) -> None:
    """I1, I5: each is written, verified by its own status, and has no managed routes."""
    field = f"{kind[:3].lower()}Routes"
    routing = {
        "gatewayAPI": {field: [{"name": "cart"}], "httpRoutes": [{"name": "cart"}]},
        "managedRoutes": [{"name": "beta"}],
    }
    match = [{"headerName": "a", "headerValue": {"exact": "1"}}]
    rollout = a_rollout(routing, steps=[{"setHeaderRoute": {"name": "beta", "match": match}}])
    backends = {"backendRefs": a_split(100, 0)["backendRefs"]}
    key = ObjectKey(GROUP, kind, "shop", "cart")
    before = a_cluster(an_http_route(a_split(100, 0)), {**an_http_route(backends), "kind": kind})
    rules = tuple(step.rule for step in rollout.canary.steps or () if step.rule)
    after = applied(before, ROUTER.weights(rollout, before, 30, rules))
    assert weights_of(after, key) == [[70, 30]]
    state = ROUTER.read(rollout, after)
    assert (state.canary_weight, state.problems) == (30, ())
    assert [found.rules for found in state.rules] == [rules]
    after[key]["metadata"]["generation"] = 8
    late = ROUTER.read(rollout, after).verification
    assert isinstance(late, NotYet)
    assert late.why.startswith(f"{kind} shop/cart: Gateway infra/web: Accepted is reported for")


def test_a_grpc_route_is_verified_by_its_own_status() -> None:
    """I5: one of two kinds that isn't taken holds the step."""
    routing = {"httpRoutes": [{"name": "cart"}], "grpcRoutes": [{"name": "cart"}]}
    rollout = a_rollout({"gatewayAPI": routing})
    grpc = {**an_http_route(a_split(90, 10)), "kind": "GRPCRoute", "status": {}}
    state = ROUTER.read(rollout, a_cluster(an_http_route(a_split(90, 10)), grpc))
    assert state.verification == NotYet(
        "GRPCRoute shop/cart: Gateway infra/web: no controller has reported on it"
    )


@pytest.mark.parametrize(
    ("stable", "canary", "weight", "uneven"),
    [
        (None, None, 50, False),
        (1, 1, 50, False),
        (9, 1, 10, False),
        (1, None, 50, False),
        (2, None, 34, True),
        (1_000_000, 1, 1, True),
        (1, 1_000_000, 99, True),
        (1, 0, 0, False),
        (0, 1, 100, False),
        (0, 0, 0, True),
    ],
)
def test_any_scale_is_read_and_then_normalised(
    stable: int | None,
    canary: int | None,
    weight: int,
    uneven: bool,  # noqa: FBT001  # a column of the table
) -> None:
    """I1: a weight is a share of the sum, 1 when absent; what Davy writes sums to 100."""
    before = a_cluster(an_http_route(a_split(stable, canary)))
    state = ROUTER.read(by_http_routes(), before)
    assert (state.canary_weight, state.uneven, state.problems) == (weight, uneven, ())
    after = applied(before, ROUTER.weights(by_http_routes(), before, weight))
    assert weights_of(after) == [[100 - weight, weight]]


def test_only_rules_with_both_services_are_written() -> None:
    """I9: a preview by header, a redirect and another backend are the user's own."""
    others = (
        a_rule(a_backend("cart-canary", 1)),
        {"filters": [{"type": "RequestRedirect"}]},
        a_rule(a_backend("cart-stable", 3), a_backend("basket", 1)),
    )
    before = a_cluster(an_http_route(others[0], a_split(100, 0), *others[1:], a_split(100, 0)))
    after = applied(before, ROUTER.weights(by_http_routes(), before, 10))
    assert after == a_cluster(
        an_http_route(others[0], a_split(90, 10), *others[1:], a_split(90, 10))
    )
    assert ROUTER.read(by_http_routes(), after).problems == ()
    assert ROUTER.weights(by_http_routes(), after, 10) == ()


@pytest.mark.parametrize(
    "fields",
    [{"namespace": "bank"}, {"kind": "ServiceImport"}, {"group": "multicluster.x-k8s.io"}],
    ids=["namespace", "kind", "group"],
)
def test_a_backend_of_that_name_elsewhere_is_not_the_rollout_s(fields: Json) -> None:
    """Group, kind and namespace are part of the reference."""
    rule = a_rule(a_backend("cart-stable", 1), a_backend("cart-canary", 1, **fields))
    state = ROUTER.read(by_http_routes(), a_cluster(an_http_route(rule)))
    assert state.canary_weight is None
    assert [str(problem) for problem in state.problems] == [
        (
            f"{NAME}: HTTPRoute shop/cart has no rule that refers to both cart-stable and "
            "cart-canary; add both to its backendRefs."
        )
    ]


def test_a_reference_with_its_defaults_spelled_out_is_the_rollout_s() -> None:
    """Group "", kind Service and the route's namespace are the defaults."""
    spelled = {"group": "", "kind": "Service", "namespace": "shop"}
    rule = a_rule(a_backend("cart-stable", 90), a_backend("cart-canary", 10, **spelled))
    state = ROUTER.read(by_http_routes(), a_cluster(an_http_route(rule)))
    assert (state.canary_weight, state.problems) == (10, ())


def test_several_routes_are_written_and_read_as_one() -> None:
    """I4: the highest weight of all; a patch for each route that needs one."""
    before = a_cluster(
        an_http_route(a_split(100, 0), name="api"), an_http_route(a_split(70, 30), name="web")
    )
    rollout = by_http_routes("api", "web")
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven) == (30, True)
    assert isinstance(state.verification, NotYet)
    patches = ROUTER.weights(rollout, before, 30)
    assert [patch.key.name for patch in patches] == ["api"]
    after = ROUTER.read(rollout, applied(before, patches))
    assert (after.canary_weight, after.uneven) == (30, False)


def test_an_abort_is_written_to_the_routes_that_are_there() -> None:
    """I3: one route deleted doesn't keep the abort from the other; its weight isn't known."""
    rollout = by_http_routes("api", "cart")
    before = a_cluster(an_http_route(a_split(50, 50)))
    after = applied(before, ROUTER.weights(rollout, before, 0))
    assert weights_of(after) == [[100, 0]]
    assert ROUTER.read(rollout, after).canary_weight is None


def test_a_route_without_a_split_beside_another_has_no_weight() -> None:
    """I4: the other route's weight doesn't speak for it."""
    objects = a_cluster(
        an_http_route(a_split(100, 0)), an_http_route(a_rule(a_backend("cart-canary")), name="web")
    )
    assert ROUTER.read(by_http_routes("cart", "web"), objects).canary_weight is None


def test_an_abort_is_written_beside_a_third_backend() -> None:
    """I3, I9: the canary's weight goes to stable, the third's stays, the sum stays."""
    rule = a_rule(a_backend("cart-stable", 60), a_backend("basket", 10), a_backend("cart-canary"))
    before = a_cluster(an_http_route(rule))
    assert ROUTER.weights(by_http_routes(), before, 50) == ()
    after = applied(before, ROUTER.weights(by_http_routes(), before, 0))
    assert weights_of(after) == [[61, 10, 0]]


def test_a_rule_inserted_meanwhile_fails_the_patch() -> None:
    """I9: the index would mean another rule."""
    patches = ROUTER.weights(
        by_http_routes(), a_cluster(an_http_route(a_split(100, 0))), canary_weight=10
    )
    now = a_cluster(an_http_route(a_split(100, 0), a_split(100, 0), generation=8))
    with pytest.raises(PatchRefused):
        applied(now, patches)


def test_a_role_is_narrowed_by_its_service() -> None:
    """The route itself knows no revision."""
    before = a_cluster(an_http_route(a_split(100, 0)))
    after = applied(before, ROUTER.target(by_http_routes(), before, "stable", "old"))
    assert after == {**before, STABLE: a_service("cart-stable", "old")}


Case = tuple[RoutedRollout, Cluster, str, str]

PROBLEMS: dict[str, Case] = {
    "no HTTPRoute": (
        by_http_routes(),
        a_cluster(),
        NAME,
        (
            "HTTPRoute shop/cart doesn't exist; create it, with a rule that refers to cart-stable "
            "and cart-canary."
        ),
    ),
    "no rules": (
        by_http_routes(),
        a_cluster(an_http_route()),
        NAME,
        (
            "HTTPRoute shop/cart has no rule that refers to both cart-stable and cart-canary; add "
            "both to its backendRefs."
        ),
    ),
    "the second route": (
        by_http_routes("cart", "web"),
        a_cluster(an_http_route(a_split(1, 1))),
        NAME.replace("0", "1"),
        (
            "HTTPRoute shop/web doesn't exist; create it, with a rule that refers to cart-stable "
            "and cart-canary."
        ),
    ),
    "a third backend": (
        by_http_routes(),
        a_cluster(
            an_http_route(
                a_rule(a_backend("cart-stable"), a_backend("cart-canary"), a_backend("basket"))
            )
        ),
        NAME,
        (
            "rule 0 of HTTPRoute shop/cart has another backend beside cart-stable and cart-canary: "
            "basket; remove it."
        ),
    ),
    "one backend twice": (
        by_http_routes(),
        a_cluster(
            an_http_route(
                a_rule(a_backend("cart-stable"), a_backend("cart-canary"), a_backend("cart-stable"))
            )
        ),
        NAME,
        "rule 0 of HTTPRoute shop/cart refers to the stable Service 2 times; leave one backendRef.",
    ),
    "sticky sessions": (
        by_http_routes(),
        a_cluster(
            an_http_route(
                a_rule(
                    a_backend("cart-stable", 100),
                    a_backend("cart-canary", 0),
                    sessionPersistence={"type": "Cookie"},
                )
            )
        ),
        NAME,
        (
            "rule 0 of HTTPRoute shop/cart has sessionPersistence, which keeps a user on an "
            "aborted canary even at weight 0; remove it."
        ),
    ),
    "a malformed weight": (
        by_http_routes(),
        a_cluster(an_http_route(a_split(100, -1))),
        NAME,
        (
            "rule 0 of HTTPRoute shop/cart has a weight that isn't a whole number from 0 "
            "(backendRefs[1]); write 0."
        ),
    ),
    "no parents": (
        by_http_routes(),
        a_cluster(an_http_route(a_split(100, 0), parentRefs=[])),
        NAME,
        "HTTPRoute shop/cart has no parentRefs; name the Gateway or Service that it routes for.",
    ),
    "no canaryService": (
        a_rollout({"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}}, canaryService=None),
        a_cluster(an_http_route(a_split(100, 0))),
        "spec.strategy.canary.canaryService",
        "isn't set; weights are split between two Services: name the Service of the canary pods.",
    ),
    "no Service": (
        by_http_routes(),
        without(a_cluster(an_http_route(a_split(100, 0))), CANARY),
        "spec.strategy.canary.canaryService",
        (
            "Service shop/cart-canary doesn't exist; create it, with a selector that finds the "
            "pods (app=cart, tier=web)."
        ),
    ),
}


@pytest.mark.parametrize(
    ("rollout", "objects", "path", "sentence"), PROBLEMS.values(), ids=PROBLEMS
)
def test_what_is_wrong_is_said_in_one_sentence(
    rollout: RoutedRollout, objects: Cluster, path: str, sentence: str
) -> None:
    """I10: what is, what would be right, and where the rollout names it."""
    found = [(problem.path, problem.message) for problem in ROUTER.read(rollout, objects).problems]
    assert (path, sentence) in found


@pytest.mark.parametrize("name", ["no HTTPRoute", "no rules", "a malformed weight"])
def test_a_route_that_cannot_be_read_has_no_weight(name: str) -> None:
    """I4: not known is not 0."""
    rollout, objects, _, _ = PROBLEMS[name]
    state = ROUTER.read(rollout, objects)
    assert (state.canary_weight, type(state.verification)) == (None, NotYet)


def test_a_rollout_without_http_routes_has_no_objects_of_this_kind() -> None:
    """The registry gives such a rollout to another router."""
    assert ROUTER.objects(by_services()) == (STABLE, CANARY)


def test_weights_of_another_total_are_read_and_written_in_it() -> None:
    """I1: `maxTrafficWeight: 1000`; a user's 3 of 4 are 750 of it, and nobody rewrites them."""
    routing = {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}, "maxTrafficWeight": 1000}
    rollout = a_rollout(routing)
    objects = a_cluster(
        an_http_route(a_split(1, 3)), a_service("cart-stable"), a_service("cart-canary")
    )
    read = ROUTER.read(rollout, objects)
    assert (read.canary_weight, read.uneven) == (750, False)
    after = applied(objects, ROUTER.weights(rollout, objects, 5))
    assert weights_of(after) == [[995, 5]]
    assert ROUTER.read(rollout, after).canary_weight == 5
