"""Pods and weights: what a weight needs, and what pods carry (I2)."""

from dataclasses import dataclass
from typing import Final

from davy.api.rollout import RolloutSpec

_ALL: Final = 100


@dataclass(frozen=True)
class Capacity:
    """The arithmetic of one rollout."""

    full: int
    """Pods that carry all traffic, >= 0; 0 needs none."""
    floor: int = 1
    """Pods that a weight above 0 has at least, as far as the rollout has so many."""

    def carried(self, available: int) -> int:
        """The largest weight that a revision's available pods can carry (I2).

        Rounded down: a weight never runs ahead of capacity. `Capacity(5).carried(3) == 60`.

        Args:
            available: pods that were ready for minReadySeconds, >= 0.
        """
        return _ALL if available >= self.full else _ALL * available // self.full

    def needed(self, weight: int) -> int:
        """The pods that a weight needs, rounded up: `Capacity(4).needed(10) == 1`."""
        if weight == 0:
            return 0
        return max(-(-weight * self.full // _ALL), min(self.floor, self.full))


def of(spec: RolloutSpec) -> Capacity:
    """The arithmetic of a rollout with this spec."""
    return Capacity(full=spec.replicas, floor=spec.strategy.canary.min_pods_per_replica_set)
