"""What a Rollout's spec must hold beyond its fields: rules that look at several at once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from davy.api import (
    compare_rules,
    gateway_rules,
    managed_routes,
    metadata,
    paths,
    ping_pong,
    plugins,
    pod_template,
    router_rules,
    scale_rules,
    selector,
)
from davy.api.analysis import AnalysisRef
from davy.api.anti_affinity import AntiAffinity
from davy.api.arguments import rollout_args
from davy.api.errors import Finding
from davy.api.fields import part_of
from davy.api.findings import cut
from davy.api.mesh_routers import (
    GATEWAY_FIELDS,
    GATEWAY_KINDS,
    PLUGIN_FIELDS,
    ArgoGatewayApiPlugin,
    GatewayApiRouting,
)
from davy.api.metadata import Metadata
from davy.api.metric_rules import repeated_rules
from davy.api.rollout import (
    ROUTERS,
    STEP_KINDS,
    CanaryStep,
    CanaryStrategy,
    RolloutSpec,
    TrafficRouting,
    WorkloadRef,
)
from davy.api.router_rules import twice
from davy.api.selector import LabelSelector

_CANARY: Final = "spec.strategy.canary"
_ROUTING: Final = f"{_CANARY}.trafficRouting"
_ONE_ANTI_AFFINITY: Final = (
    "has exactly one of preferredDuringSchedulingIgnoredDuringExecution and "
    "requiredDuringSchedulingIgnoredDuringExecution"
)
_LABELS: Final = 300
"""Characters of labels that a finding shows; of a selector of fifty, the first say enough."""


def findings(spec: RolloutSpec, namespace: str | None) -> list[Finding]:
    """Everything wrong in a spec that could be read.

    Args:
        spec: as read.
        namespace: the Rollout's own; None when the manifest doesn't say.
    """
    canary = spec.strategy.canary
    rules: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _pods(spec),
        lambda: _roles(spec),
        lambda: _anti_affinity(canary.anti_affinity),
        lambda: _deadline(spec),
        lambda: _steps(canary.steps or []),
        lambda: scale_rules.findings(spec),
        lambda: _analyses(canary),
        lambda: _managed_routes(canary),
        lambda: _routers(canary.traffic_routing),
        lambda: _pod_ratio(canary),
        lambda: _services(canary),
        lambda: ping_pong.findings(canary),
        lambda: _istio(canary.routing),
        lambda: _gateway_api(canary, namespace),
        lambda: router_rules.findings(canary.routing),
    )
    return [finding for rule in rules for finding in rule()]


def doubts(spec: RolloutSpec) -> list[Finding]:
    """What is allowed and yet looks like a slip; for `davy lint`, never a refusal."""
    found = [*_idle(spec.strategy.canary), *scale_rules.doubts(spec), *_unsaid_size(spec)]
    highest, most = 0, spec.strategy.canary.all_traffic
    for index, step in enumerate(spec.strategy.canary.steps or []):
        if step.set_weight is None:
            continue
        path = f"{_CANARY}.steps[{index}].setWeight"
        if highest == most:
            found.append(
                Finding(path, f"comes after {most}; the canary has all the traffic already")
            )
        elif step.set_weight < highest:
            found.append(
                Finding(path, f"is {step.set_weight}; it takes the weight back from {highest}")
            )
        highest = max(highest, step.set_weight)
    return found


def _unsaid_size(spec: RolloutSpec) -> Iterator[Finding]:
    """A Deployment of ten that one pod takes over from."""
    referred = spec.workload_ref
    scales = referred is not None and referred.scale_down != "never"
    if scales and "replicas" not in spec.model_fields_set:
        yield Finding(
            "spec.replicas",
            f"isn't set, so 1 pod is wanted and all others of {referred} go; write how many",
        )


def _idle(canary: CanaryStrategy) -> Iterator[Finding]:
    """Fields that Argo accepts where they say nothing."""
    if canary.traffic_routing:
        why = "says nothing beside trafficRouting, where stable keeps its pods; remove it"
        fields = {"max_surge": "maxSurge"}
    else:
        why = "says nothing without trafficRouting, where the pods are the weight; remove it"
        fields = {"abort_scale_down_delay_seconds": "abortScaleDownDelaySeconds"}
    for field, name in fields.items():
        if field in canary.model_fields_set:
            yield Finding(f"{_CANARY}.{name}", why)


def _pods(spec: RolloutSpec) -> Iterator[Finding]:
    """The template and the selector that are given; what a workload has is `workload`'s."""
    referred = spec.workload_ref
    if spec.template is None and referred is None:
        yield Finding(
            "spec.template", "is missing; give a pod template, as in a Deployment, or workloadRef"
        )
    if spec.template is not None and referred is not None:
        yield Finding(
            "spec.template",
            f"is set beside workloadRef; the pod template is {referred}'s: remove one of the two",
        )
    if spec.selector is None and (referred is None or referred.kind == "PodTemplate"):
        why = "" if referred is None else "; a PodTemplate has none"
        yield Finding("spec.selector", f"is missing{why}; give the labels of the pods")
    if referred is not None:
        yield from _workload(referred)
    if spec.template is not None:
        yield from pod_template.problems(spec.template, "spec.template")
    if spec.selector is not None:
        yield from selector_problems(spec.selector, spec.template)


