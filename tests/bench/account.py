"""The figures of a size, and how they become JSON and a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from tests.bench.meter import LEASES, Reading, Request

Json = dict[str, Any]

_PURPOSES: Final[Mapping[Request, str]] = {
    ("patch", "rollouts/status.davy.dev"): "status",
    ("patch", "rollouts.davy.dev"): "revision and finalizer",
    ("create", "events"): "events",
    ("patch", "events"): "events",
    ("patch", LEASES): "lease",
    ("create", "replicasets.apps"): "ReplicaSet created",
    ("patch", "replicasets.apps"): "ReplicaSet scaled or drained",
    ("delete", "replicasets.apps"): "ReplicaSet deleted",
    ("patch", "virtualservices.networking.istio.io"): "weights",
    ("patch", "destinationrules.networking.istio.io"): "destinations",
    ("patch", "services"): "destinations",
}
"""What a request is for; others are told by verb and resource."""


@dataclass
class Phase:
    """So many rollouts created, or updated."""

    rollouts: int
    asked_seconds: float
    """Until the last edit was sent."""
    seconds: float
    """From the first edit to the last rollout done."""
    cpu_ms: float
    """The operator's, per rollout."""
    passes: float
    """Per rollout."""
    requests: dict[str, float]
    """Per rollout, by purpose."""
    refused: int
    events_dropped: int
    latency_p50_ms: float
    """From an edit to its first write."""
    latency_p99_ms: float

    @classmethod
    def of(
        cls,
        rollouts: int,
        asked: float,
        seconds: float,
        latencies: Sequence[float],
        used: Reading,
    ) -> Self:
        """The phase's account."""
        return cls(
            rollouts=rollouts,
            asked_seconds=round(asked, 2),
            seconds=round(seconds, 2),
            cpu_ms=round(1000 * used.cpu_seconds / rollouts, 2),
            passes=round(used.passes / rollouts, 2),
            requests={what: round(n / rollouts, 2) for what, n in by_purpose(used).items()},
            refused=used.refused,
            events_dropped=used.events_dropped,
            latency_p50_ms=round(1000 * quantile(latencies, 0.5), 1),
            latency_p99_ms=round(1000 * quantile(latencies, 0.99), 1),
        )


@dataclass
class Idle:
    """Nothing goes on."""

    cpu_percent: float
    """Of one core."""
    requests: dict[str, float]
    """Per minute, by purpose; watches are not among them."""
    memory_mb: float

    @classmethod
    def of(cls, seconds: float, used: Reading) -> Self:
        """What was used in so many seconds."""
        return cls(
            cpu_percent=round(100 * used.cpu_seconds / seconds, 2),
            requests={what: round(60 * n / seconds, 1) for what, n in by_purpose(used).items()},
            memory_mb=round(used.memory_mb, 1),
        )


@dataclass
class Start:
    """The operator started beside rollouts that are at rest."""

    ready_seconds: float
    """From the process's start until it says that its caches are whole."""
    seconds: float
    """Until it has looked at every rollout."""
    cpu_seconds: float
    writes: int
    memory_mb: float

    @classmethod
    def of(cls, ready: float, seconds: float, used: Reading) -> Self:
        """What the start took."""
        return cls(
            ready_seconds=round(ready, 2),
            seconds=round(seconds, 2),
            cpu_seconds=round(used.cpu_seconds, 2),
            writes=used.writes,
            memory_mb=round(used.memory_mb, 1),
        )


@dataclass
class Size:
    """Everything that was measured with so many rollouts."""

    rollouts: int
    empty_mb: float = 0.0
    """Memory before there was any rollout."""
    create: Phase | None = None
    idle: Idle | None = None
    start: Start | None = None
    alone_ms: list[float] = field(default_factory=list)
    """From an edit to its first write, one edit at a time; sorted."""
    update: Phase | None = None
    peak_mb: float = 0.0
    """Memory when the updates were done."""

    def as_json(self) -> Json:
        """For `Size.from_json`, and for whoever compares."""
        return asdict(self)

    @classmethod
    def from_json(cls, held: Json) -> Self:
        """The account that `as_json` wrote."""
        parts = {"create": Phase, "idle": Idle, "start": Start, "update": Phase}
        return cls(
            **{name: parts[name](**held[name]) if name in parts else held[name] for name in held}
        )


def by_purpose(used: Reading) -> dict[str, int]:
    """Requests by what they are for, the most frequent first."""
    found: Counter[str] = Counter()
    for request, count in used.requests.items():
        found[_PURPOSES.get(request, " ".join(request))] += count
    return dict(found.most_common())


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of the values doesn't exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
