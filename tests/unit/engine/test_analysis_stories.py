"""What analysis runs are made, and what their ends bring about."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import EventReason, RolloutPhase
from davy.engine import plan as plans
from tests.unit.engine.play import (
    ANALYSIS,
    BACKGROUND,
    STEPS,
    phase,
    reasons,
    updating,
)


def test_a_failed_inline_analysis_aborts_with_its_words() -> None:
    """The verdict's numbers are the abort's message."""
    cluster = updating({"setWeight": 10}, ANALYSIS, {"setWeight": 50}, seconds=8)
    assert [run.kind.value for run in cluster.runs.values()] == ["Step"]
    cluster.finish("Step", Phase.FAILED, "error-rate 18.2 % of 1204 requests, limit 5 %")
    plan = cluster.once()
    assert isinstance(plan.actions[0], plans.SetWeights)
    assert "error-rate 18.2 % of 1204 requests, limit 5 %" in (plan.status.message or "")


@pytest.mark.parametrize("bad", [Phase.FAILED, Phase.ERROR])
@pytest.mark.parametrize("kind", ["Step", "Background"])
def test_a_bad_analysis_of_either_kind_aborts(kind: str, bad: Phase) -> None:
    """I3: errors beyond their limit are no evidence that the canary is good."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 10}, ANALYSIS, {"setWeight": 50})
    cluster = updating(*steps, seconds=8, canary=BACKGROUND)
    cluster.finish(kind, bad, "the provider is gone")
    cluster.settle()
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert cluster.weight == 0
    assert "aborted at weight 10: the provider is gone. All weight" in cluster.message


def test_a_successful_inline_analysis_goes_on() -> None:
    """Successful is the effect that an analysis step waits for."""
    cluster = updating({"setWeight": 10}, ANALYSIS, {"setWeight": 50}, {"pause": {}}, seconds=8)
    cluster.run(100)
    assert cluster.weight == 10
    cluster.finish("Step", Phase.SUCCESSFUL)
    cluster.run(10)
    assert cluster.weight == 50
    assert reasons(cluster).count(EventReason.ANALYSIS_RUN_SUCCESSFUL) == 1


@pytest.mark.parametrize("kind", ["Step", "Background"])
def test_an_inconclusive_analysis_pauses_until_somebody_decides(kind: str) -> None:
    """I7: no evidence neither promotes nor aborts."""
    judged: dict[str, Any] = ANALYSIS if kind == "Step" else {"pause": {"duration": "20s"}}
    more: dict[str, Any] = {} if kind == "Step" else {"canary": BACKGROUND}
    steps: tuple[dict[str, Any], ...] = (
        {"setWeight": 10},
        judged,
        {"setWeight": 50},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=8, **more)
    cluster.finish(kind, Phase.INCONCLUSIVE, "no requests")
    cluster.run(100)
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.message.startswith("Step 2 of 4: InconclusiveAnalysisRun")
    assert cluster.weight == 10
    cluster.edit_status(pause_conditions=None)
    cluster.run(30)
    assert cluster.weight == 50


def test_background_analysis_begins_with_the_first_traffic_and_ends_with_the_update() -> None:
    """Before the canary has requests there is nothing to judge; after the update nothing to say."""
    cluster = updating(*STEPS, seconds=3, canary=BACKGROUND)
    assert not cluster.runs
    cluster.run(10)
    assert [run.kind.value for run in cluster.runs.values()] == ["Background"]
    cluster.edit_status(promote_full=True)
    cluster.run(60)
    assert all(run.terminating for run in cluster.runs.values())


LACKS = "Metric errors: no evidence since 12:00:00: prometheus:9090 refused the connection."


def test_a_weight_isnt_raised_while_the_background_lacks_evidence() -> None:
    """I7: a source that is down promotes nothing, whatever the pauses; said, and gone on after."""
    steps: tuple[dict[str, Any], ...] = (
        {"setWeight": 10},
        {"pause": {"duration": "20s"}},
        {"setWeight": 50},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=10, canary=BACKGROUND)
    cluster.starve(LACKS)
    cluster.run(5)
    assert "paused at weight 10 until" in cluster.message
    cluster.run(3_600)
    (run,) = cluster.runs
    assert (cluster.weight, phase(cluster)) == (10, RolloutPhase.PAUSED)
    assert cluster.message == (
        f"Step 2 of 4: analysis {run}: {LACKS} Weight held at 10. Goes on when there is evidence, "
        "or somebody promotes."
    )
    cluster.starve("")
    cluster.run(30)
    assert (cluster.weight, cluster.status.current_step_index) == (50, 3)


