"""What may be told of an answer, and what of a failure."""

from typing import Any

import pytest

from davy.analysis import answer
from davy.analysis.answer import HIDDEN, Answered, NotAnswered


def nested(levels: int, inner: Any) -> Any:
    """Lists and maps in turn, that many, around a value."""
    for level in range(levels):
        inner = [inner] if level % 2 else {"k": inner}
    return inner


def depth(value: Any) -> int:
    """Lists and maps around the innermost value, counting it."""
    levels = 1
    while isinstance(value, list | dict):
        (value,) = value if isinstance(value, list) else value.values()
        levels += 1
    return levels


def test_an_answer_is_told_as_it_is() -> None:
    """Unless the question carried a secret."""
    value: Any = {"name": ["cart", 7]}
    assert Answered(value).shown == value
    assert Answered(value, secret=True).shown == {"***0": ["***", 7]}


def test_of_a_secret_answer_64_levels_are_told() -> None:
    """In lists and maps alike; further in, nobody looks."""
    assert depth(Answered(nested(63, 7), secret=True).shown) == 64
    assert depth(Answered(nested(64, 7), secret=True).shown) == 65
    assert depth(Answered(nested(90, 7), secret=True).shown) == 65
    assert "7" not in str(Answered(nested(64, 7), secret=True).shown)


def test_a_failure_is_davys_sentence_and_what_the_other_side_said() -> None:
    """If it said anything."""
    assert str(NotAnswered("it answered 401")) == "it answered 401"
    assert str(NotAnswered("it answered 401", "no token")) == "it answered 401: no token"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (NotAnswered("it answered 401"), NotAnswered("it answered 401")),
        (NotAnswered("it answered 401", "s3cret"), NotAnswered("it answered 401", HIDDEN)),
        (Answered(["s3cret"]), Answered(["s3cret"], secret=True)),
        (Answered(1, ("s3cret",)), Answered(1, (f"warnings {HIDDEN}",), secret=True)),
    ],
)
def test_of_a_question_with_a_secret_no_text_is_told(
    told: Answered | NotAnswered, kept: Answered | NotAnswered
) -> None:
    """The other side may echo it; the value is judged all the same."""
    assert answer.hidden(told) == kept
