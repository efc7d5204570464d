"""The status of a pass: fields, phase, conditions."""

from datetime import datetime

from davy.api.conditions import (
    MANUALLY_PAUSED,
    ConditionStatus,
    ConditionType,
    Reason,
    RolloutPhase,
)
from davy.api.errors import together
from davy.api.fields import as_written
from davy.api.selector import LabelSelector
from davy.api.status import (
    CanaryStatus,
    Condition,
    HarmBudgetStatus,
    RolloutStatus,
    RunReference,
    StepPluginStatus,
    TrafficStatus,
    WeightDestination,
    Weights,
    WorkloadStatus,
)
from davy.engine import budget, describe, handover, history, runs, swap
from davy.engine.describe import Scene
from davy.engine.position import Stage
from davy.engine.world import Answer, Route


def status(scene: Scene, wanted: int | None) -> RolloutStatus:
    """Everything that Davy says of the rollout, from one scene."""
    rollout, world, position = scene.rollout, scene.world, scene.position
    before = rollout.status
    message = describe.message(scene)
    phase = _phase(scene)
    owned = world.replica_sets
    new = scene.new
    canary = CanaryStatus(
        weights=_weights(scene) if scene.way.has_route else None,
        current_step_analysis_run_status=position.step_run,
        current_background_analysis_run_status=position.background_run,
        step_plugin_statuses=_step_plugins(scene),
        stable_ping_pong=swap.told(rollout.spec.strategy.canary, world.route, before),
    )
    current = sum(found.current for found in owned)
    return before.model_copy(
        update={
            "phase": phase,
            "message": message,
            "current_step": f"{min(position.index + 1, len(position.steps))}/{len(position.steps)}"
            if position.steps
            else "-",
            "current_step_index": position.index,
            "current_step_hash": position.steps_hash,
            "current_pod_hash": position.new_hash,
            "stable_rs": position.stable_hash,
            "abort": True if position.stage is Stage.ABORTED else None,
            "aborted_at": position.aborted_at,
            "promote_full": True if position.promote_full else None,
            "controller_pause": True if position.controller_pause else None,
            "pause_conditions": list(position.pauses) or None,
            "restarted_at": scene.restart.at
            if scene.restart and not scene.restarting
            else before.restarted_at,
            "canary": canary,
            "traffic": _traffic(scene, wanted),
            "progress": scene.waited.mark if scene.waited.deadline else None,
            "harm_budget": _harm_budget(scene),
            "history": history.after(scene),
            "verdict": _verdict(scene) or (None if position.started_over else before.verdict),
            "replicas": current,
            "updated_replicas": new.current if new else 0,
            "ready_replicas": sum(found.ready for found in owned),
            "available_replicas": sum(found.available for found in owned),
            "hpa_replicas": current,
            "selector": selector_text(rollout.spec.selector)
            if rollout.spec.selector
            else before.selector,
            "workload_observed_generation": _workload_generation(scene),
            "workload": _workload(scene),
            "observed_generation": str(rollout.generation),
            "conditions": _conditions(scene, phase, message),
        }
    )


def _step_plugins(scene: Scene) -> list[StepPluginStatus] | None:
    plugin = scene.position.step_plugin
    if plugin is None:
        return None
    said = (scene.world.step and scene.world.step.message) or None
    return [plugin.model_copy(update={"message": said})]


def _workload_generation(scene: Scene) -> str | None:
    """Of the workload whose template the hash in the status stands for."""
    rollout, workload = scene.rollout, scene.world.workload
    if rollout.spec.workload_ref is None:
        return None
    if workload is None or rollout.spec.template is None:
        return rollout.status.workload_observed_generation
    return str(workload.generation)


def _workload(scene: Scene) -> WorkloadStatus | None:
    rollout, workload = scene.rollout, scene.world.workload
    if rollout.spec.workload_ref is None:
        return None
    if workload is None or rollout.spec.template is None:
        return rollout.status.workload
    return WorkloadStatus(uid=workload.uid, taken=handover.is_taken(scene))


def selector_text(selector: LabelSelector) -> str:
    """The selector as the scale subresource wants it: `app=cart,tier in (a,b)`."""
    parts = [f"{key}={value}" for key, value in sorted((selector.match_labels or {}).items())]
    for wanted in selector.match_expressions or ():
        match wanted.operator:
            case "Exists":
                parts.append(wanted.key)
            case "DoesNotExist":
                parts.append(f"!{wanted.key}")
            case operator:
                values = ",".join(sorted(wanted.values or ()))
                parts.append(f"{wanted.key} {operator.lower()} ({values})")
    return ",".join(parts)


def _phase(scene: Scene) -> RolloutPhase:
    if scene.world.problems or scene.position.stage is Stage.ABORTED or scene.waited.exceeded:
        return RolloutPhase.DEGRADED
    if _is_paused(scene):
        return RolloutPhase.PAUSED
    done = scene.settled and not scene.restarting
    return RolloutPhase.HEALTHY if done else RolloutPhase.PROGRESSING


