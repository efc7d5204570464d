"""AnalysisTemplate (both kinds) and AnalysisRun: what is measured, and what came of it."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from davy.api.compare import Compare, Judge
from davy.api.fields import BY_METRIC_NAME, BY_NAME, INT32, Instant, Model, ObjectName
from davy.api.metadata import Metadata
from davy.api.providers import MetricProvider

MOST_REQUESTS: Final = 10**15
"""What is above is nonsense, but nothing to crash on."""
IntOrText = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True})]
"""A whole number, or a text such as `{{args.count}}` that becomes one when args are filled in."""


class FieldRef(Model):
    """A field of the Rollout."""

    field_path: str = Field(
        min_length=1,
        max_length=512,
        description="E.g. `metadata.labels['region']` or `spec.replicas`.",
    )


class SecretKeyRef(Model):
    """A key of a Secret in the run's namespace."""

    name: ObjectName = Field(description="Name of the Secret.")
    key: str = Field(min_length=1, max_length=253, description="The key in it.")


class RunArgValueFrom(Model):
    """Where a rollout takes an argument's value from; exactly one."""

    pod_template_hash_value: Literal["Stable", "Latest"] | None = Field(
        None, description="`Stable` or `Latest`: the pod template hash of that revision."
    )
    field_ref: FieldRef | None = Field(None, description="A field of this Rollout.")


class RunArg(Model):
    """An argument that a rollout hands to its templates; exactly one of value and valueFrom."""

    name: str = Field(min_length=1, max_length=253, description="Its name in the templates.")
    value: str | None = Field(None, max_length=4096, description="A text; quote numbers.")
    value_from: RunArgValueFrom | None = Field(
        None, description="Where the value is taken from when the run is made."
    )


class TemplateRef(Model):
    """An AnalysisTemplate of this namespace, or a ClusterAnalysisTemplate."""

    template_name: str = Field(min_length=1, max_length=253, description="Name of the template.")
    cluster_scope: bool = Field(default=False, description="true: a ClusterAnalysisTemplate.")


MetricPattern = Annotated[str, Field(min_length=1, max_length=253)]
"""A metric's name, or a regular expression that is found in it: `errors`, `^error-`, `.*`."""


class DryRun(Model):
    """Metrics that are measured and told, and decide nothing."""

    metric_name: MetricPattern = Field(
        description="A metric's name, or a regular expression that is found in some: `.*` is all."
    )


class MeasurementRetention(Model):
    """How many measurements of some metrics a run's status keeps."""

    metric_name: MetricPattern = Field(
        description="A metric's name, or a regular expression that is found in some: `.*` is all."
    )
    limit: int = Field(
        ge=0,
        le=1000,
        description="Measurements to keep, the latest; 0: as many as without a rule, 10. The "
        "limits of a run's metrics are 1000 together at most.",
    )


DryRuns = Annotated[
    list[DryRun],
    Field(
        max_length=16,
        json_schema_extra=BY_METRIC_NAME,
        description="Metrics that are measured and told, and decide nothing.",
    ),
]
Retentions = Annotated[
    list[MeasurementRetention],
    Field(
        max_length=16,
        json_schema_extra=BY_METRIC_NAME,
        description="How many measurements the status keeps, by metric; the last rule that fits "
        "a metric counts.",
    ),
]


class AnalysisRef(Model):
    """Templates to run, merged into one AnalysisRun, and their arguments."""

    templates: list[TemplateRef] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="Templates whose metrics the run measures; at least one, or compare.",
    )
    compare: Judge | None = Field(
        None,
        description="Compare canary and stable, without a template; beside the steps the same as "
        "`judge`.",
    )
    args: list[RunArg] | None = Field(
        None,
        max_length=64,
        json_schema_extra=BY_NAME,
        description="Values for the templates' arguments.",
    )
    dry_run: DryRuns | None = None
    measurement_retention: Retentions | None = None
    analysis_run_metadata: Metadata | None = Field(
        None, description="Labels and annotations of the runs that are made."
    )


