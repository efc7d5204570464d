"""Condition types, reasons, pause reasons and event reasons: who sets each, and when.

Argo Rollouts' names where Argo has one; `Ready`, `Reconciling`, `Stalled` are kstatus';
`TrafficVerified` is Davy's own.
"""

from enum import StrEnum
from typing import Final


class RolloutPhase(StrEnum):
    """`status.phase`."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    DEGRADED = "Degraded"


class Outcome(StrEnum):
    """`status.history[].outcome`: how an update ended."""

    PROMOTED = "Promoted"
    """It is stable: its steps are completed, or it was the first."""
    FAST_PROMOTED = "FastPromoted"
    """It is stable, promoted in full or within the rollback window."""
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"
    """Another template came before it was done."""
    ROLLED_BACK = "RolledBack"
    """The stable template was put back before it was done."""


class ConditionType(StrEnum):
    """`status.conditions[].type`."""

    INVALID_SPEC = "InvalidSpec"
    AVAILABLE = "Available"
    PROGRESSING = "Progressing"
    REPLICA_FAILURE = "ReplicaFailure"
    PAUSED = "Paused"
    COMPLETED = "Completed"
    HEALTHY = "Healthy"
    TRAFFIC_VERIFIED = "TrafficVerified"
    """True: the router said that the mesh took the weight and the settle time passed. Unknown: the
    router can't say, the settle time passed. False: not yet. The message is what the route says;
    lastUpdateTime is since when it says so."""
    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class ConditionStatus(StrEnum):
    """`status.conditions[].status`."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """`status.conditions[].reason`."""

    INVALID_SPEC = "InvalidSpec"
    AVAILABLE = "AvailableReason"
    REPLICA_SET_UPDATED = "ReplicaSetUpdated"
    NEW_REPLICA_SET_AVAILABLE = "NewReplicaSetAvailable"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    ROLLOUT_PAUSED = "RolloutPaused"
    ROLLOUT_RESUMED = "RolloutResumed"
    ROLLOUT_ABORTED = "RolloutAborted"
    ANALYSIS_RUN_RUNNING = "AnalysisRunRunning"
    """Of Progressing: an analysis step judges; the deadline doesn't run."""
    ROLLOUT_COMPLETED = "RolloutCompleted"
    ROLLOUT_HEALTHY = "RolloutHealthy"
    REPLICA_SET_CREATE_ERROR = "ReplicaSetCreateError"
    WEIGHT_VERIFIED = "WeightVerified"
    WEIGHT_SETTLING = "WeightSettling"
    WEIGHT_NOT_REPORTED = "WeightNotReported"
    WEIGHT_REFUSED = "WeightRefused"
    ROUTE_MISSING = "RouteMissing"


class PauseReason(StrEnum):
    """`status.pauseConditions[].reason`."""

    CANARY_PAUSE_STEP = "CanaryPauseStep"
    INCONCLUSIVE_ANALYSIS = "InconclusiveAnalysisRun"


MANUALLY_PAUSED: Final = "manually paused"
"""Argo's words for `spec.paused`; the message of the Paused condition begins with them."""


class EventReason(StrEnum):
    """Reasons of the events on a Rollout and an AnalysisRun; Argo's notification triggers."""

    ROLLOUT_UPDATED = "RolloutUpdated"
    NEW_REPLICA_SET_CREATED = "NewReplicaSetCreated"
    SCALING_REPLICA_SET = "ScalingReplicaSet"
    ROLLOUT_STEP_COMPLETED = "RolloutStepCompleted"
    ROLLOUT_COMPLETED = "RolloutCompleted"
    ROLLOUT_PAUSED = "RolloutPaused"
    ROLLOUT_RESUMED = "RolloutResumed"
    ROLLOUT_ABORTED = "RolloutAborted"
    ROLLOUT_RETRY = "RolloutRetry"
    ROLLOUT_NOT_COMPLETED = "RolloutNotCompleted"
    SKIP_STEPS = "SkipSteps"
    SWITCH_SERVICE = "SwitchService"
    TRAFFIC_WEIGHT_UPDATED = "TrafficWeightUpdated"
    TRAFFIC_ROUTING_ERROR = "TrafficRoutingError"
    INVALID_SPEC = "InvalidSpec"
    REPLICA_SET_CREATE_ERROR = "ReplicaSetCreateError"
    RECONCILIATION_ERROR = "ReconciliationError"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    ANALYSIS_RUN_RUNNING = "AnalysisRunRunning"
    ANALYSIS_RUN_SUCCESSFUL = "AnalysisRunSuccessful"
    ANALYSIS_RUN_FAILED = "AnalysisRunFailed"
    ANALYSIS_RUN_ERROR = "AnalysisRunError"
    ANALYSIS_RUN_INCONCLUSIVE = "AnalysisRunInconclusive"
