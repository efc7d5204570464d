"""What a Rollout's spec must hold where it says how many pods the revisions have."""

from collections.abc import Iterator
from typing import Final

from davy.api import capacity
from davy.api.errors import Finding
from davy.api.rollout import CanaryScale, RolloutSpec

_CANARY: Final = "spec.strategy.canary"


def findings(spec: RolloutSpec) -> Iterator[Finding]:
    """Everything wrong in what a spec says of the revisions' pods."""
    canary = spec.strategy.canary
    routed = canary.traffic_routing is not None
    if canary.min_pods_per_replica_set > 1 and not routed:
        yield Finding(
            f"{_CANARY}.minPodsPerReplicaSet",
            f"is {canary.min_pods_per_replica_set} and needs trafficRouting; without a router more "
            "pods are more weight: remove it",
        )
    enough = canary.replica_progress_threshold
    if enough and enough.type == "Percent" and enough.value > 100:  # noqa: PLR2004 - percent
        yield Finding(
            f"{_CANARY}.replicaProgressThreshold.value",
            f"is {enough.value}; write percent from 1 to 100",
        )
    for index, step in enumerate(canary.steps or ()):
        if step.set_canary_scale is None:
            continue
        path = f"{_CANARY}.steps[{index}].setCanaryScale"
        given = _given(step.set_canary_scale)
        if len(given) > 1:
            yield Finding(path, f"has {' and '.join(given)}; give one of them")
        elif not given:
            yield Finding(
                path, "says nothing; give one of replicas, weight and matchTrafficWeight: true"
            )
        if not routed:
            why = "without a router the pods are the weight: use setWeight"
            yield Finding(path, f"needs trafficRouting; {why}")


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
                f"{_CANARY}.steps[{index}].setWeight",
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
