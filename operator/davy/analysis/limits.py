"""Argo's counters and limits: from measurements to a metric's phase.

A metric is Running until one of these holds, looked at in this order after each measurement:

| seen | phase |
|---|---|
| `failed > failureLimit` (unless the limit is -1) | Failed |
| `inconclusive > inconclusiveLimit` | Inconclusive |
| `consecutiveError > consecutiveErrorLimit` (unless there is none) | Error |
| `consecutiveSuccess >= consecutiveSuccessLimit` (unless it is 0) | Successful |
| `count` measurements with evidence, consecutiveSuccessLimit unset | Successful |
| `count` measurements with evidence, consecutiveSuccessLimit not reached | Inconclusive |
| the run is being terminated | Successful |

Where several hold, Argo lets Error win over Inconclusive and that over Failed; after one
measurement at most one of them can newly hold, so the order can't be told from outside.

Measurements without evidence (`nodata.py`) are in no counter but `error` and `consecutiveError`,
and in those only when the provider or the condition failed; they end a row of successes.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from davy.analysis import compared
from davy.api import group
from davy.api.analysis import Measurement, Metric, MetricResult, Phase
from davy.api.fields import parse_duration

ERROR_RETRY: Final = timedelta(seconds=10)
"""Argo's fixed time from an Error to the next try."""


@dataclass(frozen=True)
class JudgeDefaults:
    """What holds where a metric says nothing."""

    consecutive_error_limit: int | None = None
    """Errors in a row that are allowed; None: errors are no evidence, however many (I7)."""

    @classmethod
    def of(cls, api_group: str) -> "JudgeDefaults":
        """Argo's own default (4) for objects of Argo's group, none for Davy's."""
        return cls(consecutive_error_limit=4 if api_group == group.ARGO else None)


DAVY: Final = JudgeDefaults()


@dataclass(frozen=True)
class Limits:
    """A metric's numbers, as whole numbers."""

    count: int | None
    """Measurements to take; None: no end."""
    failure: int
    """-1: any number."""
    inconclusive: int
    consecutive_error: int | None
    """None: errors are no evidence."""
    consecutive_success: int
    """0: off."""
    interval: timedelta | None
    initial_delay: timedelta


def whole(value: int | str) -> int:
    """The number of an integer field, which a template may write as text.

    Raises:
        ValueError: the text is no whole number.
    """
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number") from None


def of(metric: Metric, defaults: JudgeDefaults = DAVY) -> Limits:
    """A metric's limits with the defaults filled in: count is 1 where there is no interval.

    Raises:
        ValueError: a number or a length of time can't be read (args that were never filled in).
    """
    errors = metric.consecutive_error_limit
    interval = None if not metric.interval else parse_duration(metric.interval)
    if metric.compare is not None:
        interval = compared.interval(metric)
    count = None if metric.count is None else whole(metric.count)
    if not count:  # Argo reads 0 as unset
        count = 1 if interval is None else None
    return Limits(
        count=count,
        failure=whole(metric.failure_limit),
        inconclusive=whole(metric.inconclusive_limit),
        consecutive_error=_errors(metric, defaults) if errors is None else whole(errors),
        consecutive_success=whole(metric.consecutive_success_limit),
        interval=interval,
        initial_delay=parse_duration(metric.initial_delay) if metric.initial_delay else timedelta(),
    )


def _errors(metric: Metric, defaults: JudgeDefaults) -> int | None:
    """The default; a metric that says what an error is has none."""
    return None if metric.on_provider_error is not None else defaults.consecutive_error_limit


def counted(
    result: MetricResult, measurement: Measurement, *, evidence: bool, kept: int
) -> MetricResult:
    """The metric's result with one more measurement in its list and its counters.

    Args:
        result: before it.
        measurement: the latest.
        evidence: whether it counts.
        kept: measurements that stay in the list, from 1; counters are over all.
    """
    phase = measurement.phase
    bad_answer = phase is Phase.ERROR
    good = evidence and phase is Phase.SUCCESSFUL
    return result.model_copy(
        update={
            "measurements": [*result.measurements, measurement][-kept:],
            "count": result.count + (evidence and not bad_answer),
            "successful": result.successful + good,
            "failed": result.failed + (evidence and phase is Phase.FAILED),
            "inconclusive": result.inconclusive + (evidence and phase is Phase.INCONCLUSIVE),
            "error": result.error + bad_answer,
            "consecutive_error": result.consecutive_error + 1 if bad_answer else 0,
            "consecutive_success": result.consecutive_success + 1 if good else 0,
        }
    )


def phase(result: MetricResult, limits: Limits, *, terminating: bool) -> tuple[Phase, str]:
    """The metric's phase by the table above, and the counter that decided, for people."""
    if result.phase.completed:
        return result.phase, result.message or ""
    ended = _passed(result, limits) or _reached(result, limits)
    if ended is not None:
        return ended
    if terminating:
        return Phase.SUCCESSFUL, _terminated(result)
    return (Phase.RUNNING if result.measurements else Phase.PENDING), ""


def _passed(result: MetricResult, limits: Limits) -> tuple[Phase, str] | None:
    """The limit that was passed, if one was."""
    if 0 <= limits.failure < result.failed:
        return Phase.FAILED, f"failed {result.failed} of at most {limits.failure}"
    if result.inconclusive > limits.inconclusive:
        seen = f"inconclusive {result.inconclusive} of at most {limits.inconclusive}"
        return Phase.INCONCLUSIVE, seen
    errors = limits.consecutive_error
    if errors is not None and result.consecutive_error > errors:
        return Phase.ERROR, f"{result.consecutive_error} errors in a row, at most {errors} allowed"
    return None


def _reached(result: MetricResult, limits: Limits) -> tuple[Phase, str] | None:
    """The end that was reached, if one was."""
    wanted = limits.consecutive_success
    if 0 < wanted <= result.consecutive_success:
        return Phase.SUCCESSFUL, f"{result.consecutive_success} successes in a row, {wanted} wanted"
    if limits.count is None or result.count < limits.count:
        return None
    if wanted:
        return (
            Phase.INCONCLUSIVE,
            f"{result.count} measurements without {wanted} successes in a row",
        )
    return Phase.SUCCESSFUL, f"{result.count} of {limits.count} measurements taken"


def _terminated(result: MetricResult) -> str:
    if result.count:
        return f"terminated after {result.count} measurements within the limits"
    return "terminated without evidence: nothing was judged"
