"""Steps go forward, each once, each when its effect was observed (I5, I6): a function per kind."""

from collections.abc import Callable
from dataclasses import replace

from davy.api.analysis import Phase
from davy.api.conditions import PauseReason
from davy.api.rollout import CanaryStep
from davy.api.status import StepPluginStatus
from davy.engine import budget, canary_scale, managed, pause, runs, weights, window
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage
from davy.engine.world import Run, StepSays


def advance(position: Position, around: Surroundings) -> Position:
    """The position after every step whose effect is there.

    Past the last step a revision that carries all weight is promoted: it becomes stable.
    """
    if position.stage is Stage.FIRST:
        return _first(position, around)
    if position.stage is not Stage.UPDATING or around.rollout.deleting:
        return position
    in_window = window.reaches(around, position)
    if position.promote_full or in_window:
        position = replace(position.at(len(position.steps)), in_window=in_window)
    if not position.promote_full:  # else a person decided: nothing inconclusive is waited for
        position = pause.inconclusive(position, around.now)
    if position.paused_for(PauseReason.INCONCLUSIVE_ANALYSIS) or around.world.problems:
        return position
    while (step := position.step) is not None:
        position, done = _check(step)(position, around)
        if not done or _held(position, around):
            return position
        position = position.at(position.index + 1)
        if step.set_weight is not None:
            settle = around.took.took_at - around.took.since
            written_at = max(around.took.since, around.now - settle)
            position = replace(position, written_at=written_at)
    if in_place(position.total, position, around) and _has_all(around):
        return replace(
            position, stage=Stage.DONE, stable_hash=position.new_hash, promote_full=False
        )
    return position


def lacking(position: Position, around: Surroundings) -> Run | None:
    """The background run for whose evidence alone the step's weight is held (I7).

    A step whose effect is there isn't left for a higher weight before: a source that is down, or
    no requests, promotes nothing. A person who resumes decides instead.
    """
    step, by_hand = position.step, around.rollout.spec.paused
    undecided = position.paused_for(PauseReason.INCONCLUSIVE_ANALYSIS)
    if position.stage is not Stage.UPDATING or step is None or by_hand or undecided:
        return None
    run = _held(position, around)
    return run if run is not None and _check(step)(position, around)[1] else None


def _held(position: Position, around: Surroundings) -> Run | None:
    run = runs.lacking(around.world, position)
    if run is None:
        return None
    here, after = (
        weights.of_step(position.steps, index, position.total)
        for index in (position.index, position.index + 1)
    )
    return run if after > here and not position.resumed else None


def _has_all(around: Surroundings) -> bool:
    """The canary has all weight of a route, not only what the pods that are enough carry (I2)."""
    return not around.way.has_route or around.world.route.canary_weight == around.world.route.total


def in_place(weight: int, position: Position, around: Surroundings) -> bool:
    """The canary has this weight in effect and the pods for it (I2, I5)."""
    return around.way.in_place(weight, position, around)


def is_waiting(position: Position, around: Surroundings) -> bool:
    """Something should come by itself (pods, the mesh): the progress deadline runs."""
    asked = weights.of_step(position.steps, position.index, position.total)
    spec, held = around.rollout.spec, budget.holds(around, position, asked)
    if spec.paused or held or lacking(position, around):
        return False
    if position.stage is Stage.FIRST:
        return True
    if position.stage is not Stage.UPDATING or position.paused_for(
        PauseReason.INCONCLUSIVE_ANALYSIS
    ):
        return False
    step = position.step
    if step is None or (step.pause is None and step.analysis is None and step.plugin is None):
        return True
    if step.analysis is not None:
        return position.step_run is None and bool(around.world.problems)  # else its run is made now
    paused = position.paused_for(PauseReason.CANARY_PAUSE_STEP) is not None
    begun = paused or position.step_plugin is not None
    return not (begun and in_place(asked, position, around))


def _first(position: Position, around: Surroundings) -> Position:
    """The first revision is stable when all its pods are available: nothing to compare it with."""
    exists = around.world.replica_set(position.new_hash) is not None
    complete = exists and around.proven(position.new_hash) >= around.full
    if not complete or around.world.problems or around.rollout.deleting:
        return position
    return replace(
        position,
        stage=Stage.DONE,
        stable_hash=position.new_hash,
        index=len(position.steps),
    )


Check = Callable[[Position, Surroundings], tuple[Position, bool]]


def _check(step: CanaryStep) -> Check:
    if step.set_weight is not None or step.rule is not None:
        return _route
    if step.pause is not None:
        return _pause
    if step.set_canary_scale is not None:
        return _set_canary_scale
    return _analysis if step.plugin is None else _plugin


def _route(position: Position, around: Surroundings) -> tuple[Position, bool]:
    return position, in_place(
        weights.of_step(position.steps, position.index, position.total), position, around
    )


def _set_canary_scale(position: Position, around: Surroundings) -> tuple[Position, bool]:
    """Its pods are available and what is written is in effect (I5).

    Pods that are too many go when nothing was sent to them (I4).
    """
    weight = weights.of_step(position.steps, position.index, position.total)
    exists = around.world.replica_set(position.new_hash) is not None
    spec, route = around.rollout.spec, around.world.route
    scaled = canary_scale.pods(spec, route, position, weight)
    there = around.proven(position.new_hash) >= managed.enough(spec, route, position, scaled)
    return position, exists and there and around.took.in_effect


def _pause(position: Position, around: Surroundings) -> tuple[Position, bool]:
    held = in_place(
        weights.of_step(position.steps, position.index, position.total), position, around
    )
    return pause.step(position, around.now, weight_in_place=held)


def _analysis(position: Position, _around: Surroundings) -> tuple[Position, bool]:
    """Successful goes on; an inconclusive run goes on when a person resumed it."""
    run = position.step_run
    if run is None:
        return position, False
    resumed = run.status == Phase.INCONCLUSIVE and position.resumed
    return position, run.status == Phase.SUCCESSFUL or resumed


def _plugin(position: Position, around: Surroundings) -> tuple[Position, bool]:
    """Begins when the weight before it is in place; done when the plugin says so, and it still is.

    The plugin is asked between the passes, of what the status says has begun.
    """
    weight = weights.of_step(position.steps, position.index, position.total)
    held, answer = in_place(weight, position, around), around.world.step
    if position.step_plugin is not None:
        return position, held and answer is not None and answer.says is StepSays.DONE
    if not held or position.step is None or position.step.plugin is None:
        return position, False
    begun = StepPluginStatus(
        index=position.index,
        name=position.step.plugin.name,
        phase="Running",
        started_at=around.now,
    )
    return replace(position, step_plugin=begun), False
