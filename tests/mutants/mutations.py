"""Mutants of a module's functions: one small change each, as a code object ready to be swapped in.

Changed is what a function does when it is called: comparisons, logic, numbers, texts, branches,
loops, arguments, statements. Annotations, defaults, decorators and docstrings stay, and so does
whatever runs at import.
"""

import ast
import types
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Place = tuple[ast.AST, str, int | None]
"""A node, one of its fields, and the position where that is a list."""

_COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_CALLED: Final = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "removeprefix": "removesuffix",
    "removesuffix": "removeprefix",
    "startswith": "endswith",
    "endswith": "startswith",
    "lstrip": "rstrip",
    "rstrip": "lstrip",
}
_LEFT_OUT: Final = {"annotation", "returns", "decorator_list", "defaults", "kw_defaults"}
_SHOWN: Final = 60
"""Characters of a piece of code in a mutant's name."""


@dataclass(frozen=True)
class Mutant:
    """A function with one change."""

    module: str
    function: str
    """Its qualified name within the module."""
    change: str
    """What became what, for people; with module and function it names the mutant."""
    lines: tuple[int, int]
    """First and last line of the statement that is changed."""
    code: types.CodeType

    @property
    def id(self) -> str:
        """Names the mutant for as long as its function has this change."""
        return f"{self.module}.{self.function}: {self.change}"


def of(module: str, path: str, source: str) -> list[Mutant]:
    """All mutants of a module's functions, in the order of the source."""
    found = []
    for classes, function in _functions(ast.parse(source).body, ()):
        name = ".".join([*(each.name for each in classes), function.name])
        seen: Counter[str] = Counter()
        function.decorator_list = []
        holder = _holder(classes, function)
        for change, lines in _mutated(function):
            seen[change] += 1
            number = f" (number {seen[change]})" if seen[change] > 1 else ""
            code = _compiled(holder, path, name.split("."))
            found.append(Mutant(module, name, change + number, lines, code))
    return found


def _functions(
    body: list[ast.stmt], classes: tuple[ast.ClassDef, ...]
) -> Iterator[tuple[tuple[ast.ClassDef, ...], _Function]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, (*classes, node))
        elif isinstance(node, _Function):
            yield classes, node


def _holder(classes: tuple[ast.ClassDef, ...], function: _Function) -> ast.Module:
    """A module with nothing but the function, in its classes."""
    node: ast.stmt = function
    for each in reversed(classes):
        node = ast.ClassDef(each.name, bases=[], keywords=[], body=[node], decorator_list=[])
    return ast.Module([node], type_ignores=[])


def _compiled(holder: ast.Module, path: str, names: list[str]) -> types.CodeType:
    """The function's code, as its module's compilation would have it."""
    code = compile(ast.fix_missing_locations(holder), path, "exec")
    for name in names:
        code = next(
            found
            for found in code.co_consts
            if isinstance(found, types.CodeType) and found.co_name == name
        )
    return code


def _mutated(function: _Function) -> Iterator[tuple[str, tuple[int, int]]]:
    """What is changed and where; while it is told, the function has the change."""
    for trail, replacements in [*_changes(function)]:
        place = trail[-1]
        old, lines = _get(*place), _lines(trail)
        for new in replacements:
            change = f"`{_shown(old)}` → `{_shown(new)}`"
            _set(*place, new)
            yield change, lines
            _set(*place, old)


def _changes(function: _Function) -> Iterator[tuple[list[_Place], list[ast.AST]]]:
    """Every place of a function that can be changed, with what to put there."""
    todo: list[list[_Place]] = [[place] for place in _places(function)]
    while todo:
        trail = todo.pop(0)
        node = _get(*trail[-1])
        replacements = list(_replacements(node, trail))
        if replacements:
            yield trail, replacements
        todo[:0] = [[*trail, place] for place in _places(node)]


def _places(node: ast.AST) -> Iterator[_Place]:
    """The fields of a node that are nodes themselves."""
    skipped = _quiet(node)
    for field, value in ast.iter_fields(node):
        if field in _LEFT_OUT or field in skipped:
            continue
        if isinstance(value, ast.AST):
            yield node, field, None
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST) and not _is_docstring(item):
                    yield node, field, index


def _quiet(node: ast.AST) -> set[str]:
    """Fields that say nothing about what the code does: types, formats, what is told to mypy."""
    if isinstance(node, ast.JoinedStr):
        return {"format_spec"}
    if isinstance(node, ast.FormattedValue):
        return {"format_spec"}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return {"args"} if node.func.id in {"cast", "isinstance", "issubclass"} else set()
    return {"type"} if isinstance(node, ast.ExceptHandler) else set()


