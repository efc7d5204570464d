"""Objects of the tests: the rollout shop/cart and its routes, as the API server has them."""

import copy
from collections.abc import Sequence
from typing import Any

from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.api.rollout import CanaryStrategy
from davy.traffic.base import Json, NewObject, ObjectKey, Objects, RoutedRollout, Write

VIRTUAL_SERVICE = ObjectKey("networking.istio.io", "VirtualService", "shop", "cart")
DESTINATION_RULE = ObjectKey("networking.istio.io", "DestinationRule", "shop", "cart")
TRAEFIK_SERVICE = ObjectKey("traefik.io", "TraefikService", "shop", "cart")
APISIX_ROUTE = ObjectKey("apisix.apache.org", "ApisixRoute", "shop", "cart")
HTTP_PROXY = ObjectKey("projectcontour.io", "HTTPProxy", "shop", "cart")
HTTP_ROUTE = ObjectKey("gateway.networking.k8s.io", "HTTPRoute", "shop", "cart")
STABLE = ObjectKey("", "Service", "shop", "cart-stable")
CANARY = ObjectKey("", "Service", "shop", "cart-canary")
MANAGED_BY = ApiGroup().managed_by_annotation

Cluster = dict[ObjectKey, Json]


def a_rollout(routing: Json | None, **canary: Any) -> RoutedRollout:
    """Rollout shop/cart, whose pods have app=cart; a field set to None is left out."""
    strategy = {
        "stableService": "cart-stable",
        "canaryService": "cart-canary",
        "trafficRouting": routing,
        **canary,
    }
    strategy = {name: value for name, value in strategy.items() if value is not None}
    return RoutedRollout(
        namespace="shop",
        name="cart",
        canary=CanaryStrategy.model_validate(strategy),
        template_labels={"app": "cart", "tier": "web"},
        group=ApiGroup(),
    )


def by_services(*routes: str) -> RoutedRollout:
    """The split is in VirtualService shop/cart, between the two Services."""
    return a_rollout({"istio": {"virtualService": _virtual_service_spec(routes)}})


def by_subsets(*routes: str, **canary: Any) -> RoutedRollout:
    """The split is between subsets stable and canary of DestinationRule shop/cart."""
    rule = {"name": "cart", "stableSubsetName": "stable", "canarySubsetName": "canary"}
    routing = {"istio": {"virtualService": _virtual_service_spec(routes), "destinationRule": rule}}
    return a_rollout(routing, **{"stableService": None, "canaryService": None, **canary})


def by_several() -> RoutedRollout:
    """The split is in VirtualServices shop/cart (http) and shop/edge (tls), between subsets."""
    rule = {"name": "cart", "stableSubsetName": "stable", "canarySubsetName": "canary"}
    named = [{"name": "cart"}, {"name": "edge", "tlsRoutes": [{"port": 443}]}]
    routing = {"istio": {"virtualServices": named, "destinationRule": rule}}
    return a_rollout(routing, stableService=None, canaryService=None)


def by_http_routes(*names: str) -> RoutedRollout:
    """The split is in HTTPRoutes, `cart` when none is named."""
    routes = [{"name": name} for name in names or ("cart",)]
    return a_rollout({"gatewayAPI": {"httpRoutes": routes}})


def without_router(**canary: Any) -> RoutedRollout:
    """The ratio of pods is the weight; both Services are named, unless `canary` says None."""
    return a_rollout(None, **canary)


def by_traefik_service() -> RoutedRollout:
    """The split is in TraefikService shop/cart."""
    return a_rollout({"traefik": {"weightedTraefikServiceName": "cart"}})


def by_apisix_route(*rules: str) -> RoutedRollout:
    """The split is in the rules of ApisixRoute shop/cart, in rule `cart` when none is named."""
    named = {"rules": [*rules]} if rules else {}
    return a_rollout({"apisix": {"route": {"name": "cart", **named}}})


def by_http_proxies(*names: str) -> RoutedRollout:
    """The split is in HTTPProxies, `cart` when none is named."""
    return a_rollout({"contour": {"httpProxies": [*names] or ["cart"]}})


