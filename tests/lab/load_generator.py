"""The load generator: sends on a schedule, whatever comes back, and tells of every request.

Open loop: request number n is due at start + n / rate, and is sent then whether or not earlier ones
were answered. A slow service gets more requests under way, not fewer, as with real users; if the
generator itself is held up, it sends what is overdue at once and says how late each was.

Nothing is sent twice. HTTP libraries repeat a request on a connection that broke before its answer;
that hides just the failures a rollout is tested for, so this is a client of its own.

Runs in a process of its own (`load` starts it), so that neither the test's event loop nor its
garbage collector holds it up. It writes to its standard output: a line with a JSON object when it
starts, every second and when it ends, and a line with a JSON list for each request.
"""

import asyncio
import contextlib
import gc
import json
import os
import queue
import signal
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tests.lab import http1
from tests.lab.load_records import MadeBy, Request

APP_MARK: Final = ("x-app", "demo")
"""The header that the demo app puts on every answer, and no proxy does."""

STATUS_SECONDS: Final = 1.0
"""How often the generator says how many requests it sent and how many are under way."""

STOP_SECONDS: Final = 0.1
"""How late a stop may be noticed, at rates below ten a second."""

NUMBER: Final = "n"
"""The query's key for a request's number, so that a proxy's log tells which request it is about."""

BODILESS: Final = {"204", "304"}
"""Answers that end with their headers, whatever those say."""


@dataclass(frozen=True)
class Target:
    """Where requests go, and how many."""

    url: str
    """`http://ADDRESS[:PORT]/path`; the connection goes to this address."""

    host: str | None
    """What the Host header says, by which a gateway picks the route; None: the url's own."""

    rate: float
    """Requests a second, > 0."""

    timeout_seconds: float
    """After this long without an answer a request counts as unanswered."""


class Client:
    """Connections to one address, kept open and used again, the latest used first."""

    def __init__(self, target: Target) -> None:
        """Raises ValueError when the url isn't a plain http one."""
        parts = urllib.parse.urlsplit(target.url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{target.url!r} is no http:// address")
        self._address = parts.hostname, parts.port or 80
        query = f"{parts.query}&{NUMBER}=" if parts.query else f"{NUMBER}="
        host = target.host or parts.netloc
        self._before = f"GET {parts.path or '/'}?{query}".encode()
        self._after = f" HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self, number: int) -> tuple[int, dict[str, str]]:
        """The status and headers of one answer, read to its end.

        Args:
            number: the request's, 0 or above; it is the end of the query.

        Raises:
            OSError: no connection, or it broke.
            asyncio.IncompleteReadError: it was closed before the answer was complete.
            http1.BadMessageError: what came isn't an HTTP answer.
        """
        reader, writer = await self._connection()
        keep = False
        try:
            writer.write(b"%b%d%b" % (self._before, number, self._after))
            (protocol, status, _), headers = await http1.read_head(reader)
            if status in BODILESS:
                keep = http1.keeps_alive(protocol, headers)
            elif "content-length" in headers or "transfer-encoding" in headers:
                await http1.read_body(headers, reader)
                keep = http1.keeps_alive(protocol, headers)
            else:
                await reader.read()  # the end of the connection is the end of the answer
            return int(status), headers
        finally:
            if keep:
                self._idle.append((reader, writer))
            else:
                writer.close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()  # closed by the other side while idle, known before anything was sent
        host, port = self._address
        return await asyncio.open_connection(host, port, limit=http1.LARGEST_HEAD)

    def close(self) -> None:
        """Closes what is idle."""
        for _, writer in self._idle:
            writer.close()


class Generator:
    """One run: the schedule, the requests under way, the report."""

    def __init__(self, target: Target, report: "Report") -> None:
        self._target = target
        self._client = Client(target)
        self._report = report
        self._under_way: set[asyncio.Task[None]] = set()
        self._sent = 0
        self._stopped = False
        # One reading of the wall clock: if it is set while we run, times don't jump.
        self._epoch = time.time() - time.monotonic()

    def stop(self) -> None:
        """No new requests from now on; those under way are still told of."""
        self._stopped = True

    async def run(self) -> None:
        """Sends until stopped, and returns when every request sent has been told of."""
        start = time.monotonic()
        self._say("started")
        status = asyncio.create_task(self._status())
        while not self._stopped:
            now = time.monotonic()
            while (due := start + self._sent / self._target.rate) <= now:
                self._send(self._sent, due)
            await asyncio.sleep(min(due - now, STOP_SECONDS))
        status.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)
        self._client.close()
        self._say("ended")

    def _send(self, number: int, due: float) -> None:
        self._sent += 1
        task = asyncio.create_task(self._one(number, due))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _one(self, number: int, due: float) -> None:
        sent = time.monotonic()
        status, headers, error = None, dict[str, str](), None
        try:
            async with asyncio.timeout(self._target.timeout_seconds):
                status, headers = await self._client.get(number)
        except TimeoutError:
            error = f"no answer within {self._target.timeout_seconds:g} s"
        except asyncio.IncompleteReadError as broken:
            part = "in the middle of" if broken.partial else "before"
            error = f"connection closed {part} the answer"
        except (OSError, http1.BadMessageError, ValueError) as broken:
            error = str(broken) or type(broken).__name__
        answered = MadeBy.APP if headers.get(APP_MARK[0]) == APP_MARK[1] else MadeBy.PROXY
        self._report.line(
            Request(
                number=number,
                sent_at=datetime.fromtimestamp(self._epoch + sent, UTC),
                late_seconds=sent - due,
                latency_seconds=time.monotonic() - sent,
                made_by=MadeBy.NONE if status is None else answered,
                status=status,
                version=headers.get("x-version"),
                pod=headers.get("x-pod"),
                error=error,
            ).as_json()
        )

    async def _status(self) -> None:
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            self._say("running")

    def _say(self, state: str) -> None:
        under_way = len(self._under_way)
        self._report.line(
            json.dumps(
                {
                    "state": state,
                    "sent": self._sent,
                    "under_way": under_way,
                    "cpu_seconds": round(time.process_time(), 3),
                }
            )
        )


class Report:
    """Lines to standard output from a thread, so that a slow reader never holds up the schedule."""

    def __init__(self) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def line(self, text: str) -> None:
        """Writes a line, some time soon."""
        self._lines.put(text)

    def close(self) -> None:
        """Returns when all lines are written."""
        self._lines.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (text := self._lines.get()) is not None:
            batch = [text]
            with contextlib.suppress(queue.Empty):
                while (more := self._lines.get_nowait()) is not None:
                    batch.append(more)
                self._lines.put(None)
            try:
                sys.stdout.write("\n".join(batch) + "\n")
                sys.stdout.flush()
            except OSError:
                os._exit(1)  # nobody reads: there is no one left to send for
            time.sleep(0.02)  # a line at a time would double the cost of a request


async def generate(target: Target, *, seconds: float | None, until_stdin_closes: bool) -> None:
    """Runs a generator for so long, or until SIGTERM, SIGINT or the end of standard input.

    The end of standard input is how a test that was killed takes its generator along.
    """
    report = Report()
    try:
        generator = Generator(target, report)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, generator.stop)
        if seconds is not None:
            loop.call_later(seconds, generator.stop)
        if until_stdin_closes:
            stdin = sys.stdin.fileno()

            def parent_gone() -> None:
                loop.remove_reader(stdin)  # an end stays readable: it would spin
                generator.stop()

            loop.add_reader(stdin, parent_gone)
        gc.collect()
        gc.freeze()
        await generator.run()
    finally:
        report.close()
