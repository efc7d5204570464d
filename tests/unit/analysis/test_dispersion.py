"""How much more errors vary than independent ones."""

from random import Random

import pytest

from davy.analysis.dispersion import BLOCKS, dispersion
from davy.analysis.eprocess import Stratum

ODDS = 1 / 9
EVEN = Stratum(ODDS, 1, 9)


def test_even_shares_vary_as_independent_errors_or_less() -> None:
    """It is never below 1: errors that are too even are no better evidence."""
    assert dispersion([EVEN] * 64, [5.0] * 64) == pytest.approx(1.0, abs=0.15)


def test_independent_errors_are_hardly_taken_for_bursts() -> None:
    random = Random(1)
    found = []
    for _ in range(40):
        hits = [sum(random.random() < 0.1 for _ in range(10)) for _ in range(24)]
        strata = [Stratum(ODDS, each, 10 - each) for each in hits]
        found.append(dispersion(strata, [5.0] * 24) or 0.0)
    assert 1 <= sorted(found)[20] < 1.4


def test_bursts_are_seen_although_they_last_longer_than_a_block() -> None:
    """Ten seconds of a failing pod weigh as one event, not as ten."""
    strata = [Stratum(ODDS, 5 if 20 <= at < 28 else 0, 9) for at in range(64)]
    short = dispersion(strata[16:32], [5.0] * 16)
    alone = dispersion([strata[0]] * 12 + [strata[20]] * 4, [5.0] * 16)
    assert short == pytest.approx(alone, rel=0.3)
    assert (short or 0) > 3


def test_it_is_known_from_five_blocks_with_errors() -> None:
    """Seconds in which nobody erred tell nothing; a weight change is no dispersion."""
    quiet = Stratum(ODDS, 0, 0)
    assert dispersion([EVEN, quiet] * (BLOCKS - 1), [5.0] * 8) is None
    assert dispersion([EVEN, quiet] * BLOCKS, [5.0] * 10) is not None
    ramp = [EVEN] * 8 + [Stratum(1.0, 5, 5)] * 8
    assert (dispersion(ramp, [5.0] * 16) or 9) < 1.3


def test_short_looks_are_taken_together() -> None:
    """Five looks of a second are a block as one of five seconds is."""
    second = [Stratum(ODDS, 1, 2), Stratum(ODDS, 0, 3), *[Stratum(ODDS, 0, 1)] * 3]
    whole = Stratum(ODDS, 1, 8)
    assert dispersion(second * 12, [1.0] * 60) == dispersion([whole] * 12, [5.0] * 12)


@pytest.mark.parametrize("one", [Stratum(ODDS, 7, 0), Stratum(ODDS, 0, 7)])
def test_errors_of_one_side_alone_show_nothing(one: Stratum) -> None:
    assert (dispersion([one] * 60, [5.0] * 60) or 9) < 1.2
