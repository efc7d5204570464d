"""Whole rollouts on the page-long cluster: what happens in which order; invariants in each pass."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import EventReason, RolloutPhase
from davy.api.errors import Finding
from davy.engine import plan as plans
from davy.engine.decide import decide
from davy.engine.world import Answer, Role
from tests.unit.engine.cluster import START, Cluster, answering, spec
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


def test_the_first_revision_is_stable_when_all_its_pods_are_available() -> None:
    """Steps have nothing to compare a first revision with: none is passed."""
    cluster = Cluster.of(spec(*STEPS))
    cluster.run(2)
    assert phase(cluster) is RolloutPhase.PROGRESSING
    assert "0 of 4 pods" in cluster.message
    cluster.run(8)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert cluster.route.stable_hash == cluster.status.stable_rs
    assert EventReason.ROLLOUT_STEP_COMPLETED not in reasons(cluster)


def test_a_good_release_goes_step_by_step_and_waits_where_it_is_told() -> None:
    """I5, I6: every step once and in order; the indefinite pause waits for a person."""
    cluster = updating(*STEPS, seconds=30)
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.weight == 50
    assert cluster.message == "Step 4 of 5: paused at weight 50 until somebody promotes."
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert cluster.weight == 0
    assert pods(cluster) == {1: 0, 2: 4}
    completed = [
        event.message
        for event in cluster.events
        if event.reason is EventReason.ROLLOUT_STEP_COMPLETED
    ]
    assert [text.split(" completed")[0] for text in completed] == [
        f"Step {number} of 5" for number in range(1, 6)
    ]


def test_a_rollout_without_steps_goes_to_100_and_keeps_the_old_pods_for_the_drain_delay() -> None:
    """I4: the old revision's pods go after scaleDownDelaySeconds at verified weight 0."""
    cluster = updating(seconds=10)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {1: 4, 2: 4}
    assert "Revision 1 keeps its pods until" in cluster.message
    cluster.run(30)
    assert pods(cluster) == {1: 0, 2: 4}


def test_an_idle_rollout_wants_nothing() -> None:
    """No action, no status change, no event, no wake-up: an idle rollout costs nothing."""
    cluster = running(*STEPS)
    cluster.now += timedelta(days=1)
    plan = cluster.once()
    assert plan == plans.Plan((), cluster.status, (), None)


def test_weight_waits_for_the_pods_that_carry_it() -> None:
    """I2: at weight 50 two of four pods are needed; one is not enough."""
    cluster = updating({"setWeight": 50}, seconds=1)
    cluster.start_delay = timedelta(seconds=1000)
    cluster.run(20)
    assert cluster.weight == 50  # the first two were asked for before the delay grew
    cluster.apply(spec({"setWeight": 100}, version="3"))
    cluster.run(20)
    assert cluster.weight == 0
    assert "0 of 4 pods of revision 3 are available, weight 100 needs 4" in cluster.message


def test_weight_comes_down_when_the_canary_loses_pods() -> None:
    """I2: three of four pods gone, weight 100's share follows at once."""
    cluster = updating({"setWeight": 75}, {"pause": {}}, seconds=10)
    assert cluster.weight == 75
    cluster.kill_pods(cluster.status.current_pod_hash or "", 2)
    cluster.settle()
    assert cluster.weight == 25
    cluster.run(10)
    assert cluster.weight == 75


def test_a_skipped_step_never_outruns_the_pods() -> None:
    """I2 (Argo's H3): a person skips to weight 80 while one of four pods is available."""
    cluster = updating({"setWeight": 10}, {"pause": {}}, {"setWeight": 80}, {"pause": {}})
    cluster.edit_status(pause_conditions=None, controller_pause=None, current_step_index=3)
    cluster.settle()
    assert cluster.weight == 10
    cluster.run(10)
    assert cluster.weight == 80


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


def test_promote_full_passes_all_steps_but_never_outruns_the_pods() -> None:
    """I2: full promotion waits for all pods at the weight it has."""
    cluster = updating(*STEPS, seconds=6)
    assert cluster.weight == 10
    cluster.edit_status(promote_full=True)
    cluster.settle()
    assert cluster.weight == 10
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert cluster.status.promote_full is None
    skipped = plans.Event(EventReason.SKIP_STEPS, "Promoted in full: steps 2 to 5 skipped")
    assert skipped in cluster.events


