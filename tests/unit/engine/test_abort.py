"""When an update is given up, and how long one has waited: function by function."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import ConditionType, PauseReason, Reason
from davy.api.status import PauseCondition, ProgressMark, RunReference
from davy.engine import abort
from davy.engine.position import Stage
from davy.engine.world import Route, Run, RunKind
from tests.unit.engine.cluster import spec
from tests.unit.engine.pieces import NEW, NOW, OLD, a_condition, a_rollout, a_world, around, where

BEGAN = NOW - timedelta(seconds=400)
STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 10}, {"setWeight": 50})


def waiting(
    reason: Reason = Reason.REPLICA_SET_UPDATED,
    *,
    most: int = 1,
    available: int = 1,
    counted: bool = True,
    at: datetime = NOW,
    **position: Any,
) -> abort.Progress:
    """The wait of an update that has waited since BEGAN with `most` pods at best."""
    status = {
        "conditions": [a_condition(ConditionType.PROGRESSING, reason, BEGAN)],
        "progress": ProgressMark(available=most, step_index=0),
    }
    rollout = a_rollout(*STEPS, status=status)
    here = where(rollout, **position)
    return abort.progress(rollout, a_world(new=available), here, at, counted=counted)


def test_a_wait_goes_on_while_no_more_pods_come() -> None:
    """Its deadline is 600 s after the last progress, that instant included."""
    waited = waiting()
    mark = ProgressMark(available=1, step_index=0)
    ends = BEGAN + timedelta(seconds=600)
    assert waited == abort.Progress(BEGAN, ends, exceeded=False, mark=mark)
    assert waiting(at=ends).exceeded
    assert not waiting(at=ends - timedelta(milliseconds=1)).exceeded


def test_one_more_pod_than_ever_is_progress() -> None:
    """The mark keeps the most of this wait: pods that flap are none."""
    assert waiting(available=2).since == NOW
    assert waiting(available=2).mark.available == 2
    assert waiting(available=0).since == BEGAN
    assert waiting(available=0).mark.available == 1


@pytest.mark.parametrize(
    "changes", [{"index": 1}, {"started_over": True}], ids=["step", "new template"]
)
def test_a_step_forward_begins_a_wait_of_its_own(changes: dict[str, Any]) -> None:
    """What was the most before says nothing of it."""
    waited = waiting(most=3, **changes)
    assert waited.since == NOW
    assert waited.mark == ProgressMark(available=1, step_index=changes.get("index", 0))


@pytest.mark.parametrize("reason", [Reason.ROLLOUT_PAUSED, Reason.ANALYSIS_RUN_RUNNING])
def test_a_pause_is_no_wait(reason: Reason) -> None:
    """Neither counted with the one before nor with the one after; it has no deadline."""
    assert waiting(reason, most=3).since == NOW
    assert waiting(reason, most=3).mark.available == 1
    rest = waiting(reason, counted=False)
    assert (rest.since, rest.deadline, rest.exceeded) == (BEGAN, None, False)


def test_a_rollout_without_any_status_begins_to_wait_now() -> None:
    """Nor has it pods to count."""
    rollout = a_rollout(*STEPS)
    waited = abort.progress(rollout, a_world(replica_sets=()), where(rollout), NOW, counted=True)
    assert waited.since == NOW
    assert waited.mark == ProgressMark(available=0, step_index=0)


def test_without_a_mark_only_steps_are_progress() -> None:
    """Argo's own CRD prunes it."""
    conditions = [a_condition(ConditionType.PROGRESSING, Reason.REPLICA_SET_UPDATED, BEGAN)]
    rollout = a_rollout(*STEPS, status={"conditions": conditions})
    waited = abort.progress(rollout, a_world(), where(rollout), NOW, counted=True)
    assert waited.since == BEGAN


def test_an_aborted_update_forgets_pauses_promotion_and_its_step() -> None:
    """I3: nothing of it stands in the way of the weight, or of a retry."""
    pause = PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=BEGAN)
    here = where(
        a_rollout(*STEPS), index=1, pauses=(pause,), controller_pause=True, promote_full=True
    )
    given_up, why = abort.aborted(a_world(), here, "the reason.", NOW)
    assert given_up == replace(
        where(a_rollout(*STEPS)), stage=Stage.ABORTED, aborted_at=NOW, index=0
    )
    assert why == "Revision 2 aborted at weight 50: the reason. All weight to revision 1."


def test_the_sentence_says_as_much_as_is_known() -> None:
    """A route that can't be read has no weight, an absent ReplicaSet no number."""
    world = a_world(replica_sets=(), route=Route(None))
    _, why = abort.aborted(world, where(a_rollout(*STEPS)), "by hand", NOW)
    assert why == f"Revision {NEW} aborted: by hand. All weight to stable."


def test_an_abort_keeps_its_reason_as_long_as_it_lasts() -> None:
    """The Progressing condition has it; another tool's words there aren't it."""

    def said(*conditions: Any) -> str:
        status = {"abort": True, "aborted_at": BEGAN, "conditions": list(conditions)}
        rollout = a_rollout(*STEPS, status=status)
        return abort.check(rollout, a_world(), where(rollout), NOW)[1]

    kind = ConditionType.PROGRESSING
    assert said(a_condition(kind, Reason.ROLLOUT_ABORTED, BEGAN, "It was bad.")) == "It was bad."
    assert said(a_condition(kind, Reason.ROLLOUT_PAUSED, BEGAN, "x")) == "The update was aborted."
    assert said() == "The update was aborted."


def a_bad_run(message: str = "", verdict: str = "", phase: Phase = Phase.FAILED) -> Run:
    return Run("run", RunKind.BACKGROUND, NEW, 2, phase, message=message, verdict=verdict)


