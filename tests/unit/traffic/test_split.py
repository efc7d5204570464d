"""Splits: what share the canary has, and which leaves change it."""

import pytest

from davy.traffic.split import Reading, Share, Split, together


def shares(side: str, *weights: int) -> tuple[Share, ...]:
    """Destinations of one side."""
    return tuple(Share((side, index), weight, ()) for index, weight in enumerate(weights))


def a_split(stable: int, canary: int, *others: int) -> Split:
    """One stable and one canary destination, and some others."""
    return Split(shares("stable", stable), shares("canary", canary), shares("other", *others))


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (a_split(100, 0), 0),
        (a_split(90, 10), 10),
        (a_split(0, 100), 100),
        (a_split(1, 1), 50),
        (a_split(9, 1), 10),
        (a_split(2, 1), 34),
        (a_split(1_000_000, 1), 1),
        (a_split(1, 1_000_000), 99),
        (a_split(0, 0), 0),
        (a_split(80, 10, 10), 10),
        (Split((), shares("canary", 1)), 100),
        (Split(shares("stable", 1), ()), 0),
    ],
)
def test_a_share_between_whole_numbers_is_rounded_up_but_not_to_100(
    split: Split, expected: int
) -> None:
    """I4: who still gets traffic, canary or stable, is never said to have none."""
    assert split.canary_weight == expected


@pytest.mark.parametrize(
    ("split", "weight", "expected"),
    [
        (a_split(90, 10), 10, True),
        (a_split(9, 1), 10, True),
        (a_split(2, 1), 34, False),
        (a_split(1_000_000, 1), 1, False),
        (a_split(0, 0), 0, False),
    ],
)
def test_a_rounded_share_is_not_exact(split: Split, weight: int, expected: bool) -> None:  # noqa: FBT001
    """I5: a weight is only taken as reached when the requests are split so."""
    assert split.shares_exactly(weight) is expected


@pytest.mark.parametrize("weight", [0, 1, 50, 100])
def test_weights_of_a_sound_split_sum_to_100(weight: int) -> None:
    """I1."""
    stable, canary = a_split(1, 1).changes(weight)
    assert (stable.value, canary.value) == (100 - weight, weight)


def test_a_third_destination_leaves_only_the_way_back() -> None:
    """I3: the canary's traffic goes to stable, the user's own share and the sum stay."""
    split = a_split(60, 30, 10)
    assert split.changes(50) == ()
    assert [(change.path[0], change.value) for change in split.changes(0)] == [
        ("stable", 90),
        ("canary", 0),
    ]


def test_two_canary_destinations_both_lose_their_traffic() -> None:
    """I3: an abort takes the traffic from every destination of the canary."""
    split = Split(shares("stable", 50), shares("canary", 30, 20))
    assert [change.value for change in split.changes(0)] == [100, 0, 0]


def test_without_a_stable_destination_nothing_can_be_written() -> None:
    """There is nowhere to send the traffic: a route without destinations would answer errors."""
    assert Split((), shares("canary", 100)).changes(0) == ()


def test_several_splits_say_the_highest_weight_and_that_they_disagree() -> None:
    """I4: the canary has traffic as long as one rule sends it some."""
    reading = Reading((a_split(100, 0), a_split(70, 30)))
    assert (reading.canary_weight, reading.uneven) == (30, True)


def test_one_unreadable_route_makes_the_weight_unknown() -> None:
    """I4: not known is not 0."""
    reading = together([Reading((a_split(100, 0),)), Reading(readable=False)])
    assert (reading.canary_weight, reading.uneven) == (None, False)
