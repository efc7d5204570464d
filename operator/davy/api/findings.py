"""Pydantic's errors as findings: the exact path, what is there, and what would be right."""

import difflib
import json
from collections.abc import Sequence
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from davy.api import paths
from davy.api.errors import Finding
from davy.api.fields import INT32

_SHOWN: Final = 60
_TYPES: Final = {
    "bool": "true or false",
    "dict": "an object",
    "int": "a whole number",
    "list": "a list",
    "model": "an object",
    "string": "a text, in quotes",
}
_SPECIAL: Final = {
    "setWeight": "weights are whole numbers from 0 to 100, or to maxTrafficWeight",
}
"""Sentences for fields whose bounds alone don't say what they mean."""
_ELSEWHERE: Final = frozenset({"virtualService", "virtualServices"})
"""Fields that may name an object of another namespace."""
_INT_OR_TEXT: Final = "write a whole number or {{args.name}}"

Location = tuple[str | int, ...]


def of(error: ValidationError, model: type[BaseModel], root: str) -> list[Finding]:
    """One finding per place, in the order of the document; `root` is the path of the model."""
    found: dict[str, Finding] = {}
    for detail in error.errors(include_url=False):
        location = _without_union(detail)
        path = paths.joined(root, location)
        found.setdefault(path, Finding(path, _sentence(detail, location, model)))
    return list(found.values())


def shown(value: object) -> str:
    """A value as the user wrote it, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    return cut(text, _SHOWN)


def cut(text: str, length: int) -> str:
    """At most so many characters of it."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def near(name: str, known: Sequence[str]) -> str:
    """` did you mean X?`, or the names that there are; for a name that nobody knows."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {', '.join(sorted(known))}"


def _without_union(detail: ErrorDetails) -> Location:
    """Pydantic names the union's member that it tried last; the user wrote no such part."""
    location = detail["loc"]
    if location and location[-1] in {"int", "str"} and detail["type"].endswith("_type"):
        return location[:-1]
    return location


def _sentence(detail: ErrorDetails, location: Location, model: type[BaseModel]) -> str:
    kind, value = detail["type"], detail["input"]
    name = str(location[-1]) if location else ""
    info = _field(model, location)
    if kind == "missing":
        return f"is missing; {_about(info)}"
    if kind == "extra_forbidden":
        parent = _model(model, location[:-1])
        known = [info.alias or key for key, info in parent.model_fields.items()] if parent else []
        return f"is no field that Davy knows; {near(name, known)}"
    if kind == "value_error":
        return str(detail.get("ctx", {}).get("error", detail["msg"]))
    right = _SPECIAL.get(name) or _right(detail, location, info)
    return f"is {_was(kind, value)}; {right}"


def _was(kind: str, value: Any) -> str:
    if kind in {"string_too_long", "too_long"}:
        return f"{len(value)} {'characters' if kind == 'string_too_long' else 'items'} long"
    if kind in {"string_too_short", "too_short"}:
        return "empty"
    return shown(value)


def _right(detail: ErrorDetails, location: Location, info: FieldInfo | None) -> str:
    if location != detail["loc"]:
        return _INT_OR_TEXT
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "literal_error" | "enum":
            right = f"write one of {context['expected']}"
        case "string_pattern_mismatch" if "/" in detail["input"] and _ELSEWHERE & {*location}:
            right = "one of another namespace is written name.namespace"
        case "string_pattern_mismatch" if "/" in detail["input"]:
            right = "it names an object of the rollout's own namespace, so write it without a /"
        case "string_pattern_mismatch":
            right = "names are lower case letters, digits, '-' and '.'"
        case "string_too_short" | "too_short":
            right = f"write at least {context['min_length']}"
        case "string_too_long" | "too_long":
            right = f"at most {context['max_length']} fit"
        case (
            "greater_than_equal"
            | "less_than_equal"
            | "int_type"
            | "int_from_float"
            | "finite_number"
        ):
            whole = "" if info and info.annotation is float else "whole "
            right = f"write a {whole}number{_bounds(info)}"
        case _:
            expected = _TYPES.get(kind.removesuffix("_type"), "")
            right = f"write {expected}" if expected else detail["msg"]
    return right


def _bounds(info: FieldInfo | None) -> str:
    limits = _constraints(info.annotation, info.metadata) if info else []
    least = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    most = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    if least is None:
        return ""
    return f" from {least}" if most in {None, INT32} else f" from {least} to {most}"


def _constraints(annotation: Any, metadata: Sequence[Any]) -> list[Any]:
    """Bounds of a field, also of one that may be unset."""
    found = [item for item in metadata if isinstance(item, Ge | Le | MaxLen)]
    for option in get_args(annotation) if get_origin(annotation) in {Union, UnionType} else ():
        for item in getattr(option, "__metadata__", ()):
            found += item.metadata if isinstance(item, FieldInfo) else [item]
    return found


def _about(info: FieldInfo | None) -> str:
    about = (info.description or "") if info else ""
    return (about[:1].lower() + about[1:]).removesuffix(".") or "it is required"


def _field(model: type[BaseModel], location: Location) -> FieldInfo | None:
    parent = _model(model, location[:-1]) if location else None
    return _by_alias(parent, location[-1]) if parent else None


def _by_alias(model: type[BaseModel], name: str | int) -> FieldInfo | None:
    return next((info for info in model.model_fields.values() if info.alias == name), None)


def _model(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model of the object at this location; None where it isn't one."""
    found: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):
            continue
        info = _by_alias(found, part) if found else None
        found = _inner(info.annotation) if info else None
    return found


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model inside `Model | None` or `list[Model]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is Literal:
        return None
    return next((model for arg in get_args(annotation) if (model := _inner(arg))), None)
