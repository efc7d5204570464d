r"""Missing evidence: one outcome for each way in which an answer can say nothing (I7).

A measurement *has evidence* when its condition was decided by numbers that are there. One without
evidence counts for nothing and against nothing: not towards `count`, `failureLimit`,
`inconclusiveLimit` or a row of successes. The metric stays Running, so the rollout holds its
weight; the message says what is missing and since when; the next try is due after the metric's
interval, 10 s at most (`schedule.py`).

| the provider answers | the condition | measurement | evidence |
|---|---|---|---|
| a scalar, or one series | is decided by it | as Argo's: Successful, Failed … | yes |
| several series, a range | sees a list, as it came, no labels | as above, and which it read | yes |
| data with warnings (a partial answer) | sees the data | as above, with the warnings | yes |
| nothing: `[]`, `{}`, nil | reads a value: `result[0] > 1`, `all(…)` | Inconclusive | no, `empty` |
| nothing | handles it: `len(result) == 0 \|\| …`, `default()` | as it says | the user's word |
| NaN | compares it, and that decides: `result[0] >= 0.95` | Inconclusive | no, `nan` |
| NaN | handles it: `isNaN(result[0]) \|\| …` | as it says | the user's word |
| an infinity (x/0) | fails by it | Failed: it is over every limit | yes |
| an infinity | would pass by it, and doesn't ask isInf | Inconclusive | no, `infinite` |
| an infinity | would pass by it, and asks isInf | as it says | the user's word |
| a string from Prometheus, no JSON from the web | - | Error | no, `unanswered` |
| a document in which jsonPath finds nothing | - | Error | no, `unanswered` |
| a time-out, a refused connection, a name that isn't found | - | Error | no, `unanswered` |
| HTTP 4xx, HTTP 5xx | - | Error | no, `unanswered` |
| something that can't be parsed, or is too long | - | Error | no, `unanswered` |
| anything | can't be evaluated: `result[3]` of two | Error | no, `condition` |
| a Job that completed, or failed | - | Successful, Failed | yes |
| a Job whose pod gets no image, or can't be configured | - | Inconclusive | yes: it counts |
| a Job that can't be made, or that somebody deleted | - | Error | no, `unanswered` |
| a score of Kayenta's | - | Successful, Inconclusive, Failed | yes |
| a judgement of Kayenta's without data, or without an end | - | Error | no, `unanswered` |
| a Job or a judgement that was under way when the run ended | - | Inconclusive | no, `stopped` |
| counters | `compare`: the table in `compared.py` | as there | as there |
| isn't asked: the canary had fewer requests than `minRequests` | - | Inconclusive | no, `few` |
| isn't asked: the weight changed less than `warmup` ago | - | Inconclusive | no, `warmup` |

`onNoData` and `onProviderError` of a metric decide otherwise: what they say, inconclusive, fail or
pass, is what the measurement is, and it counts.

`consecutiveErrorLimit`, where it is set (or Argo's default of 4 is asked for), means what it means
in Argo: the Error rows count towards it, and `empty` is an Error too, as there. NaN and infinities
are as in the table in both cases: Argo takes a comparison with NaN for false, which aborts at once
or promotes blindly.

A measurement without evidence is marked in its own `metadata`, which Argo's schema has:
`noEvidence` is the word in the table's last column, `noEvidenceSince` the start of the first
measurement of the row that it ends.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from davy.api.analysis import Measurement, Metric, MetricResult, Phase
from davy.api.fields import format_instant, parse_instant

MARK: Final = "noEvidence"
SINCE: Final = "noEvidenceSince"
_NONE: Final = frozenset({Phase.PENDING, Phase.RUNNING, Phase.ERROR})
_POLICIES: Final = {
    "inconclusive": Phase.INCONCLUSIVE,
    "fail": Phase.FAILED,
    "pass": Phase.SUCCESSFUL,
}
PATIENCE: Final = timedelta(minutes=1)
"""A run that is decided waits so long at most for the evidence of its dry runs."""


class Missing(StrEnum):
    """Why a measurement has no evidence; the last column of the table."""

    EMPTY = "empty"
    NAN = "nan"
    INFINITE = "infinite"
    UNANSWERED = "unanswered"
    CONDITION = "condition"
    STOPPED = "stopped"
    FEW = "few"
    STABLE = "stable"
    WARMUP = "warmup"


_UNANSWERED: Final = frozenset({Missing.UNANSWERED, Missing.CONDITION})
_NO_DATA: Final = frozenset({Missing.EMPTY, Missing.NAN, Missing.INFINITE, Missing.FEW})


def decided(metric: Metric, missing: Missing | None) -> Phase | None:
    """What the metric's own policy makes of missing evidence; None: it is held, or none is missing.

    `onProviderError` is for those who can't answer, `onNoData` for what says nothing. A stable side
    that fails is neither, nor is a warm-up, and both hold in any case.
    """
    policy = None
    if missing in _UNANSWERED:
        policy = metric.on_provider_error
    elif missing in _NO_DATA:
        policy = metric.on_no_data
    return _POLICIES.get(policy or "")


def mark(missing: Missing, since: datetime) -> dict[str, str]:
    """The metadata of a measurement without evidence."""
    return {MARK: missing.value, SINCE: format_instant(since)}


def missing(measurement: Measurement) -> Missing | None:
    """Why a measurement has no evidence, by its mark; None: it has none that is known."""
    mark = (measurement.metadata or {}).get(MARK)
    return next((found for found in Missing if found.value == mark), None)


def has_evidence(measurement: Measurement) -> bool:
    """Whether the measurement counts; an Error of before, without a mark, doesn't either."""
    return MARK not in (measurement.metadata or {}) and measurement.phase not in _NONE


def since(measurements: Sequence[Measurement], default: datetime) -> datetime:
    """Since when there is no evidence, if the next measurement has none either.

    The list is cut to the latest, so the start of a long row is carried from one to the next. One
    in the future (the clock was set back) counts from the next measurement.
    """
    start = default
    for measurement in reversed(measurements):
        if has_evidence(measurement):
            break
        carried = _carried(measurement.metadata or {})
        if carried is not None:
            return min(carried, default)
        start = measurement.started_at or start
    return min(start, default)


def holding(result: MetricResult) -> Measurement | None:
    """The latest measurement of a metric that waits for evidence; None: it doesn't."""
    if result.phase.completed or not result.measurements:
        return None
    last = result.measurements[-1]
    return None if has_evidence(last) else last


def overdue(result: MetricResult) -> datetime | None:
    """Since when a metric lacks evidence, when that is longer than `PATIENCE`; else None."""
    last = holding(result)
    if last is None or last.started_at is None or last.finished_at is None:
        return None
    start = since(result.measurements, last.started_at)
    return start if last.finished_at - start >= PATIENCE else None


def _carried(metadata: Mapping[str, str]) -> datetime | None:
    try:
        return parse_instant(metadata[SINCE])
    except (KeyError, ValueError):
        return None
