"""One size: a lab, an operator and so many rollouts; what each phase of their lives costs.

    python -m tests.lab exec -- python -m tests.bench.cell 1000 FILE

A size gets a lab of its own, so that no size pays for what another left behind.
"""

import argparse
import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from tests.bench import stubborn, tenants
from tests.bench.account import Idle, Phase, Size, Start
from tests.bench.meter import Reading
from tests.bench.replica_sets import ReplicaSets
from tests.lab import davy as davy_process
from tests.lab.component import Component
from tests.lab.errors import LabError
from tests.lab.kube import Json, Kube
from tests.lab.lab import Lab

ALONE: Final = 30
"""Updates, one after the other, from which the latency without load is taken."""
CALLS: Final = 12
"""Requests of the bench under way at the same time."""
START_SECONDS: Final = 600.0
"""The most that a start may take; ten times what it should on a machine of its own."""
STALLED_SECONDS: Final = 120.0
"""A fleet of which no rollout has changed for so long, though some should, ends the bench."""
QUIET_SECONDS: Final = 2.0
"""Without request and pass for so long, the operator has nothing left to do."""
_LOOK_SECONDS: Final = 0.02
_METRICS_SECONDS: Final = 0.1

Key = tuple[str, str]
_T = TypeVar("_T")


@dataclass
class Fleet:
    """The rollouts as a watch shows them, and when what was seen."""

    kube: Kube
    statuses: dict[Key, Json] = field(default_factory=dict)
    generations: dict[Key, int] = field(default_factory=dict)
    edited: dict[Key, float] = field(default_factory=dict)
    """When the last edit was seen, monotonic."""
    answered: dict[Key, float] = field(default_factory=dict)
    """When the last ReplicaSet was seen, monotonic."""
    heard_at: float = field(default_factory=time.monotonic)
    """When any rollout last changed, monotonic."""

    def replica_set(self, found: Json) -> None:
        """A ReplicaSet appeared: an edit's first effect."""
        owner = found["metadata"]["ownerReferences"][0]["name"]
        self.answered[found["metadata"]["namespace"], owner] = time.monotonic()

    async def watch(self) -> None:
        """Follow the rollouts until cancelled."""
        async for _, found in stubborn.watch(self.kube, "rollouts.davy.dev"):
            self.heard_at = time.monotonic()
            metadata = found["metadata"]
            key = (metadata["namespace"], metadata["name"])
            if self.generations.get(key) != metadata["generation"]:
                self.generations[key] = metadata["generation"]
                self.edited[key] = time.monotonic()
            self.statuses[key] = found.get("status") or {}

    def done(self, keys: Iterable[Key]) -> int:
        """How many of them are Healthy with what was last asked."""
        return sum(self._is_done(key) for key in keys)

    def is_answered(self, key: Key) -> bool:
        """The last edit's first effect was seen."""
        return self.answered[key] > self.edited[key]

    def latencies(self, keys: Iterable[Key]) -> list[float]:
        """Seconds from an edit to the ReplicaSet that answers it, both as a watch shows them."""
        return [self.answered[key] - self.edited[key] for key in keys]

    def _is_done(self, key: Key) -> bool:
        status = self.statuses.get(key, {})
        newest = status.get("observedGeneration") == str(self.generations.get(key))
        return newest and status.get("phase") == "Healthy"


