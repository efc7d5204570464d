"""The whole status of a pass, and the conditions of each state (I10)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import (
    ConditionStatus,
    ConditionType,
    PauseReason,
    Reason,
    RolloutPhase,
)
from davy.api.errors import Finding
from davy.api.selector import LabelSelector
from davy.api.status import (
    CanaryStatus,
    PauseCondition,
    RolloutStatus,
    RunReference,
    TrafficStatus,
    WeightDestination,
    Weights,
)
from davy.engine import report
from davy.engine.describe import Scene
from davy.engine.position import Stage
from davy.engine.world import Answer, Route, Run, RunKind
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


def test_the_status_of_an_update() -> None:
    """Every field; what isn't so is left out."""
    route = Route(30, OLD, NEW, stable_service="users", canary_service="few")
    runs = (RunReference(name="step", status="Running"), RunReference(name="back", status="Error"))
    world = a_world(
        route=route,
        replica_sets=(
            a_set(OLD, 1, 4, ready=4, current=5),
            a_set(NEW, 2, 1, ready=2, current=3),
            a_set("x", 3, 0),
        ),
    )
    scene = a_scene(
        *STEPS, world=world, index=1, promote_full=True, step_run=runs[0], background_run=runs[1]
    )
    told = report.status(scene, 50).manifest()
    del told["conditions"]
    assert told == {
        "phase": "Progressing",
        "message": "Step 2 of 2: analysis step is Running. Weight 30.",
        "currentStep": "2/2",
        "currentStepIndex": 1,
        "currentStepHash": scene.position.steps_hash,
        "currentPodHash": NEW,
        "stableRS": OLD,
        "promoteFull": True,
        "canary": {
            "weights": {
                "canary": {"weight": 30, "serviceName": "few", "podTemplateHash": NEW},
                "stable": {"weight": 70, "serviceName": "users", "podTemplateHash": OLD},
            },
            "currentStepAnalysisRunStatus": {"name": "step", "status": "Running"},
            "currentBackgroundAnalysisRunStatus": {"name": "back", "status": "Error"},
        },
        "traffic": {"wanted": 50, "written": 30, "verified": 30},
        "progress": {"available": 1, "stepIndex": 0},
        "replicas": 8,
        "updatedReplicas": 3,
        "readyReplicas": 6,
        "availableReplicas": 5,
        "HPAReplicas": 8,
        "selector": "app=cart",
        "observedGeneration": "1",
    }


def test_the_status_of_a_rollout_without_steps_pods_or_route() -> None:
    """Nothing is made up; no weight is wanted where none can be read."""
    world = a_world(route=UNREADABLE, replica_sets=())
    told = report.status(a_scene(world=world, waited=RESTING), None).manifest()
    del told["conditions"]
    assert told.pop("currentStepHash")
    assert told == {
        "phase": "Progressing",
        "message": "No steps: the route can't be read.",
        "currentStep": "-",
        "currentStepIndex": 0,
        "currentPodHash": NEW,
        "stableRS": OLD,
        "canary": {},
        "traffic": {"wanted": 0},
        "replicas": 0,
        "updatedReplicas": 0,
        "readyReplicas": 0,
        "availableReplicas": 0,
        "HPAReplicas": 0,
        "selector": "app=cart",
        "observedGeneration": "1",
    }


def test_a_pause_and_an_abort_are_verbs_that_people_read_and_write() -> None:
    """Those that are off are absent."""
    paused = report.status(a_scene(*STEPS, pauses=PAUSED, controller_pause=True), 50)
    assert (paused.pause_conditions, paused.controller_pause) == ([*PAUSED], True)
    aborted = report.status(a_scene(*STEPS, stage=Stage.ABORTED, aborted_at=NOW), 50)
    assert (aborted.abort, aborted.aborted_at, aborted.controller_pause) == (True, NOW, None)
    assert aborted.pause_conditions is None
    assert paused.abort is None


def test_all_steps_passed_is_no_step_beyond_the_last() -> None:
    """The index is, as Argo's."""
    told = report.status(a_scene(*STEPS, index=2), 100)
    assert (told.current_step, told.current_step_index) == ("2/2", 2)


def test_what_was_known_of_the_weights_stays_while_the_route_cant_be_read() -> None:
    """And what was verified, until something else is."""
    last = Weights(canary=WeightDestination(weight=10), stable=WeightDestination(weight=90))
    before = {
        "canary": CanaryStatus(weights=last),
        "traffic": TrafficStatus(wanted=20, written=20, verified=10),
    }
    world = a_world(route=UNREADABLE)
    told = report.status(a_scene(*STEPS, status=before, world=world), None)
    assert told.canary == CanaryStatus(weights=last)
    assert told.traffic == TrafficStatus(wanted=0, written=None, verified=10)
    told = report.status(a_scene(*STEPS, status=before, settled=False), None)
    assert told.traffic == TrafficStatus(wanted=50, written=50, verified=10)


