"""`spec.paused`: everything stays as it is, but what safety asks for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from davy.api.analysis import Phase
from davy.api.conditions import ConditionStatus, ConditionType, EventReason, RolloutPhase
from davy.engine import plan as plans
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.invariants import Watcher
from tests.unit.engine.play import (
    ANALYSIS,
    BACKGROUND,
    STEPS,
    phase,
    pods,
    reasons,
    running,
    updating,
)

PAUSED: dict[str, Any] = {"paused": True}


def paused(cluster: Cluster, *, on: bool = True, **more: Any) -> None:
    """The user sets `spec.paused`."""
    cluster.apply(cluster.rollout.spec.model_copy(update={"paused": on, **more}))


def test_a_paused_step_goes_on_when_the_pause_ends() -> None:
    """Neither time nor pods pass a step; the step's own pause has run out meanwhile."""
    cluster = updating(*STEPS, seconds=7)
    assert cluster.weight == 10
    paused(cluster)
    cluster.run(3600)
    assert (cluster.weight, cluster.status.current_step) == (10, "2/5")
    assert pods(cluster) == {1: 4, 2: 1}
    assert phase(cluster) is RolloutPhase.PAUSED
    assert (
        cluster.message
        == "manually paused until spec.paused is false. Step 2 of 5: weight held at 10."
    )
    paused(cluster, on=False)
    cluster.run(10)
    assert cluster.weight == 50


def test_a_weight_that_isnt_written_yet_isnt_while_paused() -> None:
    """The canary has begun to start the pods for 50, and keeps them; the weight stays at 10."""
    cluster = updating({"setWeight": 10}, {"setWeight": 50}, seconds=6)
    assert pods(cluster) == {1: 4, 2: 2}
    paused(cluster)
    cluster.run(60)
    assert cluster.weight == 10
    assert pods(cluster) == {1: 4, 2: 2}
    paused(cluster, on=False)
    cluster.run(3)
    assert cluster.weight == 50


def test_a_new_template_waits_without_pods() -> None:
    """Its ReplicaSet is there and empty; the revision and its number are known."""
    cluster = running(*STEPS)
    cluster.apply(spec(*STEPS, version="2", **PAUSED))
    cluster.run(60)
    assert pods(cluster) == {1: 4, 2: 0}
    assert cluster.weight == 0
    paused(cluster, on=False)
    cluster.run(6)
    assert cluster.weight == 10


def test_a_first_revision_waits_too() -> None:
    """As a paused Deployment does: no pods until it is resumed."""
    cluster = Cluster.of(spec(*STEPS, **PAUSED))
    cluster.check = Watcher()
    cluster.run(60)
    assert pods(cluster) == {1: 0}
    assert phase(cluster) is RolloutPhase.PAUSED
    paused(cluster, on=False)
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_another_template_takes_the_weight_of_the_one_before_it() -> None:
    """Revision 2 was given up by its user: stable has all weight, and 2 keeps its pods."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec(*STEPS, version="3", **PAUSED))
    cluster.run(120)
    assert cluster.weight == 0
    assert pods(cluster) == {1: 4, 2: 2, 3: 0}


def test_an_abort_moves_the_traffic_of_a_paused_rollout_at_once() -> None:
    """I3: a pause holds the steps, not what is safe; the canary's pods stay until it ends."""
    cluster = updating(*STEPS, seconds=30)
    paused(cluster)
    cluster.run(10)
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(0, 100, "canary weight 50 → 0")
    assert plan.status.phase is RolloutPhase.DEGRADED
    cluster.run(3600)
    assert pods(cluster) == {1: 4, 2: 2}
    paused(cluster, on=False)
    cluster.run(60)
    assert pods(cluster) == {1: 4, 2: 0}


def test_an_analysis_goes_on_and_can_abort() -> None:
    """I3: what the background finds while paused counts."""
    cluster = updating(*STEPS, seconds=30, canary=BACKGROUND)
    paused(cluster)
    cluster.run(10)
    cluster.finish("Background", Phase.FAILED, "error-rate 0.2")
    cluster.run(1)
    assert cluster.weight == 0
    assert phase(cluster) is RolloutPhase.DEGRADED


def test_an_analysis_that_succeeds_passes_its_step_only_afterwards() -> None:
    """And the next one isn't begun."""
    cluster = updating({"setWeight": 10}, ANALYSIS, ANALYSIS, seconds=6)
    paused(cluster)
    cluster.run(1)
    cluster.finish("Step", Phase.SUCCESSFUL)
    cluster.run(60)
    assert (cluster.status.current_step, len(cluster.runs)) == ("2/3", 1)
    paused(cluster, on=False)
    cluster.run(1)
    assert (cluster.status.current_step, len(cluster.runs)) == ("3/3", 2)


def test_deletion_of_a_paused_rollout_leaves_the_traffic_on_stable() -> None:
    """I9: nobody has to resume it first."""
    cluster = updating(*STEPS, seconds=30)
    paused(cluster)
    cluster.run(5)
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(3)
    assert cluster.weight == 0
    assert not cluster.rollout.finalizer


