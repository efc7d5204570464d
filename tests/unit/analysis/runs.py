"""AnalysisRuns for the judge's tests: a metric in a line, a run, a life on its own clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from davy.analysis import judge, schedule
from davy.analysis.answer import Answered, Measured, NotAnswered, Value
from davy.analysis.limits import DAVY, JudgeDefaults
from davy.api.analysis import (
    AnalysisRunSpec,
    AnalysisRunStatus,
    Measurement,
    Metric,
    MetricResult,
    RunManifest,
)
from davy.api.providers import MetricProvider, PrometheusMetric

NOW = datetime(2026, 5, 4, 14, 0, tzinfo=UTC)
REFUSED = NotAnswered("http://prometheus:9090 refused the connection")


def seconds(number: float) -> timedelta:
    """A length of time."""
    return timedelta(seconds=number)


def a_metric(success: str | None = "result[0] <= 0.05", **fields: Any) -> Metric:
    """The metric error-rate; it has an interval of 10 s unless told otherwise."""
    provider = MetricProvider(
        prometheus=PrometheusMetric(address="http://prometheus:9090", query="up")
    )
    given = {"name": "error-rate", "interval": "10s", "success_condition": success, **fields}
    return Metric(provider=provider, **given)


def a_run(*metrics: Metric, terminate: bool = False) -> RunManifest:
    """A run that has not begun."""
    spec = AnalysisRunSpec(metrics=list(metrics or [a_metric()]), terminate=terminate)
    return RunManifest(metadata={"name": "cart-1"}, spec=spec)


def stored(run: RunManifest, status: AnalysisRunStatus) -> RunManifest:
    """The run as it is read back after this status was written."""
    kept = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return run.model_copy(update={"status": AnalysisRunStatus.model_validate(kept)})


def said(answer: Value | NotAnswered) -> Answered | NotAnswered:
    """The answer, wrapped unless it is none."""
    return answer if isinstance(answer, NotAnswered) else Answered(answer)


class Life:
    """One run on a clock of its own: begun, measured when due, written and read back each time."""

    def __init__(self, run: RunManifest, defaults: JudgeDefaults = DAVY, took: float = 0) -> None:
        self.now = NOW
        self.defaults = defaults
        self.took = seconds(took)
        self.started: list[datetime] = []
        """When each measurement began."""
        self.run = run
        self.record({})

    def record(self, answers: dict[str, Measured]) -> AnalysisRunStatus:
        """Have the judge record these answers now."""
        status = judge.record(self.run, answers, self.now, defaults=self.defaults)
        self.run = stored(self.run, status)
        return self.run.status

    def answer(self, value: Value | NotAnswered, name: str = "error-rate") -> AnalysisRunStatus:
        """Wait until the metric is due, measure it, record the answer."""
        while name not in {metric.name for metric in self.due().metrics}:
            wake_at = self.due().wake_at
            assert wake_at is not None, f"{name} is never due"
            assert wake_at > self.now
            self.now = wake_at
        begun, self.now = self.now, self.now + self.took
        self.started.append(begun)
        return self.record({name: Measured(said(value), begun, self.now)})

    def answers(self, values: Sequence[Value | NotAnswered]) -> AnalysisRunStatus:
        """The same for each value, until the run is complete."""
        for value in values:
            if self.run.status.phase.completed:
                break
            self.answer(value)
        return self.run.status

    def due(self) -> schedule.Due:
        """What is due now."""
        return schedule.due(self.run, self.now, defaults=self.defaults)

    @property
    def result(self) -> MetricResult:
        """Of the first metric."""
        return self.run.status.metric_results[0]

    @property
    def last(self) -> Measurement:
        """The latest measurement of the first metric."""
        return self.result.measurements[-1]
