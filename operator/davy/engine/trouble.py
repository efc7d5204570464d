"""The status when a pass couldn't decide or couldn't act: what went wrong, and that it goes on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from davy.api.conditions import (
    ConditionStatus,
    ConditionType,
    EventReason,
    Reason,
    RolloutPhase,
)
from davy.api.errors import Finding, together
from davy.api.status import Condition, RolloutStatus
from davy.engine import report
from davy.engine.plan import Action, CreateReplicaSet, Event, Plan, PointRole, SetWeights


def invalid(
    before: RolloutStatus, findings: Sequence[Finding], generation: int, now: datetime
) -> Plan:
    """The plan for a spec that can't be read: all stays as it is, and the status says why."""
    text = together(findings)
    old = before.condition(ConditionType.INVALID_SPEC)
    status = before.model_copy(
        update={
            "phase": RolloutPhase.DEGRADED,
            "message": f"InvalidSpec: {text}",
            "observed_generation": str(generation),
            "conditions": _with(
                before, ConditionType.INVALID_SPEC, text, generation=generation, now=now
            ),
        }
    )
    told = old is not None and old.message == text
    events = () if told else (Event(EventReason.INVALID_SPEC, text, warning=True),)
    return Plan(actions=(), status=status, events=events)


def with_failures(
    plan: Plan,
    before: RolloutStatus,
    failures: Sequence[tuple[Action, str]],
    *,
    generation: int,
    now: datetime,
) -> Plan:
    """The plan whose status and events say too which actions failed, to be tried again."""
    if not failures:
        return plan
    text = "; ".join(sentence for _, sentence in failures)
    reason = _event(failures[0][0])
    status = plan.status.model_copy(
        update={
            "message": f"{reason}: {text} Trying again. {plan.status.message or ''}".rstrip(),
            "conditions": _with(
                plan.status,
                ConditionType.REPLICA_FAILURE,
                text,
                generation=generation,
                now=now,
                before=before,
            )
            if reason is EventReason.REPLICA_SET_CREATE_ERROR
            else plan.status.conditions,
        }
    )
    told = text in (before.message or "")
    events = () if told else (Event(reason, text, warning=True),)
    return replace(plan, status=status, events=(*plan.events, *events))


def _event(action: Action) -> EventReason:
    match action:
        case SetWeights() | PointRole():
            return EventReason.TRAFFIC_ROUTING_ERROR
        case CreateReplicaSet():
            return EventReason.REPLICA_SET_CREATE_ERROR
        case _:
            return EventReason.RECONCILIATION_ERROR


def _with(
    status: RolloutStatus,
    kind: ConditionType,
    text: str,
    *,
    generation: int,
    now: datetime,
    before: RolloutStatus | None = None,
) -> list[Condition]:
    reason = {
        ConditionType.INVALID_SPEC: Reason.INVALID_SPEC,
        ConditionType.REPLICA_FAILURE: Reason.REPLICA_SET_CREATE_ERROR,
    }[kind]
    kinds: dict[ConditionType, ConditionStatus] = {kind: ConditionStatus.TRUE}
    kinds[ConditionType.READY] = ConditionStatus.FALSE
    if kind is ConditionType.INVALID_SPEC:
        kinds[ConditionType.STALLED] = ConditionStatus.TRUE
        kinds[ConditionType.RECONCILING] = ConditionStatus.FALSE
    kept = [found for found in status.conditions or () if found.type not in kinds]
    said = [
        report.condition(
            before or status, told, value, reason, text, now=now, generation=generation
        )
        for told, value in kinds.items()
    ]
    return kept + said
