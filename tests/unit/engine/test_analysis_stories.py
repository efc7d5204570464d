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
