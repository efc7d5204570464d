"""How many requests are missing: computed where a line is crossed."""

import math

import pytest

from davy.analysis.eprocess import BETTER, RARER, Stratum, likelihoods, mixed
from davy.analysis.forecast import requests_to

CLEAN = likelihoods([Stratum(0.01 / 0.99, 0, 1)], 1.0, RARER)
EQUAL = likelihoods([Stratum(1 / 9, 0.01, 0.09)], 2.0, BETTER)
NOTHING = [0.0] * 24


@pytest.mark.parametrize("drift", [CLEAN, EQUAL])
@pytest.mark.parametrize("dispersion", [1.0, 2.5])
def test_after_so_many_requests_the_evidence_is_there(
    drift: list[float], dispersion: float
) -> None:
    wanted = requests_to(math.log(20), NOTHING, drift, dispersion)
    there = [each * wanted for each in drift]
    assert mixed(there, dispersion) == pytest.approx(math.log(20), rel=0.01)
    assert mixed([0.98 * each for each in there], dispersion) < math.log(20)


def test_what_is_there_needs_nothing() -> None:
    assert requests_to(1.0, [2.0] * 24, NOTHING) == 0


def test_what_does_not_grow_never_gets_there() -> None:
    assert math.isinf(requests_to(1.0, NOTHING, NOTHING))
    assert math.isinf(requests_to(1.0, NOTHING, [-abs(each) for each in EQUAL]))