def _workload(referred: WorkloadRef) -> Iterator[Finding]:
    wanted = "v1" if referred.kind == "PodTemplate" else "apps/v1"
    if referred.api_version != wanted:
        yield Finding(
            "spec.workloadRef.apiVersion",
            f"is {referred.api_version}; a {referred.kind} is of {wanted}",
        )
    if referred.kind != "Deployment" and referred.scale_down != "never":
        yield Finding(
            "spec.workloadRef.scaleDown",
            f"is {referred.scale_down}; only a Deployment can be scaled down: remove it",
        )


def selector_problems(wanted: LabelSelector, template: dict[str, Any] | None) -> Iterator[Finding]:
    """What is wrong with a selector, and with a template's labels (None: not known) under it."""
    wrong = selector.problems(wanted, "spec.selector")
    yield from wrong
    labels = {} if template is None else pod_template.labels(template)
    missed = selector.unmatched(wanted, labels)
    if template is not None and missed and not wrong:
        have = ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"
        yield Finding(
            "spec.selector",
            f"asks for {cut(', '.join(missed), _LABELS)}, but the template's labels are "
            f"{cut(have, _LABELS)}",
        )


def _roles(spec: RolloutSpec) -> Iterator[Finding]:
    """Labels and annotations of a role, and the template under them where it is given."""
    for path, added in _added(spec.strategy.canary):
        yield from metadata.problems(added, path)
    if spec.template is not None and spec.selector is not None:
        yield from role_problems(spec.strategy.canary, spec.selector, spec.template)


def _added(canary: CanaryStrategy) -> Iterator[tuple[str, Metadata]]:
    if canary.canary_metadata is not None:
        yield f"{_CANARY}.canaryMetadata", canary.canary_metadata
    if canary.stable_metadata is not None:
        yield f"{_CANARY}.stableMetadata", canary.stable_metadata


def role_problems(
    canary: CanaryStrategy, wanted: LabelSelector, template: dict[str, Any]
) -> Iterator[Finding]:
    """What of a role's labels and annotations the template has too, or unfits its pods."""
    held = template.get("metadata")
    labels = pod_template.labels(template)
    for path, added in _added(canary):
        for part, keys in (("labels", added.labels), ("annotations", added.annotations)):
            own = held.get(part) if isinstance(held, dict) else None
            for key in keys or {}:
                if isinstance(own, dict) and key in own:
                    yield Finding(
                        paths.child(f"{path}.{part}", key),
                        f"is in the template's {part} too, and would be taken from there with the "
                        "role; remove one of the two",
                    )
        if added.labels and not selector.unmatched(wanted, labels):
            missed = selector.unmatched(wanted, {**added.labels, **labels})
            if missed:
                yield Finding(
                    f"{path}.labels",
                    f"take the pods out of spec.selector ({cut(', '.join(missed), _LABELS)}); use "
                    "other labels",
                )


