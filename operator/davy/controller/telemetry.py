"""The operator's own metrics. No label per object: a cluster may have thousands."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from davy.cluster.cache import Cache
from davy.cluster.failures import Call
from davy.cluster.kinds import Kinds
from davy.controller.queue import Queue
from davy.controller.watches import Watches

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Telemetry:
    """Counters that the operator turns; one registry per operator."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.passes = Histogram(
            "davy_reconcile_duration_seconds",
            "Duration of a pass, by kind of object and outcome (done, again, retry, gone).",
            ["kind", "outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.waited = Histogram(
            "davy_queue_latency_seconds",
            "How long a key waited for a worker.",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.failures = Counter(
            "davy_reconcile_errors_total",
            "Passes that failed, by kind of object and class of error.",
            ["kind", "reason"],
            registry=self.registry,
        )
        self.requests = Counter(
            "davy_api_requests_total",
            "Requests to the API server, watches not counted, by verb, resource and HTTP status.",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "davy_api_request_duration_seconds",
            "Duration of requests to the API server.",
            ["verb"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.lost = Counter(
            "davy_lost_watch_events_total",
            "Changes that only a resync's list showed, by kind.",
            ["kind"],
            registry=self.registry,
        )
        self.events_dropped = Counter(
            "davy_events_dropped_total",
            "Kubernetes Events that weren't posted, by reason.",
            ["reason"],
            registry=self.registry,
        )

    def request(self, call: Call, code: str, seconds: float) -> None:
        """One request to the API server."""
        self.requests.labels(call.verb, call.resource, code).inc()
        self.seconds.labels(call.verb).observe(seconds)

    def observe(self, state: "State") -> None:
        """Read these on each scrape."""
        self.registry.register(state)


@dataclass(frozen=True, eq=False)
class State(Collector):
    """What is read when somebody scrapes."""

    queue: Queue
    watches: Watches
    cache: Cache
    kinds: Kinds
    leads: Callable[[], bool]

    def collect(self) -> Iterator[Metric]:
        """Gauges of this moment."""
        yield GaugeMetricFamily(
            "davy_leads", "1 on the replica that acts, 0 on those that wait.", value=self.leads()
        )
        depth = GaugeMetricFamily(
            "davy_queue_depth", "Keys by state (ready, active).", labels=["state"]
        )
        depth.add_metric(["ready"], len(self.queue))
        depth.add_metric(["active"], self.queue.active)
        yield depth
        age = GaugeMetricFamily(
            "davy_watch_age_seconds", "Seconds since a kind's watch was heard of.", labels=["kind"]
        )
        ages: dict[str, float] = {}
        for (kind, _), seconds in self.watches.ages().items():
            ages[kind.kind] = max(seconds, ages.get(kind.kind, 0.0))
        for name, seconds in ages.items():
            age.add_metric([name], seconds)
        yield age
        phases = Tally(
            str((found.get("status") or {}).get("phase") or "Unknown")
            for found in self.cache.all(self.kinds.rollout)
        )
        rollouts = GaugeMetricFamily("davy_rollouts", "Rollouts by phase.", labels=["phase"])
        for phase, count in phases.items():
            rollouts.add_metric([phase], count)
        yield rollouts
