"""The Rollout that a user writes; `kubectl explain` prints the descriptions."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field, WithJsonSchema

from davy.api.analysis import AnalysisRef, BackgroundAnalysis
from davy.api.anti_affinity import AntiAffinity
from davy.api.compare import Judge
from davy.api.fields import (
    BY_NAME,
    INT32,
    DurationOrSeconds,
    Instant,
    IntOrPercent,
    Model,
    ObjectName,
    parse_duration,
)
from davy.api.harm_budget import HarmBudget
from davy.api.managed_routes import ManagedRoute, Rule, SetHeaderRoute, SetMirrorRoute
from davy.api.mesh_routers import (
    CONTOUR_PLUGIN,
    GatewayApiRouting,
    IstioRouting,
    RouterPlugins,
    named_routes,
)
from davy.api.metadata import Metadata
from davy.api.ping_pong import PingPong
from davy.api.plugins import StepPlugin
from davy.api.pod_template import POD_TEMPLATE_SCHEMA
from davy.api.routers import AlbRouting, ApisixRouting, ContourRouting, NginxRouting, TraefikRouting
from davy.api.selector import LabelSelector

_DRAIN_SECONDS: Final = 30
Weight = Annotated[int, Field(ge=0, le=1_000_000)]
"""At most 100, or maxTrafficWeight, whose bound is Gateway API's own."""


class Pause(Model):
    """Waits, at the weight reached, for a time or for a person."""

    duration: DurationOrSeconds | None = Field(
        None,
        description="How long to wait, counted from when the step before took effect: seconds (30) "
        'or a length ("30s", "5m", "1h"). Unset: until somebody promotes.',
    )

    @property
    def length(self) -> timedelta | None:
        """How long; None waits for a person."""
        return None if self.duration is None else parse_duration(self.duration)


class CanaryScale(Model):
    """The canary's pods apart from its weight; exactly one of its fields is set."""

    replicas: int | None = Field(
        None, ge=0, le=INT32, description="So many pods, whatever `replicas` of the rollout is."
    )
    weight: Weight | None = Field(
        None, description="The pods that this weight needs, without the traffic of it."
    )
    match_traffic_weight: bool | None = Field(
        None, description="true: the pods that the canary's weight needs, as without this step."
    )


class CanaryStep(Model):
    """One step; exactly one of its fields is set."""

    set_weight: Weight | None = Field(
        None,
        description="The canary's part of the route's traffic, a whole number: of 100 (percent), "
        "or of trafficRouting.maxTrafficWeight. Done when the canary has the pods for it and the "
        "mesh has taken the weight.",
    )
    pause: Pause | None = Field(
        None, description="Wait for `duration`, or until promoted when it has none."
    )
    analysis: AnalysisRef | None = Field(
        None,
        description="Run these templates and wait: Successful goes on, Failed or Error aborts, "
        "Inconclusive pauses.",
    )
    set_canary_scale: CanaryScale | None = Field(
        None,
        description="Scale the canary apart from its weight, from here to the next such step or to "
        "the end of the steps; only with trafficRouting. It never has fewer pods than its weight "
        "needs. Done when they are available.",
    )
    set_header_route: SetHeaderRoute | None = Field(
        None,
        description="Requests with a header go to the canary; at least one of its pods is there "
        "before. With Istio or the Gateway API. Gone after the last step and at an abort.",
    )
    set_mirror_route: SetMirrorRoute | None = Field(
        None,
        description="Copies of requests go to the canary, which has the pods for them before. With "
        "Istio or HTTPRoutes. Gone after the last step and at an abort.",
    )
    plugin: StepPlugin | None = Field(
        None,
        description="Ask a plugin, at the weight reached: it says done, wait or failed, which "
        "aborts.",
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the fields that are set; a valid step has one."""
        return tuple(kind for name, kind in STEP_KINDS.items() if getattr(self, name) is not None)

    @property
    def rule(self) -> Rule | None:
        """The managed route that the step sets or takes away."""
        return self.set_header_route or self.set_mirror_route


STEP_KINDS: Final = {name: field.alias or name for name, field in CanaryStep.model_fields.items()}
"""What a step can be, by the models' names."""


ROUTERS: Final = ("istio", "gatewayAPI", "nginx", "alb", "traefik", "apisix", "contour")
"""Davy's own routers, as `trafficRouting` names them; Argo's plugins beside them."""


class TrafficRouting(Model):
    """Which router carries the weights; exactly one."""

    istio: IstioRouting | None = Field(None, description="Istio VirtualServices.")
    gateway_api: GatewayApiRouting | None = Field(
        None,
        alias="gatewayAPI",
        description="Gateway API HTTPRoutes, GRPCRoutes, TCPRoutes and TLSRoutes.",
    )
    nginx: NginxRouting | None = Field(None, description="Canary Ingresses of ingress-nginx.")
    alb: AlbRouting | None = Field(
        None, description="Ingresses of the AWS Load Balancer Controller."
    )
    traefik: TraefikRouting | None = Field(None, description="A TraefikService.")
    apisix: ApisixRouting | None = Field(None, description="An ApisixRoute.")
    contour: ContourRouting | None = Field(None, description="Contour HTTPProxies.")
    plugins: RouterPlugins | None = Field(
        None,
        description="A router by its plugin's name, with any object as configuration: one that is "
        "installed beside Davy, or Argo's for Gateway API or Contour, which are built in.",
    )
    managed_routes: list[ManagedRoute] | None = Field(
        None,
        max_length=32,
        json_schema_extra=BY_NAME,
        description="Routes that setHeaderRoute and setMirrorRoute steps make, those that come "
        "first take precedence.",
    )
    max_traffic_weight: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="The weight that is all traffic: stable's and canary's weights together, and "
        "the most of a setWeight. Only Gateway API's and Contour's can be another than 100.",
    )

    @property
    def given(self) -> tuple[str, ...]:
        """The routers that are named."""
        return tuple(name for name in self.manifest() if name in {*ROUTERS, "plugins"})


