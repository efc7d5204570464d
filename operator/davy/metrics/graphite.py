"""Graphite's render API: the values of the first series, oldest first.

Its documentation calls it "The Render URL API"; with `format=json` it answers
`[{"target": "…", "datapoints": [[value, timestamp], …]}, …]`, with null where there is no value.
"""

import math
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api.analysis import Metric
from davy.metrics import documents, wire
from davy.metrics.one_request import Request

_SECONDS: Final = 10
_PAIR: Final = 2


def request(metric: Metric, now: datetime) -> Request | NotAnswered:
    """What a metric asks; Graphite itself knows the present."""
    del now
    asked = metric.provider.graphite
    if asked is None:
        return NotAnswered(f"metric {metric.name} names no Graphite")
    given = parse_qsl(" ".join(asked.query.split()), keep_blank_values=True)
    params = [pair for pair in given if pair[0] != "format"]
    return Request(
        url=f"{asked.address.rstrip('/')}/render",
        seconds=_SECONDS,
        read=read,
        params=(*params, ("format", "json")),
    )


def read(body: bytes, address: str) -> Answered:
    """What a 200 says: the values that there are; of several series those of the first."""
    where = wire.shown(address)
    document = documents.parsed(body, where)
    if not isinstance(document, list):
        raise documents.strange(where, "Graphite's", body)
    if not document:
        return Answered([])
    points = documents.field(document[0], "datapoints")
    values = [_value(point) for point in points] if isinstance(points, list) else [None]
    numbers: list[Value] = [value for value in values if value is None or not math.isnan(value)]
    if None in numbers:
        raise documents.strange(where, "Graphite's", body)
    if len(numbers) > documents.POINTS:
        raise documents.Unreadable(
            f"{where} answered {len(numbers)} values; at most {documents.POINTS} are read, so ask "
            "for less by from"
        )
    several = f"the query leads to {len(document)} series; the first is judged"
    return Answered(numbers, (several,) if len(document) > 1 else ())


def _value(point: Any) -> float | None:
    """NaN: there is none."""
    if not isinstance(point, list) or len(point) != _PAIR:
        return None
    return documents.number(point[0])
