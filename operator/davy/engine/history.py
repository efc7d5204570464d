"""The last updates of a rollout and how they ended: `status.history`.

An entry changes only where an update begins or ends, and so with a status that is written anyway.
Where both sides were compared it keeps what was counted: the runs are deleted some updates later.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from davy.api.conditions import Outcome
from davy.api.fields import as_written
from davy.api.findings import cut
from davy.api.status import PastUpdate
from davy.engine.describe import Scene
from davy.engine.position import Stage
from davy.engine.revision import next_revision
from davy.engine.world import Counted, RunKind, World

KEPT: Final = 10
_LENGTH: Final = 300
"""Characters of a reason: ten of them are a small part of an object."""


@dataclass(frozen=True)
class _End:
    """How an update ended."""

    outcome: Outcome
    why: str
    at: datetime


def after(scene: Scene) -> list[PastUpdate] | None:
    """The history with what began and ended in this pass; the newest first, None while empty."""
    position, now = scene.position, scene.now
    found = list(scene.rollout.status.history or ())
    end = _end(scene)
    left = bool(found) and found[0].outcome is None and not _is_of(found[0], position.new_hash)
    if left and (position.started_over or end is not None):
        found[0] = _ended(found[0], _left(scene, found[0]), scene.world)
    if position.started_over:
        begins = position.stage is not Stage.DONE
        if begins and not (found and found[0].outcome is None):
            begun = PastUpdate(
                revision=_number(scene),
                pod_template_hash=position.new_hash,
                started_at=as_written(now),
            )
            found.insert(0, begun)
    if end is not None:
        if not found or found[0].outcome is not None or not _is_of(found[0], position.new_hash):
            unknown = PastUpdate(revision=_number(scene), pod_template_hash=position.new_hash)
            found.insert(0, unknown)
        current = found[0].model_copy(update={"revision": _number(scene)})
        found[0] = _ended(current, end, scene.world)
    return found[:KEPT] or None


def _is_of(entry: PastUpdate, template_hash: str) -> bool:
    return entry.pod_template_hash == template_hash


def is_within(created_at: datetime | None, started_at: datetime | None) -> bool:
    """Whether a run was made since an update began: a retry has the hash of the try before.

    Args:
        created_at: of the run, in whole seconds; None: it doesn't say.
        started_at: of the update; None: nobody knows.
    """
    if created_at is None or started_at is None:
        return True
    return created_at >= started_at.replace(microsecond=0)


def _ended(entry: PastUpdate, end: _End, world: World) -> PastUpdate:
    counted = _counted(entry, world)
    return entry.model_copy(
        update={
            "outcome": end.outcome,
            "message": cut(end.why, _LENGTH),
            "finished_at": as_written(end.at),
            "canary": counted and counted.canary,
            "stable": counted and counted.stable,
        }
    )


def _counted(entry: PastUpdate, world: World) -> Counted | None:
    """By the comparison beside the update's steps; without one, by the last in a step."""
    found = [
        run
        for run in world.runs
        if run.counted is not None
        and run.hash == entry.pod_template_hash
        and is_within(run.created_at, entry.started_at)
    ]
    told = [run for run in found if run.kind is RunKind.BACKGROUND] or found
    if not told:
        return None
    return max(told, key=lambda run: (run.created_at is not None, run.created_at)).counted


def _end(scene: Scene) -> _End | None:
    """How the update of this pass ended, if it did now."""
    position, before, now = scene.position, scene.rollout.status, scene.now
    if position.stage is Stage.ABORTED and before.aborted_at is None:
        return _End(Outcome.ABORTED, scene.aborted, now)
    if position.stage is not Stage.DONE or before.stable_rs == position.new_hash:
        return None
    if not before.stable_rs:
        return _End(Outcome.PROMOTED, "The first revision.", now)
    if position.in_window and position.steps:
        return _End(Outcome.FAST_PROMOTED, "Within rollbackWindow, no steps.", now)
    if before.promote_full:
        return _End(Outcome.FAST_PROMOTED, "Promoted in full.", now)
    count = len(position.steps)
    steps = {0: "No steps.", 1: "Its step is completed."}
    return _End(Outcome.PROMOTED, steps.get(count, f"All {count} steps are completed."), now)


def _left(scene: Scene, entry: PastUpdate) -> _End:
    """How an update ended that wasn't over, as far as was seen, when another template came."""
    if entry.pod_template_hash == scene.rollout.status.stable_rs:
        why = "Under a version of Davy without a history."
        return _End(Outcome.PROMOTED, why, scene.now)
    if scene.position.stage is Stage.DONE:
        why = f"The stable template {scene.position.new_hash} was put back."
        return _End(Outcome.ROLLED_BACK, why, scene.now)
    return _End(Outcome.SUPERSEDED, f"Template {scene.position.new_hash} came.", scene.now)


def _number(scene: Scene) -> int:
    """The new revision's number, as it will be once its ReplicaSet is made or marked."""
    sets, new = scene.world.replica_sets, scene.new
    upcoming = next_revision(sets)
    is_newest = new is not None and new.revision == upcoming - 1
    return new.revision if new is not None and is_newest else upcoming