def test_abort_wins_over_promote_full() -> None:
    """I3: an abort after promote --full still aborts (Argo ignores it)."""
    cluster = updating(*STEPS, seconds=6)
    cluster.edit_status(promote_full=True)
    cluster.settle()
    cluster.edit_status(abort=True)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert cluster.weight == 0


def test_a_new_revision_in_the_middle_drains_the_one_before_it() -> None:
    """I4: revision 2 at 50 keeps its pods until its weight was 0 for the drain delay."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec(*STEPS, version="3"))
    cluster.settle()
    assert cluster.weight == 0
    assert pods(cluster)[2] == 2
    cluster.run(6)
    assert cluster.weight == 10
    assert cluster.route.canary_hash == cluster.status.current_pod_hash
    cluster.run(40)
    assert pods(cluster) == {1: 4, 2: 0, 3: 2}


def test_a_rollback_in_the_middle_needs_no_steps() -> None:
    """The stable template again: all weight back at once, the canary drains."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec(*STEPS, version="1"))
    cluster.settle()
    assert cluster.weight == 0
    assert EventReason.SKIP_STEPS in reasons(cluster)
    cluster.run(40)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {3: 4, 2: 0}


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


def test_flapping_pods_are_no_progress() -> None:
    """A pod that comes and goes doesn't push the deadline away."""
    cluster = running({"setWeight": 100}, progressDeadlineSeconds=60)
    cluster.apply(spec({"setWeight": 100}, version="2", progressDeadlineSeconds=60))
    cluster.run(1)
    cluster.start_delay = timedelta(seconds=7)
    for _ in range(12):
        cluster.kill_pods(cluster.status.current_pod_hash or "", 2)
        cluster.run(6)
    assert phase(cluster) is RolloutPhase.DEGRADED


def test_a_failed_inline_analysis_aborts_with_its_words() -> None:
    """The verdict's numbers are the abort's message."""
    cluster = updating({"setWeight": 10}, ANALYSIS, {"setWeight": 50}, seconds=8)
    assert [run.kind.value for run in cluster.runs.values()] == ["Step"]
    cluster.finish("Step", Phase.FAILED, "error-rate 18.2 % of 1204 requests, limit 5 %")
    plan = cluster.once()
    assert isinstance(plan.actions[0], plans.SetWeights)
    assert "error-rate 18.2 % of 1204 requests, limit 5 %" in (plan.status.message or "")


def test_a_successful_inline_analysis_goes_on() -> None:
    """Successful is the effect that an analysis step waits for."""
    cluster = updating({"setWeight": 10}, ANALYSIS, {"setWeight": 50}, {"pause": {}}, seconds=8)
    cluster.run(100)
    assert cluster.weight == 10
    cluster.finish("Step", Phase.SUCCESSFUL)
    cluster.run(10)
    assert cluster.weight == 50
    assert reasons(cluster).count(EventReason.ANALYSIS_RUN_SUCCESSFUL) == 1


@pytest.mark.parametrize("kind", ["Step", "Background"])
def test_an_inconclusive_analysis_pauses_until_somebody_decides(kind: str) -> None:
    """I7: no evidence neither promotes nor aborts."""
    judged: dict[str, Any] = ANALYSIS if kind == "Step" else {"pause": {"duration": "20s"}}
    more: dict[str, Any] = {} if kind == "Step" else {"canary": BACKGROUND}
    steps: tuple[dict[str, Any], ...] = (
        {"setWeight": 10},
        judged,
        {"setWeight": 50},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=8, **more)
    cluster.finish(kind, Phase.INCONCLUSIVE, "no requests")
    cluster.run(100)
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.message.startswith("Step 2 of 4: InconclusiveAnalysisRun")
    assert cluster.weight == 10
    cluster.edit_status(pause_conditions=None)
    cluster.run(30)
    assert cluster.weight == 50


