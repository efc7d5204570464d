"""Where the split of the requests changed, as it was observed."""

import math
from random import Random

import pytest

from davy.analysis.ledger import Served
from davy.analysis.stretches import odds


def at(weight: float, times: int, requests: int = 200, seed: int = 1) -> tuple[Served, ...]:
    random = Random(seed)
    found = []
    for _ in range(times):
        canary = sum(random.random() < weight for _ in range(requests))
        found.append(Served(1.0, canary, 0, requests - canary, 0))
    return tuple(found)


@pytest.mark.parametrize("requests", [5, 50, 500])
def test_at_one_weight_the_odds_are_those_of_the_sums(requests: int) -> None:
    """However few requests a look has: most of five have no canary's among them."""
    looks = at(0.1, 60, requests)
    canary, stable = sum(one.canary for one in looks), sum(one.stable for one in looks)
    assert odds(looks) == pytest.approx((canary / stable,) * 60)


def test_a_ramp_is_divided_where_the_weight_changed() -> None:
    found = odds(at(0, 5) + at(0.1, 20) + at(0.5, 20) + at(1, 10))
    assert found[:5] == (0.0,) * 5
    assert found[5:25] == pytest.approx((1 / 9,) * 20, rel=0.1)
    assert found[25:45] == pytest.approx((1.0,) * 20, rel=0.1)
    assert found[45:] == (math.inf,) * 10


def test_a_small_drift_is_the_same_weight() -> None:
    """However many requests show it."""
    looks = (Served(1, 10_000, 0, 90_000, 0),) * 5 + (Served(1, 10_400, 0, 89_600, 0),) * 5
    assert len(set(odds(looks))) == 1


def test_without_requests_nobody_is_compared() -> None:
    assert odds((Served(1.0),) * 3) == (0.0,) * 3
    assert odds(()) == ()
