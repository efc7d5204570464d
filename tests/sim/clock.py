"""A clock that tests turn by hand."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta


class TurnedClock:
    """Stands still until it is turned; sleepers wake in the order of their deadlines."""

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

    async def turn(self, seconds: float, settled: Callable[[], None] = lambda: None) -> None:
        """Let so much time pass; whoever is due runs until he waits again.

        Args:
            seconds: to pass.
            settled: called each time when all wait, before time goes on.
        """
        end = self._elapsed + seconds
        await self._settle(settled)
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            if future.done():
                continue
            self._elapsed = max(self._elapsed, at)
            future.set_result(None)
            await self._settle(settled)
        self._elapsed = end
        await self._settle(settled)

    async def _settle(self, settled: Callable[[], None]) -> None:
        await _until_all_wait()
        settled()
        await _until_all_wait()


async def _until_all_wait() -> None:
    """Run every runnable task until it waits for something."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(10_000):
        await asyncio.sleep(0)
        if not ready:
            return
    raise AssertionError("the tasks never rest")
