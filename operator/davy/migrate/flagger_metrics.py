"""Flagger's metrics as one AnalysisTemplate per Canary.

Flagger tells the canary's pods from the primary's by the Deployment's name. Both revisions of a
Rollout have its name, so the canary is told by its Service, or by the pod template hash in its
pods' names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from davy.api.fields import parse_duration
from davy.migrate import objects
from davy.migrate.reader import Reader
from davy.migrate.result import DEFAULT_PROMETHEUS, Json, Manifest, Options

_INTERVAL: Final = "1m"
_SUCCESS_RATE: Final = "request-success-rate"
_DURATION: Final = "request-duration"
_LEAST_SECONDS: Final = 10
_HASH: Final = "{{args.canary-hash}}"
_NAMESPACE: Final = "{{args.namespace}}"
_ARGS: Final[dict[str, Json]] = {
    "canary-hash": {"podTemplateHashValue": "Latest"},
    "namespace": {"fieldRef": {"fieldPath": "metadata.namespace"}},
}
_TAG: Final = re.compile(r"\{\{-?\s*([A-Za-z.]+)\s*-?\}\}")
_VARIABLE: Final = re.compile(r"\{\{-?\s*variables\.([\w-]+)\s*-?\}\}")
_PODS: Final = re.compile(r"\{\{\s*target\s*\}\}-\[0-9a-zA-Z\]\+\(-\[0-9a-zA-Z\]\+\)")
"""How Flagger's own queries, and those copied from them, name the canary's pods."""
_PROVIDERS: Final = {
    "cloudwatch": "cloudWatch",
    "datadog": "datadog",
    "graphite": "graphite",
    "influxdb": "influxdb",
    "newrelic": "newRelic",
}
_ISTIO: Final = (
    'reporter!="destination", destination_service_namespace="{namespace}", '
    'destination_service_name="{service}-canary"'
)
_APP: Final = (
    'kubernetes_namespace="{namespace}", kubernetes_pod_name=~"{target}-{hash}-[0-9a-zA-Z]+"'
)


@dataclass(frozen=True)
class Subject:
    """Whose metrics are asked."""

    canary: str
    namespace: str | None
    target: str
    """Name of the Deployment, and of the Rollout."""
    service: str
    mesh: str


@dataclass(frozen=True)
class Checks:
    """What is asked at each weight, and how often."""

    interval: str
    template: Json | None
    """None: nothing is asked."""
    step: Json | None
    """The step that asks."""


@dataclass(frozen=True)
class _Asked:
    """One question, its argument names written as `{{args.name}}`."""

    query: str
    address: str | None
    options: Json
    """Further fields of the Prometheus provider."""
    secrets: Json
    """Arguments that are read from Secrets, name to valueFrom."""


def checks(
    analysis: Reader,
    subject: Subject,
    server: str | None,
    manifests: Sequence[Manifest],
    options: Options,
) -> Checks:
    """The AnalysisTemplate of a Canary and the step that uses it; what can't be asked is told.

    Args:
        analysis: the Canary's.
        subject: whose metrics are asked.
        server: the Canary's metricsServer.
        manifests: where MetricTemplates are looked up.
        options: what the manifests don't say.
    """
    interval = _clamped(analysis.text("interval"))
    threshold = analysis.number("threshold") or 1
    metrics: list[Json] = []
    secrets: Json = {}
    for found in analysis.each("metrics"):
        name = found.text("name") or ""
        asked = _asked(found, name, subject, manifests)
        condition = _condition(found, name) if asked else None
        if asked is None or condition is None:
            found.drop()
            continue
        address = asked.address or server or _default(found, options)
        metrics.append(
            {
                "name": name,
                "initialDelay": interval,
                "interval": interval,
                "consecutiveSuccessLimit": 1,
                "failureLimit": max(threshold - 1, 0),
                "successCondition": condition,
                "provider": {
                    "prometheus": {"address": address, **asked.options, "query": asked.query}
                },
            }
        )
        secrets |= asked.secrets
    if not metrics:
        return Checks(interval, None, None)
    used = [name for name in _ARGS if f"{{{{args.{name}}}}}" in str(metrics)]
    spec: Json = {"metrics": metrics}
    declared = [
        {"name": name} | ({"valueFrom": _ARGS[name]} if name == "namespace" else {})
        for name in used
    ]
    declared += [{"name": name, "valueFrom": source} for name, source in secrets.items()]
    metadata: Json = {"name": subject.canary}
    if subject.namespace:
        metadata["namespace"] = subject.namespace
    template: Json = {
        "apiVersion": options.group.api_version,
        "kind": "AnalysisTemplate",
        "metadata": metadata,
        "spec": ({"args": declared} if declared else {}) | spec,
    }
    step: Json = {"templates": [{"templateName": subject.canary}]}
    if "canary-hash" in used:
        step["args"] = [{"name": "canary-hash", "valueFrom": _ARGS["canary-hash"]}]
    return Checks(interval, template, {"analysis": step})


def _clamped(interval: str | None) -> str:
    """Flagger's interval: a minute when it can't be read, ten seconds at least."""
    try:
        seconds = parse_duration(interval or _INTERVAL).total_seconds()
    except ValueError:
        return _INTERVAL
    return interval or _INTERVAL if seconds >= _LEAST_SECONDS else f"{_LEAST_SECONDS}s"


def _default(found: Reader, options: Options) -> str:
    if options.prometheus:
        return options.prometheus
    found.notes.lost(
        found.path,
        f"is asked where Flagger's flag -metrics-server says; {DEFAULT_PROMETHEUS} is written: say "
        "with --prometheus where it is",
    )
    return DEFAULT_PROMETHEUS


def _condition(found: Reader, name: str) -> str | None:
    """When an answer is good; None where nothing is said, which is told."""
    limits = found.inner("thresholdRange")
    least, most = limits.take("min"), limits.take("max")
    old = found.take("threshold")
    if least is None and most is None:
        if name == _SUCCESS_RATE:
            least = old
        else:
            most = old
    parts = [
        f"result[0] {sign} {value}"
        for sign, value in ((">=", least), ("<=", most))
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if parts:
        return " && ".join(parts)
    found.notes.lost(found.path, "has no thresholdRange with numbers: the metric is left out")
    return None


def _asked(
    found: Reader, name: str, subject: Subject, manifests: Sequence[Manifest]
) -> _Asked | None:
    """The question; None where Davy can't ask it, which is told with the metric left out."""
    window = found.text("interval") or _INTERVAL
    variables = found.mapping("templateVariables")
    ref = found.inner("templateRef")
    called = ref.text("name")
    if called:
        where = ref.text("namespace") or subject.namespace
        template = objects.find(manifests, "flagger.app", "MetricTemplate", where, called)
        if template is None:
            found.notes.lost(
                ref.path,
                f"names the MetricTemplate {called}, which isn't in these files; give its file: "
                f"without it the metric {name} is left out",
            )
            return None
        return _of_template(found, template, subject, window, variables)
    query = found.text("query")
    if query:
        text = _filled(query, found, subject, window, variables)
        return _Asked(text, None, {}, {}) if text else None
    return _builtin(found, name, subject, window)


