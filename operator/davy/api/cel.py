"""Rules that the API server checks itself, in CEL, so that a bad object is never stored.

Each is a sentence that a person can act on. `validate` checks the same and more, for objects that
come in under other CRDs. Every list and text that a rule reads has a bound in the models: the API
server refuses a CRD whose rules might cost too much.
"""

from dataclasses import dataclass
from typing import Any, Final

from davy.api.rollout import ROUTERS

Json = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """One CEL rule."""

    at: str
    """Pattern of the object it belongs to, see `paths`."""
    check: str
    """CEL; true is right. `self` is the object."""
    message: str
    field: str = ""
    """The field of the object that the error names; "": the object itself."""
    required: str = ""
    """A field that the rule demands instead of the schema's `required`: a missing required field
    keeps the API server from checking any rule, and so from saying what to use instead."""
    unless_unbuilt: bool = False
    """Silent when a field of `unbuilt` is set in the same object: one message is enough."""

    def to_json(self, unbuilt_fields: tuple[str, ...]) -> Json:
        """The entry of `x-kubernetes-validations`.

        Args:
            unbuilt_fields: fields of the same object that aren't built.
        """
        check = self.check or f"has(self.{self.required})"
        if self.unless_unbuilt and unbuilt_fields:
            check = " || ".join([f"({check})", *(f"has(self.{name})" for name in unbuilt_fields)])
        rule: Json = {"rule": check, "message": self.message}
        if self.field:
            rule["fieldPath"] = field_path(self.field)
        return rule


def escaped(name: str) -> str:
    """How CEL writes a field's name: `argoproj-labs/x` is `argoproj__dash__labs__slash__x`."""
    return name.replace("-", "__dash__").replace("/", "__slash__").replace(".", "__dot__")


def field_path(name: str) -> str:
    """A `fieldPath` to a field of the same object."""
    return f".{name}" if name.isalnum() else f"['{name}']"


def one_of(*names: str) -> str:
    """True when exactly one of the fields is set."""
    present = ", ".join(f"has(self.{name})" for name in names)
    return f"[{present}].exists_one(set, set)"


_CANARY: Final = "spec.strategy.canary"
_ROUTING: Final = f"{_CANARY}.trafficRouting"
_PLUGIN: Final = escaped("argoproj-labs/gatewayAPI")
_BY_SERVICES: Final = " || ".join(
    f"has(self.trafficRouting.{name})" for name in (*ROUTERS, "plugins") if name != "istio"
)
"""Whether a router is named that splits between two Services, whatever else it says."""
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
        "",
        "spec.selector is missing; give the labels of the pods, as in a Deployment",
        required="selector",
        unless_unbuilt=True,
    ),
    Rule(
        "spec",
        "",
        "spec.template is missing; give a pod template, as in a Deployment",
        required="template",
        unless_unbuilt=True,
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
        "!has(self.canaryService) || !has(self.stableService) || "
        "self.canaryService != self.stableService",
        "canaryService and stableService are the same; two Services tell the revisions apart",
        field="canaryService",
    ),
    Rule(
        _CANARY,
        "!has(self.trafficRouting) || (has(self.trafficRouting.istio) ? "
        f"has(self.trafficRouting.istio.destinationRule) : !({_BY_SERVICES})) || "
        "(has(self.canaryService) && has(self.stableService))",
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
        one_of("setWeight", "pause", "analysis"),
        "a step has exactly one of setWeight, pause and analysis",
        unless_unbuilt=True,
    ),
    *_args(f"{_CANARY}.analysis"),
    *_args(f"{_CANARY}.steps[].analysis"),
    Rule(
        _ROUTING,
        one_of(*ROUTERS, "plugins"),
        f"trafficRouting has exactly one of {', '.join(ROUTERS)} and plugins",
        unless_unbuilt=True,
    ),
    Rule(
        f"{_ROUTING}.plugins",
        f"has(self.{_PLUGIN})",
        "the one plugin that Davy knows is argoproj-labs/gatewayAPI; or use gatewayAPI or istio",
    ),
    Rule(
        f"{_ROUTING}.plugins.argoproj-labs/gatewayAPI",
        "has(self.httpRoute) || (has(self.httpRoutes) && self.httpRoutes.size() > 0)",
        "names no route; give httpRoute or httpRoutes",
        unless_unbuilt=True,
    ),
    Rule(
        f"{_ROUTING}.istio",
        "",
        "istio.virtualService is missing; name the VirtualService that splits the traffic",
        required="virtualService",
        unless_unbuilt=True,
    ),
    Rule(
        f"{_ROUTING}.istio.destinationRule",
        "self.canarySubsetName != self.stableSubsetName",
        "canarySubsetName and stableSubsetName are the same; two subsets tell the revisions apart",
        field="canarySubsetName",
    ),
    Rule(
        f"{_ROUTING}.nginx",
        one_of("stableIngress", "stableIngresses"),
        "nginx has exactly one of stableIngress and stableIngresses",
    ),
    Rule(
        f"{_ROUTING}.alb",
        one_of("ingress", "ingresses"),
        "alb has exactly one of ingress and ingresses",
    ),
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
        one_of("prometheus", "web", "job"),
        "a metric has exactly one provider: prometheus, web or job",
        unless_unbuilt=True,
    ),
    Rule(
        "spec.metrics[]",
        "!has(self.provider.job) || (!has(self.successCondition) && !has(self.failureCondition))",
        "a Job is judged by how it ends; remove successCondition and failureCondition",
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
        )
    ),
    *(
        Rule(
            f"{_PROVIDER}.{of}.authentication",
            one_of("oauth2", "basicAuth"),
            "authentication has exactly one of oauth2 and basicAuth",
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
