"""Looks between two measurements: what is kept of one, what is told, when the next comes."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import judge
from davy.analysis.answer import Measured, NotAnswered
from davy.analysis.compare import Outcome
from davy.analysis.counters import Counts, Look, Tally
from davy.analysis.ledger import summed
from davy.analysis.warmup import Warmup
from davy.analysis.watch import Watch
from davy.api.analysis import Phase, RunManifest
from davy.api.group import HARM_BUDGET
from davy.controller.comparing import Watches
from davy.controller.queue import Key
from tests.unit.analysis.runs import NOW, a_run, seconds, stored
from tests.unit.analysis.test_compared import a_comparison

if TYPE_CHECKING:
    from davy.analysis.compared import Compared

KEY = Key("AnalysisRun", "shop", "cart-2")
METRIC = a_comparison()
GOOD = Counts(20, 0, 180, 0)
BAD = Counts(20, 8, 180, 0)
NO_SAMPLES = Counts()
SCRAPE = timedelta(seconds=1)


def a_look(
    tally: Tally, fresh: Counts, newest_at: datetime | None, to: datetime = NOW + timedelta(days=9)
) -> Look:
    """What one scrape a second brought."""
    after = replace(tally, told=tally.told + fresh)
    return Look(fresh, after, to, newest_at, SCRAPE, canary_seen=True, stable_seen=True)


class Life:
    """A comparison that is looked at each second, recorded and read back."""

    def __init__(self, **annotations: str) -> None:
        run = a_run(METRIC)
        run = run.model_copy(update={"metadata": {**run.metadata, "annotations": annotations}})
        self.now = NOW
        self.run: RunManifest = stored(run, judge.record(run, {}, NOW))
        self.watches = Watches()
        self.told: list[Compared] = []
        """What was recorded."""
        self.warm: Warmup | None = None
        """The latest warm-up."""

    def watch(self) -> Watch:
        return self.watches.of(KEY, self.run, METRIC.name, self.now)

    def look(self, fresh: Counts | NotAnswered, step: float = 1.0) -> datetime:
        """One look; when the next is due."""
        self.now += seconds(step)
        watch = self.watch()
        watch.at(self.now)
        found = (
            a_look(watch.memory.tally, fresh, self.now - seconds(0.1))
            if isinstance(fresh, Counts)
            else fresh
        )
        answer, again = watch.after(found, self.run, METRIC, self.now, self.warm)
        if answer is not None:
            self.told.append(answer)
            measured = {METRIC.name: Measured(answer, self.now, self.now)}
            self.run = stored(self.run, judge.record(self.run, measured, self.now))
        return again

    @property
    def outcomes(self) -> list[Outcome | None]:
        return [told.comparison.outcome if told.comparison else None for told in self.told]


def test_the_first_look_is_told_and_the_next_ones_when_they_decide() -> None:
    """I7: from the first second on the weight is held, until there are requests enough."""
    life = Life()
    for _ in range(9):
        life.look(GOOD)
    assert life.outcomes == [Outcome.TOO_FEW, Outcome.UNDECIDED]
    assert life.run.status.phase is Phase.RUNNING


def test_without_news_it_is_told_seldom() -> None:
    """Every 10 s at first, then after a fourth of its age: a long pause writes little."""
    life = Life()
    for _ in range(33):
        life.look(GOOD)
    assert [told.memory.tally.told.canary for told in life.told] == [20, 60, 260, 360, 560]
    assert life.outcomes[3] is Outcome.NOT_WORSE


def test_a_bad_canary_is_told_at_once() -> None:
    """Between two measurements, too."""
    life = Life()
    for _ in range(12):
        life.look(GOOD)
    looks = 0
    while life.run.status.phase is Phase.RUNNING:
        life.look(BAD)
        looks += 1
    assert life.outcomes[-1] is Outcome.WORSE
    assert looks <= 3
    assert life.run.status.phase is Phase.FAILED


def test_a_killed_operator_goes_on_from_the_last_measurement() -> None:
    """I6: what was looked at since is counted again, nothing twice."""
    life = Life()
    for _ in range(15):
        life.look(GOOD)
    last = life.told[-1].memory
    life.watches = Watches()
    assert life.watch().memory == last
    life.look(GOOD)
    assert life.told[-1].memory == last  # told by the one before: nothing is news yet


def test_a_part_of_a_scrape_is_left_for_the_next_look() -> None:
    """A stretch holds a scrape of every target; its tally goes with it."""
    life = Life()
    life.look(GOOD)
    kept = life.watch().memory
    life.look(GOOD, step=0.3)
    assert life.watch().memory == kept
    life.look(GOOD, step=0.7)
    assert life.watch().memory.tally.told == GOOD + GOOD


def test_without_new_samples_nothing_is_kept() -> None:
    """Prometheus answers, its targets don't."""
    life = Life()
    life.look(GOOD)
    watch, kept = life.watch(), life.watch().memory
    found = a_look(kept.tally, GOOD, None)
    _, again = watch.after(found, life.run, METRIC, life.now)
    assert watch.memory == kept
    assert again == life.now + seconds(0.15)