class ReplicaProgressThreshold(Model):
    """How many of the canary's pods are enough to go on."""

    type: Literal["Percent", "Pods", "Pod"] = Field(
        description="Percent: of the pods that the step needs, rounded up. Pods (or Pod, as some "
        "of Argo Rollouts' pages have it): a number of them."
    )
    value: int = Field(ge=1, le=INT32, description="Percent, at most 100, or pods.")


class CanaryStrategy(Model):
    """Traffic moves to the new version step by step."""

    canary_service: ObjectName | None = Field(
        None, description="Service that selects the canary's pods; Davy narrows its selector."
    )
    stable_service: ObjectName | None = Field(
        None, description="Service that selects stable's pods; Davy narrows its selector."
    )
    ping_pong: PingPong | None = Field(
        None,
        description="Two Services that swap their roles at each promotion, instead of "
        "stableService and canaryService: no selector of a Service with traffic ever moves. Not "
        "with Istio's subsets, not with nginx; with alb it needs rootService.",
    )
    steps: list[CanaryStep] | None = Field(
        None,
        max_length=128,
        description="Passed in order, each once per revision. Unset: straight to weight 100.",
    )
    traffic_routing: TrafficRouting | None = Field(
        None,
        description="The router that splits the traffic; exactly one. Unset: the ratio of the "
        "revisions' pods is the weight, as near as whole pods come to it.",
    )
    canary_metadata: Metadata | None = Field(
        None,
        description="Labels and annotations that the canary's pods have, beside the template's, as "
        "long as they are the canary. Changed in place: no pod is restarted for them.",
    )
    stable_metadata: Metadata | None = Field(
        None,
        description="Labels and annotations that stable's pods have, beside the template's, as "
        "long as they are stable. Changed in place: no pod is restarted for them.",
    )
    anti_affinity: AntiAffinity | None = Field(
        None,
        description="Schedule the canary's pods on other nodes than stable's, so that no node that "
        "an update needed is taken away under a promoted revision. Editing it restarts no pod.",
    )
    max_surge: IntOrPercent = Field(
        "25%",
        description="Pods beyond `replicas` that an update without trafficRouting may ask for: a "
        "number, or percent of `replicas`, rounded up. With trafficRouting it says nothing, as in "
        "Argo Rollouts.",
    )
    max_unavailable: IntOrPercent = Field(
        "25%",
        description="Pods of `replicas` that an update without trafficRouting may take away before "
        "others are available: a number, or percent of `replicas`, rounded down; 1 where this and "
        "maxSurge both come to 0. With trafficRouting it bounds nothing but a restart (restartAt), "
        "as in Argo Rollouts.",
    )
    analysis: BackgroundAnalysis | None = Field(
        None, description="Runs beside the steps; when it fails the rollout aborts."
    )
    judge: Judge | None = Field(
        None,
        description="Compares canary and stable beside all steps, with no template: aborts as soon "
        "as the canary is shown to be worse, and raises no weight while there is no evidence.",
    )
    harm_budget: HarmBudget | None = Field(
        None,
        description="Every weight starts so low that a canary which always fails costs no more "
        "than this before it is seen, and grows to the step's as evidence comes in; only with "
        "judge (or analysis.compare) and trafficRouting.",
    )
    min_pods_per_replica_set: int = Field(
        1,
        ge=0,
        le=INT32,
        description="Pods that a revision with any weight has at least, as far as `replicas` "
        "allows; more than 1 only with trafficRouting.",
    )
    replica_progress_threshold: ReplicaProgressThreshold | None = Field(
        None,
        description="How many of the pods that a step needs are enough to go on; with "
        "trafficRouting at the weight that these carry, and all of them for the promotion. Unset: "
        "all.",
    )
    dynamic_stable_scale: bool = Field(
        default=False,
        description="true: stable has only the pods that its own weight needs; they go when the "
        "lower weight has drained, and come back before it rises. An abort then moves what "
        "stable's pods can take at once, and the rest as they come. Only with trafficRouting and "
        "without scaleDownDelaySeconds.",
    )
    scale_down_delay_seconds: Annotated[int, Field(ge=0, le=86400)] | None = Field(
        None,
        description="Seconds that a ReplicaSet keeps its pods after its weight was verified 0; "
        "only with trafficRouting. Default: 30.",
    )
    scale_down_delay_revision_limit: int | None = Field(
        None,
        ge=0,
        le=INT32,
        description="Older revisions that may keep their pods for scaleDownDelaySeconds, the "
        "newest first; those beyond it keep theirs for 30 seconds at most. Only with "
        "trafficRouting. Unset: all.",
    )
    abort_scale_down_delay_seconds: int = Field(
        30,
        ge=0,
        le=86400,
        description="Seconds that an aborted canary keeps its pods after its weight was verified "
        "0; 0 keeps them for ever. Without trafficRouting it says nothing: the pods are the "
        "weight.",
    )

    @property
    def background(self) -> BackgroundAnalysis | None:
        """What is analysed beside the steps, judge included; None: nothing."""
        if self.judge is None:
            return self.analysis
        beside = self.analysis or BackgroundAnalysis()
        return beside.model_copy(update={"compare": self.judge})

    @property
    def analyses(self) -> Iterator[tuple[str, AnalysisRef]]:
        """Every analysis that is asked for, with its path in the Rollout; steps first."""
        for index, step in enumerate(self.steps or ()):
            if step.analysis:
                yield f"spec.strategy.canary.steps[{index}].analysis", step.analysis
        if self.background:
            field = "analysis" if self.analysis else "judge"
            yield f"spec.strategy.canary.{field}", self.background

    @property
    def drain_seconds(self) -> int:
        """How long pods without weight stay."""
        given = self.scale_down_delay_seconds
        return _DRAIN_SECONDS if given is None else given

    @property
    def least_drain_seconds(self) -> int:
        """How long they stay beyond scaleDownDelayRevisionLimit."""
        return min(_DRAIN_SECONDS, self.drain_seconds)

    @property
    def routing(self) -> TrafficRouting:
        """The routers that the strategy names; without trafficRouting it names none."""
        return self.traffic_routing or TrafficRouting()

    @property
    def all_traffic(self) -> int:
        """The weight that is all traffic."""
        return self.routing.max_traffic_weight

    @property
    def rule_names(self) -> tuple[str, ...]:
        """Names of the managed routes, in the order of their precedence."""
        return tuple(route.name for route in self.routing.managed_routes or ())

    @property
    def gateway_routes(self) -> dict[tuple[str, str], str]:
        """Kind and name of each Gateway API route, with the field below trafficRouting it is from.

        The same for `gatewayAPI` and for the configuration of Argo's plugin.
        """
        plugin = self.routing.plugins.gateway_api if self.routing.plugins else None
        return named_routes(self.routing.gateway_api, plugin)

    @property
    def contour_proxies(self) -> dict[str, str]:
        """Each HTTPProxy by name, with the field below trafficRouting that names it.

        The same for `contour` and for the configuration of Argo's plugin.
        """
        plugin = self.routing.plugins.contour if self.routing.plugins else None
        named: dict[str, str] = {}
        for source, held in (
            ("contour", self.routing.contour),
            (f'plugins["{CONTOUR_PLUGIN}"]', plugin),
        ):
            for index, name in enumerate(held.http_proxies if held else ()):
                named.setdefault(name, f"{source}.httpProxies[{index}]")
        return named

    @property
    def headerless_routes(self) -> frozenset[tuple[str, str]]:
        """Kind and name of each Gateway API route in which setHeaderRoute makes no route."""
        plugin = self.routing.plugins.gateway_api if self.routing.plugins else None
        return plugin.headerless if plugin else frozenset()


