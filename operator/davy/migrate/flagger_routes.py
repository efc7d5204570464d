"""The Services and the route that Flagger generates from a Canary's `service`, as Davy needs them.

Davy owns the two weights and the pod template hash in the Services' selectors; the rest is the
user's from now on.
"""

from dataclasses import dataclass
from typing import Any, Final

from davy.migrate import objects
from davy.migrate.reader import Reader
from davy.migrate.result import Json

ISTIO: Final = "istio"
GATEWAY_API: Final = "gatewayapi"
_ROUTE: Final = "primary"
"""Name of the http route whose weights Davy writes."""
_MOST_PORT: Final = 65535


@dataclass(frozen=True)
class Route:
    """Where traffic comes in, and where it is split."""

    service: str
    """The Service that clients call."""
    stable: str
    canary: str
    routing: Json
    """`trafficRouting` of the Rollout."""
    manifests: tuple[Json, ...]
    """Services and route, in the order to apply them."""


def mesh(provider: str) -> str | None:
    """The kind of route that a Flagger provider means; None: Davy has no router for it."""
    name = provider.lower()
    if name == ISTIO:
        return ISTIO
    return GATEWAY_API if name.split(":")[0] == GATEWAY_API else None


def container_ports(deployment: Any) -> list[Json]:
    """The ports of the pod template's containers."""
    template = objects.mapping(objects.mapping(deployment).get("spec"), "template", "spec")
    return [
        port
        for container in objects.items(template.get("containers"))
        for port in objects.items(objects.mapping(container).get("ports"))
        if isinstance(port, dict)
    ]


def route(
    service: Reader,
    kind: str,
    target: str,
    *,
    where: str | None,
    labels: Json,
    container: list[Json],
) -> Route | None:
    """Services and route; None where Davy can't split this traffic, which is told.

    Args:
        service: the Canary's `service`.
        kind: of the mesh: `istio` or `gatewayapi`.
        target: name of the Deployment.
        where: namespace; None leaves it to whoever applies.
        labels: of the pods.
        container: ports of the containers.
    """
    name = service.text("name") or target
    ports = _ports(service, container)
    if ports is None:
        return None
    protocol = str(ports[0].get("appProtocol") or "").lower()
    if kind == ISTIO and protocol == "tcp":
        message = "is tcp: weighting TCP routes is not built yet; use http routes"
        service.notes.lost(service.at("appProtocol"), message)
        return None
    made = Route(
        service=name,
        stable=f"{name}-stable",
        canary=f"{name}-canary",
        routing={},
        manifests=(),
    )
    apex = service.mapping("apex")
    if kind == ISTIO:
        routing: Json = {
            "istio": {"virtualService": {"name": f"{name}-rollout", "routes": [_ROUTE]}}
        }
        routes = _istio(service, made, ports[0]["port"], where, apex, more=len(ports) > 1)
    else:
        routing = {"gatewayAPI": {"httpRoutes": [{"name": f"{name}-rollout"}]}}
        routes = _gateway_api(service, made, ports[0]["port"], where, apex)
    spread = service.text("trafficDistribution")
    service.lose("headless", "is left out: a mesh splits traffic between cluster addresses")
    service.note("unmanagedMetadata", "isn't needed: Davy leaves what others write alone")
    shape: Json = {"type": "ClusterIP", "selector": dict(labels), "ports": ports}
    if spread:
        shape["trafficDistribution"] = spread
    services = [
        _service(service, field, _metadata(called, where), metadata, shape)
        for called, field, metadata in (
            (made.stable, "primary", service.mapping("primary")),
            (made.canary, "canary", service.mapping("canary")),
            (name, "apex", apex),
        )
    ]
    stable, canary, whole = services
    return Route(name, made.stable, made.canary, routing, (stable, canary, *routes, whole))


def _ports(service: Reader, container: list[Json]) -> list[Json] | None:
    """The Service's ports, the routed one first."""
    number = service.number("port")
    if number is None or not 0 < number <= _MOST_PORT:
        service.notes.lost(service.at("port"), "is missing or no port; write one from 1 to 65535")
        return None
    target = service.take("targetPort") or number
    first: Json = {
        "name": service.text("portName") or "http",
        "port": number,
        "targetPort": target,
        "protocol": "TCP",
    }
    protocol = service.text("appProtocol")
    if protocol:
        first["appProtocol"] = protocol
    ports = [first]
    if service.flag("portDiscovery"):
        ports += [
            {
                "name": str(port.get("name") or f"tcp-{port['containerPort']}"),
                "port": port["containerPort"],
                "targetPort": port.get("name") or port["containerPort"],
                "protocol": port.get("protocol") or "TCP",
            }
            for port in container
            if port.get("containerPort") not in (None, target, number)
            and port.get("name") not in (target, first["name"])
        ]
    return ports


def _service(service: Reader, field: str, named: Json, given: Json, shape: Json) -> Json:
    """A Service with the labels and annotations that the Canary gives it."""
    more = {key: given[key] for key in ("labels", "annotations") if given.get(key)}
    for key in given.keys() - {"labels", "annotations"}:
        path = f"{service.at(field)}.{key}"
        service.notes.lost(path, f"has no place in the Service {named['name']}")
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": named | objects.copied(more),
        "spec": objects.copied(shape),
    }


def _metadata(name: str, where: str | None) -> Json:
    return {"name": name, "namespace": where} if where else {"name": name}


