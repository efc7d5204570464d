"""Time as an argument: the wall clock for a running operator, one that tests turn by hand."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the controller asks of time."""

    def now(self) -> datetime:
        """The aware UTC instant: for users and for what is written."""

    def monotonic(self) -> float:
        """Seconds that only ever grow: for backoff and ages."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""


class WallClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)


class TurnedClock:
    """A clock that stands still until it is turned; sleepers wake in order of their deadlines."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._elapsed = 0.0
        self._shift = timedelta()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._start + self._shift + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self._elapsed + max(0.0, seconds), next(self._order), future)
        heapq.heappush(self._sleepers, entry)
        await future

    def step(self, by: timedelta) -> None:
        """The wall clock jumps, as after a time server's correction; no time passes."""
        self._shift += by

    async def turn(self, seconds: float, settle: Callable[[], None] = lambda: None) -> None:
        """Let so much time pass; everybody due runs until it waits again."""
        end = self._elapsed + seconds
        await _run_others()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, at)
            if not future.done():
                future.set_result(None)
            await _run_others()
            settle()
        self._elapsed = end
        await _run_others()


async def _run_others() -> None:
    """Let every runnable task run until it waits for something."""
    for _ in range(50):
        await asyncio.sleep(0)
