"""An update without a router: the ReplicaSets are the route, the ratio of their pods the weight.

What is available is in effect: there is no mesh between the pods and their users that lags or has
to be asked, and pods that go leave their Services by Kubernetes' own graceful end. So nothing
settles and nothing is drained; `basic` says how many pods each ReplicaSet may have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from davy.api.rollout import RolloutSpec
from davy.api.status import RolloutStatus
from davy.engine import basic, describe, scale, weights
from davy.engine.basic import Counts, Pods
from davy.engine.describe import Scene
from davy.engine.effect import Effect, Surroundings
from davy.engine.plan import Action, ScaleReplicaSet
from davy.engine.position import Position, Stage
from davy.engine.way import Move
from davy.engine.world import ReplicaSet, Role, Route, World

_NONE = Pods(0)


class ByPods:
    """The way of rollouts without `trafficRouting`."""

    has_route = False

    def seen(self, world: World, position: Position) -> World:
        """With the canary's share of the available pods as the weight."""
        new = world.replica_set(position.new_hash)
        is_canary = position.stage in {Stage.UPDATING, Stage.ABORTED}
        mine = new.standing if new and is_canary else 0
        weight = basic.share(mine, sum(found.standing for found in world.replica_sets))
        return replace(world, route=replace(world.route, canary_weight=weight))

    def took(
        self,
        route: Route,  # noqa: ARG002 - the contract
        status: RolloutStatus,  # noqa: ARG002
        now: datetime,
        settle: timedelta,  # noqa: ARG002
    ) -> Effect:
        """At once."""
        return Effect(said="", since=now, took_at=now, settles_at=None, in_effect=True)

    def needed(self, spec: RolloutSpec, weight: int) -> int:
        """As near to the weight as whole pods come."""
        return basic.counts(weight, spec.replicas, basic.limits(spec).surge).canary

    def in_place(self, weight: int, position: Position, around: Surroundings) -> bool:
        """Both revisions have just the pods for it, the canary's are available, no other has any.

        Stable's may be unavailable: what befalls them must not keep its successor back.
        """
        world = around.world
        new, stable = world.replica_set(position.new_hash), _stable(world, position)
        if new is None:
            return False
        wants = _for_weight(around, position, weight)
        others = _older(world, position)
        return (
            new.observed
            and new.desired == wants.canary
            and around.capacity.enough(wants.canary) <= new.available <= wants.canary
            and (
                stable is None
                or (stable.desired == wants.stable and stable.available <= wants.stable)
            )
            and not any(found.desired or found.available for found in others)
        )

    def given(self, around: Surroundings, position: Position) -> int | None:
        """By the pods that it was asked to have: those that are starting are on their way."""
        new = around.world.replica_set(position.new_hash)
        total = sum(found.desired for found in around.world.replica_sets)
        return basic.share(_desired(new), max(total, around.full))

    def wanted(
        self,
        around: Surroundings,  # noqa: ARG002 - the contract
        position: Position,  # noqa: ARG002
        target: int,  # noqa: ARG002
    ) -> int | None:
        """No weight is written."""
        return None

    def moves(
        self,
        around: Surroundings,
        position: Position,
        target: int,  # noqa: ARG002 - the contract
    ) -> Sequence[Move]:
        """The Services that the rollout names, each to its revision once that has pods.

        One that isn't narrowed finds every pod: it is narrowed only to a complete revision.
        """
        return tuple(_moves(around, position))

    def replica_sets(
        self, around: Surroundings, position: Position, target: int
    ) -> tuple[Action, ...]:
        """Created and grown first, then shrunk, then forgotten, all within the limits."""
        if around.rollout.deleting:
            return ()
        return tuple(_scaled(around, position, _recorded(around, position, target)))

    def lacking(self, around: Surroundings, turn: ReplicaSet, there: int) -> int:
        """Of all together: the update itself may have taken some away."""
        others = (found for found in around.world.replica_sets if found is not turn)
        return around.full - there - sum(around.proven(found.hash) for found in others)

    def drains_until(
        self,
        around: Surroundings,  # noqa: ARG002 - the contract
        position: Position,  # noqa: ARG002
        target: int,  # noqa: ARG002
    ) -> tuple[datetime, ...]:
        """Nothing is drained."""
        return ()

    def is_settled(self, scene: Scene) -> bool:
        """All its pods are available, no other revision has any, its Services lead to it."""
        world, new, full = scene.world, scene.new, scene.rollout.spec.replicas
        return (
            scene.position.stage is Stage.DONE
            and new is not None
            and new.standing >= full
            and not any(found.desired or found.current for found in _others(world, new))
            and (full == 0 or not [*_misled(world.route, scene.position.new_hash)])
        )

    def moving(self, scene: Scene) -> str:
        """Pods of the canary, or pods of others that are still to go."""
        new, goal, world = scene.new, scene.target, scene.world
        if new is None or new.available < scene.enough(self.needed(scene.rollout.spec, goal)):
            return f"weight held at {world.route.canary_weight}: {describe.pods(scene, goal)}."
        return f"weight {world.route.canary_weight} → {goal}: {_too_many(scene, goal)}."

    def done(self, scene: Scene, name: str) -> str:
        """Pods of others that are still to go, or Services."""
        new = scene.new
        left = [found for found in _others(scene.world, new) if found.desired or found.current]
        if new is not None and left:
            return f"{name} is stable: {describe.have(left)}."
        return f"{name} is stable: leading its Services to it."