def _builtin(found: Reader, name: str, subject: Subject, window: str) -> _Asked | None:
    """A metric that Flagger knows by its name."""
    labels = (_ISTIO if subject.mesh == "istio" else _APP).format(
        namespace=_NAMESPACE, service=subject.service, target=subject.target, hash=_HASH
    )
    if subject.mesh == "istio":
        counter, bad = "istio_requests_total", 'response_code!~"5.*"'
        buckets = "istio_request_duration_milliseconds_bucket"
    else:
        counter, bad = "http_request_duration_seconds_count", 'status!~"5.*"'
        buckets = "http_request_duration_seconds_bucket"
    if name == _SUCCESS_RATE:
        query = (
            f"sum(rate({counter}{{{labels}, {bad}}}[{window}]))\n"
            f"/ sum(rate({counter}{{{labels}}}[{window}])) * 100\n"
        )
    elif name == _DURATION:
        query = f"histogram_quantile(0.99, sum(rate({buckets}{{{labels}}}[{window}])) by (le))\n"
    else:
        found.notes.lost(
            found.at("name"),
            f"is {name}, none of Flagger's own, and has no templateRef: the metric is left out",
        )
        return None
    return _Asked(query, None, {}, {})


def _of_template(
    found: Reader, template: Manifest, subject: Subject, window: str, variables: Json
) -> _Asked | None:
    """A MetricTemplate's question; its fields are told by the Canary's metric that uses it."""
    where = f"{found.path}.templateRef: MetricTemplate {objects.name(template)}: spec"
    spec = Reader(template.get("spec"), where, found.notes)
    provider = spec.inner("provider")
    kind = provider.text("type") or "prometheus"
    if kind != "prometheus":
        message = f"the provider {kind} is not built; use prometheus or web"
        if field := _PROVIDERS.get(kind):
            message = f"is not translated; write it as provider.{field}, see docs/providers.md"
        found.notes.lost(f"{where}.provider.type", f"{message}; the metric is left out")
        return None
    more, secrets = _login(provider)
    address = provider.text("address")
    query = _filled(spec.text("query") or "", found, subject, window, variables)
    spec.close("has no counterpart in Davy's Prometheus metrics")
    return _Asked(query, address, more, secrets) if query else None


