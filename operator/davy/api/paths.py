"""Paths in objects: how findings name a place, and how tables name many places at once.

A pattern is dotted, and `[]` after a name means each item of that list:
`spec.strategy.canary.steps[].analysis`. A finding's path is one concrete place:
`spec.strategy.canary.steps[2].analysis`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

_LONGEST: Final = 317
"""Characters of a key that a path shows: a label's longest name, prefix and slash included."""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def child(path: str, key: str | int) -> str:
    """The path of a field or an item: `a.b`, `a[2]`, `a['with-dash']`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if len(key) > _LONGEST:
        key = f"{key[: _LONGEST - 1]}…"
    if not _PLAIN.fullmatch(key):
        return f"{path}['{key}']"
    return f"{path}.{key}" if path else key


def joined(root: str, keys: Sequence[str | int]) -> str:
    """The path that these keys lead to from `root`."""
    path = root
    for key in keys:
        path = child(path, key)
    return path


def objects(document: Any, pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects at the places that the pattern names, each with its concrete path."""
    return _objects(document, "", tuple(pattern.split(".")) if pattern else ())


def _objects(found: Any, path: str, rest: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not rest:
        if isinstance(found, dict):
            yield path, found
        return
    if not isinstance(found, dict):
        return
    name = rest[0].removesuffix("[]")
    inner, at = found.get(name), child(path, name)
    if name == rest[0]:
        yield from _objects(inner, at, rest[1:])
    elif isinstance(inner, list):
        for index, item in enumerate(inner):
            yield from _objects(item, child(at, index), rest[1:])


def copied(value: Any) -> Any:
    """The same JSON; much faster than `deepcopy`, which JSON doesn't need."""
    if isinstance(value, dict):
        return {name: copied(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def beyond(document: Any, *, levels: int, values: int) -> bool:
    """Whether a JSON value nests deeper or has more in it than that; it may contain itself."""
    here, seen = [document], 0
    for _ in range(levels + 1):
        here = [
            inner
            for each in here
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        seen += len(here)
        if not here or seen > values:
            break
    return bool(here)


def is_json(value: Any) -> bool:
    """Whether JSON can carry all of it: no `.nan`, no `.inf`, no half of a character."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False, default=str, skipkeys=True).encode()
    except ValueError:
        return False
    return True


def schema_node(schema: dict[str, Any], pattern: str) -> dict[str, Any]:
    """The schema of the objects that the pattern names.

    Raises:
        KeyError: no object has such a field.
    """
    node = schema
    for part in pattern.split("."):
        node = node["properties"][part.removesuffix("[]")]
        if part.endswith("[]"):
            node = node["items"]
    return node
