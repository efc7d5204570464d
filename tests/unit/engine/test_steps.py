"""When a step is complete, and what is a wait: case by case."""

from dataclasses import replace
from typing import Any

import pytest

from davy.api.conditions import PauseReason
from davy.api.errors import Finding
from davy.api.status import PauseCondition, RunReference
from davy.engine import steps
from davy.engine.position import Position, Stage
from davy.engine.world import Route
from tests.unit.engine.cluster import SETTLE, spec
from tests.unit.engine.pieces import NEW, NOW, OLD, a_rollout, a_set, a_world, around, where
from tests.unit.engine.play import ANALYSIS

STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {}}, ANALYSIS, {"setWeight": 60})
PAUSED = (PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=NOW),)
UNDECIDED = (PauseCondition(reason=PauseReason.INCONCLUSIVE_ANALYSIS, start_time=NOW),)
PROBLEM = (Finding("spec", "is wrong"),)


def in_place(
    weight: int, *, written: int = 50, new: int = 4, settled: bool = True, **world: Any
) -> bool:
    rollout = a_rollout(*STEPS)
    found = a_world(written, new, **world)
    return steps.in_place(weight, where(rollout), around(rollout, found, settled=settled))


def test_a_weight_is_in_place_with_its_pods_in_effect() -> None:
    """I2, I5: two of four pods for 50; fewer, another weight, or one just written isn't."""
    assert in_place(50)
    assert in_place(50, new=2)
    assert not in_place(50, new=1)
    assert not in_place(60)
    assert not in_place(50, settled=False)


def test_a_weight_elsewhere_is_not_in_place() -> None:
    """Behind a destination that leads to another revision; weight 0 is the same everywhere."""
    astray = Route(50, stable_hash=OLD, canary_hash=OLD)
    assert not in_place(50, route=astray)
    assert in_place(0, route=replace(astray, canary_weight=0))


def test_nothing_is_in_place_before_there_is_a_revision() -> None:
    """Nor on pods counted before a scaling."""
    assert not in_place(0, written=0, replica_sets=(a_set(OLD, 1),))
    assert not in_place(50, replica_sets=(a_set(OLD, 1), a_set(NEW, 2, 4, observed=False)))


def waits(
    index: int, *, written: int = 50, problems: tuple[Finding, ...] = (), **position: Any
) -> bool:
    rollout = a_rollout(*STEPS)
    here = where(rollout, index=index, **position)
    return steps.is_waiting(here, around(rollout, a_world(written, problems=problems)))


def test_what_should_come_by_itself_has_a_deadline() -> None:
    """Pods and the mesh; not people, not an analysis, nor what is over."""
    assert waits(0)
    assert waits(4)
    assert waits(0, stage=Stage.FIRST)
    assert not waits(0, stage=Stage.ABORTED)
    assert not waits(0, stage=Stage.DONE)
    assert not waits(0, pauses=UNDECIDED)


def test_a_pause_waits_until_its_weight_is_in_place() -> None:
    """And again when it is lost; what is left of a step that somebody skipped is no pause."""
    assert waits(1)
    assert not waits(1, pauses=PAUSED)
    assert waits(1, pauses=PAUSED, written=40)
    assert waits(1, step_run=RunReference(name="run", status="Running"))
    assert waits(0, pauses=PAUSED)


def test_an_analysis_waits_while_it_can_have_no_run() -> None:
    """Its run is made in the pass that comes to it, and ends by its own limits."""
    run = RunReference(name="run", status="Running")
    problems = (Finding("spec", "the route isn't there"),)
    assert not waits(2)
    assert waits(2, problems=problems)
    assert not waits(2, problems=problems, step_run=run)


def advanced(
    *, weight: int = 50, settled: bool = True, deleting: bool = False, new: int = 4, **changes: Any
) -> Position:
    problems = changes.pop("problems", ())
    rollout = replace(a_rollout(*STEPS), deleting=deleting)
    found = a_world(weight, new, problems=problems)
    return steps.advance(where(rollout, **changes), around(rollout, found, settled=settled))


def test_steps_are_passed_as_far_as_their_effect_is_there() -> None:
    """I5: the pause after the weight begins in the same pass."""
    found = advanced()
    assert (found.index, found.pauses, found.controller_pause) == (1, PAUSED, True)
    assert advanced(settled=False).index == 0
    assert advanced(weight=40).index == 0


