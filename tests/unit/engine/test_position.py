"""Where an update stands: the status read in the light of the spec, verb by verb."""

from dataclasses import replace
from typing import Any

import pytest

from davy.api.conditions import PauseReason
from davy.api.status import CanaryStatus, PauseCondition, RunReference
from davy.engine import position
from davy.engine.position import Stage
from tests.unit.engine.cluster import spec
from tests.unit.engine.pieces import NEW, NOW, OLD, a_rollout, where

STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 10}, {"pause": {}}, {"setWeight": 50})
PAUSE = PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=NOW)
RUN, OTHER = (RunReference(name=name, status="Running") for name in ("run", "other"))
BUSY: dict[str, Any] = {
    "current_step_index": 1,
    "promote_full": True,
    "pause_conditions": [PAUSE],
    "controller_pause": True,
    "canary": CanaryStatus(
        current_step_analysis_run_status=RUN, current_background_analysis_run_status=OTHER
    ),
}


def read(**status: Any) -> position.Position:
    return where(a_rollout(*STEPS, status=status))


def test_an_update_goes_on_where_it_was() -> None:
    """I6: everything that its step needs is in the status."""
    found = read(**BUSY)
    assert found == position.Position(
        stage=Stage.UPDATING,
        new_hash=NEW,
        steps_hash=found.steps_hash,
        stable_hash=OLD,
        steps=found.steps,
        index=1,
        promote_full=True,
        pauses=(PAUSE,),
        controller_pause=True,
        step_run=RUN,
        background_run=OTHER,
    )
    assert found.step == found.steps[1]
    assert found.paused_for(PauseReason.CANARY_PAUSE_STEP) == PAUSE
    assert found.paused_for(PauseReason.INCONCLUSIVE_ANALYSIS) is None
    assert not found.resumed
    assert replace(found, pauses=()).resumed


@pytest.mark.parametrize(
    ("status", "stage", "index"),
    [
        ({"stable_rs": None}, Stage.FIRST, 0),
        ({"stable_rs": ""}, Stage.FIRST, 0),
        ({"stable_rs": NEW}, Stage.DONE, 3),
        ({"abort": True}, Stage.ABORTED, 0),
        ({"abort": False}, Stage.UPDATING, 0),
        ({"current_step_index": None}, Stage.UPDATING, 0),
        ({"current_step_index": -1}, Stage.UPDATING, 0),
        ({"current_step_index": 2}, Stage.UPDATING, 2),
        ({"current_step_index": 9}, Stage.UPDATING, 3),
        ({"abort": True, "current_step_index": 2}, Stage.ABORTED, 0),
        ({"stable_rs": NEW, "current_step_index": 1}, Stage.DONE, 3),
    ],
)
def test_the_stage_and_the_step(status: dict[str, Any], stage: Stage, index: int) -> None:
    """What was promoted is done, what was never promoted is first, whatever the index says."""
    found = read(**status)
    assert (found.stage, found.index) == (stage, index)
    assert not found.started_over
    assert (found.step is None) == (index == 3)


@pytest.mark.parametrize("known", ["current_pod_hash", "current_step_hash"])
def test_a_new_template_and_new_steps_start_over(known: str) -> None:
    """I6: nothing of the update before is left, an abort of it neither."""
    found = read(**{**BUSY, known: "older", "abort": True, "aborted_at": NOW})
    assert found.started_over
    assert not found.retried
    assert found == replace(read(), started_over=True)


def test_a_retry_starts_over() -> None:
    """An abort that was recorded and is no longer wanted."""
    found = read(**BUSY, aborted_at=NOW)
    assert found == replace(read(), started_over=True, retried=True)


def test_an_abort_that_lasts_keeps_its_time() -> None:
    """And nobody promotes it."""
    found = read(**BUSY, abort=True, aborted_at=NOW)
    assert (found.stage, found.aborted_at) == (Stage.ABORTED, NOW)
    assert not found.promote_full
    assert not found.retried
    assert not found.ignored_abort


@pytest.mark.parametrize("stable", [None, NEW])
def test_an_abort_where_there_is_nothing_to_abort_is_ignored(stable: str | None) -> None:
    """A first revision has nothing to go back to, a promoted one is stable."""
    assert read(stable_rs=stable, abort=True).ignored_abort
    assert not read(stable_rs=stable).ignored_abort


def test_the_next_step_begins_with_nothing() -> None:
    """The background's run goes on."""
    found = replace(read(**BUSY), written_at=NOW).at(2)
    assert found.written_at is None
    assert (found.index, found.pauses, found.controller_pause, found.step_run) == (
        2,
        (),
        False,
        None,
    )
    assert found.background_run == OTHER


def test_an_abort_that_isnt_recorded_yet_is_of_the_update_before_its_steps_changed() -> None:
    """I3: it isn't lost with them, nor the run that judged it."""
    found = read(**BUSY, abort=True, current_step_hash="older")
    assert (found.stage, found.started_over, found.retried) == (Stage.ABORTED, False, False)
    assert (found.step_run, found.background_run) == (RUN, OTHER)


def test_an_abort_that_was_recorded_of_what_is_stable_now_is_none() -> None:
    """Somebody wrote the status by hand."""
    assert read(stable_rs=NEW, abort=True, aborted_at=NOW).aborted_at is None


def test_a_rollout_without_steps_has_none() -> None:
    """The field is left out, or empty."""
    left_out = spec(version="2", canary={"steps": None})
    assert where(a_rollout(wanted=left_out)).steps == ()
    assert where(a_rollout(wanted=spec(version="2"))).steps == ()
