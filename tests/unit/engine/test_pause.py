"""When a pause begins and ends, and what resuming means: case by case (I6, I7)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.conditions import PauseReason
from davy.api.status import PauseCondition, RunReference
from davy.engine import pause
from davy.engine.position import Position
from tests.unit.engine.pieces import NOW, a_rollout, where
from tests.unit.engine.play import ANALYSIS

STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 50},
    {"pause": {"duration": "100s"}},
    {"pause": {}},
    ANALYSIS,
)
SECOND = timedelta(seconds=1)
UNKNOWN, RUNNING = (RunReference(name="run", status=name) for name in ("Inconclusive", "Running"))


def begun(
    at: datetime, reason: PauseReason = PauseReason.CANARY_PAUSE_STEP
) -> tuple[PauseCondition, ...]:
    return (PauseCondition(reason=reason, start_time=at),)


def at_step(index: int, **changes: Any) -> Position:
    return where(a_rollout(*STEPS), index=index, **changes)


def paused(index: int = 1, *, held: bool = True, **changes: Any) -> tuple[datetime | None, bool]:
    """Since when it is paused after this pass, and whether the pause is over."""
    after, done = pause.step(at_step(index, **changes), NOW, weight_in_place=held)
    found = after.paused_for(PauseReason.CANARY_PAUSE_STEP)
    assert found is None or after.controller_pause or after.pauses == changes.get("pauses")
    return (found.start_time if found else None), done


def test_a_pause_begins_when_its_weight_is_in_place() -> None:
    """I5: and is Davy's own, so that clearing it means to resume."""
    assert paused() == (NOW, False)
    assert paused(2) == (NOW, False)
    assert paused(held=False) == (None, False)


def test_a_pause_ends_by_time_that_very_instant_included() -> None:
    """Not while the canary can't carry its weight, and never where no time is given."""
    whole = begun(NOW - 100 * SECOND)
    assert paused(pauses=whole) == (NOW - 100 * SECOND, True)
    assert paused(pauses=begun(NOW - 99 * SECOND)) == (NOW - 99 * SECOND, False)
    assert paused(pauses=whole, held=False) == (NOW - 100 * SECOND, False)
    assert paused(2, pauses=whole) == (NOW - 100 * SECOND, False)


def test_a_pause_that_somebody_cleared_is_over() -> None:
    """Whatever its time or the pods say."""
    assert paused(2, controller_pause=True, held=False) == (None, True)


def test_a_pause_in_the_future_begins_now() -> None:
    """The clock was set back; other pauses stay as they are."""
    others = begun(NOW + SECOND, PauseReason.INCONCLUSIVE_ANALYSIS)
    here = at_step(1, pauses=(*others, *begun(NOW + SECOND)), controller_pause=True)
    after, done = pause.step(here, NOW, weight_in_place=True)
    assert (after.pauses, done) == ((*others, *begun(NOW)), False)
    here = at_step(1, pauses=(*begun(NOW), *others), controller_pause=True)
    assert pause.step(here, NOW, weight_in_place=True) == (here, False)


@pytest.mark.parametrize(
    ("index", "ago", "counted"), [(1, 10, True), (1, 11, False), (2, 1, False)]
)
def test_a_pause_is_counted_from_its_weights_writing(
    index: int, ago: int, *, counted: bool
) -> None:
    """Where that was within a tenth of its length; one without an end counts nothing."""
    written = NOW - ago * SECOND
    assert paused(index, written_at=written) == (written if counted else NOW, False)


def test_when_a_pause_will_end() -> None:
    """By its step's length; never past the last step, nor where a pause of an older step is on."""
    (since,) = begun(NOW)
    assert pause.end(at_step(1), since) == NOW + 100 * SECOND
    assert pause.end(at_step(2), since) is None
    assert pause.end(at_step(0), since) is None
    assert pause.end(at_step(4), since) is None


@pytest.mark.parametrize("run", ["step_run", "background_run"])
def test_a_run_that_doesnt_decide_pauses_once(run: str) -> None:
    """I7: from the pass that sees it; beside a pause that is on already."""
    undecided = begun(NOW, PauseReason.INCONCLUSIVE_ANALYSIS)
    here = at_step(1, pauses=begun(NOW - SECOND), controller_pause=True, **{run: UNKNOWN})
    after = pause.inconclusive(here, NOW)
    assert after == replace(here, pauses=(*begun(NOW - SECOND), *undecided))
    assert pause.inconclusive(after, NOW + SECOND) == after
    alone = pause.inconclusive(at_step(1, **{run: UNKNOWN}), NOW)
    assert (alone.pauses, alone.controller_pause) == (undecided, True)


def test_a_run_that_is_under_way_pauses_nothing() -> None:
    """Nor does none."""
    for here in (at_step(1), at_step(3, step_run=RUNNING, background_run=RUNNING)):
        assert pause.inconclusive(here, NOW) == here


def resumed(index: int, **runs: RunReference | None) -> Position:
    return pause.inconclusive(at_step(index, controller_pause=True, **runs), NOW)


def test_going_on_replaces_an_inconclusive_background_run() -> None:
    """It gets a new one, and the resumption is used up: the step goes on as it was."""
    assert resumed(0, background_run=UNKNOWN) == at_step(0)
    assert resumed(3, background_run=UNKNOWN) == at_step(3)
    assert resumed(3, background_run=UNKNOWN, step_run=RUNNING) == at_step(3, step_run=RUNNING)
    assert resumed(4, background_run=UNKNOWN) == at_step(4)


def test_going_on_past_a_pause_or_an_undecided_step_needs_the_resumption_still() -> None:
    """One word of a person's is for both."""
    assert resumed(2, background_run=UNKNOWN) == at_step(2, controller_pause=True)
    both = resumed(3, background_run=UNKNOWN, step_run=UNKNOWN)
    assert both == at_step(3, step_run=UNKNOWN, controller_pause=True)


def test_going_on_leaves_a_background_run_that_measures_alone() -> None:
    """It has nothing to do with what was resumed."""
    here = at_step(3, controller_pause=True, step_run=UNKNOWN, background_run=RUNNING)
    assert pause.inconclusive(here, NOW) == here
