"""Comparisons in a run's status: what a measurement says, what is remembered, when one is over.

A comparison looks at the counters many times between two measurements. A measurement is recorded
when a look decided something, and else now and then; all that is needed to go on after it, in this
process or the next one, stands in its `metadata`: what was counted, and the ledger of what both
sides served. Only the latest measurement keeps them.

| the comparison is | measurement | evidence | beside the steps | in a step, or with a deadline |
|---|---|---|---|---|
| Worse | Failed | yes | the run fails | the run fails |
| NotWorse | Successful | yes | goes on | the metric is Successful |
| Undecided | Inconclusive | yes | goes on | Inconclusive at the deadline |
| TooFew, or no requests now | Inconclusive | no, `few` | holds the weight | the same |
| StableFails | Inconclusive | no, `stable` | holds the weight | the same |
| not answered | Error | no, `unanswered` | holds the weight | the same |
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from davy.analysis import ledger as ledgers
from davy.analysis import nodata
from davy.analysis.budget import Allowance
from davy.analysis.compare import Asked, Comparison, Outcome
from davy.analysis.counters import Tally
from davy.analysis.ledger import Ledger
from davy.analysis.nodata import Missing
from davy.api.analysis import (
    AnalysisRunSpec,
    ComparedValue,
    Measurement,
    Metric,
    MetricResult,
    Phase,
    SideCounts,
)
from davy.api.compare import Compare
from davy.api.fields import format_instant, parse_duration, parse_instant

EVERY: Final = timedelta(seconds=10)
"""From one measurement to the next at first, where a metric with compare has no interval."""
_SELDOM: Final = timedelta(minutes=5)
_PART: Final = 4
LEDGER: Final = "ledger"
TALLY: Final = "tally"
NEWEST: Final = "newest"
UNDECIDABLE: Final = "undecidable"
"""The metric's policy ends it as Inconclusive for want of evidence."""
_PHASES: Final = {
    Outcome.WORSE: Phase.FAILED,
    Outcome.NOT_WORSE: Phase.SUCCESSFUL,
    Outcome.UNDECIDED: Phase.INCONCLUSIVE,
    Outcome.TOO_FEW: Phase.INCONCLUSIVE,
    Outcome.STABLE_FAILS: Phase.INCONCLUSIVE,
}


@dataclass(frozen=True)
class Memory:
    """All that a comparison goes on from."""

    tally: Tally
    newest_at: datetime
    """Of the newest sample that is in the ledger; the run's start before the first."""
    ledger: Ledger = ()

    def metadata(self) -> dict[str, str]:
        """For a measurement."""
        return {
            LEDGER: ledgers.written(self.ledger),
            TALLY: self.tally.written(),
            NEWEST: format_instant(self.newest_at),
        }


@dataclass(frozen=True)
class Compared:
    """What a measurement of a comparison brought."""

    comparison: Comparison | None
    """None: nobody answered."""
    memory: Memory
    said: str = ""
    """Why nobody answered, cut to what a status takes."""
    silent: bool = False
    """The canary gets no requests now."""
    allowance: Allowance | None = None
    """What the rollout's harm budget allows; None: it has none, or nothing is known yet."""

    @property
    def missing(self) -> Missing | None:
        """Why it is no evidence; None: it is."""
        if self.comparison is None:
            return Missing.UNANSWERED
        outcome = self.comparison.outcome
        if outcome is Outcome.WORSE:
            return None
        if outcome is Outcome.STABLE_FAILS:
            return Missing.STABLE
        return Missing.FEW if self.silent or outcome is Outcome.TOO_FEW else None

    @property
    def phase(self) -> Phase:
        """Of the measurement."""
        if self.comparison is None:
            return Phase.ERROR
        return _PHASES[self.comparison.outcome] if self.missing is None else Phase.INCONCLUSIVE

    def sentence(self) -> str:
        """The measurement's message."""
        if self.comparison is None:
            return self.said
        silent = "canary gets no requests; " if self.silent else ""
        return f"{silent}{self.comparison.sentence()}"

    def value(self) -> str | None:
        """The measurement's value: how near to an abort and to a pass, the counts, the budget."""
        if self.comparison is None:
            return None
        total = self.comparison.total
        found = ComparedValue.model_construct(
            to_abort=round(self.comparison.to_abort, 3),
            to_pass=round(self.comparison.to_pass, 3),
            canary=SideCounts.model_construct(requests=total.canary, errors=total.canary_errors),
            stable=SideCounts.model_construct(requests=total.stable, errors=total.stable_errors),
            allowed=round(self.allowance.share, 6) if self.allowance else None,
            spent=self.allowance.spent if self.allowance else None,
        )
        return json.dumps(found.manifest())


def read(value: str | None) -> ComparedValue | None:
    """A measurement's value; None: it has none, or it is no comparison's."""
    try:
        return ComparedValue.model_validate_json(value or "")
    except ValidationError:
        return None


