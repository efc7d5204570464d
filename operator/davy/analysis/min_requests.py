"""How many requests the canary had, asked before the metric itself: an answer of few says little.

The question goes where the metric's own query goes, with the same login, in its place.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from davy.analysis.answer import Answered, Held, NotAnswered, Underway, Value
from davy.analysis.nodata import Missing
from davy.analysis.words import rounded
from davy.api.analysis import Metric

Ask: TypeAlias = Callable[[Metric], Awaitable[Answered | NotAnswered | Underway]]
"""Asks whoever answers a metric."""
_FIELD: Final = "minRequests.query"


async def measured(metric: Metric, ask: Ask) -> Answered | Held | NotAnswered | Underway:
    """The answer to a metric; where it has minRequests, once there are so many.

    Args:
        metric: that doesn't compare.
        ask: takes the metric, or `question` of it.
    """
    if metric.min_requests is not None:
        too_few = lacking(metric, await ask(question(metric)))
        if too_few is not None:
            return too_few
    return await ask(metric)


def question(metric: Metric) -> Metric:
    """The metric that asks for the canary's requests.

    Args:
        metric: with minRequests, and a provider that has a query (`api.metric_rules`).
    """
    wanted = metric.min_requests
    (name,) = metric.provider.given
    asked = getattr(metric.provider, name)
    changes = {"query": wanted.query if wanted else None, "range_query": None}
    known = {field: to for field, to in changes.items() if field in type(asked).model_fields}
    provider = metric.provider.model_copy(update={name: asked.model_copy(update=known)})
    return metric.model_copy(update={"provider": provider})


def lacking(metric: Metric, answer: Answered | NotAnswered | Underway) -> Held | NotAnswered | None:
    """Why the metric isn't asked; None: there are requests enough.

    Args:
        metric: with minRequests.
        answer: to `question`.
    """
    wanted = metric.min_requests
    if wanted is None:
        return None
    if isinstance(answer, NotAnswered):
        return NotAnswered(f"{_FIELD}: {answer.why}", answer.said)
    seen = None if isinstance(answer, Underway) else _requests(answer.value)
    if seen is None:
        why = f"{_FIELD} was answered with something else than one number; write sum(…)"
        return NotAnswered(why)
    if seen >= wanted.requests:
        return None
    missing = rounded(math.ceil(wanted.requests - seen))
    counts = f"{math.floor(seen)} of at least {wanted.requests}"
    more = f"needs about {missing} more canary requests"
    return Held(Missing.FEW, f"too few canary requests: {counts}; {more}")


def _requests(value: Value) -> float | None:
    """Nothing, and NaN, is none; None: it is no number of requests."""
    if isinstance(value, list) and len(value) <= 1:
        value = value[0] if value else None
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if math.isnan(value):
        return 0.0
    return float(value) if 0 <= value < math.inf else None
