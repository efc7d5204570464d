"""What canary and stable served: bounded, written and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import ledger
from davy.analysis.ledger import ENTRIES, NEWEST, Ledger, Served, appended, read, summed, written

TEN = Served(1, 20, 1, 180, 2)
FIFTY = Served(1, 100, 1, 100, 1)


def sides() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(
        lambda both: (max(both), min(both))
    )


def served() -> st.SearchStrategy[Served]:
    seconds = st.floats(0.001, 10**6).map(lambda length: round(length, 3))
    return st.builds(
        lambda length, canary, stable: Served(length, *canary, *stable), seconds, sides(), sides()
    )


def filled(*parts: tuple[Served, int]) -> Ledger:
    """A ledger to which each was appended so many times."""
    found: Ledger = ()
    for each, times in parts:
        for _ in range(times):
            found = appended(found, each)
    return found


@given(st.lists(served(), max_size=100))
def test_a_ledger_is_bounded_and_loses_no_request(stretches: list[Served]) -> None:
    found = filled(*((each, 1) for each in stretches))
    assert len(found) == min(len(stretches), ENTRIES)
    assert found[-NEWEST:] == tuple(stretches[-NEWEST:])
    total, told = summed(stretches), summed(found)
    assert told.seconds == pytest.approx(total.seconds)
    assert (told.canary, told.canary_errors) == (total.canary, total.canary_errors)
    assert (told.stable, told.stable_errors) == (total.stable, total.stable_errors)


@given(st.lists(served(), max_size=100))
def test_what_was_written_is_read_again(stretches: list[Served]) -> None:
    found = filled(*((each, 1) for each in stretches))
    text = written(found)
    assert len(text) <= 4096
    assert read(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1:2:3", "stretch 0 of the ledger is '1:2:3'"),
        ("1:20:1:180:2  1:20:1:180:2", "stretch 1 of the ledger is ''"),
        ("1:20:1:180:-2", "it is seconds:requests:errors:requests:errors"),
        ("nan:20:1:180:2", "stretch 0"),
        ("1:٢:1:180:2", "stretch 0"),
        ("1:20:21:180:2", "canary: 21 errors of 20 requests"),
        ("1:20:1:180:181", "stable: 181 errors of 180 requests"),
        (" ".join(["1:1:0:1:0"] * 65), "has 65 stretches; at most 64"),
        ("9" * 10_000, "has 10000 characters"),
    ],
)
def test_another_text_is_refused_with_the_place(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"ledger|errors of") as refused:
        read(text)
    assert why in str(refused.value)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_stretch_has_a_length(seconds: float) -> None:
    with pytest.raises(ValueError, match="lengths are finite"):
        Served(seconds)


def test_nothing_is_merged_over_a_weight_change() -> None:
    """The stretches of 10 % and of 50 % stay apart however long the ledger grows."""
    found = filled((TEN, 40), (FIFTY, 400))
    shares = {each.canary / (each.canary + each.stable) for each in found}
    assert shares == {0.1, 0.5}
    assert summed(found).seconds == 440


def test_stretches_grow_evenly_and_the_newest_stay_short() -> None:
    """Blocks of one length show bursts best; a sudden failure is read from the newest."""
    found = filled((TEN, 600))
    lengths = [each.seconds for each in found]
    assert max(lengths) <= 4 * 600 / ENTRIES
    assert set(lengths[-NEWEST:]) == {1}


def test_a_ledger_of_changing_splits_is_bounded_as_well() -> None:
    """Where no neighbours are alike the most alike are merged."""
    found = filled(*[(TEN, 1), (FIFTY, 1)] * 50)
    assert len(found) == ENTRIES


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ((20, 200), (22, 200), False),
        ((20, 200), (100, 200), True),
        ((1, 10), (5, 10), False),
        ((100_000, 1_000_000), (104_000, 1_000_000), False),
        ((0, 1000), (100, 1000), True),
        ((0, 0), (100, 1000), False),
        ((1000, 1000), (1000, 1000), False),
    ],
)
def test_shares_differ_when_chance_cannot_explain_it_and_it_matters(
    one: tuple[int, int], other: tuple[int, int], *, differ: bool
) -> None:
    assert (ledger.apart(*one, *other) > ledger.DIFFERENT) is differ
    assert (ledger.apart(*other, *one) > ledger.DIFFERENT) is differ
