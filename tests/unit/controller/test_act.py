"""What becomes of a plan's actions, whatever the plan says."""

from collections.abc import Sequence

from davy.api import errors
from davy.cluster.kinds import POD, REPLICA_SET
from davy.controller.act import Actor, Outcome
from davy.controller.observe import Observation, Observer
from davy.engine import plan
from tests.unit.controller.stage import Stage, manifest, network, playing


async def acted(stage: Stage, actions: Sequence[plan.Action]) -> Outcome:
    """The outcome of these actions on the rollout as it is observed now."""
    operator = stage.operator
    seen = Observer(operator.cache, operator.kinds, lambda _: True, operator.plugins).observe(
        stage.rollout()
    )
    assert isinstance(seen, Observation)
    return await Actor(stage.cluster, operator.cache, operator.kinds).act(seen, actions)


async def healthy(stage: Stage) -> None:
    """One revision, all traffic on it."""
    network(stage.cluster)
    stage.apply(manifest())
    await stage.until(lambda: stage.status().get("phase") == "Healthy")
    stage.cluster.writes.clear()


async def test_weights_that_dont_sum_to_100_are_never_sent() -> None:
    """I1: whatever asked for them; the last place where they can be stopped."""
    async with playing() as stage:
        await healthy(stage)
        wrong = [plan.SetWeights(60, 60, "a defect"), plan.SetWeights(30, 30, "another")]
        outcome = await acted(stage, wrong)
        assert [action for action, _ in outcome.failures] == wrong
        assert "weights 60 and 60 don't sum to 100" in str(outcome.failures[0][1])
        assert stage.cluster.writes == []


async def test_an_action_that_fails_stops_none_after_it() -> None:
    """I3: an object that is gone keeps no weight from the route."""
    async with playing() as stage:
        await healthy(stage)
        outcome = await acted(
            stage, [plan.ScaleReplicaSet("gone", 0, "it was there"), plan.SetWeights(40, 60, "go")]
        )
        (failure,) = outcome.failures
        assert isinstance(failure[1], errors.NotFound)
        assert stage.weight() == 40


async def test_what_was_written_is_in_the_cache_at_once() -> None:
    """I6: the next pass decides on it, though its watch event is still under way."""
    async with playing() as stage:
        await healthy(stage)
        stage.deaf = True
        (held,) = stage.replica_sets()
        name = held["metadata"]["name"]
        await acted(stage, [plan.ScaleReplicaSet(name, 9, "more")])
        found = stage.operator.cache.get(REPLICA_SET, "shop", name)
        assert found is not None
        assert found["spec"]["replicas"] == 9


async def test_a_canary_without_a_router_gets_no_pod_on_a_stale_rollout() -> None:
    """I3: more pods are more weight; an abort that a late watch hides is found before."""
    async with playing() as stage:
        body = manifest()
        body["spec"]["strategy"]["canary"] = {"steps": [{"setWeight": 50}, {"pause": {}}]}
        stage.apply(body)
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        body["spec"]["template"]["spec"]["containers"][0]["image"] = "cart:2"
        stage.apply(body)
        await stage.until(lambda: stage.status().get("phase") == "Paused")
        canary, stable = (
            next(
                found["metadata"]["name"]
                for found in stage.replica_sets()
                if found["metadata"]["labels"]["rollouts-pod-template-hash"]
                == stage.status()[field]
            )
            for field in ("currentPodHash", "stableRS")
        )
        operator = stage.operator
        seen = Observer(operator.cache, operator.kinds, lambda _: True, operator.plugins).observe(
            stage.rollout()
        )
        assert isinstance(seen, Observation)
        held = stage.rollout()
        stage.cluster.put(
            operator.kinds.rollout, {**held, "status": held["status"] | {"abort": True}}
        )
        more = [plan.ScaleReplicaSet(name, 4, "more") for name in (canary, stable)]
        outcome = await Actor(stage.cluster, operator.cache, operator.kinds).act(seen, more)
        [(action, error)] = outcome.failures
        assert action == more[0]
        assert isinstance(error, errors.Conflict)


async def test_an_evicted_pod_counts_no_more_though_its_watch_is_late() -> None:
    """Else it would be evicted again and again until the watch has heard of it."""
    async with playing() as stage:
        await healthy(stage)
        metadata = {"namespace": "shop", "name": "cart-1", "labels": {}}
        made = stage.cluster.put(POD, {"metadata": metadata})
        cache = stage.operator.cache
        cache.put(POD, made)
        outcome = await acted(stage, [plan.EvictPod("cart-1", made["metadata"]["uid"], "old")])
        assert (outcome.failures, outcome.written) == ([], 1)
        assert cache.get(POD, "shop", "cart-1") is None


async def test_a_deleted_replica_set_is_deleted_once_though_its_watch_is_late() -> None:
    """Each pass would send another request until the watch has heard of the first."""
    async with playing() as stage:
        await healthy(stage)
        stage.deaf = True
        (held,) = stage.replica_sets()
        metadata = {"name": "shop-old", "namespace": "shop"} | {
            field: held["metadata"][field] for field in ("labels", "ownerReferences")
        }
        made = stage.cluster.put(
            REPLICA_SET, {"metadata": metadata, "spec": held["spec"] | {"replicas": 0}}
        )
        cache = stage.operator.cache
        cache.put(REPLICA_SET, made)
        outcome = await acted(stage, [plan.DeleteReplicaSet("shop-old", "old")])
        assert (outcome.failures, outcome.written) == ([], 1)
        assert cache.get(REPLICA_SET, "shop", "shop-old") is None