def test_the_weight_held_comes_back_after_pods_were_lost_and_after_a_foreign_write() -> None:
    """I2: lowered with the pods, and raised again with them; drift is mended both ways."""
    cluster = updating(*STEPS, seconds=30)
    paused(cluster)
    cluster.settle()
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.settle()
    assert cluster.weight == 25
    cluster.run(10)
    assert cluster.weight == 50
    for weight in (0, 100):
        cluster.route = replace(cluster.route, canary_weight=weight)
        cluster.run(5)
        assert cluster.weight == 50


def test_a_foreign_weight_when_the_pause_begins_isnt_held() -> None:
    """The step asks for 10; what somebody else wrote above it is none of the rollout's."""
    cluster = updating(*STEPS, seconds=7)
    cluster.route = replace(cluster.route, canary_weight=100)
    paused(cluster)
    cluster.run(5)
    assert cluster.weight == 10


def test_the_size_is_followed_while_paused() -> None:
    """An autoscaler works on: stable has its pods, the canary those for the weight held (I2)."""
    cluster = updating(*STEPS, seconds=30)
    paused(cluster)
    cluster.run(5)
    paused(cluster, replicas=10)
    cluster.run(20)
    assert pods(cluster) == {1: 10, 2: 5}
    assert cluster.weight == 50


def test_promotion_in_full_waits_for_the_pause_to_end() -> None:
    """The verb is kept and done then."""
    cluster = updating(*STEPS, seconds=7)
    paused(cluster)
    cluster.edit_status(promote_full=True)
    cluster.run(60)
    assert cluster.weight == 10
    paused(cluster, on=False)
    cluster.run(20)
    assert cluster.status.stable_rs == cluster.status.current_pod_hash


def test_a_pause_in_the_middle_of_promotion_in_full_holds_the_weight_reached() -> None:
    """All steps are passed, and the pods for 100 are on their way: 10 is held."""
    cluster = updating(*STEPS, seconds=7)
    cluster.edit_status(promote_full=True)
    cluster.run(1)
    paused(cluster)
    cluster.run(60)
    assert cluster.weight == 10
    assert cluster.status.promote_full


def test_the_deadline_doesnt_run_while_paused() -> None:
    """A person waits, not the rollout; afterwards it has its whole time again."""
    more: dict[str, Any] = {"progressDeadlineSeconds": 60}
    cluster = running({"setWeight": 50}, **more)
    cluster.start_delay = timedelta(days=9)
    cluster.apply(spec({"setWeight": 50}, version="2", **more))
    cluster.run(50)
    paused(cluster)
    cluster.run(100)
    assert phase(cluster) is RolloutPhase.PAUSED
    paused(cluster, on=False)
    cluster.run(59)
    assert phase(cluster) is RolloutPhase.PROGRESSING
    cluster.run(2)
    assert phase(cluster) is RolloutPhase.DEGRADED


def test_a_promotion_that_was_recorded_leads_its_traffic_home() -> None:
    """Traffic is reconciled to what is so: who is stable. The old pods stay."""
    cluster = updating(seconds=4)
    for _ in range(60):
        if cluster.status.stable_rs == cluster.status.current_pod_hash:
            break
        cluster.once()
        cluster.now += timedelta(seconds=0.25)
    assert cluster.weight == 100
    paused(cluster)
    cluster.run(120)
    assert cluster.weight == 0
    assert cluster.route.stable_hash == cluster.status.stable_rs
    assert pods(cluster) == {1: 4, 2: 4}


def test_a_healthy_rollout_that_is_paused_says_so_once() -> None:
    """Phase Paused, as Argo's; one event when it begins, one when it ends, then no write."""
    cluster = running(*STEPS)
    paused(cluster)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.message == (
        "manually paused until spec.paused is false. Revision 1 is stable and has all traffic."
    )
    told = cluster.status.condition(ConditionType.PAUSED)
    assert told is not None
    assert (told.status, told.message) == (ConditionStatus.TRUE, "manually paused")
    writes = cluster.writes
    cluster.run(3600)
    assert cluster.writes == writes
    paused(cluster, on=False)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert reasons(cluster) == [EventReason.ROLLOUT_PAUSED, EventReason.ROLLOUT_RESUMED]


def test_a_paused_rollout_asks_to_be_woken_for_nothing() -> None:
    """Neither for the end of its step's pause nor for pods that could go."""
    cluster = updating(*STEPS, seconds=7)
    paused(cluster)
    cluster.run(3)
    assert cluster.settle().wake_at is None


def test_a_destination_that_isnt_narrowed_is_the_canarys_too() -> None:
    """Somebody widened it: the weight there is the update's, and is held."""
    cluster = updating(*STEPS, seconds=7)
    cluster.route = replace(cluster.route, canary_hash=None)
    paused(cluster)
    cluster.run(30)
    assert cluster.weight == 10
    assert cluster.route.canary_hash == cluster.status.current_pod_hash


def test_what_was_held_in_an_earlier_pause_is_forgotten() -> None:
    """Its status was kept by an operator that knew of no pause."""
    cluster = updating(*STEPS, seconds=7)
    traffic = cluster.status.traffic
    assert traffic
    cluster.edit_status(traffic=traffic.model_copy(update={"held": 100}))
    paused(cluster)
    cluster.run(30)
    assert cluster.weight == 10
