"""Which events a change is told by, in which words: case by case (I10)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import ConditionType, EventReason, PauseReason, Reason
from davy.api.status import CanaryStatus, PauseCondition, RolloutStatus, RunReference
from davy.engine import plan as plans
from davy.engine import report, story
from davy.engine.plan import Event
from davy.engine.position import Stage
from davy.engine.world import Route, Run, RunKind
from tests.unit.engine.pieces import NEW, NOW, OLD, RESTING, a_condition, a_scene, a_set, a_world
from tests.unit.engine.play import ANALYSIS

ABORTED: dict[str, Any] = {"abort": True, "aborted_at": NOW}
TWO: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {}})


def told(*steps: dict[str, Any], actions: tuple[plans.Action, ...] = (), **scene: Any) -> list[str]:
    """The events of a pass; the weights were told before, unless `status` says others."""
    known = report.status(a_scene(*(steps or TWO)), 50)
    before = {"canary": known.canary, **scene.pop("status", {})}
    found = a_scene(*(steps or TWO), status=before, **scene)
    return [_words(event) for event in story.events(found, report.status(found, 50), actions)]


def _words(event: Event) -> str:
    return f"{'Warning ' if event.warning else ''}{event.reason}: {event.message}"


def test_nothing_new_is_nothing_told() -> None:
    """One event per change, never one per pass."""
    assert told() == []
    assert told(stage=Stage.ABORTED, status=ABORTED) == []


@pytest.mark.parametrize(
    ("steps", "count"), [((), "0 steps"), (TWO[:1], "1 step"), (TWO, "2 steps")]
)
def test_a_new_template(steps: tuple[dict[str, Any], ...], count: str) -> None:
    """With the number of its steps."""
    found = a_scene(*steps, status={"current_pod_hash": OLD}, started_over=True)
    events = story.events(found, RolloutStatus(), ())
    assert [_words(event) for event in events] == [f"RolloutUpdated: Template {NEW}: {count}"]


def test_a_rollback_and_a_first_revision() -> None:
    """The first had no stable before it: no step of it is skipped."""
    status: dict[str, Any] = {"current_pod_hash": "other", "stable_rs": NEW}
    over: dict[str, Any] = {"stage": Stage.DONE, "index": 2, "started_over": True}
    assert told(status=status, **over) == [
        f"RolloutUpdated: Template {NEW}: 2 steps",
        "SkipSteps: Rollback to the stable template: no steps, all weight to stable",
    ]
    assert told(status=status | {"stable_rs": None}, **over) == [
        f"RolloutUpdated: Template {NEW}: 2 steps",
        "RolloutCompleted: Revision 2 promoted: it is stable now",
    ]


def test_new_steps_and_verbs() -> None:
    """Steps that change while nothing is updated are no news."""
    other = {"current_step_hash": "other"}
    again = ["RolloutUpdated: The steps changed: from step 1 again"]
    assert told(status=other, started_over=True) == again
    assert told(status=other | {"stable_rs": NEW}, stage=Stage.DONE, index=2) == []
    assert told(retried=True) == ["RolloutRetry: Retry: from step 1 again"]
    ignored = "Abort ignored: no update is in progress"
    assert told(ignored_abort=True) == [f"Warning RolloutNotCompleted: {ignored}"]


def test_pods_that_were_asked_for() -> None:
    """By this pass' actions; other actions are told by what they bring."""
    actions = (
        plans.CreateReplicaSet("cart-1", "1", 3, 2, "new"),
        plans.ScaleReplicaSet("cart-0", 4, "stable: 3 → 4 pods"),
        plans.SetWeights(50, 50, "weights"),
    )
    assert told(actions=actions) == [
        "NewReplicaSetCreated: Created ReplicaSet cart-1 (revision 3) with 2 pods",
        "ScalingReplicaSet: ReplicaSet cart-0: stable: 3 → 4 pods",
    ]


def moved(
    weight: int, stable: str | None = OLD, canary: str | None = NEW, **more: Any
) -> list[str]:
    route = Route(weight, stable_hash=stable, canary_hash=canary)
    return told(world=a_world(route=route), **more)


