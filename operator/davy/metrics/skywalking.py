"""Apache SkyWalking: any GraphQL query to the OAP server, over the minutes up to now.

`$duration` has `start`, `end` and `step` as SkyWalking's query protocol wants them, in UTC: the
server must run in UTC, as its image does.
"""

import math
from datetime import UTC, datetime
from typing import Any, Final

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.api.fields import parse_duration
from davy.metrics import graphql, wire
from davy.metrics.one_request import Request

_SECONDS: Final = 30
_MINUTE: Final = "%Y-%m-%d %H%M"
_EMPTY: Final = "isEmptyValue"


def request(metric: Metric, now: datetime) -> Request | NotAnswered:
    """What a metric asks: the interval up to now."""
    asked = metric.provider.skywalking
    if asked is None:
        return NotAnswered(f"metric {metric.name} names no SkyWalking")
    duration = {
        "start": _minute(now - parse_duration(asked.interval)),
        "end": _minute(now),
        "step": "MINUTE",
    }
    return Request(
        url=f"{asked.address.rstrip('/')}/graphql",
        seconds=_SECONDS,
        read=read,
        json={"query": asked.query, "variables": {"duration": duration}},
    )


def read(body: bytes, address: str) -> Answered:
    """What a 200 says: its `data`, whose shape is the query's; nil where no number is in it.

    A value that SkyWalking marks with `isEmptyValue` is 0 there and NaN here: nothing was measured.
    """
    found = graphql.data(body, wire.shown(address))
    value = _measured(found)
    return Answered(value if _has_number(value) else None)


def _measured(value: Any) -> Any:
    if isinstance(value, list):
        return [_measured(item) for item in value]
    if isinstance(value, dict):
        inner = {name: _measured(item) for name, item in value.items()}
        return {**inner, "value": math.nan} if inner.get(_EMPTY) is True else inner
    return value


def _has_number(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_number, value))
    if isinstance(value, dict):
        return any(map(_has_number, value.values()))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_MINUTE)
