"""Labels and annotations of a role's pods: who gets which, when, and that nothing else follows."""

from dataclasses import replace
from typing import Any

import pytest

from davy.api.anti_affinity import Apart
from davy.api.conditions import RolloutPhase
from davy.engine import plan as plans
from davy.engine import roles
from davy.engine.world import PodMetadata
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.pieces import NEW, OLD, a_rollout, a_set, a_world, around, where
from tests.unit.engine.play import phase, running, updating

STABLE: dict[str, Any] = {"labels": {"role": "stable"}, "annotations": {"team/since": "long"}}
CANARY: dict[str, Any] = {"labels": {"role": "canary", "hot": "yes"}}
BOTH: dict[str, Any] = {"stableMetadata": STABLE, "canaryMetadata": CANARY}
STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {}})


def has(cluster: Cluster) -> dict[int, set[str]]:
    """By revision: the roles that its pods and the pods to come have."""
    cluster.world()
    return {
        found.revision: {
            (held or {}).get("labels", {}).get("role", "none")
            for held in (found.added, *(pod.added for pod in found.pods_added))
        }
        for found in cluster.sets.values()
    }


@pytest.mark.parametrize("router", [{}, {"trafficRouting": None}], ids=["route", "pods"])
def test_pods_have_what_their_role_has_and_change_it_in_place(router: dict[str, Any]) -> None:
    """No pod is started for it: as many were made as without it."""
    made = []
    for metadata in ({}, BOTH):
        cluster = updating(*STEPS, seconds=20, canary=router | metadata)
        assert phase(cluster) is RolloutPhase.PAUSED
        if metadata:
            assert has(cluster) == {1: {"stable"}, 2: {"canary"}}
        cluster.edit_status(pause_conditions=None)
        cluster.run(120)
        assert phase(cluster) is RolloutPhase.HEALTHY
        if metadata:
            assert has(cluster) == {1: {"none"}, 2: {"stable"}}
        made.append(cluster.made)
    assert made[0] == made[1]


def test_a_first_revision_is_stable_from_its_first_pod_on() -> None:
    """There is no canary before the second."""
    cluster = Cluster.of(spec(*STEPS, canary=BOTH))
    (created,) = [one for one in cluster.once().actions if isinstance(one, plans.CreateReplicaSet)]
    assert created.added == STABLE
    cluster.run(20)
    assert not [line for line in cluster.log if "AddTo" in line]


def test_an_aborted_canary_stays_one_and_a_revision_that_was_given_up_has_no_role() -> None:
    """Its pods are there for their drain delay, and are told apart as long."""
    cluster = updating(*STEPS, canary=BOTH)
    cluster.edit_status(abort=True)
    cluster.run(5)
    assert has(cluster) == {1: {"stable"}, 2: {"canary"}}
    cluster.apply(spec(*STEPS, version="3", canary=BOTH))
    cluster.run(20)
    assert has(cluster) == {1: {"stable"}, 2: {"none"}, 3: {"canary"}}


def test_metadata_that_comes_and_goes_with_the_spec_starts_nothing() -> None:
    """I8: it is no part of the template; what was added is taken away again, once."""
    cluster = running(*STEPS)
    before = cluster.status.current_pod_hash
    cluster.apply(spec(*STEPS, canary=BOTH))
    cluster.run(5)
    assert has(cluster) == {1: {"stable"}}
    cluster.apply(spec(*STEPS))
    cluster.run(5)
    assert has(cluster) == {1: {"none"}}
    assert cluster.status.current_pod_hash == before
    assert cluster.made == 4
    assert cluster.once().actions == ()


def test_a_promotion_that_isnt_written_changes_no_role() -> None:
    """I6: it may be decided anew, and then otherwise."""
    cluster = updating({"setWeight": 100}, {"pause": {}}, seconds=20, canary=BOTH)
    cluster.edit_status(pause_conditions=None)
    promoted = cluster.once(writes_status=False)
    assert promoted.status.stable_rs == promoted.status.current_pod_hash
    assert not [one for one in promoted.actions if isinstance(one, plans.AddToReplicaSet)]


def test_many_pods_are_changed_in_turns() -> None:
    """I3: an abort never waits for the labels of a thousand pods."""
    pods = tuple(PodMetadata(f"pod-{number}", "uid", {}) for number in range(45))
    stable = replace(a_set(OLD, 1), added=STABLE, pods_added=pods)
    rollout = a_rollout(wanted=spec(version="2", canary={"stableMetadata": STABLE}))
    world = a_world(replica_sets=(stable, a_set(NEW, 2)))
    (action,) = roles.changes(around(rollout, world), where(rollout))
    assert isinstance(action, plans.AddToPods)
    assert (len(action.pods), action.added) == (20, STABLE)
    assert action.why == "45 of its pods get role=stable, annotation team/since"


def test_a_rollout_that_is_deleted_leaves_its_pods_alone() -> None:
    """They go, or belong to somebody else soon."""
    rollout = replace(a_rollout(wanted=spec(version="2", canary=BOTH)), deleting=True)
    assert roles.changes(around(rollout), where(rollout)) == ()


def test_a_canary_is_scheduled_apart_from_stable_until_it_is_stable() -> None:
    """From its first pod on; a promoted one, or one that was given up, needs no other nodes."""
    apart: dict[str, Any] = {
        "antiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 30}}
    }
    cluster = Cluster.of(spec(*STEPS, canary=apart))
    cluster.run(10)
    stable = cluster.status.stable_rs or ""
    assert cluster.sets[stable].apart is None
    cluster.apply(spec(*STEPS, version="2", canary=apart))
    (created,) = [one for one in cluster.once().actions if isinstance(one, plans.CreateReplicaSet)]
    assert created.apart == Apart(stable, 30)
    cluster.run(20)
    second = cluster.status.current_pod_hash or ""
    assert cluster.sets[second].apart == Apart(stable, 30)
    cluster.apply(spec(*STEPS, version="3", canary=apart))
    cluster.run(20)
    third = cluster.status.current_pod_hash or ""
    assert {found.apart for found in cluster.sets.values()} == {None, Apart(stable, 30)}
    assert cluster.sets[second].apart is None
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    assert cluster.status.stable_rs == third
    cluster.apply(spec(*STEPS, version="2", canary=apart))
    cluster.run(20)
    assert cluster.sets[second].apart == Apart(third, 30)
    assert cluster.sets[third].apart is None
