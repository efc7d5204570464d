"""What the operator's process has used and asked for, read from outside: /proc and /metrics."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from prometheus_client.parser import text_string_to_metric_families

from tests.lab import davy as davy_process
from tests.lab.component import Component

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE: Final = 1_000_000

LEASES: Final = "leases.coordination.k8s.io"
Request = tuple[str, str]
"""Verb and resource: `("patch", "rollouts/status.davy.dev")`."""


@dataclass(frozen=True)
class Reading:
    """One look at the operator since it started."""

    cpu_seconds: float
    memory_mb: float
    """Resident, in millions of bytes."""
    requests: Counter[Request] = field(default_factory=Counter)
    refused: int = 0
    """Requests that were answered with 400 or above, conflicts among them."""
    passes: int = 0
    waiting: int = 0
    """Keys that are ready or worked on."""
    events_dropped: int = 0

    @classmethod
    async def take(cls, davy: Component) -> Self:
        """The reading of this moment."""
        requests: Counter[Request] = Counter()
        tally: Counter[str] = Counter()
        for family in text_string_to_metric_families(await davy_process.metrics()):
            for sample in family.samples:
                labels = sample.labels
                match sample.name:
                    case "davy_api_requests_total":
                        requests[labels["verb"], labels["resource"]] += int(sample.value)
                        if not labels["code"].startswith("2"):
                            tally["refused"] += int(sample.value)
                    case "davy_reconcile_duration_seconds_count":
                        tally["passes"] += int(sample.value)
                    case "davy_queue_depth":
                        tally["waiting"] += int(sample.value)
                    case "davy_events_dropped_total":
                        tally["dropped"] += int(sample.value)
        return cls(
            cpu_seconds=cpu_seconds(davy.pid),
            memory_mb=memory_mb(davy.pid),
            requests=requests,
            refused=tally["refused"],
            passes=tally["passes"],
            waiting=tally["waiting"],
            events_dropped=tally["dropped"],
        )

    @property
    def writes(self) -> int:
        """Requests that change something, the lease apart."""
        return sum(
            count
            for (verb, resource), count in self.requests.items()
            if verb not in _READS and resource not in {_REVIEWS, LEASES}
        )

    @property
    def asked(self) -> int:
        """All requests but those of the lease, which never rests."""
        return sum(n for (_, resource), n in self.requests.items() if resource != LEASES)

    def since(self, before: "Reading") -> "Reading":
        """What was used and asked for from `before` to this one; memory and keys are of now."""
        return Reading(
            cpu_seconds=self.cpu_seconds - before.cpu_seconds,
            memory_mb=self.memory_mb,
            requests=self.requests - before.requests,
            refused=self.refused - before.refused,
            passes=self.passes - before.passes,
            waiting=self.waiting,
            events_dropped=self.events_dropped - before.events_dropped,
        )


_READS: Final = frozenset({"get", "list", "discover"})
_REVIEWS: Final = "selfsubjectaccessreviews.authorization.k8s.io"
"""Created to ask, not to keep."""


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, in user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / _MEGABYTE
