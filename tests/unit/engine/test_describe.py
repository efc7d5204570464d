"""I10: the whole sentence of each state that a rollout can be in, and when it is settled."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import PauseReason
from davy.api.errors import Finding
from davy.api.status import PauseCondition, RunReference
from davy.engine import describe
from davy.engine.describe import Scene
from davy.engine.position import Stage
from davy.engine.world import Answer, Route, Run, RunKind, World
from tests.unit.engine.pieces import (
    NEW,
    NOW,
    OLD,
    RESTING,
    WAITING,
    a_scene,
    a_set,
    a_world,
)
from tests.unit.engine.play import ANALYSIS

STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 50},
    {"pause": {"duration": "5m"}},
    {"pause": {}},
    ANALYSIS,
    {"setWeight": 60},
)
PAUSED = (PauseCondition(reason=PauseReason.CANARY_PAUSE_STEP, start_time=NOW),)
UNDECIDED = (PauseCondition(reason=PauseReason.INCONCLUSIVE_ANALYSIS, start_time=NOW),)
RUNNING = RunReference(name="errors", status="Running")
UNKNOWN = RunReference(name="errors", status="Inconclusive", message="no requests")
LATE = replace(WAITING, exceeded=True)
NO_ROUTE = Route(None)
REFUSED = Route(50, answer=Answer.NOT_YET, why="gw: no.")
IN_FAVOUR_OF_NEW = Route(0, stable_hash=NEW, canary_hash=NEW)
BOTH = (a_set(OLD, 1), a_set(NEW, 2))
WITHOUT_NEW = (a_set(OLD, 1),)


def a_run(message: str, verdict: str) -> Run:
    phase, kind = Phase.RUNNING, RunKind.STEP
    return Run("errors", kind, NEW, 2, phase, step_index=3, message=message, verdict=verdict)


def leading(stable: str, canary: str, weight: int = 0) -> World:
    return a_world(route=Route(weight, stable_hash=stable, canary_hash=canary))


@pytest.mark.parametrize(
    ("scene", "sentence"),
    [
        (a_scene(*STEPS), "weight 50 is written."),
        (
            a_scene(*STEPS, settled=False),
            "weight 50 is written; the mesh gets until 01:00:01 to take it.",
        ),
        (
            a_scene(*STEPS, world=a_world(route=REFUSED)),
            "weight 50 is written; the mesh hasn't taken what is written: gw: no.",
        ),
        (a_scene(*STEPS, world=a_world(10)), "weight 10 → 50."),
        (
            a_scene(*STEPS, world=leading(OLD, OLD)),
            "leading the canary's destination to revision 2 for weight 50.",
        ),
        (
            a_scene(*STEPS, world=a_world(10, new=1)),
            "weight held at 10: 1 of 2 pods of revision 2 are available, weight 50 needs 2.",
        ),
        (
            a_scene(*STEPS, world=a_world(0, replica_sets=WITHOUT_NEW)),
            "weight held at 0: its ReplicaSet is being created.",
        ),
        (a_scene(*STEPS, world=a_world(route=NO_ROUTE)), "the route can't be read."),
    ],
)
def test_a_weight_on_its_way(scene: Scene, sentence: str) -> None:
    """Which pods, which destination, or how long the mesh is waited for; then the deadline."""
    assert describe.message(scene) == f"Step 1 of 5: {sentence} Deadline 01:09:00."


@pytest.mark.parametrize(
    ("trouble", "failure", "told"),
    [
        (None, None, ""),
        ("cart-x: ErrImagePull", None, " (cart-x: ErrImagePull)"),
        ("cart-x: ErrImagePull", "exceeded quota", " (exceeded quota)"),
    ],
)
def test_pods_that_dont_come_and_why(trouble: str | None, failure: str | None, told: str) -> None:
    """What keeps them from being created before what keeps them from being ready."""
    new = a_set(NEW, 1, 3, desired=4, trouble=trouble, failure=failure)
    scene = a_scene(*STEPS, world=a_world(0, replica_sets=(new,)), stage=Stage.FIRST)
    needs = "3 of 4 pods of revision 1 are available, weight 100 needs 4"
    assert describe.message(scene) == f"First revision: {needs}{told}. Deadline 01:09:00."


def test_a_deadline_that_passed_and_one_that_there_isnt() -> None:
    """The first says how long nothing moved, and since when."""
    start = "Step 1 of 5: weight 50 is written."
    said = describe.message(a_scene(*STEPS, waited=LATE))
    assert said == f"{start} No progress for 600 s, since 00:59:00."
    assert describe.message(a_scene(*STEPS, waited=RESTING)) == start


@pytest.mark.parametrize(
    ("scene", "sentence"),
    [
        (
            a_scene(*STEPS, index=5, world=a_world(60)),
            "All steps passed: weight 60 → 100. Deadline 01:09:00.",
        ),
        (a_scene(world=a_world(60)), "No steps: weight 60 → 100. Deadline 01:09:00."),
        (
            a_scene(*STEPS, index=1),
            "Step 2 of 5: weight 50 is written. Deadline 01:09:00.",
        ),
        (
            a_scene(*STEPS, index=1, pauses=PAUSED, waited=RESTING),
            "Step 2 of 5: paused at weight 50 until 01:05:00.",
        ),
        (
            a_scene(*STEPS, index=2, pauses=PAUSED, waited=RESTING),
            "Step 3 of 5: paused at weight 50 until somebody promotes.",
        ),
        (
            a_scene(*STEPS, index=2, pauses=PAUSED, world=a_world(25, new=1)),
            (
                "Step 3 of 5: paused at weight 25 until somebody promotes; "
                "1 of 2 pods of revision 2 are available, weight 50 needs 2. Deadline 01:09:00."
            ),
        ),
        (
            a_scene(*STEPS, index=1, pauses=PAUSED, world=a_world(25, new=1), waited=LATE),
            (
                "Step 2 of 5: paused at weight 25 until 01:05:00; "
                "1 of 2 pods of revision 2 are available, weight 50 needs 2. "
                "No progress for 600 s, since 00:59:00."
            ),
        ),
        (
            a_scene(*STEPS, index=2, pauses=PAUSED, world=a_world(replica_sets=WITHOUT_NEW)),
            (
                "Step 3 of 5: paused at weight 50 until somebody promotes; "
                "its ReplicaSet is being created. Deadline 01:09:00."
            ),
        ),
        (
            a_scene(*STEPS, index=2, pauses=PAUSED, world=a_world(route=NO_ROUTE)),
            "Step 3 of 5: paused at weight unknown until somebody promotes. Deadline 01:09:00.",
        ),
        (
            a_scene(*STEPS, index=2, pauses=PAUSED, world=a_world(route=REFUSED)),
            (
                "Step 3 of 5: paused at weight 50 until somebody promotes; "
                "the mesh hasn't taken what is written: gw: no. Deadline 01:09:00."
            ),
        ),
        (
            a_scene(*STEPS, index=4, pauses=PAUSED),
            "Step 5 of 5: weight 50 → 60. Deadline 01:09:00.",
        ),
    ],
)
def test_where_an_update_stands(scene: Scene, sentence: str) -> None:
    """A pause says until when, and while it waits for pods or the mesh again the deadline of that.

    One that was left by skipping its step says nothing any more.
    """
    assert describe.message(scene) == sentence


@pytest.mark.parametrize(
    ("runs", "reference", "sentence"),
    [
        ((), None, "the analysis begins"),
        ((), RUNNING, "analysis errors is Running"),
        ((), UNKNOWN, "analysis errors is Inconclusive: no requests"),
        ((a_run("", "3 of 412"),), RUNNING, "analysis errors is Running: 3 of 412"),
        ((a_run("measuring", ""),), RUNNING, "analysis errors is Running: measuring"),
        ((a_run("measuring", "3 of 412"),), RUNNING, "analysis errors is Running: 3 of 412"),
        ((a_run("", ""),), UNKNOWN, "analysis errors is Inconclusive"),
    ],
)
def test_an_analysis_step(
    runs: tuple[Run, ...], reference: RunReference | None, sentence: str
) -> None:
    """The run's numbers before its words; of a run that is gone, what the status kept."""
    scene = a_scene(*STEPS, index=3, step_run=reference, world=a_world(runs=runs), waited=RESTING)
    assert describe.message(scene) == f"Step 4 of 5: {sentence}. Weight 50."


