"""The routers, one line each, and those of others.

A package of a third party adds a router by an entry point in group `davy.routers` whose object is a
`RouterKind`. One that can't be loaded stops the start: a router that vanished would leave its
rollouts without a route.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from davy.api.errors import BrokenPlugIn, Finding, InvalidObject
from davy.api.rollout import CanaryStrategy
from davy.traffic.alb import AlbRouter
from davy.traffic.apisix import ApisixRouter
from davy.traffic.base import Router
from davy.traffic.gateway_api import GatewayApiRouter
from davy.traffic.istio import IstioRouter
from davy.traffic.nginx import NginxRouter
from davy.traffic.replica_ratio import ReplicaRatioRouter
from davy.traffic.services import CANARY
from davy.traffic.traefik import TraefikRouter

ENTRY_POINTS: Final = "davy.routers"


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
)
_WITHOUT: Final = ReplicaRatioRouter()


def router_for(canary: CanaryStrategy) -> Router:
    """The one router that the strategy names; without trafficRouting the ratio of pods.

    Raises:
        InvalidObject: it names none, or several.
        BrokenPlugIn: a third party's router can't be loaded.
    """
    if canary.traffic_routing is None:
        return _WITHOUT
    serving = [kind for kind in router_kinds() if kind.serves(canary)]
    if len(serving) == 1:
        return serving[0].router
    names = ", ".join(kind.name for kind in (serving or router_kinds()))
    wrong = f"names {len(serving)} routers" if serving else "names no router"
    sentence = f"{wrong}; name exactly one of: {names}."
    raise InvalidObject([Finding(f"{CANARY}.trafficRouting", sentence)])


@cache
def router_kinds() -> tuple[RouterKind, ...]:
    """All routers, Davy's own first; read once, at the start.

    Raises:
        BrokenPlugIn: an entry point can't be loaded, isn't a RouterKind, or takes a name twice.
    """
    kinds = [*BUILT_IN]
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        kind = _loaded(entry)
        if kind.name in {known.name for known in kinds}:
            raise BrokenPlugIn(
                f"router {entry.name} ({entry.value}): the name {kind.name} is taken; "
                f"uninstall one of the two packages."
            )
        kinds.append(kind)
    return tuple(kinds)


def _loaded(entry: EntryPoint) -> RouterKind:
    origin = f"router {entry.name} ({entry.value})"
    try:
        kind = entry.load()
    except Exception as error:
        raise BrokenPlugIn(
            f"{origin} can't be loaded: {type(error).__name__}: {error}; mend or uninstall it."
        ) from error
    if not isinstance(kind, RouterKind) or not isinstance(kind.router, Router):
        raise BrokenPlugIn(
            f"{origin} is a {type(kind).__name__}; an entry point of {ENTRY_POINTS} must be a "
            f"RouterKind with a Router."
        )
    return kind