@pytest.mark.parametrize(
    ("answer", "settled", "verified"),
    [
        (Answer.VERIFIED, True, True),
        (Answer.VERIFIED, False, False),
        (Answer.NOT_YET, True, False),
        (Answer.UNKNOWN, True, None),
        (Answer.UNKNOWN, False, None),
    ],
)
def test_a_weight_is_verified_by_the_router_alone(
    answer: Answer, *, settled: bool, verified: bool | None
) -> None:
    """I5: never by the settle time; before it a router's word is ahead of the proxies."""
    scene = a_scene(*STEPS, world=a_world(route=Route(50, answer=answer)), settled=settled)
    weights = (report.status(scene, 50).canary or CanaryStatus()).weights
    assert weights is not None
    assert weights.verified is verified
    assert weights.canary.pod_template_hash == NEW
    assert weights.stable.pod_template_hash == OLD


def judged(step: Phase | None = None, background: Phase | None = None, **more: Any) -> str | None:
    """The verdict told where the runs are in these phases and say `step 1` and `background 2`."""
    status = {"verdict": "before 0"}
    references: dict[str, Any] = {}
    runs: list[Run] = []
    for name, kind, phase in (
        ("step", RunKind.STEP, step),
        ("background", RunKind.BACKGROUND, background),
    ):
        if phase is not None:
            references[f"{name}_run"] = RunReference(name=name, status=phase.value)
            words = more.pop(f"{name}_says", f"{name} {len(runs) + 1}")
            runs.append(Run(name, kind, NEW, 2, phase, verdict=words))
    world = a_world(runs=tuple(more.pop("runs", runs)))
    return report.status(
        a_scene(*STEPS, world=world, status=status, **references, **more), 5
    ).verdict


def test_the_verdict_is_the_steps_unless_the_backgrounds_is_worse() -> None:
    """I10: the numbers of the run that decides; of one that ended well before one that goes on."""
    assert judged(Phase.RUNNING) == "step 1"
    assert judged(None, Phase.RUNNING) == "background 1"
    assert judged(Phase.RUNNING, Phase.RUNNING) == "step 1"
    assert judged(Phase.RUNNING, Phase.FAILED) == "background 2"
    assert judged(Phase.SUCCESSFUL, Phase.INCONCLUSIVE) == "background 2"
    assert judged(Phase.RUNNING, Phase.SUCCESSFUL) == "step 1"
    assert judged(Phase.FAILED, Phase.ERROR) == "step 1"
    assert judged(Phase.RUNNING, Phase.RUNNING, step_says="") == "background 2"


def test_the_last_verdict_stays_until_another_update_begins() -> None:
    """A run that has measured nothing yet, or is gone, doesn't take it away."""
    assert judged() == "before 0"
    assert judged(Phase.RUNNING, step_says="") == "before 0"
    assert judged(Phase.RUNNING, runs=()) == "before 0"
    assert judged(started_over=True) is None
    assert judged(Phase.RUNNING, started_over=True) == "step 1"


def test_the_selector_as_the_scale_subresource_wants_it() -> None:
    """An autoscaler finds the pods by this text: kubectl's selector syntax."""
    selector = LabelSelector.model_validate(
        {
            "matchLabels": {"tier": "web", "app": "cart"},
            "matchExpressions": [
                {"key": "track", "operator": "In", "values": ["b", "a"]},
                {"key": "zone", "operator": "NotIn", "values": ["c"]},
                {"key": "owner", "operator": "Exists"},
                {"key": "test", "operator": "DoesNotExist"},
                {"key": "empty", "operator": "In"},
            ],
        }
    )
    assert report.selector_text(selector) == (
        "app=cart,tier=web,track in (a,b),zone notin (c),owner,!test,empty in ()"
    )
    assert report.selector_text(LabelSelector()) == ""


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


def test_the_phase_of_a_rollout() -> None:
    """Degraded before Paused: a pause doesn't hide what is wrong."""
    wrong = a_scene(pauses=PAUSED, world=a_world(problems=PROBLEM))
    assert report.status(wrong, 50).phase is RolloutPhase.DEGRADED
    assert report.status(a_scene(pauses=PAUSED), 50).phase is RolloutPhase.PAUSED
