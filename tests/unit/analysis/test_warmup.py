"""Warm-up: nothing is judged right after a weight change, and the status says until when."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import judge, schedule, warmup
from davy.analysis.answer import Answered, Held, Measured
from davy.analysis.nodata import Missing
from davy.api.analysis import Phase
from davy.api.fields import parse_duration
from tests.unit.analysis.runs import NOW, a_metric, a_run, seconds, stored

LENGTHS = st.integers(1, 90).map(lambda number: f"{number}s")


class Life:
    """A run whose rollout changes its weight now and then; answers are good."""

    def __init__(self, length: str | None, interval: str = "10s") -> None:
        self.metric = a_metric(warmup=length, interval=interval)
        self.run = a_run(self.metric)
        self.run = stored(self.run, judge.record(self.run, {}, NOW))
        self.asked: list[datetime] = []
        self.said: list[datetime] = []

    def until(self, end: datetime, changed_at: datetime | None, now: datetime) -> None:
        """Measure whenever it is due."""
        while now <= end:
            due = schedule.due(self.run, now, changed_at=changed_at)
            if due.metrics:
                waits = warmup.held(self.metric, changed_at, now)
                (self.asked if waits is None else self.said).append(now)
                answer = waits or Answered([0.0])
                measured = {self.metric.name: Measured(answer, now, now)}
                self.run = stored(self.run, judge.record(self.run, measured, now))
            wake_at = schedule.due(self.run, now, changed_at=changed_at).wake_at
            assert wake_at is not None
            now = wake_at


def test_a_metric_isnt_asked_until_the_time_is_over() -> None:
    """It says once that it waits, and until when; then it is measured, and goes on."""
    life = Life("30s")
    life.until(NOW + seconds(45), NOW - seconds(5), NOW)
    assert life.said == [NOW]
    assert life.asked[0] == NOW + seconds(25)
    first, *others = life.run.status.metric_results[0].measurements
    assert first.message == "warms up until 2026-05-04T14:00:25.000Z, 30s after the weight changed"
    assert (first.phase, first.metadata and first.metadata["noEvidence"]) == (
        Phase.INCONCLUSIVE,
        "warmup",
    )
    assert {found.phase for found in others} == {Phase.SUCCESSFUL}


def test_the_weight_is_held_while_it_warms_up() -> None:
    """I7, I10: the run lacks evidence, and says why; it is no failure and no error."""
    life = Life("30s")
    life.until(NOW, NOW, NOW)
    assert "warms up until 2026-05-04T14:00:30.000Z" in judge.lacks(life.run.status)
    result = life.run.status.metric_results[0]
    assert (result.count, result.error, result.inconclusive) == (0, 0, 0)
    life.until(NOW + seconds(30), NOW, NOW + seconds(30))
    assert judge.lacks(life.run.status) == ""


@pytest.mark.parametrize("policy", ["inconclusive", "fail", "pass"])
def test_a_warm_up_is_no_missing_data(policy: str) -> None:
    """A policy for answers that say nothing isn't asked where nobody was."""
    metric = a_metric(warmup="30s", on_no_data=policy, on_provider_error=policy)
    held = warmup.held(metric, NOW, NOW)
    assert held is not None
    judged = judge.measurement(metric, held, limit=None)
    assert (judged.phase, judged.missing) == (Phase.INCONCLUSIVE, Missing.WARMUP)


def test_each_change_of_the_weight_begins_it_anew() -> None:
    """Told again, as it ends later."""
    life = Life("30s")
    life.until(NOW + seconds(20), NOW, NOW)
    life.until(NOW + seconds(60), NOW + seconds(21), NOW + seconds(30))
    assert life.said == [NOW, NOW + seconds(30)]
    assert life.asked[0] == NOW + seconds(51)


@pytest.mark.parametrize("changed_at", [None, NOW + seconds(1)])
def test_a_change_that_nobody_knows_or_that_lies_ahead_holds_nobody(
    changed_at: datetime | None,
) -> None:
    """A clock that was set back must not stop a run."""
    assert warmup.held(a_metric(warmup="30s"), changed_at, NOW) is None
    assert warmup.held(a_metric(), NOW, NOW) is None


@given(length=LENGTHS, interval=LENGTHS, changes=st.lists(st.integers(0, 300), max_size=4))
def test_nothing_is_asked_in_a_warm_up_and_all_else_is(
    length: str, interval: str, changes: list[int]
) -> None:
    """Whatever the interval and whenever the weight changes."""
    life = Life(length, interval)
    moments = [NOW + seconds(number) for number in (0, *sorted(set(changes)))]
    ends = [*moments[1:], NOW + seconds(700)]
    for begun, end in zip(moments, ends, strict=True):
        life.until(end - seconds(0.5), begun, begun)
    warm = [(begun, begun + parse_duration(length)) for begun in moments]
    for asked in life.asked:
        latest = max(one for one in warm if one[0] <= asked)
        assert asked >= latest[1]
    assert life.asked, "it is measured in the end"
    assert life.asked[-1] >= NOW + seconds(600)


def test_it_holds_the_answer_back_and_nothing_else() -> None:
    """At its end it is over."""
    metric = a_metric(warmup="30s")
    assert isinstance(warmup.held(metric, NOW, NOW + seconds(29.9)), Held)
    assert warmup.held(metric, NOW, NOW + seconds(30)) is None
