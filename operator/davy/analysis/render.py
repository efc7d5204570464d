"""Answers and verdicts as people read them."""

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from davy.analysis import nodata, words
from davy.analysis.answer import Value
from davy.api.analysis import Metric, MetricResult, Phase
from davy.api.fields import format_instant

VALUE_LENGTH: Final = 1024
"""Characters of a measurement's value and of its message; the rest is cut, with `…`."""
SHORT_LENGTH: Final = 80
_LARGE: Final = 10**18
_LEVELS: Final = 64
"""Of nesting that are shown."""
_EXACT: Final = 17
"""Digits from which a float is written so that it reads back the same."""


def value(answer: Value) -> str:
    """The measurement's `value`: `[0.97]`, `0.97`, `NaN`, JSON for the rest; bounded."""
    return cut(_text(answer, digits=_EXACT), VALUE_LENGTH)


def short(answer: Value) -> str:
    """The answer within a sentence: one series as its number, six digits; one line of text."""
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    return words.printable(cut(_text(answer, digits=6), SHORT_LENGTH))


def verdict(result: MetricResult, metric: Metric | None) -> str:
    """The latest measurement that tells something about a metric, with the metric's counters."""
    if nodata.holding(result) is not None:
        return waits(result).removesuffix(".").removeprefix("Metric ")
    telling = [found for found in result.measurements if nodata.has_evidence(found)]
    if result.phase is Phase.ERROR:
        telling = []  # an answer from before the errors doesn't say why it ended
    latest = telling[-1] if telling else result.measurements[-1]
    if metric is not None and metric.compare is not None:
        over = f" ({result.message})" if result.message else ""
        return f"{result.name} {latest.message}{over}"
    number = result.count if telling else result.error
    limit = -1 if metric is None else metric.failure_limit
    allowed = ", any number allowed" if str(limit) == "-1" else f" of at most {limit}"
    counter = result.message or f"failed {result.failed}{allowed}"
    return f"{result.name} {latest.message} (measurement {number}, {counter})"


def waits(result: MetricResult) -> str:
    """What a metric without evidence waits for, and since when."""
    last = result.measurements[-1]
    start = (last.metadata or {}).get(nodata.SINCE)
    if last.phase in {Phase.PENDING, Phase.RUNNING} and last.started_at:
        return f"Metric {result.name}: {last.message} since {format_instant(last.started_at)}."
    if start is None:
        start = format_instant(last.started_at) if last.started_at else "the start"
    row = f" (error {result.consecutive_error} in a row)" if result.consecutive_error > 1 else ""
    return f"Metric {result.name}: no evidence since {start}: {last.message}{row}."


def cut(text: str, length: int) -> str:
    """The text, or as much of it as fits, with `…`."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _text(answer: Value, digits: int) -> str:
    """Of what is longer than a value, as much as is needed to cut it."""
    if isinstance(answer, str):
        return answer
    found = ""
    for piece in _json(answer, digits, _LEVELS):
        found += piece
        if len(found) > VALUE_LENGTH:
            break
    return found


def _json(answer: Value, digits: int, levels: int) -> Iterator[str]:
    """JSON piece by piece, so that who cuts it needn't have all of it."""
    if isinstance(answer, list | dict) and not levels:
        yield "…"
    elif isinstance(answer, list):
        yield "["
        for place, item in enumerate(answer):
            yield "," if place else ""
            yield from _json(item, digits, levels - 1)
        yield "]"
    elif isinstance(answer, dict):
        yield "{"
        for place, (key, item) in enumerate(answer.items()):
            yield f"{',' if place else ''}{json.dumps(key, ensure_ascii=False)}:"
            yield from _json(item, digits, levels - 1)
        yield "}"
    elif answer is None or isinstance(answer, str):
        yield json.dumps(answer, ensure_ascii=False)
    else:
        yield number(answer, digits)


def number(answer: float, digits: int = 6) -> str:
    """A number as Prometheus writes it: `0.182`, `12`, `NaN`, `+Inf`; true and false as JSON."""
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if isinstance(answer, int):
        return str(answer) if abs(answer) < _LARGE else f"{Decimal(answer):.6e}"
    if math.isnan(answer):
        return "NaN"
    if math.isinf(answer):
        return "+Inf" if answer > 0 else "-Inf"
    if digits >= _EXACT:
        return repr(answer).removesuffix(".0")
    return f"{answer:.{digits}g}"
