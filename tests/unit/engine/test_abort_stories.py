"""Updates that are given up, by hand, by a deadline or by deletion."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from davy.api.conditions import EventReason, RolloutPhase
from davy.api.errors import Finding
from davy.engine import plan as plans
from davy.engine.world import Answer
from tests.unit.engine.cluster import answering, spec
from tests.unit.engine.play import (
    STEPS,
    phase,
    pods,
    reasons,
    running,
    updating,
)


def test_abort_by_hand_moves_all_weight_in_the_same_pass() -> None:
    """I3: the first action of the pass that reads the abort; stable's readiness doesn't matter."""
    cluster = updating(*STEPS, seconds=30)
    cluster.kill_pods(cluster.status.stable_rs or "", 3)
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(0, 100, "canary weight 50 → 0")
    assert plan.status.phase is RolloutPhase.DEGRADED
    assert (
        plan.status.message
        == "RolloutAborted: Revision 2 aborted at weight 50: by hand. All weight to revision 1."
    )
    assert EventReason.ROLLOUT_ABORTED in reasons(cluster)


def test_an_aborted_canary_keeps_its_pods_for_its_delay_then_loses_them() -> None:
    """I4: abortScaleDownDelaySeconds counts from verified weight 0."""
    cluster = updating(*STEPS, seconds=30, canary={"abortScaleDownDelaySeconds": 20})
    cluster.edit_status(abort=True)
    cluster.run(19)
    assert pods(cluster) == {1: 4, 2: 2}
    cluster.run(5)
    assert pods(cluster) == {1: 4, 2: 0}
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert "by hand" in cluster.message


def test_the_drain_delay_begins_when_the_mesh_took_the_weight() -> None:
    """I4: a mesh that never took weight 0 may still send requests, however long ago it was."""
    cluster = updating(*STEPS, seconds=30, canary={"abortScaleDownDelaySeconds": 20})
    answering(cluster, Answer.NOT_YET, "not yet")
    cluster.edit_status(abort=True)
    cluster.run(60)
    answering(cluster, Answer.VERIFIED)
    cluster.run(19)
    assert pods(cluster) == {1: 4, 2: 2}
    cluster.run(5)
    assert pods(cluster) == {1: 4, 2: 0}


def test_a_deadline_from_before_requests_could_reach_the_pods_again_is_none() -> None:
    """I4: somebody widened the route; whoever took the weight back was killed right after it."""
    cluster = updating(*STEPS, seconds=30, canary={"abortScaleDownDelaySeconds": 20})
    cluster.edit_status(abort=True)
    cluster.run(10)
    new = cluster.status.current_pod_hash or ""
    cluster.now = cluster.sets[new].scale_down_at or cluster.now
    cluster.route = replace(cluster.route, canary_weight=50, canary_hash=None)
    cluster.once(writes_status=False)
    cluster.sets[new] = replace(cluster.sets[new], scale_down_at=cluster.now)
    assert cluster.weight == 0
    cluster.run(19)
    assert pods(cluster) == {1: 4, 2: 2}
    cluster.run(5)
    assert pods(cluster) == {1: 4, 2: 0}


def test_a_route_that_cant_be_read_begins_the_drain_delay_anew() -> None:
    """I4: nobody knows what it said meanwhile; its pods wait their whole delay again."""
    cluster = updating(*STEPS, seconds=30, canary={"abortScaleDownDelaySeconds": 20})
    cluster.edit_status(abort=True)
    cluster.run(10)
    there = cluster.route
    cluster.route = replace(there, canary_weight=None)
    cluster.run(30)
    cluster.route = there
    cluster.run(15)
    assert pods(cluster) == {1: 4, 2: 2}
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 0}


def test_an_aborted_canary_with_delay_0_keeps_its_pods_for_ever() -> None:
    """A delay of 0 means never, as in Argo."""
    cluster = updating(*STEPS, seconds=30, canary={"abortScaleDownDelaySeconds": 0})
    cluster.edit_status(abort=True)
    cluster.run(3600)
    assert pods(cluster) == {1: 4, 2: 2}


def test_retry_begins_at_the_first_step_again() -> None:
    """A retry is the same revision from step 1, with its pods brought back."""
    cluster = updating(*STEPS, seconds=30)
    cluster.edit_status(abort=True)
    cluster.run(60)
    cluster.events.clear()
    cluster.edit_status(abort=False)
    cluster.run(5)
    assert cluster.weight == 10
    assert cluster.status.current_step == "2/5"
    assert EventReason.ROLLOUT_RETRY in reasons(cluster)
    cluster.run(15)
    assert cluster.weight == 50


def test_an_abort_where_nothing_is_updated_is_dropped_and_said() -> None:
    """An abort of a healthy rollout changes nothing and doesn't wait for the next release."""
    cluster = running(*STEPS)
    cluster.edit_status(abort=True)
    cluster.settle()
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert cluster.status.abort is None
    assert reasons(cluster) == [EventReason.ROLLOUT_NOT_COMPLETED]