def latest(result: MetricResult) -> ComparedValue | None:
    """The latest value among a metric's measurements: one that got no answer has none."""
    values = (read(found.value) for found in reversed(result.measurements))
    return next((found for found in values if found is not None), None)


def memory(result: MetricResult | None, begun: datetime) -> Memory:
    """What the comparison's latest measurement left; nothing that can be read: it begins anew.

    Args:
        result: of the metric; None: it wasn't measured.
        begun: when the run began, from which on requests count.
    """
    last = result.measurements[-1] if result is not None and result.measurements else None
    kept = (last.metadata if last else None) or {}
    try:
        return Memory(
            Tally.read(kept[TALLY]), parse_instant(kept[NEWEST]), ledgers.read(kept[LEDGER])
        )
    except (KeyError, ValueError):
        return Memory(Tally(begun), begun)


def interval(metric: Metric) -> timedelta:
    """From one measurement to the next at first.

    Raises:
        ValueError: the metric's own can't be read.
    """
    return parse_duration(metric.interval) if metric.interval else EVERY


def pause(metric: Metric, age: timedelta) -> timedelta:
    """The time between two measurements that bring no news.

    A fourth of the run's age, so that a release that is paused for days isn't told of every 10 s:
    from the metric's interval, or 10 s, to 5 minutes.
    """
    return max(interval(metric), min(age / _PART, _SELDOM))


def asked(metric: Metric, spec: AnalysisRunSpec) -> Asked:
    """What a metric's comparison wants to be shown: alpha is shared by all comparisons of a run."""
    together = sum(1 for other in spec.metrics if other.compare is not None)
    return wanted(metric.compare or Compare(), max(1, together))


def wanted(compare: Compare, together: int) -> Asked:
    """What one of so many comparisons of a run wants to be shown."""
    return Asked(
        abort_ratio=compare.abort_ratio,
        tolerate_ratio=compare.tolerate_ratio,
        alpha=compare.alpha / together,
        accept=compare.accept,
        least=compare.min_requests,
    )


def measurement(
    metric: Metric,
    result: MetricResult,
    answer: Compared,
    started_at: datetime,
    finished_at: datetime,
) -> Measurement:
    """What an answer is.

    Args:
        metric: that compares.
        result: of it, before the answer.
        answer: of the comparison.
        started_at: when its last look was taken.
        finished_at: when that was answered.
    """
    metadata = answer.memory.metadata()
    policy = nodata.decided(metric, answer.missing)
    if policy is Phase.INCONCLUSIVE:
        metadata[UNDECIDABLE] = "true"
    if policy is None and answer.missing is not None:
        metadata |= nodata.mark(answer.missing, nodata.since(result.measurements, started_at))
    return Measurement(
        phase=policy or answer.phase,
        message=answer.sentence(),
        started_at=started_at,
        finished_at=finished_at,
        value=answer.value(),
        metadata=metadata,
    )


def assessed(
    result: MetricResult, compare: Compare, began_at: datetime, now: datetime, *, terminating: bool
) -> tuple[Phase, str]:
    """The metric's phase by the table above, and what decided, for people.

    Args:
        result: of the metric.
        compare: what it wants.
        began_at: when the run began.
        now: the present.
        terminating: nobody waits for more.
    """
    if result.phase.completed:
        return result.phase, result.message or ""
    last = result.measurements[-1] if result.measurements else None
    decided = _decided(last, compare, began_at, now) if last is not None else None
    if decided is not None:
        return decided
    if terminating:
        seen = "not shown to be worse" if result.count else "nothing was judged"
        return Phase.SUCCESSFUL, f"terminated: {seen}"
    return (Phase.RUNNING if last is not None else Phase.PENDING), ""


def _decided(
    last: Measurement, compare: Compare, began_at: datetime, now: datetime
) -> tuple[Phase, str] | None:
    if last.phase is Phase.FAILED:
        return Phase.FAILED, ""
    if UNDECIDABLE in (last.metadata or {}):
        return Phase.INCONCLUSIVE, "as onNoData or onProviderError wants it"
    if compare.deadline is None:
        return None
    if last.phase is Phase.SUCCESSFUL:
        return Phase.SUCCESSFUL, "shown not to be worse"
    if began_at + parse_duration(compare.deadline) <= now:
        return Phase.INCONCLUSIVE, f"not decided within {compare.deadline}"
    return None


def forgotten(result: MetricResult) -> MetricResult:
    """The result before a new measurement, without what only the latest one needs."""
    return result.model_copy(update={"measurements": [*map(_without, result.measurements)]})


def _without(measurement: Measurement) -> Measurement:
    kept = {
        name: text
        for name, text in (measurement.metadata or {}).items()
        if name not in {LEDGER, TALLY, NEWEST}
    }
    return measurement.model_copy(update={"metadata": kept or None})
