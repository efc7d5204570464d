"""Go's arithmetic and comparisons on answers, with a third truth value for what isn't known.

Whole numbers (int64) and floats mix; `/` and `**` give floats; x/0 is an infinity and 0/0 NaN. A
comparison that reads NaN is UNKNOWN, where Go says false: false aborts a good release or promotes a
bad one, depending on which condition was written (I7).
"""

import math
from collections.abc import Callable, Mapping
from enum import Enum
from operator import add, mul, sub
from typing import Any, Final

from davy.analysis import pattern
from davy.analysis.syntax import MAX_INT


class Unknown(Enum):
    """The value of what reads missing evidence."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class Refused(ValueError):
    """The values don't fit the operation; a sentence without position."""


class NanRead(Exception):
    """A comparison or a conversion read NaN."""


_EXACT: Final[Mapping[str, Callable[[Any, Any], Any]]] = {"+": add, "-": sub, "*": mul}

MAX_TEXT: Final = 65_536
"""Characters of a text made by a condition."""
MAX_ITEMS: Final = 10_000
"""Items of a list made by a condition."""


def name(value: Any) -> str:
    """The type of a value, for people."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list):
        return "an empty list" if not value else f"a list of {len(value)}"
    return "a map"


def is_number(value: Any) -> bool:
    """Whole number or float; true and false are neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(operator: str, *values: Any) -> None:
    """Nothing, if all are numbers.

    Raises:
        Refused: one isn't.
    """
    for value in values:
        if not is_number(value):
            hint = "; write result[0] for the first series" if isinstance(value, list) else ""
            raise Refused(f"{operator} takes numbers, not {name(value)}{hint}")


def signed(operator: str, value: Any) -> Any:
    """`+x` or `-x`.

    Raises:
        Refused: it is no number.
    """
    numbers(operator, value)
    return value if operator == "+" else bounded(-value)


def bounded(value: Any) -> Any:
    """The value, if it is small enough to go on with.

    Raises:
        Refused: a whole number beyond int64, a text or a list that is too long.
    """
    if isinstance(value, int) and abs(value) > MAX_INT:
        raise Refused("the whole number is too large")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise Refused(f"the text has more than {MAX_TEXT} characters")
    if isinstance(value, list | dict) and len(value) > MAX_ITEMS:
        raise Refused(f"the list has more than {MAX_ITEMS} items")
    return value


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same; numbers by value, different types never.

    Raises:
        NanRead: it depends on a NaN.
    """
    if is_number(left) and is_number(right):
        if math.isnan(left) or math.isnan(right):
            raise NanRead
        return bool(left == right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def ordered(operator: str, left: Any, right: Any) -> bool:
    """`<`, `<=`, `>`, `>=` of two numbers or two texts.

    Raises:
        NanRead: one is NaN.
        Refused: neither two numbers nor two texts.
    """
    if not (isinstance(left, str) and isinstance(right, str)):
        numbers(operator, left, right)
        if math.isnan(left) or math.isnan(right):
            raise NanRead
    if operator == "<":
        return bool(left < right)
    if operator == "<=":
        return bool(left <= right)
    if operator == ">":
        return bool(left > right)
    return bool(left >= right)


def member(left: Any, right: Any) -> bool:
    """`left in right`: an item of a list, a key of a map.

    Raises:
        NanRead, Refused: as above.
    """
    if isinstance(right, list):
        return any(equal(left, item) for item in right)
    if isinstance(right, dict):
        return isinstance(left, str) and left in right
    if right is None:
        return False
    raise Refused(f"in looks into a list or a map, not into {name(right)}")


def text(operator: str, left: Any, right: Any) -> bool:
    """`contains`, `startsWith`, `endsWith`, `matches` of two texts.

    Raises:
        Refused: one isn't a text, or the pattern could take too long.
    """
    if not (isinstance(left, str) and isinstance(right, str)):
        other = right if isinstance(left, str) else left
        raise Refused(f"{operator} takes texts, not {name(other)}")
    if operator == "contains":
        return right in left
    if operator == "startsWith":
        return left.startswith(right)
    if operator == "endsWith":
        return left.endswith(right)
    try:
        return pattern.matches(left, right)
    except pattern.Refused as error:
        raise Refused(str(error)) from None


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """`+ - * / % **`.

    Raises:
        Refused: not numbers (for `+` not texts either), `%` of floats or by 0, beyond int64.
    """
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return bounded(left + right)
    numbers(operator, left, right)
    if operator in {"/", "**"}:
        to = divided if operator == "/" else power
        return to(float(left), float(right))
    if operator == "%":
        return remainder(left, right)
    return bounded(_EXACT[operator](left, right))


def divided(left: float, right: float) -> float:
    """IEEE 754 division: x/0 is an infinity, 0/0 is NaN."""
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def power(base: float, exponent: float) -> float:
    """IEEE 754 power: too large is an infinity, no real number is NaN."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        return math.inf if base == 0 else math.nan


def remainder(left: Any, right: Any) -> int:
    """Of whole numbers, with the sign of the first, as in Go.

    Raises:
        Refused: floats, or by 0.
    """
    if not (isinstance(left, int) and isinstance(right, int)):
        raise Refused("% takes whole numbers; use int(…)")
    if right == 0:
        raise Refused("% by 0")
    size = abs(left) % abs(right)
    return -size if left < 0 else size
