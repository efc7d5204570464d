"""The times of a range query: `start`, `end` and `step` as texts and the present in, instants out.

Argo's expressions, as users write them: `now()`, `date("2026-01-02T03:04:05Z")`, and a length of
time added or taken away, `now() - duration("5m")`. They are read by the grammar of conditions and
walked here, since a condition doesn't read the clock and a time doesn't read an answer.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from davy.analysis import syntax
from davy.analysis.syntax import Node
from davy.api.errors import ConditionError
from davy.api.fields import parse_duration, parse_instant
from davy.api.providers import RangeQuery

POINTS: Final = 10_000
"""The most that one series may have; Prometheus itself refuses more than 11 000."""

_PREFIX: Final = "rangeQuery."
_SOME_TIME: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""Stands for the present where a query is only checked."""

_Time = datetime | timedelta


@dataclass(frozen=True)
class Span:
    """What a range query asks about."""

    start: datetime
    end: datetime
    """Not before the start."""
    step: timedelta
    """More than nothing."""


def of(query: RangeQuery, now: datetime) -> Span:
    """The instants of a range query at this moment.

    Raises:
        ConditionError: a field can't be read, or together they ask for nothing or too much; the
            message begins with the field, `rangeQuery.start: `.
    """
    span = Span(
        start=_field("start", query.start, now),
        end=_field("end", query.end, now),
        step=_step(query.step),
    )
    if span.end < span.start:
        raise _in("end", "is before start; exchange them")
    points = (span.end - span.start) // span.step + 1
    if points > POINTS:
        message = f"asks for {points} points of each series; at most {POINTS} are read"
        raise _in("step", f"{message}, so give a longer one")
    return span


def check(query: RangeQuery) -> Iterator[tuple[str, str]]:
    """What is wrong in texts whose arguments are filled in: field and sentence."""
    sources = {"start": query.start, "end": query.end}
    wrong = False
    for name, source in sources.items():
        try:
            instant(source, _SOME_TIME)
        except ConditionError as error:
            wrong = True
            yield name, str(error)
    if wrong:
        return
    fixed = any("date" in syntax.calls(syntax.parse(source)) for source in sources.values())
    if fixed:  # how far a date is from the present is known when it is asked
        return
    try:
        of(query, _SOME_TIME)
    except ConditionError as error:
        name, _, message = str(error).removeprefix(_PREFIX).partition(": ")
        yield name, message


def instant(source: str, now: datetime) -> datetime:
    """The instant that an expression means at this moment.

    Raises:
        ConditionError: it can't be read, or is no instant.
    """
    if not source.strip():
        raise ConditionError('is empty; write e.g. now() - duration("5m")', position=0)
    node = syntax.parse(source)
    found = _value(node, now)
    if not isinstance(found, datetime):
        raise _wrong(node, 'is a length of time; write an instant, e.g. now() - duration("5m")')
    return found


def _field(name: str, source: str, now: datetime) -> datetime:
    try:
        return instant(source, now)
    except ConditionError as error:
        raise _in(name, str(error)) from None


def _step(text: str) -> timedelta:
    try:
        step = parse_duration(text)
    except ValueError as error:
        raise _in("step", str(error)) from None
    if not step:
        raise _in("step", f"is {text}; write more than nothing, such as 15s")
    return step


def _in(field: str, message: str) -> ConditionError:
    return ConditionError(f"{_PREFIX}{field}: {message}")


def _value(node: Node, now: datetime) -> _Time:
    if node.kind == "call":
        return _called(node, now)
    if node.kind == "binary" and node.data in {"+", "-"}:
        left, right = (_value(part, now) for part in node.parts)
        try:
            return _sum(node, left, right)
        except OverflowError:
            raise _wrong(node, "is beyond the calendar") from None
    raise _wrong(node, "takes now(), date(…), duration(…), + and - only")


def _sum(node: Node, left: _Time, right: _Time) -> _Time:
    minus = node.data == "-"
    if isinstance(right, timedelta):
        return left - right if minus else left + right
    if isinstance(left, datetime) and minus:
        return left - right
    if isinstance(left, timedelta) and not minus:
        return right + left
    raise _wrong(node, f"can't do {_name(left)} {node.data} {_name(right)}")


def _called(node: Node, now: datetime) -> _Time:
    if node.data == "now" and not node.parts:
        return now
    read = _READERS.get(node.data)
    if read is None:
        raise _wrong(node, f"takes now(), date(…) and duration(…), not {node.data}(…)")
    texts = [part.data for part in node.parts if part.kind == "constant"]
    if len(node.parts) != 1 or len(texts) != 1 or not isinstance(texts[0], str):
        raise _wrong(node, f"takes one text in {node.data}(…)")
    try:
        return read(texts[0])
    except ValueError as error:
        raise _wrong(node, f"has {node.data}(…) in which {error}") from None


def _date(text: str) -> datetime:
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r:.40} is no instant; write e.g. 2026-01-02T03:04:05Z") from None


def _duration(text: str) -> timedelta:
    """As Go's: a length may be negative."""
    return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(text)


_READERS: Final[Mapping[str, Callable[[str], _Time]]] = {"date": _date, "duration": _duration}


def _name(value: _Time) -> str:
    return "an instant" if isinstance(value, datetime) else "a length of time"


def _wrong(node: Node, message: str) -> ConditionError:
    return ConditionError(f"{message} (at character {node.at})", position=node.at)
