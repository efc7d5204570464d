"""What goes wrong around a pass, through the whole operator in memory."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from davy.api import errors
from davy.cluster.kinds import LEASE, REPLICA_SET, VIRTUAL_SERVICE, Kind
from tests.sim.cluster import Call, Cluster
from tests.unit.controller.stage import Stage, manifest, network, playing


async def at_weight_10(stage: Stage) -> None:
    """Revision 2 waits at weight 10 for a person."""
    steps: list[dict[str, Any]] = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]
    network(stage.cluster)
    stage.apply(manifest(steps=steps))
    await stage.until(lambda: stage.status().get("phase") == "Healthy")
    stage.apply(manifest(version="2", steps=steps))
    await stage.until(lambda: stage.status().get("phase") == "Paused" and stage.weight() == 10)


def edit_status(stage: Stage, **fields: object) -> None:
    """A verb."""

    def change(rollout: dict[str, object]) -> None:
        status = rollout.setdefault("status", {})
        assert isinstance(status, dict)
        status.update(fields)

    stage.cluster.edit(stage.operator.kinds.rollout, "shop", "cart", change)


async def test_an_abort_reaches_the_route_though_nothing_else_can_be_written() -> None:
    """I3: ReplicaSets, status and finalizer are refused; the weights go to stable all the same."""
    async with playing() as stage:
        await at_weight_10(stage)
        stage.cluster.faults.append(
            lambda call: (
                errors.Unreachable("busy", status=503)
                if call.verb in {"create", "patch"} and call.kind != VIRTUAL_SERVICE
                else None
            )
        )
        edit_status(stage, abort=True)
        await stage.turn(1)
        assert stage.weight() == 0


async def test_a_route_that_refuses_weights_says_so_in_the_status() -> None:
    """I10: the status names the failure; when it passes the rollout goes on by itself."""
    async with playing() as stage:
        await at_weight_10(stage)

        def refuse(call: Call) -> Exception | None:
            if call.kind == VIRTUAL_SERVICE and call.verb == "patch":
                return errors.Forbidden("RBAC doesn't allow it: grant the verb patch", status=403)
            return None

        stage.cluster.faults.append(refuse)
        edit_status(stage, pauseConditions=None)
        await stage.until(lambda: "grant the verb patch" in stage.status()["message"])
        warnings = [told for told in stage.events() if told.startswith("TrafficRoutingError")]
        assert len(warnings) == 1
        assert not any("10 → 50" in told for told in stage.events())
        stage.cluster.faults.clear()
        await stage.until(lambda: stage.status().get("phase") == "Healthy", within=300)


@pytest.mark.parametrize("answered", [[VIRTUAL_SERVICE], []])
async def test_a_repair_that_no_status_tells_has_its_settle_time(answered: list[Kind]) -> None:
    """I5: the route says what the last status says; the mesh hasn't taken it from there yet.

    The status of the repairing pass met a conflict, and the repair's own answer may be lost too.
    """
    async with playing(settle=timedelta(seconds=5)) as stage:
        await at_weight_10(stage)
        await stage.turn(60)
        before = verified(stage)
        lost = [*answered]

        def lose(call: Call) -> Exception | None:
            mine = call.kind in {stage.operator.kinds.rollout, VIRTUAL_SERVICE}
            if call.verb != "patch" or call.kind in lost or not mine:
                return None
            lost.append(call.kind)
            if call.kind != VIRTUAL_SERVICE:
                return errors.Conflict("the object has been modified", status=409)
            stage.cluster.edit(VIRTUAL_SERVICE, "shop", "cart", weigh(10))
            return errors.Unreachable("no answer", status=504)

        stage.cluster.faults.append(lose)
        stage.cluster.edit(VIRTUAL_SERVICE, "shop", "cart", weigh(40))
        await stage.turn(1)
        assert (len(lost), stage.weight()) == (2, 10)
        assert (before["status"], verified(stage)["reason"]) == ("Unknown", "WeightSettling")
        await stage.turn(6)
        assert verified(stage)["reason"] == before["reason"]


def verified(stage: Stage) -> Any:
    """The condition that tells whether the mesh has taken the weight."""
    found = stage.status()["conditions"]
    return next(each for each in found if each["type"] == "TrafficVerified")


def weigh(canary: int) -> Callable[[Any], None]:
    """The edit of a VirtualService that gives the canary this weight."""

    def change(found: Any) -> None:
        stable_leaf, canary_leaf = found["spec"]["http"][0]["route"]
        stable_leaf["weight"], canary_leaf["weight"] = 100 - canary, canary

    return change


async def test_a_refused_replica_set_is_tried_seldom_and_told_once() -> None:
    """A quota is mended by a person: no storm of writes until then."""
    async with playing() as stage:
        network(stage.cluster)

        def refuse(call: Call) -> Exception | None:
            if call.kind == REPLICA_SET and call.verb == "create":
                return errors.Rejected("exceeded quota: pods", status=403)
            return None

        stage.cluster.faults.append(refuse)
        stage.apply(manifest())
        await stage.until(lambda: "exceeded quota" in stage.status().get("message", ""))
        stage.cluster.writes.clear()
        await stage.turn(120)
        assert len([call for call in stage.cluster.writes if call.verb == "create"]) <= 5
        told = [event for event in stage.events() if "exceeded quota" in event]
        assert len(told) == 1


async def test_conflicts_are_never_told() -> None:
    """They mean that the cache was a moment behind; the next pass is at hand."""
    async with playing() as stage:
        network(stage.cluster)
        chance = random.Random(1)  # not every third: a pass of three calls would never get through

        def conflict(call: Call) -> Exception | None:
            busy = call.verb == "patch" and chance.random() < 1 / 3
            return errors.Conflict("the object has been modified", status=409) if busy else None

        stage.cluster.faults.append(conflict)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy", within=300)
        assert "modified" not in str(stage.status()) + str(stage.events())


@pytest.mark.parametrize("after", range(1, 26))
async def test_an_operator_killed_after_any_write_changes_no_outcome(after: int) -> None:
    """I6: killed after its n-th write, and started again, it promotes with two ReplicaSets."""
    cluster = Cluster()
    network(cluster)
    async with playing(cluster) as stage:
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
    cluster.writes.clear()

    def kill(_: Call) -> Exception | None:
        dead = len(cluster.writes) > after
        return errors.Unreachable("killed", status=503) if dead else None

    async with playing(cluster) as stage:
        cluster.faults.append(kill)
        stage.apply(manifest(version="2"))
        await stage.turn(30)
    cluster.faults.clear()
    async with playing(cluster) as stage:
        for kind in stage.operator.kinds.watched:
            for found in cluster.every(kind):
                stage.operator.seen(kind, "ADDED", found)
        await stage.until(lambda: stage.status().get("phase") == "Healthy", within=300)
        await stage.until(
            lambda: sorted(found["spec"]["replicas"] for found in stage.replica_sets()) == [0, 4]
        )
        assert stage.weight() == 0


async def test_nothing_is_decided_before_the_caches_are_whole() -> None:
    """I8: a ReplicaSet that hasn't been seen yet must not look like a first deployment."""
    cluster = Cluster()
    async with playing(cluster) as stage:
        await at_weight_10(stage)
    cluster.writes.clear()

    def slow(call: Call) -> Exception | None:
        late = call.verb == "list" and call.kind == REPLICA_SET
        return errors.Unreachable("slow", status=503) if late else None

    cluster.faults.append(slow)
    async with playing(cluster) as stage:
        stage.operator.seen(stage.operator.kinds.rollout, "ADDED", stage.rollout())
        await stage.turn(20)
        assert cluster.writes == []
        cluster.faults.clear()
        await stage.turn(5)
        assert stage.operator.whole.is_set()
        assert cluster.writes == []


