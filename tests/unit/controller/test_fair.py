"""One tenant's thousand broken rollouts, and another's healthy one: turns and seconds counted."""

import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from davy.api import errors
from davy.cluster.cache import Json
from davy.cluster.kinds import Kind
from tests.sim.clock import TurnedClock
from tests.sim.cluster import Cluster
from tests.unit.controller.stage import START, Stage, manifest, network, playing

THOUSAND = 1000
SLOW = 10.0
"""Virtual seconds of each call for the tenant; the client's own time-out is 15."""


class Slow(Cluster):
    """Each write for the tenant takes SLOW seconds, and then fails."""

    def __init__(self, clock: TurnedClock) -> None:
        super().__init__()
        self._clock = clock

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        if namespace == "tenant":
            await self._clock.sleep(SLOW)
            raise errors.Unreachable("the API server didn't answer in time")
        return await super().patch_merge(kind, namespace, name, body, subresource=subresource)

    async def patch_json(self, kind: Kind, namespace: str, name: str, operations: Any) -> Json:
        if namespace == "tenant":
            await self._clock.sleep(SLOW)
            raise errors.Unreachable("the API server didn't answer in time")
        return await super().patch_json(kind, namespace, name, operations)


def unreadable(body: Json) -> None:
    body["spec"]["strategy"]["canary"]["steps"] = [{"setWeight": 120}] * 50


def without_a_route(body: Json) -> None:
    body["spec"]["strategy"]["canary"]["trafficRouting"]["istio"]["virtualService"]["name"] = "no"


def broken(stage: Stage, how: Callable[[Json], None], count: int) -> None:
    """So many broken rollouts of the tenant."""
    body = manifest()
    how(body)
    for number in range(count):
        made = copy.deepcopy(body)
        made["metadata"] = {"namespace": "tenant", "name": f"broken-{number}"}
        stage.cluster.put(stage.operator.kinds.rollout, made)


@asynccontextmanager
async def stage_with(
    count: int, how: Callable[[Json], None], *, slow: bool
) -> AsyncIterator[Stage]:
    """A stage on which so many broken ones wait for their first pass."""
    clock = TurnedClock(START)
    async with playing(Slow(clock) if slow else Cluster(), clock) as stage:
        network(stage.cluster)
        stage.cluster.writes.clear()
        broken(stage, how, count)
        yield stage


async def healthy_after(stage: Stage) -> float:
    """Virtual seconds from the apply of the healthy rollout, and of its update, to Healthy."""
    begun = stage.clock.monotonic()
    for version in ("1", "2"):
        stage.apply(manifest(version=version))
        await stage.turn(0.1)
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
    return stage.clock.monotonic() - begun


@pytest.mark.parametrize(
    ("how", "slow"), [(without_a_route, False), (without_a_route, True), (unreadable, True)]
)
async def test_a_thousand_broken_rollouts_delay_nobody_else(
    how: Callable[[Json], None],
    slow: bool,  # noqa: FBT001 - the case
) -> None:
    """Its turn comes at once, and it is Healthy in the same virtual second as without them."""
    async with stage_with(0, how, slow=slow) as stage:
        alone = await healthy_after(stage)
    async with stage_with(THOUSAND, how, slow=slow) as stage:
        beside = await healthy_after(stage)
        turns = [call.namespace for call in stage.cluster.writes]
        assert turns.index("shop") <= stage.operator.settings.queue.workers
        assert beside == pytest.approx(alone, abs=0.5)
        assert slow or turns.count("tenant") >= THOUSAND


async def test_a_namespace_has_half_of_the_workers_at_most() -> None:
    """Sixteen slow passes at once would be all there are."""
    async with stage_with(THOUSAND, unreadable, slow=True) as stage:
        await stage.turn(1)
        assert stage.operator.queue.active == stage.operator.settings.queue.workers // 2
        stage.apply(manifest())
        await stage.turn(1)
        assert stage.status()["phase"]
