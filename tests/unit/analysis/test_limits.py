"""Counters and limits: what a measurement adds to, and which limit decides."""

from typing import Any

import pytest

from davy.analysis import limits
from davy.api.analysis import Measurement, MetricResult, Phase
from tests.unit.analysis.runs import NOW, REFUSED, Life, a_metric, a_run

GOOD: Any = [0.01]
COUNTERS = ("count", "successful", "failed", "inconclusive", "error")


def counted(phase: Phase, *, evidence: bool) -> MetricResult:
    """A metric with one measurement more, after a success and an error."""
    before = MetricResult(
        name="m",
        phase=Phase.RUNNING,
        count=5,
        successful=3,
        failed=1,
        inconclusive=1,
        error=2,
        consecutive_success=2,
        consecutive_error=1,
    )
    taken = Measurement(phase=phase, started_at=NOW, finished_at=NOW)
    return limits.counted(before, taken, evidence=evidence, kept=3)


@pytest.mark.parametrize(
    ("phase", "evidence", "counters", "successes", "errors"),
    [
        (Phase.SUCCESSFUL, True, (6, 4, 1, 1, 2), 3, 0),
        (Phase.FAILED, True, (6, 3, 2, 1, 2), 0, 0),
        (Phase.INCONCLUSIVE, True, (6, 3, 1, 2, 2), 0, 0),
        (Phase.ERROR, True, (5, 3, 1, 1, 3), 0, 2),
        (Phase.SUCCESSFUL, False, (5, 3, 1, 1, 2), 0, 0),
        (Phase.FAILED, False, (5, 3, 1, 1, 2), 0, 0),
        (Phase.INCONCLUSIVE, False, (5, 3, 1, 1, 2), 0, 0),
        (Phase.ERROR, False, (5, 3, 1, 1, 3), 0, 2),
    ],
)
def test_what_a_measurement_adds_to(
    *, phase: Phase, evidence: bool, counters: tuple[int, ...], successes: int, errors: int
) -> None:
    """I7: without evidence to nothing but the errors, and no row of successes outlives it."""
    after = counted(phase, evidence=evidence)
    assert tuple(getattr(after, name) for name in COUNTERS) == counters
    assert (after.consecutive_success, after.consecutive_error) == (successes, errors)
    assert [kept.phase for kept in after.measurements] == [phase]


@pytest.mark.parametrize("message", ["failed 2 of at most 1", None])
def test_a_metric_that_is_complete_stays_so(message: str | None) -> None:
    """Whatever its counters say to limits that were changed since."""
    result = MetricResult(name="m", phase=Phase.FAILED, message=message, count=1, successful=1)
    wanted = limits.of(a_metric(count=1))
    assert limits.phase(result, wanted, terminating=True) == (Phase.FAILED, message or "")


def test_while_a_metric_runs_its_result_says_nothing() -> None:
    """The measurements do; a message is the reason why it ended."""
    life = Life(a_run())
    assert life.result.message is None
    life.answers([GOOD, REFUSED])
    assert (life.result.phase, life.result.message) == (Phase.RUNNING, None)


def test_one_success_in_a_row_is_enough_where_one_is_wanted() -> None:
    """0 turns the rule off, 1 doesn't."""
    assert Life(a_run(a_metric(consecutive_success_limit=1))).answer(GOOD).phase.completed
    assert not Life(a_run(a_metric(consecutive_success_limit=0))).answer(GOOD).phase.completed
