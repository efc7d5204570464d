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

from davy.analysis import ledger as ledgers
from davy.analysis import nodata
from davy.analysis.compare import Asked, Comparison, Outcome
from davy.analysis.counters import Tally
from davy.analysis.ledger import Ledger
from davy.analysis.nodata import Missing
from davy.api.analysis import AnalysisRunSpec, Measurement, Metric, MetricResult, Phase
from davy.api.compare import Compare
from davy.api.fields import format_instant, parse_duration, parse_instant

EVERY: Final = timedelta(seconds=10)
"""From one measurement to the next at first, where a metric with compare has no interval."""
_SELDOM: Final = timedelta(minutes=5)
_PART: Final = 4
LEDGER: Final = "ledger"
TALLY: Final = "tally"
NEWEST: Final = "newest"
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
        """The measurement's value: how near to an abort and to a pass, and the four counts."""
        if self.comparison is None:
            return None
        total = self.comparison.total
        return json.dumps(
            {
                "toAbort": round(self.comparison.to_abort, 3),
                "toPass": round(self.comparison.to_pass, 3),
                "canary": {"requests": total.canary, "errors": total.canary_errors},
                "stable": {"requests": total.stable, "errors": total.stable_errors},
            }
        )


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


def pause(metric: Metric, age: timedelta) -> timedelta:
    """The time between two measurements that bring no news.

    A fourth of the run's age, so that a release that is paused for days isn't told of every 10 s:
    from the metric's interval, or 10 s, to 5 minutes.
    """
    given = EVERY if metric.interval is None else parse_duration(metric.interval)
    return max(given, min(age / _PART, _SELDOM))


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


def added(
    result: MetricResult,
    answer: Compared,
    started_at: datetime,
    finished_at: datetime,
    *,
    kept: int,
) -> MetricResult:
    """The result with one measurement more.

    Args:
        result: before it.
        answer: of the comparison.
        started_at: when its first look was taken.
        finished_at: when its last look was answered.
        kept: measurements that stay in the list, from 1.
    """
    metadata = answer.memory.metadata()
    if answer.missing is not None:
        since = nodata.since(result.measurements, started_at)
        metadata |= nodata.mark(answer.missing, since)
    phase = answer.phase
    taken = Measurement(
        phase=phase,
        message=answer.sentence(),
        started_at=started_at,
        finished_at=finished_at,
        value=answer.value(),
        metadata=metadata,
    )
    evidence = answer.missing is None
    return result.model_copy(
        update={
            "measurements": [*map(_forgotten, result.measurements), taken][-kept:],
            "count": result.count + evidence,
            "successful": result.successful + (phase is Phase.SUCCESSFUL),
            "failed": result.failed + (phase is Phase.FAILED),
            "inconclusive": result.inconclusive + (evidence and phase is Phase.INCONCLUSIVE),
            "error": result.error + (phase is Phase.ERROR),
            "consecutive_error": result.consecutive_error + 1 if phase is Phase.ERROR else 0,
            "consecutive_success": 0,
        }
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
    if last is not None and last.phase is Phase.FAILED:
        return Phase.FAILED, "shown to be worse"
    if terminating:
        seen = "not shown to be worse" if result.count else "nothing was judged"
        return Phase.SUCCESSFUL, f"terminated: {seen}"
    if compare.deadline is not None:
        if last is not None and last.phase is Phase.SUCCESSFUL:
            return Phase.SUCCESSFUL, "shown not to be worse"
        if began_at + parse_duration(compare.deadline) <= now:
            return Phase.INCONCLUSIVE, f"not decided within {compare.deadline}"
    return (Phase.RUNNING if result.measurements else Phase.PENDING), ""


def _forgotten(measurement: Measurement) -> Measurement:
    """An earlier measurement, without what only the latest one needs."""
    kept = {
        name: text
        for name, text in (measurement.metadata or {}).items()
        if name not in {LEDGER, TALLY, NEWEST}
    }
    return measurement.model_copy(update={"metadata": kept or None})
