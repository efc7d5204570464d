"""Steps of plugins in the whole operator: what they say, and when they are asked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from davy.cluster.cache import Json
from davy.plugins.contract import Asked, Done, Failed, Wait
from davy.plugins.installed import Installed, PluginKind
from tests.unit.controller.stage import Stage, manifest, network, playing

STEPS: list[Json] = [{"setWeight": 50}, {"plugin": {"name": "acme/gate", "config": {"x": [1]}}}]


def gates(step: Callable[[Asked], Any]) -> Installed:
    return Installed({PluginKind.STEP: {"acme/gate": step}})


async def a_second_release(stage: Stage) -> None:
    network(stage.cluster)
    stage.apply(manifest(steps=STEPS))
    await stage.until(lambda: stage.status().get("phase") == "Healthy")
    stage.apply(manifest(version="2", steps=STEPS))
    await stage.turn(5)


async def test_a_step_knows_what_it_is_about() -> None:
    """Its configuration, the rollout, the canary's weight and revision, since when."""
    asked: list[Asked] = []

    def gate(question: Asked) -> Done:
        asked.append(question)
        return Done()

    async with playing(plugins=gates(gate)) as stage:
        await a_second_release(stage)
        assert stage.status()["phase"] == "Healthy"
    (one,) = asked
    assert (one.config, one.namespace, one.rollout) == ({"x": [1]}, "shop", "cart")
    assert (one.revision, one.weight) == (2, 50)
    assert one.since <= one.now


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: 1 / 0, "step plugin acme/gate: raised ZeroDivisionError: division by zero; asked"),
        (lambda: True, "raised TypeError: Done, Wait or Failed was expected, it gave a bool"),
        (lambda: Wait("so", until=datetime(2030, 1, 1)), "no datetime with a time zone"),  # noqa: DTZ001
        (lambda: Wait("so", until=5), "no datetime with a time zone"),  # type: ignore[arg-type]
        (lambda: Wait("it\nrains"), "step plugin acme/gate: it rains; asked again"),
    ],
    ids=["raises", "is no answer", "has no zone", "is no moment", "waits"],
)
async def test_a_step_that_goes_wrong_waits_and_is_asked_again(
    answer: Callable[[], Any], told: str
) -> None:
    """I7, I10: it isn't passed and nothing is aborted; the status says why."""
    asked: list[Asked] = []

    def gate(question: Asked) -> Any:
        asked.append(question)
        return answer()

    async with playing(plugins=gates(gate)) as stage:
        await a_second_release(stage)
        assert told in stage.status()["message"]
        assert len(asked) == 1
        await stage.turn(30)
        assert len(asked) == 2
        assert stage.weight() == 50


async def test_a_failed_step_aborts() -> None:
    """I3."""
    async with playing(plugins=gates(lambda _: Failed("it leaks"))) as stage:
        await a_second_release(stage)
        assert stage.weight() == 0
        assert (
            "step plugin acme/gate: it leaks. All weight to revision 1"
            in (stage.status()["message"])
        )


async def test_a_moment_that_has_passed_is_not_asked_for_in_a_loop() -> None:
    """Once a second at most; a zone is believed."""
    asked: list[Asked] = []

    def gate(question: Asked) -> Wait:
        asked.append(question)
        return Wait("soon", until=datetime(2020, 1, 1, tzinfo=UTC) + timedelta())

    async with playing(plugins=gates(gate)) as stage:
        await a_second_release(stage)
        before = len(asked)
        await stage.turn(10)
        assert 5 <= len(asked) - before <= 10


async def test_an_abort_does_not_wait_for_an_answer() -> None:
    """I3: a question under way holds nobody up, and its answer is nobody's any more."""

    class Never:
        async def answer(self, *_: object) -> Any:
            await stage.clock.sleep(100_000)

    async with playing(plugins=gates(lambda _: Done())) as stage:
        stage.operator.steps.calls = Never()
        await a_second_release(stage)
        assert "step plugin acme/gate is asked. Weight 50." in stage.status()["message"]
        stage.cluster.edit(
            stage.operator.kinds.rollout,
            "shop",
            "cart",
            lambda found: found["status"].update(abort=True),
        )
        await stage.until(lambda: stage.weight() == 0, within=5)
        assert stage.operator.steps._held == {}
