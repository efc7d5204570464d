"""Time as an argument: tests bring a clock that they turn by hand."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final, Protocol

_EVEN_ASLEEP: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's monotonic clock stands still while a machine is suspended; a lease doesn't."""


class Clock(Protocol):
    """What the controller asks of time."""

    def now(self) -> datetime:
        """The aware UTC instant: for users and for what is written."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, also while the machine sleeps: for backoff and ages."""

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""


class WallClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.clock_gettime(_EVEN_ASLEEP)

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)
