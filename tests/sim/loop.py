"""An event loop on virtual time: when every task waits, time jumps to the next timer.

Everything runs in one thread and in the order in which it was scheduled, so a run is a function of
its seed. No sockets, no signals, no threads: what isn't simulated can't be reached from here.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

NEXT: Final = 1e-6
"""Seconds between two timers whose order matters: timers of one instant have none."""
_TURN_SECONDS: Final = 1e-6
"""A turn of the loop takes its time, as computing does: who waits for the clock sees it move."""
_BUSY_TURNS: Final = 5_000
"""Turns in which always some task could run; more is a livelock, and a defect."""


class Livelock(AssertionError):
    """Tasks go on and on and no time passes."""


class Deadlock(AssertionError):
    """Every task waits and no timer will ever wake one."""


class _Jump:
    """In place of a selector: instead of waiting for a socket, the clock is put forward."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self._loop.jump(timeout)
        return []

    def close(self) -> None:
        """Nothing to close."""


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is virtual seconds since the loop was made."""

    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._turns = 0
        self._selector = _Jump(self)
        self._clock_resolution = 1e-9
        self.troubles: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _loop, context: self.troubles.append(context))

    def time(self) -> float:
        return self._now

    def jump(self, timeout: float | None) -> None:
        """No task can run before the next timer: its instant is now.

        Raises:
            Deadlock: there is no timer.
            Livelock: some task could run for very long.
        """
        if timeout == 0:
            self._turns += 1
            self._now += _TURN_SECONDS
            if self._turns > _BUSY_TURNS:
                raise Livelock(f"the tasks never rest at {self._now:g} s")
            return
        self._turns = 0
        if not self._scheduled:
            raise Deadlock(f"every task waits at {self._now:g} s and no timer is set")
        self._now = max(self._now, self._scheduled[0].when())

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """`call_later` whose handle nobody needs."""
        self.call_later(max(0.0, seconds), call, *arguments)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """No other thread waits for this one."""