async def test_a_cache_that_lost_a_replica_set_never_makes_a_second_one() -> None:
    """I8: the cluster is asked before anything is decided on what the status speaks of."""
    async with playing() as stage:
        await at_weight_10(stage)
        for found in stage.replica_sets():
            held = stage.operator.cache.get(REPLICA_SET, "shop", found["metadata"]["name"])
            assert held is not None
            stage.operator.cache._unlink(REPLICA_SET, ("shop", found["metadata"]["name"]), held)
            del stage.operator.cache._objects[REPLICA_SET]["shop", found["metadata"]["name"]]
        before = [found["metadata"]["uid"] for found in stage.replica_sets()]
        stage.cluster.writes.clear()
        edit_status(stage, message="touched")
        await stage.turn(5)
        assert [found["metadata"]["uid"] for found in stage.replica_sets()] == before
        assert not any(call.verb == "create" for call in stage.cluster.writes)
        assert stage.status()["currentStepIndex"] == 1
        assert stage.weight() == 10


async def test_a_rollout_made_anew_during_the_closer_look_gets_its_own_replica_set() -> None:
    """I8: the look waits for a list, and what is decided then is of the Rollout that is there."""
    async with playing() as stage:
        await at_weight_10(stage)
        rollouts = stage.operator.kinds.rollout

        def make_anew(call: Call) -> Exception | None:
            if call.kind == REPLICA_SET and call.verb == "list" and stage.replica_sets():
                for found in stage.replica_sets():
                    stage.cluster.remove(REPLICA_SET, "shop", found["metadata"]["name"])
                stage.cluster.edit(
                    rollouts, "shop", "cart", lambda it: it["metadata"].pop("finalizers")
                )
                stage.cluster.remove(rollouts, "shop", "cart")
                stage.apply(manifest(version="9"))
            return None

        stage.cluster.faults.append(make_anew)
        for found in stage.replica_sets():
            held = stage.operator.cache.get(REPLICA_SET, "shop", found["metadata"]["name"])
            assert held is not None
            stage.operator.cache._unlink(REPLICA_SET, ("shop", found["metadata"]["name"]), held)
            del stage.operator.cache._objects[REPLICA_SET]["shop", found["metadata"]["name"]]
        edit_status(stage, message="touched")
        await stage.turn(5)
        (made,) = stage.replica_sets()
        (owner,) = made["metadata"]["ownerReferences"]
        assert owner["uid"] == stage.rollout()["metadata"]["uid"]
        assert made["spec"]["template"]["spec"] == stage.rollout()["spec"]["template"]["spec"]