def test_silence_of_the_canary_is_no_evidence() -> None:
    """Requests of an hour ago say nothing of now."""
    life = Life()
    for _ in range(13):
        life.look(GOOD)
    for _ in range(11):
        life.look(Counts(0, 0, 200, 0))
    assert judge.lacks(life.run.status) != ""
    life.look(GOOD)
    assert judge.lacks(life.run.status) == ""
    assert [told.silent for told in life.told[-2:]] == [True, False]


def test_a_server_that_doesnt_answer_is_told_at_once_and_asked_again() -> None:
    """I7: it says so; what was counted before is kept."""
    life = Life()
    for _ in range(5):
        life.look(GOOD)
    kept = life.watch().memory
    again = life.look(NotAnswered("http://prometheus:9090 refused the connection"))
    assert life.outcomes[-1] is None
    assert again == life.now + seconds(10)
    assert life.watch().memory == kept
    told = len(life.told)
    life.look(NotAnswered("http://prometheus:9090 refused the connection"))
    assert len(life.told) == told
    life.look(NotAnswered("http://prometheus:9090 refused the connection"), step=10)
    assert len(life.told) == told + 1
    assert "refused the connection" in judge.lacks(life.run.status)


def test_what_a_harm_budget_allows_is_told_when_it_has_doubled() -> None:
    """Up to all; and after a restart at once, as nobody knows what was told."""
    life = Life(**{HARM_BUDGET: '{"requests": 50}'})
    for _ in range(14):
        life.look(Counts(4, 0, 196, 0))
    allowed = [told.allowance.share for told in life.told if told.allowance]
    shares = sorted({*allowed})
    assert allowed == sorted(allowed)
    assert shares[-1] == 1.0
    assert shares[0] < 0.2
    assert all(later >= 2 * share for share, later in pairwise(shares[:-1]))
    assert 3 <= len(shares) <= 6
    told = len(life.told)
    life.look(Counts(4, 0, 196, 0))
    assert len(life.told) == told
    life.watches = Watches()
    life.look(Counts(4, 0, 196, 0))
    assert len(life.told) == told + 1


def test_what_a_harm_budget_allows_is_told_when_it_has_halved() -> None:
    """Errors came: the weight must not grow to what was allowed before them."""
    life = Life(**{HARM_BUDGET: '{"requests": 50}'})
    for _ in range(7):
        life.look(Counts(4, 0, 196, 0))
    allowed = life.told[-1].allowance
    assert allowed is not None
    life.look(Counts(4, 4, 196, 0))
    fewer = life.told[-1].allowance
    assert fewer is not None
    assert 2 * fewer.share <= allowed.share


@pytest.mark.parametrize("budget", [{}, {HARM_BUDGET: "many"}, {HARM_BUDGET: '{"requests": 0}'}])
def test_without_a_budget_that_can_be_read_none_is_told(budget: dict[str, str]) -> None:
    """Its annotation may be anybody's; the weight then stays as it is."""
    life = Life(**budget)
    for _ in range(12):
        life.look(GOOD)
    assert [told.allowance for told in life.told] == [None] * len(life.told)


@pytest.mark.parametrize(
    ("interval", "newest", "soonest"),
    [
        (1.0, -0.1, 1.0),
        (1.0, -5.0, 0.15),
        (15.0, -3.0, 12.1),
        (15.0, -60.0, 1.875),
        (60.0, -60.0, 5.0),
        (None, -0.2, 0.9),
    ],
)
def test_the_next_look_comes_right_after_the_next_scrape(
    interval: float | None, newest: float, soonest: float
) -> None:
    """Once a scrape; more often while one is late."""
    life = Life()
    watch = life.watch()
    found = replace(
        a_look(watch.memory.tally, GOOD, NOW + seconds(newest)),
        scrape_interval=None if interval is None else seconds(interval),
    )
    _, again = watch.after(found, life.run, METRIC, NOW)
    assert again == NOW + seconds(soonest)


@pytest.mark.parametrize(("age", "pause"), [(0.0, 0.15), (8.0, 1.0), (300.0, 10.0)])
def test_counters_without_any_sample_are_looked_at_seldom(age: float, pause: float) -> None:
    """Nobody scrapes them, or they have another name: Prometheus is spared."""
    life = Life()
    watch, now = life.watch(), NOW + seconds(age)
    found = replace(a_look(watch.memory.tally, NO_SAMPLES, None), scrape_interval=None)
    _, again = watch.after(found, life.run, METRIC, now)
    assert again == now + seconds(pause)


def test_a_run_that_is_over_is_forgotten() -> None:
    """And another run's watch isn't."""
    life = Life()
    life.look(GOOD)
    other = Key("AnalysisRun", "shop", "cart-3")
    kept = life.watches.of(other, life.run, METRIC.name, NOW)
    watch = life.watch()
    life.watches.forget(KEY)
    assert life.watches.of(other, life.run, METRIC.name, NOW) is kept
    assert life.watch() is not watch