@pytest.mark.parametrize(
    ("references", "about"),
    [
        ({}, "the analysis is inconclusive"),
        ({"step_run": UNKNOWN}, "analysis errors is Inconclusive: no requests"),
        ({"background_run": UNKNOWN}, "analysis errors is Inconclusive: no requests"),
        (
            {"step_run": UNKNOWN, "background_run": RUNNING},
            "analysis errors is Inconclusive: no requests",
        ),
    ],
)
def test_evidence_that_doesnt_decide(references: dict[str, Any], about: str) -> None:
    """I7: the weight is held, and a person is told what they can do."""
    scene = a_scene(*STEPS, index=3, pauses=UNDECIDED, waited=RESTING, **references)
    assert describe.message(scene) == (
        f"Step 4 of 5: InconclusiveAnalysisRun: {about}. Weight held at 50. "
        "Since 01:00:00, until somebody promotes, aborts or retries."
    )


def test_problems_of_the_spec() -> None:
    """The first one in words, with one full stop; an update holds its weight."""
    one, two = Finding("spec.a", "is wrong"), Finding("spec.b", "isn't set; name it.")
    told = a_scene(*STEPS, world=a_world(problems=(one,)))
    assert describe.message(told) == "InvalidSpec: spec.a: is wrong. Weight held at 50."
    told = a_scene(*STEPS, world=a_world(problems=(two, one, one)), stage=Stage.DONE)
    assert describe.message(told) == "InvalidSpec: spec.b: isn't set; name it (2 more)."


