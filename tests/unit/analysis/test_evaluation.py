"""How a condition's tree is walked: three-valued logic, names, and the bound on the work."""

import math
from typing import Any

import pytest

from davy.analysis import condition
from davy.analysis.nodata import Missing
from davy.api.errors import ConditionError

NAN = math.nan
UNKNOWN = "result[0] > 1"
"""Of `[NAN]`."""


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        (f"false || {UNKNOWN}", None),
        (f"true || {UNKNOWN}", True),
        (f"{UNKNOWN} || true", True),
        (f"{UNKNOWN} || false", None),
        (f"true && {UNKNOWN}", None),
        (f"false && {UNKNOWN}", False),
        (f"{UNKNOWN} && false", False),
        (f"{UNKNOWN} && true", None),
        (f"!({UNKNOWN})", None),
        (f"true ? {UNKNOWN} : true", None),
        (f"false ? {UNKNOWN} : true", True),
        (f"({UNKNOWN}) == true", None),
        (f"({UNKNOWN}) in [true]", None),
        (f"[1, 2][{UNKNOWN} ? 0 : 1] == 1", None),
        (f"[1, 2][({UNKNOWN} ? 0 : 1):] == []", None),
        (f"{{a: {UNKNOWN}}} == {{a: true}}", None),
        (f"[{UNKNOWN}] == [false]", None),
        (f"map(result, {UNKNOWN}) == [false]", None),
        (f"sum(result, {UNKNOWN} ? 1 : 2) > 1", None),
        (f"(({UNKNOWN}) ?? 3) == 3", True),
        (f"isNil({UNKNOWN})", True),
    ],
)
def test_unknown_goes_through_all_that_it_could_turn(source: str, holds: object) -> None:
    """Kleene's logic: what is decided without it is decided; never is it taken for false."""
    assert condition.decide(source, [NAN]).holds is holds


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("result", []),
        ("result", None),
        ("result > 1", []),
        ("result > 1", {}),
        ("-result > 1", []),
        ("result && true", None),
        ("!result", []),
        ("result ? true : false", {}),
        ("result?.x == nil", None),
        ("join(result, ',') == ''", []),
        ("concat([1], result) == [1]", []),
    ],
)
def test_an_empty_answer_that_is_read_decides_nothing(source: str, answer: Any) -> None:
    """I7: as a value, as a truth, as one argument of two."""
    decision = condition.decide(source, answer)
    assert (decision.holds, decision.missing) == (None, Missing.EMPTY)


@pytest.mark.parametrize(
    ("source", "answer"),
    [("result < 1", 0), ("result == 0", 0.0), ("result == ''", ""), ("!result", False)],
)
def test_zero_is_an_answer(source: str, answer: Any) -> None:
    """So are false and a text without characters."""
    assert condition.decide(source, answer).holds is True


def test_what_was_missing_first_is_told() -> None:
    """A person looks there first."""
    assert condition.decide("0 / 0 > 1 || result[0] > 1", []).missing is Missing.NAN
    assert condition.decide("result[0] > 1 || 0 / 0 > 1", []).missing is Missing.EMPTY


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("result > 10 ? true : false", 11),
        ("let a = 1; let b = 2; let c = 3; a + b == c", None),
        ("let a = result; all([1, 2], # < a)", 3),
        ("default(result, 0) == 0.5", 0.5),
    ],
)
def test_names_and_choices(source: str, answer: Any) -> None:
    """A name holds in all that follows it."""
    assert condition.decide(source, answer).holds is True


@pytest.mark.parametrize(
    ("source", "answer", "says"),
    [
        ("1 || true", None, "|| takes true or false, not a number (at character 2)"),
        ("true && 1", None, "&& takes true or false, not a number (at character 5)"),
        (
            "all({# > 1}, result)",
            [1],
            "a predicate comes second, e.g. all(result, {# > 1}) (at character 7)",
        ),
        ("result[-1] > 1", 5, "a number has no places; [ ] reads a list or a map (at character 6)"),
        ("result[1 / 0] > 1", [1], "a place is a whole number, not a number (at character 6)"),
        ("result[0 / 0] > 1", [1], "a place is a whole number, not a number (at character 6)"),
        ("result[true] > 1", [1], "a place is a whole number, not true or false (at character 6)"),
        ("result['-'] > 1", [1], "a place is a whole number, not a text (at character 6)"),
        ("result / 2 > 1", 10**400, "a number or a value is too large (at character 7)"),
        ("1..10001 == []", None, "the range has more than 10000 numbers (at character 0)"),
    ],
)
def test_what_does_not_fit(source: str, answer: Any, says: str) -> None:
    """A sentence with its place."""
    with pytest.raises(ConditionError) as caught:
        condition.decide(source, answer)
    assert str(caught.value) == says


def test_values_that_are_nested_too_deep_are_refused() -> None:
    """A third party's provider may answer anything."""
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ConditionError, match="a number or a value is too large"):
        condition.decide("result[0] == result[1]", [deep, [deep]])


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ("result[1] < 1", "; of 3 values only result[1] was read"),
        ("result[-1] < 1", "; of 3 values only result[2] was read"),
        ("result[+1] < 1", ""),
        ("result[2 - 1] < 1", ""),
        ("[0, 1][0] < 1", ""),
        ("result[0] < 1 && max(result) < 1", ""),
        ("result[0] < 1 && len(result) == 3", "; of 3 values only result[0] was read"),
    ],
)
def test_the_note_is_of_constant_places_only(source: str, note: str) -> None:
    """What is computed may be any of them."""
    assert condition.decide(source, [0, 0, 0]).note == note


@pytest.mark.parametrize(
    ("predicate", "nodes", "items"),
    [
        ("true", 1, 0),
        ("# < 1", 3, 0),
        ("!(# > 1)", 4, 0),
        ("[#] != [1, 1]", 6, 1 + 2),
        ("result.map.a == 2", 5, 0),
        ("len(result.map) == 1", 5, 1),
        ("len(result) == 3", 4, 3),
        ("max([#, 1, 2]) == 2", 7, 3),
        ("'b' in result.map", 4, 1),
        ("result.text == 'b'", 4, 10),
    ],
)
def test_the_steps_are_bounded(predicate: str, nodes: int, items: int) -> None:
    """20 000: one for each node, each item looked at, and each 64 characters."""
    source = f"count(result.items, {predicate}) >= 0"  # five nodes, and the predicate's
    most = (20_000 - 5) // (nodes + items)
    answer: Any = {"map": {"a": 2}, "text": "b" * 640, "items": [0] * most}
    assert condition.decide(source, answer).holds is True
    with pytest.raises(ConditionError, match="the condition takes more than 20000 steps"):
        condition.decide(source, answer | {"items": [0] * (most + 1)})
