"""How many pods each revision has, when drained pods go, which ReplicaSets are kept (I2, I4)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from davy.engine import canary_scale, managed, roles, stable_scale
from davy.engine.effect import Surroundings, may_carry
from davy.engine.plan import (
    Action,
    CreateReplicaSet,
    DeleteReplicaSet,
    MarkReplicaSet,
    ScaleReplicaSet,
    SetMinReadySeconds,
)
from davy.engine.position import Position, Stage
from davy.engine.revision import next_revision
from davy.engine.world import ReplicaSet, Rollout, World


def replica_sets(around: Surroundings, position: Position, target: int) -> tuple[Action, ...]:
    """Create and grow first, then drain, then shrink, then forget."""
    if around.rollout.deleting:
        return tuple(_left_behind(around, position, target))
    growing: list[Action] = []
    shrinking: list[Action] = []
    for action in (
        _new(around, position, target),
        _stable(around, position, target),
    ):
        if isinstance(action, ScaleReplicaSet) and action.replicas < pods(
            around.world, action.name
        ):
            shrinking.append(action)
        elif action is not None:
            growing.append(action)
    drained = [
        action
        for found in _given_up(around.world, position)
        for action in _drain(around, position, found)
    ]
    return (
        *growing,
        *patience(around, position),
        *drained,
        *shrinking,
        *forgotten(around.rollout, _idle(around.world, position)),
    )


def drains_until(around: Surroundings, position: Position, target: int) -> tuple[datetime, ...]:
    """When pods that wait out their drain delay may go."""
    if around.rollout.spec.paused:
        return ()
    world = around.world
    deadlines = [
        _goes_at(around, position, found, found.scale_down_at)
        for found in _given_up(world, position)
        if found.desired > 0 and found.scale_down_at is not None
    ]
    new = world.replica_set(position.new_hash)
    needs = canary_scale.pods(around.rollout.spec, world.route, position, target)
    surplus = new is not None and new.desired > needs
    if surplus and position.stage is Stage.UPDATING:
        lowers_at = _lowers_at(around, position, target)
        deadlines += [lowers_at] if lowers_at else []
    if stable_scale.waits_to_shrink(around, position, target):
        deadlines.append(stable_scale.shrinks_at(around))
    return tuple(at for at in deadlines if at > around.now)


def _new_replicas(around: Surroundings, position: Position, target: int) -> int:
    """The pods of the new revision, for the step's weight and for any weight it still has.

    While `spec.paused` is true they grow only where the rollout's size does, and none go.
    """
    full, world = around.full, around.world
    new = world.replica_set(position.new_hash)
    has = new.desired if new else 0
    if position.stage in {Stage.FIRST, Stage.DONE}:
        return 0 if waits_to_begin(around, position) else full
    kept = min(has, max(full, canary_scale.asked(around.rollout.spec, position)))
    if position.stage is Stage.ABORTED or world.problems:
        return kept
    spec, route = around.rollout.spec, world.route
    if spec.paused:
        load = managed.load(spec, route, position, target)
        return max(kept, around.capacity.needed(load))
    wants = canary_scale.pods(spec, route, position, target)
    if wants >= has:
        return wants
    lowered = _lowers_at(around, position, target)
    reached = wants == 0 and may_carry(world.route, position.new_hash)
    drained = lowered is not None and lowered <= around.now and around.took.in_effect
    return wants if drained and not reached else kept  # I4


def waits_to_begin(around: Surroundings, position: Position) -> bool:
    """A first revision that was paused before it had pods gets none until it is resumed."""
    new = around.world.replica_set(position.new_hash)
    begun = new is not None and new.desired > 0
    return position.stage is Stage.FIRST and around.rollout.spec.paused and not begun


def _lowers_at(around: Surroundings, position: Position, target: int) -> datetime | None:
    """When pods that less traffic doesn't need may go; None: it isn't less yet."""
    route = around.world.route
    rules = managed.asked(around.rollout.spec, route, position)
    if (route.canary_weight or 0) > target or not managed.is_written(route, rules):
        return None
    delay = timedelta(seconds=around.rollout.spec.strategy.canary.drain_seconds)
    return around.took.took_at + delay


def _new(around: Surroundings, position: Position, target: int) -> Action | None:
    world = around.world
    found = world.replica_set(position.new_hash)
    replicas = _new_replicas(around, position, target)
    purpose = _purpose(around, position, target)
    made = created(around, position, replicas, purpose)
    if made is not None or found is None:
        return made
    if position.stage is Stage.ABORTED:
        return None  # drained with the others
    if found.scale_down_at is not None or found.desired != replicas:
        change = f"{found.desired} → {replicas} pods for {purpose}"
        kept = f"keeps its {replicas} pods for {purpose}"
        return ScaleReplicaSet(found.name, replicas, change if found.desired != replicas else kept)
    return None


def _purpose(around: Surroundings, position: Position, target: int) -> str:
    adds = canary_scale.asked(around.rollout.spec, position) > around.capacity.needed(target)
    return "setCanaryScale" if adds else f"weight {target}"


def created(
    around: Surroundings, position: Position, replicas: int, purpose: str
) -> CreateReplicaSet | MarkReplicaSet | None:
    """The new template's ReplicaSet is there, and is the newest; None: it is so, or must not be.

    Args:
        around: what else there is.
        position: where the update stands.
        replicas: the pods that it begins with.
        purpose: what they are for, in words.
    """
    world = around.world
    found = world.replica_set(position.new_hash)
    if position.stage is Stage.ABORTED or (found is None and world.problems):
        return None
    if found is None:
        return CreateReplicaSet(
            name=f"{around.rollout.name}-{position.new_hash}",
            hash=position.new_hash,
            revision=next_revision(world.replica_sets),
            replicas=replicas,
            why=f"new template; {replicas} of {around.full} pods for {purpose}",
            added=roles.added(around, position, position.new_hash),
            apart=roles.apart(around, position, position.new_hash),
        )
    newest = max(other.revision for other in world.replica_sets)
    if found.revision < newest:
        return MarkReplicaSet(
            found.name, newest + 1, None, f"revision {found.revision}'s template is back"
        )
    return None


def _left_behind(around: Surroundings, position: Position, target: int) -> Iterator[Action]:
    """Stable takes all traffic when its Rollout goes: it gets all its pods, who may be orphaned."""
    stable = _stable(around, position, target)
    if stable is not None and stable_scale.is_on(around):
        yield stable


def _stable(around: Surroundings, position: Position, target: int) -> ScaleReplicaSet | None:
    found = around.world.replica_set(position.stable_hash)
    if found is None or position.stage in {Stage.FIRST, Stage.DONE}:
        return None
    wants = stable_scale.pods(around, position, target)
    if found.desired == wants and found.scale_down_at is None:
        return None
    return ScaleReplicaSet(found.name, wants, f"stable: {found.desired} → {wants} pods")


def patience(around: Surroundings, position: Position) -> tuple[Action, ...]:
    """Both revisions count pods as available by the same minReadySeconds, the spec's."""
    seconds = around.rollout.spec.min_ready_seconds
    return tuple(
        SetMinReadySeconds(
            found.name, seconds, f"minReadySeconds {found.min_ready_seconds} → {seconds}"
        )
        for found in around.world.replica_sets
        if found.hash in {position.stable_hash, position.new_hash}
        and found.min_ready_seconds != seconds
    )