def _is_paused(scene: Scene) -> bool:
    return scene.rollout.spec.paused or bool(scene.position.pauses)


def _weights(scene: Scene) -> Weights | None:
    """What the route says; where it can't be read, what it said before."""
    route, position = scene.world.route, scene.position
    if route.canary_weight is None:
        before = scene.rollout.status.canary
        return before.weights if before else None
    return Weights(
        canary=WeightDestination(
            weight=route.canary_weight,
            service_name=route.canary_service,
            pod_template_hash=route.canary_hash or position.new_hash,
        ),
        stable=WeightDestination(
            weight=route.total - route.canary_weight,
            service_name=route.stable_service,
            pod_template_hash=route.stable_hash or position.stable_hash,
        ),
        verified=_verified(route, in_effect=scene.took.in_effect),
    )


def _verified(route: Route, *, in_effect: bool) -> bool | None:
    if route.answer is Answer.UNKNOWN:
        return None
    return in_effect


def _traffic(scene: Scene, wanted: int | None) -> TrafficStatus:
    written = scene.world.route.canary_weight
    before = scene.rollout.status.traffic
    return TrafficStatus(
        wanted=wanted if wanted is not None else _left(scene),
        written=written,
        verified=written if scene.took.in_effect else (before.verified if before else None),
        held=scene.position.held,
        rules=[found.name for found in scene.world.route.rules] or None,
    )


def _harm_budget(scene: Scene) -> HarmBudgetStatus | None:
    position = scene.position
    over = position.stage not in {Stage.UPDATING, Stage.ABORTED}
    if scene.rollout.spec.strategy.canary.harm_budget is None or over:
        return None
    found = budget.allowance(scene.world, position)
    ended = position.stage is Stage.ABORTED
    allowed = None if ended else budget.allowed(scene.rollout, scene.world, position)
    return HarmBudgetStatus(allowed=allowed, spent=found.spent if found else 0)


def _left(scene: Scene) -> int:
    """The weight that is wanted where none is written: as it is, or as the pods are to become."""
    if scene.way.has_route:
        return scene.world.route.canary_weight or 0
    return scene.target if scene.position.stage is Stage.UPDATING else 0


def _verdict(scene: Scene) -> str:
    references: tuple[RunReference | None, ...] = (
        scene.position.step_run,
        scene.position.background_run,
    )
    found = [runs.by_name(scene.world, reference.name) for reference in references if reference]
    told = [run for run in found if run is not None and run.verdict]
    bad = [run for run in told if run.phase.completed and run.phase.value != "Successful"]
    return (bad or told)[0].verdict if told else ""


def _conditions(scene: Scene, phase: RolloutPhase, message: str) -> list[Condition]:
    position, world, new = scene.position, scene.world, scene.new
    full = scene.rollout.spec.replicas
    available = sum(found.available for found in world.replica_sets)
    is_healthy = phase is RolloutPhase.HEALTHY
    complete = position.stage is Stage.DONE
    paused = phase is RolloutPhase.PAUSED or scene.rollout.spec.paused
    keep = _Keeper(scene)
    keep.put(
        ConditionType.AVAILABLE,
        _is(available >= full),
        Reason.AVAILABLE,
        f"{full} pods are wanted" if available >= full else f"fewer than {full} pods are available",
    )
    keep.progressing()
    keep.put(
        ConditionType.PAUSED,
        _is(paused),
        Reason.ROLLOUT_PAUSED if paused else Reason.ROLLOUT_RESUMED,
        _pause_reason(scene),
    )
    keep.put(ConditionType.COMPLETED, _is(complete), Reason.ROLLOUT_COMPLETED, "")
    keep.put(ConditionType.HEALTHY, _is(is_healthy), Reason.ROLLOUT_HEALTHY, "")
    if scene.way.has_route:
        keep.traffic()
    if world.problems:
        text = together(world.problems)
        keep.put(ConditionType.INVALID_SPEC, ConditionStatus.TRUE, Reason.INVALID_SPEC, text)
    if new is not None and new.failure:
        keep.put(
            ConditionType.REPLICA_FAILURE,
            ConditionStatus.TRUE,
            Reason.REPLICA_SET_CREATE_ERROR,
            new.failure,
        )
    keep.kstatus(phase, message)
    return keep.conditions


def _pause_reason(scene: Scene) -> str:
    by_hand = [MANUALLY_PAUSED] if scene.rollout.spec.paused else []
    return ", ".join([*by_hand, *(str(pause.reason) for pause in scene.position.pauses)])


