"""`dynamicStableScale`: stable has the pods for its own weight, and its weight follows them (I2).

Pods come before weight on stable's side too: a weight that leaves the canary goes to stable only as
its pods can take it, an abort's as well, rounded up and never waiting for a full set (I3).
"""

from datetime import datetime, timedelta

from davy.engine.abort import Progress
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage


def is_on(around: Surroundings) -> bool:
    """The user wants stable to be scaled with its weight."""
    return around.rollout.spec.strategy.canary.dynamic_stable_scale


def pods(around: Surroundings, position: Position, target: int) -> int:
    """The pods that stable should have now; fewer than it has only when those have drained (I4).

    For the weight that the route gives it and for the one that it is to get, whichever is more.
    All of them where the canary's weight is to come back, or the route leads elsewhere.
    """
    stable = around.world.replica_set(position.stable_hash)
    has = stable.desired if stable else 0
    needs = _needed(around, position, target)
    if needs >= has:
        return needs
    may_go = not (around.rollout.spec.paused or around.world.problems)
    drained = around.took.in_effect and around.now >= shrinks_at(around)
    return needs if may_go and drained else min(has, around.full)


def shrinks_at(around: Surroundings) -> datetime:
    """When pods that stable's weight doesn't need have drained."""
    seconds = around.rollout.spec.strategy.canary.drain_seconds
    return around.took.took_at + timedelta(seconds=seconds)


def waits_to_shrink(around: Surroundings, position: Position, target: int) -> bool:
    """Stable has pods that go by time alone."""
    stable = around.world.replica_set(position.stable_hash)
    return stable is not None and stable.desired > _needed(around, position, target)


def _needed(around: Surroundings, position: Position, target: int) -> int:
    route = around.world.route
    leads = (route.stable_hash, route.canary_hash) == (position.stable_hash, position.new_hash)
    moving = position.stage is Stage.UPDATING and leads and not around.rollout.deleting
    if not is_on(around) or not moving or route.canary_weight is None:
        return around.full
    goes_to = min(target, around.carried(position.new_hash), route.canary_weight)
    return around.capacity.needed(route.total - goes_to)


def left(around: Surroundings, position: Position, goal: int) -> int:
    """The canary's weight on its way down to `goal`: what stable's pods can't take yet stays.

    While both together are too few, each pod gets the same: so a canary without pods keeps nothing.
    When `around.back_by` has passed all of it goes, whatever stable's pods (I3).
    """
    route, stable = around.world.route, position.stable_hash
    written = (route.part_weight if route.canary_weight is None else route.canary_weight) or 0
    apart = route.stable_hash == stable and route.canary_hash not in {stable, None}
    overdue = around.back_by is not None and around.back_by <= around.now
    if not is_on(around) or around.rollout.deleting or overdue or not apart or around.full == 0:
        return goal
    takes, keeps = around.available(stable), around.available(route.canary_hash)
    beyond = route.total - min(route.total, -(-route.total * takes // around.full))
    even = -(-route.total * keeps // (takes + keeps)) if keeps else 0
    return min(written, max(goal, min(beyond, even)))


def back_by(around: Surroundings, position: Position, waited: Progress) -> datetime | None:
    """When a weight that is to go back to stable goes there without waiting for pods (I3).

    progressDeadlineSeconds after the abort or the rollback; in an update at its deadline.
    """
    if not is_on(around) or position.stage is Stage.FIRST:
        return None
    if position.stage is Stage.UPDATING:
        return waited.deadline
    since = position.aborted_at or waited.since
    return since + timedelta(seconds=around.rollout.spec.progress_deadline_seconds)
