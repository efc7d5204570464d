"""Native histograms: how many observations lie below a bound, and when nobody can say."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.metrics import native

EDGES = [2.0**power for power in range(-8, 9)]


def a_histogram(values: list[float], schema: int = 3) -> dict[str, Any]:
    """As Prometheus answers it: `2**schema` buckets to each power of two."""
    numbers: dict[int, int] = {}
    for value in values:
        index = math.ceil(math.log2(value) * 2**schema - 1e-9)
        numbers[index] = numbers.get(index, 0) + 1
    buckets = [
        [0, repr(2 ** ((index - 1) / 2**schema)), repr(2 ** (index / 2**schema)), str(number)]
        for index, number in sorted(numbers.items())
    ]
    return {"count": str(len(values)), "sum": str(sum(values)), "buckets": buckets}


@given(
    values=st.lists(st.floats(0.01, 200), max_size=40),
    schema=st.integers(0, 8),
    bound=st.sampled_from(EDGES),
)
def test_powers_of_two_count_the_same_at_every_resolution(
    values: list[float], schema: int, bound: float
) -> None:
    """To the observation; so nothing is lost where the resolution falls."""
    sample = a_histogram(values, schema)
    assert native.all_of(sample) == len(values)
    assert native.up_to(bound)(sample) == sum(value <= bound for value in values)


def test_buckets_that_the_application_chose() -> None:
    """Their bounds are the only ones; the first begins at nothing, the last has no end."""
    buckets = [[3, "-Inf", "0.1", "60"], [0, "0.1", "0.3", "30"], [0, "0.3", "+Inf", "30"]]
    sample = {"count": "120", "sum": "12", "buckets": buckets}
    assert native.up_to(0.3)(sample) == 90
    with pytest.raises(ValueError, match=r"0\.2 lies inside a bucket of it, from 0\.1 to 0\.3"):
        native.up_to(0.2)(sample)
    with pytest.raises(ValueError, match=r"from 0\.3 to inf"):
        native.up_to(0.5)(sample)


def test_a_histogram_without_buckets_has_nothing_below_or_above() -> None:
    """Prometheus leaves empty buckets out."""
    assert native.up_to(0.5)({"count": "0", "sum": "0"}) == 0


@pytest.mark.parametrize("read", [native.all_of, native.up_to(0.5)])
def test_what_is_no_histogram_is_said(read: native.Reader) -> None:
    """A counter, or one that counts nothing."""
    with pytest.raises(ValueError, match="no native histogram"):
        read("12")
    with pytest.raises(ValueError, match="no counter has such"):
        read({"count": "-1", "sum": "0"})
    assert read({"count": "NaN", "sum": "NaN"}) is None


def test_what_lies_below_each_bound_is_added_up() -> None:
    """For a limit that is chosen by it: of several histograms, with what has no end."""
    one = {"count": "10", "buckets": [[0, "0.1", "0.5", "6"], [0, "0.5", "+Inf", "4"]]}
    other = {"count": "5", "buckets": [[0, "0.25", "0.3", "5"]]}
    vectors = [[{"metric": {}, "histogram": [0, sample]}] for sample in (one, other)]
    assert native.below([*vectors, []]) == (
        (Decimal("0.3"), 5.0),
        (Decimal("0.5"), 11.0),
        (Decimal("Infinity"), 15.0),
    )
    with pytest.raises(ValueError, match="no native histogram"):
        native.below([[{"metric": {}, "value": [0, "1"]}]])