class BackgroundAnalysis(AnalysisRef):
    """Analysis that runs beside the steps."""

    starting_step: int = Field(
        0, ge=0, description="Index (from 0) of the step at which it starts."
    )


NoEvidence = Literal["hold", "inconclusive", "fail", "pass"]


class Metric(Model):
    """One question, asked again and again, and how its answers are judged."""

    name: str = Field(min_length=1, max_length=253, description="Unique in the run.")
    provider: MetricProvider = Field(description="Who answers; exactly one.")
    interval: str | None = Field(
        None,
        max_length=64,
        description="Time between the starts of two measurements (30s, 5m, 1h). Needed when count "
        "is more than 1.",
    )
    initial_delay: str | None = Field(
        None,
        max_length=64,
        description="Time from the run's start to the first measurement (30s, 5m). Unset: none.",
    )
    count: IntOrText | None = Field(
        None,
        description="Measurements to take, a whole number or `{{args.name}}`. Unset: one without "
        "an interval, no end with one.",
    )
    compare: Compare | None = Field(
        None,
        description="Compare canary and stable by counters that the provider has (prometheus), "
        "instead of successCondition and failureCondition.",
    )
    success_condition: str | None = Field(
        None,
        max_length=2048,
        description="An expression over `result`, e.g. `result[0] >= 0.95`; true is a success.",
    )
    failure_condition: str | None = Field(
        None,
        max_length=2048,
        description="An expression over `result`, e.g. `result[0] < 0.9`; true is a failure.",
    )
    failure_limit: IntOrText = Field(
        0, description="Failed measurements that are allowed; one more fails the run. -1: any."
    )
    inconclusive_limit: IntOrText = Field(
        0,
        description="Inconclusive measurements that are allowed; one more makes the run "
        "Inconclusive.",
    )
    consecutive_error_limit: IntOrText | None = Field(
        None,
        description="Errors in a row that are allowed (Argo: 4). Unset: a provider that can't "
        "answer is no evidence: the weight is held and it is asked again.",
    )
    consecutive_success_limit: IntOrText = Field(
        0, description="Successes in a row that end the metric as Successful; 0: off."
    )
    on_no_data: NoEvidence | None = Field(
        None,
        description="What an answer without data is (empty, NaN, too few requests): hold (the "
        "default: nothing, the weight is held and it is asked again), inconclusive, fail or pass.",
    )
    on_provider_error: NoEvidence | None = Field(
        None,
        description="The same for a provider that can't answer and a condition that can't be "
        "evaluated; not beside consecutiveErrorLimit.",
    )


class TemplateArgValueFrom(Model):
    """Where a template takes an argument's value from; exactly one."""

    secret_key_ref: SecretKeyRef | None = Field(
        None, description="A key of a Secret, read when a measurement is taken."
    )
    field_ref: FieldRef | None = Field(None, description="A field of the Rollout.")


class TemplateArg(Model):
    """An argument of a template; with a value it has a default."""

    name: str = Field(min_length=1, max_length=253, description="Used as `{{args.name}}`.")
    value: str | None = Field(
        None, max_length=4096, description="The default, a text; unset: the rollout must give one."
    )
    value_from: TemplateArgValueFrom | None = Field(
        None, description="Where the value is taken from; not beside `value`."
    )


METRICS_TOLD: Final = "Measured side by side; the run succeeds when all do."
Metrics = Annotated[
    list[Metric],
    Field(
        min_length=1,
        max_length=64,
        json_schema_extra=BY_NAME,
        description=METRICS_TOLD,
    ),
]
TemplateArgs = Annotated[
    list[TemplateArg],
    Field(
        max_length=64, json_schema_extra=BY_NAME, description="Arguments, used as `{{args.name}}`."
    ),
]


class AnalysisTemplateSpec(Model):
    """Metrics and the arguments they use as `{{args.name}}`."""

    metrics: list[Metric] = Field(
        default_factory=list,
        max_length=64,
        json_schema_extra=BY_NAME,
        description=f"{METRICS_TOLD} A template that names `templates` may have none of its own.",
    )
    templates: list[TemplateRef] | None = Field(
        None,
        max_length=16,
        description="Further templates, whose metrics, arguments and rules are merged with these; "
        "an AnalysisTemplate is looked up in the rollout's namespace.",
    )
    args: TemplateArgs | None = None
    dry_run: DryRuns | None = None
    measurement_retention: Retentions | None = None


