"""When metrics are measured: from the start, on a grid, without drift; retries bounded."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import judge, schedule
from davy.analysis.answer import NotAnswered
from davy.analysis.limits import JudgeDefaults
from davy.api.analysis import AnalysisRunStatus, Measurement, MetricResult, Phase, TtlStrategy
from tests.unit.analysis.runs import NOW, REFUSED, Life, a_metric, a_run, seconds, stored
from tests.unit.analysis.test_compared import a_comparison

GOOD: Any = [0.01]
EMPTY: Any = []


def starts(life: Life) -> list[float]:
    """Seconds from the run's start to the start of each measurement."""
    return [(begun - NOW).total_seconds() for begun in life.started]


@pytest.mark.parametrize("took", [0, 0.2, 4, 9.999])
def test_no_drift(took: float) -> None:
    """However long an answer takes within the interval, the next question is on the grid."""
    life = Life(a_run(), took=took)
    life.answers([GOOD] * 100)
    assert starts(life) == [10.0 * number for number in range(100)]


def test_a_late_wake_up_does_not_move_the_grid() -> None:
    """A controller that is 3 s late once is on time again with the next."""
    life = Life(a_run())
    life.answer(GOOD)
    life.now += seconds(13)
    life.answers([GOOD] * 3)
    assert starts(life) == [0, 13, 20, 30]


def test_two_measurements_are_never_close_together() -> None:
    """A measurement that came 6 s late leaves its next slot out."""
    life = Life(a_run())
    life.answer(GOOD)
    life.now += seconds(16)
    life.answers([GOOD] * 2)
    assert starts(life) == [0, 16, 30]


def test_missed_slots_are_skipped() -> None:
    """After a stop of an hour there is one measurement, not 360."""
    life = Life(a_run())
    life.answer(GOOD)
    life.now += seconds(3605)
    life.answers([GOOD] * 3)
    assert starts(life) == [0, 3605, 3610, 3620]


def test_an_answer_slower_than_the_interval() -> None:
    """The slots that passed meanwhile are left out."""
    life = Life(a_run(), took=25)
    life.answers([GOOD] * 3)
    assert starts(life) == [0, 30, 60]


def test_a_measurement_from_the_end_of_time() -> None:
    """Somebody wrote into the status that one began after it ended."""
    life = Life(a_run())
    life.answer(GOOD)
    result = life.run.status.metric_results[0]
    odd = result.measurements[-1].model_copy(
        update={"started_at": datetime.max.replace(tzinfo=UTC)}
    )
    results = [result.model_copy(update={"measurements": [odd]})]
    life.run = stored(life.run, life.run.status.model_copy(update={"metric_results": results}))
    assert life.due().wake_at == NOW + seconds(10)


def test_the_initial_delay_is_counted_from_the_runs_start() -> None:
    """Nothing is due before it, and the caller is told when."""
    life = Life(a_run(a_metric(initial_delay="1m")))
    assert life.due() == schedule.Due((), NOW + seconds(60))
    life.answers([GOOD] * 2)
    assert starts(life) == [60, 70]


def test_metrics_keep_their_own_time() -> None:
    """What is due now, and when the next of the others is."""
    life = Life(a_run(a_metric(name="a"), a_metric(name="b", initial_delay="3s")))
    assert [metric.name for metric in life.due().metrics] == ["a"]
    assert life.due().wake_at == NOW + seconds(3)


@pytest.mark.parametrize(
    ("interval", "answer", "fields", "wanted"),
    [
        ("60s", EMPTY, {}, [0, 10, 20]),
        ("60s", REFUSED, {}, [0, 10, 20]),
        ("4s", EMPTY, {}, [0, 4, 8]),
        ("4s", REFUSED, {}, [0, 4, 8]),
        (None, EMPTY, {}, [0, 10, 20]),
        ("4s", REFUSED, {"consecutive_error_limit": 4}, [0, 10, 20]),
        ("60s", [float("nan")], {"consecutive_error_limit": 4}, [0, 10, 20]),
    ],
)
def test_without_evidence_the_next_try_is_soon(
    interval: str | None, answer: Any, fields: dict[str, Any], wanted: list[float]
) -> None:
    """After the interval, 10 s at most; Argo's 10 s where a limit of errors holds."""
    life = Life(a_run(a_metric(interval=interval, **fields)))
    life.answers([answer] * 3)
    assert starts(life) == wanted


def test_a_slow_failure_is_not_hammered() -> None:
    """The pause before a retry is counted from the end of a time-out."""
    life = Life(a_run(a_metric(interval="60s")), took=30)
    life.answers([REFUSED] * 3)
    assert starts(life) == [0, 40, 80]


