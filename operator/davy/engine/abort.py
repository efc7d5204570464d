"""Whether this update is given up: by hand, by an analysis, by the deadline (I3)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from davy.api.analysis import Phase
from davy.api.conditions import ConditionType, Reason
from davy.api.status import ProgressMark, RunReference
from davy.engine import runs
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage
from davy.engine.world import Rollout, StepSays, World

_NOT_WAITING: Final = {
    Reason.ROLLOUT_PAUSED,
    Reason.ANALYSIS_RUN_RUNNING,
    Reason.NEW_REPLICA_SET_AVAILABLE,
    Reason.ROLLOUT_ABORTED,
}


@dataclass(frozen=True)
class Progress:
    """How long the rollout has been waiting for something that should come by itself."""

    since: datetime
    """The last progress."""
    deadline: datetime | None
    """When the wait is too long; None: this wait has no deadline."""
    exceeded: bool
    mark: ProgressMark


def progress(
    rollout: Rollout, world: World, position: Position, now: datetime, *, counted: bool
) -> Progress:
    """The wait as the Progressing condition has it.

    Progress is a step forward or more available pods than ever in this wait: pods that flap are
    none. A pause or an analysis is no wait; a new one begins when it ends. Without a mark in the
    status (Argo's own CRD prunes it) only steps are progress.
    """
    status = rollout.status
    new = world.replica_set(position.new_hash)
    available = new.available if new else 0
    before = status.condition(ConditionType.PROGRESSING)
    goes_on = (
        before is not None
        and not position.started_over
        and status.current_step_index == position.index
        and counted == (before.reason not in _NOT_WAITING)
    )
    best = status.progress.available if status.progress and goes_on else None
    stands_still = goes_on and (best is None or available <= best)
    since = min(before.last_update_time, now) if before is not None and stands_still else now
    mark = ProgressMark(available=max(available, best or 0), step_index=position.index)
    deadline = since + timedelta(seconds=rollout.spec.progress_deadline_seconds)
    if not counted:
        return Progress(since, None, exceeded=False, mark=mark)
    return Progress(since, deadline, exceeded=deadline <= now, mark=mark)


def check(
    rollout: Rollout, world: World, position: Position, now: datetime
) -> tuple[Position, str]:
    """The position, aborted by hand, by an analysis or its pods, and why ("" when it isn't)."""
    if position.stage is Stage.ABORTED:
        if position.aborted_at is None:
            return aborted(world, position, "by hand", now)
        before = rollout.status.condition(ConditionType.PROGRESSING)
        recorded = before is not None and before.reason == Reason.ROLLOUT_ABORTED
        return position, before.message if before and recorded else "The update was aborted."
    cause = _verdict(world, position) or _failing(rollout, world, position)
    if position.stage is not Stage.UPDATING or rollout.deleting or not cause:
        return position, ""
    return aborted(world, position, cause, now)


def overdue(around: Surroundings, position: Position, waited: Progress) -> tuple[Position, str]:
    """The position, aborted because nothing moved for too long, where the user wants that."""
    spec = around.rollout.spec
    wants = spec.progress_deadline_abort and waited.exceeded and not around.rollout.deleting
    if position.stage is not Stage.UPDATING or not wants:
        return position, ""
    cause = f"no progress for {spec.progress_deadline_seconds} s (progressDeadlineSeconds)"
    return aborted(around.world, position, cause, around.now)


def aborted(world: World, position: Position, cause: str, now: datetime) -> tuple[Position, str]:
    """The position given up: all weight to stable, pauses and promotion forgotten (I3)."""
    given_up = replace(
        position,
        stage=Stage.ABORTED,
        index=0,
        aborted_at=now,
        promote_full=False,
        pauses=(),
        controller_pause=False,
        step_plugin=None,
    )
    return given_up, _sentence(world, position, cause)


def _verdict(world: World, position: Position) -> str:
    plugin, answer = position.step_plugin, world.step
    if plugin is not None and answer is not None and answer.says is StepSays.FAILED:
        return f"step plugin {plugin.name}: {answer.message}"
    for reference in (position.step_run, position.background_run):
        run = runs.by_name(world, reference.name) if reference else None
        if run is not None and run.phase in {Phase.FAILED, Phase.ERROR}:
            return run.message or run.verdict or f"AnalysisRun {run.name} is {run.phase}"
        if run is None and _bad(reference):
            return (reference.message if reference else None) or "its analysis failed"
    return ""


def _failing(rollout: Rollout, world: World, position: Position) -> str:
    """What needs no judge, where there is one: pods that crash, or that were ready and aren't.

    Pods that come and go are no failure of the revision's, nor is what stable's suffer as well.
    """
    beside, new = rollout.spec.strategy.canary.background, world.replica_set(position.new_hash)
    stable = world.replica_set(position.stable_hash)
    if beside is None or beside.compare is None or new is None or stable is None:
        return ""
    if stable.ready < stable.desired:
        return ""
    if new.crashing:
        return f"none of its pods is ready, and {new.crashing} is in CrashLoopBackOff"
    leads = world.route.canary_hash in {position.new_hash, None}
    if new.unready and leads and world.route.canary_weight:
        return f"none of its pods is ready though all run, as {new.unready}"
    return ""


def _bad(reference: RunReference | None) -> bool:
    return reference is not None and reference.status in {Phase.FAILED, Phase.ERROR}


def _revision(world: World, position: Position) -> str:
    new = world.replica_set(position.new_hash)
    return str(new.revision) if new else position.new_hash


def _sentence(world: World, position: Position, cause: str) -> str:
    number = _revision(world, position)
    weight = world.route.canary_weight
    at = "" if weight is None else f" at weight {weight}"
    stable = world.replica_set(position.stable_hash)
    back = f"revision {stable.revision}" if stable else "stable"
    return f"Revision {number} aborted{at}: {cause.rstrip('.')}. All weight to {back}."
