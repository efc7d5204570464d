"""The wanted weight under capacity (I1, I2)."""

from collections.abc import Sequence

from davy.api.managed_routes import Rule
from davy.api.rollout import CanaryStep
from davy.engine import budget, canary_scale, managed, stable_scale
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
    revision, its pods for `target` are available (I2), and what is written is in effect (I5). Where
    a part of the route can't be read, the rest is taken back all the same (I3, I9).
    """
    written = around.world.route.canary_weight
    if position.stage is Stage.FIRST:
        return None
    if written is None:
        over = position.stage is Stage.ABORTED or around.rollout.deleting
        return _taken_back(around, position) if over else None
    if is_unled(around, position):
        return written
    goal = _goal(around, position, target)
    if goal > written and not _may_rise(around, position, target, goal):
        kept = min(written, around.carried(position.new_hash))
        return stable_scale.left(around, position, kept) if kept < written else kept
    if goal < written and _arrives(around, position):
        return goal if around.took.in_effect else written
    return stable_scale.left(around, position, goal) if goal < written else goal


def _taken_back(around: Surroundings, position: Position) -> int | None:
    route = around.world.route
    left = stable_scale.left(around, position, 0)
    return left if route.rules or (route.part_weight or 0) > left else None


def rules(
    around: Surroundings, position: Position, target: int, weight: int | None
) -> tuple[Rule, ...]:
    """The managed routes that the route should have now.

    Taking one away never waits (I3). One comes when a weight could: the canary's destination leads
    to the new revision, its pods are available (I2), and what is written is in effect (I5). Those
    of a setCanaryScale too, as nobody knows how many requests come; and those of the weight beside
    it, which is more than the step's while stable's pods can't take it.

    Args:
        around: what there is.
        position: where the update stands.
        target: the weight of the step.
        weight: from `wanted`.
    """
    rollout, route, new = around.rollout, around.world.route, position.new_hash
    led = position.stage is Stage.UPDATING and route.canary_hash == new and not rollout.deleting
    alive = around.available(new) or not around.full  # no pods at all carry anything
    if not led or not alive or (position.step is None and weight == route.total):
        return ()
    asked = managed.asked(rollout.spec, route, position)
    scaled = canary_scale.pods(rollout.spec, route, position, target)
    there = around.proven(new) >= managed.enough(rollout.spec, route, position, scaled)
    may_come = there and _may_rise(around, position, target, weight or 0)
    return asked if may_come else managed.held(route, asked)


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
    most = budget.allowed(around.rollout, around.world, position)
    return min(target, around.carried(position.new_hash), most)


def _before_switch(route: Route, position: Position) -> int:
    """A promoted revision keeps all weight on the canary's side until stable's side leads to it."""
    return route.total if route.canary_hash == position.new_hash else 0


def _arrives(around: Surroundings, position: Position) -> bool:
    """Both sides lead to the promoted revision: its weight may move once stable's side settled."""
    return position.stage is Stage.DONE and around.world.route.canary_hash == position.new_hash


def _may_rise(around: Surroundings, position: Position, target: int, goal: int) -> bool:
    spec, route, pods = around.rollout.spec, around.world.route, around.proven(position.new_hash)
    return (
        route.canary_hash == position.new_hash
        and around.world.replica_set(position.new_hash) is not None
        and pods >= managed.pods(spec, route, position, max(target, goal))
        and goal <= around.carried(position.new_hash)  # I2
        and around.took.in_effect
        and around.rollout.finalizer
        and not around.world.problems
    )