@pytest.mark.parametrize(
    ("runs", "status", "cause"),
    [
        ((a_bad_run("its message", "its numbers"),), Phase.RUNNING, "its message"),
        ((a_bad_run("", "its numbers"),), Phase.RUNNING, "its numbers"),
        ((a_bad_run(),), Phase.RUNNING, "AnalysisRun run is Failed"),
        ((a_bad_run(phase=Phase.ERROR),), Phase.RUNNING, "AnalysisRun run is Error"),
        ((), Phase.FAILED, "the words kept"),
        ((), Phase.ERROR, "the words kept"),
        ((), Phase.RUNNING, None),
        ((a_bad_run(phase=Phase.RUNNING),), Phase.FAILED, None),
    ],
)
def test_a_bad_run_aborts_in_its_own_words(
    runs: tuple[Run, ...], status: Phase, cause: str | None
) -> None:
    """The run says how it is; one that is gone, what the status kept of it."""
    rollout = a_rollout(*STEPS)
    kept = RunReference(name="run", status=status.value, message="the words kept")
    here = where(rollout, background_run=kept)
    given_up, why = abort.check(rollout, a_world(runs=runs), here, NOW)
    assert (given_up.stage is Stage.ABORTED) == (cause is not None)
    assert (f": {cause}. All weight" in why) if cause else (why == "")


def test_a_run_that_is_gone_without_words_aborts_all_the_same() -> None:
    """I7: its end is known, though not why."""
    rollout = a_rollout(*STEPS)
    here = where(rollout, step_run=RunReference(name="run", status="Failed"))
    assert "its analysis failed" in abort.check(rollout, a_world(), here, NOW)[1]


@pytest.mark.parametrize("changes", [{"deleting": True}, {"promoted": True}])
def test_a_bad_run_of_an_update_that_is_over_aborts_nothing(changes: dict[str, bool]) -> None:
    """A Rollout that goes, or whose template is stable."""
    rollout = a_rollout(*STEPS, status={"stable_rs": NEW} if "promoted" in changes else {})
    rollout = replace(rollout, deleting="deleting" in changes)
    here = where(rollout, background_run=RunReference(name="run", status="Failed"))
    assert abort.check(rollout, a_world(), here, NOW) == (here, "")


def overdue(*, wants: bool = True, exceeded: bool = True, **changes: Any) -> tuple[Stage, str]:
    """What becomes of an update whose deadline was exceeded, or not."""
    rollout = a_rollout(wanted=spec(*STEPS, version="2", progressDeadlineAbort=wants))
    rollout = replace(rollout, deleting=changes.pop("deleting", False))
    here = where(rollout, **changes)
    waited = abort.Progress(BEGAN, NOW, exceeded=exceeded, mark=ProgressMark(available=0))
    given_up, why = abort.overdue(around(rollout), here, waited)
    return given_up.stage, why


def test_a_deadline_aborts_only_where_it_is_wanted() -> None:
    """And only an update that is under way."""
    stage, why = overdue()
    assert stage is Stage.ABORTED
    assert why == (
        "Revision 2 aborted at weight 50: no progress for 600 s (progressDeadlineSeconds). "
        "All weight to revision 1."
    )
    assert overdue(wants=False) == (Stage.UPDATING, "")
    assert overdue(exceeded=False) == (Stage.UPDATING, "")
    assert overdue(deleting=True) == (Stage.UPDATING, "")
    assert overdue(stage=Stage.FIRST, stable_hash=None) == (Stage.FIRST, "")
    assert overdue(stage=Stage.DONE, stable_hash=OLD) == (Stage.DONE, "")


JUDGED: dict[str, Any] = {
    "judge": {"preset": "app", "prometheus": {"address": "http://prometheus:9090"}}
}


def failing(*, canary: dict[str, Any] = JUDGED, weight: int = 10, **changes: Any) -> str:
    """Why an update is aborted whose revisions have 2 pods each; "": it isn't."""
    rollout = a_rollout(wanted=spec(*STEPS, version="2", canary=canary))
    stable = {name[7:]: changes.pop(name) for name in [*changes] if name.startswith("stable_")}
    seen = a_world(new=0, weight=weight)
    sets = tuple(
        replace(
            found,
            desired=2,
            current=2,
            **({"ready": 0, **changes} if found.hash == NEW else stable),
        )
        for found in seen.replica_sets
    )
    seen = replace(seen, replica_sets=sets, route=replace(seen.route, canary_hash=NEW))
    here, why = abort.check(rollout, seen, where(rollout), NOW)
    assert (here.stage is Stage.ABORTED) is bool(why)
    return why


def test_pods_that_crash_need_no_judge() -> None:
    """Before they have any weight, too: nobody is to wait for what can't become ready."""
    crashes = "none of its pods is ready, and cart-x2k is in CrashLoopBackOff"
    assert crashes in failing(crashing="cart-x2k", stable_ready=2)
    assert crashes in failing(crashing="cart-x2k", stable_ready=2, weight=0)
    assert failing(crashing="cart-x2k", stable_ready=2, canary={}) == ""


def test_pods_that_aren_t_ready_any_more_need_no_judge() -> None:
    """With a weight they were ready; before it they may be starting."""
    why = failing(unready="cart-x2k", stable_ready=2)
    assert "none of its pods is ready though all run, as cart-x2k" in why
    assert failing(unready="cart-x2k", stable_ready=2, weight=0) == ""
    assert failing(unready="cart-x2k", stable_ready=2, canary={}) == ""


def test_what_stable_suffers_too_is_not_the_canarys_fault() -> None:
    """A node, or something that both need, is down."""
    assert failing(unready="cart-x2k", stable_ready=1) == ""
    assert failing(crashing="cart-x2k", stable_ready=1) == ""