def test_background_analysis_begins_with_the_first_traffic_and_ends_with_the_update() -> None:
    """Before the canary has requests there is nothing to judge; after the update nothing to say."""
    cluster = updating(*STEPS, seconds=3, canary=BACKGROUND)
    assert not cluster.runs
    cluster.run(10)
    assert [run.kind.value for run in cluster.runs.values()] == ["Background"]
    cluster.edit_status(promote_full=True)
    cluster.run(60)
    assert all(run.terminating for run in cluster.runs.values())


def test_background_analysis_waits_for_its_starting_step() -> None:
    """A startingStep of 2 is the third step."""
    more: dict[str, Any] = {"canary": {"analysis": {**BACKGROUND["analysis"], "startingStep": 2}}}
    cluster = updating(*STEPS, seconds=7, **more)
    assert cluster.weight == 10
    assert not cluster.runs
    cluster.run(10)
    assert len(cluster.runs) == 1


def test_a_retry_gets_runs_of_its_own() -> None:
    """The run that aborted the last attempt must not judge the next one."""
    cluster = updating({"setWeight": 10}, ANALYSIS, seconds=8)
    cluster.finish("Step", Phase.FAILED, "bad")
    cluster.run(5)
    cluster.edit_status(abort=False)
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.PROGRESSING
    first, second = sorted(cluster.runs)
    assert second == f"{first}.1"
    assert not cluster.runs[second].phase.completed


def test_a_run_created_just_before_a_crash_is_taken_up_again() -> None:
    """I6: killed between the creation and the status write, the run isn't created twice."""
    cluster = updating({"setWeight": 10}, ANALYSIS, seconds=4)
    for _ in range(20):
        cluster.now += timedelta(seconds=0.25)
        cluster.once(writes_status=not cluster.runs)
    assert len(cluster.runs) == 1
    cluster.settle()
    assert len(cluster.runs) == 1


def test_stable_destination_moves_only_without_weight() -> None:
    """A promoted revision keeps 100 on the canary's side until stable's side leads to it."""
    cluster = updating(seconds=0)
    seen: list[tuple[Role, int | None]] = []
    for _ in range(40):
        cluster.now += timedelta(seconds=0.25)
        moved = [made for made in cluster.once().actions if isinstance(made, plans.PointRole)]
        seen.extend((action.role, cluster.weight) for action in moved)
    assert seen == [(Role.CANARY, 0), (Role.STABLE, 100)]
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_nothing_goes_on_while_the_mesh_has_not_taken_the_weight() -> None:
    """I5: written is not taken; the message says what the router said."""
    cluster = updating(
        {"setWeight": 10}, {"pause": {"duration": "1s"}}, {"setWeight": 50}, seconds=4
    )
    answering(cluster, Answer.NOT_YET, "parent gw: Accepted is False (NotAllowedByListeners)")
    cluster.run(100)
    assert cluster.status.current_step_index == 0
    assert "NotAllowedByListeners" in cluster.message
    answering(cluster, Answer.VERIFIED)
    cluster.run(3)
    assert cluster.status.canary is not None
    assert cluster.status.canary.weights is not None
    assert cluster.status.canary.weights.verified is True


def test_a_settle_time_never_counts_as_verified() -> None:
    """Where the router can't say, weights.verified stays unknown though the step goes on."""
    cluster = updating(*STEPS, seconds=8)
    assert cluster.status.current_step_index == 1
    assert cluster.status.canary is not None
    assert cluster.status.canary.weights is not None
    assert cluster.status.canary.weights.verified is None


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


def test_a_deleted_route_holds_and_is_repaired_when_it_is_back() -> None:
    """The weight is written again when somebody put the route back without it."""
    cluster = updating(*STEPS, seconds=30)
    there = cluster.route
    cluster.route = replace(there, canary_weight=None, stable_hash=None, canary_hash=None)
    cluster.problems = (Finding("spec", "VirtualService shop/cart isn't there"),)
    cluster.run(10)
    assert cluster.status.current_step_index == 3
    cluster.route = replace(there, canary_weight=0, stable_hash=None, canary_hash=None)
    cluster.problems = ()
    cluster.run(10)
    assert cluster.weight == 50
    assert cluster.route == there


