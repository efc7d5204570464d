"""Answers and verdicts as people read them."""

import json
import math
from decimal import Decimal
from typing import Final

from davy.analysis import nodata
from davy.analysis.answer import Value
from davy.api.analysis import Metric, MetricResult
from davy.api.fields import format_instant

VALUE_LENGTH: Final = 1024
"""Characters of a measurement's value and of its message; the rest is cut, with `…`."""
SHORT_LENGTH: Final = 80
_LARGE: Final = 10**18
_LEVEL: Final = 16
"""Characters that a level of nesting costs, so that depth is bounded as well."""
_EXACT: Final = 17
"""Digits from which a float is written so that it reads back the same."""


def value(answer: Value) -> str:
    """The measurement's `value`: `[0.97]`, `0.97`, `NaN`, JSON for the rest; bounded."""
    return cut(_text(answer, digits=_EXACT), VALUE_LENGTH)


def short(answer: Value) -> str:
    """The answer within a sentence: one series as its number, six digits; one line of text."""
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    text = cut(_text(answer, digits=6), SHORT_LENGTH)
    return "".join(letter if letter.isprintable() else " " for letter in text)


def verdict(result: MetricResult, metric: Metric | None) -> str:
    """The latest measurement that tells something about a metric, with the metric's counters."""
    if nodata.holding(result) is not None:
        return waits(result).removesuffix(".").removeprefix("Metric ")
    telling = [found for found in result.measurements if nodata.has_evidence(found)]
    latest = telling[-1] if telling else result.measurements[-1]
    number = result.count if telling else result.error
    counter = (
        f"failed {result.failed} of at most {'any' if metric is None else metric.failure_limit}"
    )
    if result.phase.completed and result.message:
        counter = result.message
    return f"{result.name} {latest.message} (measurement {number}, {counter})"


def waits(result: MetricResult) -> str:
    """What a metric without evidence waits for, and since when."""
    last = result.measurements[-1]
    start = (last.metadata or {}).get(nodata.SINCE)
    if start is None:
        start = format_instant(last.started_at) if last.started_at else "the start"
    row = f" (error {result.consecutive_error} in a row)" if result.consecutive_error > 1 else ""
    return f"Metric {result.name}: no evidence since {start}: {last.message}{row}."


def cut(text: str, length: int) -> str:
    """The text, or as much of it as fits, with `…`."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _text(answer: Value, digits: int) -> str:
    if isinstance(answer, str):
        return answer
    return _json(answer, digits, room=VALUE_LENGTH)


def _json(answer: Value, digits: int, room: int) -> str:
    if room <= 0:
        return "…"
    if isinstance(answer, list):
        texts: list[str] = []
        for item in answer:
            if room <= 0:
                texts.append("…")
                break
            texts.append(_json(item, digits, room - _LEVEL))
            room -= len(texts[-1]) + 1
        return "[" + ",".join(texts) + "]"
    if isinstance(answer, dict):
        texts = []
        for key, item in answer.items():
            if room <= 0:
                texts.append("…")
                break
            texts.append(json.dumps(key) + ":" + _json(item, digits, room - _LEVEL))
            room -= len(texts[-1]) + 1
        return "{" + ",".join(texts) + "}"
    if answer is None or isinstance(answer, str):
        return json.dumps(answer, ensure_ascii=False)
    return number(answer, digits)


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
