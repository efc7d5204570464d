"""The conditions of each state that a rollout can be in (I10)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.conditions import ConditionStatus, ConditionType, PauseReason, Reason
from davy.api.errors import Finding
from davy.api.status import PauseCondition, RolloutStatus
from davy.engine import report
from davy.engine.describe import Scene
from davy.engine.position import Stage
from davy.engine.world import Answer, Route
from tests.unit.engine.pieces import (
    NEW,
    NOW,
    OLD,
    RESTING,
    WAITING,
    a_condition,
    a_scene,
    a_set,
    a_world,
)
from tests.unit.engine.play import ANALYSIS

STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 50}, ANALYSIS)
PAUSED = (PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=NOW),)
UNDECIDED = (PauseCondition(reason=PauseReason.INCONCLUSIVE_ANALYSIS, start_time=NOW),)
PROBLEM = (Finding("spec", "is wrong"), Finding("spec.b", "is missing"))
UNREADABLE = Route(None)
LATE = replace(WAITING, exceeded=True)


def conditions(scene: Scene) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of each, the status' message as `…`."""
    told = report.status(scene, 50)
    return {
        found.type: (
            found.status,
            found.reason,
            "…" if found.message == told.message else found.message,
        )
        for found in told.conditions or ()
    }


RENAMED = replace(a_set(NEW, 2), name="older-name")
ABSENT = a_world(replica_sets=(a_set(OLD, 1),))


@pytest.mark.parametrize(
    ("scene", "progressing"),
    [
        (
            a_scene(*STEPS),
            ("True", "ReplicaSetUpdated", f'ReplicaSet "cart-{NEW}" is progressing.'),
        ),
        (
            a_scene(*STEPS, world=ABSENT),
            ("True", "ReplicaSetUpdated", f'ReplicaSet "cart-{NEW}" is progressing.'),
        ),
        (
            a_scene(*STEPS, world=a_world(replica_sets=(RENAMED,))),
            ("True", "ReplicaSetUpdated", 'ReplicaSet "older-name" is progressing.'),
        ),
        (
            a_scene(*STEPS, stage=Stage.ABORTED, aborted="By hand.", waited=RESTING),
            ("False", "RolloutAborted", "By hand."),
        ),
        (
            a_scene(*STEPS, waited=LATE),
            (
                "False",
                "ProgressDeadlineExceeded",
                f'ReplicaSet "cart-{NEW}" made no progress for 600 s.',
            ),
        ),
        (
            a_scene(*STEPS, stage=Stage.DONE, waited=RESTING),
            ("True", "NewReplicaSetAvailable", f'ReplicaSet "cart-{NEW}" is stable.'),
        ),
        (
            a_scene(*STEPS, pauses=PAUSED, waited=RESTING),
            ("Unknown", "RolloutPaused", "Rollout is paused."),
        ),
        (
            a_scene(*STEPS, pauses=PAUSED, waited=RESTING, world=a_world(problems=PROBLEM)),
            ("Unknown", "RolloutPaused", "Rollout is paused."),
        ),
        (
            a_scene(*STEPS, pauses=PAUSED),
            ("True", "ReplicaSetUpdated", f'ReplicaSet "cart-{NEW}" is progressing.'),
        ),
        (
            a_scene(*STEPS, index=1, waited=RESTING),
            ("True", "AnalysisRunRunning", "An analysis step is running."),
        ),
    ],
)
def test_progress_in_argos_words(scene: Scene, progressing: tuple[str, str, str]) -> None:
    """What is waited for; a pause that waits for its pods again is progressing."""
    assert conditions(scene)["Progressing"] == progressing


@pytest.mark.parametrize(
    ("scene", "reason", "in_kstatus"),
    [
        (a_scene(*STEPS), "ReplicaSetUpdated", ("False", "True", "False")),
        (a_scene(*STEPS, pauses=PAUSED), "RolloutPaused", ("False", "True", "False")),
        (
            a_scene(world=a_world(route=Route(0, NEW, NEW)), stage=Stage.DONE),
            "RolloutHealthy",
            ("True", "False", "False"),
        ),
        (a_scene(stage=Stage.ABORTED), "RolloutAborted", ("False", "False", "True")),
        (a_scene(waited=LATE), "ProgressDeadlineExceeded", ("False", "False", "True")),
        (
            a_scene(world=a_world(problems=PROBLEM), stage=Stage.ABORTED),
            "InvalidSpec",
            ("False", "False", "True"),
        ),
    ],
)
def test_ready_reconciling_and_stalled(
    scene: Scene, reason: str, in_kstatus: tuple[str, str, str]
) -> None:
    """As kstatus wants it: only what is so has the message."""
    told = conditions(scene)
    ready, reconciling, stalled = in_kstatus
    assert told["Ready"] == (ready, reason, "…")
    assert told["Reconciling"] == (reconciling, reason, "…" if reconciling == "True" else "")
    assert told["Stalled"] == (stalled, reason, "…" if stalled == "True" else "")


