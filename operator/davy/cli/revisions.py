"""The pod templates that a rollout's ReplicaSets keep, as `davy undo` goes back to them. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from davy.api import made_template
from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.cli.manifest import Json, at, owned_by, text
from davy.engine.revision import template_hash


@dataclass(frozen=True)
class Revision:
    """One revision's template."""

    number: int
    """From 1."""
    hash: str
    template: dict[str, Any]
    exact: bool
    """As the user wrote it; else the API server's defaults are in it, and its hash is another."""


def kept(rollout: Json, replica_sets: Iterable[Json], group: ApiGroup) -> list[Revision]:
    """Those of this rollout that have a number, any order."""
    own = [found for found in replica_sets if owned_by(found, rollout)]
    return [made for found in own if (made := _revision(found, group)) is not None]


def _revision(found: Json, group: ApiGroup) -> Revision | None:
    number = text(found, "metadata", "annotations", group.revision_annotation) or ""
    hash_ = text(found, "metadata", "labels", POD_TEMPLATE_HASH_LABEL) or ""
    template = at(found, "spec", "template")
    if not (number.isascii() and number.isdecimal()) or not isinstance(template, dict):
        return None
    written = _written(text(found, "metadata", "annotations", group.template_annotation))
    if written is not None and template_hash(written) == hash_:
        return Revision(int(number), hash_, written, exact=True)
    return Revision(int(number), hash_, made_template.plain(found, template, group), exact=False)


def _written(annotation: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(annotation or "")
    except (ValueError, RecursionError):  # somebody wrote into it
        return None
    return found if isinstance(found, dict) else None
