r"""The part of a JSON document that a metric's `jsonPath` names: kubectl's form, as Argo reads it.

| written | means |
|---|---|
| `{$}` | the document; `$` may be left out, or be `@` |
| `{$.data.ok}`, `{$['data']['a.b']}`, `{.a\.b}` | a field |
| `{$.items[0]}`, `[-1]` | an item, from the start or the end |
| `{$.items[0:2]}`, `[-1:]` | a part of a list |
| `{$.items[*].x}`, `{$.data.*}` | every item of a list, every value of a map |
| `{$..x}` | every field of that name, at any depth |
| `{$.items[?(@.name == "x")].value}` | items of which it holds: `== != < <= > >=`, or `?(@.x)` |

Fields that some items lack are passed over; a step that finds nothing at all is an error. Bounded:
1 024 characters, 64 steps, 50 000 values looked at.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, NoReturn, Protocol

from davy.analysis.answer import Value
from davy.api.errors import JsonPathError

WHOLE: Final = "{$}"
MAX_LENGTH: Final = 1024
MAX_STEPS: Final = 64
MAX_VALUES: Final = 50_000
_SHOWN: Final = 40

_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": eq, "!=": ne, "<=": le, ">=": ge, "<": lt, ">": gt,
}  # fmt: skip
_NAME: Final = re.compile(r"\.((?:\\.|[^\s.,\[\]$@{}()\\])+)")
_NAME_IN_FILTER: Final = re.compile(r"\.((?:\\.|[^\s.,\[\]$@{}()\\=!<>])+)")
_QUOTED: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_KEY: Final = re.compile(rf"\[\s*({_QUOTED})\s*\]")
_PLACE: Final = re.compile(r"\[\s*(-?[0-9]{1,9})\s*\]")
_PART: Final = re.compile(r"\[\s*(-?[0-9]{1,9})?\s*:\s*(-?[0-9]{1,9})?\s*\]")
_EVERY: Final = re.compile(r"\[\s*\*\s*\]|\.\*")
_FILTER: Final = re.compile(r"\[\s*\?\s*\(\s*@")
_OPERATOR: Final = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*")
_LITERAL: Final = re.compile(rf"({_QUOTED})|(-?[0-9]{{1,18}}(?:\.[0-9]{{1,18}})?)|(true|false)")
_END_OF_FILTER: Final = re.compile(r"\s*\)\s*\]")


class Step(Protocol):
    """One part of a path."""

    def leads(self, value: Value) -> Iterable[Value]:
        """What it leads to from one value; nothing where it doesn't fit."""

    def lacks(self) -> str:
        """What there isn't, when it leads nowhere: follows "has"."""


@dataclass(frozen=True)
class Field:
    """`.name`."""

    name: str

    def leads(self, value: Value) -> Iterable[Value]:
        """See `Step`."""
        return [value[self.name]] if isinstance(value, dict) and self.name in value else []

    def lacks(self) -> str:
        """See `Step`."""
        return f"no field {self.name!r:.{_SHOWN}}"


@dataclass(frozen=True)
class Item:
    """`[place]`, of a list."""

    place: int

    def leads(self, value: Value) -> Iterable[Value]:
        """See `Step`."""
        if isinstance(value, list) and -len(value) <= self.place < len(value):
            return [value[self.place]]
        return []

    def lacks(self) -> str:
        """See `Step`."""
        return f"no item {self.place}"


@dataclass(frozen=True)
class Part:
    """`[first:last]`, of a list."""

    first: int | None
    last: int | None

    def leads(self, value: Value) -> Iterable[Value]:
        """See `Step`."""
        return value[self.first : self.last] if isinstance(value, list) else []

    def lacks(self) -> str:
        """See `Step`."""
        return "no items there"


@dataclass(frozen=True)
class Every:
    """`[*]`, of a list or a map."""

    def leads(self, value: Value) -> Iterable[Value]:
        """See `Step`."""
        if isinstance(value, dict):
            return value.values()
        return value if isinstance(value, list) else []

    def lacks(self) -> str:
        """See `Step`."""
        return "nothing in it"


@dataclass(frozen=True)
class Deep:
    """`..`: the value and everything in it, parents first, in the order of the document."""

    def leads(self, value: Value) -> Iterable[Value]:
        """See `Step`."""
        todo = [value]
        while todo:
            here = todo.pop()
            yield here
            todo.extend(reversed([*Every().leads(here)]))

    def lacks(self) -> str:
        """See `Step`."""
        return "nothing in it"


@dataclass(frozen=True)
class Filter:
    """`[?(@steps operator literal)]`, of a list."""

    steps: tuple[Step, ...]
    operator: str
    """"": there is such a value."""
    literal: Any = None

    def leads(self, value: Value) -> Iterable[Value]:
        """See `Step`."""
        return filter(self._holds, value) if isinstance(value, list) else []

    def lacks(self) -> str:
        """See `Step`."""
        return "no item of which the filter holds"

    def _holds(self, item: Value) -> bool:
        """One of the values that the steps lead to is as wanted; types that differ aren't."""
        here = [item]
        for step in self.steps:
            here = [reached for value in here for reached in step.leads(value)]
        if not self.operator:
            return bool(here)
        return any(_compared(self.operator, value, self.literal) for value in here)


