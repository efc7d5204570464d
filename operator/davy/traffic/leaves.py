"""Patches of single leaves: JSON patches (RFC 6902) that fail rather than overwrite the unseen.

What guards a patch (I9), beside a `test` of each leaf it replaces:

- A path through a list goes astray when the list changes, and a destination added beside ours would
  break the sum (I1). So `metadata.generation` is tested: it changes with every change of the spec
  and with nothing else, so that a status written meanwhile doesn't fail the patch. Beside it stand
  the leaves that say which list item is meant (a host, a subset's name).
- A leaf that isn't there can't be tested: `generation` again, or `metadata.resourceVersion` for
  what lies in `metadata` and where the object has no generation (Service).

Only numbers and DNS-like strings are ever tested, never a whole object of the user's: the API
server compares strings byte by byte in its own escaped form, so a `<` in a user's header would fail
such a test for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from davy.traffic.base import Json, ObjectKey, ObjectPatch

Path = tuple[str | int, ...]
"""Keys and list indices from the object's root: `("spec", "http", 0)`."""


class Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = auto()


ABSENT: Final = Absent.ABSENT
"""There is nothing at the path; JSON's null is None."""


_ESCAPED: Final = frozenset('<>&"\\')
"""ASCII characters that JSON encoders write in more than one way."""


@dataclass(frozen=True)
class Change:
    """A leaf, and what it shall hold."""

    path: Path
    value: int | str | None
    """None: nothing, the leaf goes."""
    identity: tuple[Path, ...] = ()
    """Leaves that say which list item the path goes through."""


@dataclass(frozen=True)
class Relist:
    """A list of which items go and others come; the rest stays, in its order."""

    path: Path
    gone: tuple[int, ...]
    """Indices of those that go, in the list as it is."""
    come: tuple[tuple[int, Json], ...]
    """Those that come, each with the index, in the list as it is, of the item that it precedes."""


def pointer(path: Path) -> str:
    """The JSON pointer (RFC 6901): `("metadata", "a/b~c", 0)` is `/metadata/a~1b~0c/0`."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)


def value_at(root: object, path: Path) -> object:
    """What is at the path, `ABSENT` where a key, an index or a container on the way is missing."""
    found = root
    for key in path:
        if isinstance(found, dict) and isinstance(key, str):
            found = found.get(key, ABSENT)
        elif isinstance(found, list) and isinstance(key, int):
            found = found[key] if 0 <= key < len(found) else ABSENT
        else:
            return ABSENT
    return found


def text_at(root: object, path: Path) -> str | None:
    """The string at the path; None when there is none, or something else."""
    found = value_at(root, path)
    return found if isinstance(found, str) else None


def number_at(root: object, path: Path) -> int | None:
    """The whole number at the path; None when there is none, or something else (true is none)."""
    found = value_at(root, path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def list_at(root: object, path: Path) -> list[object]:
    """The list at the path; empty when there is none, or something else."""
    found = value_at(root, path)
    return found if isinstance(found, list) else []


def holds(root: object, change: Change) -> bool:
    """Whether the leaf holds the value already; `true` isn't 1."""
    found = value_at(root, change.path)
    if change.value is None:
        return found is ABSENT
    return type(found) is type(change.value) and found == change.value


def patch(
    key: ObjectKey, root: Json, changes: Sequence[Change], relist: Relist | None = None
) -> tuple[ObjectPatch, ...]:
    """One patch that makes all the changes; none when they hold, or the object's shape forbids one.

    All or nothing: weights that must sum to 100 are never written in part (I1).

    Args:
        key: of the object.
        root: the object.
        changes: of leaves; their paths are those of the object as it is.
        relist: a list of the object that changes too, none of whose items that go is in `changes`.
    """
    needed = [change for change in changes if not holds(root, change)]
    tests: list[Json] = []
    writes: list[Json] = []
    for change in needed:
        write = _write(root, change)
        if write is None:
            return ()
        tests += _tests(root, change)
        writes.append(write)
    if relist and (relist.gone or relist.come):
        tests[:0] = _tested(root, [_guard(root, relist.path)])
        writes += _relisted(relist)
    operations = [*_unique(tests), *writes]
    return (ObjectPatch(key, tuple(operations)),) if operations else ()


def _relisted(relist: Relist) -> list[Json]:
    """From the end of the list to its start, so that no index moves before its turn."""
    moves: list[tuple[int, int, Json]] = [
        *(
            (index, 1, {"op": "remove", "path": pointer((*relist.path, index))})
            for index in relist.gone
        ),
        *(
            (index, 0, {"op": "add", "path": pointer((*relist.path, index)), "value": item})
            for index, item in reversed(relist.come)
        ),
    ]
    return [move for _, _, move in sorted(moves, key=lambda move: move[:2], reverse=True)]


def _write(root: Json, change: Change) -> Json | None:
    """The operation that puts the value there, with the containers that are missing on the way."""
    if change.value is None:
        return {"op": "remove", "path": pointer(change.path)}
    if value_at(root, change.path) is not ABSENT:
        return {"op": "replace", "path": pointer(change.path), "value": change.value}
    depth = len(change.path) - 1
    while depth and value_at(root, change.path[:depth]) in (ABSENT, None):
        depth -= 1
    if not isinstance(value_at(root, change.path[:depth]), dict):
        return None
    value: object = change.value
    for name in reversed(change.path[depth + 1 :]):
        if not isinstance(name, str):
            return None
        value = {name: value}
    return {"op": "add", "path": pointer(change.path[: depth + 1]), "value": value}


def _tests(root: Json, change: Change) -> list[Json]:
    found = value_at(root, change.path)
    guarded = [*change.identity]
    if found is ABSENT or any(isinstance(name, int) for name in change.path):
        guarded.insert(0, _guard(root, change.path))
    if found is not ABSENT:
        guarded.append(change.path)
    return _tested(root, guarded)


def _tested(root: Json, paths: Sequence[Path]) -> list[Json]:
    return [
        {"op": "test", "path": pointer(path), "value": value}
        for path in paths
        if _plain(value := value_at(root, path))
    ]


def _plain(value: object) -> bool:
    """Whether the API server's test compares it as meant: no character that it may have escaped."""
    if isinstance(value, str):
        return value.isascii() and value.isprintable() and not set(value) & _ESCAPED
    return value is None or isinstance(value, int)


def _guard(root: Json, path: Path) -> Path:
    """The leaf of `metadata` that changes whenever what lies around this path does."""
    generation: Path = ("metadata", "generation")
    if path[0] != "metadata" and number_at(root, generation) is not None:
        return generation
    return ("metadata", "resourceVersion")


def _unique(tests: Sequence[Json]) -> list[Json]:
    """The tests without repetition, in their order."""
    return list({test["path"]: test for test in tests}.values())
