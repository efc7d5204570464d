"""Whole rollouts through the whole operator, in memory and on a virtual clock."""

from tests.unit.controller.stage import manifest, network, playing


async def test_a_first_deployment_needs_no_steps() -> None:
    """The first revision is stable as soon as its pods are available."""
    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        (only,) = stage.replica_sets()
        assert only["spec"]["replicas"] == 4
        assert (
            stage.status()["stableRS"] == only["metadata"]["labels"]["rollouts-pod-template-hash"]
        )
        assert stage.weight() == 0


async def test_a_good_release_goes_through_its_steps_and_is_promoted() -> None:
    """I6: 10, pause, 50, 100; the old ReplicaSet goes after its delay."""
    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        first = stage.status()["stableRS"]
        stage.apply(manifest(version="2"))
        await stage.until(lambda: stage.weight() == 10)
        await stage.turn(5)
        assert stage.weight() == 10
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        assert stage.status()["stableRS"] != first
        await stage.until(
            lambda: sorted(found["spec"]["replicas"] for found in stage.replica_sets()) == [0, 4]
        )


async def test_an_idle_rollout_costs_no_request() -> None:
    """Nothing is read or written for a rollout that is at rest."""
    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        await stage.turn(60)
        stage.cluster.writes.clear()
        stage.cluster.reads.clear()
        await stage.turn(200)
        assert stage.cluster.writes == []
        assert stage.cluster.reads == []


async def test_a_release_without_a_router_goes_by_its_pods() -> None:
    """No route, no mesh, no finalizer: 1 of 4 pods, 2 of 4, all, and nothing else is written."""
    async with playing() as stage:
        body = manifest()
        steps = body["spec"]["strategy"]["canary"]["steps"]
        body["spec"]["strategy"]["canary"] = {"steps": steps, "maxSurge": 1, "maxUnavailable": 0}
        stage.apply(body)
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        body["spec"]["template"]["spec"]["containers"][0]["image"] = "cart:2"
        stage.apply(body)
        await stage.until(lambda: stage.status().get("phase") == "Paused")
        assert sorted(found["spec"]["replicas"] for found in stage.replica_sets()) == [1, 4]
        traffic = stage.status()["traffic"]
        assert (traffic["wanted"], traffic["written"], traffic["verified"]) == (10, 20, 20)
        assert "finalizers" not in stage.rollout()["metadata"]
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        assert sorted(found["spec"]["replicas"] for found in stage.replica_sets()) == [0, 4]
