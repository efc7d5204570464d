"""The wanted weight under capacity (I1, I2), and when a written weight is in effect (I5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from davy.api.conditions import ConditionType
from davy.api.rollout import CanaryStep
from davy.api.status import RolloutStatus
from davy.engine.position import Position, Stage
from davy.engine.world import Answer, ReplicaSet, Role, Rollout, Route, World


def carried(available: int, full: int) -> int:
    """The largest weight that a revision's available pods can carry (I2).

    Rounded down: a weight never runs ahead of capacity. `carried(3, 5) == 60`.

    Args:
        available: pods that were ready for minReadySeconds, >= 0.
        full: pods the revision needs at weight 100, >= 0; 0 needs none.
    """
    return 100 if available >= full else 100 * available // full


def needed(weight: int, full: int) -> int:
    """The pods that a weight needs, rounded up: `needed(10, 4) == 1`."""
    return -(-weight * full // 100)


def of_step(steps: Sequence[CanaryStep], index: int) -> int:
    """The weight that the steps up to `index` ask for; past the last it is 100, before any 0."""
    if index >= len(steps):
        return 100
    asked = [step.set_weight for step in steps[: index + 1] if step.set_weight is not None]
    return asked[-1] if asked else 0


@dataclass(frozen=True)
class Effect:
    """What the route says, and whether the mesh does it."""

    said: str
    """The route in words; the same words mean the same route."""
    since: datetime
    """Since when the route says so, as far as Davy saw it."""
    settles_at: datetime | None
    """When the settle time ends; None: it has ended, or doesn't run because the mesh said "not yet"."""
    in_effect: bool
    """The mesh took it: verified, or settled where nothing can be known (I5)."""


def effect(route: Route, status: RolloutStatus, now: datetime, settle: timedelta) -> Effect:
    """Whether what the route says is in effect.

    The settle time runs for a verified weight too: conditions of a route run ahead of the proxies.
    Its start is kept in the TrafficVerified condition, so a restart doesn't lose it.
    """
    said = _in_words(route)
    before = status.condition(ConditionType.TRAFFIC_VERIFIED)
    since = before.last_update_time if before is not None and before.message == said else now
    ends = since + settle
    settling = route.answer is not Answer.NOT_YET and route.canary_weight is not None
    return Effect(
        said=said,
        since=since,
        settles_at=ends if settling and ends > now else None,
        in_effect=settling and ends <= now,
    )


def _in_words(route: Route) -> str:
    if route.canary_weight is None:
        return "The route can't be read."
    stable, canary = route.stable_hash or "any pod", route.canary_hash or "any pod"
    answer = {
        Answer.VERIFIED: "the router reports it programmed",
        Answer.NOT_YET: "the router reports it not programmed",
        Answer.UNKNOWN: "the router can't report it",
    }[route.answer]
    weight = route.canary_weight
    return f"Canary {weight} to {canary}, stable {100 - weight} to {stable}; {answer}."


def may_carry(route: Route, template_hash: str) -> bool:
    """Some weight above 0 may reach this revision's pods."""
    if route.canary_weight is None:
        return True
    reaching = {template_hash, None}  # a destination that isn't narrowed reaches any pod
    return (route.canary_weight > 0 and route.canary_hash in reaching) or (
        route.canary_weight < 100 and route.stable_hash in reaching
    )


def wanted(
    rollout: Rollout, world: World, position: Position, took: Effect, target: int
) -> int | None:
    """The canary's weight that the route should say now; None: leave it alone.

    Lowering never waits (I3). Raising waits until the canary's destination leads to the new
    revision, its pods for `target` are available (I2), and what is written is in effect (I5).
    """
    route, full = world.route, rollout.spec.replicas
    written = route.canary_weight
    if written is None or position.stage is Stage.FIRST:
        return None
    if position.stage is Stage.ABORTED or (rollout.deleting and position.stage is Stage.UPDATING):
        return 0  # I3
    new = world.replica_set(position.new_hash)
    capacity = carried(new.available, full) if new else 0
    if position.stage is Stage.DONE:
        goal = 0 if route.stable_hash == position.new_hash else _before_the_switch(route, position)
    elif route.canary_hash not in {position.new_hash, None}:
        return 0  # the canary's destination still leads to a revision that was given up
    else:
        goal = min(target, capacity)
    if goal <= written:
        arriving = position.stage is Stage.DONE and route.canary_hash == position.new_hash
        return written if arriving and not took.in_effect else goal
    ready = (
        route.canary_hash == position.new_hash
        and capacity >= goal
        and (new is not None and new.available >= needed(target, full))
        and took.in_effect
        and rollout.finalizer
        and not world.problems
    )
    return goal if ready else min(written, capacity)


def _before_the_switch(route: Route, position: Position) -> int:
    """A promoted revision keeps all weight on the canary's side until stable's side leads to it."""
    return 100 if route.canary_hash == position.new_hash else 0


def pointing(
    rollout: Rollout, world: World, position: Position, took: Effect, target: int
) -> tuple[Role, str] | None:
    """The destination that should lead to another revision now, and which; None: none.

    A destination moves only while its weight is 0 in effect, or when it isn't narrowed, and only
    to a revision with available pods: a request must never meet an empty destination.
    """
    route = world.route
    if route.canary_weight is None:
        return None
    quiet_canary = route.canary_weight == 0 and took.in_effect
    quiet_stable = route.canary_weight == 100 and took.in_effect
    full = rollout.spec.replicas
    new, stable = world.replica_set(position.new_hash), world.replica_set(position.stable_hash)
    if position.stage is Stage.DONE:
        if route.stable_hash != position.new_hash:
            direct = route.canary_hash != position.new_hash
            ready = rollout.deleting or _available(new) >= full
            return (Role.STABLE, position.new_hash) if ready and (direct or quiet_stable) else None
        if route.canary_hash != position.new_hash and quiet_canary:
            return (Role.CANARY, position.new_hash)
        return None
    if position.stage is Stage.FIRST or position.stable_hash is None:
        return None
    if route.stable_hash != position.stable_hash and _available(stable) > 0:
        return (Role.STABLE, position.stable_hash)
    if position.stage is Stage.ABORTED:
        moves = route.canary_hash != position.stable_hash and quiet_canary and _available(stable)
        return (Role.CANARY, position.stable_hash) if moves else None
    enough = max(1, needed(max(target, route.canary_weight), full))
    if route.canary_hash == position.new_hash or target == 0 or _available(new) < min(enough, full):
        return None
    free = quiet_canary or route.canary_hash is None
    return (Role.CANARY, position.new_hash) if free else None


def _available(replica_set: ReplicaSet | None) -> int:
    return replica_set.available if replica_set else 0
