"""The whole status of a pass (I10)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import PauseReason, RolloutPhase
from davy.api.errors import Finding
from davy.api.selector import LabelSelector
from davy.api.status import (
    CanaryStatus,
    PauseCondition,
    RunReference,
    TrafficStatus,
    WeightDestination,
    Weights,
)
from davy.engine import report
from davy.engine.position import Stage
from davy.engine.world import Answer, Route, Run, RunKind
from tests.unit.engine.pieces import (
    NEW,
    NOW,
    OLD,
    RESTING,
    a_scene,
    a_set,
    a_world,
)
from tests.unit.engine.play import ANALYSIS

STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 50}, ANALYSIS)
PAUSED = (PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=NOW),)
PROBLEM = (Finding("spec", "is wrong"),)
UNREADABLE = Route(None)
EARLIER = NOW - timedelta(minutes=5)


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
    assert told.traffic == TrafficStatus(wanted=50, written=50, verified=10, changed_at=NOW)


@pytest.mark.parametrize(
    ("written", "route", "changed_at"),
    [
        (50, Route(50), EARLIER),
        (20, Route(50), NOW),
        (None, Route(50), NOW),
        (20, UNREADABLE, EARLIER),
    ],
)
def test_when_the_weight_changed_is_known_while_it_stays(
    written: int | None, route: Route, changed_at: datetime
) -> None:
    """Analyses warm up from then on; a route that can't be read says nothing of it."""
    before = TrafficStatus(wanted=20, written=written, changed_at=EARLIER)
    scene = a_scene(*STEPS, status={"traffic": before}, world=a_world(route=route))
    told = report.status(scene, None).traffic
    assert told is not None
    assert told.changed_at == changed_at


def test_the_first_weight_is_no_change() -> None:
    """Nothing was there before it."""
    told = report.status(a_scene(*STEPS), None).traffic
    assert told is not None
    assert told.changed_at is None


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


def test_the_phase_of_a_rollout() -> None:
    """Degraded before Paused: a pause doesn't hide what is wrong."""
    wrong = a_scene(pauses=PAUSED, world=a_world(problems=PROBLEM))
    assert report.status(wrong, 50).phase is RolloutPhase.DEGRADED
    assert report.status(a_scene(pauses=PAUSED), 50).phase is RolloutPhase.PAUSED
