"""Host names in Istio's objects, and the Services they stand for."""

from davy.traffic.base import ObjectKey


def qualified(host: str, namespace: str) -> str:
    """One spelling for every way to write a host: `web` in shop is `web.shop`.

    `web.shop.svc` and `web.shop.svc.cluster.local` are `web.shop` too, whatever the cluster's
    domain; a host that is no Service (`api.example.com`) stays as it is.

    Args:
        host: as the object says it.
        namespace: of that object; where a short name lies.
    """
    parts = host.split(".")
    match parts:
        case [name]:
            return f"{name}.{namespace}"
        case [name, space, "svc", *_]:
            return f"{name}.{space}"
        case _:
            return host


def namespace_of(host: str, namespace: str) -> str | None:
    """The namespace of the Service that a host stands for; None: it is no Service's.

    Args:
        host: as the object says it; `*` may stand for the Service's name.
        namespace: of that object.
    """
    match host.split("."):
        case [_]:
            return namespace
        case [_, space, "svc", *_]:
            return space
        case _:
            return None


def full_name(service: ObjectKey, namespace: str) -> str:
    """How an object of the namespace names this Service: in another one than its own, in full."""
    if namespace == service.namespace:
        return service.name
    return f"{service.name}.{service.namespace}.svc.cluster.local"


def is_service(host: str, namespace: str, service: ObjectKey) -> bool:
    """Whether the host, written in an object of the namespace, is this Service."""
    return qualified(host, namespace) == f"{service.name}.{service.namespace}"
