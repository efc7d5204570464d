"""One AnalysisRun between its questions: what is due, what an answer makes of it.

The judge and its schedule are the real ones; whoever plays a run brings the answers, and the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from davy.analysis import judge, schedule, warmup
from davy.analysis.answer import Answer, Held, Measured, NotAnswered
from davy.analysis.compared import Compared, Memory
from davy.analysis.counters import Look
from davy.analysis.limits import JudgeDefaults
from davy.analysis.watch import Watch
from davy.api.analysis import AnalysisRunStatus, Metric, RunManifest

_SOON: Final = timedelta(milliseconds=100)
"""Nothing is asked twice within it."""


@dataclass
class Judged:
    """A run under way.

    Args:
        manifest: of the run, its arguments filled in.
        defaults: what holds where a metric says nothing.
    """

    manifest: RunManifest
    defaults: JudgeDefaults
    weight_changed_at: datetime | None = None
    """The canary's weight, last; None: nobody says, and the run's start counts."""
    _watches: dict[str, Watch] = field(default_factory=dict)
    """By metric that compares."""
    _again: dict[str, datetime] = field(default_factory=dict)
    """By metric that compares, when the counters are looked at next."""

    @property
    def status(self) -> AnalysisRunStatus:
        """As it is written last."""
        return self.manifest.status

    def terminate(self) -> None:
        """Nobody waits for more."""
        spec = self.manifest.spec.model_copy(update={"terminate": True})
        self.manifest = self.manifest.model_copy(update={"spec": spec})

    def begin(self, now: datetime) -> None:
        """Begins now, if it hasn't; ends now, if nobody waits for more."""
        if self.status.started_at is None or self.manifest.spec.terminate:
            self.record({}, now)

    def due(self, now: datetime) -> tuple[Metric, ...]:
        """What is to be asked now."""
        return self._due(now).metrics

    def next_at(self, now: datetime) -> datetime | None:
        """When something is to be asked next, later than now; None: nothing will be."""
        due, soon = self._due(now), now + _SOON
        if due.metrics:
            return soon
        return None if due.wake_at is None else max(due.wake_at, soon)

    def waits(self, metric: Metric, now: datetime) -> Held | None:
        """What stands in for an answer while the metric warms up; None: it doesn't."""
        return warmup.held(metric, self._changed_at, now)

    def warms(self, now: datetime) -> bool:
        """One of its metrics warms up, and something will be asked when that is over."""
        metrics = () if self.status.phase.completed else self.manifest.spec.metrics
        return any(self.waits(metric, now) for metric in metrics)

    def memory(self, metric: Metric, now: datetime) -> Memory:
        """What a look at the counters goes on from."""
        return self._watch(metric, now).at(now)

    def limited(self, metric: Metric, limit: str, now: datetime) -> None:
        """What is slow was chosen, and is remembered."""
        watch = self._watch(metric, now)
        watch.memory = replace(watch.memory, limit=limit)

    def looked(self, metric: Metric, look: Look | NotAnswered, now: datetime) -> Compared | None:
        """What a look at the counters is to be recorded as; None: nothing is worth it."""
        warm = warmup.of(metric, self._changed_at, now)
        told, self._again[metric.name] = self._watch(metric, now).after(
            look, self.manifest, metric, now, warm
        )
        return told

    def record(self, answers: Mapping[str, Answer], now: datetime) -> None:
        """Judge answers, by metric."""
        measured = {name: Measured(answer, now, now) for name, answer in answers.items()}
        status = judge.record(self.manifest, measured, now, defaults=self.defaults)
        self.manifest = self.manifest.model_copy(update={"status": status})

    @property
    def _changed_at(self) -> datetime | None:
        return self.weight_changed_at or self.status.started_at

    def _watch(self, metric: Metric, now: datetime) -> Watch:
        if metric.name not in self._watches:
            self._watches[metric.name] = Watch.of(self.manifest, metric.name, now)
        return self._watches[metric.name]

    def _due(self, now: datetime) -> schedule.Due:
        return schedule.due(
            self.manifest,
            now,
            defaults=self.defaults,
            again=self._again,
            changed_at=self._changed_at,
        )
