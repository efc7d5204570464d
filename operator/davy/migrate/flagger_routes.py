"""The Services and the route that Flagger generates from a Canary's `service`, as Davy needs them.

Davy owns the two weights and the pod template hash in the Services' selectors; the rest is the
user's from now on.
"""

from dataclasses import dataclass
from typing import Any, Final

from davy.api import paths
from davy.migrate import objects
from davy.migrate.reader import Reader
from davy.migrate.result import Json

ISTIO: Final = "istio"
GATEWAY_API: Final = "gatewayapi"
_ROUTE: Final = "primary"
"""Name of the http route whose weights Davy writes."""
_NETWORKING: Final = "networking.istio.io/v1"
_MOST_PORT: Final = 65535
_PATHS: Final = {"exact": "Exact", "prefix": "PathPrefix", "regex": "RegularExpression"}
_VALUES: Final = {"exact": "Exact", "regex": "RegularExpression"}
_METADATA: Final = ("labels", "annotations")
_TCP: Final = (
    "such a route isn't translated; write a VirtualService with a tcp route, and name its port in "
    "trafficRouting.istio.virtualService.tcpRoutes"
)


@dataclass(frozen=True)
class Names:
    """What the objects are called; none but the canary's Service has a name of Flagger's."""

    service: str
    """The Service that clients call."""

    @property
    def stable(self) -> str:
        """Service of the stable revision."""
        return f"{self.service}-stable"

    @property
    def canary(self) -> str:
        """Service of the canary."""
        return f"{self.service}-canary"

    @property
    def route(self) -> str:
        """VirtualService or HTTPRoute."""
        return f"{self.service}-rollout"


@dataclass(frozen=True)
class Route:
    """Where traffic comes in, and where it is split."""

    names: Names
    routing: Json
    """`trafficRouting` of the Rollout."""
    manifests: tuple[Json, ...]
    """Services and route, in the order to apply them."""

    @property
    def split(self) -> Json:
        """The VirtualService or HTTPRoute, before the Service that clients call."""
        return self.manifests[-2]


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
    names = Names(service.text("name") or target)
    ports = _ports(service, container)
    if ports is None:
        return None
    protocol = str(ports[0].get("appProtocol") or "").lower()
    if kind == ISTIO and protocol == "tcp":
        service.notes.lost(service.at("appProtocol"), f"is tcp: {_TCP}")
        return None
    apex = service.mapping("apex")
    if kind == ISTIO:
        routing: Json = {"istio": {"virtualService": {"name": names.route, "routes": [_ROUTE]}}}
        routes = _istio(service, names, ports, where, apex)
    else:
        routing = {"gatewayAPI": {"httpRoutes": [{"name": names.route}]}}
        routes = [_gateway_api(service, names, ports[0]["port"], where, apex)]
    spread = service.text("trafficDistribution")
    service.lose("headless", "is left out: a mesh splits traffic between cluster addresses")
    service.note("unmanagedMetadata", "isn't needed: Davy leaves what others write alone")
    shape: Json = {"type": "ClusterIP", "selector": dict(labels), "ports": ports}
    if spread:
        shape["trafficDistribution"] = spread
    stable, canary, whole = (
        _service(service, field, _metadata(called, where), metadata, shape)
        for called, field, metadata in (
            (names.stable, "primary", service.mapping("primary")),
            (names.canary, "canary", service.mapping("canary")),
            (names.service, "apex", apex),
        )
    )
    return Route(names, routing, (stable, canary, *routes, whole))


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
    for key in given:
        if key not in _METADATA:
            path = f"{service.at(field)}.{key}"
            service.notes.lost(path, f"has no place in the Service {named['name']}")
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": named | _told(given),
        "spec": paths.copied(shape),
    }


def _metadata(name: str, where: str | None) -> Json:
    return {"name": name, "namespace": where} if where else {"name": name}


def _told(given: Json) -> Json:
    """The labels and annotations that a Canary gives."""
    return {key: paths.copied(given[key]) for key in _METADATA if given.get(key)}


def _istio(
    service: Reader, names: Names, ports: list[Json], where: str | None, apex: Json
) -> list[Json]:
    """A VirtualService, and before it a DestinationRule for each side with a traffic policy."""
    http: Json = {"name": _ROUTE}
    for field in ("match", "rewrite", "timeout", "retries", "corsPolicy", "headers"):
        if service.has(field):
            http[field] = service.take(field)
    if objects.mapping(http.get("rewrite")).pop("type", None) is not None:
        service.notes.note(f"{service.at('rewrite')}.type", "says nothing to Istio")
    http["route"] = [
        {"destination": _destination(host, ports), "weight": weight}
        for host, weight in ((names.stable, 100), (names.canary, 0))
    ]
    policy = service.mapping("trafficPolicy")
    rules = [
        {
            "apiVersion": _NETWORKING,
            "kind": "DestinationRule",
            "metadata": _metadata(host, where),
            "spec": {"host": host, "trafficPolicy": paths.copied(policy)},
        }
        for host in (names.stable, names.canary)
        if policy
    ]
    virtual_service: Json = {
        "apiVersion": _NETWORKING,
        "kind": "VirtualService",
        "metadata": _metadata(names.route, where) | _told(apex),
        "spec": _listening(service, names) | {"http": [http]},
    }
    return [*rules, virtual_service]


def _listening(service: Reader, names: Names) -> Json:
    """Hosts and gateways as Flagger writes them; one that is delegated to has none."""
    if service.flag("delegation"):
        service.notes.note(
            service.at("delegation"),
            f"stays; the VirtualService that delegates to {names.service} must name {names.route}",
        )
        for field in ("hosts", "gateways"):
            service.lose(field, "says nothing beside delegation; remove it")
        return {}
    hosts, gateways = service.items("hosts"), service.items("gateways")
    if not {names.service, "*"} & {str(host) for host in hosts}:
        hosts.append(names.service)
    return {"hosts": hosts, "gateways": gateways or ["mesh"]}


def _destination(host: str, ports: list[Json]) -> Json:
    """A Service with several ports must be told which is meant: the first."""
    return {"host": host} | ({"port": {"number": ports[0]["port"]}} if len(ports) > 1 else {})


def _gateway_api(service: Reader, names: Names, port: int, where: str | None, apex: Json) -> Json:
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
        for name, weight in ((names.stable, 100), (names.canary, 0))
    ]
    timeouts = {
        name: value
        for field, name in (("timeout", "request"), ("backendTimeout", "backendRequest"))
        if (value := service.text(field))
    }
    if timeouts:
        rule["timeouts"] = timeouts
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": _metadata(names.route, where) | _told(apex),
        "spec": spec | {"rules": [rule]},
    }


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