def found(source: str, document: Value) -> list[Value]:
    """The values that the path leads to, in the order of the document; at least one.

    Raises:
        JsonPathError: it can't be parsed, finds nothing, or looks at too much.
    """
    here, seen = [document], 0
    for at, step in enumerate(parse(source)):
        reached: list[Value] = []
        for value in here:
            for item in step.leads(value):
                reached.append(item)
                seen += 1
                if seen > MAX_VALUES:
                    raise JsonPathError(f"{source:.100} looks at more than {MAX_VALUES} values")
        if not reached:
            raise JsonPathError(f"{source:.100} finds nothing: {_lack(step, here, at)}")
        here = reached
    return here


@lru_cache(maxsize=256)
def parse(source: str) -> tuple[Step, ...]:
    """The steps of a path; parsed once per text.

    Raises:
        JsonPathError: it is of another form; the message says where.
    """
    if len(source) > MAX_LENGTH:
        raise JsonPathError(f"has {len(source)} characters; {MAX_LENGTH} are the most")
    text = source.strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise JsonPathError(f"is {source!r:.60}; write it in braces, e.g. {{$.data.ok}}")
    reader = _Reader(text[:-1], 1)
    reader.skip()
    if reader.text[reader.at : reader.at + 1] in {"$", "@"}:
        reader.at += 1
    steps = reader.steps()
    reader.skip()
    if reader.at < len(reader.text):
        reader.wrong()
    return steps


_STEPS: Final[tuple[tuple[re.Pattern[str], Callable[..., Step]], ...]] = (
    (_EVERY, Every),
    (_NAME, lambda name: Field(_plain(name))),
    (_KEY, lambda quoted: Field(_plain(quoted[1:-1]))),
    (_PLACE, lambda place: Item(int(place))),
    (_PART, lambda first, last: Part(*(int(place) if place else None for place in (first, last)))),
)


@dataclass
class _Reader:
    text: str
    at: int
    _filtering: bool = False
    """Within a filter, where an operator ends a name."""

    def steps(self) -> tuple[Step, ...]:
        found: list[Step] = []
        while self.text[self.at : self.at + 1] in {".", "["}:
            found.append(self._step())
            if len(found) > MAX_STEPS:
                raise JsonPathError(f"has more than {MAX_STEPS} steps")
        return tuple(found)

    def skip(self) -> None:
        """Blanks."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def wrong(self) -> NoReturn:
        """What stands here isn't of the language."""
        here = self.text[self.at : self.at + 1]
        what = f"has an unexpected {here!r}" if here else "breaks off"
        raise JsonPathError(f"{what} at character {self.at}; write e.g. {{$.items[0].value}}")

    def _taken(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def _step(self) -> Step:
        if self.text.startswith("..", self.at):
            self.at += 1
            if self.text[self.at + 1 : self.at + 2] == "[":
                self.at += 1
            return Deep()
        if self._taken(_FILTER):
            return self._filter()
        for pattern, made in _STEPS:
            narrow = pattern is _NAME and self._filtering
            if match := self._taken(_NAME_IN_FILTER if narrow else pattern):
                return made(*match.groups())
        self.at += 1
        return self.wrong()

    def _filter(self) -> Filter:
        if self._filtering:
            raise JsonPathError("has a filter within a filter; write one after the other")
        self._filtering = True
        steps = self.steps()
        self._filtering = False
        if any(isinstance(step, Deep) for step in steps):
            raise JsonPathError("has .. within a filter; name the fields")
        operator = self._taken(_OPERATOR)
        literal = self._literal() if operator else None
        if not self._taken(_END_OF_FILTER):
            self.wrong()
        return Filter(steps, operator[1] if operator else "", literal)

    def _literal(self) -> Any:
        quoted, number, truth = (self._taken(_LITERAL) or self.wrong()).groups()
        if quoted is not None:
            return _plain(quoted[1:-1])
        return float(number) if number is not None else truth == "true"


def _plain(text: str) -> str:
    """Without the backslashes."""
    return re.sub(r"\\(.)", r"\1", text)


def _compared(operator: str, value: Any, literal: Any) -> bool:
    if _kind(value) != _kind(literal):
        return operator == "!="
    if isinstance(literal, bool) and operator not in {"==", "!="}:
        return False
    return _COMPARED[operator](value, literal)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else ""


def _lack(step: Step, here: list[Value], at: int) -> str:
    """Why a step found nothing, in words of the path alone: an answer may hold a secret."""
    what = "the answer" if at == 0 else f"what step {at} leads to"
    kinds = {_name(value) for value in here}
    kind = kinds.pop() if len(kinds) == 1 else f"{len(here)} values"
    return f"{what} ({kind}) has {step.lacks()}"


def _name(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    kinds = {"truth": "true or false", "number": "a number", "text": "a text"}
    return kinds.get(_kind(value), "a map")