def _anti_affinity(given: AntiAffinity | None) -> Iterator[Finding]:
    if given is None:
        return
    both = (
        given.preferred_during_scheduling_ignored_during_execution,
        given.required_during_scheduling_ignored_during_execution,
    )
    if sum(one is not None for one in both) != 1:
        yield Finding(f"{_CANARY}.antiAffinity", _ONE_ANTI_AFFINITY)


def _deadline(spec: RolloutSpec) -> Iterator[Finding]:
    if spec.progress_deadline_seconds <= spec.min_ready_seconds:
        yield Finding(
            "spec.progressDeadlineSeconds",
            f"is {spec.progress_deadline_seconds}; it must be more than minReadySeconds "
            f"({spec.min_ready_seconds}), or every update exceeds it",
        )


def _steps(steps: Sequence[CanaryStep]) -> Iterator[Finding]:
    for index, step in enumerate(steps):
        path = f"{_CANARY}.steps[{index}]"
        if len(step.kinds) > 1:
            yield Finding(path, f"has {' and '.join(step.kinds)}; write a step for each")
        elif not step.kinds and "pause" in step.model_fields_set:
            yield Finding(path, "has an empty pause; write `pause: {}` to wait until promoted")
        elif not step.kinds:
            yield Finding(path, f"says nothing; write one of {', '.join(STEP_KINDS.values())}")
        if step.plugin and step.plugin.config:
            yield from plugins.problems(step.plugin.config, f"{path}.plugin.config")


def _managed_routes(canary: CanaryStrategy) -> Iterator[Finding]:
    names = canary.rule_names
    kinds = {kind for kind, _ in canary.gateway_routes}
    yield from twice(names, f"{_ROUTING}.managedRoutes", "route")
    if kinds:
        yield from gateway_rules.name_problems(names, f"{_ROUTING}.managedRoutes")
    for index, step in enumerate(canary.steps or []):
        if step.rule is None or len(step.kinds) > 1:
            continue
        path = f"{_CANARY}.steps[{index}].{step.kinds[0]}"
        yield from managed_routes.problems(step.rule, path)
        if kinds:
            yield from gateway_rules.problems(step.rule, path, kinds)
        if not canary.routing.istio and not kinds:
            sentence = "needs trafficRouting.istio or gatewayAPI; use setWeight, or one of them"
            yield Finding(path, sentence)
        elif step.rule.name not in names:
            known = ", ".join(names) or "none"
            yield Finding(
                f"{path}.name",
                f"is {step.rule.name}, which trafficRouting.managedRoutes doesn't name (it has: "
                f"{known}); add it there",
            )
    istio = canary.routing.istio
    for field, found in (istio.all_virtual_services if istio else {}).items():
        for index, name in enumerate(found.routes or ()):
            if name in names:
                yield Finding(
                    f"{_ROUTING}.istio.{field}.routes[{index}]",
                    f"is {name}, as a route of managedRoutes, which Davy makes and takes away; "
                    "name your own",
                )


def _analyses(canary: CanaryStrategy) -> Iterator[Finding]:
    background = canary.analysis
    steps = canary.steps or []
    if background:
        path = f"{_CANARY}.analysis"
        yield from _analysis(background, path, measures=canary.judge is not None)
        if canary.judge and background.compare:
            yield Finding(f"{_CANARY}.judge", "stands beside analysis.compare; give one of them")
        if background.starting_step and background.starting_step >= len(steps):
            yield Finding(
                f"{path}.startingStep",
                f"is {background.starting_step}; there are {len(steps)} steps, counted from 0, so "
                "the analysis would never start",
            )
    if canary.judge:
        yield from compare_rules.judge(canary.judge, f"{_CANARY}.judge")
    if canary.harm_budget is not None:
        yield from _harm_budget(canary, f"{_CANARY}.harmBudget")
    for index, step in enumerate(steps):
        if step.analysis:
            yield from _analysis(step.analysis, f"{_CANARY}.steps[{index}].analysis")