@pytest.mark.parametrize(
    ("rest", "tries"),
    [(0, [0, 10, 20]), (5, [0, 10, 20]), (45, [0, 45, 90]), (7200, [0, 300, 600])],
)
def test_a_provider_is_left_alone(rest: float, tries: list[float]) -> None:
    """For as long as it wants, which the status keeps; 5 min at most."""
    life = Life(a_run())
    life.answers([NotAnswered("answered 429", rest=seconds(rest))] * 3)
    assert starts(life) == tries


def test_after_a_retry_the_grid_is_the_same() -> None:
    """A gap of some tries doesn't move the slots after it."""
    life = Life(a_run(a_metric(interval="60s")))
    life.answers([GOOD, EMPTY, EMPTY, GOOD, GOOD])
    assert starts(life) == [0, 60, 70, 80, 120]


def test_argos_default_retries_after_ten_seconds() -> None:
    """As Argo does, whatever the interval."""
    life = Life(a_run(a_metric(interval="2s")), JudgeDefaults(consecutive_error_limit=4))
    life.answers([REFUSED] * 3)
    assert starts(life) == [0, 10, 20]


def test_a_clock_set_back_does_not_stop_the_run() -> None:
    """An hour back costs a measurement; to look again and again doesn't postpone it."""
    life = Life(a_run())
    life.now += seconds(3600)
    life.answer(GOOD)
    life.now -= seconds(3600)
    assert life.due().metrics
    life.answer(GOOD)
    assert life.due().wake_at == life.now + seconds(10)
    life.now += seconds(3605)
    life.answer(REFUSED)
    life.now -= seconds(3605)
    assert life.due().metrics


def test_a_run_that_began_in_the_future_keeps_its_interval() -> None:
    """The clock was set back after its first measurement: the grid begins at the last start."""
    life = Life(a_run())
    life.answer(GOOD)
    life.now -= seconds(3600)
    life.answer(GOOD)
    life.now += seconds(4)
    assert life.due().wake_at == life.now + seconds(6)
    life.now += seconds(6)
    assert life.due().metrics


def test_nothing_is_due_before_the_run_begins() -> None:
    """`judge.record` begins it."""
    assert schedule.due(a_run(), NOW) == schedule.Due()


def test_a_metric_without_interval_is_measured_once() -> None:
    """Its count is 1."""
    life = Life(a_run(a_metric(interval=None), a_metric(name="b")))
    life.answer(GOOD)
    life.answer(GOOD, "b")
    assert life.due() == schedule.Due((), NOW + seconds(10))


@given(
    st.lists(st.tuples(st.floats(0, 40), st.sampled_from([GOOD, EMPTY, REFUSED])), max_size=30),
    st.floats(0, 30),
)
def test_any_schedule(passes: list[tuple[float, Any]], took: float) -> None:
    """The next look lies in the future, within two intervals, and nothing is asked twice."""
    life = Life(a_run(), took=took)
    for late, value in passes:
        due = life.due()
        if due.metrics:
            life.answer(value)
            assert life.last.phase is not None
            continue
        assert due.wake_at is not None
        assert seconds(0) < due.wake_at - life.now <= seconds(20)
        life.now = due.wake_at + seconds(late)
    gaps = [later - sooner for sooner, later in zip(life.started, life.started[1:], strict=False)]
    assert all(gap >= seconds(5) for gap in gaps)


@pytest.mark.parametrize(
    ("phase", "wanted", "after"),
    [
        (Phase.SUCCESSFUL, {"seconds_after_completion": 5}, 5),
        (Phase.SUCCESSFUL, {"seconds_after_completion": 5, "seconds_after_success": 0}, 0),
        (Phase.SUCCESSFUL, {"seconds_after_failure": 5}, None),
        (Phase.FAILED, {"seconds_after_failure": 5, "seconds_after_success": 9}, 5),
        (Phase.FAILED, {"seconds_after_completion": 7, "seconds_after_success": 9}, 7),
        (Phase.ERROR, {"seconds_after_failure": 5, "seconds_after_completion": 7}, 7),
        (Phase.INCONCLUSIVE, {"seconds_after_failure": 5}, None),
        (Phase.RUNNING, {"seconds_after_completion": 5}, None),
        (Phase.SUCCESSFUL, {}, None),
    ],
    ids=str,
)
def test_a_finished_run_may_go_after_a_while(
    phase: Phase, wanted: dict[str, int], after: int | None
) -> None:
    """Argo's ttlStrategy: the number for the phase, else the general one."""
    status = AnalysisRunStatus(phase=phase, completed_at=NOW)
    expected = None if after is None else NOW + seconds(after)
    assert schedule.expires_at(TtlStrategy(**wanted), status) == expected
    assert schedule.expires_at(TtlStrategy(**wanted), AnalysisRunStatus(phase=phase)) is None


