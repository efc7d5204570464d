"""Rules on what users write for routers that the API server checks itself, in CEL."""

from typing import Final

from davy.api.cel_rule import Rule, one_of
from davy.api.mesh_routers import GATEWAY_FIELDS, GATEWAY_KINDS, PLUGIN_FIELDS
from davy.api.rollout import ROUTERS

_CANARY: Final = "spec.strategy.canary"
_ROUTING: Final = f"{_CANARY}.trafficRouting"

ROUTING: Final[tuple[Rule, ...]] = (
    Rule(
        _ROUTING,
        one_of(*ROUTERS, "plugins"),
        f"trafficRouting has exactly one of {', '.join(ROUTERS)} and plugins",
        unless_unbuilt=True,
    ),
    Rule(
        _ROUTING,
        "!has(self.maxTrafficWeight) || self.maxTrafficWeight == 100 || "
        "has(self.gatewayAPI) || has(self.contour) || has(self.plugins)",
        "maxTrafficWeight other than 100 is for gatewayAPI and contour; this router's weights are "
        "percent: remove it",
        field="maxTrafficWeight",
    ),
    Rule(
        f"{_ROUTING}.plugins.argoproj-labs/gatewayAPI",
        " || ".join(
            f"has(self.{kind}Route) || (has(self.{kind}Routes) && self.{kind}Routes.size() > 0)"
            for kind in GATEWAY_KINDS.values()
        ),
        f"names no route; give {PLUGIN_FIELDS}",
        unless_unbuilt=True,
    ),
    Rule(
        f"{_ROUTING}.gatewayAPI",
        " || ".join(f"has(self.{kind}Routes)" for kind in GATEWAY_KINDS.values()),
        f"names no route; give {GATEWAY_FIELDS}",
    ),
    Rule(
        f"{_ROUTING}.istio",
        "has(self.virtualService) != (has(self.virtualServices) && "
        "self.virtualServices.size() > 0)",
        "istio has exactly one of virtualService and virtualServices; name what splits the traffic",
    ),
    *(
        Rule(
            f"{_ROUTING}.istio.{at}.tlsRoutes[]",
            "has(self.port) || (has(self.sniHosts) && self.sniHosts.size() > 0)",
            "a tls route is named by port, sniHosts or both",
        )
        for at in ("virtualService", "virtualServices[]")
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
    Rule(
        f"{_ROUTING}.istio.destinationRule",
        "!has(self.additionalSubsetNames) || !self.additionalSubsetNames.exists(name, "
        "name == self.canarySubsetName || name == self.stableSubsetName)",
        "additionalSubsetNames has canarySubsetName or stableSubsetName; name others",
        field="additionalSubsetNames",
    ),
)

PING_PONG: Final[tuple[Rule, ...]] = (
    Rule(
        f"{_CANARY}.pingPong",
        "self.pingService != self.pongService",
        "pingService and pongService are the same; two Services tell the revisions apart",
        field="pongService",
    ),
    Rule(
        _CANARY,
        "!has(self.pingPong) || !(has(self.canaryService) || has(self.stableService))",
        "pingPong stands instead of canaryService and stableService; remove these or pingPong",
        field="pingPong",
    ),
    Rule(
        _CANARY,
        "!has(self.pingPong) || has(self.trafficRouting)",
        "pingPong needs trafficRouting; without a router there is no weight to swap: remove it",
        field="pingPong",
    ),
    Rule(
        _CANARY,
        "!has(self.pingPong) || !has(self.trafficRouting) || !(has(self.trafficRouting.nginx) || "
        "(has(self.trafficRouting.istio) && has(self.trafficRouting.istio.destinationRule)))",
        "pingPong goes neither with nginx nor with Istio's subsets (destinationRule); use "
        "canaryService and stableService, or another router",
        field="pingPong",
    ),
    Rule(
        _CANARY,
        "!has(self.pingPong) || !has(self.trafficRouting) || !has(self.trafficRouting.alb) || "
        "has(self.trafficRouting.alb.rootService)",
        "pingPong needs alb.rootService: the backend in the Ingress that stands for the split",
        field="pingPong",
    ),
)