def _harm_budget(canary: CanaryStrategy, path: str) -> Iterator[Finding]:
    given = [*canary.harm_budget.manifest()] if canary.harm_budget else []
    if len(given) != 1:
        has = "both" if given else "neither"
        yield Finding(path, f"has {has} of requests and share; give exactly one")
    if canary.traffic_routing is None:
        message = "needs trafficRouting: without a router each weight is a whole pod; remove it"
        yield Finding(path, message)
    beside = canary.background
    if beside is None or beside.compare is None:
        message = (
            "needs judge: only what both sides are seen to serve can raise the weight; give "
            "strategy.canary.judge"
        )
        yield Finding(path, message)
    elif beside.starting_step:
        message = (
            f"needs the judge from the first weight on; remove {_CANARY}.analysis.startingStep"
        )
        yield Finding(path, message)
    if beside is not None and beside.compare is not None and beside.compare.warmup is not None:
        message = "stands beside warmup of judge, in which no failure is seen; remove one of them"
        yield Finding(path, message)


def _analysis(analysis: AnalysisRef, path: str, *, measures: bool = False) -> Iterator[Finding]:
    """What is wrong in an analysis; `measures`: it measures something without a template."""
    named = [
        (ref.template_name, "ClusterAnalysisTemplate" if ref.cluster_scope else "AnalysisTemplate")
        for ref in analysis.templates or ()
    ]
    for index, (name, kind) in enumerate(named):
        if (name, kind) in named[:index]:
            yield Finding(
                f"{path}.templates[{index}].templateName",
                f"names the {kind} {name} a second time; once is enough",
            )
    if analysis.compare is not None:
        yield from compare_rules.judge(analysis.compare, f"{path}.compare")
    elif not named and not measures:
        yield Finding(f"{path}.templates", "is missing; write at least 1, or give compare")
    yield from rollout_args(analysis.args or [], f"{path}.args")
    yield from repeated_rules(analysis, path)
    if analysis.analysis_run_metadata:
        yield from metadata.problems(analysis.analysis_run_metadata, f"{path}.analysisRunMetadata")


def _pod_ratio(canary: CanaryStrategy) -> Iterator[Finding]:
    """Without a router the ratio of pods is the weight, and it must be able to change."""
    surge = part_of(canary.max_surge, 100, up=True)
    if surge == part_of(canary.max_unavailable, 100, up=False) == 0:
        yield Finding(
            f"{_CANARY}.maxUnavailable",
            "is 0, as maxSurge; no pod could be replaced: give one of them at least 1",
        )
    if not canary.traffic_routing and canary.scale_down_delay_seconds is not None:
        yield Finding(
            f"{_CANARY}.scaleDownDelaySeconds",
            "needs trafficRouting; without a router a pod that stays keeps its share of the "
            "traffic: remove it",
        )


def _routers(routing: TrafficRouting | None) -> Iterator[Finding]:
    if routing is None:
        return
    given = routing.given
    if not given:
        yield Finding(_ROUTING, f"names no router; give one of {', '.join(ROUTERS)}")
    elif len(given) > 1:
        yield Finding(_ROUTING, f"has {' and '.join(given)}; exactly one router carries the weight")
    if routing.plugins:
        own: dict[str, Any] = {name: {} for name in routing.plugins.built_in}
        yield from plugins.one_router({**own, **routing.plugins.others}, f"{_ROUTING}.plugins")


