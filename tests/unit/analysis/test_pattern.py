"""Regular expressions: in how many ways one can match, and which are refused for it."""

import pytest

from davy.analysis import pattern
from davy.analysis.pattern import Refused

MANY = "a{0,999}b{0,999}"
"""A million ways in a text of 999 characters or more: one for each pair of numbers."""


@pytest.mark.parametrize(
    ("expression", "length", "ways"),
    [
        ("", 5, 1),
        (r"a\.[^b]$", 5, 1),
        ("a|b|c", 5, 3),
        ("a?", 5, 2),  # none or one
        ("a*", 5, 6),  # none to five
        ("a*?", 5, 6),
        ("a+", 5, 5),
        ("a{3}", 5, 1),
        ("a{2,4}", 5, 3),
        ("a{2,}", 5, 4),  # two to five
        ("a{5,}", 3, 1),  # can't match, and costs a look
        ("a{0,9}", 3, 4),
        ("a*b*", 5, 36),
        ("(a|b)c?", 5, 4),
        ("(?:a|b)?", 5, 3),  # nothing, a, b
        ("(?i)(a|b)", 5, 2),
        ("(a|b)*", 3, 1 + 2 + 4 + 8),
        ("(a|b)+", 3, 2 + 4 + 8),
        ("(a|b){2}", 3, 4),
        ("(a|b){0,9}", 3, 1 + 2 + 4 + 8),
        ("(a|b){1,9}", 2, 2 + 4 + 8),  # one that must be there may be empty
        ("(a|b){5,}", 3, 32),
        ("(a*b*){400}", 99, float("inf")),  # 10 000 ** 400
    ],
)
def test_in_how_many_ways_a_pattern_can_match(expression: str, length: int, ways: float) -> None:
    """At one place of a text of that length."""
    assert pattern.ways(expression, length) == ways


@pytest.mark.parametrize(
    ("expression", "lengths"),
    [
        (f"^{MANY}c?", [1000]),
        (f"(?i)^{MANY}c?", [1000]),
        (f"^({MANY}c?){{1}}", [1000]),
        (f"^{MANY}", [1000, 1000]),
        ("a{0,999}(x|c)", [999]),  # 1000 places
    ],
)
def test_two_million_ways_are_allowed(expression: str, lengths: list[int]) -> None:
    """For all texts together, from each place where the pattern may begin."""
    assert pattern.found_in(["x" * length for length in lengths], expression)


@pytest.mark.parametrize(
    ("expression", "lengths"),
    [
        (f"^{MANY}c{{0,2}}", [1000]),
        (f"^{MANY}", [1000, 1000, 1000]),
        (f"{MANY}c?", [1000]),  # may begin anywhere
        (f"^{MANY}|d", [1000]),  # so may its second half
        ("a{0,999}(x|c)", [1000]),
    ],
)
def test_more_are_refused(expression: str, lengths: list[int]) -> None:
    """The sentence says on how many characters."""
    texts = ["x" * length for length in lengths]
    with pytest.raises(Refused) as caught:
        pattern.found_in(texts, expression)
    assert str(caught.value) == (
        f"the pattern {expression!r} could take too long on {sum(lengths)} characters; "
        "anchor it or use fewer * and +"
    )


@pytest.mark.parametrize("repeat", ["{1000}", "{0,1000}", "{1000,}", "{7,7}"])
def test_a_repeat_up_to_a_thousand(repeat: str) -> None:
    """As in Go."""
    assert not pattern.matches("x", f"^a{{2}}b{repeat}")


@pytest.mark.parametrize("repeat", ["{1001}", "{0,1001}", "{5,1001}", "{1001,}", "{1001,1001}"])
def test_a_larger_repeat_is_refused(repeat: str) -> None:
    """Whichever of the two numbers it is."""
    with pytest.raises(Refused, match="a repeat of more than 1000 isn't supported"):
        pattern.matches("x", f"a{repeat}")


def test_bounds_of_pattern_and_text() -> None:
    """256 and 4096 characters, of the longest text."""
    assert pattern.matches("a" * 256, "a" * 256)
    with pytest.raises(Refused, match="a pattern has at most 256 characters, not 257"):
        pattern.matches("a", "a" * 257)
    assert pattern.matches("a" * 4096, "a")
    with pytest.raises(Refused, match="reads at most 4096 characters, this text has 4097"):
        pattern.found_in(["a", "a" * 4097], "a")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_python_may_read_otherwise_one_day_is_refused() -> None:
    """It warns of sets in sets, which Go doesn't have."""
    with pytest.raises(Refused, match=r"the pattern '\[a&&b\]' is wrong: Possible set"):
        pattern.matches("a", "[a&&b]")


def test_no_texts_are_no_work() -> None:
    """A rule of a template whose metrics aren't known yet is only read."""
    assert pattern.found_in((), "a*b*c*d*") == frozenset()
