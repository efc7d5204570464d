"""APISIX: what is read from an ApisixRoute, what is written, and when it is verified."""

from typing import Any

import pytest

from davy.traffic.apisix import ApisixRouter
from davy.traffic.base import Json, NotYet, RouteState, Unknown, Verification, Verified
from tests.unit.traffic.routes import (
    APISIX_ROUTE,
    CANARY,
    STABLE,
    Cluster,
    a_cluster,
    a_service,
    an_apisix_backend,
    an_apisix_route,
    an_apisix_rule,
    applied,
    by_apisix_route,
)

ROUTER = ApisixRouter()
PATH = "spec.strategy.canary.trafficRouting.apisix.route"
UNKNOWN = Unknown("the controller of APISIX doesn't report on the route")


def a_split(name: str, stable: int | None, canary: int | None, **fields: Any) -> Json:
    """A rule between the two Services."""
    both = (an_apisix_backend("cart-stable", stable), an_apisix_backend("cart-canary", canary))
    return an_apisix_rule(name, *both, **fields)


def weights_of(objects: Cluster) -> dict[str, list[int | None]]:
    rules = objects[APISIX_ROUTE]["spec"]["http"]
    return {rule["name"]: [each.get("weight") for each in rule["backends"]] for rule in rules}


def test_the_objects_are_the_route_and_the_services() -> None:
    """The controller watches exactly these."""
    assert ROUTER.objects(by_apisix_route("api")) == (APISIX_ROUTE, STABLE, CANARY)


def test_the_rule_of_the_route_s_name_is_split_when_none_is_named() -> None:
    """As Argo Rollouts has it; other rules are the user's (I9)."""
    before = a_cluster(
        an_apisix_route(a_split("cart", 90, 10), a_split("own", 3, 4)),
        a_service("cart-stable", "old"),
        a_service("cart-canary", "new"),
    )
    assert ROUTER.read(by_apisix_route(), before) == RouteState(
        canary_weight=10,
        stable_hash="old",
        canary_hash="new",
        verification=UNKNOWN,
        part_weight=10,
    )
    after = applied(before, ROUTER.weights(by_apisix_route(), before, 50))
    assert weights_of(after) == {"cart": [50, 50], "own": [3, 4]}


def test_several_rules_get_one_weight() -> None:
    """In one patch; a backend without a weight has 100 (the controller's default)."""
    rollout = by_apisix_route("api", "web")
    before = a_cluster(an_apisix_route(a_split("api", None, None), a_split("web", 90, 10)))
    state = ROUTER.read(rollout, before)
    assert (state.canary_weight, state.uneven, state.problems) == (50, True, ())
    (patch,) = ROUTER.weights(rollout, before, 20)
    after = applied(before, (patch,))
    assert weights_of(after) == {"api": [80, 20], "web": [80, 20]}
    assert ROUTER.weights(rollout, after, 20) == ()


@pytest.mark.parametrize(
    ("rules", "field", "sentence"),
    [
        ((), PATH, "has no rule named cart in spec.http; name those that are split in"),
        ((a_split("api", 1, 0), a_split("web", 1, 0)), PATH, "route.rules: api, web."),
        ((a_split("cart", 1, 0), a_split("cart", 1, 0)), PATH, "is there 2 times; give each"),
        (
            (a_split("cart", 1, 0, upstreams=[{"name": "elsewhere"}]),),
            PATH,
            "rule cart of ApisixRoute shop/cart has upstreams, which take a share of their own",
        ),
        (
            (a_split("cart", 1, 0, plugins=[{"name": "traffic-split", "enable": True}]),),
            PATH,
            "has the plugin traffic-split, which overrides the backends' weights; remove it.",
        ),
        (
            (an_apisix_rule("cart", an_apisix_backend("cart-canary")),),
            PATH,
            "has no destination for stable; its backends must be cart-stable and",
        ),
    ],
    ids=["none", "other names", "twice", "upstreams", "the plugin", "no stable"],
)
def test_what_cannot_be_split_is_told(rules: tuple[Json, ...], field: str, sentence: str) -> None:
    """Steps wait while there is a problem."""
    state = ROUTER.read(by_apisix_route(), a_cluster(an_apisix_route(*rules)))
    assert [problem.path for problem in state.problems] == [field] * len(state.problems)
    assert sentence in " ".join(problem.message for problem in state.problems)


def test_a_plugin_that_is_off_is_no_problem() -> None:
    """Nor is any other plugin."""
    plugins = [{"name": "traffic-split", "enable": False}, {"name": "limit-req"}]
    objects = a_cluster(an_apisix_route(a_split("cart", 1, 0, plugins=plugins)))
    assert ROUTER.read(by_apisix_route(), objects).problems == ()


def test_a_route_that_is_missing_is_told() -> None:
    """The finding is at the field that names it."""
    state = ROUTER.read(by_apisix_route(), a_cluster())
    assert state.canary_weight is None
    assert str(state.problems[0]).startswith(f"{PATH}.name: ApisixRoute shop/cart doesn't exist")


def test_one_rule_that_is_gone_does_not_keep_an_abort_from_the_other() -> None:
    """I3: parts that can't be written are left out, the others are written."""
    rollout = by_apisix_route("gone", "cart")
    before = a_cluster(an_apisix_route(a_split("cart", 50, 50)))
    assert ROUTER.read(rollout, before).canary_weight is None
    after = applied(before, ROUTER.weights(rollout, before, 0))
    assert weights_of(after) == {"cart": [100, 0]}


def a_condition(kind: str, observed: int | None, status: str = "True", **fields: Any) -> Json:
    found: Json = {"type": kind, "status": status, **fields}
    return found if observed is None else {**found, "observedGeneration": observed}


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], UNKNOWN),
        ([a_condition("Accepted", None)], UNKNOWN),
        ([a_condition("Other", 7)], UNKNOWN),
        (
            [a_condition("Accepted", 7)],
            Verified("ApisixRoute shop/cart: generation 7 is accepted"),
        ),
        (
            [a_condition("ResourcesAvailable", 7)],
            Verified("ApisixRoute shop/cart: generation 7 is accepted"),
        ),
        (
            [a_condition("ResourcesAvailable", 3), a_condition("Accepted", 7)],
            Verified("ApisixRoute shop/cart: generation 7 is accepted"),
        ),
        (
            [a_condition("Accepted", 6)],
            NotYet(
                "ApisixRoute shop/cart: Accepted is reported for generation 6, the spec is at 7"
            ),
        ),
        (
            [a_condition("Accepted", 7, "False", reason="SyncFailed", message="no such host")],
            NotYet("ApisixRoute shop/cart: Accepted isn't True (SyncFailed: no such host)"),
        ),
    ],
    ids=["none", "no generation", "another", "v2", "v1", "v1 before v2", "older", "refused"],
)
def test_the_controller_s_report_is_believed_for_this_generation(
    conditions: list[Json], expected: Verification
) -> None:
    """I5: a report of an older spec says nothing of this one; without any the settle time does."""
    route = an_apisix_route(a_split("cart", 90, 10))
    route["status"] = {"conditions": conditions}
    assert ROUTER.read(by_apisix_route(), a_cluster(route)).verification == expected
