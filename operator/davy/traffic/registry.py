"""The routers, one line each, and those of other packages, by the name of their plugin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from davy.api.errors import Finding, InvalidObject
from davy.api.rollout import CanaryStrategy
from davy.plugins.calls import Calls
from davy.plugins.installed import Installed
from davy.traffic.alb import AlbRouter
from davy.traffic.apisix import ApisixRouter
from davy.traffic.base import Router
from davy.traffic.contour import ContourRouter
from davy.traffic.gateway_api import GatewayApiRouter
from davy.traffic.istio import IstioRouter
from davy.traffic.nginx import NginxRouter
from davy.traffic.plugin import REST_SECONDS, PluginRouter
from davy.traffic.replica_ratio import ReplicaRatioRouter
from davy.traffic.services import CANARY
from davy.traffic.traefik import TraefikRouter


@dataclass(frozen=True)
class RouterKind:
    """A router, and which rollouts are its own."""

    name: str
    serves: Callable[[CanaryStrategy], bool]
    """Whether the strategy's trafficRouting names it."""
    router: Router


BUILT_IN: Final = (
    RouterKind("istio", lambda canary: canary.routing.istio is not None, IstioRouter()),
    RouterKind(
        "gatewayAPI",
        lambda canary: bool(canary.gateway_routes),
        GatewayApiRouter(),
    ),
    RouterKind("nginx", lambda canary: canary.routing.nginx is not None, NginxRouter()),
    RouterKind("alb", lambda canary: canary.routing.alb is not None, AlbRouter()),
    RouterKind("traefik", lambda canary: canary.routing.traefik is not None, TraefikRouter()),
    RouterKind("apisix", lambda canary: canary.routing.apisix is not None, ApisixRouter()),
    RouterKind("contour", lambda canary: bool(canary.contour_proxies), ContourRouter()),
)
_WITHOUT: Final = ReplicaRatioRouter()


class Routers:
    """The routers of one process.

    Args:
        installed: plugins of other packages.
    """

    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        self._calls = Calls(most=1, rest=REST_SECONDS)

    def router_for(self, canary: CanaryStrategy) -> Router:
        """The one router that the strategy names; without trafficRouting the ratio of pods.

        Raises:
            InvalidObject: it names none, or several.
            BrokenPlugIn: it names a plugin that isn't there.
        """
        if canary.traffic_routing is None:
            return _WITHOUT
        serving = [kind for kind in BUILT_IN if kind.serves(canary)]
        others = canary.routing.plugins.others if canary.routing.plugins else {}
        if not serving and len(others) == 1:
            ((name, config),) = others.items()
            return PluginRouter(name, self._installed, config, self._calls)
        if len(serving) == 1 and not others:
            return serving[0].router
        named = [*(kind.name for kind in serving), *others]
        names = ", ".join(named or (kind.name for kind in BUILT_IN))
        wrong = f"names {len(named)} routers" if named else "names no router"
        sentence = f"{wrong}; name exactly one of: {names}."
        raise InvalidObject([Finding(f"{CANARY}.trafficRouting", sentence)])
