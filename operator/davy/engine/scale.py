"""How many pods each revision has, when drained pods go, and which ReplicaSets are kept (I2, I4)."""

from datetime import datetime, timedelta

from davy.engine import weights
from davy.engine.plan import (
    Action,
    CreateReplicaSet,
    DeleteReplicaSet,
    MarkReplicaSet,
    ScaleReplicaSet,
)
from davy.engine.position import Position, Stage
from davy.engine.revision import next_revision
from davy.engine.weights import Effect
from davy.engine.world import ReplicaSet, Rollout, World


def replica_sets(
    rollout: Rollout, world: World, position: Position, took: Effect, target: int, now: datetime
) -> tuple[Action, ...]:
    """Create and grow first, then drain, then shrink, then forget."""
    if rollout.deleting:
        return ()
    growing: list[Action] = []
    shrinking: list[Action] = []
    for action in (
        _new(rollout, world, position, took, target),
        _stable(rollout, world, position),
    ):
        match action:
            case ScaleReplicaSet(name=name, replicas=replicas) if replicas < _pods(world, name):
                shrinking.append(action)
            case None:
                pass
            case _:
                growing.append(action)
    drained = [
        action
        for found in _given_up(world, position)
        for action in _drain(rollout, world, position, took, found, now)
    ]
    return (*growing, *drained, *shrinking, *_forgotten(rollout, world, position))


def drains_until(world: World, now: datetime) -> tuple[datetime, ...]:
    """When the pods that wait out their drain delay may go."""
    deadlines = (found.scale_down_at for found in world.replica_sets if found.desired > 0)
    return tuple(deadline for deadline in deadlines if deadline is not None and deadline > now)


def new_replicas(
    rollout: Rollout, world: World, position: Position, took: Effect, target: int
) -> int:
    """The pods of the new revision: enough for the step's weight and for any weight it still has."""
    full, new = rollout.spec.replicas, world.replica_set(position.new_hash)
    has = new.desired if new else 0
    if position.stage in {Stage.FIRST, Stage.DONE}:
        return full
    if position.stage is Stage.ABORTED or world.problems:
        return min(has, full)
    wants = weights.needed(target, full)
    if wants >= has:
        return wants
    lowered = took.in_effect and (world.route.canary_weight or 0) <= target
    return wants if lowered else min(has, full)  # I4


def _new(
    rollout: Rollout, world: World, position: Position, took: Effect, target: int
) -> Action | None:
    found = world.replica_set(position.new_hash)
    replicas = new_replicas(rollout, world, position, took, target)
    if found is None:
        if position.stage is Stage.ABORTED or world.problems:
            return None
        return CreateReplicaSet(
            name=f"{rollout.name}-{position.new_hash}",
            hash=position.new_hash,
            revision=next_revision(world.replica_sets),
            replicas=replicas,
            why=f"new template; {replicas} of {rollout.spec.replicas} pods for weight {target}",
        )
    newest = max(other.revision for other in world.replica_sets)
    if found.revision < newest and position.stage is not Stage.ABORTED:
        return MarkReplicaSet(
            found.name, newest + 1, None, f"revision {found.revision}'s template is back"
        )
    if position.stage is Stage.ABORTED:
        return None  # drained with the others
    if found.scale_down_at is not None or found.desired != replicas:
        return ScaleReplicaSet(
            found.name, replicas, f"{found.desired} → {replicas} pods for weight {target}"
        )
    return None


def _stable(rollout: Rollout, world: World, position: Position) -> Action | None:
    found = world.replica_set(position.stable_hash)
    if found is None or position.stage in {Stage.FIRST, Stage.DONE}:
        return None
    full = rollout.spec.replicas
    if found.desired == full and found.scale_down_at is None:
        return None
    return ScaleReplicaSet(found.name, full, f"stable: {found.desired} → {full} pods")


def _given_up(world: World, position: Position) -> tuple[ReplicaSet, ...]:
    """ReplicaSets whose pods should go once nothing reaches them."""
    kept = {position.stable_hash, position.new_hash}
    if position.stage is Stage.ABORTED:
        kept = {position.stable_hash}
    return tuple(found for found in world.replica_sets if found.hash not in kept)


def _drain(
    rollout: Rollout,
    world: World,
    position: Position,
    took: Effect,
    found: ReplicaSet,
    now: datetime,
) -> tuple[Action, ...]:
    """I4: the deadline is set when the weight is 0 in effect; the pods go when it has passed."""
    if found.desired == 0:
        return ()
    if weights.may_carry(world.route, found.hash) or not took.in_effect:
        if found.scale_down_at is None:
            return ()
        return (MarkReplicaSet(found.name, found.revision, None, "traffic may reach it again"),)
    strategy = rollout.spec.strategy.canary
    aborted = position.stage is Stage.ABORTED and found.hash == position.new_hash
    if aborted and strategy.abort_scale_down_delay_seconds == 0:
        return ()
    seconds = (
        strategy.abort_scale_down_delay_seconds if aborted else strategy.scale_down_delay_seconds
    )
    if found.scale_down_at is None:
        deadline = now + timedelta(seconds=seconds)
        why = f"weight 0 in effect since {took.since:%H:%M:%S}; its pods go in {seconds} s"
        return (MarkReplicaSet(found.name, found.revision, deadline, why),)
    if found.scale_down_at > now:
        return ()
    why = f"weight 0 and drained: {found.desired} → 0 pods"
    return (ScaleReplicaSet(found.name, 0, why),)


def _forgotten(rollout: Rollout, world: World, position: Position) -> tuple[Action, ...]:
    """ReplicaSets without pods beyond revisionHistoryLimit, the oldest first."""
    idle = sorted(
        (
            found
            for found in world.replica_sets
            if found.hash not in {position.stable_hash, position.new_hash}
            and found.desired == found.current == 0
            and not weights.may_carry(world.route, found.hash)
        ),
        key=lambda found: found.revision,
    )
    limit = rollout.spec.revision_history_limit
    return tuple(
        DeleteReplicaSet(found.name, f"more than {limit} revisions are kept")
        for found in idle[: max(0, len(idle) - limit)]
    )


def _pods(world: World, name: str) -> int:
    return next(found.desired for found in world.replica_sets if found.name == name)
