"""What a role's pods have: labels and annotations, changed in place, and where they are scheduled.

They are no part of the pod template: no hash sees them (I8), and no pod is restarted for them.
`canaryMetadata`, `stableMetadata` and `antiAffinity` of the strategy say what it is.
"""

from collections.abc import Iterator
from typing import Final

from davy.api.anti_affinity import Apart
from davy.api.metadata import Added
from davy.engine.effect import Surroundings
from davy.engine.plan import Action, AddToPods, AddToReplicaSet, SetApart
from davy.engine.position import Position
from davy.engine.world import ReplicaSet, Role

_AT_ONCE: Final = 20
"""Pods of a pass: a pass is short, so that an abort never waits for the labels of many pods."""


def added(around: Surroundings, position: Position, template_hash: str) -> Added:
    """What the pods of this revision should have for their role; {} where they have none."""
    strategy = around.rollout.spec.strategy.canary
    of = {Role.STABLE: strategy.stable_metadata, Role.CANARY: strategy.canary_metadata}
    role = _role(around, position, template_hash)
    wanted = of[role] if role else None
    return wanted.added if wanted else {}


def apart(around: Surroundings, position: Position, template_hash: str) -> Apart | None:
    """Whom the new pods of this revision should be scheduled apart from: a canary's from stable's.

    Not so for a promoted one: the revision before it is on its way out.
    """
    wanted = around.rollout.spec.strategy.canary.anti_affinity
    stable = around.rollout.status.stable_rs
    is_canary = _role(around, position, template_hash) is Role.CANARY
    return wanted.from_(stable) if wanted and stable and is_canary else None


def changes(around: Surroundings, position: Position) -> tuple[Action, ...]:
    """ReplicaSets before their pods: one that is made meanwhile is made right."""
    if around.rollout.deleting:
        return ()
    return tuple(
        action
        for found in around.world.replica_sets
        for action in (
            *_apart(found, apart(around, position, found.hash)),
            *_changes(found, added(around, position, found.hash)),
        )
    )


def _apart(found: ReplicaSet, wanted: Apart | None) -> Iterator[Action]:
    if found.apart != wanted:
        what = f"apart from {wanted.hash}'s" if wanted else "wherever the template allows"
        yield SetApart(found.name, wanted, f"its new pods are scheduled {what}")


def _changes(found: ReplicaSet, wanted: Added) -> Iterator[Action]:
    if found.added != wanted and (wanted or found.added is not None):
        yield AddToReplicaSet(found.name, wanted, f"its new pods get {_in_words(wanted)}")
    others = [pod for pod in found.pods_added if pod.added != wanted]
    if others:
        why = f"{len(others)} of its pods get {_in_words(wanted)}"
        yield AddToPods(found.name, tuple(others[:_AT_ONCE]), wanted, why)


def _role(around: Surroundings, position: Position, template_hash: str) -> Role | None:
    """By the status that is written, not by a promotion that may yet be decided anew (I6)."""
    if template_hash == (around.rollout.status.stable_rs or position.new_hash):
        return Role.STABLE
    return Role.CANARY if template_hash == position.new_hash else None


def _in_words(wanted: Added) -> str:
    names = [f"{key}={value}" for key, value in wanted.get("labels", {}).items()]
    names += [f"annotation {key}" for key in wanted.get("annotations", {})]
    return ", ".join(names) or "nothing for a role any more"
