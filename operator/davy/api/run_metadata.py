"""Labels and annotations that users want on AnalysisRuns and Jobs: what the API server refuses.

Checked here, since the rollout would stand at the step whose run or Job can't be made.
"""

import re
from collections.abc import Iterator
from typing import Final

from davy.api import group, paths
from davy.api.analysis import AnalysisRunMetadata
from davy.api.errors import Finding
from davy.api.findings import shown
from davy.api.providers import JobMetadata

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
        *(known.run_uid_label for known in _GROUPS),
        *(known.run_name_annotation for known in _GROUPS),
        *(known.metric_name_annotation for known in _GROUPS),
    }
)
"""Davy reads them again."""


def problems(metadata: AnalysisRunMetadata | JobMetadata, path: str) -> Iterator[Finding]:
    """What is wrong in an analysis' `analysisRunMetadata`, or in a job's filled in `metadata`."""
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
