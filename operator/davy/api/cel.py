"""Rules that the API server checks itself, in CEL, so that a bad object is never stored.

Each is a sentence that a person can act on. `validate` checks the same and more, for objects that
come in under other CRDs. Every list and text that a rule reads has a bound in the models: the API
server refuses a CRD whose rules might cost too much.
"""

from typing import Final

from davy.api import cel_routers
from davy.api.cel_rule import Rule, escaped, one_of
from davy.api.mesh_routers import BUILT_IN_PLUGINS, GATEWAY_API_PLUGIN
from davy.api.providers import PROVIDERS
from davy.api.rollout import ROUTERS, STEP_KINDS

_CANARY: Final = "spec.strategy.canary"
_KINDS_OF_STEP: Final = tuple(STEP_KINDS.values())
_ALL_TRAFFIC: Final = (
    "(has(self.trafficRouting) && has(self.trafficRouting.maxTrafficWeight) ? "
    "self.trafficRouting.maxTrafficWeight : 100)"
)
_BUILT_IN: Final = " || ".join(
    f"has(self.trafficRouting.plugins.{escaped(name)})" for name in BUILT_IN_PLUGINS
)
_BY_SERVICES: Final = " || ".join(
    (
        *(f"has(self.trafficRouting.{name})" for name in ROUTERS if name != "istio"),
        f"(has(self.trafficRouting.plugins) && ({_BUILT_IN}))",
    )
)
"""Whether a router is named that splits between two Services, whatever else it says; another
package's says for itself what it needs."""
_LENGTH: Final = r"'^([0-9]+|([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$'"


def _none(field: str) -> str:
    """True when an IntOrPercent is 0 or 0 %."""
    return f"(type(self.{field}) == int ? self.{field} == 0 : self.{field}.matches('^0+%$'))"


def _args(at: str) -> tuple[Rule, ...]:
    return (
        Rule(
            f"{at}.args[]",
            one_of("value", "valueFrom"),
            "an argument has exactly one of value and valueFrom",
        ),
        Rule(
            f"{at}.args[].valueFrom",
            one_of("podTemplateHashValue", "fieldRef"),
            "valueFrom has exactly one of podTemplateHashValue and fieldRef",
        ),
    )


