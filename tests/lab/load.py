"""Steady load on a rollout, counted request by request, and asked about while it runs.

    async with Load.running("http://10.0.0.1:8081/", host="web.example", rate=200) as load:
        ...
        await load.until(500, since=verified_at)
        assert load.share("v2", since=verified_at).agrees(10)
    assert load.failed(outside="v2") == ()

`python -m tests.lab.load URL --host web.example --rate 200 --seconds 10` does the same by hand:
a JSON line for each request, and a summary at the end.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from tests.lab.load_generator import Target, generate
from tests.lab.load_records import Counts, Request, Share, Window

TIMEOUT_SECONDS: Final = 10.0
"""A request without an answer for this long has failed."""

START_SECONDS: Final = 20.0
"""The generator's process is up within this time, even on a machine that compiles beside it."""

POLL_SECONDS: Final = 0.05
"""How often `until` looks; a look costs a pass over the requests seen, so not with each one."""

ROOT: Final = Path(__file__).resolve().parent.parent.parent


class LoadError(Exception):
    """The generator failed, or its account has a hole: no conclusion can stand on it."""


class Load:
    """A generator at work, and what it has seen so far.

    The questions (`counts`, `share`, `failed` …) are those of `load_records.Window`, over the
    requests that have ended; `since` and `until` narrow them to those *sent* in that time. After
    the `async with` every request sent has ended and all questions may still be asked.
    """

    def __init__(self, process: asyncio.subprocess.Process, target: Target) -> None:
        self.target = target
        self.seen = Window()
        """All requests that have ended, in the order they were sent."""

        self.sent = 0
        """Requests sent, by the generator's last word (at most a second old)."""

        self.cpu_seconds = 0.0
        """What the generator has cost so far."""

        self._process = process
        self._state = ""
        self._start = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls,
        url: str,
        host: str | None = None,
        rate: float = 100,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> AsyncIterator[Self]:
        """Sends `rate` requests a second to `url` until the block ends.

        Args:
            url: `http://ADDRESS[:PORT]/path`, reachable from this process' network namespace.
            host: the Host header; None: the url's own.
            rate: requests a second, > 0.
            timeout_seconds: when a request counts as unanswered.

        Raises:
            LoadError: the generator didn't start, died, or left a request out of its account.
        """
        target = Target(url, host, rate, timeout_seconds)
        arguments = ["--rate", str(rate), "--timeout", str(timeout_seconds), "--until-stdin-closes"]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            url,
            *arguments,
            *(["--host", host] if host else []),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is the test's to handle; stdin's end stops this
        )
        load = cls(process, target)
        try:
            await load._started()
            yield load
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await load._ended()
            raise
        await load.stop()

    async def stop(self) -> None:
        """Ends the sending; returns when every request sent has ended and is accounted for.

        Raises:
            LoadError: the generator died, or left a request out of its account.
        """
        if self._process.stdin:
            self._process.stdin.close()
        await self._ended()
        if self._state != "ended":
            raise LoadError(f"the load generator died (exit code {self._process.returncode})")
        numbers = sorted(each.number for each in self.seen)
        if numbers != list(range(self.sent)):
            raise LoadError(f"{self.sent} requests were sent, but {len(numbers)} accounted for")

    def window(self, since: datetime | None = None, until: datetime | None = None) -> Window:
        """The requests sent from `since` on and before `until` that have ended."""
        return self.seen.between(since, until)

    def counts(
        self,
        version: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Counts:
        """How many requests had which end; of one version only when named."""
        window = self.window(since, until)
        return (window.of(version) if version else window).counts()

    def share(
        self, version: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Share:
        """The part of the app's answers that this version gave."""
        return self.window(since, until).share(version)

    def failed(
        self,
        outside: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Request, ...]:
        """The requests that failed, less the errors that the app of version `outside` made."""
        return self.window(since, until).failed(outside)

    async def until(
        self,
        count: int,
        *,
        version: str | None = None,
        since: datetime | None = None,
        within_seconds: float = 60.0,
    ) -> Window:
        """The requests sent from `since` on, once `count` of them (of that version) have ended.

        Raises:
            LoadError: fewer came in that time, or the generator died.
        """

        def enough() -> bool:
            window = self.window(since)
            return len(window.of(version) if version else window) >= count

        deadline = time.monotonic() + within_seconds
        while not enough():
            await asyncio.sleep(POLL_SECONDS)
            if self._reader.done() or time.monotonic() > deadline:
                break
        window = self.window(since)
        if not enough():
            of = f" of {version}" if version else ""
            raise LoadError(
                f"fewer than {count} requests{of} within {within_seconds:g} s: {window.describe()}"
            )
        return window

    def describe(self) -> str:
        """All so far in a line, for a time-out's message and the end of a demo."""
        return self.seen.describe()

    async def _started(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._start.wait()
        except TimeoutError:
            raise LoadError(f"the load generator didn't start in {START_SECONDS:g} s") from None
        if not self._state:
            code = await self._process.wait()
            raise LoadError(f"the load generator didn't start (exit code {code})")

    async def _ended(self) -> None:
        await self._reader
        await self._process.wait()

    async def _read(self) -> None:
        if self._process.stdout is None:
            raise LoadError("the load generator has no output")
        try:
            async for line in self._process.stdout:
                if line.startswith(b"["):
                    self.seen.add(Request.from_json(line))
                else:
                    said = json.loads(line)
                    self._state, self.sent = said["state"], said["sent"]
                    self.cpu_seconds = said["cpu_seconds"]
                    self._start.set()
        finally:
            self._start.set()


def main() -> int:
    """The exit code: 0, or 2 for an address that isn't one."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.load", description="Steady load.")
    parser.add_argument("url", help="http://ADDRESS[:PORT]/path")
    parser.add_argument("--host", help="the Host header")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, help="seconds")
    parser.add_argument("--seconds", type=float, help="how long; default: until Ctrl-C")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    target = Target(given.url, given.host, given.rate, given.timeout)
    try:
        asyncio.run(
            generate(target, seconds=given.seconds, until_stdin_closes=given.until_stdin_closes)
        )
    except ValueError as error:
        print(f"load: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