def _virtual_service_spec(routes: tuple[str, ...]) -> Json:
    return {"name": "cart", **({"routes": list(routes)} if routes else {})}


def metadata(name: str, **fields: Any) -> Json:
    """Metadata as the API server writes it."""
    return {
        "name": name,
        "namespace": "shop",
        "generation": 7,
        "resourceVersion": "4711",
        **fields,
    }


def a_service(name: str, template_hash: str | None = None, **fields: Any) -> Json:
    """A Service that selects app=cart, narrowed when a hash is given; it has no generation."""
    selector = {"app": "cart"}
    annotations = {"team": "checkout"}
    if template_hash is not None:
        selector[POD_TEMPLATE_HASH_LABEL] = template_hash
        annotations[MANAGED_BY] = "cart"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "resourceVersion": "99",
            "annotations": annotations,
        },
        "spec": {"selector": selector, "ports": [{"port": 80}], **fields},
    }


def to_host(host: str, weight: int | None = None) -> Json:
    """A destination of a VirtualService, by its host."""
    found: Json = {"destination": {"host": host, "port": {"number": 80}}}
    return found if weight is None else {**found, "weight": weight}


def to_subset(subset: str, weight: int | None = None, host: str = "cart") -> Json:
    """A destination of a VirtualService, by its subset."""
    found: Json = {"destination": {"host": host, "subset": subset}}
    return found if weight is None else {**found, "weight": weight}


def an_http_route_of_istio(name: str | None, *destinations: Json) -> Json:
    """An http route with fields of the user's."""
    route: Json = {
        "match": [{"headers": {"cookie": {"regex": '^(.*?;)?(a<b&c="é")(;.*)?$'}}}],
        "timeout": "5s",
        "route": list(destinations),
        "retries": {"attempts": 3},
    }
    return route if name is None else {"name": name, **route}


def a_virtual_service(*routes: Json, **spec: Any) -> Json:
    """VirtualService shop/cart."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata("cart"),
        "spec": {"hosts": ["cart.example.com"], "http": list(routes), **spec},
    }


def a_destination_rule(stable: str | None = None, canary: str | None = None, **spec: Any) -> Json:
    """DestinationRule shop/cart for host cart, its subsets narrowed to the hashes given."""
    subsets: list[Json] = []
    for name, template_hash in (("stable", stable), ("canary", canary)):
        labels = {"app": "cart"}
        if template_hash is not None:
            labels[POD_TEMPLATE_HASH_LABEL] = template_hash
        subsets.append({"name": name, "labels": labels, "trafficPolicy": {"tls": {}}})
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": metadata("cart"),
        "spec": {"host": "cart", "subsets": subsets, **spec},
    }


def a_backend(name: str, weight: int | None = None, **fields: Any) -> Json:
    """A backendRef to a Service."""
    found: Json = {"name": name, "port": 80, **fields}
    return found if weight is None else {**found, "weight": weight}


def a_rule(*backends: Json, **fields: Any) -> Json:
    """A rule of an HTTPRoute, with a match of the user's."""
    return {"matches": [{"path": {"value": "/a<b"}}], "backendRefs": list(backends), **fields}


def an_http_route(*rules: Json, name: str = "cart", generation: int = 7, **fields: Any) -> Json:
    """An HTTPRoute of gateway infra/web, accepted in its newest generation."""
    conditions = [
        {"type": kind, "status": "True", "reason": kind, "observedGeneration": generation}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    parent = {"name": "web", "namespace": "infra"}
    status = {
        "parents": [
            {
                "parentRef": {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    **parent,
                },
                "controllerName": "example.com/gateway",
                "conditions": conditions,
            }
        ]
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(name, generation=generation),
        "spec": {"parentRefs": [parent], "rules": list(rules), **fields},
        "status": status,
    }


def a_traefik_service(*services: Json, **spec: Any) -> Json:
    """TraefikService shop/cart."""
    weighted = {"services": list(services), "sticky": {"cookie": {"name": "cart"}}}
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "TraefikService",
        "metadata": metadata("cart"),
        "spec": {"weighted": weighted, **spec},
    }


