"""A release that is played: when it is looked at, and that the judge is the real one."""

from itertools import pairwise
from random import Random

import pytest

from davy.analysis.compare import Asked, Outcome, compared
from davy.analysis.ledger import Ledger, appended
from davy.rehearsal import play as plays
from davy.rehearsal.play import Leg, Moment, Play, Service, play

SHOP = Service(rate=200, baseline=0.001, scrape_seconds=15)
ASKED = Asked()


def test_looks_are_scrapes_and_later_a_twentieth_of_the_age() -> None:
    """Each leg ends with a look, so that what it showed is known."""
    looks = [*plays._looks([Leg(0.1, 40), Leg(0.5, 86_360)], 15)]
    assert [look.end for look in looks[:6]] == [15, 30, 40, 55, 70, 85]
    assert [look.share for look in looks[:4]] == [0.1, 0.1, 0.1, 0.5]
    assert looks[-1].end == 86_400
    assert all(one.end == other.begin for one, other in pairwise(looks))
    assert all(look.end - look.begin <= max(15, look.begin / 20) for look in looks)
    assert len(looks) < 150


def test_slow_traffic_loses_no_request_between_looks() -> None:
    """A request each twelve seconds, looked at each five."""
    slow = Service(rate=1 / 12, baseline=0, scrape_seconds=5)
    found = play([Leg(1.0, 120)], slow, 0.0, ASKED, Random(1))
    assert found.end == Moment(120, 10, 0)
    assert found.outcome is Outcome.TOO_FEW


@pytest.mark.parametrize("errors", [0.001, 0.004, 0.02])
def test_what_isnt_judged_would_have_decided_nothing(errors: float) -> None:
    """The abort comes at the very look at which a judge of every look has it."""
    for seed in range(15):
        legs = [Leg(0.1, 60), Leg(0.5, 240)]
        found = play(legs, SHOP, errors, ASKED, Random(seed))
        ledger: Ledger = ()
        random = Random(seed)
        worse = None
        for look in plays._looks(legs, 15):
            ledger = appended(ledger, plays.served(look, SHOP, errors, random))
            if compared(ledger, ASKED).outcome is Outcome.WORSE:
                worse = look.end
                break
        assert found.aborted_seconds == worse


def test_a_total_failure_is_aborted_at_the_first_look() -> None:
    """Twenty failures in a row need no statistics."""
    found = play([Leg(0.1, 300)], SHOP, 1.0, ASKED, Random(1))
    assert found.aborted_seconds == 15
    assert found.end.harmed == found.end.requests == found.harmed(300)


def test_a_pass_ends_what_waits_for_it() -> None:
    """As an analysis step does; beside the steps the judge goes on to their end."""
    legs = [Leg(0.5, 600)]
    waited = play(legs, SHOP, SHOP.baseline, ASKED, Random(1), until_passed=True)
    beside = play(legs, SHOP, SHOP.baseline, ASKED, Random(1))
    assert (waited.outcome, beside.outcome) == (Outcome.NOT_WORSE, Outcome.NOT_WORSE)
    assert waited.end.seconds < beside.end.seconds == 600


def test_harm_is_counted_up_to_a_time() -> None:
    """After an abort there is no more of it."""
    found = Play((Moment(15, 9, 1), Moment(30, 20, 7)), Outcome.WORSE)
    assert [found.harmed(seconds) for seconds in (0, 15, 29, 30, 99)] == [0, 1, 1, 7, 7]
