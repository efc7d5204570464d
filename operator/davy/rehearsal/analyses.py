"""The AnalysisRuns of a release that is played: the real judge, asked at the times it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from davy.analysis import compared, comparisons, judge, underway
from davy.analysis.answer import Answer
from davy.analysis.limits import JudgeDefaults
from davy.api.analysis import Measurement, Metric, RunManifest
from davy.api.fields import parse_duration
from davy.api.group import HARM_BUDGET
from davy.engine import plan as plans
from davy.engine.world import Allowance, Counted, Run, RunKind
from davy.rehearsal import answers, latency
from davy.rehearsal.answers import Given
from davy.rehearsal.invented import Invented
from davy.rehearsal.judged import Judged
from davy.rehearsal.release import Release


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
class _Run:
    """A run, and who made it."""

    made: plans.CreateRun
    judged: Judged
    created_at: datetime
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
    _runs: dict[str, _Run] = field(default_factory=dict)

    def act(self, action: plans.Action, now: datetime) -> None:
        """Do what a plan says of runs."""
        match action:
            case plans.CreateRun():
                spec = self.release.run_spec(action.analysis, inline=action.kind is RunKind.STEP)
                manifest = RunManifest(metadata=self._metadata(action), spec=spec)
                judged = Judged(manifest, JudgeDefaults.of(self.release.group.name))
                self._runs[action.name] = _Run(action, judged, now.replace(microsecond=0))
            case plans.TerminateRun(name=name):
                self._runs[name].judged.terminate()
            case plans.DeleteRun(name=name):
                del self._runs[name]
            case _:
                pass

    def measure(self, now: datetime, weight_changed_at: datetime | None) -> list[News]:
        """Ask what is due, judge it; what is new in it."""
        found: list[News] = []
        for run in self._runs.values():
            run.judged.weight_changed_at = weight_changed_at
            found += self._measure(run, now)
        return found

    def next_at(self, now: datetime) -> datetime | None:
        """When something is asked next; None: nothing is."""
        moments = (run.judged.next_at(now) for run in self._runs.values())
        return min((at for at in moments if at is not None), default=None)

    def observed(self) -> tuple[Run, ...]:
        """The runs as the engine sees them."""
        return tuple(map(_observed, self._runs.values()))

    def is_going_on(self, name: str | None, now: datetime) -> bool:
        """A warm-up, or a step's run that has evidence or an end in time: worth waiting for."""
        if any(run.judged.warms(now) for run in self._runs.values()):
            return True
        run = self._runs.get(name or "")
        if run is None or run.judged.status.phase.completed:
            return False
        begun = run.judged.status.started_at or now
        deadlines = (
            begun + parse_duration(metric.compare.deadline)
            for metric in run.judged.manifest.spec.metrics
            if metric.compare is not None and metric.compare.deadline is not None
        )
        return not judge.lacks(run.judged.status) or any(at > now for at in deadlines)

    def _metadata(self, made: plans.CreateRun) -> dict[str, Any]:
        """With the harm budget, which the run beside the steps keeps."""
        budget = self.release.spec.strategy.canary.harm_budget
        if budget is None or made.kind is not RunKind.BACKGROUND:
            return {"name": made.name}
        text = budget.model_dump_json(by_alias=True, exclude_none=True)
        return {"name": made.name, "annotations": {HARM_BUDGET: text}}

    def _measure(self, run: _Run, now: datetime) -> list[News]:
        judged = run.judged
        if judged.status.phase.completed:
            return []
        judged.begin(now)
        found = {metric.name: self._ask(judged, metric, now) for metric in judged.due(now)}
        taken = {name: answer for name, answer in found.items() if answer is not None}
        if taken:
            judged.record(taken, now)
        return [news for name in taken for news in _news(run, name)]

    def _ask(self, judged: Judged, metric: Metric, now: datetime) -> Answer | None:
        """The answer; None: a look that nothing is to be told of."""
        down = self.outage is not None and self.outage.holds(now)
        if metric.compare is None:
            given = self.given[metric.name]
            found = answers.answer(metric, given, partial(self.invented.within, now), down=down)
            return judged.waits(metric, now) or found
        tally = judged.memory(metric, now).tally
        slow = latency.is_counted(metric)
        look = answers.DOWN if down else self.invented.look(tally, now, slow=slow)
        return judged.looked(metric, look, now)


def _news(run: _Run, name: str) -> list[News]:
    result = underway.result(run.judged.status, name)
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


def _observed(run: _Run) -> Run:
    manifest, made = run.judged.manifest, run.made
    value = comparisons.counted(manifest)
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
        counted=Counted.of(value),
        allowance=Allowance.of(value),
    )
