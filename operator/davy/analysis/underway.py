"""Measurements that outlive a pass: a Job, or a judgement elsewhere, that the status names.

Such a measurement is the last of its metric and has no `finishedAt`. A Job's is written Pending
before it is made and Running once it was seen, each with the Job's name, so that an operator that
is killed at any moment finds what it began; a judgement's is Running with its id. It is in no
counter before it ends.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from davy.analysis import nodata
from davy.analysis.nodata import Missing
from davy.api.analysis import (
    AnalysisRunStatus,
    Measurement,
    MetricResult,
    Phase,
)

AT_ONCE: Final = 8
"""Measurements of one run that are under way at the same time; others wait for one to end."""
_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(seconds=10)
_PART: Final = 10


def of(found: MetricResult | None) -> Measurement | None:
    """The metric's measurement that is under way; None: there is none."""
    if found is None or not found.measurements:
        return None
    last = found.measurements[-1]
    return last if last.phase in {Phase.PENDING, Phase.RUNNING} else None


def result(status: AnalysisRunStatus, metric: str) -> MetricResult | None:
    """What came of the metric of this name; None: nothing yet."""
    return next((found for found in status.metric_results if found.name == metric), None)


def held(status: AnalysisRunStatus, metric: str) -> Measurement | None:
    """The measurement of the metric of this name that is under way; None: there is none."""
    return of(result(status, metric))


def number(found: MetricResult | None) -> int:
    """The number of the metric's next measurement, or of the one under way, from 1.

    All that have ended are in one of two counters, whatever the status still keeps of them.
    """
    return 1 if found is None else found.count + found.error + 1


def all_of(status: AnalysisRunStatus) -> Iterator[Measurement]:
    """Every measurement of a run that is under way."""
    yield from (one for found in status.metric_results if (one := of(found)) is not None)


def look_at(begun: datetime, looked_at: datetime) -> datetime:
    """When to look again: after a tenth of the measurement's age, 1 s at least and 10 s at most."""
    return looked_at + min(max((looked_at - begun) / _PART, _SHORTEST), _LONGEST)


def without(found: MetricResult) -> MetricResult:
    """The result without the measurement under way."""
    if of(found) is None:
        return found
    return found.model_copy(update={"measurements": found.measurements[:-1]})


def placed(found: MetricResult, taken: Measurement, *, kept: int) -> MetricResult:
    """The result with this measurement as the one under way.

    Args:
        found: before it.
        taken: Pending or Running.
        kept: measurements that stay in the list, from 1.
    """
    measurements = [*without(found).measurements, taken]
    return found.model_copy(update={"measurements": measurements[-kept:]})


def closed(status: AnalysisRunStatus, now: datetime) -> AnalysisRunStatus:
    """The status of an ended run whose measurements under way are over: their Jobs are gone.

    Inconclusive, as in Argo, and in no counter: nobody waited for what they would have said.
    """
    results = [_closed(found, now) for found in status.metric_results]
    return status.model_copy(update={"metric_results": results})


def _closed(found: MetricResult, now: datetime) -> MetricResult:
    last = of(found)
    if last is None:
        return found
    marks = nodata.mark(Missing.STOPPED, last.started_at or now)
    ended = last.model_copy(
        update={
            "phase": Phase.INCONCLUSIVE,
            "message": "stopped, as the run had ended",
            "finished_at": now,
            "metadata": {**(last.metadata or {}), **marks},
        }
    )
    return found.model_copy(update={"measurements": [*found.measurements[:-1], ended]})
