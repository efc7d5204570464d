"""The canary's pods apart from its weight: `setCanaryScale` (I2).

It can only add pods: a weight has those that it needs first, whatever a step says of the scale.
"""

from davy.api import capacity
from davy.api.rollout import RolloutSpec
from davy.engine import managed
from davy.engine.position import Position, Stage
from davy.engine.world import Route


def asked(spec: RolloutSpec, position: Position) -> int:
    """The pods that the last setCanaryScale up to the current step asks for; 0 where none does.

    None does after `matchTrafficWeight`, nor when all steps are passed or the update is given up,
    nor of a rollout without replicas: its canary's pods would be all there are, and get requests.
    """
    if position.stage is not Stage.UPDATING or position.step is None or not spec.replicas:
        return 0
    scales = (step.set_canary_scale for step in reversed(position.steps[: position.index + 1]))
    scale = next((found for found in scales if found is not None), None)
    if scale is None or scale.match_traffic_weight:
        return 0
    if scale.replicas is not None:
        return scale.replicas
    return capacity.of(spec).needed(scale.weight or 0)


def pods(spec: RolloutSpec, route: Route, position: Position, target: int) -> int:
    """The pods for a weight and its managed routes, and those that a setCanaryScale adds."""
    load = managed.load(spec, route, position, target)
    return max(capacity.of(spec).needed(load), asked(spec, position))