class TtlStrategy(Model):
    """How long a finished run stays; of several numbers that fit the special one counts."""

    seconds_after_completion: int | None = Field(
        None, ge=0, le=INT32, description="Seconds that a finished run stays, however it ended."
    )
    seconds_after_success: int | None = Field(
        None, ge=0, le=INT32, description="Seconds that a Successful run stays."
    )
    seconds_after_failure: int | None = Field(
        None, ge=0, le=INT32, description="Seconds that a Failed run stays."
    )


class AnalysisRunSpec(Model):
    """What one run measures: templates merged, arguments filled in but for secrets."""

    metrics: Metrics
    args: TemplateArgs | None = None
    dry_run: DryRuns | None = None
    measurement_retention: Retentions | None = None
    terminate: bool = Field(
        default=False, description="true: stop measuring; what is not bad is good."
    )
    ttl_strategy: TtlStrategy | None = Field(
        None,
        description="When the finished run is deleted. Unset: it stays, or a Rollout's history "
        "limits decide.",
    )


class Phase(StrEnum):
    """Of a run, a metric and a measurement."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"

    @property
    def completed(self) -> bool:
        """Nothing more will come."""
        return self not in {Phase.PENDING, Phase.RUNNING}


class StatusModel(Model):
    """Part of a status: fields of other versions are left alone, not an error."""

    model_config = ConfigDict(extra="ignore", strict=False, use_attribute_docstrings=True)


class SideCounts(StatusModel):
    """What a comparison counted of one side since its run began."""

    requests: int = Field(ge=0, le=MOST_REQUESTS)
    errors: int = Field(ge=0, le=MOST_REQUESTS)


class ComparedValue(StatusModel):
    """What a comparison's measurement has in `value`, as JSON."""

    to_abort: float = Field(ge=0, allow_inf_nan=False)
    """Evidence over what an abort needs: 0 none, from 1 on it is shown to be worse."""
    to_pass: float = Field(ge=0, allow_inf_nan=False)
    """The same for a pass."""
    canary: SideCounts
    stable: SideCounts
    allowed: float | None = Field(None, ge=0, le=1)
    """The share of all requests that the rollout's harm budget allows the canary; None: it has
    none, or nothing is known yet."""
    spent: int | None = Field(None, ge=0, le=MOST_REQUESTS)
    """Requests of the budget that surely failed for the canary's sake."""


class Measurement(StatusModel):
    """One answer and its verdict."""

    phase: Phase
    message: str | None = None
    started_at: Instant | None = None
    finished_at: Instant | None = None
    resume_at: Instant | None = None
    value: str | None = None
    metadata: dict[str, str] | None = None


class MetricResult(StatusModel):
    """What came of one metric; counters are over all measurements, the list is the latest."""

    name: str
    phase: Phase
    measurements: list[Measurement] = Field(default_factory=list)
    message: str | None = None
    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0
    consecutive_error: int = 0
    consecutive_success: int = 0
    dry_run: bool | None = None
    """True: it decides nothing."""


class RunSummary(StatusModel):
    """Metrics by outcome."""

    count: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0


class AnalysisRunStatus(StatusModel):
    """What came of a run."""

    phase: Phase = Phase.PENDING
    message: str | None = None
    metric_results: list[MetricResult] = Field(default_factory=list)
    started_at: Instant | None = None
    completed_at: Instant | None = None
    run_summary: RunSummary | None = None
    """Of the metrics that decide."""
    dry_run_summary: RunSummary | None = None
    """Of the others; None: there are none."""


class RunManifest(StatusModel):
    """An AnalysisRun object."""

    metadata: dict[str, Any]
    spec: AnalysisRunSpec
    status: AnalysisRunStatus = Field(default_factory=AnalysisRunStatus)
