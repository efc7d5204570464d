"""The AnalysisRuns of a release that is played: the real judge, asked at the times it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from davy.analysis import compared, comparisons, judge, schedule, underway
from davy.analysis.answer import Answer, Measured, NotAnswered
from davy.analysis.limits import JudgeDefaults
from davy.analysis.watch import Watch
from davy.api.analysis import Measurement, Metric, RunManifest
from davy.api.fields import parse_duration
from davy.engine import plan as plans
from davy.engine.world import Counted, Run, RunKind
from davy.rehearsal import answers
from davy.rehearsal.answers import Given
from davy.rehearsal.invented import Invented
from davy.rehearsal.release import Release

_SOON: Final = timedelta(milliseconds=100)
"""Nothing is asked twice within it."""
_DOWN: Final = NotAnswered("Prometheus refused the connection")


@dataclass(frozen=True)
class News:
    """A measurement that says what the ones before it didn't."""

    metric: str
    sentence: str


@dataclass(frozen=True)
class Outage:
    """When Prometheus doesn't answer."""

    begins: datetime
    ends: datetime

    def holds(self, now: datetime) -> bool:
        """It doesn't now."""
        return self.begins <= now < self.ends


@dataclass
class _Underway:
    """A run, and what is in memory of it."""

    made: plans.CreateRun
    manifest: RunManifest
    created_at: datetime
    watches: dict[str, Watch] = field(default_factory=dict)
    """By metric that compares."""
    again: dict[str, datetime] = field(default_factory=dict)
    """By metric that compares, when the counters are looked at next."""
    told: dict[str, object] = field(default_factory=dict)
    """By metric, what its latest measurement said, apart from numbers."""


@dataclass
class Analyses:
    """All runs of a release.

    Args:
        release: that they judge.
        invented: the requests that they see.
        given: answers to metrics that don't compare.
        outage: of Prometheus; None: there is none.
    """

    release: Release
    invented: Invented
    given: Mapping[str, Given]
    outage: Outage | None
    _runs: dict[str, _Underway] = field(default_factory=dict)

    def act(self, action: plans.Action, now: datetime) -> None:
        """Do what a plan says of runs."""
        match action:
            case plans.CreateRun():
                spec = self.release.run_spec(action.analysis, inline=action.kind is RunKind.STEP)
                manifest = RunManifest(metadata={"name": action.name}, spec=spec)
                self._runs[action.name] = _Underway(action, manifest, now.replace(microsecond=0))
            case plans.TerminateRun(name=name):
                run = self._runs[name]
                spec = run.manifest.spec.model_copy(update={"terminate": True})
                run.manifest = run.manifest.model_copy(update={"spec": spec})
            case plans.DeleteRun(name=name):
                del self._runs[name]
            case _:
                pass

    def measure(self, now: datetime) -> list[News]:
        """Ask what is due, judge it; what is new in it."""
        return [news for run in self._runs.values() for news in self._measure(run, now)]

    def next_at(self, now: datetime) -> datetime | None:
        """When something is asked next; None: nothing is."""
        soon = now + _SOON
        moments = [
            soon if due.metrics else max(due.wake_at or soon, soon)
            for due in (self._due(run, now) for run in self._runs.values())
            if due.metrics or due.wake_at is not None
        ]
        return min(moments, default=None)

    def observed(self) -> tuple[Run, ...]:
        """The runs as the engine sees them."""
        return tuple(map(_observed, self._runs.values()))

    def is_going_on(self, name: str | None, now: datetime) -> bool:
        """A step's run that has evidence, or an end in time: it is worth waiting for."""
        run = self._runs.get(name or "")
        if run is None or run.manifest.status.phase.completed:
            return False
        begun = run.manifest.status.started_at or now
        deadlines = (
            begun + parse_duration(metric.compare.deadline)
            for metric in run.manifest.spec.metrics
            if metric.compare is not None and metric.compare.deadline is not None
        )
        return not judge.lacks(run.manifest.status) or any(at > now for at in deadlines)

    def _due(self, run: _Underway, now: datetime) -> schedule.Due:
        return schedule.due(run.manifest, now, defaults=self._defaults, again=run.again)

    @property
    def _defaults(self) -> JudgeDefaults:
        return JudgeDefaults.of(self.release.group.name)

    def _measure(self, run: _Underway, now: datetime) -> list[News]:
        status = run.manifest.status
        if status.phase.completed:
            return []
        if status.started_at is None or run.manifest.spec.terminate:
            self._record(run, {}, now)
        found = {metric.name: self._ask(run, metric, now) for metric in self._due(run, now).metrics}
        taken = {
            name: Measured(answer, now, now) for name, answer in found.items() if answer is not None
        }
        if taken:
            self._record(run, taken, now)
        return [news for name in taken for news in _news(run, name)]

    def _record(self, run: _Underway, taken: Mapping[str, Measured], now: datetime) -> None:
        status = judge.record(run.manifest, taken, now, defaults=self._defaults)
        run.manifest = run.manifest.model_copy(update={"status": status})

    def _ask(self, run: _Underway, metric: Metric, now: datetime) -> Answer | None:
        """The answer; None: a look that nothing is to be told of."""
        down = self.outage is not None and self.outage.holds(now)
        if metric.compare is None:
            recent = self.invented.recent(now)
            return answers.answer(metric, self.given[metric.name], recent, down=down)
        watch = run.watches.setdefault(metric.name, Watch.of(run.manifest, metric.name, now))
        tally = watch.at(now).tally
        look = _DOWN if down else self.invented.look(tally, now, slow=_is_latency(metric))
        told, run.again[metric.name] = watch.after(look, run.manifest, metric, now)
        return told


def _is_latency(metric: Metric) -> bool:
    """It counts by the bucket of a histogram."""
    sides = comparisons.sides(metric)
    return any("_bucket" in selector.partition("{")[0] for selector in sides.canary.good)


def _news(run: _Underway, name: str) -> list[News]:
    result = underway.result(run.manifest.status, name)
    if result is None or not result.measurements:
        return []
    last = result.measurements[-1]
    said = _apart_from_numbers(last)
    if run.told.get(name) == said:
        return []
    run.told[name] = said
    return [News(name, f"{last.phase.value}: {last.message or last.value or 'no value'}")]


def _apart_from_numbers(found: Measurement) -> tuple[object, ...]:
    """A comparison begins with its outcome; what another metric says is its phase."""
    is_compared = compared.read(found.value) is not None
    return found.phase, (found.message or "").partition(":")[0] if is_compared else ""


def _observed(run: _Underway) -> Run:
    manifest, made = run.manifest, run.made
    counted = comparisons.counted(manifest)
    return Run(
        name=made.name,
        kind=made.kind,
        hash=made.hash,
        revision=made.revision,
        phase=manifest.status.phase,
        step_index=made.step_index,
        message=manifest.status.message or "",
        verdict=judge.verdict(manifest),
        lacks=judge.lacks(manifest.status),
        terminating=manifest.spec.terminate,
        created_at=run.created_at,
        counted=None if counted is None else Counted(counted.canary, counted.stable),
    )
