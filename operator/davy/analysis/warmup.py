"""The time after a weight change in which nothing is judged: caches are cold, pools are empty.

A metric that is due in it isn't asked. One measurement without evidence says so and until when;
the next is taken when the time is over. A comparison is looked at as always, but the requests of
the time don't count. In both cases no further weight is raised until something was judged.
"""

from dataclasses import dataclass
from datetime import datetime

from davy.analysis import nodata
from davy.analysis.answer import Held
from davy.analysis.nodata import Missing
from davy.api.analysis import Metric, MetricResult
from davy.api.fields import format_instant, parse_duration


@dataclass(frozen=True)
class Warmup:
    """From a weight change on, for a metric's `warmup`."""

    began_at: datetime
    ends_at: datetime

    def covers(self, begun: datetime, ended: datetime) -> bool:
        """Some of the time between the two instants is in it."""
        return begun < self.ends_at and self.began_at < ended

    def said(self) -> str:
        """For people: `warms up until 2026-05-04T14:03:10Z`."""
        return f"warms up until {format_instant(self.ends_at)}"


def of(metric: Metric, changed_at: datetime | None, now: datetime) -> Warmup | None:
    """The latest warm-up of a metric, over or not; None: it has none.

    Args:
        metric: its arguments filled in.
        changed_at: when the canary's weight changed last; None: that isn't known. One in the
            future counts as passed: the clock was set back, and that must not stop a run.
        now: the present.

    Raises:
        ValueError: the length can't be read.
    """
    if not metric.warmup or changed_at is None or changed_at > now:
        return None
    return Warmup(changed_at, changed_at + parse_duration(metric.warmup))


def held(metric: Metric, changed_at: datetime | None, now: datetime) -> Held | None:
    """What stands in for an answer while the metric warms up; None: it doesn't."""
    found = of(metric, changed_at, now)
    if found is None or found.ends_at <= now:
        return None
    why = f"{found.said()}, {metric.warmup} after the weight changed"
    return Held(Missing.WARMUP, why)


def next_at(
    metric: Metric, result: MetricResult | None, changed_at: datetime | None, now: datetime
) -> datetime | None:
    """Before when the metric needn't be looked at again, as its status says already that it waits.

    None: nothing is said of this warm-up, or there is none.
    """
    found = of(metric, changed_at, now)
    last = result.measurements[-1] if result is not None and result.measurements else None
    if found is None or last is None or last.started_at is None:
        return None
    said = nodata.missing(last) is Missing.WARMUP and last.started_at >= found.began_at
    return found.ends_at if said else None
