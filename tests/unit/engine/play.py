"""Where the stories begin: a healthy rollout, and one some seconds after a new version."""

from typing import Any

from davy.api.conditions import EventReason, RolloutPhase
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.invariants import Watcher

STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 10},
    {"pause": {"duration": "5s"}},
    {"setWeight": 50},
    {"pause": {}},
    {"setWeight": 100},
)
ANALYSIS = {"analysis": {"templates": [{"templateName": "errors"}]}}
BACKGROUND = {"analysis": {"templates": [{"templateName": "errors"}]}}


def running(*steps: dict[str, Any], **more: Any) -> Cluster:
    """A healthy rollout of version 1."""
    cluster = Cluster.of(spec(*steps, **more))
    cluster.check = Watcher()
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.HEALTHY
    cluster.events.clear()
    cluster.log.clear()
    return cluster


def updating(*steps: dict[str, Any], seconds: float = 10, **more: Any) -> Cluster:
    """A rollout some seconds after version 2 was applied."""
    cluster = running(*steps, **more)
    cluster.apply(spec(*steps, version="2", **more))
    cluster.run(seconds)
    return cluster


def reasons(cluster: Cluster) -> list[EventReason]:
    """What was told since."""
    return [event.reason for event in cluster.events]


def phase(cluster: Cluster) -> RolloutPhase | None:
    """The rollout's phase now."""
    return cluster.status.phase


def pods(cluster: Cluster) -> dict[int, int]:
    """Wanted pods by revision."""
    return {found.revision: found.desired for found in cluster.sets.values()}
