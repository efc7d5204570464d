"""What many plays come to: shares, medians, steps that are too short."""

import pytest

from davy.analysis.compare import Asked, Outcome
from davy.rehearsal import plan as plans
from davy.rehearsal.budget import LONGEST_SECONDS
from davy.rehearsal.plan import Harm, Plan, Spread, Step, plan
from davy.rehearsal.play import Moment, Play, Service

SHOP = Service(rate=200, baseline=0.001, scrape_seconds=15)
QUIET = Service(rate=0.1, baseline=0.001, scrape_seconds=15)


def planned(*steps: Step, service: Service = SHOP, bad: float = 0.02, releases: int = 20) -> Plan:
    return plan(steps, service, bad, Asked(), plays=releases, seed=1)


def test_a_step_that_is_too_short_catches_later_what_it_doesnt_alone() -> None:
    """Alone 30 s don't do; how long it takes is known all the same; all steps together do."""
    found = planned(Step(10, 30), Step(10, 300))
    short, enough = found.steps
    assert (short.short, enough.short) == (True, False)
    assert short.requests == 600
    assert short.aborted < enough.aborted == enough.aborted_by_end == found.aborted == 1
    assert short.aborted == short.aborted_by_end
    assert short.abort_seconds == enough.abort_seconds == found.abort_seconds
    assert short.abort_seconds.most is not None
    assert 30 < short.abort_seconds.most <= 90
    assert short.harm.mean < enough.harm.mean <= enough.harm.most
    assert (found.good_aborted, found.good_passed) == (0, 1)


def test_the_same_question_has_the_same_answer() -> None:
    """Chance is seeded."""
    assert planned(Step(10, 60), releases=5) == planned(Step(10, 60), releases=5)


def test_a_step_without_end_is_played_for_a_day() -> None:
    """Where that isn't enough no time is told."""
    found = planned(Step(1, None), service=QUIET, releases=3)
    (one,) = found.steps
    assert one.requests is None
    assert one.abort_seconds == one.abort_requests == one.pass_seconds == Spread(None, None)
    assert (one.aborted, one.good_passed, one.good_aborted) == (0, 0, 0)
    assert found.course[-1].seconds == LONGEST_SECONDS


def test_the_course_goes_on_a_little_after_the_last_abort() -> None:
    """So a drawing isn't mostly the time in which nothing happens any more."""
    found = planned(Step(50, 3600), bad=0.5, releases=5)
    assert found.abort_seconds.most is not None
    assert found.course[-1].seconds == 1.25 * found.abort_seconds.most
    shares = [point.aborted for point in found.course]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert found.course[-1].harm == found.harm


@pytest.mark.parametrize(
    ("numbers", "spread"),
    [
        ([1.0, 2.0, 3.0, 4.0], Spread(2, 4)),
        ([4.0, None, 1.0], Spread(4, None)),
        ([None, None, 1.0], Spread(None, None)),
        ([float(number) for number in range(1, 21)], Spread(10, 19)),
    ],
)
def test_what_never_comes_comes_last(numbers: list[float | None], spread: Spread) -> None:
    """A median of those that were aborted alone would praise a judge that aborts few."""
    assert plans._spread(numbers) == spread


def test_harm_counts_releases_without_it() -> None:
    """The mean is over all releases."""
    releases = [Play((Moment(15, 10, harmed),), Outcome.WORSE) for harmed in (0, 0, 9)]
    assert plans._harm(releases, 15) == Harm(3, 9)
