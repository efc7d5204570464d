"""The harm budget: how much of a step's weight the evidence allows so far."""

from davy.engine import managed, runs
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage
from davy.engine.world import Allowance, Rollout, World


def allowed(rollout: Rollout, world: World, position: Position) -> int:
    """The weight that the canary may have; all where there is no budget.

    At least the smallest that the route knows, for without requests there is no evidence, and what
    it has: the budget lowers nothing, that is the judge's. A person who promotes in full, and a
    rollback within the window, go on without it.
    """
    budget, total = rollout.spec.strategy.canary.harm_budget, position.total
    if budget is None or position.promote_full or position.in_window:
        return total
    run = runs.by_name(world, position.background_run.name) if position.background_run else None
    if run is not None and run.phase.completed:  # it judged, and found nothing bad
        return total
    found = allowance(world, position)
    return max(1, world.route.canary_weight or 0, int(total * found.share) if found else 0)


def allowance(world: World, position: Position) -> Allowance | None:
    """By the update's run; None: it has told of none."""
    reference = position.background_run
    run = runs.by_name(world, reference.name) if reference else None
    return run.allowance if run else None


def holds(around: Surroundings, position: Position, target: int) -> bool:
    """The weight is lower than the step's for the budget's sake alone."""
    route = around.world.route
    pods = managed.pods(around.rollout.spec, route, position, target)
    return (
        position.stage is Stage.UPDATING
        and route.canary_weight == allowed(around.rollout, around.world, position) < target
        and around.proven(position.new_hash) >= pods
    )
