"""Measurements that outlive a pass."""

from typing import Any

import pytest

from davy.analysis import nodata, schedule, underway
from davy.analysis.answer import Decided, Measured, NotAnswered, Underway, Unfinished
from davy.api.analysis import DryRun, Measurement, Metric, MetricResult, Phase
from davy.api.providers import JobMetric, MetricProvider
from tests.unit.analysis.runs import NOW, Life, a_metric, a_run, seconds

NAMED = {"job-name": "cart-smoke-1", "job-namespace": "shop"}


def a_job(name: str = "error-rate", **fields: Any) -> Metric:
    """A metric that is a Job."""
    provider = MetricProvider(job=JobMetric(spec={}))
    return Metric(name=name, provider=provider, **fields)


def goes_on(phase: Unfinished = Phase.RUNNING, said: str = "Job x is under way") -> Underway:
    """What a Job says that hasn't ended."""
    return Underway(phase, said, NAMED)


def ended(phase: Any = Phase.SUCCESSFUL) -> Decided:
    """What a Job says that has."""
    return Decided(phase, f"Job x: {phase}")


def told(life: Life, answer: Any, *, begun: float = 0, name: str = "error-rate") -> None:
    """Have this recorded now, of a measurement that began so many seconds after the start."""
    life.record({name: Measured(answer, NOW + seconds(begun), life.now)})


def test_it_stands_in_the_status_and_in_no_counter() -> None:
    """Pending, Running, ended: one measurement, from its first start on."""
    life = Life(a_run(a_job()))
    told(life, goes_on(Phase.PENDING))
    assert (life.last.phase, life.last.finished_at) == (Phase.PENDING, None)
    life.now += seconds(5)
    told(life, goes_on())
    assert len(life.result.measurements) == 1
    assert life.last.metadata == NAMED
    assert (life.result.count, life.result.error, underway.number(life.result)) == (0, 0, 1)
    assert life.run.status.phase is Phase.RUNNING
    life.now += seconds(5)
    status = life.record({"error-rate": Measured(ended(), NOW, life.now)})
    assert (life.last.started_at, life.last.finished_at) == (NOW, life.now)
    assert life.last.metadata == NAMED
    assert status.phase is Phase.SUCCESSFUL


