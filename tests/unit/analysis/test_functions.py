"""What each function of the condition language makes of its arguments, and which it refuses."""

from typing import Any

import pytest

from davy.analysis import condition
from davy.api.errors import ConditionError

LIST: Any = [1, 2, 3]


@pytest.mark.parametrize(
    "source",
    [
        # places
        "get(result, 2) == 3",
        "get(result, 3) == nil",
        "get(result, -3) == 1",
        "get(result, -4) == nil",
        "first(result) == 1 && last(result) == 3",
        "first([]) == nil && last([]) == nil",
        "take(result, 2) == [1, 2] && take(result, 0) == [] && take(result, -1) == []",
        "take(result, 9) == result",
        # one item by a predicate
        "find(result, # > 2) == 3",
        "find(result, # > 3) == nil",
        "findIndex(result, # > 1) == 1",
        "findIndex(result, # > 3) == -1",
        "count(result, # > 2) == 1",
        "count(result, # > 3) == 0",
        "one(result, # > 2) && !one(result, # > 1) && !one(result, # > 3)",
        # a list, or numbers side by side
        "max(5) == 5 && max([5]) == 5 && max(5, 7) == 7",
        "min(result) == 1 && min(4, 2) == 2",
        "median(result) == 2 && median(9, 1) == 5 && mean(1, 2) == 1.5",
        # a sum is exact: whole numbers beyond 2**53, and tenths
        "sum([9007199254740993, 0]) == 9007199254740993",
        "sum([0, 0.1, 0.2, 0.3]) == 0.6",
        "isInf(sum([1e308, 1e308])) && isNaN(sum([1 / 0, -1 / 0]))",
        # rounding
        "round(2.5) == 3 && round(-2.5) == -3 && round(2.4) == 2",
        "floor(-1.5) == -2 && ceil(-1.5) == -1 && ceil(2) == 2",
        "isNaN(floor(0 / 0)) && isInf(ceil(1 / 0)) && isInf(round(-1 / 0))",
        "isNaN(min([0 / 0, 1])) && isNaN(median([0 / 0, 1]))",
    ],
)
def test_values(source: str) -> None:
    """At the limits, and one beyond."""
    assert condition.decide(source, LIST).holds is True


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("max([1], 2)", "max takes numbers, not a list of 1; write result[0] for the first series"),
        ("min(1, [2])", "min takes numbers, not a list of 1; write result[0] for the first series"),
        ("ceil('a')", "ceil takes numbers, not a text"),
        ("median([])", "median of an empty list"),
        ("take([1], 1 / 0)", "take takes a whole number, not a number"),
        ("get([1], 0 / 0)", "get takes a whole number, not a number"),
        ("sum([9223372036854775807, 1])", "the whole number is too large"),
        ("indexOf(1, 'a')", "indexOf takes a text, not a number"),
        ("split('a', 1)", "split takes a text, not a number"),
        ("join(['a'], 1)", "join takes a text, not a number"),
        ("replace(1, 'a', 'b')", "replace takes a text, not a number"),
        ("replace('a', 1, 'b')", "replace takes a text, not a number"),
        ("trim(1)", "trim takes a text, not a number"),
        ("trimSuffix('a', 1)", "trimSuffix takes a text, not a number"),
        ("upper(nil)", "upper takes a text, not nil"),
    ],
)
def test_what_a_function_refuses(call: str, says: str) -> None:
    """Which function, what it takes, what it was given."""
    with pytest.raises(ConditionError) as caught:
        condition.decide(f"{call} == 1", 1)
    assert str(caught.value) == f"{says} (at character 0)"


@pytest.mark.parametrize(
    ("source", "small", "large"),
    [
        ("len(replace(result, 'b', '')) == 65536", "a" * 65_536, "a" * 65_537),
        ("len(result + 'a') == 65536", "a" * 65_535, "a" * 65_536),
        ("first(split(result, '')) == 'a'", "a" * 10_000, "a" * 10_001),
        ("first(split(result, ',')) == ''", "," * 9999, "," * 10_000),
        ("concat(result, [1])[0] == 1", [1] * 9999, [1] * 10_000),
    ],
)
def test_what_a_condition_makes_is_bounded(source: str, small: Any, large: Any) -> None:
    """65 536 characters of a text, 10 000 items of a list."""
    assert condition.decide(source, small).holds is True
    with pytest.raises(ConditionError, match=r"has more than (65536 characters|10000 items)"):
        condition.decide(source, large)