def an_apisix_backend(name: str, weight: int | None = None, **fields: Any) -> Json:
    """A backend of an ApisixRoute."""
    found: Json = {"serviceName": name, "servicePort": 80, **fields}
    return found if weight is None else {**found, "weight": weight}


def an_apisix_rule(name: str, *backends: Json, **fields: Any) -> Json:
    """A rule of an ApisixRoute, with a match of the user's."""
    match = {"hosts": ["cart.example.com"], "paths": [f"/{name}/a<b*"]}
    return {"name": name, "match": match, "backends": list(backends), **fields}


def an_apisix_route(*rules: Json, **spec: Any) -> Json:
    """ApisixRoute shop/cart, on which no controller reports."""
    return {
        "apiVersion": "apisix.apache.org/v2",
        "kind": "ApisixRoute",
        "metadata": metadata("cart"),
        "spec": {"ingressClassName": "apisix", "http": list(rules), **spec},
    }


def an_http_proxy(*routes: Json, name: str = "cart", generation: int = 7, **spec: Any) -> Json:
    """An HTTPProxy, valid in its newest generation."""
    valid = {"type": "Valid", "status": "True", "observedGeneration": generation}
    return {
        "apiVersion": "projectcontour.io/v1",
        "kind": "HTTPProxy",
        "metadata": metadata(name, generation=generation),
        "spec": {"virtualhost": {"fqdn": "cart.example.com"}, "routes": list(routes), **spec},
        "status": {"currentStatus": "valid", "conditions": [valid]},
    }


def a_proxied(*services: Json, **fields: Any) -> Json:
    """A route of an HTTPProxy, with a condition of the user's."""
    return {"conditions": [{"prefix": "/a<b"}], "services": list(services), **fields}


def a_cluster(*objects: Json) -> Cluster:
    """The objects by key, beside the two Services."""
    found: Cluster = {STABLE: a_service("cart-stable"), CANARY: a_service("cart-canary")}
    for made in objects:
        group = made["apiVersion"].rpartition("/")[0]
        key = ObjectKey(group, made["kind"], "shop", made["metadata"]["name"])
        found[key] = copy.deepcopy(made)
    return found


def without(objects: Objects, *keys: ObjectKey) -> Cluster:
    """The objects without some of them."""
    return {key: found for key, found in objects.items() if key not in keys}


def applied(objects: Objects, writes: Sequence[Write]) -> Cluster:
    """The objects after the writes."""
    after = dict(objects)
    for write in writes:
        if isinstance(write, NewObject):
            assert write.key not in after, "made a second time"
            after[write.key] = made(write)
        else:
            after[write.key] = apply(after[write.key], write.operations)
    return after


def made(new: NewObject) -> Json:
    """The object as the API server has it once the controller made it."""
    owner = {"apiVersion": "davy.dev/v1alpha1", "kind": "Rollout", "name": "cart", "uid": "1"}
    stamps = {"generation": 1, "resourceVersion": "4712"}
    owners = {"ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}]}
    return {**new.manifest, "metadata": {**new.manifest["metadata"], **stamps, **owners}}


class PatchRefused(Exception):
    """A `test` of a JSON patch failed."""


def apply(root: Json, operations: tuple[Json, ...]) -> Json:
    """RFC 6902, the operations that Davy uses; a copy is changed."""
    after: Any = copy.deepcopy(root)
    for operation in operations:
        keys = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")]
        around = after
        for key in keys[1:-1]:
            around = around[_index(around, key)]
        last = _index(around, keys[-1])
        match operation["op"]:
            case "test":
                found = around[last]
                if type(found) is not type(operation["value"]) or found != operation["value"]:
                    raise PatchRefused(operation)
            case "replace":
                around[last]  # must be there
                around[last] = copy.deepcopy(operation["value"])
            case "add" if isinstance(around, list):
                assert last < len(around), "Davy puts items before others only"
                around.insert(last, copy.deepcopy(operation["value"]))
            case "add":
                around[last] = copy.deepcopy(operation["value"])
            case "remove":
                del around[last]
            case other:
                raise AssertionError(other)
    return dict(after)


def _index(around: object, key: str) -> Any:
    return int(key) if isinstance(around, list) else key
