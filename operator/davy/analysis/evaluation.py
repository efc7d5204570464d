"""A condition's tree over one answer: true, false, or UNKNOWN where it reads what isn't there.

Three-valued logic (Kleene): UNKNOWN goes through every operation, but `false && UNKNOWN` is false,
`true || UNKNOWN` is true, an `all` with one false item is false. So a condition is unknown only if
what is missing could turn it. Missing is a comparison with NaN, and a value read out of an empty
answer (`nodata.py`).

Bounds: 20 000 steps, one a node and one an item looked at; sizes in `operators`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from davy.analysis import functions, operators
from davy.analysis.answer import Value
from davy.analysis.nodata import Missing
from davy.analysis.operators import UNKNOWN, NanRead, Refused
from davy.analysis.syntax import Node
from davy.api.errors import ConditionError

MAX_STEPS: Final = 20_000
_CHARACTERS_A_STEP: Final = 64
_CHAIN: Final = frozenset({"member", "member?", "index", "index?", "slice"})


class _Nil(Exception):
    """`?.` found nil: the rest of the chain is nil."""


@dataclass(frozen=True)
class _Scope:
    """What `#` and the names of `let` stand for."""

    names: Mapping[str, Any] = field(default_factory=dict)
    item: Any = None
    index: int | None = None
    """None: outside of a predicate."""


class Evaluation:
    """One condition over one answer."""

    def __init__(self, answer: Value) -> None:
        self.answer: Any = answer
        self.empty = answer is None or (isinstance(answer, list | dict) and not answer)
        self.missing: Missing | None = None
        """The first thing that was missing."""
        self.infinite = False
        """A comparison read an infinity."""
        self.indexes: set[int] = set()
        """Constant places of a list answer that were read."""
        self.whole = False
        """The answer was read as a whole too."""
        self._steps = 0

    def run(self, tree: Node) -> Any:
        """The value of a tree, UNKNOWN among them.

        Raises:
            ConditionError: the values don't fit, or a bound is passed.
        """
        return self._value(tree, _Scope())

    def _value(self, node: Node, scope: _Scope) -> Any:
        self._step(node)
        if node.kind in _CHAIN:
            try:
                return self._chain(node, scope)
            except _Nil:
                return None
        return getattr(self, f"_{node.kind}")(node, scope)

    def _step(self, node: Node, steps: int = 1) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise self._wrong(node, f"the condition takes more than {MAX_STEPS} steps")

    def _wrong(self, node: Node, message: str) -> ConditionError:
        return ConditionError(f"{message} (at character {node.at})", position=node.at)

    def _unknown(self, missing: Missing) -> Any:
        self.missing = self.missing or missing
        return UNKNOWN

    def _try(self, node: Node, call: Callable[..., Any], *values: Any) -> Any:
        """A call on values: its failures get their place, NaN makes it unknown."""
        if UNKNOWN in values:
            return UNKNOWN
        try:
            return call(*values)
        except NanRead:
            return self._unknown(Missing.NAN)
        except Refused as error:
            if any(map(self.is_missing, values)):
                return self._unknown(Missing.EMPTY)
            raise self._wrong(node, str(error)) from None
        except (OverflowError, RecursionError):
            raise self._wrong(node, "a number or a value is too large") from None

    def _truth(self, node: Node, value: Any, where: str) -> Any:
        if self.is_missing(value):
            return self._unknown(Missing.EMPTY)
        if not isinstance(value, bool) and value is not UNKNOWN:
            raise self._wrong(node, f"{where} takes true or false, not {operators.name(value)}")
        return value

    # -- leaves

    def _constant(self, node: Node, _: _Scope) -> Any:
        return node.data

    def _variable(self, node: Node, scope: _Scope) -> Any:
        if node.data in scope.names:
            return scope.names[node.data]
        if node.data == "result":
            self.whole = True
            return self.answer
        raise self._wrong(node, f"unknown name {node.data}; the answer is `result`")

    def _pointer(self, node: Node, scope: _Scope) -> Any:
        if scope.index is None:
            raise self._wrong(node, "# stands in a predicate only, e.g. all(result, # > 1)")
        return scope.index if node.data == "#index" else scope.item

    def _array(self, node: Node, scope: _Scope) -> Any:
        items = [self._value(part, scope) for part in node.parts]
        return UNKNOWN if UNKNOWN in items else items

    def _mapping(self, node: Node, scope: _Scope) -> Any:
        found = {part.data: self._value(part.parts[0], scope) for part in node.parts}
        return UNKNOWN if UNKNOWN in found.values() else found

    def _let(self, node: Node, scope: _Scope) -> Any:
        value, rest = node.parts
        if node.data == "result" or node.data in scope.names:
            raise self._wrong(node, f"{node.data} has a value already")
        names = {**scope.names, node.data: self._value(value, scope)}
        return self._value(rest, _Scope(names, scope.item, scope.index))

    # -- logic

    def _or(self, node: Node, scope: _Scope) -> Any:
        left = self._truth(node, self._value(node.parts[0], scope), "||")
        if left is True:
            return True
        right = self._truth(node, self._value(node.parts[1], scope), "||")
        return True if right is True else left if left is UNKNOWN else right

    def _and(self, node: Node, scope: _Scope) -> Any:
        left = self._truth(node, self._value(node.parts[0], scope), "&&")
        if left is False:
            return False
        right = self._truth(node, self._value(node.parts[1], scope), "&&")
        return False if right is False else left if left is UNKNOWN else right

    def _ternary(self, node: Node, scope: _Scope) -> Any:
        chosen = self._truth(node, self._value(node.parts[0], scope), "?")
        if chosen is UNKNOWN:
            return UNKNOWN
        return self._value(node.parts[1 if chosen else 2], scope)

    def _coalesce(self, node: Node, scope: _Scope) -> Any:
        left = self._value(node.parts[0], scope)
        return self._value(node.parts[1], scope) if left is None or left is UNKNOWN else left

    def _unary(self, node: Node, scope: _Scope) -> Any:
        value = self._value(node.parts[0], scope)
        if node.data == "not":
            truth = self._truth(node, value, "!")
            return truth if truth is UNKNOWN else not truth
        return self._try(node, operators.signed, node.data, value)

    # -- operators

    def _order(self, node: Node, scope: _Scope) -> Any:
        left, right = (self._value(part, scope) for part in node.parts)
        self._note_infinities(left, right)
        return self._try(node, operators.ordered, node.data, left, right)

    def _binary(self, node: Node, scope: _Scope) -> Any:
        left, right = (self._value(part, scope) for part in node.parts)
        self._step(node, _size(left) + _size(right))
        if node.data in {"==", "!="}:
            self._note_infinities(left, right)
            same = self._try(node, operators.equal, left, right)
            return same if same is UNKNOWN or node.data == "==" else not same
        if node.data == "in":
            return self._try(node, operators.member, left, right)
        if node.data in {"contains", "startsWith", "endsWith", "matches"}:
            return self._try(node, operators.text, node.data, left, right)
        return self._try(node, operators.arithmetic, node.data, left, right)

    def _span(self, node: Node, scope: _Scope) -> Any:
        first, last = (self._value(part, scope) for part in node.parts)
        return self._try(node, self._spanned, first, last)

    def _spanned(self, first: Any, last: Any) -> list[int]:
        low, high = (self._place(value) for value in (first, last))
        if high - low >= operators.MAX_ITEMS:
            raise Refused(f"the range has more than {operators.MAX_ITEMS} numbers")
        return list(range(low, high + 1))

    def _note_infinities(self, *values: Any) -> None:
        if any(isinstance(value, float) and math.isinf(value) for value in values):
            self.infinite = True

    # -- members, places, slices

    def _chain(self, node: Node, scope: _Scope) -> Any:
        first = node.parts[0]
        place = self._top_place(node)
        if place is not None:
            self.indexes.add(place)
            target = self.answer
        elif first.kind in _CHAIN:
            self._step(first)
            target = self._chain(first, scope)
        else:
            target = self._value(first, scope)
        if target is None and node.kind.endswith("?") and not self.is_missing(target):
            raise _Nil
        keys = [self._value(part, scope) for part in node.parts[1:]]
        if self.is_missing(target):
            return self._unknown(Missing.EMPTY)
        reads: dict[str, Callable[..., Any]]
        reads = {"slice": self._slice, "index": self._item, "member": self._member}
        given = keys or [node.data]
        return self._try(node, reads[node.kind.removesuffix("?")], target, *given)

    def _top_place(self, node: Node) -> int | None:
        """The constant n of `result[n]`, for the note on which series were read."""
        if node.kind != "index" or not isinstance(self.answer, list):
            return None
        target, key = node.parts
        negative = key.kind == "unary" and key.data == "-"
        number = key.parts[0] if negative else key
        if (target.kind, target.data) != ("variable", "result"):
            return None
        if not isinstance(number.data, int):
            return None
        return len(self.answer) - number.data if negative else int(number.data)

    def is_missing(self, value: Any) -> bool:
        """The value is the answer, and that is empty."""
        return self.empty and value is self.answer

    def _member(self, target: Any, name: str) -> Any:
        if not isinstance(target, dict):
            raise Refused(f"{operators.name(target)} has no .{name}")
        return target.get(name)

    def _item(self, target: Any, key: Any) -> Any:
        if isinstance(target, dict):
            if not isinstance(key, str):
                raise Refused(f"the key of a map is a text, not {operators.name(key)}")
            return target.get(key)
        if not isinstance(target, list | str):
            raise Refused(f"{operators.name(target)} has no places; [ ] reads a list or a map")
        place = self._place(key)
        if not -len(target) <= place < len(target):
            raise Refused(f"index out of range: {place} of {len(target)}")
        return target[place]

    def _slice(self, target: Any, first: Any, last: Any) -> Any:
        if not isinstance(target, list | str):
            raise Refused(f"{operators.name(target)} can't be sliced")
        low = None if first is None else self._place(first)
        high = None if last is None else self._place(last)
        return target[low:high]

    def _place(self, key: Any) -> int:
        if not operators.is_number(key) or not math.isfinite(key) or key != int(key):
            raise Refused(f"a place is a whole number, not {operators.name(key)}")
        return int(key)

    # -- calls

    def _call(self, node: Node, scope: _Scope) -> Any:
        name = node.data
        if name in functions.PREDICATES and len(node.parts) == 2:  # noqa: PLR2004 - list, predicate
            return self._predicate(node, scope)
        if any(part.kind == "closure" for part in node.parts):
            raise self._wrong(node, f"{name} takes no predicate")
        if name in {"default", "isNil"}:
            return self._missing_handled(node, scope)
        function = functions.FUNCTIONS.get(name)
        if function is None:
            raise self._wrong(node, _no_function(name))
        if not function.least <= len(node.parts) <= function.most:
            raise self._wrong(node, f"{name} takes {_range(function)}, not {len(node.parts)}")
        values = [self._argument(name, part, scope) for part in node.parts]
        if name not in functions.HANDLES_MISSING and any(map(self.is_missing, values)):
            return self._unknown(Missing.EMPTY)
        self._step(node, sum(map(_size, values)))
        return self._try(node, function.call, *values)

    def _closure(self, node: Node, _: _Scope) -> Any:
        raise self._wrong(node, "a predicate comes second, e.g. all(result, {# > 1})")

    def _argument(self, name: str, part: Node, scope: _Scope) -> Any:
        """An argument's value; `len(result)` alone doesn't read the series."""
        if name == "len" and (part.kind, part.data) == ("variable", "result"):
            self._step(part)
            return self.answer
        return self._value(part, scope)

    def _missing_handled(self, node: Node, scope: _Scope) -> Any:
        """`isNil(x)`, `default(x, y)`: what isn't there is nil, by the user's own decision."""
        wanted = 1 if node.data == "isNil" else 2
        if len(node.parts) != wanted:
            takes = "1 argument" if wanted == 1 else f"{wanted} arguments"
            raise self._wrong(node, f"{node.data} takes {takes}, not {len(node.parts)}")
        value = self._value(node.parts[0], scope)
        nothing = value is None or value is UNKNOWN
        if node.data == "isNil":
            return nothing
        if nothing or self.is_missing(value):
            return self._value(node.parts[1], scope)
        return value

    def _predicate(self, node: Node, scope: _Scope) -> Any:
        """`f(list, predicate)`; a predicate that is no closure is one all the same."""
        items = self._value(node.parts[0], scope)
        if items is UNKNOWN:
            return UNKNOWN
        if self.is_missing(items):
            return self._unknown(Missing.EMPTY)
        if not isinstance(items, list):
            raise self._wrong(node, f"{node.data} takes a list, not {operators.name(items)}")
        body = node.parts[1].parts[0] if node.parts[1].kind == "closure" else node.parts[1]
        values = (
            self._value(body, _Scope(scope.names, item, index)) for index, item in enumerate(items)
        )
        if node.data in {"map", "sum"}:
            mapped = list(values)
            if UNKNOWN in mapped:
                return UNKNOWN
            summed = node.data == "sum"
            return self._try(node, functions.FUNCTIONS["sum"].call, mapped) if summed else mapped
        where = f"{node.data}'s predicate"
        truths = (self._truth(node, value, where) for value in values)
        if node.data in {"all", "any", "none"}:
            return functions.quantified(node.data, truths)
        return functions.selected(node.data, items, list(truths))


def _size(value: Any) -> int:
    """Steps that looking at a value costs."""
    if isinstance(value, list | dict):
        return len(value)
    return len(value) // _CHARACTERS_A_STEP if isinstance(value, str) else 0


def _range(function: functions.Function) -> str:
    if function.least == function.most:
        return f"{function.least} argument" + ("s" if function.least > 1 else "")
    return f"{function.least} to {function.most} arguments"


def _no_function(name: str) -> str:
    if name in functions.NO_CLOCK:
        return f"{name}() isn't available: a condition doesn't read the clock"
    near = [known for known in sorted(functions.KNOWN) if known.lower() == name.lower()]
    return f"unknown function {name}" + (f"; write {near[0]}" if near else "")
