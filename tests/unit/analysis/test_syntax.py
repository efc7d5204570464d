"""Texts of conditions to trees: what is a number, a text, a chain, and where an error stands."""

from typing import Any

import pytest

from davy.analysis import condition, syntax
from davy.api.errors import ConditionError


@pytest.mark.parametrize(
    "source",
    [
        # numbers
        "1__000_ == 1000 && 0xFF == 255 && 1_0.5 == 10.5",
        "000000000000000000000000000000000001 == 1",
        "9223372036854775807 > 9223372036854775806",
        # chains of comparisons
        "1 < 2 < 3 < 4 < 5 < 6",
        "!(1 < 2 < 3 < 4 < 5 < 5)",
        "(1 < 2) < 3",
        # texts
        r"'\x41\u0042\\' == 'AB\\' && 'a\/b' == 'a/b'",
        # braces, commas
        "[1, 2,] == [1, 2] && {a: 1, b: 2,} == {b: 2, a: 1} && [] == [] && {} == {}",
        "all([{v: 1}], .v == 1) && all([[{v: 2}]], all(#, .v == 2))",
    ],
)
def test_what_is_read(source: str) -> None:
    """Numbers with or without separators, chains as in mathematics, escapes as in Go."""
    assert condition.decide(source, 1).holds is True


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("result[0] >   ", "the expression breaks off at character 11"),
        ("  1 <", "the expression breaks off at character 5"),
        ("result @ 1", "unexpected '@' at character 7"),
        ("result beyond 1", "unexpected 'beyond' at character 7"),
        ("result = 1", "unexpected '=' at character 7; use == to compare"),
        ("result == 'a", "unexpected \"'\" at character 10: the text isn't closed"),
        (r"'ab\q' == ''", r"unknown escape \q at character 3"),
        (r"'\u12' == ''", r"unknown escape \u at character 1"),
        (r"'\x4' == ''", r"unknown escape \x at character 1"),
        (
            "1 < 9223372036854775808",
            "9223372036854775808 is too large a whole number at character 4",
        ),
    ],
)
def test_where_a_text_breaks(source: str, says: str) -> None:
    """The character, what stands there, and what would be right."""
    with pytest.raises(ConditionError) as caught:
        syntax.parse(source)
    assert str(caught.value) == says
    assert f"at character {caught.value.position}" in says


def towers(levels: int) -> tuple[str, ...]:
    """Texts of so many levels, each of another construct."""
    inner = levels - 1
    return (
        "!" * inner + "1",
        "[" * inner + "1" + "]" * inner,
        "[0, " * inner + "1" + "]" * inner,
        "{a: " * (inner // 2) + "[" * (inner % 2) + "1" + "]" * (inner % 2) + "}" * (inner // 2),
        "1 + (" * inner + "1" + ")" * inner,
        "1" + " + 1" * inner,
        "x" + ".a" * inner,
        "abs(" * inner + "1" + ")" * inner,
    )


def test_a_hundred_levels_are_allowed() -> None:
    """Of any construct; a map's are two, the map and what it has for a key."""
    assert {syntax.parse(source).depth for source in towers(100)} == {100}


@pytest.mark.parametrize("source", towers(101))
def test_one_level_more_is_refused(source: str) -> None:
    """Before anything walks the tree."""
    with pytest.raises(ConditionError, match="nested more than 100 levels deep at character"):
        syntax.parse(source)


@pytest.mark.parametrize(
    ("source", "position"),
    [("{a: " * 60 + "1" + "}" * 60, 41), ("[" * 120 + "]" * 120, 19), ("!" * 120 + "1", 20)],
)
def test_where_it_is_too_deep(source: str, position: int) -> None:
    """Counted from within: the innermost hundred are fine."""
    with pytest.raises(ConditionError) as caught:
        syntax.parse(source)
    assert caught.value.position == position


def test_the_length_is_bounded() -> None:
    """2 048 characters."""
    assert syntax.parse("1" + " " * 2047).data == 1
    with pytest.raises(ConditionError, match="has 2049 characters; 2048 are the most"):
        syntax.parse("1" + " " * 2048)


def test_functions_are_found_anywhere() -> None:
    """In arguments, predicates, branches, pipes."""
    source = "all(result, max(#) > 1) ? len(result) > abs(1) : [1] | first() == {a: min(2)}.a"
    found: Any = syntax.calls(syntax.parse(source))
    assert found == {"all", "max", "len", "abs", "first", "min"}
