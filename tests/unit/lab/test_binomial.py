import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab import binomial

KNOWN = [
    # hits, of, confidence, low, high: the closed forms of no hit and all hits, the rest published
    # tables (four digits).
    (0, 10, 0.95, 0.0, 1 - 0.025**0.1),
    (10, 10, 0.95, 0.025**0.1, 1.0),
    (1, 10, 0.95, 0.0025, 0.4450),
    (5, 10, 0.95, 0.1871, 0.8129),
    (10, 100, 0.95, 0.0490, 0.1762),
    (50, 100, 0.99, 0.3689, 0.6311),
]


@pytest.mark.parametrize(("hits", "of", "confidence", "low", "high"), KNOWN)
def test_the_interval_is_the_published_one(
    hits: int, of: int, confidence: float, low: float, high: float
) -> None:
    """The interval equals Clopper and Pearson's."""
    assert binomial.interval(hits, of, confidence) == pytest.approx((low, high), abs=6e-5)


def at_least(hits: int, of: int, share: float) -> float:
    """P(X >= hits) by adding up, in exact fractions."""
    p = Fraction(share)
    return float(sum(math.comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(hits, of + 1)))


@given(st.integers(1, 60), st.data(), st.sampled_from([0.9, 0.99, 0.999]))
def test_the_ends_leave_exactly_half_the_doubt_on_each_side(
    of: int, data: st.DataObject, confidence: float
) -> None:
    """The definition: at the low end so many hits or more, at the high end so few or fewer."""
    hits = data.draw(st.integers(0, of))
    low, high = binomial.interval(hits, of, confidence)
    tail = (1 - confidence) / 2
    if hits > 0:
        assert at_least(hits, of, low) == pytest.approx(tail, rel=1e-6)
    if hits < of:
        assert 1 - at_least(hits + 1, of, high) == pytest.approx(tail, rel=1e-6)


@pytest.mark.parametrize("of", [10_000, 1_000_000])
def test_large_samples_converge_and_stay_around_the_share(of: int) -> None:
    """A long run of the load generator is no harder than a short one."""
    low, high = binomial.interval(of // 10, of)
    assert low < 0.1 < high
    assert high - low == pytest.approx(2 * 3.2905 * math.sqrt(0.09 / of), rel=0.02)


def test_no_sample_says_nothing() -> None:
    """No request, no knowledge."""
    assert binomial.interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "of", "confidence"), [(-1, 5, 0.9), (6, 5, 0.9), (1, 5, 1.0)])
def test_impossible_samples_are_refused(hits: int, of: int, confidence: float) -> None:
    """A count that can't be is a mistake of the caller, not a share."""
    with pytest.raises(ValueError, match="no interval"):
        binomial.interval(hits, of, confidence)


def test_weight_nought_allows_no_request() -> None:
    """At weight 0 a single request is wrong, at weight 100 a single missing one."""
    assert binomial.agrees(0, 1000, 0)
    assert not binomial.agrees(1, 1000, 0)
    assert binomial.agrees(1000, 1000, 1)
    assert not binomial.agrees(999, 1000, 1)


def test_a_doubled_share_is_told_apart() -> None:
    """2 000 requests at a weight of 10 aren't mistaken for 15."""
    assert binomial.agrees(214, 2000, 0.10)
    assert not binomial.agrees(300, 2000, 0.10)