ROLLOUT: Final[tuple[Rule, ...]] = (
    Rule(
        "spec",
        "has(self.selector) || (has(self.workloadRef) && self.workloadRef.kind != 'PodTemplate')",
        "spec.selector is missing; give the labels of the pods, as in a Deployment",
    ),
    Rule(
        "spec",
        "has(self.template) || has(self.workloadRef)",
        "spec.template is missing; give a pod template, as in a Deployment, or workloadRef",
    ),
    Rule(
        "spec",
        "!has(self.template) || !has(self.workloadRef)",
        "spec.template is set beside workloadRef, which says where the pod template is; remove one",
        field="template",
    ),
    Rule(
        "spec.workloadRef",
        "(self.apiVersion == 'v1') == (self.kind == 'PodTemplate')",
        "a pod template is read from a Deployment or ReplicaSet of apps/v1, or a PodTemplate of v1",
        field="kind",
    ),
    Rule(
        "spec.workloadRef",
        "!has(self.scaleDown) || self.scaleDown == 'never' || self.kind == 'Deployment'",
        "only a Deployment can be scaled down; remove scaleDown",
        field="scaleDown",
    ),
    Rule(
        f"{_CANARY}.antiAffinity",
        one_of(
            "preferredDuringSchedulingIgnoredDuringExecution",
            "requiredDuringSchedulingIgnoredDuringExecution",
        ),
        "has exactly one of preferredDuringSchedulingIgnoredDuringExecution and "
        "requiredDuringSchedulingIgnoredDuringExecution",
    ),
    Rule(
        "spec.selector",
        "self == oldSelf",
        "can't be changed; delete the Rollout and create it anew",
    ),
    Rule(
        "spec.selector",
        "(has(self.matchLabels) && self.matchLabels.size() > 0) || "
        "(has(self.matchExpressions) && self.matchExpressions.size() > 0)",
        "is empty, so it would select every pod; give the template's labels",
    ),
    Rule(
        "spec",
        "!has(self.selector) || !has(self.selector.matchLabels) || !has(self.template) || "
        "self.selector.matchLabels.all(key, has(self.template.metadata) && "
        "has(self.template.metadata.labels) && key in self.template.metadata.labels && "
        "self.template.metadata.labels[key] == self.selector.matchLabels[key])",
        "spec.selector doesn't match the template's labels; put every label of "
        "selector.matchLabels into template.metadata.labels",
        field="selector",
    ),
    Rule(
        "spec.template",
        "has(self.spec) && has(self.spec.containers) && "
        "self.spec.containers.all(container, has(container.image) && container.image != '')",
        "needs spec.containers, each with a name and an image",
    ),
    Rule(
        "spec",
        "(has(self.progressDeadlineSeconds) ? self.progressDeadlineSeconds : 600) > "
        "(has(self.minReadySeconds) ? self.minReadySeconds : 0)",
        "progressDeadlineSeconds (600 when unset) must be more than minReadySeconds, or every "
        "update exceeds it",
        field="progressDeadlineSeconds",
    ),
    Rule(
        "spec.strategy",
        "",
        "spec.strategy.canary is missing; canary is the one strategy",
        required="canary",
        unless_unbuilt=True,
    ),
    Rule(
        _CANARY,
        f"!has(self.maxSurge) || !has(self.maxUnavailable) || !{_none('maxSurge')} || "
        f"!{_none('maxUnavailable')}",
        "maxSurge and maxUnavailable are both 0, so no pod could be replaced; give one of them at "
        "least 1",
        field="maxUnavailable",
    ),
    Rule(
        _CANARY,
        "!has(self.scaleDownDelaySeconds) || has(self.trafficRouting)",
        "scaleDownDelaySeconds needs trafficRouting; without a router a pod that stays keeps its "
        "share of the traffic: remove it",
        field="scaleDownDelaySeconds",
    ),
    Rule(
        _CANARY,
        "!has(self.scaleDownDelayRevisionLimit) || has(self.trafficRouting)",
        "scaleDownDelayRevisionLimit needs trafficRouting; without a router nothing is delayed: "
        "remove it",
        field="scaleDownDelayRevisionLimit",
    ),
    Rule(
        _CANARY,
        "!has(self.dynamicStableScale) || !self.dynamicStableScale || has(self.trafficRouting)",
        "dynamicStableScale needs trafficRouting; without a router the pods are the weight: remove "
        "it",
        field="dynamicStableScale",
    ),
    Rule(
        _CANARY,
        "!has(self.dynamicStableScale) || !self.dynamicStableScale || "
        "!has(self.scaleDownDelaySeconds)",
        "dynamicStableScale and scaleDownDelaySeconds exclude each other; remove one",
        field="dynamicStableScale",
    ),
    Rule(
        _CANARY,
        "has(self.trafficRouting) || !has(self.minPodsPerReplicaSet) || "
        "self.minPodsPerReplicaSet <= 1",
        "minPodsPerReplicaSet needs trafficRouting; without a router more pods are more weight: "
        "remove it",
        field="minPodsPerReplicaSet",
    ),
    Rule(
        f"{_CANARY}.harmBudget",
        one_of("requests", "share"),
        "harmBudget has exactly one of requests and share",
    ),
    Rule(
        _CANARY,
        "!has(self.harmBudget) || has(self.trafficRouting)",
        "harmBudget needs trafficRouting; without a router each weight is a whole pod: remove it",
        field="harmBudget",
    ),
    Rule(
        _CANARY,
        "!has(self.harmBudget) || has(self.judge) || "
        "(has(self.analysis) && has(self.analysis.compare))",
        "harmBudget needs judge; only what both sides are seen to serve can raise the weight",
        field="harmBudget",
    ),
    Rule(
        _CANARY,
        "!has(self.harmBudget) || !has(self.analysis) || !has(self.analysis.startingStep) || "
        "self.analysis.startingStep == 0",
        "harmBudget needs the judge from the first weight on; remove analysis.startingStep",
        field="harmBudget",
    ),
    Rule(
        f"{_CANARY}.replicaProgressThreshold",
        "!has(self.type) || !has(self.value) || self.type != 'Percent' || self.value <= 100",
        "replicaProgressThreshold.value is more than 100 percent; 100 are all pods",
        field="value",
    ),
    Rule(
        _CANARY,
        "!has(self.canaryService) || !has(self.stableService) || "
        "self.canaryService != self.stableService",
        "canaryService and stableService are the same; two Services tell the revisions apart",
        field="canaryService",
    ),
    Rule(
        _CANARY,
        "!has(self.trafficRouting) || (has(self.trafficRouting.istio) ? "
        f"has(self.trafficRouting.istio.destinationRule) : !({_BY_SERVICES})) || "
        "(has(self.canaryService) && has(self.stableService)) || has(self.pingPong)",
        "needs canaryService and stableService: the route splits between them (only Istio with a "
        "destinationRule can do without)",
    ),
    Rule(
        _CANARY,
        "!has(self.analysis) || !has(self.analysis.startingStep) || "
        "self.analysis.startingStep == 0 || "
        "(has(self.steps) && self.analysis.startingStep < self.steps.size())",
        "analysis.startingStep is beyond the last step, so the analysis would never start; steps "
        "count from 0",
        field="analysis",
    ),
    Rule(
        f"{_CANARY}.steps[]",
        one_of(*_KINDS_OF_STEP),
        f"a step has exactly one of {', '.join(_KINDS_OF_STEP[:-1])} and {_KINDS_OF_STEP[-1]}",
        unless_unbuilt=True,
    ),
    Rule(
        f"{_CANARY}.steps[].setCanaryScale",
        "[has(self.replicas), has(self.weight), "
        "has(self.matchTrafficWeight) && self.matchTrafficWeight].exists_one(set, set)",
        "setCanaryScale has exactly one of replicas, weight and matchTrafficWeight (true)",
    ),
    Rule(
        _CANARY,
        "has(self.trafficRouting) || !has(self.steps) || "
        "self.steps.all(step, !has(step.setCanaryScale))",
        "a setCanaryScale step needs trafficRouting; without a router the pods are the weight: use "
        "setWeight",
        field="steps",
    ),
    Rule(
        _CANARY,
        "!has(self.steps) || self.steps.all(step, !has(step.setWeight) || "
        f"step.setWeight <= {_ALL_TRAFFIC})",
        "a setWeight is more than all traffic, which is 100 or trafficRouting.maxTrafficWeight",
        field="steps",
    ),
    Rule(
        _CANARY,
        "!has(self.steps) || self.steps.all(step, !has(step.setCanaryScale) || "
        f"!has(step.setCanaryScale.weight) || step.setCanaryScale.weight <= {_ALL_TRAFFIC})",
        "setCanaryScale.weight is more than all traffic, which is 100 or "
        "trafficRouting.maxTrafficWeight",
        field="steps",
    ),
    *(
        Rule(
            f"{_CANARY}.steps[].{at}",
            one_of("exact", "prefix", "regex"),
            "a match has exactly one of exact, prefix and regex",
        )
        for at in (
            "setHeaderRoute.match[].headerValue",
            "setMirrorRoute.match[].method",
            "setMirrorRoute.match[].path",
        )
    ),
    Rule(
        _CANARY,
        "!has(self.steps) || self.steps.all(step, !has(step.setHeaderRoute) && "
        "!has(step.setMirrorRoute)) || "
        "(has(self.trafficRouting) && (has(self.trafficRouting.istio) || "
        "has(self.trafficRouting.gatewayAPI) || (has(self.trafficRouting.plugins) && "
        f"has(self.trafficRouting.plugins.{escaped(GATEWAY_API_PLUGIN)}))))",
        "setHeaderRoute and setMirrorRoute need trafficRouting.istio or gatewayAPI",
        field="steps",
    ),
    *_args(f"{_CANARY}.analysis"),
    *_args(f"{_CANARY}.steps[].analysis"),
    *cel_routers.ROUTING,
    *cel_routers.PING_PONG,
)

