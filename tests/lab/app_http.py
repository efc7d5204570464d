"""Just enough HTTP/1.1 for the demo app: keep-alive, bodies, a tidy end.

Every pod of the lab is a process of its own on a machine with two cores. Importing aiohttp costs
each of them half a second of processor time and 15 MB; this file costs nothing. It serves proxies
and test clients, which speak correct HTTP; what it doesn't understand it refuses with a 400.
"""

import asyncio
import contextlib
import http
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a request line and its headers; more is answered with 400."""

LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes of a request's body; more is answered with 400."""


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


class BadRequestError(Exception):
    """The bytes aren't a request this server takes; the connection can't be trusted further."""


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
            self._connected, host, port, limit=LARGEST_HEAD, backlog=1024
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
            head = await reader.readuntil(b"\r\n\r\n")
            self._connections[task] = True
            request = await read(head, reader, writer)
        except (BadRequestError, asyncio.LimitOverrunError) as error:
            writer.write(Response(400, f"{error}\n").encoded(close=True, head_only=False))
            await writer.drain()
            return False
        response = await self._handler(request)
        close = response.close or self._closing or not request.keep_alive
        writer.write(response.encoded(close=close, head_only=request.method == "HEAD"))
        await writer.drain()
        self._connections[task] = False
        return not close


async def read(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """The request that starts with `head`, its body read.

    Raises:
        BadRequestError: the head isn't HTTP/1, or the body has no readable length.
        asyncio.IncompleteReadError: the client hung up in the middle.
    """
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, protocol = first.split(" ")
    except ValueError:
        raise BadRequestError("the request line isn't METHOD TARGET HTTP/1.1") from None
    if not protocol.startswith("HTTP/1."):
        raise BadRequestError(f"{protocol} isn't HTTP/1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError("a header line has no colon")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    wish = headers.get("connection", "").lower()
    return Request(
        method=method,
        path=target.partition("?")[0],
        body=await read_body(headers, reader),
        keep_alive=wish != "close" if protocol == "HTTP/1.1" else wish == "keep-alive",
    )


async def read_body(headers: Mapping[str, str], reader: asyncio.StreamReader) -> bytes:
    """The body, by its length or in chunks; empty without either. Raises as `read`."""
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await read_chunks(reader)
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise BadRequestError("the body's length isn't a number") from None
    if not 0 <= length <= LARGEST_BODY:
        raise BadRequestError(f"a body of {length} bytes; at most {LARGEST_BODY}")
    return await reader.readexactly(length)


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body, trailers dropped. Raises as `read_body`."""
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size < 0 or len(body) + size > LARGEST_BODY:
            raise BadRequestError(f"a body of more than {LARGEST_BODY} bytes")
        body += await reader.readexactly(size)
        line = await reader.readuntil(b"\r\n")
        if size == 0:
            while line != b"\r\n":
                line = await reader.readuntil(b"\r\n")
            return body
