"""The status of a pass speaks of what its actions brought, and of nothing that it didn't decide."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import (
    ConditionType,
    EventReason,
    PauseReason,
    Reason,
    RolloutPhase,
)
from davy.api.status import (
    CanaryStatus,
    PauseCondition,
    ProgressMark,
    RolloutStatus,
    RunReference,
)
from davy.engine import retold
from davy.engine.decide import EngineSettings, decide
from davy.engine.plan import CreateReplicaSet, Plan, SetWeights
from tests.unit.engine.cluster import SETTLE, START, Cluster, spec
from tests.unit.engine.pieces import a_condition
from tests.unit.engine.play import ANALYSIS, running, updating

STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 10},
    {"pause": {"duration": "5s"}},
    {"setWeight": 50},
    {"pause": {}},
)


def looked_again(cluster: Cluster, decided: Plan) -> Plan:
    """What a look at the cluster of now would decide, on top of the plan's own status."""
    rollout = replace(cluster.rollout, status=decided.status)
    return decide(rollout, cluster.world(), cluster.now, EngineSettings(SETTLE))


def to_the_weights(cluster: Cluster, weight: int) -> Plan:
    """The first plan that wants this weight, its actions carried out, its status not written."""
    for _ in range(100):
        plan = cluster.once(writes_status=False)
        if any(isinstance(a, SetWeights) and a.canary == weight for a in plan.actions):
            return plan
        cluster.rollout = replace(cluster.rollout, status=plan.status)
        cluster.now += timedelta(seconds=0.5)
    raise AssertionError(f"weight {weight} was never wanted")


def test_a_new_weight_is_told_in_the_status_of_the_pass_that_wrote_it() -> None:
    """I10: no second write says what the first one knew; the settle time has begun in it."""
    cluster = running(*STEPS)
    cluster.apply(spec(*STEPS, version="2"))
    decided = to_the_weights(cluster, 50)
    told = retold.after(decided, looked_again(cluster, decided))
    assert decided.status.traffic is not None
    assert decided.status.traffic.written == 10
    assert told.status.traffic is not None
    assert told.status.traffic.written == 50
    assert told.status.current_step_index == decided.status.current_step_index == 2
    assert told.wake_at == cluster.now + SETTLE
    assert [event.reason for event in told.events] == [EventReason.TRAFFIC_WEIGHT_UPDATED]


def test_a_later_look_decides_nothing() -> None:
    """I3: an abort that became due meanwhile belongs to the pass whose first action it is."""
    cluster = updating(ANALYSIS, {"setWeight": 10}, {"pause": {}}, seconds=2)
    decided = cluster.once()
    cluster.finish("Step", Phase.FAILED, "too many errors")
    later = looked_again(cluster, decided)
    assert later.status.abort
    assert retold.after(decided, later) == decided


def test_what_the_route_says_is_told_whatever_became_due() -> None:
    """I10: an analysis that failed while the weight was written doesn't hide that it is."""
    cluster = updating(ANALYSIS, {"setWeight": 10}, {"pause": {}}, seconds=2)
    decided = cluster.once()
    decided = replace(decided, status=_with_written(decided.status, 0))
    cluster.finish("Step", Phase.FAILED, "too many errors")
    later = looked_again(cluster, decided)
    later = replace(later, status=_with_written(later.status, 10, changed_at=cluster.now))
    told = retold.after(decided, later).status
    assert told == _with_written(decided.status, 10, changed_at=cluster.now)
    assert not told.abort


def _with_written(
    status: RolloutStatus, weight: int, changed_at: datetime | None = None
) -> RolloutStatus:
    assert status.traffic is not None
    assert status.canary is not None
    assert status.canary.weights is not None
    side = status.canary.weights.canary.model_copy(update={"weight": weight})
    weights = status.canary.weights.model_copy(update={"canary": side})
    return status.model_copy(
        update={
            "traffic": status.traffic.model_copy(
                update={"written": weight, "changed_at": changed_at}
            ),
            "canary": status.canary.model_copy(update={"weights": weights}),
        }
    )


def test_actions_that_a_later_look_wants_are_told_by_who_does_them() -> None:
    """A ReplicaSet that isn't created yet isn't said to be."""
    cluster = running(*STEPS)
    decided = cluster.once()
    cluster.apply(spec(*STEPS, version="2"))
    later = decide(cluster.rollout, cluster.world(), cluster.now, EngineSettings(SETTLE))
    assert any(isinstance(action, CreateReplicaSet) for action in later.actions)
    same = replace(decided, status=later.status)
    told = retold.after(same, later)
    assert EventReason.ROLLOUT_UPDATED in [event.reason for event in told.events]
    assert EventReason.NEW_REPLICA_SET_CREATED not in [event.reason for event in told.events]


REFERENCE = RunReference(name="errors", status="Running")
PAUSE = PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=START)


