"""Prometheus: instant and range queries through prometheus-api-client.

The library has no time-out of its own, retries for seconds and throws away what came beside the
data. So it is given a session (`line.py`) that asks once, within its time, and keeps the response:
`warnings` and `resultType` are read from there.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from prometheus_api_client import PrometheusConnect

from davy.analysis import timespan
from davy.analysis.answer import Answered, NotAnswered, Value
from davy.analysis.timespan import Span
from davy.api.analysis import Metric
from davy.api.errors import ConditionError
from davy.api.providers import PrometheusMetric
from davy.metrics import wire
from davy.metrics.addresses import Addresses
from davy.metrics.asking import Asker, Question
from davy.metrics.clock import Now
from davy.metrics.line import NO_RETRY, Session, Timeout

SERIES: Final = 10_000
"""The most that an answer may have, points of all series together: a condition looks at each."""


class Prometheus:
    """The provider; one for the process, used from one event loop.

    Args:
        addresses: that may be called.
        now: the present, UTC.
    """

    def __init__(self, addresses: Addresses, now: Now) -> None:
        self._now = now
        self._asker = Asker(addresses, now, "prometheus")

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """The answer of one query; every failure is a sentence without credentials."""
        return await self._measured(metric, None)

    async def measured_at(self, metric: Metric, at: datetime) -> Answered | NotAnswered:
        """What the answer was at an instant of the past, as far as Prometheus remembers it."""
        return await self._measured(metric, at)

    async def _measured(self, metric: Metric, at: datetime | None) -> Answered | NotAnswered:
        query = metric.provider.prometheus
        if query is None:
            return NotAnswered(f"metric {metric.name} names no Prometheus")
        try:
            now = at or self._now()
            span = timespan.of(query.range_query, now) if query.range_query else None
        except ConditionError as error:
            return NotAnswered(f"{wire.shown(query.address)} wasn't asked: {error}")
        return await self._asker.ask(
            Question(
                address=query.address,
                seconds=query.timeout,
                insecure=query.insecure,
                ca_cert=query.ca_cert,
                authentication=query.authentication,
                put=partial(_put, query, span, at),
            )
        )

    async def close(self) -> None:
        """See `Asker.close`."""
        await self._asker.close()


def _put(
    query: PrometheusMetric,
    span: Span | None,
    at: datetime | None,
    session: Session,
    timeout: Timeout,
) -> Answered | NotAnswered:
    """Asks; without an instant Prometheus takes its own present, whatever Davy's clock says."""
    client = connected(query, session)
    params = {"timeout": f"{query.timeout}s"}
    if at is not None and span is None:
        params["time"] = f"{at.timestamp():.3f}"
    if span is None:
        client.custom_query(query.query, params=params, timeout=timeout)
    else:
        step = str(span.step.total_seconds())
        client.custom_query_range(
            query.query, span.start, span.end, step, params=params, timeout=timeout
        )
    return read(session.body, query.address)


def connected(query: PrometheusMetric, session: Session) -> PrometheusConnect:
    """The library's client on this session."""
    headers = {header.key: header.value for header in query.headers or []}
    return PrometheusConnect(query.address.rstrip("/"), headers, retry=NO_RETRY, session=session)


def read(body: bytes, address: str) -> Answered | NotAnswered:
    """What a 200 says: a scalar as a float, several as floats in their order.

    Of a vector these are the samples, of a matrix the points of all series one after the other.

    Args:
        body: the response, JSON.
        address: whom to name in a sentence.
    """
    where = wire.shown(address)
    results = results_of(body, where)
    if isinstance(results, NotAnswered):
        return results
    kind, found = results.kind, results.found
    if kind == "string":
        return NotAnswered(f"{where} answered a string; a condition needs numbers")
    if kind not in _READ or not isinstance(found, list):
        return NotAnswered(f"{where} answered a result of unknown type", wire.plain(str(kind)))
    if (count := points(found)) > SERIES:
        what = "points" if kind == "matrix" else "series"
        return NotAnswered(f"{where} answered {count} {what}; at most {SERIES} are read")
    try:
        value = _READ[kind](found)
    except (ValueError, TypeError, KeyError, IndexError):
        return NotAnswered(f"{where} answered values that aren't numbers", wire.start(body))
    return Answered(value, results.warnings)


@dataclass(frozen=True)
class Results:
    """What a 200 carries, as it came."""

    kind: object
    """Of the result: `vector`, `matrix`, `scalar`, `string`, or nonsense."""
    found: object
    warnings: tuple[str, ...]
    """Fit for a message."""


def results_of(body: bytes, where: str) -> Results | NotAnswered:
    """The result and the warnings in a response.

    Args:
        body: the response, JSON.
        where: whom to name in a sentence.
    """
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(data := document.get("data"), dict):
        return NotAnswered(
            f"{where} answered something that isn't Prometheus' JSON", wire.start(body)
        )
    warnings = tuple(wire.plain(text) for text in _texts(document.get("warnings")))
    return Results(data.get("resultType"), data.get("result"), warnings)


def number(text: object) -> float:
    """The float of a sample's text: `0.5`, `NaN`, `+Inf`, `-Inf`.

    Raises:
        ValueError: it is no number.
    """
    if not isinstance(text, str) or "_" in text:
        raise ValueError(f"{text!r} is not a sample")
    value = float(text)
    return math.nan if math.isnan(value) else value


def _vector(found: list[Any]) -> Value:
    return [_sample(series) for series in found]


def _matrix(found: list[Any]) -> Value:
    return [number(point[1]) for series in found for point in _points(series)]


def _scalar(found: list[Any]) -> Value:
    return number(found[1])


_READ: Final[Mapping[object, Callable[[list[Any]], Value]]] = {
    "vector": _vector,
    "matrix": _matrix,
    "scalar": _scalar,
}


def _sample(series: Mapping[str, Any]) -> Value:
    if "value" not in series:
        raise ValueError("a histogram has no single value")
    return number(series["value"][1])


def _points(series: Mapping[str, Any]) -> list[Any]:
    if "values" not in series:
        raise ValueError("a histogram has no single values")
    points: list[Any] = series["values"]
    return points


def points(found: list[Any]) -> int:
    """Series, or points where they have several."""
    values = (
        series.get(name)
        for series in found
        if isinstance(series, dict)
        for name in ("values", "histograms")
    )
    further = sum(len(several) - 1 for several in values if isinstance(several, list))
    return len(found) + further


def _texts(warnings: object) -> list[str]:
    return (
        [text for text in warnings if isinstance(text, str)] if isinstance(warnings, list) else []
    )
