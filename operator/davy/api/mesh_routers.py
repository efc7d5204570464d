"""What users write for Istio and the Gateway API; field names are Argo's."""

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from davy.api.fields import ALL_DIFFERENT, BY_NAME, Model, ObjectName
from davy.api.routers import ContourRouting

Name = Annotated[str, Field(min_length=1, max_length=253)]
"""A name inside an object, such as a subset's or a named route's: any text."""
Port = Annotated[int, Field(ge=1, le=65535)]


class IstioTlsRoute(Model):
    """Which tls routes of a VirtualService carry the traffic: by what they match."""

    port: Port | None = Field(
        None, description="The one port that the route's matches name. Unset: any."
    )
    sni_hosts: list[Name] | None = Field(
        None,
        max_length=64,
        json_schema_extra=ALL_DIFFERENT,
        description="All sniHosts of the route's matches, in any order. Unset: any.",
    )

    def __str__(self) -> str:
        hosts = [f"sniHosts {', '.join(self.sni_hosts)}"] if self.sni_hosts else []
        port = [] if self.port is None else [f"port {self.port}"]
        return " and ".join([*port, *hosts])


class IstioTcpRoute(Model):
    """Which tcp routes of a VirtualService carry the traffic: by what they match."""

    port: Port = Field(description="The one port that the route's matches name.")

    def __str__(self) -> str:
        return f"port {self.port}"


class IstioVirtualService(Model):
    """A VirtualService whose weights Davy writes."""

    name: ObjectName = Field(
        description="Name of the VirtualService; `name.namespace` for one of another namespace, "
        "which must allow that by an annotation."
    )
    routes: list[Name] | None = Field(
        None,
        max_length=32,
        json_schema_extra=ALL_DIFFERENT,
        description="Names of its http routes that carry the traffic. Without routes, tlsRoutes "
        "and tcpRoutes: it has exactly one http route, or none and one tls or tcp route.",
    )
    tls_routes: list[IstioTlsRoute] | None = Field(
        None, max_length=32, description="Its tls routes that carry the traffic."
    )
    tcp_routes: list[IstioTcpRoute] | None = Field(
        None, max_length=32, description="Its tcp routes that carry the traffic."
    )

    def place(self, namespace: str) -> tuple[str, str]:
        """Its namespace and its name: `web.edge` is web of edge, as Argo has it.

        No namespace has a dot in its name, so what stands behind the last one is the namespace.

        Args:
            namespace: of the rollout.
        """
        name, dot, space = self.name.rpartition(".")
        return (space, name) if dot else (namespace, self.name)


class IstioDestinationRule(Model):
    """Subsets for stable and canary; Davy writes the pod template hash into their labels."""

    name: ObjectName = Field(description="Name of the DestinationRule in the rollout's namespace.")
    canary_subset_name: Name = Field(description="The subset that stands for the canary.")
    stable_subset_name: Name = Field(description="The subset that stands for stable.")
    additional_subset_names: list[Name] | None = Field(
        None,
        max_length=32,
        json_schema_extra=ALL_DIFFERENT,
        description="Subsets that belong to neither: destinations that name one keep their weight, "
        "and stable has what they and the canary leave of 100.",
    )


class IstioRouting(Model):
    """Weights in Istio VirtualServices, between two Services or two subsets of one."""

    virtual_service: IstioVirtualService | None = Field(
        None, description="The VirtualService that splits the traffic."
    )
    virtual_services: list[IstioVirtualService] | None = Field(
        None,
        max_length=16,
        json_schema_extra=BY_NAME,
        description="Several VirtualServices, which get the same weight; instead of "
        "virtualService.",
    )
    destination_rule: IstioDestinationRule | None = Field(
        None,
        description="Split between two subsets of one host. Unset: between canaryService and "
        "stableService.",
    )

    @property
    def all_virtual_services(self) -> dict[str, IstioVirtualService]:
        """Every VirtualService by its field below `istio`."""
        named = {"virtualService": self.virtual_service} if self.virtual_service else {}
        several = enumerate(self.virtual_services or ())
        return named | {f"virtualServices[{index}]": found for index, found in several}


class GatewayRouteRef(Model):
    """A route whose weights Davy writes."""

    name: ObjectName = Field(description="Name of the route in the rollout's namespace.")


class GatewayApiRouting(Model):
    """Weights in Gateway API routes, between canaryService and stableService."""

    http_routes: list[GatewayRouteRef] | None = Field(
        None,
        min_length=1,
        max_length=16,
        json_schema_extra=BY_NAME,
        description="HTTPRoutes; every rule that refers to both services is weighted.",
    )
    grpc_routes: list[GatewayRouteRef] | None = Field(
        None,
        min_length=1,
        max_length=16,
        json_schema_extra=BY_NAME,
        description="GRPCRoutes, in the same way; all routes get the same weight.",
    )
    tcp_routes: list[GatewayRouteRef] | None = Field(
        None,
        min_length=1,
        max_length=16,
        json_schema_extra=BY_NAME,
        description="TCPRoutes, in the same way; a weight is of new connections.",
    )
    tls_routes: list[GatewayRouteRef] | None = Field(
        None,
        min_length=1,
        max_length=16,
        json_schema_extra=BY_NAME,
        description="TLSRoutes, in the same way; a weight is of new connections.",
    )


