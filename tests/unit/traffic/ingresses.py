"""Ingresses of the tests: shop/cart as users write it, and the canary Ingress beside it."""

import json
from typing import Any

from davy.traffic.base import Json, ObjectKey, RoutedRollout
from tests.unit.traffic.routes import a_rollout, metadata

INGRESS = ObjectKey("networking.k8s.io", "Ingress", "shop", "cart")
CANARY_INGRESS = ObjectKey("networking.k8s.io", "Ingress", "shop", "cart-cart-canary")
PREFIX = "nginx.ingress.kubernetes.io"


def by_ingresses(*names: str, **nginx: Any) -> RoutedRollout:
    """The split is beside stable Ingresses, `cart` when none is named."""
    named: Json = {"stableIngresses": [*names]} if names else {"stableIngress": "cart"}
    return a_rollout({"nginx": {**named, **nginx}})


def by_action(*names: str, **alb: Any) -> RoutedRollout:
    """The split is in the action of Ingresses, `cart` when none is named."""
    named: Json = {"ingresses": [*names]} if names else {"ingress": "cart"}
    return a_rollout({"alb": {**named, "servicePort": 80, **alb}})


def an_alb_ingress(
    action: str | None = None, *, name: str = "cart", root: str = "cart-stable"
) -> Json:
    """An Ingress of the AWS Load Balancer Controller; None: it has no action yet."""
    rule = a_host("cart.example.com", a_path(root, port={"name": "use-annotation"}))
    made = an_ingress(rule, name=name, ingressClassName="alb")
    held = {"alb.ingress.kubernetes.io/scheme": "internal"}
    if action is not None:
        held[f"alb.ingress.kubernetes.io/actions.{root}"] = action
    made["metadata"]["annotations"] = held
    return made


def an_action(stable: object, canary: object, *others: Json, **config: Any) -> str:
    """A forward action as Davy writes it; a weight that is None is left out."""
    groups: list[Json] = [
        {"serviceName": service, "servicePort": "80"}
        | ({} if weight is None else {"weight": weight})
        for service, weight in (("cart-canary", canary), ("cart-stable", stable))
    ]
    forward = {"targetGroups": [*groups, *others], **config}
    return json.dumps({"type": "forward", "forwardConfig": forward}, separators=(",", ":"))


def a_path(service: str, path: str = "/", **service_fields: Any) -> Json:
    """One path of a rule, to a Service."""
    backend = {"service": {"name": service, "port": {"number": 80}, **service_fields}}
    return {"path": path, "pathType": "Prefix", "backend": backend}


def a_host(host: str, *paths: Json) -> Json:
    """One rule of an Ingress."""
    return {"host": host, "http": {"paths": list(paths)}}


def an_ingress(
    *rules: Json, name: str = "cart", annotations: dict[str, str] | None = None, **spec: Any
) -> Json:
    """An Ingress of the user's; without rules, all of a host to cart-stable."""
    rules = rules or (a_host("cart.example.com", a_path("cart-stable")),)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(
            name, uid="e5", annotations={f"{PREFIX}/rewrite-target": "/<b>", **(annotations or {})}
        ),
        "spec": {"ingressClassName": "nginx", "rules": list(rules), **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    }


def a_canary_ingress(
    weight: object, *rules: Json, name: str = "cart-cart-canary", **annotations: Any
) -> Json:
    """A canary Ingress that Davy made; an annotation set to None is left out."""
    asked = {"canary": "true", "canary-weight": weight, **annotations}
    owner = {
        "apiVersion": "davy.dev/v1alpha1",
        "kind": "Rollout",
        "name": "cart",
        "uid": "1",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    made = an_ingress(*(rules or (a_host("cart.example.com", a_path("cart-canary")),)), name=name)
    made["metadata"] |= {
        "uid": "c4",
        "annotations": {
            f"{PREFIX}/{key}": value for key, value in asked.items() if value is not None
        },
        "ownerReferences": [owner],
    }
    return made
