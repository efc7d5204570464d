"""What Argo CD says of a Rollout: its rules, for controllers that write a phase (1.0 and later).

Written from a description of them, in the order in which they are looked at. Argo CD ships them for
`argoproj.io`; for another group an administrator gives it the same (docs/rollout.md).
"""

from typing import Any, Final

from davy.api.conditions import ConditionType, Reason, RolloutPhase

_GIVEN_UP: Final = {Reason.ROLLOUT_ABORTED, Reason.PROGRESS_DEADLINE_EXCEEDED}
_OF_PHASE: Final[dict[str, str]] = {
    RolloutPhase.HEALTHY: "Healthy",
    RolloutPhase.PROGRESSING: "Progressing",
    RolloutPhase.PAUSED: "Suspended",
    RolloutPhase.DEGRADED: "Degraded",
}


def health(rollout: dict[str, Any]) -> str:
    """Healthy, Progressing, Suspended or Degraded; of a Rollout as the API server has it."""
    status = rollout.get("status") or {}
    conditions = status.get("conditions") or []
    if any(found["type"] == ConditionType.INVALID_SPEC for found in conditions):
        return "Degraded"
    if status.get("pauseConditions") or rollout["spec"].get("paused"):
        return "Suspended"
    if any(
        found["type"] == ConditionType.PROGRESSING and found.get("reason") in _GIVEN_UP
        for found in conditions
    ):
        return "Degraded"
    observed = status.get("observedGeneration") or "0"
    if int(observed) < rollout["metadata"]["generation"]:
        return "Progressing"
    return _OF_PHASE.get(status.get("phase", ""), "Progressing")
