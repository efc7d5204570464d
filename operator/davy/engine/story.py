"""Events: what changed between the status before and after, so that none is lost or told twice."""

from collections.abc import Iterator, Sequence

from davy.api.analysis import Phase
from davy.api.conditions import MANUALLY_PAUSED, ConditionType, EventReason, Reason
from davy.api.rollout import CanaryStep
from davy.api.status import RolloutStatus, RunReference, WeightDestination
from davy.engine.describe import Scene, step_of
from davy.engine.plan import (
    Action,
    CreateReplicaSet,
    Event,
    PointRole,
    ScaleReplicaSet,
    ScaleWorkload,
)
from davy.engine.position import Stage


def events(scene: Scene, after: RolloutStatus, actions: Sequence[Action]) -> tuple[Event, ...]:
    """One event per change, in the order in which a person would tell it.

    The controller posts them only when `after` was written: a conflict tells nothing, the next pass
    tells it all.
    """
    before = scene.rollout.status
    return (
        *_update(scene, before),
        *_scaling(actions),
        *_switching(scene, actions),
        *_traffic(scene, before, after),
        *_runs(scene, before, after),
        *_by_hand(scene, before),
        *_steps(scene, before),
        *_outcome(scene, before, after),
    )


def _update(scene: Scene, before: RolloutStatus) -> Iterator[Event]:
    position = scene.position
    if before.current_pod_hash != position.new_hash:
        steps = len(position.steps)
        text = f"Template {position.new_hash}: {steps} step{'' if steps == 1 else 's'}"
        yield Event(EventReason.ROLLOUT_UPDATED, text)
        if before.stable_rs == position.new_hash:
            text = "Rollback to the stable template: no steps, all weight to stable"
            yield Event(EventReason.SKIP_STEPS, text)
    elif before.current_step_hash != position.steps_hash and position.stage is Stage.UPDATING:
        yield Event(EventReason.ROLLOUT_UPDATED, "The steps changed: from step 1 again")
    if position.retried:
        yield Event(EventReason.ROLLOUT_RETRY, "Retry: from step 1 again")
    if position.ignored_abort:
        text = "Abort ignored: no update is in progress"
        yield Event(EventReason.ROLLOUT_NOT_COMPLETED, text, warning=True)


def _scaling(actions: Sequence[Action]) -> Iterator[Event]:
    for action in actions:
        match action:
            case CreateReplicaSet(name=name, replicas=replicas, revision=revision):
                text = f"Created ReplicaSet {name} (revision {revision}) with {replicas} pods"
                yield Event(EventReason.NEW_REPLICA_SET_CREATED, text)
            case ScaleReplicaSet(name=name, why=why):
                yield Event(EventReason.SCALING_REPLICA_SET, f"ReplicaSet {name}: {why}")
            case ScaleWorkload(name=name, why=why):
                yield Event(EventReason.SCALING_REPLICA_SET, f"Deployment {name}: {why}")


def _switching(scene: Scene, actions: Sequence[Action]) -> Iterator[Event]:
    """Services that were led elsewhere, where no route in the status tells it."""
    for action in actions:
        if isinstance(action, PointRole) and not (scene.way.has_route or scene.world.problems):
            text = f"The {action.role.value} Service leads to {action.hash or 'any pod'}"
            yield Event(EventReason.SWITCH_SERVICE, text)


def _traffic(scene: Scene, before: RolloutStatus, after: RolloutStatus) -> Iterator[Event]:
    old = before.canary.weights if before.canary else None
    new = after.canary.weights if after.canary else None
    if new is None:
        return
    if (
        old is not None
        and scene.world.route.swaps
        and old.stable.service_name == (new.canary.service_name)
    ):
        text = f"{new.stable.service_name} is stable's Service now, {new.canary.service_name} the "
        yield Event(EventReason.SWITCH_SERVICE, f"{text}canary's; no request moved for it")
        return
    if old is not None and old.canary.weight != new.canary.weight:
        where = ""
        if scene.position.stage is Stage.UPDATING and scene.position.step is not None:
            where = f", {step_of(scene.position, scene.position.index)}"
        text = f"Canary weight {old.canary.weight} → {new.canary.weight}{where}"
        if scene.position.stage is Stage.DONE and new.canary.weight == 0:
            text = "All weight to the stable destination"
        yield Event(EventReason.TRAFFIC_WEIGHT_UPDATED, text)
    had, has = (status.traffic.rules or [] if status.traffic else [] for status in (before, after))
    if before.traffic and had != has:  # another's CRD drops what is Davy's: nothing is known then
        text = f"Managed routes: {', '.join(had) or 'none'} → {', '.join(has) or 'none'}"
        yield Event(EventReason.TRAFFIC_WEIGHT_UPDATED, text)
    for role, was, now in (
        ("stable", old.stable if old else None, new.stable),
        ("canary", old.canary if old else None, new.canary),
    ):
        leads = scene.world.route.stable_hash if role == "stable" else scene.world.route.canary_hash
        if leads is not None and _hash(was) != _hash(now):
            text = f"The {role} destination leads to {leads}"
            yield Event(EventReason.SWITCH_SERVICE, text)