async def test_a_lost_deletion_is_found_by_the_resync() -> None:
    """A rollout that nobody told to be gone is forgotten within the interval."""
    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        stage.deaf = True
        stage.cluster.remove(stage.operator.kinds.rollout, "shop", "cart")
        stage.deaf = False
        assert stage.operator.cache.count(stage.operator.kinds.rollout) == 1
        await stage.turn(400)
        assert stage.operator.cache.count(stage.operator.kinds.rollout) == 0


async def test_a_change_that_no_event_told_is_found_by_the_resync() -> None:
    """A new version is rolled out though its event was lost."""
    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        stage.deaf = True
        stage.apply(manifest(version="2"))
        stage.deaf = False
        await stage.until(lambda: stage.weight() == 10, within=400)


async def test_a_route_put_back_is_taken_up_again() -> None:
    """Its absence is said; the rollout recovers by itself, and its status says where it is."""
    async with playing() as stage:
        await at_weight_10(stage)
        held = stage.cluster.peek(VIRTUAL_SERVICE, "shop", "cart")
        assert held is not None
        stage.cluster.remove(VIRTUAL_SERVICE, "shop", "cart")
        await stage.until(lambda: "VirtualService shop/cart" in stage.status()["message"])
        stage.cluster.put(VIRTUAL_SERVICE, held)
        await stage.until(lambda: stage.status().get("phase") == "Paused")
        assert stage.weight() == 10


async def test_a_kind_that_isnt_served_is_named() -> None:
    """A mesh that isn't installed is said so, and picked up when it comes."""
    cluster = Cluster()
    async with playing(cluster) as stage:
        stage.operator.watches.mark_absent(VIRTUAL_SERVICE)
        network(cluster)
        stage.operator.cache.forget(VIRTUAL_SERVICE)
        stage.apply(manifest())
        await stage.until(lambda: "serves no VirtualService" in stage.status().get("message", ""))
        for stream in stage.operator.watches.streams():
            if stream[0] == VIRTUAL_SERVICE:
                stage.operator.watches.begun(stream)
        await stage.until(lambda: stage.status().get("phase") == "Healthy")


async def test_a_deleted_rollout_leaves_the_route_on_stable() -> None:
    """I9: the finalizer holds it until all weight is on stable."""
    async with playing() as stage:
        await at_weight_10(stage)
        stage.cluster.remove(stage.operator.kinds.rollout, "shop", "cart")
        await stage.until(lambda: not stage.cluster.every(stage.operator.kinds.rollout))
        assert stage.weight() == 0


async def test_a_spec_that_cant_be_read_is_told_once_and_written_once() -> None:
    """The message has path and cure; nothing is repeated."""
    async with playing() as stage:
        network(stage.cluster)
        wrong = manifest()
        wrong["spec"]["strategy"]["canary"]["steps"] = [{"setWeight": 120}]
        stage.apply(wrong)
        await stage.until(lambda: stage.status().get("phase") == "Degraded")
        assert "setWeight" in stage.status()["message"]
        stage.cluster.writes.clear()
        await stage.turn(100)
        assert stage.cluster.writes == []
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")


async def test_no_promotion_rests_on_a_route_that_changed_unheard() -> None:
    """I5: somebody took the last weight back, and the watch is late."""

    def lowered(service: dict[str, Any]) -> None:
        for destination in service["spec"]["http"][0]["route"]:
            is_canary = destination["destination"]["subset"] == "canary"
            destination["weight"] = 5 if is_canary else 95

    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest(steps=[]))
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        first = stage.status()["stableRS"]
        stage.apply(manifest(version="2", steps=[]))
        await stage.until(lambda: stage.weight() == 100)
        assert stage.status()["stableRS"] == first
        stage.deaf = True
        stage.cluster.edit(VIRTUAL_SERVICE, "shop", "cart", lowered)
        stage.deaf = False
        await stage.until(lambda: stage.weight() == 100)
        assert stage.status()["stableRS"] == first
        await stage.until(lambda: stage.status()["stableRS"] != first)


async def test_late_renewals_are_no_reason_to_look_at_everything_again() -> None:
    """Nobody else has led meanwhile; thousands of passes would make the next renewal late too."""

    def looked() -> float:
        found = stage.operator.telemetry.registry.collect()
        samples = [sample for metric in found for sample in metric.samples]
        passes = "davy_reconcile_duration_seconds_count"
        return sum(sample.value for sample in samples if sample.name == passes)

    async with playing() as stage:
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        await stage.turn(30)
        before = looked()
        stage.cluster.faults.append(
            lambda call: errors.Unreachable("slow", status=503) if call.kind == LEASE else None
        )
        await stage.until(lambda: not stage.operator.leader.leads())
        stage.cluster.faults.clear()
        await stage.until(stage.operator.leader.leads)
        await stage.turn(1)
        assert looked() == before
        stage.apply(manifest(version="2"))
        await stage.until(lambda: stage.weight() == 10)
