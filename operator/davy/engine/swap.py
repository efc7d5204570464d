"""Two Services that swap their roles at a promotion (`pingPong`): no request moves for it (I4, I6).

The canary's Service has all traffic when its revision becomes stable; from then on it is stable's.
Who is killed before the status says so finds the roles as they were, who is killed after it finds
them swapped: there is no write between the two.
"""

from dataclasses import replace

from davy.api.rollout import CanaryStrategy
from davy.api.status import CanaryStatus, RolloutStatus
from davy.engine.position import Position
from davy.engine.world import Route


def after(route: Route, position: Position) -> Route:
    """The route by the roles that its Services have once the position is recorded."""
    promoted = position.stable_hash is not None and route.canary_hash == position.stable_hash
    if not route.swaps or not promoted or route.stable_hash == position.stable_hash:
        return route
    weight = route.canary_weight
    return replace(
        route,
        canary_weight=None if weight is None else route.total - weight,
        part_weight=None if route.part_weight is None else route.total - route.part_weight,
        stable_hash=route.canary_hash,
        canary_hash=route.stable_hash,
        stable_service=route.canary_service,
        canary_service=route.stable_service,
    )


def told(canary: CanaryStrategy, route: Route, status: RolloutStatus) -> str | None:
    """`status.canary.stablePingPong`: which of the two Services is stable's.

    Kept where the route doesn't say; and where stableService and canaryService have the roles that
    a pingPong before them left, until they have their own.
    """
    before = (status.canary or CanaryStatus()).stable_ping_pong
    if canary.ping_pong is not None:
        return canary.ping_pong.side(route.stable_service) or before
    return before if canary.stable_service not in {None, route.stable_service} else None