def _services(canary: CanaryStrategy) -> Iterator[Finding]:
    routing = canary.routing
    if canary.canary_service and canary.canary_service == canary.stable_service:
        yield Finding(
            f"{_CANARY}.canaryService",
            f"is {canary.canary_service}, as stableService; two Services tell the revisions apart",
        )
    if canary.ping_pong:
        return
    if routing.istio and not routing.istio.destination_rule:
        why = "Istio without a destinationRule splits the traffic between two Services"
    elif routing.plugins and routing.plugins.others:
        return
    elif not routing.istio and routing.given:
        router = "Gateway API" if canary.gateway_routes else routing.given[0]
        why = f"{router} splits the traffic between two Services"
    else:
        return
    for field, name in (
        ("canaryService", canary.canary_service),
        ("stableService", canary.stable_service),
    ):
        if not name:
            yield Finding(f"{_CANARY}.{field}", f"is missing; {why}")


def _istio(routing: TrafficRouting) -> Iterator[Finding]:
    if not routing.istio:
        return
    path = f"{_ROUTING}.istio"
    named = routing.istio.all_virtual_services
    if not named:
        yield Finding(
            f"{path}.virtualService", "is missing; the VirtualService that splits the traffic"
        )
    elif routing.istio.virtual_service and routing.istio.virtual_services:
        yield Finding(path, "has virtualService and virtualServices; write one of them")
    several = [found.name for found in routing.istio.virtual_services or ()]
    yield from twice(several, f"{path}.virtualServices", "VirtualService")
    for field, found in named.items():
        yield from twice(found.routes or [], f"{path}.{field}.routes", "route")
        for index, route in enumerate(found.tls_routes or ()):
            if not str(route):
                yield Finding(
                    f"{path}.{field}.tlsRoutes[{index}]",
                    "says nothing; give port, sniHosts or both",
                )
    rule = routing.istio.destination_rule
    if rule and rule.canary_subset_name == rule.stable_subset_name:
        yield Finding(
            f"{path}.destinationRule.canarySubsetName",
            f"is {rule.canary_subset_name}, as stableSubsetName; two subsets tell the revisions "
            "apart",
        )
    additional = (rule.additional_subset_names if rule else None) or []
    for index, name in enumerate(additional):
        if rule and name in {rule.canary_subset_name, rule.stable_subset_name}:
            yield Finding(
                f"{path}.destinationRule.additionalSubsetNames[{index}]",
                f"is {name}, which stands for one of the two revisions; name others",
            )
    yield from twice(additional, f"{path}.destinationRule.additionalSubsetNames", "subset")


def _gateway_api(canary: CanaryStrategy, namespace: str | None) -> Iterator[Finding]:
    routing = canary.routing
    if routing.gateway_api:
        yield from _routes(routing.gateway_api, f"{_ROUTING}.gatewayAPI")
        if not canary.gateway_routes:
            yield Finding(f"{_ROUTING}.gatewayAPI", f"names no route; give {GATEWAY_FIELDS}")
    plugin = routing.plugins.gateway_api if routing.plugins else None
    if not plugin:
        return
    path = f"{_ROUTING}.plugins['argoproj-labs/gatewayAPI']"
    yield from _routes(plugin, path)
    if not canary.gateway_routes:
        yield Finding(path, f"names no route; give {PLUGIN_FIELDS}")
    if plugin.namespace and namespace and plugin.namespace != namespace:
        yield Finding(
            f"{path}.namespace",
            f"is {plugin.namespace}; Davy only writes routes of the rollout's own namespace, "
            f"{namespace}",
        )


def _routes(held: GatewayApiRouting | ArgoGatewayApiPlugin, path: str) -> Iterator[Finding]:
    for kind, field in GATEWAY_KINDS.items():
        routes = getattr(held, f"{field}_routes") or []
        yield from twice([route.name for route in routes], f"{path}.{field}Routes", kind)
