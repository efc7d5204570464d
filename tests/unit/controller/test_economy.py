"""What a rollout costs in requests; the bench measures the same on a real API server."""

from collections import Counter
from typing import Any

from davy.cluster.kinds import REPLICA_SET
from tests.unit.controller.stage import Stage, manifest, network, playing

STEPS: list[dict[str, Any]] = [
    {"setWeight": 10},
    {"pause": {"duration": "10s"}},
    {"setWeight": 50},
    {"pause": {"duration": "10s"}},
]


def writes(stage: Stage) -> Counter[str]:
    """Writes since the last look, by resource; leases and events aren't among them."""
    found = Counter(
        "/".join(part for part in (call.kind.plural, call.subresource) if part)
        for call in stage.cluster.writes
    )
    stage.cluster.writes.clear()
    return found


async def deployed(stage: Stage) -> None:
    """The first revision, Healthy."""
    network(stage.cluster)
    stage.apply(manifest(steps=STEPS))
    await stage.until(lambda: stage.status().get("phase") == "Healthy")
    await stage.turn(10)


async def test_a_first_deployment_costs_seven_writes() -> None:
    """Created, promoted, healthy: three statuses; each side of the split is narrowed once."""
    async with playing() as stage:
        await deployed(stage)
        assert writes(stage) == {
            "replicasets": 1,
            "rollouts": 1,
            "rollouts/status": 3,
            "destinationrules": 2,
        }


async def test_a_release_of_four_steps_costs_a_status_per_thing_that_happened() -> None:
    """Each weight once, each settled weight once, each pause's end with the weight after it."""
    async with playing() as stage:
        await deployed(stage)
        stage.cluster.writes.clear()
        stage.apply(manifest(version="2", steps=STEPS))
        await stage.turn(60)
        assert stage.status()["message"] == "Revision 2 is stable and has all traffic."
        found = writes(stage)
        assert found.pop("rollouts/status") == 15
        assert found == {
            "replicasets": 5,  # created, 1 → 2 → 4 pods, the old one's deadline, its end
            "rollouts": 2,
            "virtualservices": 4,  # 10, 50, 100, 0
            "destinationrules": 2,
        }


def some_ready(stage: Stage, ready: int) -> None:
    """One more watch event of the only ReplicaSet."""
    (found,) = stage.replica_sets()
    status = {
        "replicas": 4,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "observedGeneration": found["metadata"]["generation"],
    }
    stage.cluster.put(REPLICA_SET, {**found, "status": status})


async def test_pods_that_come_one_by_one_are_told_once_a_second() -> None:
    """And a second after the last one the status is true."""
    async with playing() as stage:
        stage.pods_come = False
        network(stage.cluster)
        stage.apply(manifest(steps=STEPS))
        await stage.turn(5)
        stage.cluster.writes.clear()
        for ready in (0, 1, 2, 3):
            some_ready(stage, ready)
            await stage.turn(0.1)
        assert writes(stage) == {"rollouts/status": 1}
        await stage.turn(1)
        assert writes(stage) == {"rollouts/status": 1}
        assert stage.status()["readyReplicas"] == 3


async def test_a_decision_is_written_though_pods_were_just_counted() -> None:
    """Only counts wait: the promotion that the last pod makes possible doesn't."""
    async with playing() as stage:
        stage.pods_come = False
        network(stage.cluster)
        stage.apply(manifest(steps=STEPS))
        await stage.turn(5)
        some_ready(stage, 3)
        await stage.turn()
        some_ready(stage, 4)
        await stage.turn()
        assert stage.status()["stableRS"] == stage.status()["currentPodHash"]
