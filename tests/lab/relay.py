"""Hands TCP connections on to an address, and cuts or holds them up when a test asks for it.

Two uses. A bridge from the host's 127.0.0.1 into the lab's network: the listening socket was made
by the launcher, outside, and a socket stays in the network it was made in, so accepting from it
here and connecting here joins the two. And the operator's way to the API server, where its network
breaks: `cut`, `held`.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Self

_CHUNK_BYTES = 1 << 16
_RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset."""


class Relay:
    """Hands each connection to a socket on to an address inside."""

    def __init__(self, listener: socket.socket, host: str, port: int) -> None:
        """Use `open` instead."""
        self.port: int = listener.getsockname()[1]
        """Where it listens."""
        self._target = host, port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None] | None] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    @classmethod
    async def open(cls, listener: socket.socket, host: str, port: int) -> Self:
        """A relay from `listener` to `host`:`port`."""
        relay = cls(listener, host, port)
        relay._server = await asyncio.start_server(relay._serve, sock=listener)
        return relay

    def close(self) -> None:
        """Take no more connections, and break those that are open."""
        if self._server:
            self._server.close()
        self._flows.set()
        self.cut()

    async def wait_closed(self) -> None:
        """After `close`: return when no connection is left."""
        while serving := {task for task in self._serving if task}:
            await asyncio.wait(serving)

    def cut(self) -> int:
        """Break all connections, both sides see a reset; how many there were. New ones work."""
        cut = list(self._writers)
        for writer in cut:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        return len(cut) // 2

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Within the block nothing passes and nobody is told, as when a switch hangs."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers, task = {writer}, asyncio.current_task()
        self._writers |= writers
        self._serving.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._target)
            writers.add(inner_writer)
            self._writers |= writers
            await asyncio.gather(self._copy(reader, inner_writer), self._copy(inner_reader, writer))
        except OSError:
            pass  # the other side isn't there: this one is told by the end of its connection
        finally:
            self._writers -= writers
            self._serving.discard(task)
            for each in writers:
                each.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK_BYTES):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()


def listeners(text: str) -> dict[str, socket.socket]:
    """The sockets that `namespace.OUTSIDE` names: `name=fd,name=fd`."""
    pairs = (entry.split("=") for entry in text.split(",") if entry)
    return {name: socket.socket(fileno=int(fd)) for name, fd in pairs}
