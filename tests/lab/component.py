"""One program of the lab as a process that a test can stop, kill, freeze and start again."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.lab import linux, paths
from tests.lab.errors import ComponentError

START_SECONDS: Final = 60.0
"""How long a component may take to become ready; ten times what a busy machine needs."""

STOP_SECONDS: Final = 10.0
"""How long a component may take to end after SIGTERM before it is killed."""

_POLL_SECONDS = 0.05
_TAIL_LINES = 15


class Component:
    """A program with its arguments, its log and the question whether it is ready.

    Attributes:
        name: what it is called in messages, and its log's name.
        log: where its output goes; appended to at each start.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        logs: Path,
        ready: Callable[[], Awaitable[bool]],
        environment: Mapping[str, str] | None = None,
        folder: Path = paths.REPOSITORY,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        """Describe the program; nothing is started.

        Args:
            name: unique in the lab.
            argv: program and arguments.
            logs: the folder for its log.
            ready: asked every 50 ms after a start; an `OSError` or `TimeoutError` counts as no.
            environment: variables beside this process's own.
            folder: its working directory.
            stop_seconds: how long it may take to end after SIGTERM before it is killed.
        """
        self.name = name
        self.log = logs / f"{name}.log"
        self._argv = list(argv)
        self._ready = ready
        self._environment = dict(environment or {})
        self._folder = folder
        self._stop_seconds = stop_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False

    @property
    def pid(self) -> int:
        """The process's id inside the lab.

        Raises:
            ComponentError: it isn't running.
        """
        if not self.running or self._process is None:
            raise ComponentError(f"{self.name} is not running.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether there is a process; a frozen one counts."""
        return self._process is not None and self._process.returncode is None

    @property
    def died(self) -> bool:
        """Whether it ended though nobody here ended it."""
        return self._wanted and not self.running

    @property
    def rss_bytes(self) -> int:
        """Resident memory; 0 when it isn't running."""
        if not self.running:
            return 0
        try:
            fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        except OSError:  # a container that masks /proc: these are the host's process ids
            return 0
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    async def start(self) -> float:
        """Start it, wait until it is ready; seconds that took.

        Raises:
            ComponentError: it ended or wasn't ready in time; with the tail of its log.
        """
        await self.launch()
        return await self.wait_ready()

    async def launch(self) -> None:
        """Start it without waiting; does nothing when it runs."""
        if self.running:
            return
        self._wanted = True
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for the caller, who ends the lab in order
                preexec_fn=_die_with_parent,
            )

    async def wait_ready(self, seconds: float = START_SECONDS) -> float:
        """Return when it is ready; seconds waited, at most so many.

        Raises:
            ComponentError: it ended or wasn't ready in time; with the tail of its log.
        """
        began = time.monotonic()
        while not await self._answers():
            if not self.running:
                code = self._process.returncode if self._process else None
                raise ComponentError(f"{self.name} ended with code {code}.\n{self.tail()}")
            if time.monotonic() - began > seconds:
                raise ComponentError(
                    f"{self.name} was not ready after {seconds:.0f} s.\n{self.tail()}"
                )
            await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic() - began

    async def stop(self) -> None:
        """End it with SIGTERM, at last with SIGKILL; does nothing when it isn't running."""
        self._wanted = False
        if not self.running or self._process is None:
            return
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)
        try:
            await asyncio.wait_for(self._process.wait(), self._stop_seconds)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it with SIGKILL, and return when it is dead; does nothing when it isn't running."""
        self._wanted = False
        if self.running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def restart(self) -> float:
        """Stop it, start it, wait until it is ready; seconds from start to ready.

        Raises:
            ComponentError: it didn't come up.
        """
        await self.stop()
        return await self.start()

    def freeze(self) -> None:
        """Keep it from running (SIGSTOP): its sockets stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again after `freeze`; does nothing when it isn't running."""
        if self.running:
            os.kill(self.pid, signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """Stopped within the block, ready again after it: connections are refused meanwhile."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    @contextlib.asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Frozen within the block, ready again after it: calls hang meanwhile."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()
            await self.wait_ready()

    async def ended(self) -> int:
        """Its exit code, once the process of now has ended; -N if signal N ended it."""
        if self._process is None:
            raise ComponentError(f"{self.name} was never started.")
        return await self._process.wait()

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """The end of its log, with the log's path above it."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError as error:
            text = str(error)
        return "\n".join([f"--- {self.log}", *text.splitlines()[-lines:]])

    async def _answers(self) -> bool:
        try:
            return await self._ready()
        except (OSError, TimeoutError):
            return False


def _die_with_parent() -> None:
    linux.die_with_parent(signal.SIGKILL)


def python(module: str) -> list[str]:
    """The start of an argv that runs one of the lab's own modules with this very Python."""
    return [sys.executable, "-m", module]
