"""`dynamicStableScale`: stable's pods follow its weight, and its weight its pods."""

from datetime import timedelta
from typing import Any

from davy.api.conditions import RolloutPhase
from davy.engine import plan as plans
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.play import phase, pods, running, updating

DYNAMIC: dict[str, Any] = {
    "replicas": 10,
    "canary": {"dynamicStableScale": True},
    "progressDeadlineSeconds": 100,
}
STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 80}, {"pause": {}}, {"setWeight": 20})


def at_80() -> Cluster:
    """Eight pods of version 2 and two of version 1, for so long that nothing moves by itself."""
    cluster = updating(*STEPS, {"pause": {}}, seconds=60, **DYNAMIC)
    assert (cluster.weight, pods(cluster)) == (80, {1: 2, 2: 8})
    return cluster


def test_stables_pods_go_when_their_weight_has_drained() -> None:
    """I4: weight 20 is in effect for 30 seconds first; Argo takes the pods in the next pass."""
    cluster = updating(*STEPS, seconds=30, **DYNAMIC)
    assert (cluster.weight, pods(cluster)) == (80, {1: 10, 2: 8})
    cluster.run(5)
    assert pods(cluster) == {1: 2, 2: 8}


def test_an_abort_moves_what_stables_pods_can_take_and_the_rest_as_they_come() -> None:
    """I2, I3: two of ten carry 20 and have it; all ten are asked for in the same pass."""
    cluster = at_80()
    cluster.edit_status(abort=True)
    cluster.settle()
    assert (cluster.weight, pods(cluster)) == (80, {1: 10, 2: 8})
    assert cluster.message.endswith("Weight 80 waits for stable's pods: 2 of 10 are available.")
    stable = cluster.status.stable_rs or ""
    delay, cluster.start_delay = cluster.start_delay, timedelta(seconds=40)
    cluster.kill_pods(stable, 4)  # four of the eight new ones take longer
    cluster.start_delay = delay
    cluster.run(5)
    assert cluster.weight == 40
    cluster.run(40)
    assert cluster.weight == 0
    cluster.run(40)
    assert pods(cluster) == {1: 10, 2: 0}


def test_a_pod_that_never_comes_holds_an_abort_up_to_the_deadline() -> None:
    """I3: Argo waits for ever (H6); here all weight goes after progressDeadlineSeconds."""
    cluster = at_80()
    cluster.edit_status(abort=True)
    cluster.settle()
    cluster.start_delay = timedelta(days=1)
    cluster.kill_pods(cluster.status.stable_rs or "", 1)
    cluster.run(90)
    assert cluster.weight == 10
    cluster.run(11)
    assert cluster.weight == 0


def test_a_canary_whose_pods_are_gone_keeps_no_weight() -> None:
    """Two pods of stable are better than none; the same for as many as are left of both."""
    cluster = at_80()
    new = cluster.status.current_pod_hash or ""
    cluster.start_delay = timedelta(seconds=30)
    cluster.edit_status(abort=True)
    cluster.kill_pods(new, 6)
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(50, 50, "canary weight 80 → 50")
    cluster.broken.add(new)
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(0, 100, "canary weight 50 → 0")


def test_a_lower_step_waits_for_stables_pods() -> None:
    """I2: from 80 to 20 stable gets eight pods first."""
    cluster = at_80()
    cluster.edit_status(pause_conditions=None)
    cluster.settle()
    assert (cluster.weight, pods(cluster)[1]) == (80, 8)
    cluster.run(10)
    assert cluster.weight == 20


def test_a_rollback_in_the_middle_waits_as_an_abort_does() -> None:
    """I2: version 1 again; its pods first, and Healthy when all is back."""
    cluster = at_80()
    cluster.apply(spec(*STEPS, {"pause": {}}, version="1", **DYNAMIC))
    cluster.settle()
    assert (cluster.weight, pods(cluster)) == (80, {3: 10, 2: 8})
    cluster.run(10)
    assert cluster.weight == 0
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {3: 10, 2: 0}


def test_a_third_version_in_the_middle_gives_stable_all_its_pods_back() -> None:
    """I2, I4: the second keeps its weight until stable can take it."""
    cluster = at_80()
    cluster.apply(spec(*STEPS, {"pause": {}}, version="3", **DYNAMIC))
    cluster.settle()
    assert (cluster.weight, pods(cluster)[1], pods(cluster)[2]) == (80, 10, 8)
    cluster.run(10)
    assert cluster.weight == 80
    assert cluster.route.canary_hash == cluster.status.current_pod_hash
    cluster.run(60)
    assert pods(cluster) == {1: 2, 2: 0, 3: 8}


def test_more_replicas_in_the_middle_move_no_weight_to_pods_that_lack() -> None:
    """An autoscaler doubles both: 8 beside 2 carry 80 beside 20 as before."""
    cluster = at_80()
    cluster.apply(spec(*STEPS, {"pause": {}}, version="2", **DYNAMIC | {"replicas": 20}))
    cluster.settle()
    assert (cluster.weight, pods(cluster)) == (80, {1: 12, 2: 16})
    cluster.run(10)
    assert (cluster.weight, pods(cluster)) == (80, {1: 4, 2: 16})


def test_all_weight_leaves_stable_no_pods_and_an_abort_brings_them_back() -> None:
    """I4: at 100 and drained; then pods first."""
    cluster = updating({"setWeight": 100}, {"pause": {}}, seconds=60, **DYNAMIC)
    assert pods(cluster) == {1: 0, 2: 10}
    cluster.edit_status(abort=True)
    cluster.settle()
    assert (cluster.weight, pods(cluster)) == (100, {1: 10, 2: 10})
    cluster.run(10)
    assert cluster.weight == 0


def test_a_floor_is_stables_too() -> None:
    """`minPodsPerReplicaSet`: of any weight above 0."""
    canary = {"dynamicStableScale": True, "minPodsPerReplicaSet": 3}
    cluster = updating(*STEPS, seconds=60, **DYNAMIC | {"canary": canary})
    assert pods(cluster) == {1: 3, 2: 8}


def test_a_pause_by_hand_takes_no_pods_of_stable() -> None:
    """`spec.paused`: the drain goes on when it is over."""
    cluster = updating(*STEPS, seconds=10, **DYNAMIC)
    cluster.apply(spec(*STEPS, version="2", paused=True, **DYNAMIC))
    cluster.run(100)
    assert pods(cluster) == {1: 10, 2: 8}


def test_a_deletion_leaves_stable_with_all_its_pods() -> None:
    """I9: all traffic goes to stable at once; its pods may outlive the Rollout."""
    cluster = at_80()
    cluster.rollout = cluster.rollout.__class__(**vars(cluster.rollout) | {"deleting": True})
    cluster.settle()
    assert (cluster.weight, pods(cluster)[1]) == (0, 10)


def test_an_idle_rollout_wants_nothing() -> None:
    """No wake-up either."""
    cluster = running(*STEPS, **DYNAMIC)
    cluster.now += timedelta(days=1)
    assert cluster.once() == plans.Plan((), cluster.status, (), None)