def test_what_is_available_paused_complete_and_healthy() -> None:
    """The pods of all revisions count."""
    told = conditions(a_scene(*STEPS, pauses=(*PAUSED, *UNDECIDED)))
    assert told["Available"] == ("True", "AvailableReason", "4 pods are wanted")
    both = "CanaryPauseStep, InconclusiveAnalysisRun"
    assert told["Paused"] == ("True", "RolloutPaused", both)
    assert told["Completed"] == ("False", "RolloutCompleted", "")
    assert told["Healthy"] == ("False", "RolloutHealthy", "")
    assert "InvalidSpec" not in told
    assert "ReplicaFailure" not in told
    few = a_world(replica_sets=(a_set(OLD, 1, 2), a_set(NEW, 2, 1)))
    told = conditions(a_scene(*STEPS, world=few, stage=Stage.DONE))
    assert told["Available"] == ("False", "AvailableReason", "fewer than 4 pods are available")
    assert told["Paused"] == ("False", "RolloutResumed", "")
    assert told["Completed"] == ("True", "RolloutCompleted", "")
    whole = a_world(route=Route(0, NEW, NEW))
    assert conditions(a_scene(world=whole, stage=Stage.DONE))["Healthy"][0] == "True"


def test_what_is_wrong_is_a_condition_of_its_own() -> None:
    """All problems; and pods that can't be created, as Deployments have it."""
    new = a_set(NEW, 2, failure="exceeded quota")
    told = conditions(a_scene(*STEPS, world=a_world(problems=PROBLEM, replica_sets=(new,))))
    assert told["InvalidSpec"] == ("True", "InvalidSpec", "spec: is wrong; spec.b: is missing")
    assert told["ReplicaFailure"] == ("True", "ReplicaSetCreateError", "exceeded quota")


@pytest.mark.parametrize(
    ("route", "settled", "status", "reason"),
    [
        (UNREADABLE, True, "False", "RouteMissing"),
        (Route(50, answer=Answer.NOT_YET), True, "False", "WeightRefused"),
        (Route(50, answer=Answer.VERIFIED), False, "Unknown", "WeightSettling"),
        (Route(50, answer=Answer.VERIFIED), True, "True", "WeightVerified"),
        (Route(50), False, "Unknown", "WeightSettling"),
        (Route(50), True, "Unknown", "WeightNotReported"),
    ],
)
def test_whether_the_mesh_took_the_weight(
    route: Route, *, settled: bool, status: str, reason: str
) -> None:
    """I5: verified, not yet, and unknown are three answers."""
    scene = a_scene(*STEPS, world=a_world(route=route), settled=settled)
    assert conditions(scene)["TrafficVerified"] == (status, reason, scene.took.said)


@pytest.mark.parametrize(
    ("status", "reason", "message", "times"),
    [
        ("True", Reason.AVAILABLE, "4 pods", ("old", "old")),
        ("True", Reason.AVAILABLE, "5 pods", ("old", "now")),
        ("True", Reason.ROLLOUT_HEALTHY, "4 pods", ("old", "now")),
        ("False", Reason.AVAILABLE, "4 pods", ("now", "now")),
    ],
)
def test_a_condition_keeps_its_times_while_it_says_the_same(
    status: str, reason: Reason, message: str, times: tuple[str, str]
) -> None:
    """The transition is of the status, the update of anything in it."""
    old = NOW - timedelta(hours=1)
    kind = ConditionType.AVAILABLE
    before = RolloutStatus(conditions=[a_condition(kind, Reason.AVAILABLE, old, "4 pods")])
    told = report.condition(
        before, kind, ConditionStatus(status), reason, message, now=NOW, generation=3
    )
    named: dict[datetime, str] = {old: "old", NOW: "now"}
    assert (named[told.last_transition_time], named[told.last_update_time]) == times
    assert told.observed_generation == 3
    first = report.condition(
        RolloutStatus(), kind, ConditionStatus.TRUE, reason, message, now=NOW, generation=3
    )
    assert (first.last_transition_time, first.last_update_time) == (NOW, NOW)
