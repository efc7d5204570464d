"""Pods and weights: what a weight needs, and what pods carry (I2)."""

from dataclasses import dataclass

from davy.api.rollout import ReplicaProgressThreshold, RolloutSpec


@dataclass(frozen=True)
class Capacity:
    """The arithmetic of one rollout."""

    full: int
    """Pods that carry all traffic, >= 0; 0 needs none."""
    floor: int = 1
    """Pods that a weight above 0 has at least, as far as the rollout has so many."""

    threshold: ReplicaProgressThreshold | None = None
    """How many of the pods that a step needs are enough; None: all."""

    total: int = 100
    """The weight that is all traffic."""

    def enough(self, pods: int) -> int:
        """Of so many pods, those that a step waits for: `replicaProgressThreshold`, rounded up."""
        if self.threshold is None:
            return pods
        if self.threshold.type == "Percent":
            return -(-pods * self.threshold.value // 100)
        return min(pods, self.threshold.value)

    def carried(self, available: int) -> int:
        """The largest weight that a revision's available pods can carry (I2).

        Rounded down: a weight never runs ahead of capacity. `Capacity(5).carried(3) == 60`.

        Args:
            available: pods that were ready for minReadySeconds, >= 0.
        """
        return self.total if available >= self.full else self.total * available // self.full

    def needed(self, weight: int) -> int:
        """The pods that a weight needs, rounded up: `Capacity(4).needed(10) == 1`."""
        if weight == 0:
            return 0
        return max(-(-weight * self.full // self.total), min(self.floor, self.full))


def of(spec: RolloutSpec) -> Capacity:
    """The arithmetic of a rollout with this spec."""
    canary = spec.strategy.canary
    return Capacity(
        full=spec.replicas,
        floor=canary.min_pods_per_replica_set,
        threshold=canary.replica_progress_threshold,
        total=canary.all_traffic,
    )
