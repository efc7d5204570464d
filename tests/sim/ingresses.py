"""The routes of ingress controllers in the simulation: what users write, what the proxies read.

Independent of Davy's routers: a second reading of what each controller documents.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from davy.cluster.client import Json
from davy.cluster.kinds import APISIX_ROUTE, HTTP_PROXY, INGRESS, TRAEFIK_SERVICE, Kind

Get = Callable[[Kind, str], Json | None]
"""An object of the namespace by kind and name."""
Rule = list[tuple[str, int]]
"""Roles with their weights."""

_NGINX: Final = "nginx.ingress.kubernetes.io"


@dataclass(frozen=True)
class Route:
    """One router."""

    kind: Kind
    """Of the user's object."""
    routing: Callable[[str], Json]
    """`trafficRouting` of the rollout of this name."""
    manifest: Callable[[str], Json]
    """The user's object, its metadata aside but for annotations."""
    rules: Callable[[Json, Json | None, str], list[Rule]]
    """From the user's object, Davy's own beside it, and the rollout's name: what the proxies do."""
    weighted: Callable[[Json, str, int], Json]
    """The object that holds the weights, with this one for the canary."""
    own: Callable[[str], str] | None = None
    """Name of the object that Davy makes beside the user's, of the same kind."""


def read(route: Route, name: str, get: Get) -> list[Rule]:
    """The rules of a rollout's route; none where the user's object is missing."""
    found = get(route.kind, name)
    own = get(route.kind, route.own(name)) if route.own else None
    return route.rules(found, own, name) if found else []


def _role(name: str) -> str:
    return name.rpartition("-")[2]


def _annotated(found: Json, name: str, value: str) -> Json:
    metadata = found["metadata"]
    annotations = {**(metadata.get("annotations") or {}), name: value}
    return {**found, "metadata": {**metadata, "annotations": annotations}}


# ingress-nginx: a second Ingress.


def _nginx_rules(found: Json, own: Json | None, name: str) -> list[Rule]:
    """Each path to stable; where the canary Ingress has the same host and path, it takes its share.

    ingress-nginx ignores a canary Ingress that isn't marked as one, or of another class.
    """
    annotations = (own or {"metadata": {}})["metadata"].get("annotations") or {}
    weight, led = 0, set()
    if own is not None and annotations.get(f"{_NGINX}/canary") == "true":
        weight = int(annotations.get(f"{_NGINX}/canary-weight", "0"))
        led = set(_paths(own, f"{name}-canary"))
    paths = _paths(found, f"{name}-stable")
    weights = [weight if path in led else 0 for path in paths]
    return [[("stable", 100 - weight), ("canary", weight)] for weight in weights]


def _paths(ingress: Json, service: str) -> list[tuple[str, str]]:
    return [
        (rule["host"], path["path"])
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
        if path["backend"]["service"]["name"] == service
    ]


def _ingress(name: str, port: Json, **spec: Any) -> Json:
    def path(service: str, at: str, of: Json) -> Json:
        backend = {"service": {"name": service, "port": of}}
        return {"path": at, "pathType": "Prefix", "backend": backend}

    paths = [path(f"{name}-stable", "/", port), path("images", "/images", {"number": 80})]
    rules = [{"host": f"{name}.example.com", "http": {"paths": paths}}]
    return {"spec": {"rules": rules, **spec}}


# AWS ALB: an annotation.

_ACTION: Final = "alb.ingress.kubernetes.io/actions.{}-stable"


def _alb_rules(found: Json, _: Json | None, name: str) -> list[Rule]:
    """Without an action the controller refuses the Ingress: the load balancer stays on stable."""
    action = (found["metadata"].get("annotations") or {}).get(_ACTION.format(name))
    if action is None:
        return [[("stable", 100), ("canary", 0)]]
    groups = json.loads(action)["forwardConfig"]["targetGroups"]
    return [[(_role(group["serviceName"]), group["weight"]) for group in groups]]


def _alb_weighted(found: Json, name: str, weight: int) -> Json:
    groups = [
        {"serviceName": f"{name}-{role}", "servicePort": "80", "weight": share}
        for role, share in (("canary", weight), ("stable", 100 - weight))
    ]
    action = {"type": "forward", "forwardConfig": {"targetGroups": groups}}
    return _annotated(found, _ACTION.format(name), json.dumps(action))


# Traefik, APISIX and Contour: a list of services in the spec.


def _shares(name: str, field: str, weight: int) -> list[Json]:
    return [
        {field: f"{name}-{role}", "weight": share}
        for role, share in (("stable", 100 - weight), ("canary", weight))
    ]


