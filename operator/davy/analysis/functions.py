"""The functions of the condition language; `evaluation` calls them and binds the predicates.

Argo's own (`asInt`, `asFloat`, `isNaN`, `isInf`, `isNil`, `default`) and the part of expr-lang's
that judges numbers and texts. None reads the clock, so `now()` and its kin don't exist here.
"""

import math
import re
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from davy.analysis import operators, render
from davy.analysis.operators import UNKNOWN, NanRead, Refused, bounded, is_number, name

_INT: Final = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|[+-]?(Inf|NaN)")


@dataclass(frozen=True)
class Function:
    """A function and how many arguments it takes."""

    call: Callable[..., Any]
    least: int = 1
    most: int = 1


def _list(what: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(f"{what} takes a list, not {name(value)}")
    return value


def _map(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused(f"{what} takes a map, not {name(value)}")
    return value


def _str(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Refused(f"{what} takes a text, not {name(value)}")
    return value


def _number(what: str, value: Any) -> Any:
    operators.numbers(what, value)
    return value


def _whole(what: str, value: Any) -> int:
    if not is_number(value) or not math.isfinite(value) or value != int(value):
        raise Refused(f"{what} takes a whole number, not {name(value)}")
    return int(value)


def _series(what: str, values: tuple[Any, ...]) -> list[Any]:
    """The numbers of `f(list)` or `f(a, b, …)`."""
    items = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
    operators.numbers(what, *items)
    return items


def _extreme(what: str, pick: Callable[[list[Any]], Any], *values: Any) -> Any:
    items = _series(what, values)
    if not items:
        raise Refused(f"{what} of an empty list")
    return math.nan if any(math.isnan(item) for item in items) else pick(items)


def _sum(values: Any) -> Any:
    items = _series("sum", (_list("sum", values),))
    if all(isinstance(item, int) for item in items):
        return bounded(sum(items))
    try:
        return math.fsum(items)
    except (OverflowError, ValueError):  # fsum: opposite infinities, partial sums too large
        return float(sum(map(float, items)))


def _mean(items: list[Any]) -> float:
    return operators.divided(float(_sum(items)), float(len(items)))


def _median(items: list[Any]) -> float:
    return float(statistics.median(items))


def _rounded(what: str, to: Callable[[float], int], value: Any) -> Any:
    _number(what, value)
    return float(to(value)) if math.isfinite(value) else value


def _half_away(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _int(value: Any) -> int:
    if isinstance(value, str):
        if not _INT.fullmatch(value):
            raise Refused(f"{render.cut(value, 40)!r} is not a whole number")
        return int(bounded(int(value)))
    _number("int", value)
    if math.isnan(value):
        raise NanRead
    if math.isinf(value):
        raise Refused("an infinity is not a whole number")
    return int(bounded(int(value)))


def _float(value: Any) -> float:
    if isinstance(value, str):
        if not _FLOAT.fullmatch(value):
            raise Refused(f"{render.cut(value, 40)!r} is not a number")
        return float(value)
    return float(_number("float", value))


def _string(value: Any) -> str:
    return str(bounded(render.value(value)))


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise Refused(f"len takes a text, a list or a map, not {name(value)}")
    return len(value)


def _end(what: str, index: int, value: Any) -> Any:
    items = _list(what, value)
    return items[index] if items else None


def _get(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(_str("get", key))
    items, index = _list("get", value), _whole("get", key)
    return items[index] if -len(items) <= index < len(items) else None


def _contains(value: Any, part: Any) -> int:
    return _str("indexOf", value).find(_str("indexOf", part))


def _split(value: Any, separator: Any) -> Any:
    text, cut = _str("split", value), _str("split", separator)
    return bounded(text.split(cut) if cut else list(bounded(text)))


def _join(value: Any, separator: Any = "") -> Any:
    return bounded(
        _str("join", separator).join(_str("join", item) for item in _list("join", value))
    )


def _replace(value: Any, old: Any, new: Any) -> Any:
    text, part, other = _str("replace", value), _str("replace", old), _str("replace", new)
    if len(text) + text.count(part) * len(other) > operators.MAX_TEXT:
        raise Refused(f"the text has more than {operators.MAX_TEXT} characters")
    return text.replace(part, other)


def _concat(*values: Any) -> Any:
    found: list[Any] = []
    for value in values:
        found.extend(_list("concat", value))
        bounded(found)
    return found


def _type(value: Any) -> str:
    """expr-lang's names."""
    if value is None:
        return "nil"
    kinds = ((bool, "bool"), (int, "int"), (float, "float"), (str, "string"), (list, "array"))
    return next((text for kind, text in kinds if isinstance(value, kind)), "map")


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Refused(f"bool takes true or false, not {name(value)}")
    return value


FUNCTIONS: Final[Mapping[str, Function]] = {
    "asInt": Function(_int),
    "asFloat": Function(_float),
    "isNaN": Function(lambda value: math.isnan(_number("isNaN", value))),
    "isInf": Function(lambda value: math.isinf(_number("isInf", value))),
    "int": Function(_int),
    "float": Function(_float),
    "string": Function(_string),
    "bool": Function(_bool),
    "type": Function(_type),
    "len": Function(_length),
    "abs": Function(lambda value: abs(_number("abs", value))),
    "ceil": Function(partial(_rounded, "ceil", math.ceil)),
    "floor": Function(partial(_rounded, "floor", math.floor)),
    "round": Function(partial(_rounded, "round", _half_away)),
    "min": Function(partial(_extreme, "min", min), most=64),
    "max": Function(partial(_extreme, "max", max), most=64),
    "mean": Function(partial(_extreme, "mean", _mean), most=64),
    "median": Function(partial(_extreme, "median", _median), most=64),
    "sum": Function(_sum),
    "first": Function(partial(_end, "first", 0)),
    "last": Function(partial(_end, "last", -1)),
    "get": Function(_get, 2, 2),
    "take": Function(lambda value, n: _list("take", value)[: max(0, _whole("take", n))], 2, 2),
    "reverse": Function(lambda value: _list("reverse", value)[::-1]),
    "concat": Function(_concat, most=64),
    "keys": Function(lambda value: list(_map("keys", value))),
    "values": Function(lambda value: list(_map("values", value).values())),
    "lower": Function(lambda value: _str("lower", value).lower()),
    "upper": Function(lambda value: _str("upper", value).upper()),
    "trim": Function(
        lambda value, of=None: _str("trim", value).strip(None if of is None else _str("trim", of)),
        1,
        2,
    ),
    "trimPrefix": Function(
        lambda value, part: _str("trimPrefix", value).removeprefix(_str("trimPrefix", part)), 2, 2
    ),
    "trimSuffix": Function(
        lambda value, part: _str("trimSuffix", value).removesuffix(_str("trimSuffix", part)), 2, 2
    ),
    "hasPrefix": Function(lambda value, part: operators.text("startsWith", value, part), 2, 2),
    "hasSuffix": Function(lambda value, part: operators.text("endsWith", value, part), 2, 2),
    "indexOf": Function(_contains, 2, 2),
    "split": Function(_split, 2, 2),
    "join": Function(_join, 1, 2),
    "replace": Function(_replace, 3, 3),
}

PREDICATES: Final = frozenset(
    {"all", "any", "none", "one", "filter", "map", "count", "find", "findIndex", "sum"}
)
"""Functions whose second argument is evaluated for each item."""

HANDLES_MISSING: Final = frozenset({"len", "isNil", "default", "type"})
"""What may be asked of an empty answer without reading a value that isn't there."""

NO_CLOCK: Final = frozenset({"now", "duration", "date", "timezone"})

KNOWN: Final = frozenset(FUNCTIONS) | PREDICATES | {"default", "isNil"}


def quantified(name: str, truths: Iterator[Any]) -> Any:
    """`all`, `any`, `none`: the first item that decides does, whatever is unknown before it."""
    telling = name != "all"
    unknown = False
    for truth in truths:
        if truth is UNKNOWN:
            unknown = True
        elif truth is telling:
            return name == "any"
    return UNKNOWN if unknown else name != "any"


def selected(name: str, items: list[Any], chosen: list[Any]) -> Any:
    """What `filter`, `count`, `one`, `find`, `findIndex` make of the items that were chosen."""
    if UNKNOWN in chosen:
        return UNKNOWN
    if name in {"count", "one"}:
        times = chosen.count(True)
        return times == 1 if name == "one" else times
    if name == "filter":
        return [item for item, taken in zip(items, chosen, strict=True) if taken]
    place = chosen.index(True) if True in chosen else None
    if name == "findIndex":
        return -1 if place is None else place
    return None if place is None else items[place]
