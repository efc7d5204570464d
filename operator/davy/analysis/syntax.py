"""Texts of conditions to trees, by a grammar (`condition.lark`); errors carry their place.

Bounds: 2 048 characters, 100 levels. The parser is table-driven (LALR), so its time grows with the
length of the text and its stack never with its nesting.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, NoReturn, cast

import lark

from davy.api.errors import ConditionError

MAX_LENGTH: Final = 2048
"""Characters of a condition, as in the schema."""
MAX_DEPTH: Final = 100
MAX_INT: Final = 2**63 - 1
"""Whole numbers are Go's int64."""

_ESCAPES: Final = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v",
    "0": "\0", "\\": "\\", '"': '"', "'": "'", "`": "`", "/": "/",
}  # fmt: skip
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ALIASES: Final = {"||": "or", "&&": "and", "!": "not", "^": "**"}


@dataclass(frozen=True, slots=True)
class Node:
    """One part of a condition."""

    kind: str
    """Rule of the grammar: `binary`, `index`, `call` …"""
    at: int
    """Offset in characters of what a person would point at: the operator, the name."""
    parts: tuple["Node", ...] = ()
    data: Any = None
    """Operator, name or constant."""
    depth: int = 1


@lru_cache(maxsize=1024)
def parse(source: str) -> Node:
    """The tree of a condition; parsed once per text.

    Raises:
        ConditionError: too long, too deep, or not of the language; with the position.
    """
    if len(source) > MAX_LENGTH:
        message = f"the expression has {len(source)} characters; {MAX_LENGTH} are the most"
        raise ConditionError(message, position=MAX_LENGTH)
    if not source.strip():
        raise ConditionError("the expression is empty; write e.g. result[0] >= 0.95", position=0)
    try:
        tree: Any = _parser().parse(source)
    except lark.exceptions.UnexpectedInput as error:
        raise _unexpected(source, error) from None
    return cast("Node", tree)  # the transformer has made it of lark's tree


def calls(node: Node) -> frozenset[str]:
    """Names of the functions called anywhere in the tree."""
    own = {node.data} if node.kind == "call" else set()
    return frozenset(own).union(*(calls(part) for part in node.parts))


def _unexpected(source: str, error: lark.exceptions.UnexpectedInput) -> ConditionError:
    at: Any = error.pos_in_stream
    if not isinstance(error, lark.exceptions.UnexpectedToken):
        hint = ": the text isn't closed" if source[at] in "\"'`" else ""
        return ConditionError(f"unexpected {source[at]!r} at character {at}{hint}", position=at)
    if error.token.type == "$END":
        at = len(source.rstrip())
        return ConditionError(f"the expression breaks off at character {at}", position=at)
    found = str(error.token)
    hint = "; use == to compare" if found == "=" else ""
    return ConditionError(f"unexpected {found!r} at character {at}{hint}", position=at)


def _wrong(message: str, at: int) -> NoReturn:
    raise ConditionError(f"{message} at character {at}", position=at)


def _node(kind: str, at: int, parts: Sequence[Node] = (), data: Any = None) -> Node:
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > MAX_DEPTH:
        _wrong(f"the expression is nested more than {MAX_DEPTH} levels deep", at)
    return Node(kind, at, tuple(parts), data, depth)


def _start(token: lark.Token) -> int:
    return token.start_pos or 0


