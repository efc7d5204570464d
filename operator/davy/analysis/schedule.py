"""When each metric is measured next, and when a finished run may go.

Measurements are on a grid from the run's start, so that nothing drifts.

The first measurement is due at `startedAt + initialDelay`; the others `interval` apart on the grid
that begins there. Starts are counted, not ends: an answer that takes 5 s doesn't move the next
question. A slot is left out when it lies less than half an interval after the last start (a retry
came late) or has passed while the answer was awaited: slots are skipped, never caught up.

Without evidence (`nodata.py`) the next try is due after the interval, 10 s at most; where a
consecutiveErrorLimit holds, an Error is tried again after Argo's 10 s. These are pauses for the
provider, counted from the end; one that says how long it wants to be left alone (429, Retry-After)
is, for 5 min at most.

A metric that is due in its warm-up (`warmup.py`) says once that it waits, and is measured after it.

A measurement that is under way elsewhere is looked at after a tenth of its age (`underway.py`), a
comparison as often as there may be new samples of its counters: who looks says when.

A clock that was set back must not stop a run: an instant in the future counts as passed, and the
grid begins at the last start if the run's lies after it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from davy.analysis import limits, nodata, underway, warmup
from davy.analysis.limits import DAVY, ERROR_RETRY, JudgeDefaults, Limits
from davy.api.analysis import (
    AnalysisRunStatus,
    Metric,
    MetricResult,
    Phase,
    RunManifest,
    TtlStrategy,
)

LONGEST_REST: Final = timedelta(minutes=5)
"""A provider that wants to be left alone for longer is asked again all the same."""
_NEVER: Final[Mapping[str, datetime]] = MappingProxyType({})


@dataclass(frozen=True)
class Due:
    """What to ask now, and when to look again."""

    metrics: tuple[Metric, ...] = ()
    """To be measured now, each once; the caller leaves out those it is still waiting for."""
    wake_at: datetime | None = None
    """When the next of the others is due, later than now; None: none of them ever is."""


def due(
    run: RunManifest,
    now: datetime,
    *,
    defaults: JudgeDefaults = DAVY,
    looked: Mapping[str, datetime] = _NEVER,
    again: Mapping[str, datetime] = _NEVER,
    changed_at: datetime | None = None,
) -> Due:
    """What a run must measure now; nothing when it is complete, terminated or not begun.

    `judge.record` with no answers begins a run.

    Args:
        run: as it is.
        now: the present, UTC.
        defaults: what holds where a metric says nothing.
        looked: by metric name, when a measurement that is under way, or the counters of a
            comparison, were looked at last; one that isn't there is looked at now.
        again: by metric name, when a comparison is looked at next; one that isn't there is looked
            at now.
        changed_at: when the canary's weight changed last; None: nobody knows. A metric that warms
            up since, and says so, waits for the end of that.
    """
    status = run.status
    if status.phase.completed or run.spec.terminate or status.started_at is None:
        return Due()
    results = {result.name: result for result in status.metric_results}
    ready: list[Metric] = []
    later: list[datetime] = []
    room = underway.AT_ONCE - len([*underway.all_of(status)])
    for metric in run.spec.metrics:
        result = results.get(metric.name)
        held = underway.of(result)
        if metric.compare is not None:
            first = status.started_at + limits.of(metric, defaults).initial_delay
            over = result is not None and result.phase.completed
            back = looked.get(metric.name, now) > now  # the clock was set back
            at = None if over else now if back else again.get(metric.name, first)
        elif held is None:
            at = _next(limits.of(metric, defaults), result, status.started_at, now)
        else:
            at = _look(held.started_at or now, looked.get(metric.name), now)
        if at is None:
            continue
        if held is None and metric.compare is None:
            at = max(at, warmup.next_at(metric, result, changed_at, now) or at)
        if at > now:
            later.append(at)
        elif metric.provider.job is None or held is not None:
            ready.append(metric)
        elif room > 0:  # else the end of another one is what it waits for
            room -= 1
            ready.append(metric)
    return Due(tuple(ready), min(later, default=None))


def retry_after(wanted: Limits) -> timedelta:
    """The pause before a metric without evidence is asked again."""
    if wanted.consecutive_error is not None or wanted.interval is None:
        return ERROR_RETRY
    return min(wanted.interval, ERROR_RETRY)


def expires_at(wanted: TtlStrategy, status: AnalysisRunStatus) -> datetime | None:
    """When a finished run is deleted; None: not by its age.

    As in Argo: of the two numbers for Successful and for Failed runs each goes before the general
    one, which alone is for the other phases.
    """
    seconds = {
        Phase.SUCCESSFUL: wanted.seconds_after_success,
        Phase.FAILED: wanted.seconds_after_failure,
    }.get(status.phase)
    if seconds is None:
        seconds = wanted.seconds_after_completion
    if seconds is None or status.completed_at is None or not status.phase.completed:
        return None
    return status.completed_at + timedelta(seconds=seconds)


def _look(begun: datetime, looked_at: datetime | None, now: datetime) -> datetime:
    """When a measurement under way is looked at next."""
    if looked_at is None or looked_at > now:
        return now
    return underway.look_at(begun, looked_at)


def _next(
    wanted: Limits, result: MetricResult | None, started_at: datetime, now: datetime
) -> datetime | None:
    first = started_at + wanted.initial_delay
    if result is None or not result.measurements:
        due = first if started_at <= now else now
        return None if result is not None and result.phase.completed else due
    if result.phase.completed:
        return None
    last = result.measurements[-1]
    ended = last.finished_at or last.started_at or started_at
    begun = min(last.started_at or started_at, ended)  # whatever somebody else wrote there
    if ended > now:
        return now if wanted.interval is not None or not nodata.has_evidence(last) else None
    if not nodata.has_evidence(last):
        rest = (last.resume_at or ended) - ended
        return ended + max(retry_after(wanted), min(rest, LONGEST_REST))
    if wanted.interval is None:
        return None
    return _slot(min(first, begun), wanted.interval, begun, ended)


def _slot(first: datetime, interval: timedelta, begun: datetime, ended: datetime) -> datetime:
    """The first point of the grid that the last measurement leaves free."""
    free = max(begun + interval / 2, ended)
    if interval <= timedelta():
        return free
    return first + interval * math.ceil((free - first) / interval)
