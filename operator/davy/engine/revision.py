"""Which template is which: hashes and numbers of revisions."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from davy.api.rollout import CanaryStep
from davy.engine.world import ReplicaSet

_HASH_LENGTH: Final = 10
"""Hex digits: 40 bits, and short enough for the pods' names."""


def canonical(value: Any) -> Any:
    """The value without its nulls: an explicit null means the same as a field left out."""
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return value


def _digest(value: Any) -> str:
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def template_hash(template: dict[str, Any]) -> str:
    """The revision's hash: of canonical JSON of the user's own fields (I8).

    Neither the order of keys, nor a client library, nor what the API server fills in changes it.
    """
    return _digest(template)


def steps_hash(steps: Sequence[CanaryStep]) -> str:
    """The hash of the steps; a field that Davy learns later doesn't change it (I8)."""
    return _digest([step.model_dump(mode="json", exclude_defaults=True) for step in steps])


def next_revision(replica_sets: Iterable[ReplicaSet]) -> int:
    """One more than the highest revision so far; the first is 1."""
    return max((found.revision for found in replica_sets), default=0) + 1