@pytest.mark.parametrize(
    "decision",
    [
        {"stable_rs": "other"},
        {"current_pod_hash": "other"},
        {"current_step_hash": "other"},
        {"current_step_index": 1},
        {"abort": True},
        {"aborted_at": START},
        {"promote_full": True},
        {"controller_pause": True},
        {"pause_conditions": [PAUSE]},
        {"canary": CanaryStatus(current_step_analysis_run_status=REFERENCE)},
        {"canary": CanaryStatus(current_background_analysis_run_status=REFERENCE)},
    ],
    ids=str,
)
def test_each_decision_is_left_to_the_pass_that_makes_it(decision: dict[str, Any]) -> None:
    """I3, I6: its first action would come a pass after its words."""
    known = RolloutStatus(current_step_index=0, canary=CanaryStatus())
    decided = Plan(actions=(), status=known)
    later = Plan(actions=(), status=known.model_copy(update=decision))
    assert retold.after(decided, later) == decided
    assert retold.after(later, decided) == later


@pytest.mark.parametrize("field", ["step", "background"])
def test_what_a_run_says_meanwhile_is_no_decision(field: str) -> None:
    """I10: a status said the weight of before, as a Job's measurement had begun just then."""

    def plan(**changes: str) -> Plan:
        run = {f"current_{field}_analysis_run_status": REFERENCE.model_copy(update=changes)}
        canary = CanaryStatus.model_validate(run)
        return Plan(actions=(), status=RolloutStatus(canary=canary))

    later = plan(message="Job shop/cart-smoke-1 is under way")
    assert retold.after(plan(), later).status == later.status
    assert retold.after(plan(), plan(status="Failed")).status == plan().status


def test_what_is_no_decision_is_told() -> None:
    """Of a rollout that nothing is known of, too."""
    decided = Plan(actions=(), status=RolloutStatus())
    later = Plan(actions=(), status=RolloutStatus(message="new", replicas=3), wake_at=START)
    assert retold.after(decided, later) == later


def with_condition(kind: ConditionType, message: str, seconds: float) -> RolloutStatus:
    """A condition that was set at the start, and updated so much later."""
    at = START + timedelta(seconds=seconds)
    told = a_condition(kind, Reason.REPLICA_SET_UPDATED, START, message)
    return RolloutStatus(conditions=[told.model_copy(update={"last_update_time": at})])


@pytest.mark.parametrize(
    ("kind", "words", "time"),
    [
        (ConditionType.PROGRESSING, False, True),
        (ConditionType.READY, True, True),
        (ConditionType.RECONCILING, True, True),
        (ConditionType.STALLED, True, True),
        (ConditionType.TRAFFIC_VERIFIED, False, False),
        (ConditionType.AVAILABLE, False, False),
    ],
)
def test_conditions_that_follow_the_counts(kind: ConditionType, *, words: bool, time: bool) -> None:
    """Those that repeat the message, and when the last pod came; what is dated stays dated."""
    before = with_condition(kind, "2 of 4 pods", 0)
    assert retold.is_count(before, with_condition(kind, "2 of 4 pods", 0))
    assert retold.is_count(before, with_condition(kind, "3 of 4 pods", 0)) is words
    assert retold.is_count(before, with_condition(kind, "2 of 4 pods", 1)) is time


def test_a_condition_that_changes_is_news() -> None:
    """Whatever it is; so is one that wasn't there."""
    ready = a_condition(ConditionType.READY, Reason.ROLLOUT_HEALTHY, START)
    before = RolloutStatus(conditions=[ready])
    other = ready.model_copy(update={"status": "False"})
    assert not retold.is_count(before, RolloutStatus(conditions=[other]))
    assert not retold.is_count(before, RolloutStatus())
    later = ready.model_copy(update={"last_transition_time": START + SETTLE})
    assert not retold.is_count(before, RolloutStatus(conditions=[later]))


@pytest.mark.parametrize(
    ("fields", "is_count"),
    [
        ({"message": "3 of 4 pods"}, True),
        ({"progress": ProgressMark(available=3)}, True),
        ({"replicas": 3}, True),
        ({"updated_replicas": 3}, True),
        ({"ready_replicas": 3}, True),
        ({"available_replicas": 3}, True),
        ({"hpa_replicas": 3}, True),
        ({"phase": RolloutPhase.HEALTHY}, False),
        ({"verdict": "3 of 412"}, False),
        ({"selector": "app=cart"}, False),
        ({"observed_generation": "3"}, False),
    ],
    ids=str,
)
def test_counts_and_the_words_about_them(fields: dict[str, Any], *, is_count: bool) -> None:
    """A status that says no more than these can wait; each of the others is news."""
    assert retold.is_count(RolloutStatus(), RolloutStatus(**fields)) is is_count
    assert retold.is_count(RolloutStatus(), RolloutStatus())


def test_pods_that_come_are_counts_and_a_settled_weight_is_none() -> None:
    """What people wait for is never put off."""
    cluster = updating(*STEPS, seconds=20)
    before = cluster.status
    cluster.kill_pods(before.stable_rs or "", 1)
    fewer = decide(cluster.rollout, cluster.world(), cluster.now, EngineSettings(SETTLE)).status
    assert fewer.ready_replicas != before.ready_replicas
    assert retold.is_count(before, fewer)
    assert not retold.is_count(before, before.model_copy(update={"current_step_index": 1}))
    assert before.traffic is not None
    unverified = before.traffic.model_copy(update={"verified": None})
    assert not retold.is_count(before, before.model_copy(update={"traffic": unverified}))
