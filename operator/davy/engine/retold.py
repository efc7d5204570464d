"""What a status says, apart from what it decides: told after the actions, and not for each pod.

A pass decides, acts, and writes one status. It speaks of what the actions brought, so that it takes
no second write to say so. Decisions come from the pass itself alone: what a later look would decide
(an abort, the next step, a promotion) is left to the next pass, whose first action it is (I3, I6).
"""

from dataclasses import replace
from typing import Final

from davy.api.conditions import ConditionType, EventReason
from davy.api.status import CanaryStatus, Condition, RolloutStatus, RunReference
from davy.engine.plan import Plan

DONE: Final = frozenset({EventReason.NEW_REPLICA_SET_CREATED, EventReason.SCALING_REPLICA_SET})
"""Events of what a pass does, not of what the status says: no later pass finds them again."""
_COUNTED: Final = frozenset(
    {
        ConditionType.PROGRESSING,
        ConditionType.READY,
        ConditionType.RECONCILING,
        ConditionType.STALLED,
    }
)
"""Conditions whose message repeats `status.message`, or whose time is that of the last new pod."""


def after(decided: Plan, seen: Plan) -> Plan:
    """The plan, with the status and the wake-up of a look at what its actions brought.

    Args:
        decided: whose actions were all carried out.
        seen: decided on the world as it is then, with the status that `decided` wants.
    """
    if _decisions(decided.status) != _decisions(seen.status):
        return replace(decided, status=_as_written(decided.status, seen.status))
    told = (event for event in seen.events if event.reason not in DONE)
    return replace(
        decided, status=seen.status, events=(*decided.events, *told), wake_at=seen.wake_at
    )


def _as_written(status: RolloutStatus, seen: RolloutStatus) -> RolloutStatus:
    """The status with the weight that the route says by now (I10)."""
    if not (status.traffic and seen.traffic and status.canary and seen.canary):
        return status
    written = {"written": seen.traffic.written, "changed_at": seen.traffic.changed_at}
    weights = {"weights": seen.canary.weights}
    return status.model_copy(
        update={
            "traffic": status.traffic.model_copy(update=written),
            "canary": status.canary.model_copy(update=weights),
        }
    )


def is_count(before: RolloutStatus, now: RolloutStatus) -> bool:
    """Only counts of pods changed, and the words about them: no news that anybody waits for."""
    return _without_counts(before) == _without_counts(now)


def _decisions(status: RolloutStatus) -> tuple[object, ...]:
    canary = status.canary or CanaryStatus()
    return (
        status.stable_rs,
        status.current_pod_hash,
        status.current_step_hash,
        status.current_step_index,
        status.abort,
        status.aborted_at,
        status.promote_full,
        status.controller_pause,
        status.pause_conditions,
        _run(canary.current_step_analysis_run_status),
        _run(canary.current_background_analysis_run_status),
    )


def _run(reference: RunReference | None) -> tuple[str, str] | None:
    """Which run, and how it stands: what it says meanwhile decides nothing."""
    return (reference.name, reference.status) if reference else None


def _without_counts(status: RolloutStatus) -> RolloutStatus:
    by_route = status.canary is not None and status.canary.weights is not None
    return status.model_copy(
        update={
            "message": None,
            "progress": None,
            "replicas": None,
            "updated_replicas": None,
            "ready_replicas": None,
            "available_replicas": None,
            "hpa_replicas": None,
            "traffic": status.traffic if by_route else None,  # else it counts pods
            "conditions": [_counted(found) for found in status.conditions or ()],
        }
    )


def _counted(condition: Condition) -> Condition:
    if condition.type not in _COUNTED:
        return condition
    untimed = {"last_update_time": condition.last_transition_time}
    if condition.type != ConditionType.PROGRESSING:
        untimed |= {"message": ""}  # type: ignore[dict-item]
    return condition.model_copy(update=untimed)
