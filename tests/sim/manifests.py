"""The objects that users write in the simulation, in every shape of a route."""

from typing import Any, Final

from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.cluster.client import Json
from davy.cluster.kinds import (
    DEPLOYMENT,
    DESTINATION_RULE,
    HTTP_ROUTE,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Kinds,
)
from tests.sim import ingresses
from tests.sim.ingresses import ROUTES
from tests.sim.schedule import PODS, Setup, Step

NAMESPACE: Final = "shop"
ELSEWHERE: Final = "edge"
"""Where VirtualServices may lie; its owner allows rollouts of NAMESPACE."""
KINDS: Final = Kinds(ApiGroup())
ROLLOUT: Final = KINDS.rollout
ANALYSIS_RUN: Final = KINDS.analysis_run
ANALYSIS_TEMPLATE: Final = KINDS.analysis_template
DRY_RUN: Final = "latency"
"""The metric that decides nothing."""
APART: Final = "requiredDuringSchedulingIgnoredDuringExecution"
ROLES: Final = ("stable", "canary")
SMOKE: Final = "smoke"
"""The metric that is a Job."""
JOB_COUNT: Final = 2
"""Its count."""
ROUTE_KINDS: Final = frozenset(
    {
        VIRTUAL_SERVICE,
        DESTINATION_RULE,
        HTTP_ROUTE,
        SERVICE,
        *(route.kind for route in ROUTES.values()),
    }
)
MANAGED: Final = ("beta", "copy")
"""Routes that steps make: one by header, one that mirrors."""
MANAGED_BY: Final = KINDS.api_group.managed_by_annotation
ALLOWED_FROM: Final = KINDS.api_group.allowed_from_annotation


def rollout(
    setup: Setup, name: str, template: Json, steps: tuple[Step, ...], replicas: int
) -> Json:
    """A Rollout as a user applies it."""
    canary: Json = {
        "steps": [dict(step) for step in steps],
        **_delays(setup),
        **_enough(setup),
        **_routing(setup, name),
        **({"antiAffinity": {APART: {}}} if setup.apart else {}),
        **({f"{role}Metadata": role_metadata(role) for role in ROLES} if setup.roles else {}),
    }
    for step in canary["steps"]:
        if "analysis" in step:
            step["analysis"] = _analysis()
    if setup.background:
        canary["analysis"] = _analysis()
    if setup.judge:
        asked = {"preset": "app", "prometheus": {"address": "http://prometheus:9090"}}
        canary["judge"] = {**asked, **({} if setup.budget else _warmup(setup))}
    if setup.budget:
        canary["harmBudget"] = {"requests": 20}
    return {
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": {
            "replicas": replicas,
            "minReadySeconds": setup.min_ready,
            "progressDeadlineSeconds": setup.deadline,
            "progressDeadlineAbort": setup.deadline_abort,
            "revisionHistoryLimit": setup.history,
            "rollbackWindow": {"revisions": setup.window},
            "strategy": {"canary": canary},
            **_whose(setup, name, template),
        },
    }


def role_metadata(role: str) -> Json:
    """What the pods of a role have."""
    return {"labels": {"role": role}, "annotations": {"team/role": role}}


def _whose(setup: Setup, name: str, template: Json) -> Json:
    """The template and its selector, or where they are."""
    if not setup.scale_down:
        return {"selector": {"matchLabels": {"app": name}}, "template": template}
    ref = {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": name}
    return {"workloadRef": {**ref, "scaleDown": setup.scale_down}}


def deployment(name: str, template: Json, replicas: int) -> Json:
    """The Deployment whose template a rollout of the same name takes."""
    selector = {"matchLabels": {"app": name}}
    return {
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    }


def template(name: str, version: str) -> Json:
    """A pod template; the version says how its pods behave (see `workloads`)."""
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": f"{name}:{version}"}]},
    }


_WORDS: Final[Json] = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "nodeSelector": {},
    "volumes": [],
    "hostname": None,
}


def in_other_words(pod_template: Json) -> Json:
    """The same, as a tool writes it that knows defaults and empty fields."""
    return {**pod_template, "spec": {**_WORDS, **pod_template["spec"]}}


def in_plain_words(pod_template: Json) -> Json:
    """As `template` has it."""
    spec = {key: value for key, value in pod_template["spec"].items() if key not in _WORDS}
    return {**pod_template, "spec": spec}


def version_of(pod_template: Json) -> str:
    """What `template` was given."""
    return str(pod_template["spec"]["containers"][0]["image"]).partition(":")[2]


def network(setup: Setup, name: str) -> list[tuple[Kind, Json]]:
    """The objects that a route is made of, those that are split first."""
    if setup.router == "subsets":
        return [
            (VIRTUAL_SERVICE, _virtual_service(name, setup)),
            (DESTINATION_RULE, _destination_rule(name)),
        ]
    services = [(SERVICE, _service(name, role)) for role in ("stable", "canary")]
    if setup.router == PODS:
        return services if setup.named else []
    if setup.router == "services":
        return [(VIRTUAL_SERVICE, _virtual_service(name, setup)), *services]
    if route := ROUTES.get(setup.router):
        return [(route.kind, {"metadata": _meta(name), **route.manifest(name)}), *services]
    return [(HTTP_ROUTE, _http_route(name)), *services]


