"""Fields of a manifest, whatever it looks like: a strange object must still be shown.

The models in `davy.api` refuse what they don't know; a person who asks why a rollout is stuck has
exactly such an object, or one that Argo's controller wrote. So views and verbs read JSON.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from davy.api.fields import parse_instant

Json = Mapping[str, Any]


def at(manifest: Any, *path: str) -> Any:
    """The value at a path of keys; None where a key is missing or its parent is no object."""
    found = manifest
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def text(manifest: Any, *path: str) -> str | None:
    """The text at a path; None when there is none or it is empty."""
    found = at(manifest, *path)
    return found if isinstance(found, str) and found else None


def number(manifest: Any, *path: str) -> int | None:
    """The whole number at a path; None when there is none."""
    found = at(manifest, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def flag(manifest: Any, *path: str) -> bool:
    """Whether `true` is written at a path."""
    return at(manifest, *path) is True


def objects(manifest: Any, *path: str) -> list[Json]:
    """The objects of the list at a path; empty when there is none."""
    found = at(manifest, *path)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def instant(manifest: Any, *path: str) -> datetime | None:
    """The instant at a path; None when there is none, or it can't be read."""
    found = text(manifest, *path)
    if found is None:
        return None
    try:
        return parse_instant(found)
    except ValueError:
        return None


def name_of(manifest: Json) -> str:
    """`metadata.name`."""
    return text(manifest, "metadata", "name") or ""


def owned_by(manifest: Json, owner: Json) -> bool:
    """Whether an owner reference points at this very object, by uid."""
    uid = text(owner, "metadata", "uid")
    references = objects(manifest, "metadata", "ownerReferences")
    return uid is not None and any(reference.get("uid") == uid for reference in references)