@dataclass
class Cell:
    """One size under measurement."""

    lab: Lab
    davy: Component
    fleet: Fleet
    size: int
    at_once: int
    """The most rollouts that are updated at the same moment."""
    pause: str

    async def measured(self, *, idle_seconds: float) -> Size:
        """Everything, in the order in which a cluster would live through it."""
        found = Size(rollouts=self.size)
        found.empty_mb = (await self._reading()).memory_mb
        numbers = range(self.size)
        await self._gather(self._network(number) for number in numbers)
        found.create = await self._phase(numbers, self._create)
        _say(found, "create", found.create)
        found.idle = await self._idle(idle_seconds)
        _say(found, "idle", found.idle)
        found.start = await self._start()
        _say(found, "start", found.start)
        found.alone_ms = await self._alone(numbers[:ALONE])
        found.update = await self._phase(numbers[: self.at_once], self._update)
        found.peak_mb = (await self._reading()).memory_mb
        return found

    async def _phase(self, numbers: range, act: Callable[[int], Awaitable[object]]) -> Phase:
        """Acted on all of them at once, until the operator has nothing left to do."""
        keys = [_key(number) for number in numbers]
        before, began = await self._reading(), time.monotonic()
        self.fleet.heard_at = began
        await self._gather(act(number) for number in numbers)
        asked = time.monotonic() - began
        await self._until(lambda: self.fleet.done(keys) == len(keys), "all are Healthy")
        seconds = time.monotonic() - began
        await self._quiet()
        used = (await self._reading()).since(before)
        latencies = self.fleet.latencies(keys)
        return Phase.of(len(keys), asked, seconds, latencies, used)

    async def _idle(self, seconds: float) -> Idle:
        before = await self._reading()
        await asyncio.sleep(seconds)
        return Idle.of(seconds, (await self._reading()).since(before))

    async def _start(self) -> Start:
        """A restart: everything is listed, and each rollout looked at once."""
        await self.davy.stop()
        began = time.monotonic()
        await self.davy.launch()
        await self.davy.wait_ready(START_SECONDS)
        ready = time.monotonic() - began
        reading = await self._reading()
        while reading.passes < self.size or reading.waiting:
            await asyncio.sleep(_METRICS_SECONDS)
            reading = await self._reading()
        seconds = time.monotonic() - began
        await self._quiet()
        return Start.of(ready, seconds, await self._reading())

    async def _alone(self, numbers: range) -> list[float]:
        """Milliseconds from an edit to its first write, nothing else going on."""
        keys = [_key(number) for number in numbers]
        for number in numbers:
            self.fleet.heard_at = time.monotonic()
            await self._update(number, image=100)
            await self._until(partial(self.fleet.is_answered, _key(number)), "it was answered")
        found = self.fleet.latencies(keys)
        await self._until(lambda: self.fleet.done(keys) == len(keys), "all are Healthy")
        await self._quiet()
        return sorted(1000 * seconds for seconds in found)

    async def _network(self, number: int) -> None:
        for document in tenants.Tenant(number, self.pause).network():
            await stubborn.call(partial(self.lab.kube.create, document))

    async def _create(self, number: int) -> None:
        rollout = tenants.Tenant(number, self.pause).rollout()
        await stubborn.call(partial(self.lab.kube.create, rollout))

    async def _update(self, number: int, image: int = 2) -> None:
        key = _key(number)
        generation = self.fleet.generations[key]
        patch = partial(self.lab.kube.patch, "rollouts.davy.dev", key[1], namespace=key[0])
        await stubborn.call(partial(patch, tenants.new_image(image)))
        await self._until(lambda: self.fleet.generations[key] > generation, "the edit was seen")

    async def _reading(self) -> Reading:
        """An operator that is busy answers late; one that died never does."""
        while True:
            try:
                return await Reading.take(self.davy)
            except (OSError, TimeoutError):
                if self.davy.died:
                    raise LabError(f"davy died.\n{self.davy.tail()}") from None

    async def _quiet(self) -> None:
        """No request, no pass, no key that waits, for QUIET_SECONDS."""
        last, since = await self._reading(), time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS:
            await asyncio.sleep(_METRICS_SECONDS)
            now = await self._reading()
            if now.waiting or (now.asked, now.passes) != (last.asked, last.passes):
                last, since = now, time.monotonic()

    async def _until(self, is_so: Callable[[], bool], what: str) -> None:
        while not is_so():
            if self.davy.died:
                raise LabError(f"davy died.\n{self.davy.tail()}")
            if time.monotonic() - self.fleet.heard_at > STALLED_SECONDS:
                raise LabError(f"{self.size} rollouts: nothing moves until {what}.{self._stuck()}")
            await asyncio.sleep(_LOOK_SECONDS)

    def _stuck(self) -> str:
        waiting = [key for key in self.fleet.statuses if not self.fleet.done([key])]
        said = [f"\n{key[1]}: {self.fleet.statuses[key].get('message')}" for key in waiting[:5]]
        return f" {len(waiting)} aren't done:{''.join(said)}"

    async def _gather(self, jobs: Iterable[Awaitable[_T]]) -> None:
        """All of them, CALLS at a time."""
        slots = asyncio.Semaphore(CALLS)

        async def one(job: Awaitable[_T]) -> None:
            async with slots:
                await job

        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(one(job))


def _say(size: Size, what: str, found: Phase | Idle | Start) -> None:
    """For whoever waits, and for what is known of a size that can't be measured to its end."""
    print(f"bench: {size.rollouts} rollouts: {what}: {json.dumps(asdict(found))}", flush=True)


def _key(number: int) -> Key:
    return tenants.namespace(number), tenants.name(number)


@contextlib.asynccontextmanager
async def _cell(asked: argparse.Namespace) -> AsyncIterator[Cell]:
    async with Lab.start(bare=True) as lab:
        for number in range(min(asked.size, tenants.NAMESPACES)):
            metadata = {"name": tenants.namespace(number)}
            await lab.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        fleet = Fleet(lab.kube)
        async with davy_process.running(lab) as davy, asyncio.TaskGroup() as beside:
            jobs = (fleet.watch(), ReplicaSets(lab.kube, fleet.replica_set).run())
            tasks = [beside.create_task(job) for job in jobs]
            yield Cell(lab, davy, fleet, asked.size, asked.at_once, asked.pause)
            for task in tasks:
                task.cancel()


async def _measure(asked: argparse.Namespace) -> Size:
    async with _cell(asked) as cell:
        return await cell.measured(idle_seconds=asked.idle)


def options(parser: argparse.ArgumentParser) -> None:
    """What holds for every size."""
    parser.add_argument("--at-once", type=int, default=1000, help="updates at once, default 1000")
    parser.add_argument("--pause", default="1s", help="length of both pause steps, default 1s")
    parser.add_argument("--idle", type=float, default=60.0, help="idle seconds, default 60")


def main() -> None:
    """Measure one size and write its account."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cell")
    parser.add_argument("size", type=int)
    parser.add_argument("file", type=Path)
    options(parser)
    asked = parser.parse_args()
    asked.file.write_text(json.dumps(asyncio.run(_measure(asked)).as_json()))


if __name__ == "__main__":
    main()