def _others(world: World, new: ReplicaSet | None) -> list[ReplicaSet]:
    return [found for found in world.replica_sets if new is None or found.hash != new.hash]


def _stable(world: World, position: Position) -> ReplicaSet | None:
    """The revision to fall back on; None where the new one is all there is."""
    if position.stage in {Stage.FIRST, Stage.DONE}:
        return None
    return world.replica_set(position.stable_hash)


def _canary(world: World, position: Position) -> ReplicaSet | None:
    """The revision that is to have pods beside stable; an aborted one is given up."""
    return None if position.stage is Stage.ABORTED else world.replica_set(position.new_hash)


def _older(world: World, position: Position) -> list[ReplicaSet]:
    """The revisions that were given up, the newest first."""
    kept = (_stable(world, position), _canary(world, position))
    others = [found for found in world.replica_sets if found not in kept]
    return sorted(others, key=lambda found: -found.revision)


def _recorded(around: Surroundings, position: Position, target: int) -> int:
    """The weight of the step that the status says, not of one that this pass went on to.

    Pods that moved before the status did would look like a step that isn't in place to whoever
    comes after a kill or a conflict: it would take them back (I6).
    """
    index = around.rollout.status.current_step_index
    if position.stage is not Stage.UPDATING or position.started_over or index is None:
        return target
    if around.rollout.spec.paused:
        return target  # no step goes on
    return weights.of_step(position.steps, min(index, position.index), position.total)


def _for_weight(around: Surroundings, position: Position, weight: int) -> Counts:
    full = around.full
    if _stable(around.world, position) is None:
        return Counts(full, 0)  # whoever took stable away: the new revision is all there is
    return basic.counts(weight, full, basic.limits(around.rollout.spec).surge)


def _wanted(around: Surroundings, position: Position, target: int) -> Counts:
    """The pods to come to; with a problem in the spec the canary keeps what it has."""
    full, updating = around.full, position.stage is Stage.UPDATING
    if position.stage is Stage.ABORTED:
        return Counts(0, full)
    if scale.waits_to_begin(around, position):
        return Counts(0, 0)
    if updating and around.rollout.spec.paused:
        return _held(around, position, target)
    if updating and around.world.problems:
        kept = min(_desired(_canary(around.world, position)), full)
        return Counts(kept, full - kept)
    return _for_weight(around, position, target)


