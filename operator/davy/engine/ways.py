"""The two ways of an update, and which rollouts go which."""

from typing import Final

from davy.api.rollout import RolloutSpec
from davy.engine.by_pods import ByPods
from davy.engine.by_route import ByRoute
from davy.engine.way import Way

_BY_ROUTE: Final = ByRoute()
_BY_PODS: Final = ByPods()


def of(spec: RolloutSpec) -> Way:
    """By a route where the spec has a router, else by counting pods."""
    return _BY_PODS if spec.strategy.canary.traffic_routing is None else _BY_ROUTE
