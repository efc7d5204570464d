"""Which AnalysisRuns must exist, and which must not, case by case."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import PauseReason
from davy.api.errors import Finding
from davy.api.status import PauseCondition, RunReference
from davy.engine import plan as plans
from davy.engine import runs
from davy.engine.position import Stage
from davy.engine.world import Run, RunKind
from tests.unit.engine.cluster import spec
from tests.unit.engine.pieces import NEW, NOW, OLD, a_rollout, a_world, around, where
from tests.unit.engine.play import ANALYSIS, BACKGROUND

STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 10}, ANALYSIS, {"pause": {}})


def a_run(name: str = "run", phase: Phase = Phase.RUNNING, **more: Any) -> Run:
    fields: dict[str, Any] = {"kind": RunKind.STEP, "hash": NEW, "revision": 2, "step_index": 1}
    return Run(name=name, phase=phase, **(fields | more))


def a_background(name: str = "back", **more: Any) -> Run:
    return a_run(name, kind=RunKind.BACKGROUND, step_index=None, **more)


def asked(
    *found: Run,
    settled: bool = True,
    weight: int | None = 10,
    background: bool = False,
    **changes: Any,
) -> tuple[list[str], tuple[RunReference | None, RunReference | None]]:
    """Names of the runs that are created, and the references kept."""
    deleting, problems = changes.pop("deleting", False), changes.pop("problems", ())
    wanted = spec(*STEPS, version="2", canary=BACKGROUND if background else {})
    rollout = replace(a_rollout(wanted=wanted), deleting=deleting)
    world = a_world(weight, runs=found, problems=problems)
    here = where(rollout, **{"index": 1, **changes})
    after, actions = runs.wanted(around(rollout, world, settled=settled), here, 2)
    created = [action.name for action in actions if isinstance(action, plans.CreateRun)]
    assert len(created) == len(actions)
    return created, (after.step_run, after.background_run)


BASE = f"cart-{NEW}-2"
HISTORY, OVER = "beyond the history limit", "the step or update that it judged is over"


def test_a_step_gets_its_run_once() -> None:
    """Named after revision and step, so that a crash can't make a second one."""
    pending = RunReference(name=f"{BASE}-1", status="Pending")
    assert asked() == ([f"{BASE}-1"], (pending, None))
    kept = RunReference(name="run", status="Running", message="2 of 5")
    assert asked(a_run(), step_run=kept) == ([], (kept, None))
    assert asked(a_run(phase=Phase.SUCCESSFUL), step_run=kept) == ([], (kept, None))


def test_a_run_says_what_it_judges() -> None:
    """All that its manifest is made of."""
    rollout = a_rollout(wanted=spec(*STEPS, version="2", canary=BACKGROUND))
    _, (step, background) = runs.wanted(around(rollout), where(rollout, index=1), 2)
    assert isinstance(step, plans.CreateRun)
    assert isinstance(background, plans.CreateRun)
    assert (step.kind, step.step_index, step.why) == (RunKind.STEP, 1, "analysis of step 2")
    assert (step.hash, step.stable_hash, step.revision) == (NEW, OLD, 2)
    assert [found.template_name for found in step.analysis.templates or ()] == ["errors"]
    assert (background.kind, background.step_index) == (RunKind.BACKGROUND, None)
    assert (background.name, background.why) == (BASE, "background analysis")


@pytest.mark.parametrize(
    "other",
    [
        {"revision": 1},
        {"hash": OLD},
        {"step_index": 0},
        {"kind": RunKind.BACKGROUND},
        {"terminating": True},
        {"phase": Phase.FAILED},
    ],
    ids=str,
)
def test_only_the_very_run_is_taken_up_again(other: dict[str, Any]) -> None:
    """I6: one that a crash kept from the status; not another's, nor one that is over."""
    assert asked(a_run("lost"))[1][0] == RunReference(name="lost", status="Running")
    assert asked(a_run("lost", **other))[0] == [f"{BASE}-1"]


def test_a_name_that_is_taken_gets_a_number() -> None:
    """By runs of attempts before."""
    failed = {"phase": Phase.FAILED}
    assert asked(a_run(f"{BASE}-1", **failed))[0] == [f"{BASE}-1.1"]
    assert asked(a_run(f"{BASE}-1", **failed), a_run(f"{BASE}-1.1", **failed))[0] == [f"{BASE}-1.2"]


