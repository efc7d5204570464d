"""The wanted weight under capacity (I1, I2)."""

from collections.abc import Sequence

from davy.api.rollout import CanaryStep
from davy.engine import stable_scale
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage
from davy.engine.world import Route


def of_step(steps: Sequence[CanaryStep], index: int, total: int) -> int:
    """The weight that the steps up to `index` ask for; past the last it is `total`, before any 0.

    Args:
        steps: of the rollout.
        index: from 0.
        total: the weight that is all traffic.
    """
    if index >= len(steps):
        return total
    asked = [step.set_weight for step in steps[: index + 1] if step.set_weight is not None]
    return asked[-1] if asked else 0


def wanted(around: Surroundings, position: Position, target: int) -> int | None:
    """The canary's weight that the route should say now; None: leave it alone.

    Lowering never waits (I3). Raising waits until the canary's destination leads to the new
    revision, its pods for `target` are available (I2), and what is written is in effect (I5).
    """
    written = around.world.route.canary_weight
    if written is None or position.stage is Stage.FIRST:
        return None
    if is_unled(around, position):
        return written
    goal = _goal(around, position, target)
    if goal > written and not _may_rise(around, position, target, goal):
        kept = min(written, around.carried(position.new_hash))
        return stable_scale.left(around, position, kept) if kept < written else kept
    if goal < written and _arrives(around, position):
        return goal if around.took.in_effect else written
    return stable_scale.left(around, position, goal) if goal < written else goal


def is_unled(around: Surroundings, position: Position) -> bool:
    """All traffic is on the canary's side, which carries stable; stable's side leads elsewhere.

    A promotion was recorded, and the next update began before stable's destination was led there:
    that comes first. A weight moved before would go to pods that are about to be drained (I4).
    """
    route, stable = around.world.route, position.stable_hash
    if position.stage not in {Stage.UPDATING, Stage.ABORTED} or stable is None:
        return False
    leads_elsewhere = route.stable_hash not in {stable, None}
    return route.canary_weight == route.total and route.canary_hash == stable and leads_elsewhere


def _goal(around: Surroundings, position: Position, target: int) -> int:
    route = around.world.route
    if position.stage is Stage.ABORTED:
        return 0  # I3
    if position.stage is Stage.DONE:
        return 0 if route.stable_hash == position.new_hash else _before_switch(route, position)
    if around.rollout.deleting or route.canary_hash not in {position.new_hash, None}:
        return 0  # nothing for a revision that was given up
    return min(target, around.carried(position.new_hash))


def _before_switch(route: Route, position: Position) -> int:
    """A promoted revision keeps all weight on the canary's side until stable's side leads to it."""
    return route.total if route.canary_hash == position.new_hash else 0


def _arrives(around: Surroundings, position: Position) -> bool:
    """Both sides lead to the promoted revision: its weight may move once stable's side settled."""
    return position.stage is Stage.DONE and around.world.route.canary_hash == position.new_hash


def _may_rise(around: Surroundings, position: Position, target: int, goal: int) -> bool:
    pods, capacity = around.proven(position.new_hash), around.capacity
    return (
        around.world.route.canary_hash == position.new_hash
        and around.world.replica_set(position.new_hash) is not None
        and pods >= capacity.enough(capacity.needed(max(target, goal)))
        and goal <= around.carried(position.new_hash)  # I2
        and around.took.in_effect
        and around.rollout.finalizer
        and not around.world.problems
    )