def home(setup: Setup, kind: Kind) -> str:
    """The namespace in which the objects of a kind lie."""
    return ELSEWHERE if setup.elsewhere and kind == VIRTUAL_SERVICE else NAMESPACE


def allows(setup: Setup, found: Json) -> bool:
    """The owner of a VirtualService allows the rollouts to weight it."""
    annotations = found["metadata"].get("annotations") or {}
    return not setup.elsewhere or annotations.get(ALLOWED_FROM) == NAMESPACE


def is_open(setup: Setup, found: Json | None) -> bool:
    """Davy may see what is in the VirtualService, if there is one."""
    if found is None:
        return not setup.elsewhere
    claimed = MANAGED_BY in (found["metadata"].get("annotations") or {})
    return claimed or allows(setup, found)


def own(setup: Setup, name: str) -> tuple[Kind, str] | None:
    """The object that Davy makes for a route; None: it makes none."""
    route = ROUTES.get(setup.router)
    return (route.kind, route.own(name)) if route and route.own else None


def analysis_template(setup: Setup) -> Json:
    """A metric that is good below 0.1, measured three times; beside it perhaps a dry run."""
    errors: Json = {
        "name": "errors",
        "interval": "5s",
        "count": 3,
        "failureLimit": setup.failure_limit,
        "successCondition": "result[0] < 0.1",
        "failureCondition": "result[0] >= 0.1",
        "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "{{args.hash}}"}},
        **_warmup(setup),
    }
    spec: Json = {"metrics": [errors], "args": [{"name": "hash"}]}
    if setup.dry_run:
        query = f"{setup.dry_run} {DRY_RUN}"
        asked = {"address": "http://prometheus:9090", "query": query}
        spec["metrics"].append({**errors, "name": DRY_RUN, "provider": {"prometheus": asked}})
        spec["dryRun"] = [{"metricName": DRY_RUN}]
    if setup.job:
        errors["initialDelay"] = "5s"  # so that it is the Job that finds a bad revision
        spec["metrics"].append(_smoke())
    if setup.kept:
        spec["measurementRetention"] = [{"metricName": ".*", "limit": setup.kept}]
    return {"metadata": {"namespace": NAMESPACE, "name": "errors"}, "spec": spec}


def _warmup(setup: Setup) -> Json:
    return {"warmup": f"{setup.warmup}s"} if setup.warmup else {}