@pytest.mark.parametrize(
    ("phase", "of_run"),
    [
        (Phase.SUCCESSFUL, Phase.SUCCESSFUL),
        (Phase.FAILED, Phase.FAILED),
        (Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
    ],
)
def test_how_it_ends_counts(phase: Phase, of_run: Phase) -> None:
    """No condition is asked; a Job that can't start pauses the rollout, as in Argo."""
    life = Life(a_run(a_job()))
    told(life, goes_on())
    told(life, ended(phase))
    assert life.run.status.phase is of_run
    assert life.result.count == 1


def test_an_error_is_no_evidence_and_the_next_one_has_another_number() -> None:
    """Somebody deleted the Job: which one it was is still told."""
    life = Life(a_run(a_job()))
    told(life, goes_on())
    told(life, NotAnswered("Job x is gone"))
    assert life.last.phase is Phase.ERROR
    assert (life.last.metadata or {}).items() >= NAMED.items()
    assert (life.last.metadata or {})[nodata.MARK] == "unanswered"
    assert underway.number(life.result) == 2
    assert life.due() == schedule.Due((), NOW + seconds(10))


def test_a_late_answer_of_an_earlier_measurement_changes_nothing() -> None:
    """Two operators for a moment: each answer belongs to a start."""
    life = Life(a_run(a_job(interval="10s", count=3)))
    told(life, ended())
    life.now += seconds(10)
    told(life, goes_on(), begun=10)
    before = life.run.status
    told(life, ended(Phase.FAILED), begun=0)
    told(life, ended(Phase.FAILED), begun=3)
    assert life.run.status == before


def test_what_it_waits_for_is_told() -> None:
    """With the moment at which it began (I10)."""
    life = Life(a_run(a_job()))
    told(life, goes_on())
    said = "Metric error-rate: Job x is under way since 2026-05-04T14:00:00.000Z."
    assert life.run.status.message == said


@pytest.mark.parametrize(
    ("age", "pause"), [(0, 1), (9, 1), (30, 3), (60, 6), (100, 10), (9000, 10), (-3600, 1)]
)
def test_it_is_looked_at_after_a_tenth_of_its_age(age: float, pause: float) -> None:
    """A long one needn't be asked often, a short one is noticed soon; a clock may step back."""
    looked_at = NOW + seconds(age)
    assert underway.look_at(NOW, looked_at) == looked_at + seconds(pause)


def test_it_is_due_again_and_again_until_it_ends() -> None:
    """At once for an operator that has just started; whatever the interval says."""
    life = Life(a_run(a_job(interval="1h", count=2)))
    assert life.due().metrics
    told(life, goes_on())
    life.now += seconds(50)
    assert [metric.name for metric in life.due().metrics] == ["error-rate"]
    later = schedule.due(life.run, life.now, looked={"error-rate": life.now})
    assert later == schedule.Due((), life.now + seconds(5))
    ahead = schedule.due(life.run, life.now, looked={"error-rate": life.now + seconds(99)})
    assert ahead.metrics
    told(life, ended())
    assert life.due() == schedule.Due((), NOW + seconds(3600))


def test_so_many_are_under_way_at_once() -> None:
    """Those under way are looked at; another one waits for an end, other metrics for nothing."""
    life = Life(a_run(*(a_job(f"j{n}") for n in range(10)), a_metric()))
    names = [metric.name for metric in life.due().metrics]
    assert names == [*(f"j{n}" for n in range(underway.AT_ONCE)), "error-rate"]
    for number in range(underway.AT_ONCE):
        told(life, goes_on(), name=f"j{number}")
    looked = {f"j{n}": life.now for n in range(underway.AT_ONCE)}
    later = schedule.due(life.run, life.now, looked=looked)
    assert [metric.name for metric in later.metrics] == ["error-rate"]
    told(life, ended(), name="j3")
    names = [metric.name for metric in schedule.due(life.run, life.now, looked=looked).metrics]
    assert names == ["j8", "error-rate"]


def test_another_metrics_failure_ends_the_run_and_not_the_measurement() -> None:
    """Its Job has to go first; then it is Inconclusive, and counts for nothing."""
    life = Life(a_run(a_job("smoke"), a_metric()))
    told(life, goes_on(), name="smoke")
    life.answer([0.9])
    status = life.run.status
    assert status.phase is Phase.FAILED
    assert [held.phase for held in underway.all_of(status)] == [Phase.RUNNING]
    closed = underway.closed(status, NOW + seconds(9))
    assert not [*underway.all_of(closed)]
    smoke = closed.metric_results[0]
    assert (smoke.measurements[0].phase, smoke.inconclusive) == (Phase.INCONCLUSIVE, 0)
    assert smoke.measurements[0].finished_at == NOW + seconds(9)
    assert (smoke.measurements[0].metadata or {})[nodata.MARK] == "stopped"
    assert closed.metric_results[1] == status.metric_results[1]


def test_a_dry_run_under_way_is_waited_for() -> None:
    """As in Argo; it isn't without evidence, it has none yet."""
    life = Life(a_run(a_metric(interval=None), a_job("smoke")))
    dry_run = [DryRun(metric_name="smoke")]
    spec = life.run.spec.model_copy(update={"dry_run": dry_run})
    life.run = life.run.model_copy(update={"spec": spec})
    told(life, goes_on(), name="smoke")
    life.answer([0.0])
    life.now += seconds(900)
    assert life.record({}).phase is Phase.RUNNING
    told(life, ended(Phase.FAILED), name="smoke")
    assert life.run.status.phase is Phase.SUCCESSFUL


def test_a_status_of_argos_without_a_start_is_replaced() -> None:
    """What it lacks must not keep the metric from going on."""
    result = MetricResult(
        name="error-rate", phase=Phase.RUNNING, measurements=[Measurement(phase=Phase.RUNNING)]
    )
    life = Life(a_run())
    status = life.run.status.model_copy(update={"metric_results": [result]})
    life.run = life.run.model_copy(update={"status": status})
    assert life.answer([0.01]).metric_results[0].count == 1
    assert len(life.result.measurements) == 1


def test_only_the_latest_are_kept_with_the_one_under_way() -> None:
    """By the rules for retention."""
    held = [Measurement(phase=Phase.SUCCESSFUL) for _ in range(3)]
    result = MetricResult(name="m", phase=Phase.RUNNING, measurements=held)
    taken = Measurement(phase=Phase.PENDING)
    assert underway.placed(result, taken, kept=2).measurements == [held[0], taken]
    assert underway.without(underway.placed(result, taken, kept=9)).measurements == held
