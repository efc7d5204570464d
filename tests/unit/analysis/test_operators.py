"""Go's arithmetic and comparisons: the sign of an infinity, types that differ, missing numbers."""

import math
from typing import Any

import pytest

from davy.analysis import condition
from davy.analysis.nodata import Missing
from davy.api.errors import ConditionError

NAN = math.nan


@pytest.mark.parametrize(
    "source",
    [
        # signs of infinities, as IEEE 754 has them
        "1 / 0 > 0 && -1 / 0 < 0 && 1 / -0.0 < 0 && -1 / -0.0 > 0",
        "isNaN(0 / 0) && isNaN((0 / 0) / 0) && isNaN((0 / 0) / 2)",
        "10 ** 999 > 0 && (-10) ** 999 < 0 && (-10) ** 998 > 0",
        "isInf(10 ** 999) && isInf((-10) ** 999) && isInf(0.1 ** -999) && 0.1 ** -999 > 0",
        # types that differ are never the same
        "true != 1 && 1 != true && 'a' != ['a'] && nil != false",
        "[1] != 1 && 1 != [1] && {a: 1} != 1 && 1 != {a: 1} && [] != {}",
        # numbers by value, in lists and maps too
        "[1, [2.0]] == [1.0, [2]] && {a: 1.0} == {a: 1}",
        "[1, 2] != [1] && [1] != [1, 2] && [1, 2] != [1, 3]",
        "{a: 1, b: 2} != {a: 1, b: 3} && {a: 1} != {b: 1} && {a: 1} != {a: 1, b: 2}",
        "{a: true} != {a: 1} && [true] != [1]",
        # in
        "1 in [2, 1] && 3 not in [2, 1] && 'a' in {a: 1} && 'b' not in {a: 1}",
        "[1] not in {a: 1} && 1 not in {a: 1} && 1 not in nil",
        # texts
        "'a.c' contains '.' && 'abc' not contains '.'",
        "'abc' endsWith 'c' && 'abc' not endsWith 'a'",
        "'abc' startsWith 'a' && 'abc' not startsWith 'c'",
        "'b' > 'a' && 'a' <= 'a' && 'a' < 'aa' && '<' < 'a'",
        # %
        "0 % 3 == 0 && -6 % 3 == 0 && -7 % 3 == -1 && 7 % -3 == 1",
    ],
)
def test_holds(source: str) -> None:
    """In each part."""
    assert condition.decide(source, 1).holds is True


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("1 == result", NAN),
        ("0 < result", NAN),
        ("'a' == 'a' && 0 >= result", NAN),
        ("{a: 1} == result", {"a": NAN}),
        ("[0, 1] == result", [0, NAN]),
        ("1 in [result]", NAN),
    ],
)
def test_a_comparison_with_nan_decides_nothing(source: str, answer: Any) -> None:
    """I7: on either side, and however deep within."""
    decision = condition.decide(source, answer)
    assert (decision.holds, decision.missing) == (None, Missing.NAN)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("'a' * 'b' == 'ab'", "* takes numbers, not a text (at character 4)"),
        ("'a' - 'b' == 'ab'", "- takes numbers, not a text (at character 4)"),
        ("1 % 2.5 == 1", "% takes whole numbers; use int(…) (at character 2)"),
        ("2.5 % 1 == 1", "% takes whole numbers; use int(…) (at character 4)"),
        ("(true && (1 < 2)) < 3", "< takes numbers, not true or false (at character 18)"),
        ("1 in true", "in looks into a list or a map, not into true or false (at character 2)"),
    ],
)
def test_what_does_not_fit(source: str, says: str) -> None:
    """A sentence with its place."""
    with pytest.raises(ConditionError) as caught:
        condition.decide(source, 1)
    assert str(caught.value) == says
