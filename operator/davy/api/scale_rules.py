"""What a Rollout's spec must hold where it says weights and how many pods the revisions have."""

from collections.abc import Iterator
from typing import Final

from davy.api import capacity
from davy.api.errors import Finding
from davy.api.rollout import CanaryScale, CanaryStrategy, RolloutSpec

_CANARY: Final = "spec.strategy.canary"
_STEPS: Final = f"{_CANARY}.steps"
_PERCENT: Final = 100
_ANY_TOTAL: Final = {"gatewayAPI", "contour", "plugins"}


def findings(spec: RolloutSpec) -> Iterator[Finding]:
    """Everything wrong in what a spec says of weights and of the revisions' pods."""
    canary = spec.strategy.canary
    yield from _weights(canary)
    yield from _scales(canary)
    yield from _dynamic(canary)
    if canary.min_pods_per_replica_set > 1 and not canary.traffic_routing:
        yield Finding(
            f"{_CANARY}.minPodsPerReplicaSet",
            f"is {canary.min_pods_per_replica_set} and needs trafficRouting; without a router more "
            "pods are more weight: remove it",
        )
    if canary.scale_down_delay_revision_limit is not None and not canary.traffic_routing:
        yield Finding(
            f"{_CANARY}.scaleDownDelayRevisionLimit",
            "needs trafficRouting; without a router nothing is delayed: remove it",
        )
    enough = canary.replica_progress_threshold
    if enough and enough.type == "Percent" and enough.value > _PERCENT:
        yield Finding(
            f"{_CANARY}.replicaProgressThreshold.value",
            f"is {enough.value}; write percent from 1 to 100",
        )


def _weights(canary: CanaryStrategy) -> Iterator[Finding]:
    most = canary.all_traffic
    others = sorted({*canary.routing.given} - _ANY_TOTAL)
    if others and most != _PERCENT:
        yield Finding(
            f"{_CANARY}.trafficRouting.maxTrafficWeight",
            f"is {most}; the weights of {others[0]} are percent: remove it",
        )
    for index, step in enumerate(canary.steps or ()):
        scale = step.set_canary_scale.weight if step.set_canary_scale else None
        for field, weight in (("setWeight", step.set_weight), ("setCanaryScale.weight", scale)):
            if weight is not None and weight > most:
                found = f"is {weight}; weights are whole numbers from 0 to {most}"
                yield Finding(f"{_STEPS}[{index}].{field}", found)


def _scales(canary: CanaryStrategy) -> Iterator[Finding]:
    for index, step in enumerate(canary.steps or ()):
        if step.set_canary_scale is None:
            continue
        path = f"{_STEPS}[{index}].setCanaryScale"
        given = _given(step.set_canary_scale)
        if len(given) > 1:
            yield Finding(path, f"has {' and '.join(given)}; give one of them")
        elif not given:
            yield Finding(
                path, "says nothing; give one of replicas, weight and matchTrafficWeight: true"
            )
        if not canary.traffic_routing:
            why = "without a router the pods are the weight: use setWeight"
            yield Finding(path, f"needs trafficRouting; {why}")


def _dynamic(canary: CanaryStrategy) -> Iterator[Finding]:
    if not canary.dynamic_stable_scale:
        return
    path = f"{_CANARY}.dynamicStableScale"
    if not canary.traffic_routing:
        why = "without a router the pods are the weight: remove it"
        yield Finding(path, f"needs trafficRouting; {why}")
    elif canary.scale_down_delay_seconds is not None:
        yield Finding(path, "and scaleDownDelaySeconds exclude each other; remove one")


def doubts(spec: RolloutSpec) -> Iterator[Finding]:
    """Steps whose weight needs more pods than the scale that is in force gives the canary."""
    scale: CanaryScale | None = None
    for index, step in enumerate(spec.strategy.canary.steps or ()):
        if step.set_canary_scale is not None:
            scale = step.set_canary_scale
        if step.set_weight is None or scale is None or scale.match_traffic_weight:
            continue
        asked, needs = _pods(scale, spec), capacity.of(spec).needed(step.set_weight)
        if asked < needs:
            yield Finding(
                f"{_STEPS}[{index}].setWeight",
                f"is {step.set_weight}, which needs {needs} pods; the setCanaryScale before it "
                f"asks for {asked}: the canary gets {needs}",
            )


def _given(scale: CanaryScale) -> list[str]:
    fields = {
        "replicas": scale.replicas is not None,
        "weight": scale.weight is not None,
        "matchTrafficWeight": bool(scale.match_traffic_weight),
    }
    return [name for name, is_set in fields.items() if is_set]


def _pods(scale: CanaryScale, spec: RolloutSpec) -> int:
    if scale.replicas is not None:
        return scale.replicas
    return capacity.of(spec).needed(scale.weight or 0)
