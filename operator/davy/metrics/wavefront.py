"""Wavefront's chart API: of each series the point nearest to now.

GET /api/v2/chart/api with start and end at the present, a point a series and `i=true`, which lets a
series through whose points lie before. So a series that nobody writes any more would answer with
its last point for ever: one that is older than `FRESH` is no value.
"""

import math
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api.analysis import Metric
from davy.metrics import documents, wire
from davy.metrics.one_request import Request

FRESH: Final = timedelta(minutes=10)
"""A point that is older says nothing of a canary."""
_SECONDS: Final = 30
_PAIR: Final = 2


def request(metric: Metric, now: datetime) -> Request | NotAnswered:
    """What a metric asks at this moment."""
    asked = metric.provider.wavefront
    if asked is None:
        return NotAnswered(f"metric {metric.name} names no Wavefront")
    at = str(int(now.timestamp()) * 1000)
    return Request(
        url=f"https://{asked.address}/api/v2/chart/api",
        seconds=_SECONDS,
        read=partial(read, now=now),
        params=(
            ("q", asked.query),
            ("s", at),
            ("e", at),
            ("g", "s"),
            ("p", "1"),
            ("i", "true"),
        ),
        headers={
            "Authorization": f"Bearer {asked.login[asked.address]}",
            "Accept": "application/json",
        },
    )


def read(body: bytes, address: str, *, now: datetime) -> Answered:
    """What a 200 says: a number, of several series a list of them; nil where there is none.

    Args:
        body: the response.
        address: whom to name in a sentence.
        now: when it was asked.
    """
    where = wire.shown(address)
    document = documents.parsed(body, where)
    if said := documents.field(document, "errorMessage"):
        raise documents.refused(where, said)
    series = documents.field(document, "timeseries")
    if series is None and isinstance(document, dict) and "query" in document:
        series = []
    if not isinstance(series, list):
        raise documents.strange(where, "Wavefront's", body)
    if len(series) > documents.POINTS:
        raise documents.Unreadable(
            f"{where} answered {len(series)} series; at most {documents.POINTS} are read"
        )
    strange = documents.strange(where, "Wavefront's", body)
    points = [_nearest(one, now.timestamp(), strange) for one in series]
    old = [abs(now.timestamp() - at) > FRESH.total_seconds() for at, _ in points]
    values: list[Value] = [
        math.nan if is_old else value for (_, value), is_old in zip(points, old, strict=True)
    ]
    warned = documents.field(document, "warnings")
    warnings = [wire.plain(warned)] if isinstance(warned, str) and warned else []
    if any(old):
        minutes = FRESH // timedelta(minutes=1)
        warnings.append(f"the latest point of {sum(old)} series is older than {minutes} min")
    return Answered(_one(values), tuple(warnings))


def _one(values: list[Value]) -> Value:
    """A single series' value by itself; nil: none has any."""
    there = [value for value in values if isinstance(value, float) and not math.isnan(value)]
    if not there:
        return None
    return values[0] if len(values) == 1 else values


def _nearest(series: Any, now: float, strange: documents.Unreadable) -> tuple[float, float]:
    """Time and value of the point that is nearest; NaN where there is none.

    Raises:
        documents.Unreadable: this is no series.
    """
    points = documents.field(series, "data")
    if not isinstance(series, dict) or not isinstance(points, list | None):
        raise strange
    known = [_point(point, strange) for point in points or ()]
    return min(known, key=lambda point: abs(point[0] - now), default=(now, math.nan))


def _point(point: Any, strange: documents.Unreadable) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != _PAIR:
        raise strange
    at, value = documents.number(point[0]), documents.number(point[1])
    if at is None or value is None or not math.isfinite(at):
        raise strange
    return at, value