class _Builder(lark.Transformer[lark.Token, Node]):
    """From the grammar's rules to nodes; called bottom-up while parsing, never recursively."""

    def start(self, parts: list[Any]) -> Node:
        (only,) = parts
        return only  # type: ignore[no-any-return]

    def let(self, parts: list[Any]) -> Node:
        keyword, name, value, rest = parts
        return _node("let", _start(keyword), (value, rest), str(name))

    def ternary(self, parts: list[Any]) -> Node:
        return _node("ternary", parts[0].at, parts)

    def pipe(self, parts: list[Any]) -> Node:
        first, name, rest = parts
        return self._called(name, [first, *(rest or [])])

    def call(self, parts: list[Any]) -> Node:
        name, arguments = parts
        return self._called(name, arguments or [])

    def _called(self, name: lark.Token, arguments: list[Node]) -> Node:
        return _node("call", _start(name), arguments, str(name))

    def arguments(self, parts: list[Any]) -> list[Node]:
        return parts

    def closure(self, parts: list[Any]) -> Node:
        return _node("closure", parts[0].at, parts)

    def binary(self, parts: list[Any]) -> Node:
        left, token, right = parts
        name = _ALIASES.get(str(token), str(token))
        kind = name if name in {"or", "and"} else "coalesce" if name == "??" else "binary"
        return _node(kind, _start(token), (left, right), name)

    def order(self, parts: list[Any]) -> Node:
        """`a < b < c` is `a < b && b < c`, as in expr-lang."""
        left, token, right = parts
        last = left.parts[1] if left.kind == "and" and left.data == "<" else left
        if last.kind != "order":
            return _node("order", _start(token), (left, right), str(token))
        next_one = _node("order", _start(token), (last.parts[1], right), str(token))
        return _node("and", _start(token), (left, next_one), "<")

    def negated(self, parts: list[Any]) -> Node:
        left, _, token, right = parts
        inner = _node("binary", _start(token), (left, right), str(token))
        return _node("unary", _start(token), (inner,), "not")

    def span(self, parts: list[Any]) -> Node:
        return _node("span", parts[0].at, parts)

    def unary(self, parts: list[Any]) -> Node:
        token, operand = parts
        return _node("unary", _start(token), (operand,), _ALIASES.get(str(token), str(token)))

    def member(self, parts: list[Any]) -> Node:
        target, name = parts
        return _node("member", _start(name), (target,), str(name))

    def maybe_member(self, parts: list[Any]) -> Node:
        target, _, name = parts
        return _node("member?", _start(name), (target,), str(name))

    def index(self, parts: list[Any]) -> Node:
        target, token, key = parts
        return _node("index", _start(token), (target, key))

    def maybe_index(self, parts: list[Any]) -> Node:
        target, _, token, key = parts
        return _node("index?", _start(token), (target, key))

    def slice(self, parts: list[Any]) -> Node:
        target, token, first, last = parts
        nothing = Node("constant", _start(token))
        return _node("slice", _start(token), (target, first or nothing, last or nothing))

    def number(self, parts: list[Any]) -> Node:
        (token,) = parts
        text = str(token).replace("_", "").lower()
        if text.startswith("0x"):
            value: float = int(text, 16)
        else:
            value = float(text) if re.search(r"[.e]", text) else int(text)
        if value > MAX_INT and isinstance(value, int):
            _wrong(f"{token} is too large a whole number", _start(token))
        if value == float("inf"):
            _wrong(f"{token} is too large a number", _start(token))
        return _node("constant", _start(token), data=value)

    def string(self, parts: list[Any]) -> Node:
        (token,) = parts
        return _node("constant", _start(token), data=_text(token))

    def raw(self, parts: list[Any]) -> Node:
        (token,) = parts
        return _node("constant", _start(token), data=str(token)[1:-1])

    def constant(self, parts: list[Any]) -> Node:
        (token,) = parts
        return _node("constant", _start(token), data={"true": True, "false": False}.get(token))

    def variable(self, parts: list[Any]) -> Node:
        (token,) = parts
        return _node("variable", _start(token), data=str(token))

    def pointer(self, parts: list[Any]) -> Node:
        (token,) = parts
        if token not in {"#", "#index"}:
            _wrong(f"{token} is unknown; # is the element, #index its number,", _start(token))
        return _node("pointer", _start(token), data=str(token))

    def shorthand(self, parts: list[Any]) -> Node:
        dot, name = parts
        return _node("member", _start(name), (_node("pointer", _start(dot)),), str(name))

    def array(self, parts: list[Any]) -> Node:
        token, items = parts
        return _node("array", _start(token), items or [])

    def items(self, parts: list[Any]) -> list[Node]:
        return parts

    def mapping(self, parts: list[Any]) -> Node:
        (pairs,) = parts
        return _node("mapping", pairs[0].at if pairs else 0, pairs or [])

    def pairs(self, parts: list[Any]) -> list[Node]:
        return parts

    def pair(self, parts: list[Any]) -> Node:
        key, value = parts
        name = _text(key) if key.type == "STRING" else str(key)
        return _node("pair", _start(key), (value,), name)


def _text(token: lark.Token) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            _wrong(f"unknown escape \\{code}", _start(token) + 1 + found.start())
        return _ESCAPES[code]

    return _ESCAPE.sub(one, str(token)[1:-1])


@cache
def _parser() -> lark.Lark:
    """Made for the first condition: its tables cost 2 MB and a tenth of a second of the start."""
    return lark.Lark.open_from_package(
        "davy.analysis",
        "condition.lark",
        parser="lalr",
        transformer=_Builder(),
        maybe_placeholders=True,
    )
