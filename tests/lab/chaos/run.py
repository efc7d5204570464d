"""One run: open shops, let the storm rage over their releases, calm down, judge."""

import asyncio
import contextlib
import pickle
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.lab import audit, davy
from tests.lab.chaos import envoy_log, storm
from tests.lab.chaos.faults import Faults
from tests.lab.chaos.history import DAVY, FaultKind, History, Json, Lost, timeline
from tests.lab.chaos.mesh import Mesh
from tests.lab.chaos.recorder import Recorder
from tests.lab.chaos.replica import Replica, note_recoveries
from tests.lab.chaos.report import Record, Report, report
from tests.lab.chaos.storm import Storm, Weather
from tests.lab.chaos.users import User, insist, open_shop
from tests.lab.lab import Lab
from tests.lab.load import Load
from tests.lab.shop import Router, Shop

CALM_SECONDS: Final = 180.0
"""After the last fault every release is over within this time."""

DRAINED_SECONDS: Final = 60.0
"""Then the last pods without traffic are gone; their drain delay is 10 s."""

QUIET_SECONDS: Final = 3.0
"""Then the last status is written."""

IDLE_SECONDS: Final = 3.0
"""So long nothing is written then."""

CALL_SECONDS: Final = 70.0
"""The API server itself gives a call up after 60 s."""

_TRIES: Final = 10
_TRIES_A_SECOND: Final = 20.0
_SAY_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Settings:
    """What a run can be told."""

    seed: str
    minutes: float
    """Of storm."""
    kills: int = 0
    """Of the operator, at least: a storm lasts longer for them, by half at most."""
    replicas: int = 1
    """Of the operator."""
    shops: int = 3
    """Routers take turns."""
    rate: float = 30.0
    """Requests a second for each shop."""
    least: int = 2
    """Releases of each shop, however short the storm."""
    first: int = 0
    """With which kind of release the first shop begins; the others follow by twos."""
    weather: Weather = storm.LONG
    record: Path | None = None
    """Where to leave what the judges judge, to be judged again."""


async def play(lab: Lab, settings: Settings, say: Callable[[str], None]) -> Report:
    """The report on one run, on a lab that is up and serves nobody else.

    Raises:
        LabTimeoutError: the first version didn't even become healthy.
    """
    await davy.install(lab)
    async with AsyncExitStack() as stack:
        stack.enter_context(_patient(lab))
        replicas = [
            await stack.enter_async_context(Replica.running(lab, number))
            for number in range(settings.replicas)
        ]
        shops = [await _open(lab, stack, number) for number in range(settings.shops)]
        namespaces = [shop.namespace for shop in shops]
        recorder = await stack.enter_async_context(Recorder.recording(lab.kube, namespaces))
        mesh = Mesh(lab, await _namespace(lab, stack))
        await asyncio.gather(*(_opened(shop) for shop in shops))
        faults = Faults(
            lab,
            replicas,
            shops,
            recorder,
            mesh,
            settings.weather.outage_seconds,
            settings.weather.absent_seconds,
        )
        run = _Run(lab, settings, say, faults)
        return await run.play()