def test_a_pause_after_a_weight_counts_its_settle_time_at_most() -> None:
    """However long that weight was in effect before; a pause after a pause counts none."""
    pauses = ({"setWeight": 50}, {"pause": {"duration": "100s"}}, {"pause": {"duration": "100s"}})
    rollout = a_rollout(*pauses)
    after = steps.advance(where(rollout), around(rollout))
    assert [pause.start_time for pause in after.pauses] == [NOW - SETTLE]
    resumed = where(rollout, index=1, controller_pause=True)
    after = steps.advance(resumed, around(rollout))
    assert (after.index, [pause.start_time for pause in after.pauses]) == (2, [NOW])


@pytest.mark.parametrize(
    ("status", "resumed", "index"),
    [
        (None, False, 2),
        ("Running", False, 2),
        ("Pending", False, 2),
        ("Inconclusive", True, 3),
        ("Running", True, 2),
        ("Successful", False, 3),
    ],
)
def test_an_analysis_is_passed_by_success_or_by_a_person(
    status: str | None, *, resumed: bool, index: int
) -> None:
    """I7: resuming passes an inconclusive one, never one that still measures."""
    run = None if status is None else RunReference(name="run", status=status)
    assert advanced(index=2, step_run=run, controller_pause=resumed).index == index


@pytest.mark.parametrize(
    "changes",
    [{"deleting": True}, {"problems": PROBLEM}, {"stage": Stage.ABORTED}, {"stage": Stage.DONE}],
    ids=str,
)
def test_nothing_is_passed_in_the_meantime(changes: dict[str, Any]) -> None:
    """While it goes, while something is wrong, or when it is over."""
    found = advanced(**changes)
    assert (found.index, found.pauses) == (0, ())


def test_an_inconclusive_run_holds_every_step() -> None:
    """Until a person decides."""
    run = RunReference(name="run", status="Inconclusive")
    found = advanced(background_run=run)
    assert (found.index, found.pauses, found.controller_pause) == (0, UNDECIDED, True)
    assert advanced(pauses=UNDECIDED, controller_pause=True).index == 0


def test_promotion_in_full_is_a_decision_about_an_inconclusive_run() -> None:
    """It paused anew in every pass, a write each, and nobody could resume it."""
    run = RunReference(name="run", status="Inconclusive")
    for pauses in ((), UNDECIDED):
        found = advanced(
            promote_full=True, background_run=run, pauses=pauses, controller_pause=bool(pauses)
        )
        assert (found.index, found.pauses, found.controller_pause) == (4, (), False)
    assert advanced(promote_full=True, background_run=run, weight=100).stage is Stage.DONE


def test_promotion_in_full_skips_to_the_end_and_no_further() -> None:
    """I2: stable only at 100 in effect with all pods."""
    assert (advanced(promote_full=True).index, advanced(promote_full=True).stage) == (
        4,
        Stage.UPDATING,
    )
    done = advanced(promote_full=True, weight=100)
    assert (done.stage, done.stable_hash, done.promote_full) == (Stage.DONE, NEW, False)
    assert advanced(promote_full=True, weight=100, new=3).stage is Stage.UPDATING
    assert advanced(index=4, weight=100).stage is Stage.DONE


@pytest.mark.parametrize(
    ("circumstances", "stage"),
    [
        ({}, Stage.DONE),
        ({"replica_sets": (a_set(NEW, 1, 3),)}, Stage.FIRST),
        ({"replica_sets": ()}, Stage.FIRST),
        ({"replica_sets": (), "replicas": 0}, Stage.FIRST),
        ({"replica_sets": (a_set(NEW, 1, 0),), "replicas": 0}, Stage.DONE),
        ({"problems": PROBLEM}, Stage.FIRST),
        ({"deleting": True}, Stage.FIRST),
    ],
    ids=str,
)
def test_a_first_revision_is_stable_with_all_its_pods(
    circumstances: dict[str, Any], stage: Stage
) -> None:
    """No step is played for it; an absent ReplicaSet isn't complete."""
    found = {"replica_sets": (a_set(NEW, 1, 4),), **circumstances}
    wanted = spec(*STEPS, version="2", replicas=found.pop("replicas", 4))
    rollout = a_rollout(wanted=wanted, status={"stable_rs": None})
    rollout = replace(rollout, deleting=found.pop("deleting", False))
    world = a_world(0, **found)
    after = steps.advance(where(rollout), around(rollout, world))
    assert after.stage is stage
    assert (after.stable_hash, after.index) == ((NEW, 4) if stage is Stage.DONE else (None, 0))
