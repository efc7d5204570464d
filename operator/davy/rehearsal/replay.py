"""An analysis over the past: asked at the times at which it would have been, judged as it goes.

Whoever answers is asked for an instant: nothing that came later is seen, but for what came late
then and is there now.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from davy.analysis import compare, compared, comparisons, min_requests, quantile
from davy.analysis.answer import Answer, Answered, Held, NotAnswered
from davy.analysis.compared import Compared
from davy.analysis.counters import Counts, Look, Sides, Tally
from davy.analysis.limits import JudgeDefaults
from davy.analysis.quantile import Histogram
from davy.api.analysis import (
    AnalysisRunSpec,
    AnalysisRunStatus,
    Measurement,
    Metric,
    MetricResult,
    Phase,
    RunManifest,
)
from davy.rehearsal.judged import Judged


class Asked(Protocol):
    """Who remembers: a Prometheus."""

    async def measured_at(self, metric: Metric, at: datetime) -> Answered | NotAnswered:
        """What the answer was."""

    async def look(
        self, metric: Metric, sides: Sides, tally: Tally, now: datetime
    ) -> Look | NotAnswered:
        """What both sides had counted then, and wasn't told yet."""

    async def below(
        self, metric: Metric, histogram: Histogram, at: datetime
    ) -> tuple[tuple[Decimal, float], ...] | NotAnswered:
        """How many requests were up to each bound in the time before."""


class Unanswered(Exception):
    """The first question had no answer: nobody remembers better the next time."""


@dataclass(frozen=True)
class Replay:
    """A run over the past."""

    spec: AnalysisRunSpec
    status: AnalysisRunStatus
    """With every look of every metric, though a run's own status keeps the newest alone."""
    ended_at: datetime | None
    """When it was decided; None: not by the end of the time."""


@dataclass
class _Looks:
    """What was seen, look by look."""

    told: dict[str, list[Measurement]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    """Metrics that were; one that warms up isn't asked."""

    def add(self, metric: Metric, found: Measurement) -> None:
        """One more of a metric."""
        self.told.setdefault(metric.name, []).append(found)

    def has(self, metric: Metric, found: Measurement) -> bool:
        """Nothing was counted since the last one."""
        told = self.told.get(metric.name, [])
        return bool(told) and told[-1].value == found.value

    def all_in(self, status: AnalysisRunStatus) -> AnalysisRunStatus:
        """The status with all of them, without what only a next look would need."""
        results = [
            compared.forgotten(
                result.model_copy(update={"measurements": self.told.get(result.name, [])})
            )
            for result in status.metric_results
        ]
        return status.model_copy(update={"metric_results": results})


async def replay(
    spec: AnalysisRunSpec, asked: Asked, begin: datetime, end: datetime, defaults: JudgeDefaults
) -> Replay:
    """The run that would have begun then.

    Args:
        spec: what it measures; metrics of Prometheus.
        asked: for every answer.
        begin: of the run.
        end: nothing is asked after it.
        defaults: what holds where a metric says nothing.

    Raises:
        Unanswered: a metric's first question had no answer; the message says which and why.
    """
    judged = Judged(RunManifest(metadata={}, spec=spec), defaults)
    looks = _Looks()
    at: datetime | None = begin
    while at is not None and at <= end and not judged.status.phase.completed:
        judged.begin(at)
        taken = await _taken(judged, asked, looks, at)
        if taken:
            judged.record(taken, at)
        for metric in spec.metrics:
            if metric.name in taken:
                looks.add(metric, _result(judged, metric).measurements[-1])
        at = judged.next_at(at)
    status = looks.all_in(judged.status)
    return Replay(spec, status, status.completed_at)


async def _taken(judged: Judged, asked: Asked, looks: _Looks, at: datetime) -> Mapping[str, Answer]:
    """The answers that are to be recorded."""
    taken: dict[str, Answer] = {}
    for metric in judged.due(at):
        if metric.compare is None:
            answer: Answer | None = judged.waits(metric, at) or await _measured(asked, metric, at)
        else:
            answer = await _compared(judged, asked, metric, looks, at)
        failed = answer if isinstance(answer, NotAnswered) else None
        if isinstance(answer, Compared) and answer.comparison is None:
            failed = NotAnswered(answer.said)
        named = f"metric {metric.name}: "
        if failed is not None and metric.name not in looks.answered:
            raise Unanswered(named + str(failed).removeprefix(named))
        if failed is None and not isinstance(answer, Held):
            looks.answered.add(metric.name)
        if answer is not None:
            taken[metric.name] = answer
    return taken


async def _measured(asked: Asked, metric: Metric, at: datetime) -> Answer:
    return await min_requests.measured(metric, lambda one: asked.measured_at(one, at))


async def _compared(
    judged: Judged, asked: Asked, metric: Metric, looks: _Looks, at: datetime
) -> Compared | None:
    look = await _look(judged, asked, metric, at)
    told = judged.looked(metric, look, at)
    if told is None and isinstance(look, Look) and look.fresh != Counts():
        memory = judged.memory(metric, at)
        wanted = compared.asked(metric, judged.manifest.spec)
        seen = Compared(compare.compared(memory.ledger, wanted), memory)
        quiet = compared.measurement(metric, _result(judged, metric), seen, at, at)
        if not looks.has(metric, quiet):
            looks.add(metric, quiet)
    return told


async def _look(judged: Judged, asked: Asked, metric: Metric, at: datetime) -> Look | NotAnswered:
    memory = judged.memory(metric, at)
    began_at = judged.status.started_at
    limit = memory.limit or await quantile.chosen(metric, began_at, asked.below)
    if isinstance(limit, NotAnswered):
        return limit
    judged.limited(metric, limit, at)
    return await asked.look(metric, comparisons.sides(metric, limit), memory.tally, at)


def _result(judged: Judged, metric: Metric) -> MetricResult:
    found = (one for one in judged.status.metric_results if one.name == metric.name)
    return next(found, MetricResult(name=metric.name, phase=Phase.PENDING))
