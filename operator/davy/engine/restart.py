"""A restart: pods older than `spec.restartAt` are evicted in turns (I2).

Stable's first, then the canary's; those of revisions that are given up go anyway. A canary's weight
is lowered to what the others carry before its pods go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from davy.api.fields import format_instant
from davy.engine import basic
from davy.engine.effect import Surroundings
from davy.engine.plan import (
    Action,
    CreateReplicaSet,
    EvictPod,
    PointRole,
    ScaleReplicaSet,
    SetWeights,
)
from davy.engine.position import Position, Stage
from davy.engine.world import Pod, ReplicaSet, Rollout, World

_MOVES: Final = (SetWeights, PointRole, CreateReplicaSet, ScaleReplicaSet)
"""What changes where traffic goes, or how many pods are there for it."""


@dataclass(frozen=True)
class Restart:
    """A restart that is under way."""

    at: datetime
    """Pods from before it go."""
    left: int
    """Pods of the rollout that have yet to go."""
    turn: ReplicaSet | None
    """Whose pods go now; None: every pod is new."""


def pending(rollout: Rollout) -> datetime | None:
    """When a restart begins or began that isn't done yet; None: there is none."""
    at, done = rollout.spec.restart_at, rollout.status.restarted_at
    if at is None or rollout.deleting:
        return None
    return None if done is not None and format_instant(done) == format_instant(at) else at


def look(rollout: Rollout, world: World, position: Position, now: datetime) -> Restart | None:
    """How far the restart is; None: none is due."""
    at = pending(rollout)
    if at is None or at > now:
        return None
    roles = [position.stable_hash]
    if position.stage in {Stage.FIRST, Stage.UPDATING}:
        roles.append(position.new_hash)
    found = [held for role in roles if (held := world.replica_set(role)) and held.desired > 0]
    left = sum(len(_old(held, at)) for held in found)
    return Restart(at, left, next((held for held in found if not _is_new(held, at)), None))


def making_room(around: Surroundings, position: Position, restart: Restart | None) -> Surroundings:
    """What is around, without the canary's pods that go next: its weight is lowered first (I2).

    Without a route the other pods take their requests over as they go.
    """
    turn = restart.turn if restart else None
    if restart is None or turn is None or turn.hash != position.new_hash:
        return around
    if position.stage is not Stage.UPDATING or not around.way.has_route:
        return around
    ready = sum(pod.ready for pod in _old(turn, restart.at))
    leaving = max(0, min(ready, _at_once(around) - _missing(turn)))
    return replace(around, leaving=leaving, leaving_hash=turn.hash)


def evictions(
    around: Surroundings, position: Position, restart: Restart | None, others: Sequence[Action]
) -> tuple[Action, ...]:
    """The pods to evict now: none while the route changes, as it does to make room for them.

    None while a ReplicaSet is scaled either: those that go with it would go beside them. None while
    a weight that is to be lowered waits for stable's pods (dynamicStableScale).

    Args:
        around: from `making_room`.
        position: where the update stands.
        restart: from `look`.
        others: what this pass does to the route and the ReplicaSets.
    """
    turn = restart.turn if restart else None
    if restart is None or turn is None or not turn.observed:
        return ()
    first = position.stage is Stage.FIRST
    if any(isinstance(other, _MOVES) for other in others) or not (first or around.took.in_effect):
        return ()
    weight = around.world.route.canary_weight or 0
    if around.leaving and weight > around.carried(around.leaving_hash):
        return ()
    why = f"older than restartAt {format_instant(restart.at)}; {restart.left} are left"
    return tuple(EvictPod(pod.name, pod.uid, why) for pod in _next(around, turn, restart.at))


def _next(around: Surroundings, turn: ReplicaSet, at: datetime) -> tuple[Pod, ...]:
    """Pods that serve nobody go first; others only while enough are there."""
    old = sorted(_old(turn, at), key=lambda pod: (pod.created_at, pod.name))
    going = sum(pod.going for pod in turn.pods or ())
    unready = [pod for pod in old if not pod.ready]
    if unready:
        return tuple(unready[: max(0, _at_once(around) - going)])
    lacking = around.way.lacking(around, turn, turn.desired - _missing(turn))
    return tuple(old[: max(0, _at_once(around) - lacking)])


def _at_once(around: Surroundings) -> int:
    """At least one: with none that may be missing nothing would ever go."""
    return max(1, basic.may_be_missing(around.rollout.spec))


def _missing(turn: ReplicaSet) -> int:
    """Pods that aren't there to serve, or whose end somebody still waits for."""
    return max(turn.desired - turn.standing, sum(pod.going for pod in turn.pods or ()))


def _old(found: ReplicaSet, at: datetime) -> list[Pod]:
    return [pod for pod in found.pods or () if pod.created_at < at and not pod.going]


def _is_new(found: ReplicaSet, at: datetime) -> bool:
    """Every pod is from after the restart, and all that should be are available."""
    return not _old(found, at) and _missing(found) == 0