class Strategy(Model):
    """How a new template replaces the running one."""

    canary: CanaryStrategy = Field(description="Traffic moves to the new version step by step.")


class WorkloadRef(Model):
    """Another workload of the namespace, whose pod template the rollout takes."""

    api_version: Literal["apps/v1", "v1"] = Field(
        description="apps/v1 for a Deployment or a ReplicaSet, v1 for a PodTemplate."
    )
    kind: Literal["Deployment", "ReplicaSet", "PodTemplate"] = Field(
        description="Deployment, ReplicaSet or PodTemplate."
    )
    name: ObjectName = Field(description="Its name, in the rollout's namespace.")
    scale_down: Literal["never", "onsuccess", "progressively"] = Field(
        "never",
        description="What becomes of a Deployment's own pods. never: nothing. onsuccess: they go "
        "when the rollout is Healthy. progressively: each goes when a pod of the rollout is "
        "available in its place. Once they are gone, the Deployment isn't scaled again.",
    )

    def __str__(self) -> str:
        """As sentences name it: `Deployment cart`."""
        return f"{self.kind} {self.name}"


class RunHistory(Model):
    """How many finished AnalysisRuns are kept."""

    successful_run_history_limit: int = Field(
        5, ge=0, le=1000, description="Successful AnalysisRuns that are kept."
    )
    unsuccessful_run_history_limit: int = Field(
        5, ge=0, le=1000, description="Failed, inconclusive and broken AnalysisRuns that are kept."
    )


