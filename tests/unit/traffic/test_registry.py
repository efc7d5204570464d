"""The registry: which router a rollout gets."""

import pytest

from davy.api.errors import BrokenPlugIn, InvalidObject
from davy.api.rollout import CanaryStrategy, TrafficRouting
from davy.plugins.installed import Installed
from davy.traffic.alb import AlbRouter
from davy.traffic.apisix import ApisixRouter
from davy.traffic.base import Json, Router
from davy.traffic.contour import ContourRouter
from davy.traffic.gateway_api import GatewayApiRouter
from davy.traffic.istio import IstioRouter
from davy.traffic.nginx import NginxRouter
from davy.traffic.registry import Routers
from davy.traffic.replica_ratio import ReplicaRatioRouter
from davy.traffic.traefik import TraefikRouter
from tests.unit.traffic.ingresses import by_action, by_ingresses
from tests.unit.traffic.routes import (
    a_rollout,
    by_apisix_route,
    by_http_proxies,
    by_http_routes,
    by_services,
    by_subsets,
    by_traefik_service,
    without_router,
)

ISTIO: Json = {"virtualService": {"name": "cart"}}
HTTP_ROUTES: Json = {"httpRoutes": [{"name": "cart"}]}
PLUGIN: Json = {"argoproj-labs/gatewayAPI": {"httpRoute": "cart"}}

ROUTERS = Routers(Installed())


@pytest.mark.parametrize(
    ("canary", "kind"),
    [
        (by_services().canary, IstioRouter),
        (by_subsets().canary, IstioRouter),
        (by_http_routes().canary, GatewayApiRouter),
        (a_rollout({"plugins": PLUGIN}).canary, GatewayApiRouter),
        (by_ingresses().canary, NginxRouter),
        (by_action().canary, AlbRouter),
        (by_traefik_service().canary, TraefikRouter),
        (by_apisix_route().canary, ApisixRouter),
        (by_http_proxies().canary, ContourRouter),
        (without_router().canary, ReplicaRatioRouter),
    ],
    ids=[
        "services",
        "subsets",
        "HTTPRoutes",
        "Argo's plugin",
        "nginx",
        "alb",
        "traefik",
        "apisix",
        "contour",
        "none",
    ],
)
def test_a_rollout_gets_the_router_it_names(canary: CanaryStrategy, kind: type[Router]) -> None:
    """One line each in the registry."""
    assert isinstance(ROUTERS.router_for(canary), kind)


@pytest.mark.parametrize(
    ("routing", "sentence"),
    [
        (
            {},
            (
                "names no router; name exactly one of: istio, gatewayAPI, nginx, alb, traefik, "
                "apisix, contour."
            ),
        ),
        (
            {"istio": ISTIO, "gatewayAPI": HTTP_ROUTES},
            "names 2 routers; name exactly one of: istio, gatewayAPI.",
        ),
    ],
    ids=["none", "two"],
)
def test_no_router_and_two_routers_are_refused(routing: Json, sentence: str) -> None:
    """I1: two routers would each split the traffic of the other."""
    canary = a_rollout({"istio": ISTIO}).canary.model_copy(
        update={"traffic_routing": _unchecked(routing)}
    )
    with pytest.raises(InvalidObject) as refused:
        ROUTERS.router_for(canary)
    assert str(refused.value) == f"spec.strategy.canary.trafficRouting: {sentence}"


def _unchecked(routing: Json) -> object:
    """The routing as a router sees it when no webhook or schema stood before it."""
    valid = [a_rollout({name: value}).canary.traffic_routing for name, value in routing.items()]
    fields = {
        name: getattr(part, name)
        for part in valid
        for name in ("istio", "gateway_api")
        if getattr(part, name) is not None
    }
    nothing = dict.fromkeys(TrafficRouting.model_fields)
    template = a_rollout({"istio": ISTIO}).canary.routing
    return template.model_copy(update={**nothing, **fields})


def test_a_plugin_that_nobody_installed_is_refused() -> None:
    """By its name, with those that there are."""
    canary = a_rollout({"plugins": {"acme/router": {}}}).canary
    with pytest.raises(BrokenPlugIn, match="no router plugin acme/router, installed are: none"):
        ROUTERS.router_for(canary)