_PROVIDER: Final = "spec.metrics[].provider"

_ANALYSIS: Final[tuple[Rule, ...]] = (
    Rule(
        "spec.metrics[]",
        "has(self.interval) || !has(self.count) || type(self.count) != int || self.count <= 1",
        "count is more than 1, so interval is needed: the time between two measurements",
        field="interval",
    ),
    *(
        Rule(
            "spec.metrics[]",
            f"!has(self.{field}) || self.{field}.contains('{{{{') || "
            f"self.{field}.matches({_LENGTH})",
            "is not a duration; write a length such as 30s, 5m, 1h30m",
            field=field,
        )
        for field in ("interval", "initialDelay")
    ),
    *(
        Rule(
            "spec.metrics[]",
            f"!has(self.{field}) || type(self.{field}) != int || self.{field} >= {least}",
            f"must be a whole number of at least {least}{meaning}, or {{{{args.name}}}}",
            field=field,
        )
        for field, least, meaning in (
            ("count", 0, " (0: as if unset)"),
            ("failureLimit", -1, " (-1: any number may fail)"),
            ("inconclusiveLimit", 0, ""),
            ("consecutiveErrorLimit", 0, ""),
            ("consecutiveSuccessLimit", 0, " (0: off)"),
        )
    ),
    Rule(
        _PROVIDER,
        one_of(*PROVIDERS),
        f"a metric has exactly one provider: {', '.join(PROVIDERS)}",
        unless_unbuilt=True,
    ),
    *(
        Rule(
            "spec.metrics[]",
            f"!has(self.provider.{provider}) || "
            "(!has(self.successCondition) && !has(self.failureCondition))",
            f"{what}; remove successCondition and failureCondition",
        )
        for provider, what in (
            ("job", "a Job is judged by how it ends"),
            ("kayenta", "Kayenta's score decides"),
        )
    ),
    *(
        Rule(
            f"{_PROVIDER}.{of}",
            f"self.{field}.contains('{{{{') || self.{field}.startsWith('http://') || "
            f"self.{field}.startsWith('https://')",
            "is not a URL; write http:// or https://, host and port",
            field=field,
        )
        for of, field in (
            ("prometheus", "address"),
            ("prometheus.authentication.oauth2", "tokenUrl"),
            ("web", "url"),
            ("web.authentication.oauth2", "tokenUrl"),
            ("graphite", "address"),
            ("kayenta", "address"),
            ("skywalking", "address"),
        )
    ),
    *(
        Rule(
            f"{_PROVIDER}.{of}.authentication",
            one_of("oauth2", "basicAuth", "sigv4"),
            "authentication has exactly one of basicAuth, oauth2 and sigv4",
            unless_unbuilt=True,
        )
        for of in ("prometheus", "web")
    ),
    Rule(
        f"{_PROVIDER}.web",
        "!has(self.body) || !has(self.jsonBody)",
        "has body and jsonBody; give one of them at most",
        field="jsonBody",
    ),
    Rule(
        f"{_PROVIDER}.web",
        "(!has(self.body) && !has(self.jsonBody)) || "
        "(has(self.method) && self.method in ['POST', 'PUT'])",
        "has a body, so method is POST or PUT",
        field="method",
    ),
    Rule(
        f"{_PROVIDER}.cloudWatch.metricDataQueries[]",
        one_of("expression", "metricStat"),
        "a query has exactly one of expression and metricStat",
    ),
    Rule(
        f"{_PROVIDER}.kayenta.threshold",
        "self.marginal <= self.pass",
        "is above pass; give a lower one",
        field="marginal",
    ),
    Rule(
        f"{_PROVIDER}.datadog",
        one_of("query", "queries"),
        "has exactly one of query and queries",
    ),
    Rule(
        f"{_PROVIDER}.datadog",
        "(!has(self.queries) && !has(self.aggregator)) || "
        "(has(self.apiVersion) && self.apiVersion == 'v2')",
        "is v1, which has neither queries nor aggregator; write v2",
        field="apiVersion",
    ),
    Rule(
        f"{_PROVIDER}.datadog.secretRef",
        "!has(self.name) || (has(self.namespaced) && self.namespaced)",
        "must be true: a Secret of Davy's own namespace isn't for tenants; put it into the run's",
        field="namespaced",
    ),
    Rule(
        "spec.args[]",
        "!has(self.value) || !has(self.valueFrom)",
        "an argument has at most one of value and valueFrom",
    ),
    Rule(
        "spec.args[].valueFrom",
        one_of("secretKeyRef", "fieldRef"),
        "valueFrom has exactly one of secretKeyRef and fieldRef",
    ),
)

ANALYSIS_TEMPLATE: Final = (
    Rule(
        "spec",
        "(has(self.metrics) && self.metrics.size() > 0) || "
        "(has(self.templates) && self.templates.size() > 0)",
        "spec.metrics is missing; give at least one metric, or name templates that have one",
    ),
    *_ANALYSIS,
)
ANALYSIS_RUN: Final = (
    Rule(
        "spec",
        "",
        "spec.metrics is missing; give at least one metric",
        required="metrics",
        unless_unbuilt=True,
    ),
    *_ANALYSIS,
)