class _Run:
    def __init__(
        self,
        lab: Lab,
        settings: Settings,
        say: Callable[[str], None],
        faults: Faults,
    ) -> None:
        self._lab = lab
        self._settings = settings
        self._replicas = faults.replicas
        self._shops = faults.shops
        self._recorder = faults.recorder
        self._say = say
        self._began = datetime.now(UTC)
        self._faults = faults
        self._storm = Storm(settings.seed, settings.weather, faults, faults.recorder)
        self._users = [
            User(
                shop, faults.recorder, f"{settings.seed} user {number}", settings.first + 2 * number
            )
            for number, shop in enumerate(faults.shops)
        ]

    async def play(self) -> Report:
        """The report."""
        settings = self._settings
        async with AsyncExitStack() as stack:
            loads = [
                await stack.enter_async_context(shop.load(settings.rate)) for shop in self._shops
            ]
            async with _beside(note_recoveries(self._replicas)), _beside(self._tell()):
                await self._rage()
            undrained = await self._drained()
            idle_writes, astray = await self._idle(loads)
        record = Record(
            history=self._history(loads),
            releases=[each for user in self._users for each in user.releases],
            seed=settings.seed,
            minutes=settings.minutes,
            replicas=settings.replicas,
            exits=[each for replica in self._replicas for each in replica.exits],
            idle_writes=idle_writes,
            astray=astray,
            undrained=undrained,
        )
        if settings.record:
            settings.record.write_bytes(pickle.dumps(record))
        return report(record)

    async def _rage(self) -> None:
        """Storm and releases side by side; returns when both are over, or patience is."""
        stop = self._storm.stop
        raging = asyncio.create_task(self._storm.rage())
        users = [asyncio.create_task(user.run(stop, self._settings.least)) for user in self._users]
        over = asyncio.create_task(self._storm_over())
        try:
            await asyncio.wait({raging, over, *users}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await raging
            self._say("chaos: the storm is over")
            await asyncio.wait(users, timeout=CALM_SECONDS)
        finally:
            stop.set()
            for task in (raging, over, *users):
                task.cancel()
            ended = await asyncio.gather(raging, over, *users, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _storm_over(self) -> None:
        """Return when it has lasted long enough; faults and users go on until then."""
        seconds, kills = self._settings.minutes * 60, self._settings.kills
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds * 1.5):
                await asyncio.sleep(seconds)
                while self._faults.count(FaultKind.KILL_OPERATOR) < kills:  # noqa: ASYNC110
                    await asyncio.sleep(1.0)

    async def _drained(self) -> int:
        """How many shops have pods of several revisions though they had the time to end them."""

        def waiting() -> int:
            return sum(
                _revisions(self._recorder.all(name, "replicasets")) > 1 for name in self._namespaces
            )

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                await self._recorder.until(lambda: not waiting())
        return waiting()

    async def _idle(self, loads: Sequence[Load]) -> tuple[int, int]:
        """While nothing is left to do: Davy's writes, and answers of a version not stable."""
        await asyncio.sleep(QUIET_SECONDS)
        since = datetime.now(UTC)
        await asyncio.sleep(IDLE_SECONDS)
        written = sum(
            write.user == DAVY and write.received_at > since
            for write in audit.read(audit.log(self._lab.folder), self._namespaces)
        )
        answered = [
            (user, answer)
            for user, load in zip(self._users, loads, strict=True)
            for answer in load.window(since)
        ]
        return written, sum(answer.version != user.stable for user, answer in answered)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_SAY_SECONDS)
            over = [each for user in self._users for each in user.releases if each.ended]
            passed = datetime.now(UTC) - self._began
            self._say(
                f"chaos: {passed / timedelta(minutes=1):.1f} min, {len(self._faults.done)} faults, "
                f"{len(over)} releases over"
            )

    @property
    def _namespaces(self) -> frozenset[str]:
        return frozenset(shop.namespace for shop in self._shops)

    def _history(self, loads: Sequence[Load]) -> History:
        writes = list(audit.read(audit.log(self._lab.folder), self._namespaces))
        said = envoy_log.read(self._lab.envoy.log)
        lost = []
        for shop, load in zip(self._shops, loads, strict=True):
            for request in load.failed():
                line = said.get((shop.host, request.number), envoy_log.Line("", ""))
                lost.append(Lost(shop.namespace, request, line.flags, line.address))
        return History(
            began=self._began,
            ended=datetime.now(UTC),
            states=timeline(self._recorder.seen, writes),
            writes=writes,
            faults=self._faults.done,
            lost=lost,
            sent=sum(load.sent for load in loads),
        )


def _revisions(replica_sets: Sequence[Json]) -> int:
    """How many of them have pods, or shall have."""
    return sum(
        bool(found["spec"].get("replicas") or found.get("status", {}).get("replicas"))
        for found in replica_sets
    )


async def _open(lab: Lab, stack: AsyncExitStack, number: int) -> Shop:
    routers = list(Router)
    return await open_shop(lab, await _namespace(lab, stack), routers[number % len(routers)])


async def _namespace(lab: Lab, stack: AsyncExitStack) -> str:
    name = await lab.new_namespace("chaos")
    stack.push_async_callback(lambda: insist(lambda: lab.delete_namespace(name)))
    return name


async def _opened(shop: Shop) -> None:
    """Return when its first version is healthy, and the mesh has heard of it.

    Nobody is promised more: a first version replaces none, and the settle time is short for a
    machine that starts ten pods for every shop at once.
    """
    await shop.healthy("v1")
    opening = f"{shop.url}/opening"  # a path of its own, for these aren't in the account
    async with Load.running(opening, shop.host, _TRIES_A_SECOND) as load:

        async def answered() -> bool:
            last = list(load.seen)[-_TRIES:]
            return len(last) == _TRIES and all(each.ok for each in last)

        await shop.lab.until(answered, describe=f"{shop.namespace} answers")


@contextlib.contextmanager
def _patient(lab: Lab) -> Iterator[None]:
    """Who gives up waiting and tries again may find both tries done, the first one late."""
    before, lab.kube.call_seconds = lab.kube.call_seconds, CALL_SECONDS
    try:
        yield
    finally:
        lab.kube.call_seconds = before


@contextlib.asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Something that goes on beside the block, and ends with it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