class _Keeper:
    """Collects conditions; times change only when what they date changes."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.conditions: list[Condition] = []

    def put(
        self,
        kind: ConditionType,
        value: ConditionStatus,
        reason: Reason,
        message: str,
        updated: datetime | None = None,
    ) -> None:
        self.conditions.append(
            condition(
                self._scene.rollout.status,
                kind,
                value,
                reason,
                message,
                now=self._scene.now,
                generation=self._scene.rollout.generation,
                updated=updated,
            )
        )

    def progressing(self) -> None:
        scene, position = self._scene, self._scene.position
        new = scene.new
        name = new.name if new else f"{scene.rollout.name}-{position.new_hash}"
        value = ConditionStatus.TRUE
        reason, message = Reason.REPLICA_SET_UPDATED, f'ReplicaSet "{name}" is progressing.'
        if position.stage is Stage.ABORTED:
            value, reason, message = ConditionStatus.FALSE, Reason.ROLLOUT_ABORTED, scene.aborted
        elif scene.waited.exceeded:
            seconds = scene.rollout.spec.progress_deadline_seconds
            value, reason = ConditionStatus.FALSE, Reason.PROGRESS_DEADLINE_EXCEEDED
            message = f'ReplicaSet "{name}" made no progress for {seconds} s.'
        elif position.stage is Stage.DONE and not scene.rollout.spec.paused:
            reason = Reason.NEW_REPLICA_SET_AVAILABLE
            message = f'ReplicaSet "{name}" is stable.'
        elif _is_paused(scene) and scene.waited.deadline is None:
            value, reason, message = (
                ConditionStatus.UNKNOWN,
                Reason.ROLLOUT_PAUSED,
                "Rollout is paused.",
            )
        elif scene.waited.deadline is None:
            what = "An analysis step" if position.step_plugin is None else "A plugin's step"
            reason, message = Reason.ANALYSIS_RUN_RUNNING, f"{what} is running."
        self.put(ConditionType.PROGRESSING, value, reason, message, updated=scene.waited.since)

    def traffic(self) -> None:
        took, route = self._scene.took, self._scene.world.route
        value = ConditionStatus.UNKNOWN
        if route.canary_weight is None:
            value, reason = ConditionStatus.FALSE, Reason.ROUTE_MISSING
        elif route.answer is Answer.NOT_YET:
            value, reason = ConditionStatus.FALSE, Reason.WEIGHT_REFUSED
        elif not took.in_effect:
            reason = Reason.WEIGHT_SETTLING
        elif route.answer is Answer.VERIFIED:
            value, reason = ConditionStatus.TRUE, Reason.WEIGHT_VERIFIED
        else:
            reason = Reason.WEIGHT_NOT_REPORTED
        self.put(ConditionType.TRAFFIC_VERIFIED, value, reason, took.said, updated=took.since)

    def kstatus(self, phase: RolloutPhase, message: str) -> None:
        reason = {
            RolloutPhase.HEALTHY: Reason.ROLLOUT_HEALTHY,
            RolloutPhase.PAUSED: Reason.ROLLOUT_PAUSED,
            RolloutPhase.PROGRESSING: Reason.REPLICA_SET_UPDATED,
            RolloutPhase.DEGRADED: _degraded(self._scene),
        }[phase]
        is_moving = phase in {RolloutPhase.PROGRESSING, RolloutPhase.PAUSED}
        self.put(ConditionType.READY, _is(phase is RolloutPhase.HEALTHY), reason, message)
        self.put(ConditionType.RECONCILING, _is(is_moving), reason, message if is_moving else "")
        stalled = phase is RolloutPhase.DEGRADED
        self.put(ConditionType.STALLED, _is(stalled), reason, message if stalled else "")


def _is(fact: bool) -> ConditionStatus:  # noqa: FBT001 - a fact is all that it takes
    return ConditionStatus.TRUE if fact else ConditionStatus.FALSE


def _degraded(scene: Scene) -> Reason:
    if scene.world.problems:
        return Reason.INVALID_SPEC
    if scene.position.stage is Stage.ABORTED:
        return Reason.ROLLOUT_ABORTED
    return Reason.PROGRESS_DEADLINE_EXCEEDED


def condition(
    before: RolloutStatus,
    kind: ConditionType,
    value: ConditionStatus,
    reason: Reason,
    message: str,
    *,
    now: datetime,
    generation: int,
    updated: datetime | None = None,
) -> Condition:
    """The condition, its times kept from the one before where what they date is the same."""
    old = before.condition(kind)
    same = old is not None and (old.status, old.reason, old.message) == (value, reason, message)
    if old and same and updated is None and old.observed_generation == generation:
        return old
    return Condition(
        type=kind,
        status=value,
        reason=reason,
        message=message,
        last_transition_time=old.last_transition_time
        if old and old.status == value
        else as_written(now),
        last_update_time=as_written(updated)
        if updated
        else (old.last_update_time if old and same else as_written(now)),
        observed_generation=generation,
    )
