"""Bad specs: strategy, router, Services."""

from typing import Final

from tests.unit.api.bad import ONLY_VALIDATION, Bad, bad
from tests.unit.api.documents import REMOVE

_CANARY: Final = "spec.strategy.canary"
_ROUTING: Final = f"{_CANARY}.trafficRouting"
_PLUGIN: Final = f"{_ROUTING}.plugins['argoproj-labs/gatewayAPI']"

ROUTING: Final[tuple[Bad, ...]] = (
    bad(
        "the strategy is missing",
        "gateway",
        "spec.strategy",
        REMOVE,
        "is missing; how a new template replaces",
        "spec.strategy: Required value",
    ),
    bad(
        "the strategy names nothing",
        "gateway",
        "spec.strategy.canary",
        REMOVE,
        "is missing; traffic moves to the new version",
        "spec.strategy.canary is missing; canary is the one strategy",
    ),
    *(
        Bad(
            f"no pod could be replaced ({surge}, {unavailable})",
            "pods",
            {f"{_CANARY}.maxSurge": surge, f"{_CANARY}.maxUnavailable": unavailable},
            f"{_CANARY}.maxUnavailable",
            "is 0, as maxSurge; no pod could be replaced",
            "maxSurge and maxUnavailable are both 0, so no pod could be replaced",
        )
        for surge, unavailable in ((0, 0), ("0%", 0), (0, "00%"))
    ),
    *(
        bad(
            f"maxSurge is {value}",
            "pods",
            f"{_CANARY}.maxSurge",
            value,
            "is no number of pods; write a whole number (2) or a percentage (25%)",
            "spec.strategy.canary.maxSurge",
        )
        for value in (-1, "a few", "5")
    ),
    bad(
        "a drain delay without a router",
        "pods",
        f"{_CANARY}.scaleDownDelaySeconds",
        30,
        "needs trafficRouting; without a router",
        "scaleDownDelaySeconds needs trafficRouting",
    ),
    bad(
        "another total weight with Istio",
        "subsets",
        f"{_ROUTING}.maxTrafficWeight",
        1000,
        "is 1000; the weights of istio are percent: remove it",
        "maxTrafficWeight other than 100 is for gatewayAPI",
    ),
    bad(
        "a total weight of nothing",
        "gateway",
        f"{_ROUTING}.maxTrafficWeight",
        0,
        "is 0; write a whole number from 1 to 1000000",
        "greater than or equal to 1",
    ),
    bad(
        "no router is named",
        "gateway",
        _ROUTING,
        {},
        "names no router; give one of istio, gatewayAPI, nginx, alb, traefik, apisix",
        "has exactly one of istio, gatewayAPI, nginx, alb, traefik, apisix and plugins",
    ),
    bad(
        "two routers are named",
        "gateway",
        f"{_ROUTING}.istio",
        {"virtualService": {"name": "cart"}},
        "has istio and gatewayAPI; exactly one router",
        "has exactly one of istio, gatewayAPI, nginx, alb, traefik, apisix and plugins",
        at=_ROUTING,
    ),
    bad(
        "another plugin is named",
        "gateway",
        _ROUTING,
        {"plugins": {"acme/router": {}}},
        "is no field that Davy knows; there are argoproj-labs/gatewayAPI",
        "the one plugin that Davy knows is argoproj-labs/gatewayAPI",
        at=f"{_ROUTING}.plugins['acme/router']",
    ),
    bad(
        "plugins names none",
        "gateway",
        _ROUTING,
        {"plugins": {}},
        "is empty; give argoproj-labs/gatewayAPI",
        "the one plugin that Davy knows is argoproj-labs/gatewayAPI",
        at=f"{_ROUTING}.plugins",
    ),
    bad(
        "the plugin names no route",
        "plugin",
        _PLUGIN,
        {},
        "names no route; give httpRoute(s) or grpcRoute(s)",
        "names no route; give httpRoute(s) or grpcRoute(s)",
    ),
    bad(
        "the plugin names a route of another namespace",
        "plugin",
        f"{_PLUGIN}.namespace",
        "elsewhere",
        "is elsewhere; Davy only writes routes of the rollout's own namespace, shop",
        ONLY_VALIDATION,
    ),
    bad(
        "an HTTPRoute is named twice",
        "gateway",
        f"{_ROUTING}.gatewayAPI.httpRoutes[1]",
        {"name": "cart"},
        "names the HTTPRoute cart a second time",
        "Duplicate value",
    ),
    bad(
        "a GRPCRoute is named twice",
        "gateway",
        f"{_ROUTING}.gatewayAPI.grpcRoutes[1]",
        {"name": "cart"},
        "names the GRPCRoute cart a second time",
        "Duplicate value",
    ),
    bad(
        "Gateway API names no route",
        "gateway",
        f"{_ROUTING}.gatewayAPI",
        {},
        "names no route; give httpRoutes or grpcRoutes",
        "names no route; give httpRoutes or grpcRoutes",
    ),
    bad(
        "no HTTPRoute is named",
        "gateway",
        f"{_ROUTING}.gatewayAPI.httpRoutes",
        [],
        "is empty; write at least 1",
        "should have at least 1 items",
    ),
    bad(
        "a service is missing with Gateway API",
        "gateway",
        f"{_CANARY}.stableService",
        REMOVE,
        "is missing; Gateway API splits the traffic between two Services",
        "needs canaryService and stableService",
    ),
    bad(
        "a service is missing with Istio without a DestinationRule",
        "istio",
        f"{_CANARY}.canaryService",
        REMOVE,
        "is missing; Istio without a destinationRule splits the traffic between two Services",
        "needs canaryService and stableService",
    ),
    bad(
        "a service is missing with ingress-nginx",
        "nginx",
        f"{_CANARY}.stableService",
        REMOVE,
        "is missing; nginx splits the traffic between two Services",
        "needs canaryService and stableService",
    ),
    bad(
        "nginx names no Ingress",
        "nginx",
        f"{_ROUTING}.nginx.stableIngress",
        REMOVE,
        "names no Ingress; give exactly one of stableIngress and stableIngresses",
        "nginx has exactly one of stableIngress and stableIngresses",
        at=f"{_ROUTING}.nginx",
    ),
    bad(
        "nginx names an Ingress in both ways",
        "nginx",
        f"{_ROUTING}.nginx.stableIngresses",
        ["web"],
        "has stableIngress and stableIngresses; give exactly one",
        "nginx has exactly one of stableIngress and stableIngresses",
        at=f"{_ROUTING}.nginx",
    ),
    bad(
        "a stable Ingress is named twice",
        "several ingresses",
        f"{_ROUTING}.nginx.stableIngresses[1]",
        "cart",
        "names the Ingress cart a second time",
        "Duplicate value",
    ),
    *(
        bad(
            f"a service is missing with {router}",
            router,
            f"{_CANARY}.canaryService",
            REMOVE,
            f"is missing; {router} splits the traffic between two Services",
            "needs canaryService and stableService",
        )
        for router in ("alb", "traefik", "apisix")
    ),
    bad(
        "alb names no Ingress",
        "alb",
        f"{_ROUTING}.alb.ingress",
        REMOVE,
        "names no Ingress; give exactly one of ingress and ingresses",
        "alb has exactly one of ingress and ingresses",
        at=f"{_ROUTING}.alb",
    ),
    bad(
        "a client is to stay for no time",
        "alb",
        f"{_ROUTING}.alb.stickinessConfig.durationSeconds",
        0,
        "is 0; ",
        "should be greater than or equal to 1",
    ),
    bad(
        "an ApisixRoute's rule is named twice",
        "apisix",
        f"{_ROUTING}.apisix.route.rules[1]",
        "api",
        "names the rule api a second time",
        "Duplicate value",
    ),
    bad(
        "the TraefikService is missing",
        "traefik",
        f"{_ROUTING}.traefik.weightedTraefikServiceName",
        REMOVE,
        "is missing; ",
        "Required value",
    ),
    bad(
        "a user writes the canary's weight",
        "nginx",
        f"{_ROUTING}.nginx.additionalIngressAnnotations['canary-weight']",
        "50",
        "is written by Davy: it is the weight",
        ONLY_VALIDATION,
    ),
    bad(
        "a user writes the canary's weight by its whole name",
        "nginx",
        f"{_ROUTING}.nginx.canaryIngressAnnotations['nginx.ingress.kubernetes.io/canary-weight']",
        "50",
        "is written by Davy: it is the weight",
        ONLY_VALIDATION,
    ),
    bad(
        "an annotation's name can't be one",
        "nginx",
        f"{_ROUTING}.nginx.canaryIngressAnnotations['not one']",
        "50",
        "is no name of an annotation",
        ONLY_VALIDATION,
    ),
    bad(
        "both services are the same",
        "istio",
        f"{_CANARY}.canaryService",
        "cart",
        "is cart, as stableService; two Services tell the revisions apart",
        "canaryService and stableService are the same",
    ),
    bad(
        "ping and pong are the same",
        "ping pong",
        f"{_CANARY}.pingPong.pongService",
        "cart-ping",
        "is cart-ping, as pingService; two Services tell the revisions apart",
        "pingService and pongService are the same",
    ),
    *(
        bad(
            f"pingPong has no {missing}",
            "ping pong",
            f"{_CANARY}.pingPong.{missing}",
            REMOVE,
            "is missing; ",
            "Required value",
        )
        for missing in ("pingService", "pongService")
    ),
    *(
        bad(
            f"{other} stands beside pingPong",
            "ping pong",
            f"{_CANARY}.{other}",
            "cart",
            "is set beside pingPong, whose Services have this role in turn",
            "pingPong stands instead of canaryService and stableService",
        )
        for other in ("canaryService", "stableService")
    ),
    bad(
        "pingPong without a router",
        "ping pong",
        _ROUTING,
        REMOVE,
        "needs trafficRouting; without a router there is no weight to swap",
        "pingPong needs trafficRouting",
        at=f"{_CANARY}.pingPong",
    ),
    *(
        bad(
            f"pingPong with {router}",
            "ping pong",
            _ROUTING,
            {router: routing},
            said,
            by_server,
            at=f"{_CANARY}.pingPong",
        )
        for router, routing, said, by_server in (
            (
                "istio",
                {
                    "virtualService": {"name": "cart"},
                    "destinationRule": {
                        "name": "cart",
                        "canarySubsetName": "canary",
                        "stableSubsetName": "stable",
                    },
                },
                "swaps two Services, but istio.destinationRule splits one into subsets",
                "pingPong goes neither with nginx nor with Istio's subsets",
            ),
            (
                "nginx",
                {"stableIngress": "cart"},
                "doesn't go with nginx, whose canary Ingress stands beside the Ingress of one",
                "pingPong goes neither with nginx nor with Istio's subsets",
            ),
            (
                "alb",
                {"ingress": "cart", "servicePort": 80},
                "needs alb.rootService: the backend in the Ingress that stands for the split",
                "pingPong needs alb.rootService",
            ),
        )
    ),
    bad(
        "a service's name can't be one",
        "istio",
        f"{_CANARY}.canaryService",
        "Cart_Canary",
        "is \"Cart_Canary\"; names are lower case letters, digits, '-' and '.'",
        "should match",
    ),
    bad(
        "the VirtualService is missing",
        "istio",
        f"{_ROUTING}.istio.virtualService",
        REMOVE,
        "is missing; the VirtualService that splits the traffic",
        "istio has exactly one of virtualService and virtualServices",
    ),
    bad(
        "one VirtualService and several are named",
        "istio",
        f"{_ROUTING}.istio.virtualServices",
        [{"name": "web"}],
        "has virtualService and virtualServices; write one of them",
        "istio has exactly one of virtualService and virtualServices",
        at=f"{_ROUTING}.istio",
    ),
    bad(
        "a VirtualService is named twice",
        "several",
        f"{_ROUTING}.istio.virtualServices[1].name",
        "cart",
        "names the VirtualService cart a second time",
        "Duplicate value",
        at=f"{_ROUTING}.istio.virtualServices[1]",
    ),
    *(
        bad(
            "a tls route is named by nothing",
            base,
            f"{_ROUTING}.istio.{at}.tlsRoutes",
            [{}],
            "says nothing; give port, sniHosts or both",
            "a tls route is named by port, sniHosts or both",
            at=f"{_ROUTING}.istio.{at}.tlsRoutes[0]",
        )
        for base, at in (("istio", "virtualService"), ("several", "virtualServices[0]"))
    ),
    *(
        bad(
            f"the {kind} route's port is {port}",
            "several",
            f"{_ROUTING}.istio.virtualServices[1].{kind}Routes[0].port",
            port,
            f"is {port}; write a whole number from 1 to 65535",
            "should be",
        )
        for kind, port in (("tls", 0), ("tcp", 65536))
    ),
    bad(
        "a canary's subset is an additional one",
        "several",
        f"{_ROUTING}.istio.destinationRule.additionalSubsetNames",
        ["legacy", "canary"],
        "is canary, which stands for one of the two revisions; name others",
        "additionalSubsetNames has canarySubsetName or stableSubsetName",
        at=f"{_ROUTING}.istio.destinationRule.additionalSubsetNames[1]",
    ),
    bad(
        "an additional subset is named twice",
        "several",
        f"{_ROUTING}.istio.destinationRule.additionalSubsetNames",
        ["legacy", "legacy"],
        "names the subset legacy a second time",
        "Duplicate value",
        at=f"{_ROUTING}.istio.destinationRule.additionalSubsetNames[1]",
    ),
    bad(
        "a route is named twice",
        "istio",
        f"{_ROUTING}.istio.virtualService.routes",
        ["api", "api"],
        "names the route api a second time",
        "Duplicate value",
        at=f"{_ROUTING}.istio.virtualService.routes[1]",
    ),
    bad(
        "both subsets are the same",
        "subsets",
        f"{_ROUTING}.istio.destinationRule.canarySubsetName",
        "stable",
        "is stable, as stableSubsetName",
        "canarySubsetName and stableSubsetName are the same",
    ),
)