def test_pods_counted_before_a_scaling_raise_nothing() -> None:
    """I2: 2 → 0 → 1 pods, and the ReplicaSet still says 2 available: both are about to go."""
    cluster = updating(*STEPS, seconds=30)
    cluster.edit_status(abort=True)
    cluster.run(60)
    cluster.edit_status(abort=False)
    cluster.settle()
    new = cluster.status.current_pod_hash or ""
    stale = replace(cluster.sets[new], available=2, observed=False)
    cluster.now += timedelta(seconds=2)
    world = replace(cluster.world(), replica_sets=(*cluster.sets.values(),))
    others = tuple(found for found in world.replica_sets if found.hash != new)
    wanted = decide(cluster.rollout, replace(world, replica_sets=(*others, stale)), cluster.now)
    assert not any(isinstance(made, plans.PointRole | plans.SetWeights) for made in wanted.actions)


def test_a_new_min_ready_seconds_reaches_the_running_revision() -> None:
    """No field is accepted that does nothing: stable's ReplicaSet counts by it too."""
    cluster = running(*STEPS)
    cluster.apply(spec(*STEPS, minReadySeconds=7))
    cluster.settle()
    assert [found.min_ready_seconds for found in cluster.sets.values()] == [7]
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_rules_that_disagree_are_repaired_at_the_weight_they_should_have() -> None:
    """I1: the same weight is written again when some rule says another."""
    cluster = updating(*STEPS, seconds=8)
    cluster.route = replace(cluster.route, uneven=True)
    wanted = cluster.once()
    assert wanted.actions[0] == plans.SetWeights(10, 90, "canary weight 10 → 10")


def test_deletion_leaves_all_traffic_on_stable() -> None:
    """I9: the finalizer stays until the weight is on stable, in effect."""
    cluster = updating(*STEPS, seconds=30)
    assert cluster.rollout.finalizer
    cluster.rollout = replace(cluster.rollout, deleting=True)
    assert isinstance(cluster.once().actions[0], plans.SetWeights)
    assert cluster.rollout.finalizer
    cluster.run(3)
    assert cluster.weight == 0
    assert not cluster.rollout.finalizer


def test_deletion_of_an_idle_rollout_needs_no_finalizer() -> None:
    """Nothing to take back: the operator needn't even be there."""
    assert not running(*STEPS).rollout.finalizer


def test_scaling_in_the_middle_keeps_the_share() -> None:
    """HPA asks for 10: both sides grow; the weight never exceeds what the canary can carry."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec(*STEPS, version="2", replicas=10))
    cluster.settle()
    assert cluster.weight == 20
    cluster.run(10)
    assert cluster.weight == 50
    assert pods(cluster) == {1: 10, 2: 5}


def test_lowering_the_weight_frees_pods_only_after_it_is_in_effect() -> None:
    """I4: 50 → 10, the pods for 50 stay until 10 is in effect."""
    steps: tuple[dict[str, Any], ...] = (
        {"setWeight": 50},
        {"pause": {"duration": "1s"}},
        {"setWeight": 10},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=6)
    while cluster.weight != 10:
        cluster.run(0.1)
    assert pods(cluster)[2] == 2
    cluster.run(2)
    assert pods(cluster)[2] == 1


def test_new_steps_in_the_middle_begin_again() -> None:
    """Edited steps are another plan: from step 1, at the weight they ask for."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec({"setWeight": 20}, {"pause": {}}, version="2"))
    cluster.run(5)
    assert cluster.weight == 20
    assert cluster.status.current_step == "2/2"


def test_history_is_kept_to_its_limit() -> None:
    """With revisionHistoryLimit 1, of five revisions two remain, stable and one."""
    cluster = running(revisionHistoryLimit=1)
    for version in range(2, 6):
        cluster.apply(spec(version=str(version), revisionHistoryLimit=1))
        cluster.run(60)
    assert sorted(found.revision for found in cluster.sets.values()) == [4, 5]


def test_time_starts_are_kept_in_utc() -> None:
    """The page's clock is aware, like every instant of the engine."""
    assert START.utcoffset() == timedelta(0)
