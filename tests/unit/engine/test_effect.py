"""Whether the mesh does what the route says, and which pods that may reach."""

from dataclasses import replace
from datetime import timedelta

import pytest

from davy.api.conditions import ConditionType, Reason
from davy.api.managed_routes import SetHeaderRoute
from davy.api.status import RolloutStatus
from davy.engine.effect import effect, may_carry
from davy.engine.world import Answer, Route, WrittenRule
from tests.unit.engine.cluster import SETTLE
from tests.unit.engine.pieces import NEW, NOW, OLD, a_condition, a_rollout, a_set, a_world, around

ROUTE = Route(30, stable_hash=OLD, canary_hash=NEW, answer=Answer.VERIFIED)


def status(said: str, ago: timedelta) -> RolloutStatus:
    kind, reason = ConditionType.TRAFFIC_VERIFIED, Reason.WEIGHT_SETTLING
    return RolloutStatus(conditions=[a_condition(kind, reason, NOW - ago, said)])


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (ROUTE, f"Canary 30 to {NEW}, stable 70 to {OLD}; the router reports it programmed."),
        (
            Route(0, answer=Answer.NOT_YET),
            "Canary 0 to any pod, stable 100 to any pod; the router reports it not programmed.",
        ),
        (
            Route(100, stable_hash=OLD, canary_hash=NEW),
            f"Canary 100 to {NEW}, stable 0 to {OLD}; the router can't report it.",
        ),
        (Route(None), "The route can't be read."),
    ],
)
def test_the_route_in_words(route: Route, said: str) -> None:
    """The same words mean the same route: its settle time is counted by them."""
    assert effect(route, RolloutStatus(), NOW, SETTLE).said == said


def test_a_weight_is_in_effect_when_its_settle_time_has_passed() -> None:
    """I5: that very instant included; counted from when the route first said so."""
    said = effect(ROUTE, RolloutStatus(), NOW, SETTLE).said
    fresh = effect(ROUTE, RolloutStatus(), NOW, SETTLE)
    assert (fresh.since, fresh.settles_at, fresh.in_effect) == (NOW, NOW + SETTLE, False)
    half = effect(ROUTE, status(said, SETTLE / 2), NOW, SETTLE)
    assert (half.since, half.settles_at) == (NOW - SETTLE / 2, NOW + SETTLE / 2)
    assert not half.in_effect
    done = effect(ROUTE, status(said, SETTLE), NOW, SETTLE)
    assert (done.settles_at, done.in_effect) == (None, True)
    other = effect(ROUTE, status("Canary 10 …", SETTLE), NOW, SETTLE)
    assert (other.since, other.in_effect) == (NOW, False)


def test_a_settle_time_begins_with_the_write_that_no_status_tells() -> None:
    """I5: the route was changed and put back meanwhile; nor does one count that is yet to come."""
    said = effect(ROUTE, RolloutStatus(), NOW, SETTLE).said
    for written, since in (
        (SETTLE / 2, SETTLE / 2),
        (3 * SETTLE, 2 * SETTLE),
        (-SETTLE, 2 * SETTLE),
    ):
        route = replace(ROUTE, written_at=NOW - written)
        assert effect(route, status(said, 2 * SETTLE), NOW, SETTLE).since == NOW - since


@pytest.mark.parametrize("route", [Route(30, answer=Answer.NOT_YET), Route(None)])
def test_what_the_mesh_refuses_never_takes_effect(route: Route) -> None:
    """However long it is there; no time makes it so, so nobody is woken for it."""
    said = effect(route, RolloutStatus(), NOW, SETTLE).said
    for ago in (timedelta(), timedelta(days=1)):
        found = effect(route, status(said, ago), NOW, SETTLE)
        assert (found.settles_at, found.in_effect) == (None, False)


@pytest.mark.parametrize(
    ("weight", "stable", "canary", "carries"),
    [
        (0, OLD, NEW, False),
        (1, OLD, NEW, True),
        (100, OLD, NEW, True),
        (0, OLD, None, False),
        (1, OLD, None, True),
        (99, None, OLD, True),
        (100, None, OLD, False),
        (0, None, OLD, True),
        (0, NEW, OLD, True),
        (100, NEW, OLD, False),
        (50, OLD, OLD, False),
        (None, OLD, OLD, True),
    ],
)
def test_what_may_reach_the_new_pods(
    weight: int | None, stable: str | None, canary: str | None, *, carries: bool
) -> None:
    """I4: a side with weight that leads to them, or to any pod, or a route that nobody can read."""
    assert may_carry(Route(weight, stable_hash=stable, canary_hash=canary), NEW) is carries


@pytest.mark.parametrize(("canary", "carries"), [(NEW, True), (None, True), (OLD, False)])
def test_a_managed_route_reaches_the_canary_at_weight_0(
    canary: str | None, *, carries: bool
) -> None:
    """I4: where its destination leads, pods stay."""
    route = Route(0, stable_hash=OLD, canary_hash=canary, rules=(WrittenRule("beta"),))
    assert may_carry(route, NEW) is carries


def test_two_managed_routes_of_one_name_settle_apart() -> None:
    """I5: a step that gives a name another match waits for the mesh again."""
    matches = [[{"headerName": "x", "headerValue": {"exact": text}}] for text in ("1", "2")]
    rules = [SetHeaderRoute.model_validate({"name": "beta", "match": match}) for match in matches]
    said = {
        effect(replace(ROUTE, rules=(WrittenRule("beta", of),)), RolloutStatus(), NOW, SETTLE).said
        for of in ((), *((rule,) for rule in rules))
    }
    assert len(said) == 3
    assert any("; managed routes beta (as no step asks); " in text for text in said)


def test_pods_that_count() -> None:
    """I2: not those about to go, and nothing to build on before the counts are new."""
    world = a_world(
        replica_sets=(a_set(OLD, 1, 4, desired=1), a_set(NEW, 2, 2, desired=3, observed=False))
    )
    here = around(a_rollout({"setWeight": 10}), world)
    assert (here.available(OLD), here.proven(OLD)) == (1, 1)
    assert (here.available(NEW), here.proven(NEW)) == (2, 0)
    assert (here.available("other"), here.proven("other"), here.available(None)) == (0, 0, 0)
    assert here.full == 4