def test_the_last_step_isnt_left_for_all_weight_without_evidence_either() -> None:
    """Nor a step that isn't a pause; it is no wait that the deadline counts."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 10}, {"pause": {}}, {"setWeight": 50})
    cluster = updating(*steps, seconds=10, canary=BACKGROUND, progressDeadlineSeconds=60)
    cluster.starve(LACKS)
    cluster.edit_status(pause_conditions=None)
    cluster.run(600)
    assert cluster.weight == 50
    assert phase(cluster) is RolloutPhase.PROGRESSING
    assert cluster.message.endswith("or somebody skips the step.")
    cluster.edit_status(current_step_index=3)
    cluster.run(30)
    assert cluster.weight == 0
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_a_step_that_raises_nothing_waits_for_no_evidence() -> None:
    """The same weight, or a lower one, needs no promise."""
    steps: tuple[dict[str, Any], ...] = (
        {"setWeight": 50},
        {"pause": {"duration": "20s"}},
        {"setWeight": 10},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=1, canary=BACKGROUND)
    cluster.starve(LACKS)
    cluster.run(60)
    assert (cluster.weight, cluster.status.current_step_index) == (10, 3)


@pytest.mark.parametrize("verb", [{"pause_conditions": None}, {"promote_full": True}])
def test_a_person_goes_on_without_evidence(verb: dict[str, Any]) -> None:
    """Who resumes or promotes has decided; the next rise is held again."""
    steps: tuple[dict[str, Any], ...] = (
        {"setWeight": 10},
        {"pause": {"duration": "5s"}},
        {"setWeight": 50},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=1, canary=BACKGROUND)
    cluster.starve(LACKS)
    cluster.run(60)
    cluster.edit_status(**verb)
    cluster.run(60)
    assert cluster.weight == (0 if "promote_full" in verb else 50)


def test_a_bad_verdict_aborts_while_the_weight_is_held() -> None:
    """I3: holding is no shelter."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 10}, {"pause": {"duration": "5s"}})
    cluster = updating(*steps, seconds=1, canary=BACKGROUND)
    cluster.starve(LACKS)
    cluster.run(60)
    cluster.finish("Background", Phase.FAILED, "errors 20 %")
    cluster.run(5)
    assert (cluster.weight, phase(cluster)) == (0, RolloutPhase.DEGRADED)


def test_background_analysis_waits_for_its_starting_step() -> None:
    """A startingStep of 2 is the third step."""
    more: dict[str, Any] = {"canary": {"analysis": {**BACKGROUND["analysis"], "startingStep": 2}}}
    cluster = updating(*STEPS, seconds=7, **more)
    assert cluster.weight == 10
    assert not cluster.runs
    cluster.run(10)
    assert len(cluster.runs) == 1


@pytest.mark.parametrize("kind", ["Step", "Background"])
def test_a_retry_gets_runs_of_its_own(kind: str) -> None:
    """The run that aborted the last attempt must not judge the next one."""
    more: dict[str, Any] = {} if kind == "Step" else {"canary": BACKGROUND}
    step: dict[str, Any] = ANALYSIS if kind == "Step" else {"pause": {}}
    cluster = updating({"setWeight": 10}, step, seconds=8, **more)
    cluster.finish(kind, Phase.FAILED, "bad")
    cluster.run(5)
    assert phase(cluster) is RolloutPhase.DEGRADED
    cluster.edit_status(abort=False)
    cluster.run(10)
    assert cluster.weight == 10
    first, second = sorted(cluster.runs)
    assert second == f"{first}.1"
    assert not cluster.runs[second].phase.completed


def test_a_run_created_just_before_a_crash_is_taken_up_again() -> None:
    """I6: killed between the creation and the status write, the run isn't created twice."""
    cluster = updating({"setWeight": 10}, ANALYSIS, seconds=4)
    while not cluster.runs:
        cluster.now += timedelta(seconds=0.25)
        before = cluster.status
        cluster.once()
    cluster.rollout = replace(cluster.rollout, status=before)
    cluster.settle()
    (run,) = cluster.runs
    assert cluster.status.canary is not None
    reference = cluster.status.canary.current_step_analysis_run_status
    assert reference is not None
    assert reference.name == run
