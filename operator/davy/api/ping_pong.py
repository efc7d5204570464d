"""`pingPong`: two Services that swap their roles at a promotion, so that no selector moves."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import Field

from davy.api.errors import Finding
from davy.api.fields import Model, ObjectName

if TYPE_CHECKING:
    from davy.api.rollout import CanaryStrategy

_CANARY: Final = "spec.strategy.canary"
_PATH: Final = f"{_CANARY}.pingPong"


class Side(StrEnum):
    """One of the two Services; `status.canary.stablePingPong` says which is stable's."""

    PING = "ping"
    PONG = "pong"


class PingPong(Model):
    """The two Services."""

    ping_service: ObjectName = Field(
        description="Stable's Service at first. A promotion makes it the canary's, the next one "
        "stable's again; status.canary.stablePingPong says which of the two is stable's now."
    )
    pong_service: ObjectName = Field(
        description="The canary's Service at first. A promotion makes it stable's, and so on."
    )

    @property
    def names(self) -> tuple[str, str]:
        """Ping's and pong's."""
        return self.ping_service, self.pong_service

    def side(self, service: str | None) -> Side | None:
        """Which of the two a Service is; None: neither."""
        named = {self.pong_service: Side.PONG, self.ping_service: Side.PING}
        return named.get(service) if service else None


def findings(canary: "CanaryStrategy") -> Iterator[Finding]:
    """What keeps two Services from swapping their roles."""
    if canary.ping_pong is None:
        return
    ping, pong = canary.ping_pong.names
    if ping == pong:
        sentence = f"is {pong}, as pingService; two Services tell the revisions apart"
        yield Finding(f"{_PATH}.pongService", sentence)
    for field, name in (
        ("canaryService", canary.canary_service),
        ("stableService", canary.stable_service),
    ):
        if name:
            yield Finding(
                f"{_CANARY}.{field}",
                "is set beside pingPong, whose Services have this role in turn; remove one of the "
                "two",
            )
    if why := unfit(canary):
        yield Finding(_PATH, why)


def unfit(canary: "CanaryStrategy") -> str:
    """Why the strategy's router can't take two Services that swap their roles; "": it can."""
    routing = canary.routing
    if canary.traffic_routing is None:
        return "needs trafficRouting; without a router there is no weight to swap: remove it"
    if routing.istio and routing.istio.destination_rule:
        return "swaps two Services, but istio.destinationRule splits one into subsets; remove one"
    if routing.nginx:
        return (
            "doesn't go with nginx, whose canary Ingress stands beside the Ingress of one Service; "
            "use canaryService and stableService"
        )
    if routing.alb and not routing.alb.root_service:
        return (
            "needs alb.rootService: the backend in the Ingress that stands for the split, whose "
            "name mustn't change with the roles"
        )
    return ""
