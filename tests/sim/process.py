"""One operator process: the real `Operator`, with transport, watches and time of the simulation.

It can be killed (no request of it is served from then on, no event told, its tasks are thrown
away), and stopped: then time goes on without it, and what was to wake it waits until it goes on.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from davy.cluster.client import Json
from davy.cluster.kinds import EVENT, LEASE, Kind
from davy.controller.outcome import Result as ReconcileResult
from davy.controller.queue import Key
from davy.controller.reconcile import Decide, Reconciler
from davy.controller.service import Operator
from davy.controller.settings import (
    LeaseSettings,
    MeasureSettings,
    QueueSettings,
    Settings,
    WatchSettings,
)
from davy.engine.plan import Plan
from davy.engine.world import Rollout, World
from davy.metrics import registry
from tests.sim import older as older_version
from tests.sim import plugins
from tests.sim.cluster import Call
from tests.sim.manifests import ROLLOUT
from tests.sim.network import Network
from tests.sim.schedule import Setup
from tests.sim.shown import START
from tests.sim.streams import Streams


@dataclass
class Told:
    """Who is told of what a process does; the world fills it in."""

    begins: "Callable[[Process, str], None]"
    decided: "Callable[[Process, str], None]"
    sends: "Callable[[Process, Call], None]"
    serves: "Callable[[Process, Call], None]"
    served: "Callable[[Process, Call, Exception | None], None]"


class ProcessClock:
    """See `Clock`; the wall clock of the machine may be wrong."""

    def __init__(self, process: "Process") -> None:
        self._process = process

    def now(self) -> datetime:
        loop = self._process.loop
        return START + timedelta(seconds=loop.time()) + self._process.wall()

    def monotonic(self) -> float:
        seconds: float = self._process.loop.time()
        return seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
        while self._process.stopped:
            await self._process.goes_on.wait()


class _Operator(Operator):
    """The operator, whose passes and decisions are told."""

    begins: "Callable[[str], None]"
    decided: "Callable[[str], None]"

    def reconciler(self, decide_: Decide | None = None) -> Reconciler:
        made = super().reconciler(decide_)
        inner = made.decide

        def told(rollout: Rollout, world: World, now: datetime) -> Plan:
            plan = inner(rollout, world, now)
            self.decided(rollout.name)
            return plan

        reconcile = made.reconcile

        async def begun(key: Key) -> ReconcileResult:
            self.begins(key.name)
            return await reconcile(key)

        made.decide = told
        made.reconcile = begun  # type: ignore[method-assign]
        return made


class Process:
    """A process and its end of every wire."""

    def __init__(
        self,
        name: str,
        world: Any,
        told: Told,
        *,
        elected: bool = True,
        older: bool = False,
    ) -> None:
        self.name = name
        self.older = older
        """It is of another version of the code: see `tests/sim/older.py`."""
        self.loop = world.loop
        self.alive = True
        self.stopped = False
        self.goes_on = asyncio.Event()
        self.stop_in: tuple[int, float] | None = None
        """Stopped just before the n-th write from now leaves, for so many seconds."""
        self.wall: Callable[[], timedelta] = lambda: world.wall
        self._told = told
        self._held: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        setup: Setup = world.setup
        self.network = Network(
            side=self,
            loop=world.loop,
            cluster=world.cluster,
            chance=world.chance(f"{name} net"),
            latency=setup.latency,
            weathers=world.weather,
            is_older=older,
        )
        self.operator = _Operator(
            self.network,
            settings(setup, elected=elected, older=older),
            ProcessClock(self),
            identity=name,
            plugins=plugins.INSTALLED,
        )
        self.operator.steps.calls = plugins.AtOnce()
        self.operator.begins = lambda rollout: told.begins(self, rollout)
        self.operator.decided = lambda rollout: told.decided(self, rollout)
        self.operator.queue.chance = world.chance(f"{name} queue")
        self.operator.resync.chance = world.chance(f"{name} resync")
        providers = registry.Registry({"prometheus": lambda: world.prometheus})
        self.operator.providers = self.operator.measurer.providers = providers
        self.streams = Streams(
            loop=world.loop,
            cluster=world.cluster,
            watches=self.operator.watches,
            seen=self._seen,
            wakes=self.wakes,
            chance=world.chance(f"{name} watch"),
            delay=setup.watch_delay,
        )
        self._tasks = [
            self.loop.create_task(job, name=f"{name}: {part}")
            for part, job in self.operator.jobs().items()
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)
        self.died = ""
        """Why a task ended that never should; "" while all is well."""
        self.streams.start()

    def kill(self, *, landing: bool) -> None:
        """SIGKILL; `landing`: requests that have left still arrive."""
        self.alive = self.stopped = False
        self.network.landing = landing
        self.streams.stopped = True
        self.goes_on.set()
        for task in self._tasks:
            task.cancel()
        self.operator.measurer.drop()
        self.operator.steps.drop()

    def stop(self) -> None:
        """SIGSTOP."""
        self.stopped = True
        self.goes_on.clear()

    def go_on(self) -> None:
        """SIGCONT: all that was to happen meanwhile happens now."""
        if not self.stopped:
            return
        self.stopped = False
        self.goes_on.set()
        held, self._held = self._held, []
        for call, arguments in held:
            call(*arguments)

    def wakes(self, call: Callable[..., None], *arguments: object) -> None:
        """See `network.Side.wakes`."""
        if not self.alive:
            return
        if self.stopped:
            self._held.append((call, arguments))
        else:
            call(*arguments)

    def leaves(self, call: Call) -> None:
        """See `network.Side.leaves`."""
        if self.stop_in is None or call.verb in {"get", "list"} or call.kind in {EVENT, LEASE}:
            return
        writes, seconds = self.stop_in
        self.stop_in = (writes - 1, seconds)
        if writes <= 1:
            self.stop_in = None
            self.stop()
            self.loop.later(seconds, self.go_on)

    def sends(self, call: Call) -> None:
        """See `network.Side.sends`."""
        self._told.sends(self, call)

    def serves(self, call: Call) -> None:
        """See `network.Side.serves`."""
        self._told.serves(self, call)

    def served(self, call: Call, *, error: Exception | None) -> None:
        """See `network.Side.served`."""
        self._told.served(self, call, error)

    def _seen(self, kind: Kind, event: str, found: Json) -> None:
        known = older_version.read(found) if self.older and kind == ROLLOUT else found
        self.operator.seen(kind, event, known)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if self.alive and not task.cancelled():
            self.died = f"{task.get_name()} ended: {task.exception()!r}"


def settings(setup: Setup, *, elected: bool, older: bool) -> Settings:
    """The operator's settings in this world; who isn't elected has a lease of its own."""
    return Settings(
        settle=timedelta(seconds=setup.settle * (1.5 if older else 1)),
        queue=QueueSettings(workers=setup.workers),
        watch=WatchSettings(resync=timedelta(seconds=setup.resync)),
        measure=MeasureSettings(job_accounts=("*/default",)),
        lease=LeaseSettings(
            name="davy" if elected else "nobody-elses",
            duration=timedelta(seconds=setup.lease),
        ),
    )