def _given_up(world: World, position: Position) -> tuple[ReplicaSet, ...]:
    """ReplicaSets whose pods should go once nothing reaches them."""
    kept = {position.stable_hash, position.new_hash}
    if position.stage is Stage.ABORTED:
        kept = {position.stable_hash}
    return tuple(found for found in world.replica_sets if found.hash not in kept)


def _drain(around: Surroundings, position: Position, found: ReplicaSet) -> tuple[Action, ...]:
    """I4: the deadline is set when the weight is 0 in effect; the pods go when it has passed.

    While `spec.paused` is true they stay: who pauses may want to go back to them. With `replicas` 0
    nobody is to answer, and a Service that isn't narrowed would lead to them for ever.
    """
    if found.desired == 0:
        return ()
    if around.full == 0 and not around.rollout.spec.paused:
        return (ScaleReplicaSet(found.name, 0, f"replicas 0: {found.desired} → 0 pods"),)
    deadline = found.scale_down_at
    if may_carry(around.world.route, found.hash):
        taken_back = MarkReplicaSet(found.name, found.revision, None, "traffic may reach it again")
        return () if deadline is None else (taken_back,)
    seconds = _delay_seconds(around, position, found)
    if not around.took.in_effect or seconds is None or around.rollout.spec.paused:
        return ()
    if deadline is None or deadline - around.now > timedelta(seconds=seconds):
        why = f"weight 0 in effect since {around.took.since:%H:%M:%S}; its pods go in {seconds} s"
        goes_at = around.now + timedelta(seconds=seconds)
        return (MarkReplicaSet(found.name, found.revision, goes_at, why),)
    why = f"weight 0 and drained: {found.desired} → 0 pods"
    may_go = around.now >= _goes_at(around, position, found, deadline)
    return (ScaleReplicaSet(found.name, 0, why),) if may_go else ()


def _goes_at(
    around: Surroundings, position: Position, found: ReplicaSet, deadline: datetime
) -> datetime:
    """When a drained revision's pods may go.

    Not before its delay has passed since the route last changed, whatever the deadline says: it may
    be from before requests could reach the pods again, and whoever was to take it back was killed.
    """
    seconds = _delay_seconds(around, position, found) or 0
    return max(deadline, around.took.took_at + timedelta(seconds=seconds))


def _delay_seconds(around: Surroundings, position: Position, found: ReplicaSet) -> int | None:
    """How long pods without weight stay; None: for ever."""
    strategy = around.rollout.spec.strategy.canary
    if position.stage is Stage.ABORTED and found.hash == position.new_hash:
        return strategy.abort_scale_down_delay_seconds or None
    limit = strategy.scale_down_delay_revision_limit
    beyond = limit is not None and _newer(around.world, position, found) >= limit
    return strategy.least_drain_seconds if beyond else strategy.drain_seconds


def _newer(world: World, position: Position, found: ReplicaSet) -> int:
    """Newer revisions that keep pods they were given up with; an aborted one has its own delay."""
    return sum(
        other.revision > found.revision and other.desired > 0 and other.hash != position.new_hash
        for other in _given_up(world, position)
    )


def _idle(world: World, position: Position) -> Iterator[ReplicaSet]:
    """Given up, without pods, and nothing reaches them."""
    return (
        found
        for found in world.replica_sets
        if found.hash not in {position.stable_hash, position.new_hash}
        and found.desired == found.current == 0
        and not may_carry(world.route, found.hash)
    )


def forgotten(rollout: Rollout, idle: Iterable[ReplicaSet]) -> tuple[Action, ...]:
    """ReplicaSets without pods beyond revisionHistoryLimit, the oldest first."""
    ordered = sorted(idle, key=lambda found: found.revision)
    limit = rollout.spec.revision_history_limit
    return tuple(
        DeleteReplicaSet(found.name, f"more than {limit} revisions are kept")
        for found in ordered[: max(0, len(ordered) - limit)]
    )


def pods(world: World, name: str) -> int:
    """The pods that a ReplicaSet is asked to have."""
    return next(found.desired for found in world.replica_sets if found.name == name)
