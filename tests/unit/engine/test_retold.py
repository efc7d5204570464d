"""The status of a pass speaks of what its actions brought, and of nothing that it didn't decide."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from davy.api.analysis import Phase
from davy.api.conditions import EventReason
from davy.engine import retold
from davy.engine.decide import EngineSettings, decide
from davy.engine.plan import CreateReplicaSet, Plan, SetWeights
from tests.unit.engine.cluster import SETTLE, Cluster, spec
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
    assert retold.after(decided, later) is decided


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