def test_a_run_that_was_deleted_comes_again_by_its_name() -> None:
    """Somebody deleted it under way."""
    kept = RunReference(name="mine", status="Running")
    assert asked(step_run=kept)[0] == ["mine"]


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": Stage.ABORTED},
        {"problems": (Finding("spec", "is wrong"),)},
        {"deleting": True},
        {"index": 3},
        {"pauses": (PauseCondition(reason=PauseReason.INCONCLUSIVE_ANALYSIS, start_time=NOW),)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_no_run_is_made_for_what_doesnt_go_on(changes: dict[str, Any]) -> None:
    """Aborted, wrong, deleted, all steps passed, or waiting for a person."""
    assert asked(background=True, **changes) == ([], (None, None))


def test_the_background_needs_traffic() -> None:
    """Weight 0 has nothing to judge; any other is judged from its write on, and for good."""
    assert asked(index=2, background=True)[0] == [BASE]
    assert asked(index=2, background=True, weight=1)[0] == [BASE]
    assert asked(index=2, background=True, weight=0)[0] == []
    assert asked(index=2, background=True, weight=None)[0] == []
    assert asked(index=2, background=True, settled=False)[0] == [BASE]
    begun = RunReference(name="back", status="Running")
    now: dict[str, Any] = {"index": 2, "background": True, "weight": 0, "background_run": begun}
    assert asked(a_background(), **now) == ([], (None, begun))
    assert asked(**now)[0] == ["back"]


@pytest.mark.parametrize(("index", "names"), [(0, []), (1, [BASE]), (2, [BASE])])
def test_the_background_begins_with_its_starting_step(index: int, names: list[str]) -> None:
    """Counted from 0, as Argo's."""
    canary = {"analysis": {**BACKGROUND["analysis"], "startingStep": 1}}
    wanted = spec({"setWeight": 10}, {"pause": {}}, {"setWeight": 20}, version="2", canary=canary)
    rollout = a_rollout(wanted=wanted)
    _, actions = runs.wanted(around(rollout), where(rollout, index=index), 2)
    assert [action.name for action in actions if isinstance(action, plans.CreateRun)] == names


def refreshed(*found: Run, **changes: Any) -> tuple[RunReference | None, ...]:
    rollout = a_rollout(*STEPS)
    here = runs.refreshed(where(rollout, **{"index": 1, **changes}), a_world(runs=found))
    return here.step_run, here.background_run


def test_references_say_what_the_runs_say_now() -> None:
    """Those of runs that aren't there stay as they were."""
    old = RunReference(name="run", status="Running", message="before")
    now = RunReference(name="run", status="Failed", message="bad")
    assert refreshed(a_run(phase=Phase.FAILED, message="bad"), step_run=old) == (now, None)
    assert refreshed(step_run=old, background_run=old) == (old, old)
    assert refreshed(a_run(phase=Phase.FAILED), background_run=old)[1] == RunReference(
        name="run", status="Failed"
    )


def test_the_run_of_a_step_that_was_skipped_isnt_the_next_steps() -> None:
    """Argo's CLI moves the index alone."""
    old = RunReference(name="run", status="Running")
    assert refreshed(a_run(step_index=0), step_run=old) == (None, None)


def test_an_aborted_update_keeps_the_run_that_judged_it() -> None:
    """It is at step 1 again, whichever step the run was of."""
    kept = RunReference(name="run", status="Failed", message="bad")
    bad = a_run(phase=Phase.FAILED, message="bad")
    assert refreshed(bad, step_run=kept, index=0, stage=Stage.ABORTED) == (kept, None)


def finished(*found: Run, deleting: bool = False, **changes: Any) -> list[str]:
    """What becomes of runs, the limits being 2 successful and 1 other."""
    wanted = spec(
        *STEPS,
        version="2",
        analysis={"successfulRunHistoryLimit": 2, "unsuccessfulRunHistoryLimit": 1},
    )
    rollout = replace(a_rollout(wanted=wanted), deleting=deleting)
    here = where(rollout, **changes)
    actions = runs.finished(rollout, a_world(runs=found), here)
    named = (plans.TerminateRun, plans.DeleteRun)
    assert {act.why for act in actions if isinstance(act, plans.DeleteRun)} <= {HISTORY}
    assert {act.why for act in actions if isinstance(act, plans.TerminateRun)} <= {OVER}
    return [f"{type(act).__name__} {act.name}" for act in actions if isinstance(act, named)]


def test_runs_that_nobody_waits_for_are_ended_once() -> None:
    """Of a step that is passed, of an update that is over; not those of the step."""
    mine = RunReference(name="run", status="Running")
    assert finished(a_run(), a_background(), step_run=mine) == ["TerminateRun back"]
    assert finished(
        a_run(), a_background(), background_run=RunReference(name="back", status="")
    ) == ["TerminateRun run"]
    assert finished(a_run(), step_run=mine, stage=Stage.ABORTED) == ["TerminateRun run"]
    assert finished(a_run(), step_run=mine, deleting=True) == ["TerminateRun run"]
    assert finished(a_run(terminating=True), a_run("b", phase=Phase.ERROR)) == []


def test_history_is_kept_to_its_limits_the_oldest_go() -> None:
    """Good and bad ones apart; one whose age isn't known is the oldest; the step's own stays."""

    def some(phase: Phase, *names: str) -> list[Run]:
        return [
            a_run(name, phase, created_at=NOW + timedelta(seconds=number))
            for number, name in enumerate(names)
        ]

    good, bad = some(Phase.SUCCESSFUL, "a", "b", "c"), some(Phase.FAILED, "d", "e")
    assert finished(*good[::-1], *bad[::-1]) == ["DeleteRun a", "DeleteRun d"]
    unknown = a_run("z", Phase.SUCCESSFUL)
    assert finished(unknown, *good) == ["DeleteRun z", "DeleteRun a"]
    mine = RunReference(name="a", status="Successful")
    assert finished(*good, step_run=mine) == []
    assert finished(*some(Phase.ERROR, "f"), *some(Phase.INCONCLUSIVE, "g")) == ["DeleteRun f"]


def test_the_oldest_is_told_by_its_age_and_then_by_its_name() -> None:
    """Whatever order the cache has them in: two passes must not disagree."""

    def bad(name: str, seconds: float | None) -> Run:
        at = None if seconds is None else NOW + timedelta(seconds=seconds)
        return a_run(name, Phase.FAILED, created_at=at)

    assert finished(bad("a", 2), bad("b", 1)) == ["DeleteRun b"]
    assert finished(bad("b", 1), bad("a", 1)) == ["DeleteRun a"]
    assert finished(bad("b", None), bad("a", None)) == ["DeleteRun a"]