def _hash(destination: WeightDestination | None) -> str | None:
    return destination.pod_template_hash if destination else None


def _runs(scene: Scene, before: RolloutStatus, after: RolloutStatus) -> Iterator[Event]:
    reasons = {
        Phase.RUNNING: EventReason.ANALYSIS_RUN_RUNNING,
        Phase.SUCCESSFUL: EventReason.ANALYSIS_RUN_SUCCESSFUL,
        Phase.FAILED: EventReason.ANALYSIS_RUN_FAILED,
        Phase.ERROR: EventReason.ANALYSIS_RUN_ERROR,
        Phase.INCONCLUSIVE: EventReason.ANALYSIS_RUN_INCONCLUSIVE,
    }
    old = {run.name: run.status for run in _references(before)}
    passed = [  # a completed step lets its run go in the pass that saw the end of it
        RunReference(name=run.name, status=run.phase.value, message=run.message or None)
        for run in scene.world.runs
        if run.name in old.keys() - {run.name for run in _references(after)} and not run.terminating
    ]
    for run in (*passed, *_references(after)):
        if old.get(run.name) == run.status or run.status not in reasons:
            continue
        phase = Phase(run.status)
        about = f": {run.message}" if run.message else ""
        bad = phase in {Phase.FAILED, Phase.ERROR}
        text = f"Analysis {run.name} is {run.status}{about}"
        yield Event(reasons[phase], text, warning=bad)


def _references(status: RolloutStatus) -> list[RunReference]:
    canary = status.canary
    if canary is None:
        return []
    both = (
        canary.current_step_analysis_run_status,
        canary.current_background_analysis_run_status,
    )
    return [run for run in both if run is not None]


def _steps(scene: Scene, before: RolloutStatus) -> Iterator[Event]:
    position = scene.position
    resumed = before.controller_pause and not before.pause_conditions
    if resumed:
        yield Event(EventReason.ROLLOUT_RESUMED, "Resumed by hand")
    if before.stable_rs and before.stable_rs != position.new_hash:
        over = position.started_over
        started = 0 if over else before.current_step_index or 0
        why = "Promoted in full" if before.promote_full and not over else ""
        why = "Rollback within rollbackWindow" if position.in_window else why
        if why and started < position.index:
            text = f"{why}: steps {started + 1} to {position.index} skipped"
            yield Event(EventReason.SKIP_STEPS, text)
            started = position.index
        for index in range(started, position.index):
            what = _in_words(position.steps[index])
            text = f"{step_of(position, index).capitalize()} completed: {what}"
            yield Event(EventReason.ROLLOUT_STEP_COMPLETED, text)
    begun = {(pause.reason, pause.start_time) for pause in before.pause_conditions or ()}
    for pause in position.pauses:
        if (pause.reason, pause.start_time) not in begun:
            weight = scene.world.route.canary_weight
            text = f"{pause.reason}: {step_of(position, position.index)}, weight {weight}"
            yield Event(EventReason.ROLLOUT_PAUSED, text)


def _by_hand(scene: Scene, before: RolloutStatus) -> Iterator[Event]:
    was, now = before.paused_by_hand, scene.rollout.spec.paused
    if now and not was:
        weight = scene.world.route.canary_weight
        yield Event(EventReason.ROLLOUT_PAUSED, f"{MANUALLY_PAUSED}, weight {weight}")
    if was and not now:
        yield Event(EventReason.ROLLOUT_RESUMED, "spec.paused is false again")


def _in_words(step: CanaryStep) -> str:
    if step.set_weight is not None:
        return f"setWeight {step.set_weight}"
    if step.pause is not None:
        return f"pause {step.pause.duration}" if step.pause.duration is not None else "pause"
    (kind,) = step.kinds
    return kind if step.rule is None else f"{kind} {step.rule.name}"


def _outcome(scene: Scene, before: RolloutStatus, after: RolloutStatus) -> Iterator[Event]:
    position = scene.position
    if position.stage is Stage.ABORTED and before.aborted_at is None:
        yield Event(EventReason.ROLLOUT_ABORTED, scene.aborted, warning=True)
    if position.stage is Stage.DONE and before.stable_rs != position.new_hash:
        new = scene.new
        number = new.revision if new else position.new_hash
        text = f"Revision {number} promoted: it is stable now"
        yield Event(EventReason.ROLLOUT_COMPLETED, text)
    for kind, reason, told in (
        (ConditionType.PROGRESSING, Reason.PROGRESS_DEADLINE_EXCEEDED,
         EventReason.PROGRESS_DEADLINE_EXCEEDED),
        (ConditionType.INVALID_SPEC, Reason.INVALID_SPEC, EventReason.INVALID_SPEC),
        (ConditionType.REPLICA_FAILURE, Reason.REPLICA_SET_CREATE_ERROR,
         EventReason.REPLICA_SET_CREATE_ERROR),
    ):  # fmt: skip
        old, new_condition = before.condition(kind), after.condition(kind)
        if new_condition is None or new_condition.reason != reason:
            continue
        if old is None or (old.reason, old.message) != (reason, new_condition.message):
            yield Event(told, new_condition.message, warning=True)
