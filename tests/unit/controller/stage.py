"""A whole operator in memory: a simulated cluster, a clock turned by hand, pods on demand.

Everything is the real thing but the API server, kopf (its events are handed in) and time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from davy.cluster.cache import Json
from davy.cluster.kinds import DESTINATION_RULE, EVENT, REPLICA_SET, SERVICE, VIRTUAL_SERVICE
from davy.controller.service import Operator
from davy.controller.settings import Settings
from davy.metrics.registry import Registry
from davy.plugins.installed import Installed
from tests.sim.clock import TurnedClock
from tests.sim.cluster import GONE, Change, Cluster, ready
from tests.sim.plugins import AtOnce

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class FakeProvider:
    """Answers what the test put in, after as long as the test says."""

    answer: Answered | NotAnswered = field(default_factory=lambda: Answered([0.0]))
    asked: list[Metric] = field(default_factory=list)
    release: asyncio.Event | None = None
    """When set: no answer before this event."""

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """See `Provider.measure`."""
        self.asked.append(metric)
        if self.release is not None:
            await self.release.wait()
        return self.answer

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Stage:
    """What a test acts on."""

    cluster: Cluster
    clock: TurnedClock
    operator: Operator
    provider: FakeProvider
    pods_come: bool = True
    """Every ReplicaSet's pods are available as soon as somebody looks."""
    deaf: bool = False
    """Watch events are lost."""

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, with pods coming."""
        await self.clock.turn(seconds, self._pods)

    async def until(self, true: Callable[[], Any], *, within: float = 120.0) -> None:
        """Turn the clock until something holds; if it never does, the AssertionError tells all."""
        passed = 0.0
        while not true():
            assert passed < within, f"not within {within} s: {self.status()}"
            await self.turn(0.5)
            passed += 0.5

    def rollout(self, name: str = "cart") -> Json:
        """The Rollout as the server has it."""
        found = self.cluster.peek(self.operator.kinds.rollout, "shop", name)
        assert found is not None
        return found

    def status(self, name: str = "cart") -> Json:
        """Its status."""
        return self.rollout(name).get("status") or {}

    def replica_sets(self) -> list[Json]:
        """All ReplicaSets."""
        return self.cluster.every(REPLICA_SET)

    def weight(self) -> int:
        """The canary's weight in the VirtualService."""
        found = self.cluster.peek(VIRTUAL_SERVICE, "shop", "cart")
        assert found is not None
        route = found["spec"]["http"][0]["route"]
        return int(
            next(each["weight"] for each in route if each["destination"]["subset"] == "canary")
        )

    def events(self) -> list[str]:
        """`Reason: message` of every event, oldest first."""
        found = sorted(
            self.cluster.every(EVENT), key=lambda e: int(e["metadata"]["resourceVersion"])
        )
        return [f"{event['reason']}: {event['message']}" for event in found]

    def apply(self, manifest: Json) -> None:
        """A user's apply: the spec is replaced, the rest stays."""
        kind = self.operator.kinds.rollout
        held = self.cluster.peek(kind, "shop", manifest["metadata"]["name"])
        self.cluster.put(kind, {**(held or manifest), "spec": manifest["spec"]})

    def hear(self, change: Change) -> None:
        """A watch event."""
        if not self.deaf and change.kind in self.operator.kinds.watched:
            event = "DELETED" if change.type == GONE else change.type
            self.operator.seen(change.kind, event, change.object)

    def _pods(self) -> None:
        if self.pods_come:
            for _ in ready(self.cluster):
                pass


@asynccontextmanager
async def playing(
    cluster: Cluster | None = None,
    clock: TurnedClock | None = None,
    plugins: Installed | None = None,
    **settings: Any,
) -> AsyncIterator[Stage]:
    """An operator that runs on a cluster, caches whole; stopped after the block."""
    cluster = cluster or Cluster()
    clock = clock or TurnedClock(START)
    provider = FakeProvider()
    operator = Operator(cluster, Settings(**settings), clock, plugins=plugins or Installed())
    operator.steps.calls = AtOnce()
    operator.providers = operator.measurer.providers = Registry({"prometheus": lambda: provider})
    stage = Stage(cluster, clock, operator, provider)
    cluster.watch(stage.hear)
    tasks = [asyncio.create_task(job) for job in operator.jobs().values()]
    for stream in operator.watches.streams():
        operator.watches.begun(stream)
    await stage.turn()
    try:
        yield stage
    finally:
        stage.deaf = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await operator.measurer.close()


def network(cluster: Cluster) -> None:
    """The Service, VirtualService and DestinationRule of `cart`."""
    cluster.put(
        SERVICE,
        {
            "metadata": {"namespace": "shop", "name": "cart"},
            "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80}]},
        },
    )
    cluster.put(
        DESTINATION_RULE,
        {
            "metadata": {"namespace": "shop", "name": "cart"},
            "spec": {
                "host": "cart",
                "subsets": [
                    {"name": "stable", "labels": {"app": "cart"}},
                    {"name": "canary", "labels": {"app": "cart"}},
                ],
            },
        },
    )
    route = [
        {"destination": {"host": "cart", "subset": "stable"}, "weight": 100},
        {"destination": {"host": "cart", "subset": "canary"}, "weight": 0},
    ]
    cluster.put(
        VIRTUAL_SERVICE,
        {
            "metadata": {"namespace": "shop", "name": "cart"},
            "spec": {"hosts": ["cart"], "http": [{"name": "primary", "route": route}]},
        },
    )


def manifest(*, version: str = "1", steps: list[Json] | None = None, replicas: int = 4) -> Json:
    """The Rollout `cart`."""
    return {
        "metadata": {"namespace": "shop", "name": "cart"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "cart"}},
            "strategy": {
                "canary": {
                    "scaleDownDelaySeconds": 5,
                    "trafficRouting": {
                        "istio": {
                            "virtualService": {"name": "cart"},
                            "destinationRule": {
                                "name": "cart",
                                "stableSubsetName": "stable",
                                "canarySubsetName": "canary",
                            },
                        }
                    },
                    "steps": steps
                    or [{"setWeight": 10}, {"pause": {"duration": "10s"}}, {"setWeight": 50}],
                }
            },
            "template": {
                "metadata": {"labels": {"app": "cart"}},
                "spec": {"containers": [{"name": "cart", "image": f"cart:{version}"}]},
            },
        },
    }
