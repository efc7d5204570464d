"""Which of two Services that swap their roles is stable's now."""

from dataclasses import replace

import pytest

from davy.api.ping_pong import PingPong
from davy.api.rollout import CanaryStrategy
from davy.traffic import ping_pong
from davy.traffic.base import RoutedRollout
from davy.traffic.istio import IstioRouter
from tests.unit.traffic.routes import CANARY as PONG
from tests.unit.traffic.routes import (
    a_cluster,
    a_rollout,
    a_service,
    a_virtual_service,
    an_http_route_of_istio,
    to_host,
    without,
)

NAMES = ("cart-stable", "cart-canary")
"""Ping's and pong's: the roles that they have at first."""
ISTIO = {"virtualService": {"name": "cart"}}


def strategy(**fields: object) -> CanaryStrategy:
    given = {"trafficRouting": {"istio": ISTIO}, **fields}
    return CanaryStrategy.model_validate(given)


SWAPPING = strategy(pingPong={"pingService": NAMES[0], "pongService": NAMES[1]})
NAMED = strategy(stableService=NAMES[0], canaryService=NAMES[1])


def by_turns(said: str | None) -> RoutedRollout:
    """With the roles that the status says."""
    return replace(a_rollout({"istio": ISTIO}), canary=ping_pong.with_roles(SWAPPING, said))


@pytest.mark.parametrize(
    ("ping", "pong", "weights", "said", "stable"),
    [
        ("old", "new", (50, 50), "ping", "ping"),
        ("new", "old", (50, 50), "pong", "pong"),
        ("new", "old", (50, 50), "ping", "pong"),
        ("old", "new", (50, 50), None, "ping"),
        ("new", "old", (0, 100), None, "pong"),
        ("old", "old", (100, 0), "pong", "ping"),
        ("old", "old", (0, 100), None, "pong"),
        ("new", "dead", (30, 70), "pong", "pong"),
        (None, None, (100, 0), None, "ping"),
        (None, None, (100, 0), "pong", "pong"),
        (None, None, (0, 100), "nobody", "ping"),
    ],
)
def test_the_services_say_whose_turn_it_is(
    ping: str | None, pong: str | None, weights: tuple[int, int], said: str | None, stable: str
) -> None:
    """I3: the one that leads to the stable revision; the status where none does."""
    objects = a_cluster(
        a_virtual_service(
            an_http_route_of_istio(
                None, to_host(NAMES[0], weights[0]), to_host(NAMES[1], weights[1])
            )
        ),
        a_service(NAMES[0], ping),
        a_service(NAMES[1], pong),
    )
    found, state = ping_pong.read(IstioRouter(), by_turns(said), objects, "old")
    side = SWAPPING.ping_pong and SWAPPING.ping_pong.side(found.canary.stable_service)
    assert side == stable
    assert state.canary_weight == (weights[1] if stable == "ping" else weights[0])


def test_a_service_that_isnt_there_is_named_by_its_own_field() -> None:
    """I10: whatever role it has."""
    objects = without(a_cluster(a_service(NAMES[0])), PONG)
    for said in ("ping", "pong"):
        state = IstioRouter().read(by_turns(said), objects)
        assert "spec.strategy.canary.pingPong.pongService" in [
            problem.path for problem in state.problems
        ]


@pytest.mark.parametrize(
    ("canary", "said", "swaps"),
    [
        (SWAPPING, None, True),
        (NAMED, None, False),
        (NAMED, "ping", True),
        (strategy(stableService="a", canaryService="b", trafficRouting=None), "pong", False),
        (
            strategy(
                stableService="a",
                canaryService="b",
                trafficRouting={"nginx": {"stableIngress": "cart"}},
            ),
            "pong",
            False,
        ),
    ],
)
def test_roles_that_a_ping_pong_left_are_looked_at_where_they_can_be_swapped(
    canary: CanaryStrategy, said: str | None, *, swaps: bool
) -> None:
    """A rollout that never had one is as it was."""
    assert ping_pong.swaps(canary, said) is swaps


def test_a_service_of_neither_name_has_no_side() -> None:
    """Nothing is said of it."""
    pair = PingPong(ping_service="a", pong_service="b")
    assert (pair.side("a"), pair.side("b"), pair.side("c"), pair.side(None)) == (
        "ping",
        "pong",
        None,
        None,
    )