def _held(around: Surroundings, position: Position, target: int) -> Counts:
    """While `spec.paused` is true the canary gets no pod, and neither revision gives one up.

    What the rollout's size and lost pods ask for is stable's; a smaller size is followed by both.
    """
    wants = _for_weight(around, position, target)
    found = _stable(around.world, position)
    if found is None:
        return wants
    canary, stable = _desired(_canary(around.world, position)), found.desired
    if canary + stable > basic.limits(around.rollout.spec).most:
        canary, stable = min(canary, wants.canary), wants.stable
    return Counts(canary, max(stable, around.full - canary))


def _desired(found: ReplicaSet | None) -> int:
    return found.desired if found else 0


def _pods(around: Surroundings, found: ReplicaSet | None) -> Pods:
    if found is None:
        return _NONE
    counted = found.observed and found.standing == min(found.available, found.desired)
    return Pods(found.desired, around.proven(found.hash), counted)


def _scaled(around: Surroundings, position: Position, target: int) -> Iterator[Action]:
    world = around.world
    canary, stable = _canary(world, position), _stable(world, position)
    older = _older(world, position)
    sizes = basic.sizes(
        _wanted(around, position, target),
        _pods(around, canary),
        _pods(around, stable),
        [_pods(around, found) for found in older],
        basic.limits(around.rollout.spec),
    )
    made = scale.created(around, position, sizes.canary, f"weight {target}")
    if made is not None:
        yield made
    asked = [(stable, sizes.stable), (canary, sizes.canary), *zip(older, sizes.older, strict=True)]
    changes = [
        ScaleReplicaSet(found.name, size, _why(found, size, target, given_up=found in older))
        for found, size in asked
        if found is not None and (found.desired != size or found.scale_down_at is not None)
    ]
    yield from (change for change in changes if change.replicas >= scale.pods(world, change.name))
    yield from scale.patience(around, position)
    yield from (change for change in changes if change.replicas < scale.pods(world, change.name))
    spoken_of = {position.new_hash, around.rollout.status.stable_rs}  # until a promotion is written
    idle = (
        found
        for found in older
        if found.desired == found.current == 0 and found.hash not in spoken_of
    )
    yield from scale.forgotten(around.rollout, idle)


def _why(found: ReplicaSet, size: int, target: int, *, given_up: bool) -> str:
    change = f"{found.desired} → {size} pods"
    return f"given up: {change}" if given_up else f"{change} for weight {target}"


def _leads(route: Route) -> Iterator[tuple[Role, str | None]]:
    """Each Service that the rollout names, and the revision that it is narrowed to."""
    if route.stable_service:
        yield Role.STABLE, route.stable_hash
    if route.canary_service:
        yield Role.CANARY, route.canary_hash


def _misled(route: Route, template_hash: str) -> Iterator[Role]:
    return (role for role, leads in _leads(route) if leads != template_hash)


def _moves(around: Surroundings, position: Position) -> Iterator[Move]:
    world, recorded = around.world, around.rollout.status.stable_rs
    new, stable = position.new_hash, position.stable_hash
    aborted = position.stage is Stage.ABORTED
    targets = {Role.STABLE: stable, Role.CANARY: stable if aborted else new}
    for role, leads in _leads(world.route):
        to = targets[role]
        found = world.replica_set(to)
        if to is None or leads == to or found is None or around.rollout.deleting:
            continue
        if role is Role.STABLE and recorded != to:
            continue  # not before the status says who is stable (I6)
        pods = found.desired if leads is None else 1
        if around.proven(to) >= max(1, pods):
            yield role, to


def _too_many(scene: Scene, weight: int) -> str:
    """Whose pods are still to go for a weight."""
    full, surge = scene.rollout.spec.replicas, basic.limits(scene.rollout.spec).surge
    wants = basic.counts(weight, full, surge)
    keeps = {scene.position.new_hash: wants.canary, scene.position.stable_hash: wants.stable}
    over = [
        found
        for found in scene.world.replica_sets
        if max(found.desired, found.available) > keeps.get(found.hash, 0)
    ]
    return describe.have(over) if over else "its pods are being counted"