def _login(provider: Reader) -> tuple[Json, Json]:
    """Further fields of Davy's Prometheus provider, and arguments that are read from Secrets."""
    more: Json = {}
    secrets: Json = {}
    if provider.flag("insecureSkipVerify"):
        more["insecure"] = True
    headers = [
        {"key": str(key), "value": str(value)}
        for key, values in provider.mapping("headers").items()
        for value in (values if isinstance(values, list) else [values])
    ]
    if headers:
        more["headers"] = headers
    secret = provider.inner("secretRef").text("name")
    if secret:
        for key in ("username", "password"):
            name = f"{secret}-{key}"
            secrets[name] = {"secretKeyRef": {"name": secret, "key": key}}
        more["authentication"] = {
            "basicAuth": {key: f"{{{{args.{secret}-{key}}}}}" for key in ("username", "password")}
        }
        provider.notes.note(
            f"{provider.path}.secretRef",
            f"is read as user and password from Secret {secret} of the rollout's namespace; "
            "docs/security.md says how a Secret is opened to Davy",
        )
    return more, secrets


def _filled(
    query: str, found: Reader, subject: Subject, window: str, variables: Json
) -> str | None:
    """The query in Davy's words; None where something in it stays unknown, which is told."""
    values: dict[str, Any] = {
        "namespace": _NAMESPACE,
        "target": subject.target,
        "service": subject.service,
        "interval": window,
    }
    text = _PODS.sub(f"{subject.target}-{_HASH}-[0-9a-zA-Z]+", query)
    by_name = any(match[1] == "target" for match in _TAG.finditer(text))
    text = _VARIABLE.sub(lambda match: str(variables.get(match[1], match[0])), text)
    text = _TAG.sub(lambda match: str(values.get(match[1], match[0])), text)
    rest = re.sub(r"\{\{args\.[a-z-]+\}\}", "", text)
    if not text.strip() or "{{" in rest:
        what = rest[rest.find("{{") :][:60] if "{{" in rest else "nothing"
        found.notes.lost(
            found.path, f"asks {what!r}, which Davy can't fill in: the metric is left out"
        )
        return None
    if by_name:
        found.notes.lost(
            found.path,
            f"tells the canary by the name {subject.target}, which both revisions have now; ask by "
            f"the Service {subject.service}-canary, or by the pods {subject.target}-{_HASH}-…",
        )
    elif _HASH not in text and "-canary" not in text:
        found.notes.note(
            found.path, "asks by no name that Flagger fills in; see that it asks the canary alone"
        )
    return text
