"""The evidence itself: its values, and that nobody is fooled by looking often."""

import math
from random import Random

import pytest

from davy.analysis.eprocess import (
    BETTER,
    RARER,
    WORSE,
    Stratum,
    averaged,
    likelihoods,
    mixed,
    pooled,
)

EQUAL = (300, 3, 2700, 27)
THRICE = (300, 9, 2700, 27)

VECTORS = [
    ([(300, 0, 2700, 0)], 0.0, 0.0, 0.0),
    ([EQUAL], -1.9014, -2.2745, 0.2706),
    ([THRICE], 1.9283, 0.7838, -2.2767),
    ([(300, 10, 2700, 20)], 4.6582, 3.1652, -2.7529),
    ([(300, 3, 2700, 0)], 5.2249, 4.8144, -1.9115),
    ([EQUAL] * 5, -2.8606, -3.7786, 2.6844),
    ([THRICE] * 5, 14.4222, 8.8254, -4.2353),
    ([EQUAL] * 5 + [(1500, 15, 1500, 15)] * 5, -3.9318, -6.1728, 10.8525),
    ([EQUAL] * 5 + [(1500, 150, 1500, 150)] * 5, -9.6377, -25.3575, 89.3413),
]
"""Canary requests and errors, stable requests and errors; log evidence against a ratio of at most
1, of at most 1.25, of at least 2: computed by an independent implementation."""


def strata(intervals: list[tuple[int, int, int, int]]) -> list[Stratum]:
    return [
        Stratum(canary / stable, errors, stable_errors)
        for canary, errors, stable, stable_errors in intervals
    ]


@pytest.mark.parametrize(("intervals", "worse", "quarter_worse", "better"), VECTORS)
def test_the_evidence_is_that_of_the_reference(
    intervals: list[tuple[int, int, int, int]], worse: float, quarter_worse: float, better: float
) -> None:
    seen = strata(intervals)
    assert mixed(likelihoods(seen, 1.0, WORSE)) == pytest.approx(worse, abs=1e-4)
    assert mixed(likelihoods(seen, 1.25, WORSE)) == pytest.approx(quarter_worse, abs=1e-4)
    assert mixed(likelihoods(seen, 2.0, BETTER)) == pytest.approx(better, abs=1e-4)


def test_strata_of_the_same_odds_may_be_added_up() -> None:
    """The cuts between looks at one weight are no evidence."""
    seen = strata([EQUAL, THRICE, (1500, 15, 1500, 15), EQUAL])
    together = pooled(seen)
    assert len(together) == 2
    assert likelihoods(together, 1.25, WORSE) == pytest.approx(likelihoods(seen, 1.25, WORSE))


@pytest.mark.parametrize("odds", [0.0, math.inf])
def test_one_side_alone_says_nothing_about_a_ratio(odds: float) -> None:
    assert mixed(likelihoods([Stratum(odds, 7, 0)], 1.25, WORSE)) == 0


@pytest.mark.parametrize(("share", "clean"), [(0.001, 3700), (0.01, 370), (0.05, 72)])
def test_clean_requests_exclude_a_share_of_errors(share: float, clean: int) -> None:
    """With a mixture it takes a fifth more than the ln 20 / share of one look."""
    odds = share / (1 - share)
    assert mixed(likelihoods([Stratum(odds, 0, clean)], 1.0, RARER)) >= math.log(20)
    few = math.log(20) / share
    assert mixed(likelihoods([Stratum(odds, 0, few)], 1.0, RARER)) < math.log(20)


def test_an_average_of_evidence_is_evidence() -> None:
    parts = [(0.5, math.log(30)), (0.25, 0.0)]
    assert averaged(parts) == pytest.approx(math.log(15.25))


def test_looking_often_fools_nobody() -> None:
    """At the ratio that is allowed, fewer than one in twenty is accused in two hundred looks."""
    random = Random(4711)
    share = 1.25 * 0.1 / (1.25 * 0.1 + 0.9)
    accused = 0
    for _ in range(300):
        hits = 0
        for events in range(1, 201):
            hits += random.random() < share
            logs = likelihoods([Stratum(1 / 9, hits, events - hits)], 1.25, WORSE)
            if mixed(logs) >= math.log(20):
                accused += 1
                break
    assert accused / 300 < 0.05
