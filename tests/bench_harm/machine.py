"""How busy the machine was while a release went on: other programs share it, figures suffer."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

_FIELDS = 8
"""user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user's."""


@dataclass
class Machine:
    """The machine over a time; of all its programs together, the lab's own among them."""

    cores: int
    busy: float = 0.0
    """Share of all cores' time that wasn't idle, 0 to 1."""
    waiting: float = 0.0
    """Share of the time in which some program waited for a core (pressure), 0 to 1."""


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[Machine]:
    """The machine during the block; figures are there after it."""
    machine = Machine(os.cpu_count() or 1)
    loop = asyncio.get_running_loop()
    began, used, total, stalled = loop.time(), *_times(), _stalled_seconds()
    yield machine
    used_now, total_now = _times()
    machine.busy = round((used_now - used) / max(total_now - total, 1), 3)
    machine.waiting = round((_stalled_seconds() - stalled) / (loop.time() - began), 3)


def _times() -> tuple[int, int]:
    """Ticks that all cores were busy, and all their ticks."""
    ticks = [int(text) for text in Path("/proc/stat").read_text().split()[1 : 1 + _FIELDS]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _stalled_seconds() -> float:
    """Since the machine's start; 0 where the kernel doesn't say."""
    try:
        some = Path("/proc/pressure/cpu").read_text().split()
    except OSError:
        return 0.0
    return int(some[4].removeprefix("total=")) / 1e6
