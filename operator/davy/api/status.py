"""The Rollout's status. Davy alone writes it, but for four fields that verbs write, as Argo's do.

Verbs: `abort`, `promoteFull`, `pauseConditions` (cleared) and `currentStepIndex` (skip).
"""

from pydantic import Field

from davy.api.analysis import SideCounts, StatusModel
from davy.api.conditions import MANUALLY_PAUSED, ConditionType, Outcome, RolloutPhase
from davy.api.fields import Instant


class Condition(StatusModel):
    """One condition, as Kubernetes writes them."""

    type: str
    """A `ConditionType`, or another controller's."""
    status: str
    """`True`, `False` or `Unknown`."""
    reason: str
    message: str = ""
    last_transition_time: Instant
    """Since when `status` is what it is."""
    last_update_time: Instant
    """Since when the condition says what it says; of Progressing: the last progress."""
    observed_generation: int | None = None


class PauseCondition(StatusModel):
    """Why the rollout pauses, and since when."""

    reason: str
    start_time: Instant


class WeightDestination(StatusModel):
    """One side of the split."""

    weight: int
    service_name: str | None = None
    pod_template_hash: str | None = None


class Weights(StatusModel):
    """The split, as Argo's status has it."""

    canary: WeightDestination
    stable: WeightDestination
    verified: bool | None = None
    """True: the router proved it. False: not yet. None: the router can't say."""


class RunReference(StatusModel):
    """An AnalysisRun of this update."""

    name: str
    status: str
    message: str | None = None


class StepPluginStatus(StatusModel):
    """A plugin's step that is under way."""

    index: int
    name: str
    phase: str
    """`Running`, as in Argo: a step that is done, or failed, isn't the current one any more."""
    started_at: Instant
    message: str | None = None
    """What it waits for."""


class CanaryStatus(StatusModel):
    """What the canary strategy keeps."""

    weights: Weights | None = None
    current_step_analysis_run_status: RunReference | None = None
    current_background_analysis_run_status: RunReference | None = None
    step_plugin_statuses: list[StepPluginStatus] | None = None
    """The current step's, where it is a plugin's."""
    stable_ping_pong: str | None = None
    """Which of pingPong's Services is stable's: `ping` or `pong`. None: the rollout has none."""


class TrafficStatus(StatusModel):
    """The canary's weight, 0 to 100 or maxTrafficWeight, three times.

    As Davy wants it, as the route says it, as it took effect.
    """

    wanted: int
    written: int | None = None
    """None: the route can't be read."""
    verified: int | None = None
    """The last weight that took effect (verified, or settled where nothing can be known)."""
    held: int | None = None
    """The weight that `spec.paused` holds; None: it doesn't, or the route couldn't be read."""
    rules: list[str] | None = None
    """Names of the managed routes that the route has; None: it has none."""


class HarmBudgetStatus(StatusModel):
    """How far the harm budget has got."""

    allowed: int | None = None
    """The weight that it allows now; None: the update is aborted."""
    spent: int
    """Requests that surely failed for the canary's sake: more than stable's, beyond chance."""


class ProgressMark(StatusModel):
    """The most pods that were available in this wait: flapping pods are no progress."""

    available: int
    step_index: int | None = None


class PastUpdate(StatusModel):
    """One update of the rollout, and how it ended."""

    revision: int
    pod_template_hash: str
    outcome: Outcome | None = None
    """None: it isn't over."""
    message: str | None = None
    """Why it ended so."""
    started_at: Instant | None = None
    """None: before a version of Davy that keeps a history."""
    finished_at: Instant | None = None
    canary: SideCounts | None = None
    """What the comparison that judged it had counted; None: none did, or its run is gone."""
    stable: SideCounts | None = None


class WorkloadStatus(StatusModel):
    """The workload in `spec.workloadRef`."""

    uid: str
    """Of the object that was observed: a later one of the same name is another."""
    taken: bool = False
    """Its Deployment was scaled down; whoever scales it up again means it."""


class RolloutStatus(StatusModel):
    """Where a rollout is, what it waits for, and what it has found."""

    phase: RolloutPhase | None = None
    message: str | None = None
    current_step: str | None = None
    """For people: `step 3 of 5` as `3/5`."""
    current_step_index: int | None = None
    current_step_hash: str | None = None
    current_pod_hash: str | None = None
    stable_rs: str | None = Field(None, alias="stableRS")
    abort: bool | None = None
    aborted_at: Instant | None = None
    promote_full: bool | None = None
    controller_pause: bool | None = None
    pause_conditions: list[PauseCondition] | None = None
    restarted_at: Instant | None = None
    """The `spec.restartAt` since when every pod is new."""
    canary: CanaryStatus | None = None
    traffic: TrafficStatus | None = None
    progress: ProgressMark | None = None
    harm_budget: HarmBudgetStatus | None = None
    """None: the rollout has none, or isn't being updated."""
    verdict: str | None = None
    """The last verdict of an analysis with its numbers."""
    history: list[PastUpdate] | None = None
    """The last 10 updates, the newest first."""
    replicas: int | None = None
    updated_replicas: int | None = None
    ready_replicas: int | None = None
    available_replicas: int | None = None
    hpa_replicas: int | None = Field(None, alias="HPAReplicas")
    selector: str | None = None
    collision_count: int | None = None
    observed_generation: str | None = None
    workload_observed_generation: str | None = None
    """Of the workload whose template `currentPodHash` stands for."""
    workload: WorkloadStatus | None = None
    conditions: list[Condition] | None = Field(
        None,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of this type, if it was ever set."""
        for found in self.conditions or ():
            if found.type == kind:
                return found
        return None

    @property
    def paused_by_hand(self) -> bool:
        """The last pass found `spec.paused` to be true."""
        told = self.condition(ConditionType.PAUSED)
        return told is not None and told.message.startswith(MANUALLY_PAUSED)
