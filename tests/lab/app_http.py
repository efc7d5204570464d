"""The demo app's web server: keep-alive, bodies, a tidy end.

Every pod of the lab is a process of its own. Importing aiohttp costs each of them half a second of
processor time and 15 MB; this costs a hundredth of it.
"""

import asyncio
import contextlib
import http
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.lab import http1


@dataclass(frozen=True)
class Request:
    """One request, read to its end."""

    method: str
    path: str
    """Without the query."""

    body: bytes
    keep_alive: bool


@dataclass(frozen=True)
class Response:
    """One answer."""

    status: int = 200
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False
    """Ask the other side to use this connection no more, and close it after the answer."""

    def encoded(self, *, close: bool, head_only: bool) -> bytes:
        """The bytes on the wire, in one piece: two writes would wait for the other side's ACK."""
        body = self.text.encode()
        lines = [f"HTTP/1.1 {self.status} {http.HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"content-length: {len(body)}")
        if close:
            lines.append("connection: close")
        head = "\r\n".join([*lines, "", ""]).encode()
        return head if head_only else head + body


Handler = Callable[[Request], Awaitable[Response]]


class Server:
    """A listening socket and its connections; each serves one request after the other."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: dict[asyncio.Task[None], bool] = {}
        """Each connection's task, and whether a request is under way on it."""

        self._closing = False
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """The port, once connections are taken on it. Raises OSError when it can't be had."""
        self._listener = await asyncio.start_server(
            self._connected, host, port, limit=http1.LARGEST_HEAD, backlog=1024
        )
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def close(self, patience_seconds: float) -> None:
        """Returns when the door is closed and what was under way is answered.

        Idle connections end at once, busy ones after their answer, but no later than
        `patience_seconds` from now.
        """
        self._closing = True
        if self._listener:
            self._listener.close()
        busy = [task for task, under_way in self._connections.items() if under_way]
        for task, under_way in self._connections.items():
            if not under_way:
                task.cancel()
        if busy:
            _, late = await asyncio.wait(busy, timeout=patience_seconds)
            for task in late:
                task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served by a task")
        self._connections[task] = False
        try:
            # A client that hangs up in the middle is none of our business.
            with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                while await self._one(reader, writer, task):
                    pass
        finally:
            del self._connections[task]
            writer.close()

    async def _one(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        task: asyncio.Task[None],
    ) -> bool:
        """Whether the connection stays open after one more request and its answer."""
        try:
            (method, target, protocol), headers = await http1.read_head(reader)
            self._connections[task] = True
            if headers.get("expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await http1.read_body(headers, reader)
        except http1.BadMessageError as error:
            writer.write(Response(400, f"{error}\n").encoded(close=True, head_only=False))
            await writer.drain()
            return False
        keep_alive = http1.keeps_alive(protocol, headers)
        request = Request(method, target.partition("?")[0], body, keep_alive)
        response = await self._handler(request)
        close = response.close or self._closing or not request.keep_alive
        writer.write(response.encoded(close=close, head_only=request.method == "HEAD"))
        await writer.drain()
        self._connections[task] = False
        return not close