def test_an_aborted_update_tells_why_and_which_pods_are_still_there() -> None:
    """I4: those with a deadline, as long as they have any."""
    at = NOW + timedelta(seconds=30)
    sets = (
        a_set("a", 1),
        a_set("b", 2, scale_down_at=at),
        a_set("c", 3, 0, scale_down_at=at),
        a_set("d", 4, 1, scale_down_at=at + timedelta(seconds=1)),
    )
    world = a_world(replica_sets=sets)
    assert describe.message(a_scene(world=world, stage=Stage.ABORTED, aborted="By hand.")) == (
        "RolloutAborted: By hand. Revision 2 keeps its pods until 01:00:30, "
        "revision 4 keeps its pods until 01:00:31."
    )


@pytest.mark.parametrize(
    ("world", "settled", "sentence"),
    [
        (leading(NEW, NEW), True, "Revision 2 is stable and has all traffic."),
        (
            a_world(new=3),
            True,
            "Revision 2 is stable: 3 of 4 pods of revision 2 are available, weight 100 needs 4.",
        ),
        (
            a_world(replica_sets=WITHOUT_NEW),
            True,
            f"Revision {NEW} is stable: its ReplicaSet is being created.",
        ),
        (a_world(route=NO_ROUTE), True, "Revision 2 is stable: the route can't be read."),
        (
            a_world(100),
            True,
            "Revision 2 is promoted: leading the stable destination to it.",
        ),
        (
            leading(NEW, NEW),
            False,
            (
                "Revision 2 is stable: all weight is on the stable destination; "
                "the mesh gets until 01:00:01 to take it."
            ),
        ),
        (
            leading(NEW, NEW, 100),
            True,
            (
                "Revision 2 is promoted: moving all weight to the stable destination "
                "(canary still 100)."
            ),
        ),
    ],
)
def test_a_promoted_revision(world: World, *, settled: bool, sentence: str) -> None:
    """What is left to do until it has all traffic on stable's side."""
    scene = a_scene(*STEPS, world=world, settled=settled, stage=Stage.DONE, stable_hash=NEW)
    assert describe.message(scene) == sentence


def settled(route: Route = IN_FAVOUR_OF_NEW, **changes: Any) -> bool:
    sets = changes.pop("sets", BOTH)
    world = a_world(route=route, replica_sets=sets)
    return a_scene(world=world, **{"stage": Stage.DONE, **changes}).settled


def test_healthy_is_a_complete_revision_that_both_sides_lead_to() -> None:
    """All its pods there to stay, weight 0 for the canary, in effect."""
    assert settled()
    assert not settled(stage=Stage.UPDATING)
    assert not settled(settled=False)
    assert not settled(Route(1, stable_hash=NEW, canary_hash=NEW))
    assert not settled(Route(0, stable_hash=OLD, canary_hash=NEW))
    assert not settled(Route(0, stable_hash=NEW, canary_hash=OLD))
    assert not settled(sets=(a_set(NEW, 2, 3, desired=4),))
    assert not settled(sets=(a_set(NEW, 2, 4, desired=3),))
    assert not settled(sets=WITHOUT_NEW)


def test_a_rollout_of_no_pods_is_healthy_wherever_the_route_leads() -> None:
    """A destination is never led to a revision without pods."""
    before = Route(0, stable_hash=OLD, canary_hash=OLD)
    assert settled(before, replicas=0)
    assert not settled(before, replicas=1)
