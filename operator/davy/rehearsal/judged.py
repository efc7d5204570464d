"""One AnalysisRun between its questions: what is due, what an answer makes of it.

The judge and its schedule are the real ones; whoever plays a run brings the answers, and the time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from davy.analysis import judge, schedule
from davy.analysis.answer import Answer, Measured, NotAnswered
from davy.analysis.compared import Compared, Memory
from davy.analysis.counters import Look, Tally
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

    def tally(self, metric: Metric, now: datetime) -> Tally:
        """What a look at the counters goes on from."""
        return self._watch(metric, now).at(now).tally

    def memory(self, metric: Metric) -> Memory:
        """What its looks at the counters left so far."""
        return self._watches[metric.name].memory

    def looked(
        self,
        metric: Metric,
        look: Look | NotAnswered,
        now: datetime,
        *,
        least: timedelta = timedelta(),
    ) -> Compared | None:
        """What a look at the counters is to be recorded as; None: nothing is worth it.

        The next one comes after `least`, or later.
        """
        told, again = self._watch(metric, now).after(look, self.manifest, metric, now)
        self._again[metric.name] = max(again, now + least)
        return told

    def record(self, answers: Mapping[str, Answer], now: datetime) -> None:
        """Judge answers, by metric."""
        measured = {name: Measured(answer, now, now) for name, answer in answers.items()}
        status = judge.record(self.manifest, measured, now, defaults=self.defaults)
        self.manifest = self.manifest.model_copy(update={"status": status})

    def _watch(self, metric: Metric, now: datetime) -> Watch:
        if metric.name not in self._watches:
            self._watches[metric.name] = Watch.of(self.manifest, metric.name, now)
        return self._watches[metric.name]

    def _due(self, now: datetime) -> schedule.Due:
        return schedule.due(self.manifest, now, defaults=self.defaults, again=self._again)
