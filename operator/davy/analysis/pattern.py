r"""Regular expressions for `matches`, with a bound on their work before they run.

Go's engine takes linear time; Python's may try every way to split a text. So a pattern is read
first, by a grammar of its own: the subset that both engines share (`. [] () | ^ $ * + ? {m,n} \d \w
\s \b`, `(?:…)`, `(?i)` in front; no references and no look-around, which Go hasn't either). From
its tree follows the number of ways in which it can be laid over a text of n characters; one with
more than a few million is refused. `^v1\..*$` is never refused, `(a+)+` always is.
"""

import math
import re
import warnings
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Final

import lark

MAX_PATTERN: Final = 256
MAX_TEXT: Final = 4096
MAX_WAYS: Final = 2_000_000
MAX_REPEAT: Final = 1000
"""The largest number in `{m,n}`, as in Go."""

Ways = Callable[[int], float]
"""In how many ways a part can match in a text of that many characters, at most."""

_GRAMMAR: Final = r"""
start: FLAGS? alternation
alternation: sequence ("|" sequence)*
sequence: repeat*
repeat: atom QUANTIFIER?
?atom: ONE -> one
     | (OPEN | GROUP) alternation ")" -> group
FLAGS.3: /^\(\?[is]{1,2}\)/
GROUP.2: "(?:"
OPEN: "("
QUANTIFIER: /([*+?]|\{[0-9]{1,4}(,[0-9]{0,4})?\})\??/
ONE: /\[\^?([^\]\[\\]|\\[^0-9])+\]|\\[dDwWsSbBnrtfv]|\\[^0-9A-Za-z\s]|[^\\()\[\]{}*+?|]/
"""


class Refused(ValueError):
    """The pattern, or the work it would mean; a sentence."""


class _Count(lark.Transformer[lark.Token, Ways]):
    """From a pattern's tree to the number of its ways."""

    def start(self, parts: list[Any]) -> Ways:
        return parts[-1]  # type: ignore[no-any-return]

    def one(self, _: list[Any]) -> Ways:
        return lambda _: 1.0

    def group(self, parts: list[Any]) -> Ways:
        return parts[-1]  # type: ignore[no-any-return]

    def repeat(self, parts: list[Any]) -> Ways:
        inner: Ways = parts[0]
        if len(parts) == 1:
            return inner
        least, most = _bounds(str(parts[1]))
        return lambda n: _repeated(inner(n), least, n if most is None else min(most, n + least))

    def sequence(self, parts: list[Any]) -> Ways:
        return lambda n: _product(part(n) for part in parts)

    def alternation(self, parts: list[Any]) -> Ways:
        return lambda n: sum(part(n) for part in parts)


@cache
def _parser() -> lark.Lark:
    return lark.Lark(_GRAMMAR, parser="lalr", transformer=_Count())


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text.

    Raises:
        Refused: the pattern isn't of the subset, or the text is too long for it.
    """
    return bool(found_in((text,), pattern))


def found_in(texts: Sequence[str], pattern: str) -> frozenset[str]:
    """The texts in which the pattern is found; the bound is on the work for all together.

    Raises:
        Refused: the pattern isn't of the subset, or the texts are too long for it.
    """
    length = max(map(len, texts), default=0)
    if length > MAX_TEXT:
        raise Refused(f"matches reads at most {MAX_TEXT} characters, this text has {length}")
    expression, _ = _compiled(pattern)
    anchored = _anchored(pattern)
    work = (ways(pattern, len(text)) * (1 if anchored else len(text) + 1) for text in texts)
    if sum(work) > MAX_WAYS:
        message = (
            f"the pattern {pattern!r} could take too long on {sum(map(len, texts))} characters"
        )
        raise Refused(f"{message}; anchor it or use fewer * and +")
    return frozenset(text for text in texts if expression.search(text))


def ways(pattern: str, length: int) -> float:
    """In how many ways the pattern can match at one place of a text of that length, at most.

    Raises:
        Refused: the pattern isn't of the subset.
    """
    return _compiled(pattern)[1](length)


def _anchored(pattern: str) -> bool:
    """It can begin at the start of the text only."""
    return "|" not in pattern and re.match(r"(\(\?[is]+\))?\^", pattern) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[re.Pattern[str], Ways]:
    if len(pattern) > MAX_PATTERN:
        raise Refused(f"a pattern has at most {MAX_PATTERN} characters, not {len(pattern)}")
    try:
        ways: Any = _parser().parse(pattern)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(pattern, re.ASCII), ways
    except lark.exceptions.LarkError:
        raise Refused(f"the pattern {pattern!r} uses what isn't supported") from None
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise Refused(f"the pattern {pattern!r} is wrong: {error}") from None


def _bounds(quantifier: str) -> tuple[int, int | None]:
    sign = quantifier[0]
    if sign in "*+?":
        return (1 if sign == "+" else 0), (1 if sign == "?" else None)
    low, comma, high = quantifier[1 : quantifier.index("}")].partition(",")
    least, most = int(low), int(high) if high else None if comma else int(low)
    if max(least, most or 0) > MAX_REPEAT:
        raise Refused(f"a repeat of more than {MAX_REPEAT} isn't supported")
    return least, most


def _repeated(ways: float, least: int, most: int) -> float:
    """The sum of ways**k for each number k of repeats."""
    if ways <= 1:
        return float(max(1, most - least + 1))
    try:
        return sum(ways**times for times in range(least, max(least, most) + 1))
    except OverflowError:
        return math.inf


def _product(factors: Any) -> float:
    result = 1.0
    for factor in factors:
        result *= factor
    return result
