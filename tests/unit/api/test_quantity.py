"""Amounts of resources: one text for each amount, and none for two."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.api.quantity import canonical

SAME = [
    (["0", 0, "0.0", "0Gi", "-0", "0e9", "0m"], "0"),
    (["1", 1, "1.", "+1", "1000m", "1e0", "1000000000n", 1.0], "1"),
    (["0.5", ".5", 0.5, "500m", "5e-1", "500000u"], "500m"),
    (["1Gi", "1024Mi", 1073741824, "1.0Gi", "1048576Ki"], "1Gi"),
    (["1G", "1000M", "1e9", "1E9", 1000000000], "1G"),
    (["1E", "1000P", "1e18"], "1E"),
    (["2k", 2000, "2000", "2e3"], "2k"),
    (["1500m", "1.5"], "1500m"),
    (["1n", "0.000000001", "0.0000000001"], "1n"),
    (["-1.5", "-1500m"], "-1500m"),
]


@pytest.mark.parametrize(("spellings", "one"), SAME)
def test_an_amount_has_one_text(spellings: list[Any], one: str) -> None:
    """Rounded up to nanos, as the API server does."""
    assert {canonical(spelling) for spelling in spellings} == {one}


def test_an_amount_of_a_resource_is_in_thousandths() -> None:
    """Rounded up: the API server does it with limits and requests."""
    assert canonical("1500u", finest="m") == "2m"
    assert canonical("0.1", finest="m") == "100m"


@pytest.mark.parametrize(
    "value", ["", ".", "1 Gi", "one", "1ki", "1e", "1e999", "9" * 50, "0x1", None, True, [], {}]
)
def test_what_is_no_amount_stays(value: Any) -> None:
    """The API server has a word for it."""
    assert canonical(value) == value


@given(st.integers(0, 10**21), st.integers(0, 10**21))
def test_two_amounts_have_two_texts(one: int, other: int) -> None:
    """And the text of a text is itself."""
    first, second = canonical(f"{one}n"), canonical(f"{other}n")
    assert (first == second) == (one == other)
    assert canonical(first) == first