class RollbackWindow(Model):
    """How far back a template may be that needs no steps."""

    revisions: int = Field(
        0,
        ge=0,
        le=INT32,
        description="A template of so many revisions before the stable one passes no step and no "
        "analysis: its pods are started, and the traffic goes to them. Counted by the ReplicaSets "
        "that are kept (revisionHistoryLimit). 0: every template passes the steps.",
    )


class RolloutSpec(Model):
    """What should run, and how it gets there."""

    replicas: int = Field(
        1, ge=0, le=INT32, description="Pods that carry all traffic. An autoscaler may write it."
    )
    selector: LabelSelector | None = Field(
        None,
        description="Which pods belong to the rollout: not empty, matching the template's labels, "
        "and never changed. Unset: that of the Deployment or ReplicaSet in workloadRef.",
    )
    template: Annotated[dict[str, Any], WithJsonSchema(POD_TEMPLATE_SCHEMA)] | None = Field(
        None,
        description="A pod template, as in a Deployment; the API server checks it when the "
        "ReplicaSet is made. Unset: that of workloadRef.",
    )
    workload_ref: WorkloadRef | None = Field(
        None,
        description="The workload whose pod template is taken: a change of it starts a release, "
        "as one of `template` would.",
    )
    min_ready_seconds: int = Field(
        0,
        ge=0,
        le=INT32,
        description="Seconds that a pod must be ready before it counts as available.",
    )
    strategy: Strategy = Field(description="How a new template replaces the running one.")
    rollback_window: RollbackWindow | None = Field(
        None,
        description="Going back to a recent revision skips the steps. Unset: only going back to "
        "the stable one does.",
    )
    revision_history_limit: int = Field(
        10, ge=0, le=INT32, description="Scaled-down ReplicaSets that are kept."
    )
    progress_deadline_seconds: int = Field(
        600,
        ge=1,
        le=INT32,
        description="Seconds without progress, pauses and analysis not counted, after which the "
        "rollout is Degraded. More than minReadySeconds.",
    )
    progress_deadline_abort: bool = Field(
        default=False, description="true: abort when progressDeadlineSeconds have passed."
    )
    paused: bool = Field(
        default=False,
        description="true: no step goes on, no weight rises and no ReplicaSet is scaled for an "
        "update, until it is false again. `replicas` is followed, a failed analysis, an abort and "
        "a deletion take the traffic back as ever.",
    )
    restart_at: Instant | None = Field(
        None,
        description="Pods that were made before this moment are evicted, maxUnavailable of them "
        "at a time (at least one), the next when those before are replaced and available.",
    )
    analysis: RunHistory = Field(
        default_factory=RunHistory, description="How many finished AnalysisRuns are kept."
    )
