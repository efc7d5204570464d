"""The few refusals of the real server that Davy's own writes could meet; it has many more."""

import re
from typing import Any, Final

from davy.api import errors
from davy.cluster.client import Json
from davy.cluster.kinds import EVENT, LEASE, Kind

_MICROSECONDS: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
_EMPTIED: Final = ("annotations", "labels", "finalizers", "ownerReferences")


def tidied(metadata: Json) -> Json:
    """Metadata without empty maps and lists, which aren't kept."""
    empty = [name for name in _EMPTIED if name in metadata and not metadata[name]]
    return {name: v for name, v in metadata.items() if name not in empty} if empty else metadata


def check(kind: Kind, made: Json, held: Json | None) -> None:
    """Refuse what the server would.

    Raises:
        errors.Rejected: with the field.
    """
    refused = [*_metadata(made["metadata"], held)]
    if kind == LEASE:
        refused += _lease(made.get("spec") or {})
    if kind == EVENT and _elsewhere(made):
        refused.append("involvedObject.namespace")
    if refused:
        name = f"{made['metadata'].get('namespace')}/{made['metadata']['name']}"
        raise errors.Rejected(f"{kind} {name} is invalid: {', '.join(refused)}", status=422)


def _metadata(metadata: Json, held: Json | None) -> list[str]:
    before: Json = held["metadata"] if held else {}
    if "deletionTimestamp" not in before:
        return ["metadata.deletionTimestamp"] if "deletionTimestamp" in metadata else []
    added = {*(metadata.get("finalizers") or ())} - {*(before.get("finalizers") or ())}
    return ["metadata.finalizers"] if added else []


def _lease(spec: Json) -> list[str]:
    times = (name for name in ("acquireTime", "renewTime") if spec.get(name) is not None)
    found = [name for name in times if not _MICROSECONDS.fullmatch(str(spec[name]))]
    found += [
        name
        for name, least in (("leaseDurationSeconds", 1), ("leaseTransitions", 0))
        if not _at_least(spec.get(name, least), least)
    ]
    return [f"spec.{name}" for name in found]


def _at_least(value: Any, least: int) -> bool:
    return value is None or (isinstance(value, int) and value >= least)


def _elsewhere(event: Json) -> bool:
    about = (event.get("involvedObject") or {}).get("namespace", "")
    return bool((about or "default") != event["metadata"]["namespace"])