def test_a_weight_that_moved() -> None:
    """From what the status knew, with the step it is for."""
    event = "TrafficWeightUpdated: Canary weight 50 → "
    assert moved(60) == [f"{event}60, step 1 of 2"]
    assert moved(60, index=2, status={"current_step_index": 2}) == [f"{event}60"]
    assert moved(0, stage=Stage.ABORTED, status=ABORTED) == [f"{event}0"]
    done: dict[str, Any] = {"stage": Stage.DONE, "index": 2, "status": {"stable_rs": NEW}}
    assert moved(100, **done) == [f"{event}100"]
    assert moved(0, **done) == ["TrafficWeightUpdated: All weight to the stable destination"]
    assert told(status={"canary": None}, world=a_world(route=Route(50))) == []


def test_a_destination_that_moved() -> None:
    """Where it leads now; one that leads to any pod, or can't be read, is no news."""
    switch = "SwitchService: The"
    assert moved(50, stable=NEW) == [f"{switch} stable destination leads to {NEW}"]
    assert moved(50, canary=OLD) == [f"{switch} canary destination leads to {OLD}"]
    assert moved(50, stable="x", canary="y") == [
        f"{switch} stable destination leads to x",
        f"{switch} canary destination leads to y",
    ]
    assert moved(50, stable=None, canary=None) == []
    assert moved(50, status={"canary": None}) == [
        f"{switch} stable destination leads to {OLD}",
        f"{switch} canary destination leads to {NEW}",
    ]
    assert told(world=a_world(route=Route(None))) == []


STATUSES = {
    "Running": "AnalysisRunRunning: Analysis a is Running",
    "Successful": "AnalysisRunSuccessful: Analysis a is Successful",
    "Failed": "Warning AnalysisRunFailed: Analysis a is Failed",
    "Error": "Warning AnalysisRunError: Analysis a is Error",
    "Inconclusive": "AnalysisRunInconclusive: Analysis a is Inconclusive",
}


def judged(now: list[RunReference], before: list[RunReference], *runs: Run) -> list[str]:
    """References now and before: a step's run, then a background's."""
    fields = ("current_step_analysis_run_status", "current_background_analysis_run_status")
    known = told_weights().model_copy(update=dict(zip(fields, before, strict=False)))
    position: dict[str, Any] = {"step_run": None, "background_run": None}
    position |= dict(zip(position, now, strict=False))
    return told(status={"canary": known}, world=a_world(runs=runs), **position)


def told_weights() -> CanaryStatus:
    return report.status(a_scene(*TWO), 50).canary or CanaryStatus()


@pytest.mark.parametrize("status", STATUSES)
def test_a_run_that_says_something_new(status: str) -> None:
    """With its words, if it has any; the same again is no news, nor is one that only waits."""
    now = RunReference(name="a", status=status)
    assert judged([now], []) == [STATUSES[status]]
    worded = now.model_copy(update={"message": "3 of 412"})
    pending = RunReference(name="a", status="Pending")
    assert judged([worded], [pending]) == [f"{STATUSES[status]}: 3 of 412"]
    assert judged([worded], [now]) == []
    assert judged([pending], [now]) == []


def test_both_runs_are_told() -> None:
    """What is told of the first says nothing of the second."""
    old, new = (
        RunReference(name="a", status="Running"),
        RunReference(name="b", status="Running"),
    )
    second = "AnalysisRunRunning: Analysis b is Running"
    assert judged([old, new], [old]) == [second]
    assert judged([RunReference(name="c", status="Pending"), new], []) == [second]


def ended(name: str, phase: Phase, **more: Any) -> Run:
    return Run(name, RunKind.STEP, NEW, 2, phase, **more)


def test_the_run_of_a_step_that_is_passed_is_told_by_the_pass_that_saw_its_end() -> None:
    """It is in the status no more; not one that Davy ended, nor one that was never told of."""
    old = RunReference(name="a", status="Running")
    good = ended("a", Phase.SUCCESSFUL, message="0 of 412")
    assert judged([], [old], good) == [f"{STATUSES['Successful']}: 0 of 412"]
    assert judged([], [old], ended("a", Phase.SUCCESSFUL)) == [STATUSES["Successful"]]
    assert judged([], [old], replace(good, terminating=True)) == []
    assert judged([], [], good) == []
    now = RunReference(name="a", status="Successful")
    assert judged([now], [old], good) == [STATUSES["Successful"]]