def _smoke() -> Json:
    container = {"name": "smoke", "image": "smoke:1", "args": ["{{args.hash}}"]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    asked = {"spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    return {"name": SMOKE, "interval": "10s", "count": JOB_COUNT, "provider": {"job": asked}}


def _analysis() -> Json:
    latest = {"podTemplateHashValue": "Latest"}
    return {
        "templates": [{"templateName": "errors"}],
        "args": [{"name": "hash", "valueFrom": latest}],
    }


def _delays(setup: Setup) -> Json:
    if setup.router == PODS:
        return {}
    drain: Json = {"scaleDownDelaySeconds": setup.drain}
    if setup.limit is not None:
        drain["scaleDownDelayRevisionLimit"] = setup.limit
    return {
        **({"dynamicStableScale": True} if setup.dynamic else drain),
        "abortScaleDownDelaySeconds": setup.abort_drain,
        "minPodsPerReplicaSet": setup.floor,
    }


def _enough(setup: Setup) -> Json:
    if setup.enough == 100:
        return {}
    return {"replicaProgressThreshold": {"type": "Percent", "value": setup.enough}}


def _routing(setup: Setup, name: str) -> Json:
    services: Json = {"stableService": f"{name}-stable", "canaryService": f"{name}-canary"}
    if setup.swaps:  # they are called by the roles that they have at first
        services = {"pingPong": {"pingService": f"{name}-stable", "pongService": f"{name}-canary"}}
    if setup.router == PODS:
        limits: Json = {"maxSurge": setup.surge, "maxUnavailable": setup.unavailable}
        return limits | (services if setup.named else {})
    at = f"{name}.{ELSEWHERE}" if setup.elsewhere else name
    virtual_service = {"name": at, "routes": ["primary"]}
    managed = {"managedRoutes": [{"name": each} for each in MANAGED]}
    if setup.router == "subsets":
        subsets = {"name": name, "stableSubsetName": "stable", "canarySubsetName": "canary"}
        istio: Json = {"virtualService": virtual_service, "destinationRule": subsets}
        return {"trafficRouting": {"istio": istio, **managed}}
    if setup.router == "services":
        istio = {"virtualService": virtual_service}
        return {"trafficRouting": {"istio": istio, **managed}, **services}
    if route := ROUTES.get(setup.router):
        return {"trafficRouting": route.routing(name), **services}
    routing: Json = {"gatewayAPI": {"httpRoutes": [{"name": name}]}}
    # A method is more specific than a header: with the other order a rollout is refused.
    routing["managedRoutes"] = [{"name": each} for each in reversed(MANAGED)]
    if setup.total != 100:
        routing["maxTrafficWeight"] = setup.total
    return {"trafficRouting": routing, **services}


def _meta(name: str) -> Json:
    return {"namespace": NAMESPACE, "name": name, "labels": {"team": "checkout"}}


def _virtual_service(name: str, setup: Setup) -> Json:
    domain = f".{NAMESPACE}.svc.cluster.local" if setup.elsewhere else ""

    def destination(role: str) -> Json:
        if setup.router == "subsets":
            return {"host": f"{name}{domain}", "subset": role}
        return {"host": f"{name}-{role}{domain}"}

    split: list[Any] = [
        {"destination": destination("stable"), "weight": 100},
        {"destination": destination("canary"), "weight": 0},
    ]
    http = [
        {"name": "other", "route": [{"destination": {"host": "other"}}]},
        {"name": "primary", "timeout": "3s", "route": split},
    ]
    metadata = _meta(name)
    if setup.elsewhere:
        metadata |= {"namespace": ELSEWHERE, "annotations": {ALLOWED_FROM: NAMESPACE}}
    return {"metadata": metadata, "spec": {"hosts": [name], "http": http}}


def _destination_rule(name: str) -> Json:
    subsets = [{"name": role, "labels": {"app": name}} for role in ("stable", "canary")]
    return {"metadata": _meta(name), "spec": {"host": name, "subsets": subsets}}


def _service(name: str, role: str) -> Json:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"metadata": _meta(f"{name}-{role}"), "spec": spec}


def _http_route(name: str) -> Json:
    def rule(path: str) -> Json:
        both = [
            {"name": f"{name}-stable", "port": 80, "weight": 100},
            {"name": f"{name}-canary", "port": 80, "weight": 0},
        ]
        return {"matches": [{"path": {"value": path}}], "backendRefs": both}

    return {
        "metadata": _meta(name),
        "spec": {"parentRefs": [{"name": "gateway"}], "rules": [rule("/a"), rule("/b")]},
    }


def weighted(setup: Setup, name: str, found: Json, weight: int) -> Json:
    """The object that holds a rollout's weights, with this one for the canary."""
    if route := ROUTES.get(setup.router):
        return route.weighted(found, name, weight)
    kind = HTTP_ROUTE if setup.router == "httproute" else VIRTUAL_SERVICE
    return {**found, "spec": _weighted_spec(kind, found["spec"], weight, setup.total)}


def _weighted_spec(kind: Kind, spec: Json, weight: int, total: int) -> Json:
    rules, part = ("rules", "backendRefs") if kind == HTTP_ROUTE else ("http", "route")

    def rule(found: Json) -> Json:
        if managed_name(found) in {"other", "beta"}:
            return found
        weights = (total - weight, weight)
        both = [{**side, "weight": w} for side, w in zip(found[part], weights, strict=True)]
        return {**found, part: both}

    return {**spec, rules: [rule(found) for found in spec[rules]]}


def managed_name(rule: Json) -> str:
    """The managed route that a rule is made for: its name without the number of the rule."""
    return str(rule.get("name", "")).partition(".")[0]


def without_owned(kind: Kind, found: Json) -> Json:
    """The object without what Davy may write into it: what is left is the user's (I9)."""
    metadata = dict(found["metadata"])
    for name in ("resourceVersion", "generation", "managedFields"):
        metadata.pop(name, None)
    annotations = dict(metadata.pop("annotations", None) or {})
    annotations.pop(MANAGED_BY, None)
    spec = found["spec"]
    if kind in {route.kind for route in ROUTES.values()}:
        return {"metadata": metadata, **ingresses.without_weights(kind, found)}
    if kind == VIRTUAL_SERVICE:
        users = [route for route in spec["http"] if route.get("name") not in MANAGED]
        spec = {**spec, "http": [_unweighted(route, "route") for route in users]}
    elif kind == HTTP_ROUTE:
        users = [rule for rule in spec["rules"] if managed_name(rule) not in MANAGED]
        spec = {**spec, "rules": [_unweighted(rule, "backendRefs") for rule in users]}
    elif kind == DESTINATION_RULE:
        spec = {**spec, "subsets": [_unhashed(subset, "labels") for subset in spec["subsets"]]}
    elif kind == SERVICE:
        spec = _unhashed(spec, "selector")
    return {"metadata": metadata, "annotations": annotations, "spec": spec}


def _unweighted(rule: Json, part: str) -> Json:
    if rule.get("name") == "other":
        return rule
    return {**rule, part: [{**each, "weight": None} for each in rule[part]]}


def _unhashed(holder: Json, part: str) -> Json:
    labels = {key: held for key, held in holder[part].items() if key != POD_TEMPLATE_HASH_LABEL}
    return {**holder, part: labels}