def test_the_earliest_of_the_others_wakes() -> None:
    """Each has its own time."""
    metrics = [
        a_metric(name=name, initial_delay=delay) for name, delay in (("a", "9s"), ("b", "3s"))
    ]
    assert Life(a_run(*metrics)).due() == schedule.Due((), NOW + seconds(3))


def test_nothing_is_due_once_it_is_to_end() -> None:
    """Terminated but not yet recorded; or refused, so that it can't even be read."""
    life = Life(a_run())
    assert life.due().metrics
    ended = a_run(terminate=True).model_copy(update={"status": life.run.status})
    assert schedule.due(ended, NOW) == schedule.Due()
    refused = Life(a_run(a_metric(interval="soon")))
    assert refused.run.status.phase is Phase.ERROR
    assert refused.due() == schedule.Due()


def test_a_clock_set_back_before_the_first_measurement() -> None:
    """The start lies in the future: it is measured now, not in an hour."""
    life = Life(a_run(a_metric(initial_delay="1m")))
    life.now -= seconds(3600)
    assert [metric.name for metric in life.due().metrics] == ["error-rate"]


def test_a_metric_that_is_complete_isnt_measured_again() -> None:
    """While the others go on."""
    life = Life(a_run(a_metric(name="a", count=1), a_metric(name="b")))
    for name in ("a", "b", "b"):
        life.answer(GOOD, name)
    life.now += seconds(10)
    assert [metric.name for metric in life.due().metrics] == ["b"]


def test_a_metric_that_is_asked_once_isnt_asked_again() -> None:
    """One made by hand may want three without an interval; a clock set back changes nothing."""
    life = Life(a_run(a_metric(interval=None, count=3)))
    life.answer(GOOD)
    assert life.due() == schedule.Due()
    life.now -= seconds(3600)
    assert life.due() == schedule.Due()


def test_a_clock_set_back_asks_again_for_what_is_missing() -> None:
    """Also where there is no interval: I7, there was no evidence."""
    life = Life(a_run(a_metric(interval=None)))
    life.now += seconds(3600)
    life.answer(EMPTY)
    life.now -= seconds(3600)
    assert [metric.name for metric in life.due().metrics] == ["error-rate"]


def test_an_interval_of_nothing_asks_without_a_pause() -> None:
    """As soon as there is an answer."""
    life = Life(a_run(a_metric(interval="0s")), took=2)
    life.answers([GOOD] * 3)
    assert starts(life) == [0, 2, 4]


@pytest.mark.parametrize(
    ("results", "due"),
    [
        ([], schedule.Due((a_metric(),))),
        ([MetricResult(name="error-rate", phase=Phase.SUCCESSFUL)], schedule.Due()),
        (
            [
                MetricResult(
                    name="error-rate",
                    phase=Phase.RUNNING,
                    measurements=[Measurement(phase=Phase.SUCCESSFUL)],
                )
            ],
            schedule.Due((), NOW + seconds(10)),
        ),
        (
            [
                MetricResult(
                    name="error-rate",
                    phase=Phase.RUNNING,
                    measurements=[
                        Measurement(phase=Phase.SUCCESSFUL, started_at=NOW + seconds(20))
                    ],
                )
            ],
            schedule.Due((), NOW + seconds(30)),
        ),
    ],
    ids=["unknown", "complete", "without times", "without an end"],
)
def test_a_status_of_another_program(results: list[MetricResult], due: schedule.Due) -> None:
    """What it left out is taken for the least that there can be."""
    life = Life(a_run())
    status = life.run.status.model_copy(update={"metric_results": results})
    run = life.run.model_copy(update={"status": status})
    at = due.wake_at - seconds(10) if due.wake_at else NOW
    assert schedule.due(run, at) == due


def test_a_comparison_is_looked_at_when_who_looks_says() -> None:
    """And at once at first, after a restart, and after a clock was set back; never when over."""
    run = a_run(a_comparison())
    begun = stored(run, judge.record(run, {}, NOW))
    assert [metric.name for metric in schedule.due(begun, NOW).metrics] == ["judge"]
    later = {"judge": NOW + seconds(3)}
    waiting = schedule.due(begun, NOW, again=later, looked={"judge": NOW})
    assert (waiting.metrics, waiting.wake_at) == ((), NOW + seconds(3))
    back = schedule.due(begun, NOW, again=later, looked={"judge": NOW + seconds(2)})
    assert [metric.name for metric in back.metrics] == ["judge"]
    delayed = a_run(a_comparison().model_copy(update={"initial_delay": "5s"}))
    delayed = stored(delayed, judge.record(delayed, {}, NOW))
    assert schedule.due(delayed, NOW).wake_at == NOW + seconds(5)