def test_an_abort_right_after_other_steps_isnt_lost_with_them() -> None:
    """I3: Davy sees both at once; the abort is of this template, whatever its steps are."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec({"setWeight": 20}, {"pause": {}}, version="2"))
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(0, 100, "canary weight 50 → 0")
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert cluster.weight == 0


def test_other_steps_after_an_abort_take_the_update_up_again() -> None:
    """As Argo Rollouts does; the abort was told before."""
    cluster = updating(*STEPS, seconds=30)
    cluster.edit_status(abort=True)
    cluster.run(5)
    cluster.apply(spec({"setWeight": 20}, {"pause": {}}, version="2"))
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.weight == 20


def test_abort_wins_over_promote_full() -> None:
    """I3: an abort after promote --full still aborts (Argo ignores it)."""
    cluster = updating(*STEPS, seconds=6)
    cluster.edit_status(promote_full=True)
    cluster.settle()
    cluster.edit_status(abort=True)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert cluster.weight == 0


def test_a_canary_that_never_gets_ready_is_degraded_at_its_deadline() -> None:
    """The deadline is evaluated whatever the route or the pods do (Argo's H5)."""
    cluster = running({"setWeight": 10}, progressDeadlineSeconds=60)
    cluster.broken.add("x")
    cluster.apply(spec({"setWeight": 10}, version="2", progressDeadlineSeconds=60))
    cluster.start_delay = timedelta(days=9)
    cluster.run(59)
    assert phase(cluster) is RolloutPhase.PROGRESSING
    cluster.run(2)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert EventReason.PROGRESS_DEADLINE_EXCEEDED in reasons(cluster)
    assert cluster.weight == 0


def test_a_deadline_aborts_where_the_user_wants_it() -> None:
    """progressDeadlineAbort: the update is given up, with the deadline as its reason."""
    more: dict[str, Any] = {"progressDeadlineSeconds": 60, "progressDeadlineAbort": True}
    cluster = running({"setWeight": 10}, **more)
    cluster.start_delay = timedelta(days=9)
    cluster.apply(spec({"setWeight": 10}, version="2", **more))
    cluster.run(61)
    assert cluster.status.abort is True
    assert "no progress for 60 s (progressDeadlineSeconds)" in cluster.message


def test_a_deadline_aborts_though_the_spec_has_a_problem() -> None:
    """I3: a template that is gone holds the steps for ever, but not the deadline."""
    more: dict[str, Any] = {"progressDeadlineSeconds": 60, "progressDeadlineAbort": True}
    cluster = running({"setWeight": 10}, **more)
    cluster.start_delay = timedelta(days=9)
    cluster.apply(spec({"setWeight": 10}, version="2", **more))
    cluster.run(30)
    cluster.problems = (Finding("spec.strategy.canary.analysis", "template x isn't there"),)
    cluster.run(31)
    assert cluster.status.abort is True


def test_flapping_pods_are_no_progress() -> None:
    """Two of four pods come and go; the deadline passes as if they had stayed."""
    more: dict[str, Any] = {"progressDeadlineSeconds": 60}
    cluster = running({"setWeight": 100}, **more)
    cluster.apply(spec({"setWeight": 100}, version="2", **more))
    cluster.settle()
    new = cluster.status.current_pod_hash or ""
    cluster.start_delay = timedelta(days=9)
    cluster.kill_pods(new, 4)
    cluster.start_delay = timedelta(seconds=3)
    for _ in range(10):
        cluster.kill_pods(new, 2)
        cluster.run(6)
        assert "2 of 4 pods" in cluster.message
    assert phase(cluster) is RolloutPhase.PROGRESSING
    cluster.run(7)
    assert phase(cluster) is RolloutPhase.DEGRADED


def test_problems_hold_the_steps_but_not_an_abort() -> None:
    """I3: a missing template stops the steps, never the abort."""
    cluster = updating(*STEPS, seconds=8)
    cluster.problems = (Finding("spec.strategy.canary.analysis", "template x isn't there"),)
    cluster.run(100)
    assert cluster.weight == 10
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert cluster.message.startswith("InvalidSpec: spec.strategy.canary.analysis: template x")
    cluster.edit_status(abort=True)
    assert isinstance(cluster.once().actions[0], plans.SetWeights)
    cluster.problems = ()
    cluster.run(5)
    assert cluster.weight == 0


def test_deletion_leaves_all_traffic_on_stable() -> None:
    """I9: the finalizer stays until the weight is on stable, in effect."""
    cluster = updating(*STEPS, seconds=30)
    assert cluster.rollout.finalizer
    cluster.rollout = replace(cluster.rollout, deleting=True)
    assert isinstance(cluster.once().actions[0], plans.SetWeights)
    assert cluster.rollout.finalizer
    cluster.run(3)
    assert cluster.weight == 0
    assert cluster.route.canary_hash == cluster.route.stable_hash == cluster.status.stable_rs
    assert not cluster.rollout.finalizer


def test_deletion_of_an_idle_rollout_needs_no_finalizer() -> None:
    """Nothing to take back: the operator needn't even be there."""
    assert not running(*STEPS).rollout.finalizer


def test_deletion_lets_go_of_a_destination_that_isnt_narrowed() -> None:
    """I9: all weight on a stable side that leads to any pod is where the user had it."""
    cluster = updating(*STEPS, seconds=30)
    cluster.route = replace(cluster.route, stable_hash=None, canary_weight=0)
    for found in cluster.sets:
        cluster.broken.add(found)
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(3)
    assert not cluster.rollout.finalizer
