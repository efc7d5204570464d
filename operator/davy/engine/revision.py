"""Which steps are which, and numbers of revisions."""

from collections.abc import Iterable, Sequence

from davy.api.rollout import CanaryStep
from davy.api.template_hash import digest
from davy.engine.world import ReplicaSet


def steps_hash(steps: Sequence[CanaryStep]) -> str:
    """The hash of the steps; a field that Davy learns later doesn't change it (I8)."""
    return digest([step.model_dump(mode="json", exclude_defaults=True) for step in steps])


def next_revision(replica_sets: Iterable[ReplicaSet]) -> int:
    """One more than the highest revision so far; the first is 1."""
    return max((found.revision for found in replica_sets), default=0) + 1
