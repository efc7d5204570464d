"""JSON that comes back, within bounds, and the parts that providers look for in it."""

import json
import math
from typing import Any, Final, NoReturn

from davy.analysis.answer import NotAnswered
from davy.api import paths
from davy.metrics import wire

LEVELS: Final = 100
VALUES: Final = 100_000
"""The most that an answer may nest, and have in it."""
POINTS: Final = 10_000
"""The most that a list of values may have: a condition looks at each."""


class Unreadable(Exception):
    """What came back says nothing; `answer` is the sentence that tells what it is instead."""

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(why)
        self.answer = NotAnswered(why, said)


def parsed(body: bytes, where: str) -> Any:
    """The document.

    Args:
        body: the response.
        where: whom to name in a sentence.

    Raises:
        Unreadable: it is no JSON, or too much.
    """
    try:
        document = json.loads(body, parse_constant=_no_json)
    except RecursionError:
        raise _too_much(where) from None
    except ValueError:
        why = f"{where} answered something that isn't JSON"
        raise Unreadable(why, wire.start(body)) from None
    if paths.beyond(document, levels=LEVELS, values=VALUES):
        raise _too_much(where)
    return document


def field(document: Any, *names: str) -> Any:
    """What lies in an object in an object; None: nothing does."""
    for name in names:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def number(value: Any) -> float | None:
    """A number as a float; None: it is none. NaN for null: there is no value."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def strange(where: str, whose: str, body: bytes) -> Unreadable:
    """That the answer isn't what the provider promises.

    Args:
        where: whom to name.
        whose: "Datadog's".
        body: the response.
    """
    return Unreadable(f"{where} answered something that isn't {whose} JSON", wire.start(body))


def refused(where: str, said: Any) -> Unreadable:
    """That the provider refused the query, with what it says to it."""
    return Unreadable(f"{where} refused the query", wire.plain(str(said)))


def _too_much(where: str) -> Unreadable:
    return Unreadable(f"{where} answered JSON of more than {LEVELS} levels or {VALUES} values")


def _no_json(name: str) -> NoReturn:
    """NaN and the infinities, which Python reads and JSON doesn't have.

    Raises:
        ValueError: always.
    """
    raise ValueError(name)