class PluginRouteRef(GatewayRouteRef):
    """A route as Argo's plugin names it in a list."""

    use_header_routes: bool = Field(
        default=False, description="true: setHeaderRoute makes its routes in this one too."
    )


class ArgoGatewayApiPlugin(Model):
    """The configuration of Argo's Gateway API plugin, served by the built-in router."""

    http_route: ObjectName | None = Field(
        None, description="Name of one HTTPRoute; setHeaderRoute makes its routes in it."
    )
    http_routes: list[PluginRouteRef] | None = Field(
        None, max_length=16, json_schema_extra=BY_NAME, description="Several HTTPRoutes."
    )
    grpc_route: ObjectName | None = Field(
        None, description="Name of one GRPCRoute; setHeaderRoute makes its routes in it."
    )
    grpc_routes: list[PluginRouteRef] | None = Field(
        None, max_length=16, json_schema_extra=BY_NAME, description="Several GRPCRoutes."
    )
    tcp_route: ObjectName | None = Field(None, description="Name of one TCPRoute.")
    tcp_routes: list[GatewayRouteRef] | None = Field(
        None, max_length=16, json_schema_extra=BY_NAME, description="Several TCPRoutes."
    )
    tls_route: ObjectName | None = Field(None, description="Name of one TLSRoute.")
    tls_routes: list[GatewayRouteRef] | None = Field(
        None, max_length=16, json_schema_extra=BY_NAME, description="Several TLSRoutes."
    )
    namespace: ObjectName | None = Field(
        None, description="Must be the rollout's own namespace; unset means that too."
    )

    @property
    def headerless(self) -> frozenset[tuple[str, str]]:
        """Kind and name of each route that is only in a list, without useHeaderRoutes."""
        named = (
            ("HTTPRoute", self.http_route, self.http_routes),
            ("GRPCRoute", self.grpc_route, self.grpc_routes),
        )
        return frozenset(
            (kind, route.name)
            for kind, single, several in named
            for route in several or ()
            if not route.use_header_routes and route.name != single
        )


GATEWAY_API_PLUGIN: Final = "argoproj-labs/gatewayAPI"
CONTOUR_PLUGIN: Final = "argoproj-labs/contour"
BUILT_IN_PLUGINS: Final = (GATEWAY_API_PLUGIN, CONTOUR_PLUGIN)
"""The plugins of Argo's that are built in."""
_PLUGIN: Final = f'plugins["{GATEWAY_API_PLUGIN}"]'

GATEWAY_KINDS: Final = {
    "HTTPRoute": "http",
    "GRPCRoute": "grpc",
    "TCPRoute": "tcp",
    "TLSRoute": "tls",
}
"""Kinds of routes, each with the start of the fields that name them."""

GATEWAY_FIELDS: Final = "httpRoutes, grpcRoutes, tcpRoutes or tlsRoutes"
PLUGIN_FIELDS: Final = "httpRoute(s), grpcRoute(s), tcpRoute(s) or tlsRoute(s)"


class RouterPlugins(Model):
    """Argo's way to name a router outside its core; Davy serves two of them itself.

    Every other name is that of a plugin that is installed beside Davy.
    """

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"minProperties": 1, "maxProperties": 1}
    )

    gateway_api: ArgoGatewayApiPlugin | None = Field(
        None,
        alias=GATEWAY_API_PLUGIN,
        description="As Argo's Gateway API plugin reads it; the same as `gatewayAPI` beside it.",
    )
    contour: ContourRouting | None = Field(
        None,
        alias=CONTOUR_PLUGIN,
        description="As Argo's Contour plugin reads it; the same as `contour` beside it.",
    )

    @property
    def others(self) -> dict[str, Any]:
        """The configurations of other packages' routers by name, as they were written."""
        return self.model_extra or {}

    @property
    def built_in(self) -> tuple[str, ...]:
        """Those of Argo's that are named."""
        return tuple(name for name in self.manifest() if name in BUILT_IN_PLUGINS)


def named_routes(
    gateway: GatewayApiRouting | None, plugin: ArgoGatewayApiPlugin | None
) -> dict[tuple[str, str], str]:
    """Kind and name of each route, each once, with the field below trafficRouting that names it."""
    named: dict[tuple[str, str], str] = {}
    for source, held in ((_PLUGIN, plugin), ("gatewayAPI", gateway)):
        for kind, field in GATEWAY_KINDS.items():
            single = getattr(held, f"{field}_route", None)
            if single:
                named.setdefault((kind, single), f"{source}.{field}Route")
            for position, route in enumerate(getattr(held, f"{field}_routes", None) or ()):
                place = f"{source}.{field}Routes[{position}].name"
                named.setdefault((kind, route.name), place)
    return named
