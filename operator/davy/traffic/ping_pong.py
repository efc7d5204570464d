"""Two Services that swap their roles at a promotion: which of them is stable's now.

The Services say it themselves: one that is narrowed to the stable revision is stable's. So a
promotion moves nothing: the status names another stable revision, and with it the roles have
swapped, in one write. What the status says of the roles is for people, and for when the Services
say nothing.
"""

from dataclasses import replace

from davy.api.ping_pong import Side, unfit
from davy.api.rollout import CanaryStrategy
from davy.traffic.base import Objects, RoutedRollout, Router, RouteState


def swaps(canary: CanaryStrategy, said: str | None) -> bool:
    """Whether two Services have the roles in turn.

    stableService and canaryService too, as long as the status speaks of a pingPong that was there
    before: it may have left them the other way round.

    Args:
        canary: as the user wrote it.
        said: `status.canary.stablePingPong`.
    """
    left = canary.stable_service and canary.canary_service and said and not unfit(canary)
    return bool(canary.ping_pong or left)


def with_roles(canary: CanaryStrategy, said: str | None) -> CanaryStrategy:
    """The strategy as routers read it: a Service for each role, as the status has them."""
    if canary.ping_pong is None:
        return canary
    ping, pong = canary.ping_pong.names
    return _with(canary, pong, ping) if said == Side.PONG else _with(canary, ping, pong)


def read(
    router: Router, rollout: RoutedRollout, objects: Objects, stable_hash: str | None
) -> tuple[RoutedRollout, RouteState]:
    """The rollout with the roles that its Services have now, and what its route says by them.

    One of the two alone is narrowed to the stable revision: it is stable's. Both are: the one with
    more of the traffic is, so that least of it moves.

    Args:
        router: that leads by them.
        rollout: of `with_roles`.
        objects: of its route.
        stable_hash: `status.stableRS`.
    """
    state = router.read(rollout, objects)
    canary = rollout.canary
    stable_led, canary_led = (
        stable_hash is not None and found == stable_hash
        for found in (state.stable_hash, state.canary_hash)
    )
    weight = state.part_weight if state.canary_weight is None else state.canary_weight
    has_most = 2 * (weight or 0) > canary.all_traffic
    if not canary_led or (stable_led and not has_most):
        return rollout, state
    swapped = replace(rollout, canary=_with(canary, canary.canary_service, canary.stable_service))
    return swapped, router.read(swapped, objects)


def _with(canary: CanaryStrategy, stable: str | None, other: str | None) -> CanaryStrategy:
    return canary.model_copy(update={"stable_service": stable, "canary_service": other})
