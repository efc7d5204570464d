"""Labels and annotations that users want on what Davy makes: AnalysisRuns, Jobs, a role's pods.

What the API server would refuse is found here: the rollout would stand where it can't be made.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from davy.api import group, paths
from davy.api.errors import Finding
from davy.api.fields import Model
from davy.api.findings import shown
from davy.api.providers import JobMetadata

Added = Mapping[str, Mapping[str, str]]
"""`labels` and `annotations` by name; a part without any is left out."""

_PARTS: Final = ("labels", "annotations")

_WORD: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_PREFIX: Final = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_KEY: Final = re.compile(f"({_PREFIX}/)?{_WORD}")
_VALUE: Final = re.compile(f"({_WORD})?")
_GROUPS: Final = tuple(group.ApiGroup(name) for name in (group.DAVY, group.ARGO))
_OWN: Final = frozenset(
    {
        group.POD_TEMPLATE_HASH_LABEL,
        group.RUN_TYPE_LABEL,
        group.STEP_INDEX_LABEL,
        *(known.revision_annotation for known in _GROUPS),
        *(known.role_annotation for known in _GROUPS),
        *(known.run_uid_label for known in _GROUPS),
        *(known.run_name_annotation for known in _GROUPS),
        *(known.metric_name_annotation for known in _GROUPS),
    }
)
"""Davy reads them again."""


class Metadata(Model):
    """Labels and annotations, beside Davy's own."""

    labels: dict[str, Annotated[str, Field(max_length=63)]] | None = Field(
        None, max_length=32, description="Labels, to select by."
    )
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] | None = Field(
        None, max_length=32, description="Annotations."
    )

    @property
    def added(self) -> Added:
        """What it adds."""
        return _without_empty({"labels": self.labels, "annotations": self.annotations})


def written(added: Added) -> str:
    """As it is kept in an annotation."""
    return json.dumps(added, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read(text: str) -> Added:
    """What `written` kept; what somebody else wrote there, or names that are Davy's, are left out.

    Davy takes away what it finds here, so a forged one must not lead it to the pod template hash.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return _without_empty(found if isinstance(found, dict) else {})


def _without_empty(found: Mapping[str, Any]) -> Added:
    parts = {
        part: {
            key: value
            for key, value in held.items()
            if isinstance(value, str) and key not in _OWN and is_name(key)
        }
        for part in _PARTS
        if isinstance(held := found.get(part), dict)
    }
    return {part: held for part, held in parts.items() if held}


def problems(metadata: Metadata | JobMetadata, path: str) -> Iterator[Finding]:
    """What is wrong with it as the field of this path."""
    for key, value in (metadata.labels or {}).items():
        at = paths.child(f"{path}.labels", key)
        yield from _key(key, at)
        if not _VALUE.fullmatch(value):
            yield Finding(
                at,
                f"is {shown(value)}; a label's value has letters, digits, '-', '_' and '.', and "
                "begins and ends with a letter or digit",
            )
    for key in metadata.annotations or {}:
        yield from _key(key, paths.child(f"{path}.annotations", key))


def is_name(key: str) -> bool:
    """Whether the API server takes it as the name of a label or annotation."""
    return _KEY.fullmatch(key) is not None


def _key(key: str, path: str) -> Iterator[Finding]:
    if key in _OWN:
        yield Finding(path, "is set by Davy; use another name")
    elif not is_name(key):
        yield Finding(
            path, "is no name of a label or annotation; write one such as team or example.com/team"
        )