def _traefik(name: str, weight: int) -> Json:
    services = [{**each, "port": 80} for each in _shares(name, "name", weight)]
    return {"weighted": {"services": services, "sticky": {"cookie": {"name": "session"}}}}


def _apisix(name: str, weight: int) -> Json:
    backends = [{**each, "servicePort": 80} for each in _shares(name, "serviceName", weight)]
    rules: list[Json] = [
        {"name": rule, "match": {"paths": [f"/{rule}*"]}, "backends": backends}
        for rule in ("a", "b")
    ]
    own = {"name": "other", "backends": [{"serviceName": "images", "servicePort": 80}]}
    return {"http": [own, *rules]}


def _contour(name: str, weight: int) -> Json:
    services = [{**each, "port": 80} for each in _shares(name, "name", weight)]
    routes: list[Json] = [
        {"conditions": [{"prefix": prefix}], "services": services} for prefix in ("/a", "/b")
    ]
    own = {"conditions": [{"prefix": "/own"}], "services": [{"name": "images", "port": 80}]}
    return {"routes": [own, *routes]}


ROUTES: Final = {
    "nginx": Route(
        kind=INGRESS,
        routing=lambda name: {"nginx": {"stableIngress": name}},
        manifest=lambda name: _ingress(name, {"number": 80}, ingressClassName="nginx"),
        rules=_nginx_rules,
        weighted=lambda found, _, weight: _annotated(found, f"{_NGINX}/canary-weight", str(weight)),
        own=lambda name: f"{name}-{name}-canary",
    ),
    "alb": Route(
        kind=INGRESS,
        routing=lambda name: {
            "alb": {"ingress": name, "servicePort": 80, "rootService": f"{name}-stable"}
        },
        manifest=lambda name: _ingress(name, {"name": "use-annotation"}, ingressClassName="alb"),
        rules=_alb_rules,
        weighted=_alb_weighted,
    ),
    "traefik": Route(
        kind=TRAEFIK_SERVICE,
        routing=lambda name: {"traefik": {"weightedTraefikServiceName": name}},
        manifest=lambda name: {"spec": _traefik(name, 0)},
        rules=lambda found, *_: [
            [
                (_role(each["name"]), each["weight"])
                for each in found["spec"]["weighted"]["services"]
            ]
        ],
        weighted=lambda found, name, weight: {
            **found,
            "spec": {**found["spec"], **_traefik(name, weight)},
        },
    ),
    "apisix": Route(
        kind=APISIX_ROUTE,
        routing=lambda name: {"apisix": {"route": {"name": name, "rules": ["a", "b"]}}},
        manifest=lambda name: {"spec": _apisix(name, 0)},
        rules=lambda found, *_: [
            [(_role(each["serviceName"]), each["weight"]) for each in rule["backends"]]
            for rule in found["spec"]["http"]
            if rule["name"] != "other"
        ],
        weighted=lambda found, name, weight: {
            **found,
            "spec": {**found["spec"], **_apisix(name, weight)},
        },
    ),
    "contour": Route(
        kind=HTTP_PROXY,
        routing=lambda name: {"contour": {"httpProxies": [name]}},
        manifest=lambda name: {"spec": _contour(name, 0)},
        rules=lambda found, *_: [
            [(_role(each["name"]), each["weight"]) for each in route["services"]]
            for route in found["spec"]["routes"]
            if len(route["services"]) > 1
        ],
        weighted=lambda found, name, weight: {
            **found,
            "spec": {**found["spec"], **_contour(name, weight)},
        },
    ),
}


def without_weights(kind: Kind, found: Json) -> Json:
    """Annotations and spec without what Davy may write into them; of its own object nothing."""
    metadata, spec = found["metadata"], found["spec"]
    annotations = dict(metadata.get("annotations") or {})
    if metadata.get("ownerReferences"):
        return {}
    if kind == INGRESS:
        annotations = {
            name: value for name, value in annotations.items() if "/actions." not in name
        }
    elif kind == TRAEFIK_SERVICE:
        weighted = spec["weighted"]
        spec = {**spec, "weighted": {**weighted, "services": _bare(weighted["services"])}}
    elif kind == HTTP_PROXY:
        routes = [{**route, "services": _bare(route["services"])} for route in spec["routes"]]
        spec = {**spec, "routes": routes}
    else:
        spec = {
            **spec,
            "http": [{**rule, "backends": _bare(rule["backends"])} for rule in spec["http"]],
        }
    return {"annotations": annotations, "spec": spec}


def _bare(shares: list[Json]) -> list[Json]:
    return [{**share, "weight": None} for share in shares]
