"""Answers as people read them: short, exact where it matters, bounded."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import render


@pytest.mark.parametrize(
    ("answer", "value", "short"),
    [
        ([0.97], "[0.97]", "0.97"),
        ([0.1 + 0.2], "[0.30000000000000004]", "0.3"),
        ([1.0], "[1]", "1"),
        ([], "[]", "[]"),
        ([1.0, math.nan], "[1,NaN]", "[1,NaN]"),
        (math.inf, "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf"),
        (3, "3", "3"),
        (10**30, "1.000000e+30", "1.000000e+30"),
        (True, "true", "true"),
        (None, "null", "null"),
        ("ok", "ok", "ok"),
        ({"a": [1, "b", None]}, '{"a":[1,"b",null]}', '{"a":[1,"b",null]}'),
    ],
)
def test_answers(answer: Any, value: str, short: str) -> None:
    """The value reads back the same; the short form is for sentences."""
    assert (render.value(answer), render.short(answer)) == (value, short)


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=50) | st.dictionaries(st.text(), inner),
)


@given(ANSWERS)
def test_bounded(answer: Any) -> None:
    """A status stays small, whatever a provider sends."""
    assert len(render.value(answer)) <= render.VALUE_LENGTH
    assert len(render.short(answer)) <= render.SHORT_LENGTH


def test_a_huge_answer_is_cut_early() -> None:
    """A hundred thousand series cost no more than the few that are shown."""
    assert render.value([0.5] * 100_000).endswith("…")
    deep: Any = 1.0
    for _ in range(900):
        deep = [deep]
    assert render.value(deep).endswith("…" + "]" * 64)
    assert render.value({str(key): 1.0 for key in range(100_000)}).endswith("…")