def test_steps_that_were_completed() -> None:
    """Each by its kind, those of a promotion too; none where it was promoted long since."""
    steps: list[dict[str, Any]] = [*TWO, {"pause": {"duration": "5m"}}, ANALYSIS]
    each = [
        "RolloutStepCompleted: Step 1 of 4 completed: setWeight 50",
        "RolloutStepCompleted: Step 2 of 4 completed: pause",
        "RolloutStepCompleted: Step 3 of 4 completed: pause 5m",
        "RolloutStepCompleted: Step 4 of 4 completed: analysis",
    ]
    assert told(*steps, index=4) == each
    assert told(*steps, index=3, status={"current_step_index": 1}) == each[1:3]
    promoted = told(*steps, index=4, stage=Stage.DONE, stable_hash=NEW)
    assert promoted == [*each, "RolloutCompleted: Revision 2 promoted: it is stable now"]
    assert told(*steps, index=4, stage=Stage.DONE, status={"stable_rs": NEW}) == []
    assert told(*steps, index=4, stage=Stage.FIRST, status={"stable_rs": None}) == []


def test_a_promotion_in_full() -> None:
    """As skipped, from the step it was at; one that was asked of an older update isn't told."""
    full = {"promote_full": True}
    assert told(index=2, status=full) == ["SkipSteps: Promoted in full: steps 1 to 2 skipped"]
    assert told(index=2, status=full | {"current_step_index": 1}) == [
        "SkipSteps: Promoted in full: steps 2 to 2 skipped"
    ]
    assert told(index=2, status=full | {"current_step_index": 2}) == []
    assert told(index=1, status=full, started_over=True) == [
        "RolloutStepCompleted: Step 1 of 2 completed: setWeight 50"
    ]


def test_pauses() -> None:
    """Where one began; that somebody ended it."""
    pause = PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=NOW)
    paused: dict[str, Any] = {"index": 1, "status": {"current_step_index": 1}, "waited": RESTING}
    event = "RolloutPaused: CanaryPauseStep: step 2 of 2, weight 50"
    assert told(**paused, pauses=(pause,)) == [event]
    paused["status"]["pause_conditions"] = [pause]
    assert told(**paused, pauses=(pause,)) == []
    later = pause.model_copy(update={"start_time": NOW + timedelta(seconds=1)})
    assert told(**paused, pauses=(later,)) == [event]
    resumed = ["RolloutResumed: Resumed by hand"]
    assert told(status={"controller_pause": True}) == resumed
    assert told(status={"controller_pause": True, "pause_conditions": [pause]}) == []


def test_the_outcome() -> None:
    """An abort with its sentence; a promotion whose ReplicaSet is gone by its hash."""
    assert told(stage=Stage.ABORTED, aborted="Aborted.") == ["Warning RolloutAborted: Aborted."]
    without = a_world(replica_sets=(a_set(OLD, 1),))
    assert told(stage=Stage.DONE, world=without) == [
        f"RolloutCompleted: Revision {NEW} promoted: it is stable now"
    ]


def test_what_is_wrong_is_told_once_and_again_when_it_is_something_else() -> None:
    """A create error of before is no reason to keep a new one quiet."""
    failing = a_world(replica_sets=(a_set(OLD, 1), a_set(NEW, 2, failure="exceeded quota")))
    kind, reason = ConditionType.REPLICA_FAILURE, Reason.REPLICA_SET_CREATE_ERROR

    def events(said: str | None) -> list[str]:
        known = [a_condition(kind, reason, NOW, said)] if said else []
        return told(world=failing, status={"conditions": known})

    event = [f"Warning {EventReason.REPLICA_SET_CREATE_ERROR}: exceeded quota"]
    assert events(None) == event
    assert events("forbidden") == event
    assert events("exceeded quota") == []
