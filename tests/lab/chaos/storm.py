"""When faults come: lanes that run side by side, each with its own chances from the seed.

A lane does one thing at a time, so an outage of etcd never meets one of the API server, but any
outage meets kills, cuts, removed pods and deleted routes.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.lab.chaos.faults import Faults
from tests.lab.chaos.recorder import Recorder

Range = tuple[float, float]

_MOVES: Final = frozenset(
    {"rollouts", "virtualservices", "httproutes", "destinationrules", "services"}
)
"""Changes of these are moves of a rollout; about thirty make a release."""

_PATIENT: Final = 0.85
"""The part of the kills that wait for a lead and a move; the others come at any time."""

_MOVES_A_SHOP: Final = 6
"""Before most kills the operator leads for this many moves at most, for each shop: what it gets
done between two kills doesn't depend on how fast the machine is."""

_PATIENCE_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Weather:
    """How rough it is: from when a lane is free again to its next fault, seconds, and lengths."""

    kills: Range = (0.1, 1.0)
    outages: Range = (15.0, 45.0)
    outage_seconds: Range = (5.0, 60.0)
    connections: Range = (8.0, 20.0)
    pods: Range = (5.0, 15.0)
    routes: Range = (15.0, 40.0)
    absent_seconds: Range = (0.5, 10.0)
    edits: Range = (8.0, 20.0)


LONG: Final = Weather()
SHORT: Final = Weather(
    kills=(0.1, 1.0),
    outages=(3.0, 6.0),
    outage_seconds=(2.0, 6.0),
    connections=(5.0, 12.0),
    pods=(5.0, 12.0),
    routes=(8.0, 16.0),
    absent_seconds=(0.5, 3.0),
    edits=(6.0, 14.0),
)


@dataclass
class Lane:
    """A row of faults, one after the other."""

    name: str
    gap: Range
    choices: Mapping[Callable[[random.Random], Awaitable[None]], int]
    """What may come, and how often in relation to the others."""
    on_move: bool = False
    """Most of them come right while a rollout moves."""


@dataclass
class Storm:
    """All lanes of a run."""

    seed: str
    weather: Weather
    faults: Faults
    recorder: Recorder
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def rage(self) -> None:
        """Until stopped; returns when everything that was broken is put back."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes():
                group.create_task(self._run(lane))

    def _lanes(self) -> list[Lane]:
        does, weather = self.faults, self.weather
        return [
            Lane(
                "operator", weather.kills, {does.kill_operator: 14, does.freeze_operator: 1}, True
            ),
            Lane("outages", weather.outages, {does.outage: 1}),
            Lane(
                "connections",
                weather.connections,
                {does.cut_connections: 3, does.hold_connections: 1},
            ),
            Lane("pods", weather.pods, {does.kill_pod: 1, does.remove_pod: 1, does.evict_pod: 1}),
            Lane("routes", weather.routes, {does.delete_route: 1}),
            Lane(
                "writers",
                weather.edits,
                {does.reset_route: 1, does.edit_weight: 1, does.edit_field: 2},
            ),
        ]

    async def _run(self, lane: Lane) -> None:
        chance = random.Random(f"{self.seed} {lane.name}")
        while not await self._stopped_within(chance.uniform(*lane.gap)):
            patient, part, delay = chance.random(), chance.random(), chance.uniform(0, 0.3)
            if lane.on_move and patient < _PATIENT:
                await self._moves(1 + int(part * _MOVES_A_SHOP * len(self.faults.shops)))
                await asyncio.sleep(delay)
            (fault,) = chance.choices(list(lane.choices), weights=list(lane.choices.values()))
            await fault(chance)

    async def _moves(self, count: int) -> None:
        """Return when the operator leads and rollouts have made so many moves.

        Without the patience most kills would meet an operator that starts or waits for the lease,
        which has nothing under way that a kill could harm. It has an end, for outages are longer.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.faults.somebody_leads()
                await self.recorder.changes(_MOVES, count)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        except TimeoutError:
            return False
        return True
