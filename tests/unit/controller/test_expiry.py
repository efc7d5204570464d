"""Finished AnalysisRuns that are deleted when they are due, and those that are waited for."""

from typing import Any

import pytest

from davy.analysis.answer import Answered
from davy.api import errors
from davy.cluster.cache import Json
from tests.sim.cluster import Call
from tests.unit.controller.stage import Stage, playing
from tests.unit.controller.test_analyses import a_first_release, a_release, a_template
from tests.unit.controller.test_measure import a_metric, a_run, status

BAD = {"successCondition": "result[0] > 1"}


def keep(stage: Stage, name: str = "run", **seconds: int) -> None:
    """The run stays so long when it is finished."""

    def change(run: Json) -> None:
        run["spec"]["ttlStrategy"] = seconds

    stage.cluster.edit(stage.operator.kinds.analysis_run, "shop", name, change)


def is_there(stage: Stage, name: str = "run") -> bool:
    return stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", name) is not None


@pytest.mark.parametrize(
    ("metric", "ttl", "lives"),
    [
        ({}, {"secondsAfterCompletion": 30}, 30),
        ({}, {"secondsAfterCompletion": 30, "secondsAfterSuccess": 60}, 60),
        ({}, {"secondsAfterCompletion": 30, "secondsAfterFailure": 60}, 30),
        ({}, {"secondsAfterFailure": 30}, None),
        (BAD, {"secondsAfterFailure": 30, "secondsAfterSuccess": 5}, 30),
        (BAD, {"secondsAfterSuccess": 30}, None),
        (BAD, {"secondsAfterCompletion": 0}, 0),
        ({"count": 2}, {"secondsAfterFailure": 5, "secondsAfterCompletion": 30}, 30),
        ({}, {}, None),
    ],
    ids=str,
)
async def test_a_run_goes_when_it_is_due(metric: Json, ttl: Json, lives: int | None) -> None:
    """By its phase, as in Argo; one that can't be measured (count, no interval) is in Error."""
    async with playing() as stage:
        a_run(stage, a_metric(**metric))
        keep(stage, **ttl)
        await stage.turn(1)
        if lives is None:
            await stage.turn(3600)
            assert is_there(stage)
            return
        if lives:
            await stage.turn(lives - 2)
            assert status(stage)["completedAt"]
            assert is_there(stage)
        await stage.turn(3)
        assert not is_there(stage)


async def test_waiting_costs_no_request() -> None:
    """The queue wakes when the run is due; nothing is polled."""
    async with playing() as stage:
        a_run(stage)
        keep(stage, secondsAfterCompletion=300)
        await stage.turn(5)
        stage.cluster.reads.clear()
        stage.cluster.writes.clear()
        await stage.turn(200)
        assert (stage.cluster.reads, stage.cluster.writes) == ([], [])
        await stage.turn(100)
        assert [(call.verb, call.name) for call in stage.cluster.writes] == [("delete", "run")]


async def test_a_killed_operator_still_deletes_it() -> None:
    """What is due is in the object."""
    async with playing() as stage:
        a_run(stage)
        keep(stage, secondsAfterCompletion=30)
        await stage.turn(10)
        cluster, clock = stage.cluster, stage.clock
    async with playing(cluster, clock) as stage:
        await stage.turn(10)
        assert is_there(stage)
        await stage.turn(15)
        assert not is_there(stage)


async def test_a_deletion_that_fails_is_tried_again() -> None:
    """The API server was busy."""
    async with playing() as stage:
        refused: list[Call] = []

        def busy(call: Call) -> Exception | None:
            if call.verb == "delete" and len(refused) < 3:
                refused.append(call)
                return errors.Unreachable("busy", status=503)
            return None

        stage.cluster.faults.append(busy)
        a_run(stage)
        keep(stage, secondsAfterCompletion=0)
        await stage.turn(30)
        assert len(refused) == 3
        assert not is_there(stage)


async def test_a_run_that_is_under_way_is_not_finished() -> None:
    """However short it may stay."""
    async with playing() as stage:
        a_run(stage, a_metric(interval="10s"))
        keep(stage, secondsAfterCompletion=0)
        await stage.turn(100)
        assert status(stage)["phase"] == "Running"


async def released(stage: Stage, *, value: float, **analysis: Any) -> str:
    """A second revision whose run has a ttl of nothing; the run's name."""
    a_template(stage, "errors", metrics=[a_metric(interval="5s", count=2)])
    await a_first_release(stage)
    stage.provider.answer = Answered([value])
    stage.apply(a_release("2", **analysis))
    kind = stage.operator.kinds.analysis_run
    await stage.until(lambda: stage.cluster.every(kind))
    (run,) = stage.cluster.every(kind)
    keep(stage, run["metadata"]["name"], secondsAfterCompletion=0)
    return str(run["metadata"]["name"])


async def test_a_run_stays_until_its_update_is_promoted() -> None:
    """The rollout rests on it: gone too early, it would be made and measured again."""
    async with playing() as stage:
        name = await released(stage, value=0.0)
        await stage.until(lambda: status(stage, name).get("phase") == "Successful")
        while stage.status()["stableRS"] != stage.status()["currentPodHash"]:
            assert is_there(stage, name)
            await stage.turn(0.5)
        await stage.turn(1)
        assert not is_there(stage, name)
        assert len(stage.provider.asked) == 2


async def test_a_run_that_failed_stays_until_the_next_release() -> None:
    """The abort is told by it."""
    async with playing() as stage:
        name = await released(stage, value=0.5)
        await stage.until(lambda: stage.status()["phase"] == "Degraded")
        await stage.turn(100)
        assert is_there(stage, name)
        assert stage.weight() == 0
        stage.provider.answer = Answered([0.0])
        stage.apply(a_release("3"))
        await stage.until(lambda: not is_there(stage, name))
        await stage.until(lambda: stage.status()["phase"] == "Healthy")


async def test_a_run_whose_rollout_is_gone_waits_for_nobody() -> None:
    """The garbage collector takes it, or Davy does."""
    async with playing() as stage:
        name = await released(stage, value=0.5)
        await stage.until(lambda: stage.status()["phase"] == "Degraded")
        kind = stage.operator.kinds.analysis_run
        (run,) = stage.cluster.every(kind)
        owner = run["metadata"]["ownerReferences"][0]

        def orphan(found: Json) -> None:
            found["metadata"]["ownerReferences"] = [{**owner, "uid": "another"}]

        stage.cluster.edit(kind, "shop", name, orphan)
        await stage.turn(1)
        assert not is_there(stage, name)
