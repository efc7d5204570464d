"""A step of a plugin's: begun at its weight, done, or the end of the update, when it says so."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.conditions import ConditionType, Reason, RolloutPhase
from davy.api.status import CanaryStatus, RolloutStatus, StepPluginStatus
from davy.engine import steps
from davy.engine.decide import decide
from davy.engine.effect import effect
from davy.engine.plan import Plan, SetWeights
from davy.engine.position import Stage
from davy.engine.world import StepAnswer, StepSays, World
from tests.unit.engine.cluster import SETTLE, START
from tests.unit.engine.pieces import (
    NEW,
    NOW,
    OLD,
    a_condition,
    a_rollout,
    a_set,
    a_world,
    around,
    where,
)

STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 50},
    {"plugin": {"name": "acme/gate"}},
    {"setWeight": 60},
)
BEGUN = StepPluginStatus(index=1, name="acme/gate", phase="Running", started_at=NOW)
SAYS = {
    StepSays.DONE: StepAnswer(StepSays.DONE),
    StepSays.WAIT: StepAnswer(StepSays.WAIT, "it is night."),
    StepSays.FAILED: StepAnswer(StepSays.FAILED, "nobody wants it"),
}


def a_plan(
    says: StepSays | None, *, begun: StepPluginStatus | None = BEGUN, world: World | None = None
) -> Plan:
    answer = SAYS[says] if says else None
    found = replace(world or a_world(), step=answer, again_at=NOW + timedelta(seconds=30))
    said = effect(found.route, RolloutStatus(), NOW, SETTLE).said
    taken = a_condition(ConditionType.TRAFFIC_VERIFIED, Reason.WEIGHT_VERIFIED, START, said)
    status = {
        "current_step_index": 1,
        "canary": CanaryStatus(step_plugin_statuses=[begun] if begun else None),
        "conditions": [taken],
    }
    rollout = a_rollout(*STEPS, status=status)
    return decide(rollout, found, NOW)


def index(plan: Plan) -> int | None:
    return plan.status.current_step_index


def test_it_begins_when_its_weight_is_in_place() -> None:
    """I5: the plugin is asked of what users have."""
    rollout = a_rollout(*STEPS)
    here = where(rollout, index=1)
    there, done = steps._plugin(here, around(rollout))
    assert there.step_plugin == BEGUN
    assert not done
    assert steps._plugin(here, around(rollout, settled=False))[0].step_plugin is None
    assert steps._plugin(here, around(rollout, a_world(40)))[0].step_plugin is None


@pytest.mark.parametrize(("says", "at"), [(None, 1), (StepSays.WAIT, 1), (StepSays.DONE, 2)])
def test_it_is_done_when_the_plugin_says_so(says: StepSays | None, at: int) -> None:
    """And not because it was asked."""
    assert index(a_plan(says)) == at


def test_an_answer_of_what_has_not_begun_is_nothing() -> None:
    """I6: it was given to another step, or before a restart of the update."""
    assert index(a_plan(StepSays.DONE, begun=None)) == 1
    assert index(a_plan(StepSays.DONE, begun=BEGUN.model_copy(update={"index": 0}))) == 1
    assert index(a_plan(StepSays.DONE, begun=BEGUN.model_copy(update={"name": "acme/x"}))) == 1
    assert a_plan(StepSays.FAILED, begun=None).status.aborted_at is None


def test_done_waits_for_the_weight() -> None:
    """I5: somebody wrote another one meanwhile."""
    assert index(a_plan(StepSays.DONE, world=a_world(40))) == 1


def test_failed_aborts_first() -> None:
    """I3: all weight to stable in the same pass; the status says why."""
    sets = (a_set(OLD, 1, 0, desired=4), a_set(NEW, 2))
    plan = a_plan(StepSays.FAILED, world=a_world(replica_sets=sets))
    assert isinstance(plan.actions[0], SetWeights)
    assert plan.actions[0].canary == 0
    assert plan.status.phase == RolloutPhase.DEGRADED
    assert "step plugin acme/gate: nobody wants it. All weight" in (plan.status.message or "")
    assert plan.status.canary
    assert plan.status.canary.step_plugin_statuses is None


def test_the_status_tells_what_it_waits_for() -> None:
    """I10: and when the plugin is asked again, which wakes the rollout."""
    plan = a_plan(StepSays.WAIT)
    assert plan.status.message == (
        "Step 2 of 3: step plugin acme/gate: it is night; asked again 01:00:30. Weight 50."
    )
    assert plan.wake_at == NOW + timedelta(seconds=30)
    assert a_plan(None).status.message == "Step 2 of 3: step plugin acme/gate is asked. Weight 50."
    assert plan.status.canary
    assert plan.status.canary.step_plugin_statuses == [
        BEGUN.model_copy(update={"message": "it is night."})
    ]


def test_it_is_no_wait_with_a_deadline() -> None:
    """As a pause and an analysis; before it has begun the deadline runs."""
    rollout = a_rollout(*STEPS)
    asked = where(rollout, index=1, step_plugin=BEGUN)
    assert not steps.is_waiting(asked, around(rollout))
    assert steps.is_waiting(asked, around(rollout, a_world(40)))
    assert steps.is_waiting(where(rollout, index=1), around(rollout))
    assert asked.stage is Stage.UPDATING
    assert asked.at(2).step_plugin is None
