"""What a pass marks on the rollout, and when it looks again: case by case."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.conditions import ConditionType, PauseReason, Reason
from davy.api.errors import Finding
from davy.api.status import PauseCondition, RolloutStatus
from davy.engine.decide import EngineSettings, decide
from davy.engine.effect import effect
from davy.engine.plan import MarkRollout, Plan
from davy.engine.world import Route, World
from tests.unit.engine.cluster import SETTLE, START
from tests.unit.engine.pieces import NEW, NOW, OLD, a_condition, a_rollout, a_set, a_world

OTHER = "0ld3r0ld3r"
FIRST: dict[str, Any] = {"stable_rs": None}
DONE: dict[str, Any] = {"stable_rs": NEW}
ABORTED: dict[str, Any] = {"abort": True, "aborted_at": START}
BOTH = EngineSettings(SETTLE)


def decided(
    world: World,
    *,
    status: dict[str, Any] | None = None,
    settled: bool = True,
    settings: EngineSettings | None = BOTH,
    progress: Reason = Reason.REPLICA_SET_UPDATED,
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {"duration": "5m"}}),
    **fields: Any,
) -> Plan:
    """A pass over a rollout that was at this for ten minutes, less ten seconds."""
    said = effect(world.route, RolloutStatus(), NOW, SETTLE).said
    known = [
        a_condition(
            ConditionType.TRAFFIC_VERIFIED,
            Reason.WEIGHT_VERIFIED,
            START if settled else NOW - SETTLE / 2,
            said,
        ),
        a_condition(ConditionType.PROGRESSING, progress, NOW - timedelta(seconds=590)),
    ]
    rollout = a_rollout(*steps, status={"conditions": known, **(status or {})})
    return decide(replace(rollout, **fields), world, NOW, settings)


def marked(
    weight: int | None,
    stable: str | None = OLD,
    canary: str | None = NEW,
    new: int = 4,
    **case: Any,
) -> bool | None:
    """Whether the finalizer is put on or taken off; None: it stays as it is."""
    route = Route(weight, stable_hash=stable, canary_hash=canary)
    plan = decided(a_world(route=route, replica_sets=(a_set(OLD, 1), a_set(NEW, 2, new))), **case)
    found = [action for action in plan.actions if isinstance(action, MarkRollout)]
    assert {action.revision for action in found} <= {2}
    return found[0].finalizer if found else None


def test_a_deleted_rollout_is_let_go_when_its_users_are_on_stable() -> None:
    """I9: weight 0 in effect, both sides lead to stable, or the canary's to any pod."""
    assert marked(0, OLD, OLD, deleting=True) is False
    assert marked(0, OLD, None, deleting=True) is False
    assert marked(0, deleting=True) is None
    assert marked(0, None, OLD, deleting=True) is None
    assert marked(0, OTHER, OLD, deleting=True) is None
    assert marked(0, OLD, OLD, deleting=True, settled=False) is None
    assert marked(50, OLD, OLD, deleting=True) is None
    assert marked(0, OLD, OLD, deleting=True, finalizer=False) is None


def test_a_deleted_rollout_is_not_kept_by_a_canary_side_that_cant_be_led_back() -> None:
    """What is wrong with the route may be just that: nothing can be written there."""
    world = a_world(
        route=Route(0, stable_hash=OLD, canary_hash=NEW), problems=(Finding("spec", "wrong"),)
    )
    marks = [MarkRollout(finalizer=False, revision=2, why="all weight is on stable")]
    actions = decided(world, deleting=True).actions
    assert [action for action in actions if isinstance(action, MarkRollout)] == marks


def test_a_deleted_rollout_is_let_go_when_nothing_can_be_taken_back() -> None:
    """Its route can't be read, wherever that leads; or it was never more than a first revision."""
    assert marked(None, None, None, deleting=True) is False
    assert marked(None, OTHER, deleting=True) is False
    assert marked(30, OTHER, deleting=True, status=FIRST) is False


def test_the_finalizer_is_on_while_traffic_may_be_elsewhere() -> None:
    """I9: during an update, and until stable's side leads to what was promoted."""
    off: dict[str, Any] = {"finalizer": False}
    assert marked(0, **off) is True
    assert marked(100, OLD, status=DONE, **off) is True
    assert marked(0, NEW, status=DONE, **off) is None
    assert marked(0, status=ABORTED, **off) is None
    assert marked(0, OTHER, status=FIRST, new=3, **off) is None
    assert marked(0, OTHER, status=ABORTED, **off) is None


def test_the_finalizer_is_off_when_all_is_over() -> None:
    """Deletion of an idle rollout needs nobody."""
    assert marked(0, NEW, NEW, status=DONE) is False
    assert marked(0, NEW, NEW, status=DONE, settled=False) is None
    assert marked(0, OLD, OLD, status=ABORTED) is False
    assert marked(50, status=ABORTED) is None


def test_a_new_revision_is_marked() -> None:
    """The annotation follows the ReplicaSet's number, with the finalizer as it was."""
    assert marked(50, revision=1) is True
    assert marked(50) is None


def test_the_settle_time_is_a_setting() -> None:
    """A second unless the controller says otherwise."""
    route = Route(50, stable_hash=OLD, canary_hash=NEW)
    half = NOW - SETTLE / 2
    assert decided(a_world(route=route), settled=False, settings=None).wake_at == half + SETTLE
    longer = EngineSettings(3 * SETTLE)
    assert decided(a_world(route=route), settled=False, settings=longer).wake_at == (
        half + 3 * SETTLE
    )


PAUSED: dict[str, Any] = {
    "current_step_index": 1,
    "controller_pause": True,
    "pause_conditions": [
        PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=NOW - timedelta(minutes=6))
    ],
}


def test_a_pause_whose_time_is_over_wakes_nobody_for_it() -> None:
    """It waits for pods now; their deadline is next."""
    few = a_world(25, new=1)
    plan = decided(few, status=PAUSED)
    assert plan.status.current_step_index == 1
    assert plan.wake_at == NOW + timedelta(seconds=10)


@pytest.mark.parametrize("seconds", [590, 589])
def test_a_deadline_that_passed_wakes_nobody(seconds: int) -> None:
    """Nor does one that passes this very instant: nothing more comes of it."""
    few = a_world(0, new=1)
    rollout = a_rollout({"setWeight": 50})
    spec = rollout.spec.model_copy(update={"progress_deadline_seconds": seconds})
    plan = decided(few, spec=spec, status={"current_step_hash": rollout.status.current_step_hash})
    assert plan.status.phase == "Degraded"
    assert plan.wake_at is None