def test_a_release_that_waits_for_days_is_told_of_every_five_minutes() -> None:
    """No write when nothing changes, but a row now and then."""
    life = Life()
    for _ in range(20):
        life.look(GOOD)
    life.now += timedelta(days=2)
    life.look(GOOD)
    told = len(life.told)
    for _ in range(299):
        life.look(GOOD)
    assert len(life.told) == told
    life.look(GOOD)
    assert len(life.told) == told + 1


def test_a_look_that_catches_up_is_followed_by_the_next() -> None:
    """After a long break the counters are asked for in parts."""
    life = Life()
    watch = life.watch()
    part = a_look(watch.memory.tally, GOOD, NOW - seconds(900), to=NOW - seconds(600))
    _, again = watch.after(part, life.run, METRIC, NOW)
    assert again == NOW + seconds(0.15)


def test_an_answer_after_an_outage_is_told_at_once() -> None:
    """I7: what held the weight is over."""
    life = Life()
    for _ in range(5):
        life.look(GOOD)
    life.look(NotAnswered("http://prometheus:9090 refused the connection"))
    life.look(GOOD)
    assert life.outcomes[-2:] == [None, Outcome.UNDECIDED]
    assert judge.lacks(life.run.status) == ""


def test_a_clock_that_is_set_back_stops_nothing() -> None:
    """What was counted stays; counting begins anew at the new present."""
    life = Life()
    for _ in range(20):
        life.look(GOOD)
    before = life.watch().memory
    life.now -= timedelta(hours=1)
    memory = life.watch().at(life.now)
    assert memory.ledger == before.ledger
    assert (memory.tally, memory.newest_at) == (Tally(life.now), life.now)
    told = len(life.told)
    for _ in range(12):
        life.look(GOOD)
    assert len(life.told) > told
    assert life.outcomes[-1] is Outcome.NOT_WORSE


def test_requests_of_a_warm_up_are_no_evidence() -> None:
    """They are counted by nobody, then or later; what failed in it aborts nobody."""
    life = Life()
    life.warm = Warmup(NOW, NOW + seconds(30))
    for _ in range(30):
        life.look(BAD)
    assert life.watch().memory.ledger == ()
    assert life.watch().memory.tally.told.canary == 600
    for _ in range(10):
        life.look(GOOD)
    assert summed(life.watch().memory.ledger).canary_errors == 0
    assert life.run.status.phase is Phase.RUNNING


def test_a_warm_up_is_told_when_it_begins_and_when_something_was_counted_after_it() -> None:
    """I7, I10: it holds the weight, though there was evidence before."""
    life = Life()
    for _ in range(9):
        life.look(GOOD)
    assert judge.lacks(life.run.status) == ""
    life.warm = Warmup(life.now, life.now + seconds(30))
    life.look(GOOD)
    lacks = judge.lacks(life.run.status)
    assert "warms up until 2026-05-04T14:00:39.000Z; undecided: canary 0 errors of 180" in lacks
    for _ in range(30):
        life.look(GOOD)
        assert judge.lacks(life.run.status) != ""
    life.look(GOOD)
    assert judge.lacks(life.run.status) == ""
    assert not life.told[-1].warms


def test_a_canary_without_requests_after_its_warm_up_gets_none() -> None:
    """It says so, and not that it warms up."""
    life = Life()
    life.warm = Warmup(NOW, NOW + seconds(5))
    for _ in range(5):
        life.look(GOOD)
    for _ in range(12):
        life.look(NO_SAMPLES)
    lacks = judge.lacks(life.run.status)
    assert "warms up" not in lacks
    assert "canary gets no requests" in lacks


@given(
    length=st.integers(1, 40),
    change=st.integers(0, 40),
    steps=st.lists(st.floats(0.95, 9.0), min_size=1, max_size=25),
)
def test_all_requests_count_but_those_of_the_warm_up(
    length: int, change: int, steps: list[float]
) -> None:
    """To the scrape: each stretch counts as a whole or not at all."""
    life = Life()
    warm = Warmup(NOW + seconds(change), NOW + seconds(change + length))
    counted = 0
    before = NOW
    for step in steps:
        life.warm = warm if life.now + seconds(step) >= warm.began_at else None
        life.look(GOOD, step=step)
        scraped = life.now - seconds(0.1)
        outside = scraped <= warm.began_at or before >= warm.ends_at
        counted += 20 * outside
        before = scraped
    assert summed(life.watch().memory.ledger).canary == counted
    assert life.watch().memory.tally.told.canary == 20 * len(steps)


def test_a_look_behind_a_single_scrape_knows_the_interval_of_before() -> None:
    """Samples a minute apart: a look has two of them seldom, and must not ask all the time."""
    run, minute = a_run(METRIC), timedelta(minutes=1)
    run = stored(run, judge.record(run, {}, NOW))
    watch = Watch.of(run, METRIC.name, NOW)
    first = NOW + minute
    two = replace(a_look(Tally(NOW), GOOD, first), scrape_interval=minute)
    watch.after(two, run, METRIC, first)
    one = replace(a_look(watch.memory.tally, Counts(), first), scrape_interval=None)
    _, again = watch.after(one, run, METRIC, first + seconds(1))
    assert again >= first + minute