def _is_docstring(node: ast.AST) -> bool:
    """Of a function, a class or an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _get(owner: ast.AST, field: str, position: int | None) -> ast.AST:
    value = getattr(owner, field)
    found: ast.AST = value if position is None else value[position]
    return found


def _set(owner: ast.AST, field: str, position: int | None, new: ast.AST) -> None:
    if position is None:
        setattr(owner, field, new)
    else:
        getattr(owner, field)[position] = new


def _lines(trail: list[_Place]) -> tuple[int, int]:
    """The lines of the innermost statement; of one with a body, those of its head."""
    statement = next(
        node for node in (_get(*place) for place in reversed(trail)) if isinstance(node, ast.stmt)
    )
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    last = statement.end_lineno or statement.lineno
    if body:
        first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
        last = max(statement.lineno, first.lineno - 1)
    return statement.lineno, last


def _shown(node: ast.AST) -> str:
    if isinstance(node, ast.match_case):
        return f"case {ast.unparse(node.pattern)}"
    text = " ".join(ast.unparse(node).split()) if not isinstance(node, ast.Pass) else "pass"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


# -- what becomes what


def _replacements(node: ast.AST, trail: list[_Place]) -> Iterator[ast.AST]:
    owner, field, _ = trail[-1]
    if isinstance(owner, ast.JoinedStr) and isinstance(node, ast.Constant):
        return  # the whole text is one mutant
    for kind, change in _OPERATORS:
        if isinstance(node, kind):
            yield from change(node)
    if field == "test" and isinstance(owner, ast.If | ast.While) and not _is_constant(node):
        yield ast.Constant(value=False)
        if not isinstance(owner, ast.While):
            yield ast.Constant(value=True)
    if isinstance(owner, ast.comprehension) and field == "ifs":
        yield ast.Constant(value=True)


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant)


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for position, operator in enumerate(node.ops):
        for other in _COMPARED[type(operator)]:
            ops = [*node.ops]
            ops[position] = other()
            yield ast.Compare(node.left, ops, node.comparators)


def _logic(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    for position in range(len(node.values)):
        kept = [*node.values[:position], *node.values[position + 1 :]]
        yield kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    if other := _COMPUTED.get(type(node.op)):
        yield ast.BinOp(node.left, other(), node.right)


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(value=not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value=value + 1)
    elif isinstance(value, str):
        yield ast.Constant(value="XX")


def _text(_: ast.JoinedStr) -> Iterator[ast.AST]:
    yield ast.Constant(value="XX")


def _branch(node: ast.IfExp) -> Iterator[ast.AST]:
    yield node.body
    yield node.orelse


def _call(node: ast.Call) -> Iterator[ast.AST]:
    for position, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            kept = [*node.keywords[:position], *node.keywords[position + 1 :]]
            yield ast.Call(node.func, node.args, kept)
    if _ordered(node):
        first, second, *rest = node.args
        yield ast.Call(node.func, [second, first, *rest], node.keywords)
    if isinstance(node.func, ast.Name) and (name := _CALLED.get(node.func.id)):
        yield ast.Call(ast.Name(name, ast.Load()), node.args, node.keywords)
    if isinstance(node.func, ast.Attribute) and (name := _CALLED.get(node.func.attr)):
        func = ast.Attribute(node.func.value, name, ast.Load())
        yield ast.Call(func, node.args, node.keywords)


def _ordered(node: ast.Call) -> bool:
    """Whether it can matter which of the first two arguments comes first."""
    if isinstance(node.func, ast.Name) and node.func.id in {"min", "max"}:
        return False
    return len(node.args) > 1 and not any(isinstance(each, ast.Starred) for each in node.args[:2])


def _slice(node: ast.Slice) -> Iterator[ast.AST]:
    if node.lower is not None:
        yield ast.Slice(None, node.upper, node.step)
    if node.upper is not None:
        yield ast.Slice(node.lower, None, node.step)


def _elements(node: ast.Set | ast.List | ast.Tuple) -> Iterator[ast.AST]:
    """Each element left out; not of pairs, which are taken apart again."""
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return
    if isinstance(node, ast.Tuple) and len(node.elts) <= 2:
        return
    for position in range(len(node.elts)):
        kept = [*node.elts[:position], *node.elts[position + 1 :]]
        if isinstance(node, ast.Set):
            yield ast.Set(kept) if kept else ast.Call(ast.Name("set", ast.Load()), [], [])
        else:
            yield type(node)(kept, node.ctx)


def _entries(node: ast.Dict) -> Iterator[ast.AST]:
    for position in range(len(node.keys)):
        keys = [*node.keys[:position], *node.keys[position + 1 :]]
        values = [*node.values[:position], *node.values[position + 1 :]]
        yield ast.Dict(keys, values)


def _lambda(node: ast.Lambda) -> Iterator[ast.AST]:
    yield ast.Lambda(node.args, ast.Constant(value=None))


def _return(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(value=None))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _dropped(node: ast.stmt) -> Iterator[ast.AST]:
    """The statement left out, where that leaves no name unbound."""
    if isinstance(node, ast.Assign) and any(isinstance(each, ast.Name) for each in node.targets):
        return
    if isinstance(node, ast.Assign) and any(isinstance(each, ast.Tuple) for each in node.targets):
        return
    yield ast.Pass()


def _loop(node: ast.Break | ast.Continue) -> Iterator[ast.AST]:
    yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _cases(node: ast.Match) -> Iterator[ast.AST]:
    if len(node.cases) > 1:
        for position in range(len(node.cases)):
            yield ast.Match(node.subject, [*node.cases[:position], *node.cases[position + 1 :]])


def _handler(node: ast.ExceptHandler) -> Iterator[ast.AST]:
    yield ast.ExceptHandler(node.type, node.name, [ast.Raise()])


_OPERATORS: Final[tuple[tuple[type | types.UnionType, Callable[..., Iterator[ast.AST]]], ...]] = (
    (ast.Compare, _compare),
    (ast.BoolOp, _logic),
    (ast.UnaryOp, _unary),
    (ast.BinOp, _binary),
    (ast.Constant, _constant),
    (ast.JoinedStr, _text),
    (ast.IfExp, _branch),
    (ast.Call, _call),
    (ast.Slice, _slice),
    (ast.Set | ast.List | ast.Tuple, _elements),
    (ast.Dict, _entries),
    (ast.Lambda, _lambda),
    (ast.Return, _return),
    (ast.Expr | ast.AugAssign | ast.Assign | ast.Raise | ast.Delete, _dropped),
    (ast.Break | ast.Continue, _loop),
    (ast.Match, _cases),
    (ast.ExceptHandler, _handler),
)
