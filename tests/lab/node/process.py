"""A container's main process, real or simulated; both end by a signal and have an exit code."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.lab import linux


class Process(Protocol):
    """What a container needs of its main process."""

    async def wait(self) -> int:
        """Its exit code; -N if signal N ended it."""

    def send(self, number: int) -> None:
        """Send it a signal; does nothing when it has ended."""


class RealProcess:
    """A process group of this machine."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(
        cls, argv: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> "RealProcess":
        """Start `argv` with both outputs appended to `log`.

        Raises:
            OSError: there is no such program, or it may not be run.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return cls(
                await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(environment),
                    cwd=folder,
                    start_new_session=True,
                    preexec_fn=_die_with_the_agent,
                )
            )

    async def wait(self) -> int:
        """Its exit code; what it left running in its process group is killed."""
        code = await self._process.wait()
        self._send_group(signal.SIGKILL)
        return code

    def send(self, number: int) -> None:
        """Send the main process a signal; SIGKILL goes to its whole group."""
        if number == signal.SIGKILL:
            self._send_group(number)
        elif self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _send_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class SimulatedProcess:
    """A process that sleeps until a signal ends it, without being one."""

    def __init__(self) -> None:
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        """0 after SIGTERM, as `pause` does; else -N."""
        return await asyncio.shield(self._code)

    def send(self, number: int) -> None:
        """End it; only SIGTERM, SIGINT and SIGKILL do."""
        ends = {signal.SIGTERM: 0, signal.SIGINT: 0, signal.SIGKILL: -signal.SIGKILL}
        if number in ends and not self._code.done():
            self._code.set_result(ends[signal.Signals(number)])


async def run(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path, timeout_seconds: float
) -> tuple[int, str]:
    """Exit code and output of a short command: an exec probe or hook.

    Raises:
        OSError: there is no such program.
        TimeoutError: it took longer; it has been killed.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(environment),
        cwd=folder,
        start_new_session=True,
        preexec_fn=_die_with_the_agent,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout_seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode or 0, output.decode(errors="replace").strip()


def _die_with_the_agent() -> None:
    linux.die_with_parent(signal.SIGKILL)
