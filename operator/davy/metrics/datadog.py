"""Datadog's metrics queries: v1, the last point of a series; v2, one number for the interval.

The interfaces are "Query timeseries points" (GET /api/v1/query) and "Query scalar data across
multiple products" (POST /api/v2/query/scalar) of Datadog's API reference.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.api.fields import parse_duration
from davy.api.vendors import DatadogMetric
from davy.metrics import documents, wire
from davy.metrics.one_request import Request

_ADDRESS: Final = "https://api.datadoghq.com"
_SECONDS: Final = 10
_ONLY: Final = "query"
"""Name of a query that has none."""
_PAIR: Final = 2


def request(metric: Metric, now: datetime) -> Request | NotAnswered:
    """What a metric asks: the interval up to now."""
    asked = metric.provider.datadog
    if asked is None:
        return NotAnswered(f"metric {metric.name} names no Datadog")
    address = asked.login.get("address", _ADDRESS).rstrip("/")
    headers = {
        "DD-API-KEY": asked.login["api-key"],
        "DD-APPLICATION-KEY": asked.login["app-key"],
        "Accept": "application/json",
    }
    end = int(now.timestamp())
    start = end - int(parse_duration(asked.interval).total_seconds())
    if asked.api_version == "v1":
        return Request(
            url=f"{address}/api/v1/query",
            seconds=_SECONDS,
            read=read_v1,
            params=(("from", str(start)), ("to", str(end)), ("query", asked.query or "")),
            headers=headers,
        )
    return Request(
        url=f"{address}/api/v2/query/scalar",
        seconds=_SECONDS,
        read=read_v2,
        headers=headers,
        json=_scalar(asked, start, end),
    )


def _scalar(asked: DatadogMetric, start: int, end: int) -> Mapping[str, Any]:
    """The body of a v2 question; its times are in milliseconds."""
    queries = asked.queries or {_ONLY: asked.query or ""}
    attributes: dict[str, Any] = {
        "from": start * 1000,
        "to": end * 1000,
        "queries": [
            {
                "data_source": "metrics",
                "name": name,
                "query": query,
                "aggregator": asked.aggregator or "last",
            }
            for name, query in queries.items()
        ],
    }
    if asked.formula is not None:
        attributes["formulas"] = [{"formula": asked.formula}]
    return {"data": {"type": "scalar_request", "attributes": attributes}}


def read_v1(body: bytes, address: str) -> Answered:
    """What a 200 of v1 says: the last point of the first series, nil where there is none."""
    where = wire.shown(address)
    document = documents.parsed(body, where)
    if documents.field(document, "status") == "error":
        raise documents.refused(where, documents.field(document, "error"))
    series = documents.field(document, "series")
    if not isinstance(series, list):
        raise documents.strange(where, "Datadog's", body)
    if not series:
        return Answered(None)
    points = documents.field(series[0], "pointlist")
    if not isinstance(points, list):
        raise documents.strange(where, "Datadog's", body)
    last = points[-1] if points else [None, None]
    if not isinstance(last, list) or len(last) != _PAIR:
        raise documents.strange(where, "Datadog's", body)
    return _answered(last[1], _several(len(series), "series"), where, body)


def read_v2(body: bytes, address: str) -> Answered:
    """What a 200 of v2 says: the first number, nil where there is none."""
    where = wire.shown(address)
    document = documents.parsed(body, where)
    if errors := documents.field(document, "errors") or documents.field(document, "data", "errors"):
        raise documents.refused(where, errors)
    columns = documents.field(document, "data", "attributes", "columns")
    if not isinstance(columns, list):
        raise documents.strange(where, "Datadog's", body)
    numbers = [column for column in columns if documents.field(column, "type") != "group"]
    if not numbers:
        return Answered(None)
    values = documents.field(numbers[0], "values")
    if not isinstance(values, list):
        raise documents.strange(where, "Datadog's", body)
    if not values:
        return Answered(None)
    return _answered(values[0], _several(len(values), "groups"), where, body)


def _answered(found: Any, warnings: tuple[str, ...], where: str, body: bytes) -> Answered:
    value = documents.number(found)
    if value is None:
        raise documents.strange(where, "Datadog's", body)
    return Answered(None if math.isnan(value) else value, warnings)


def _several(count: int, what: str) -> tuple[str, ...]:
    return (f"the query leads to {count} {what}; the first is judged",) if count > 1 else ()
