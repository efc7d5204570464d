"""Which AnalysisRuns must exist, which are over, and which are forgotten."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from davy.api.analysis import AnalysisRef, Phase
from davy.api.conditions import PauseReason
from davy.api.status import RunReference
from davy.engine.effect import Surroundings
from davy.engine.plan import Action, CreateRun, DeleteRun, TerminateRun
from davy.engine.position import Position, Stage
from davy.engine.world import Rollout, Run, RunKind, World


def refreshed(position: Position, world: World) -> Position:
    """The position with what its runs say now; an aborted update keeps the run that judged it."""
    if position.step_run is None and position.background_run is None:
        return position
    step_run = by_name(world, position.step_run.name) if position.step_run else None
    elsewhere = step_run is not None and step_run.step_index != position.index
    skipped = elsewhere and position.stage is Stage.UPDATING
    return replace(
        position,
        step_run=None if skipped else _refresh(position.step_run, world),
        background_run=_refresh(position.background_run, world),
    )


def _refresh(reference: RunReference | None, world: World) -> RunReference | None:
    run = by_name(world, reference.name) if reference else None
    if reference is None or run is None:
        return reference
    return RunReference(name=run.name, status=run.phase.value, message=run.message or None)


def by_name(world: World, name: str) -> Run | None:
    """The rollout's run of this name."""
    return next((run for run in world.runs if run.name == name), None)


def lacking(world: World, position: Position) -> Run | None:
    """The background run while it waits for evidence (I7); None: it has some, or there is none."""
    reference = position.background_run
    run = by_name(world, reference.name) if reference else None
    return run if run is not None and run.lacks else None


def wanted(
    around: Surroundings, position: Position, revision: int
) -> tuple[Position, tuple[Action, ...]]:
    """The runs that this position needs, referred to by the returned position.

    A run that was created before a crash, but never made it into the status, is taken up again.
    Background analysis starts with the canary's first weight: before it there is nothing to judge,
    and while the mesh takes it the first requests may fail already.
    """
    rollout, world = around.rollout, around.world
    if position.stage is not Stage.UPDATING or world.problems or rollout.deleting:
        return position, ()
    step, canary = position.step, rollout.spec.strategy.canary
    held = position.paused_for(PauseReason.INCONCLUSIVE_ANALYSIS) is not None
    skips = position.promote_full or position.in_window
    over = step is None and (canary.harm_budget is None or skips)  # else the last weight grows yet
    if over or held or rollout.spec.paused:
        return position, ()
    actions: list[Action | None] = []
    if step is not None and step.analysis is not None:
        ask = _Ask(RunKind.STEP, step.analysis, revision, position.index)
        reference, action = _ensure(around, position, ask, position.step_run)
        position = replace(position, step_run=reference)
        actions.append(action)
    background = canary.background
    reached = (world.route.canary_weight or 0) > 0 or bool(world.route.rules)
    started = position.background_run is not None
    if background is not None and (
        started or (reached and position.index >= background.starting_step)
    ):
        ask = _Ask(RunKind.BACKGROUND, background, revision, None)
        reference, action = _ensure(around, position, ask, position.background_run)
        position = replace(position, background_run=reference)
        actions.append(action)
    return position, tuple(action for action in actions if action is not None)


@dataclass(frozen=True)
class _Ask:
    """A run that must exist."""

    kind: RunKind
    analysis: AnalysisRef
    revision: int
    step_index: int | None


def _ensure(
    around: Surroundings, position: Position, ask: _Ask, reference: RunReference | None
) -> tuple[RunReference, Action | None]:
    world = around.world
    if reference is not None and by_name(world, reference.name) is not None:
        return reference, None
    lost = [
        run
        for run in world.runs
        if (run.kind, run.hash, run.revision, run.step_index)
        == (ask.kind, position.new_hash, ask.revision, ask.step_index)
        and not run.terminating
        and not run.phase.completed
    ]
    if lost:
        return RunReference(name=lost[0].name, status=lost[0].phase.value), None
    index = ask.step_index
    base = f"{around.rollout.name}-{position.new_hash}-{ask.revision}"
    base += "" if index is None else f"-{index}"
    taken = {run.name for run in world.runs}
    free = next(name for name in _names(base) if name not in taken)
    create = CreateRun(
        name=reference.name if reference is not None else free,
        kind=ask.kind,
        analysis=ask.analysis,
        hash=position.new_hash,
        stable_hash=position.stable_hash or "",
        revision=ask.revision,
        step_index=index,
        why="background analysis" if index is None else f"analysis of step {index + 1}",
    )
    return RunReference(name=create.name, status=Phase.PENDING.value), create


def _names(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}.{number}" for number in itertools.count(1))


def finished(rollout: Rollout, world: World, position: Position) -> tuple[Action, ...]:
    """Runs of an update that is over are ended; finished ones beyond the limits are deleted."""
    current = {
        reference.name
        for reference in (position.step_run, position.background_run)
        if reference is not None
    }
    needed = current if position.stage is Stage.UPDATING and not rollout.deleting else set()
    ended = tuple(
        TerminateRun(run.name, "the step or update that it judged is over")
        for run in world.runs
        if run.name not in needed and not run.phase.completed and not run.terminating
    )
    limits = rollout.spec.analysis
    old = [run for run in world.runs if run.phase.completed and run.name not in current]
    good = [run for run in old if run.phase is Phase.SUCCESSFUL]
    bad = [run for run in old if run.phase is not Phase.SUCCESSFUL]
    surplus = (
        *_oldest(good, limits.successful_run_history_limit),
        *_oldest(bad, limits.unsuccessful_run_history_limit),
    )
    return (*ended, *(DeleteRun(run.name, "beyond the history limit") for run in surplus))


def _oldest(runs: list[Run], limit: int) -> list[Run]:
    ordered = sorted(runs, key=lambda run: (run.created_at is not None, run.created_at, run.name))
    return ordered[: max(0, len(ordered) - limit)]