def _istio(
    service: Reader, made: Route, port: int, where: str | None, apex: Json, *, more: bool
) -> list[Json]:
    """A VirtualService, and a DestinationRule for each side where there is a traffic policy."""
    hosts, gateways = service.items("hosts"), service.items("gateways")
    if not {made.service, "*"} & {str(host) for host in hosts}:
        hosts.append(made.service)
    spec: Json = {"hosts": hosts, "gateways": gateways or ["mesh"]}
    name = f"{made.service}-rollout"
    if service.flag("delegation"):
        spec = {}
        service.notes.note(
            service.at("delegation"),
            f"stays; the VirtualService that delegates to {made.service} must name {name}",
        )
    http: Json = {"name": _ROUTE}
    for field in ("match", "rewrite", "timeout", "retries", "corsPolicy", "headers"):
        if service.has(field):
            http[field] = service.take(field)
    rewrite = objects.mapping(http.get("rewrite"))
    rewrite.pop("type", None)  # Gateway API's
    http["route"] = [
        {"destination": _destination(host, port, more=more), "weight": weight}
        for host, weight in ((made.stable, 100), (made.canary, 0))
    ]
    version = "networking.istio.io/v1"
    objects_made: list[Json] = []
    policy = service.mapping("trafficPolicy")
    if policy:
        objects_made = [
            {
                "apiVersion": version,
                "kind": "DestinationRule",
                "metadata": _metadata(host, where),
                "spec": {"host": host, "trafficPolicy": objects.copied(policy)},
            }
            for host in (made.stable, made.canary)
        ]
    labels = {key: apex[key] for key in ("labels", "annotations") if apex.get(key)}
    route: Json = {
        "apiVersion": version,
        "kind": "VirtualService",
        "metadata": _metadata(name, where) | objects.copied(labels),
        "spec": spec | {"http": [http]},
    }
    return [*objects_made, route]


def _destination(host: str, port: int, *, more: bool) -> Json:
    """A Service with several ports must be told which is meant."""
    return {"host": host, "port": {"number": port}} if more else {"host": host}


def _gateway_api(
    service: Reader, made: Route, port: int, where: str | None, apex: Json
) -> list[Json]:
    """An HTTPRoute with one rule, as Flagger's."""
    spec: Json = {"parentRefs": service.items("gatewayRefs")}
    if not spec["parentRefs"]:
        service.notes.lost(
            service.at("gatewayRefs"),
            "is missing; the HTTPRoute needs parentRefs: name the Gateway",
        )
    hosts = service.items("hosts")
    if hosts:
        spec["hostnames"] = hosts
    rule: Json = {}
    matches = [_match(found) for found in service.each("match")]
    if matches:
        rule["matches"] = matches
    filters = _filters(service)
    if filters:
        rule["filters"] = filters
    rule["backendRefs"] = [
        {"name": name, "port": port, "weight": weight}
        for name, weight in ((made.stable, 100), (made.canary, 0))
    ]
    timeouts = {
        name: value
        for field, name in (("timeout", "request"), ("backendTimeout", "backendRequest"))
        if (value := service.text(field))
    }
    if timeouts:
        rule["timeouts"] = timeouts
    labels = {key: apex[key] for key in ("labels", "annotations") if apex.get(key)}
    return [
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": _metadata(f"{made.service}-rollout", where) | objects.copied(labels),
            "spec": spec | {"rules": [rule]},
        }
    ]


_PATHS: Final = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}
_VALUES: Final = {"exact": "Exact", "regex": "RegularExpression"}


def _match(found: Reader) -> Json:
    """Istio's way to match a request, in Gateway API's words; what it can't say is told."""
    match: Json = {}
    found.take("name")
    uri = found.inner("uri")
    for field, kind in _PATHS.items():
        if value := uri.text(field):
            match["path"] = {"type": kind, "value": value}
    method = found.inner("method").text("exact")
    if method:
        match["method"] = method
    for field in ("headers", "queryParams"):
        values = found.inner(field)
        listed = [
            {"name": name, "type": kind, "value": value}
            for name in values.names()
            for one in [values.inner(name)]
            for how, kind in _VALUES.items()
            if (value := one.text(how))
        ]
        if listed:
            match[field] = listed
    return match


def _filters(service: Reader) -> list[Json]:
    filters: list[Json] = []
    headers = service.inner("headers")
    for field, kind in (
        ("request", "RequestHeaderModifier"),
        ("response", "ResponseHeaderModifier"),
    ):
        found = headers.inner(field)
        change: Json = {
            how: [{"name": str(key), "value": value} for key, value in given.items()]
            for how in ("add", "set")
            if (given := found.mapping(how))
        }
        if removed := found.items("remove"):
            change["remove"] = removed
        if change:
            filters.append({"type": kind, f"{kind[0].lower()}{kind[1:]}": change})
    rewrite = service.inner("rewrite")
    how = rewrite.text("type") or "ReplaceFullPath"
    change = {}
    if authority := rewrite.text("authority"):
        change["hostname"] = authority
    if uri := rewrite.text("uri"):
        key = "replacePrefixMatch" if how == "ReplacePrefixMatch" else "replaceFullPath"
        change["path"] = {"type": how, key: uri}
    if change:
        filters.append({"type": "URLRewrite", "urlRewrite": change})
    filters += [
        {"type": "RequestMirror", "requestMirror": mirror} for mirror in service.items("mirror")
    ]
    return filters
