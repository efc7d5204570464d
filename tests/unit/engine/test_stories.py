"""Whole releases on the page-long cluster: what happens in which order."""

from datetime import timedelta

from davy.api.conditions import EventReason, RolloutPhase
from davy.engine import plan as plans
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.play import (
    STEPS,
    phase,
    pods,
    reasons,
    running,
    updating,
)


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


def test_healthy_is_said_once_when_nothing_is_left_to_do() -> None:
    """From a template to Healthy there is no Healthy in between: `kubectl wait` can trust it."""
    cluster = Cluster.of(spec(*STEPS))
    for version in ("1", "2"):
        cluster.apply(spec(*STEPS[:3], version=version))
        seen: list[RolloutPhase | None] = []
        for _ in range(240):
            cluster.now += timedelta(seconds=0.125)
            cluster.once()
            seen.append(phase(cluster))
        first = seen.index(RolloutPhase.HEALTHY)
        assert set(seen[first:]) == {RolloutPhase.HEALTHY}


def test_an_idle_rollout_wants_nothing() -> None:
    """No action, no status change, no event, no wake-up: an idle rollout costs nothing."""
    cluster = running(*STEPS)
    cluster.now += timedelta(days=1)
    plan = cluster.once()
    assert plan == plans.Plan((), cluster.status, (), None)


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


def test_a_new_min_ready_seconds_reaches_the_running_revision() -> None:
    """No field is accepted that does nothing: stable's ReplicaSet counts by it too."""
    cluster = running(*STEPS)
    cluster.apply(spec(*STEPS, minReadySeconds=7))
    cluster.settle()
    assert [found.min_ready_seconds for found in cluster.sets.values()] == [7]
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_new_steps_in_the_middle_begin_again() -> None:
    """Edited steps are another plan: from step 1, at the weight they ask for."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec({"setWeight": 20}, {"pause": {}}, version="2"))
    cluster.run(5)
    assert cluster.weight == 20
    assert cluster.status.current_step == "2/2"


def test_a_first_step_that_is_completed_as_it_begins_is_told() -> None:
    """I10: other steps begin with the weight that the route has already."""
    cluster = updating(*STEPS, seconds=30)
    cluster.events.clear()
    cluster.apply(spec({"setWeight": 50}, {"pause": {}}, version="2"))
    cluster.settle()
    assert [event.message for event in cluster.events][:2] == [
        "The steps changed: from step 1 again",
        "Step 1 of 2 completed: setWeight 50",
    ]


def test_history_is_kept_to_its_limit() -> None:
    """With revisionHistoryLimit 1, of five revisions two remain, stable and one."""
    cluster = running(revisionHistoryLimit=1)
    for version in range(2, 6):
        cluster.apply(spec(version=str(version), revisionHistoryLimit=1))
        cluster.run(60)
    assert sorted(found.revision for found in cluster.sets.values()) == [4, 5]
