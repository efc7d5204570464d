"""A bridge from the host's 127.0.0.1 into the lab's network.

The listening socket was made by the launcher, outside, and a socket stays in the network it was
made in: accepting from it here and connecting here joins the two.
"""

import asyncio
import contextlib
import socket
from typing import Self

_CHUNK_BYTES = 1 << 16


class Relay:
    """Hands each connection to a socket on to an address inside."""

    def __init__(self, server: asyncio.Server, port: int) -> None:
        """Use `open` instead."""
        self._server = server
        self.port = port
        """The port outside."""

    @classmethod
    async def open(cls, listener: socket.socket, host: str, port: int) -> Self:
        """A relay from `listener` to `host`:`port`."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                inner_reader, inner_writer = await asyncio.open_connection(host, port)
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
            writer.close()

        outside_port: int = listener.getsockname()[1]
        return cls(await asyncio.start_server(serve, sock=listener), outside_port)

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()


def listeners(text: str) -> dict[str, socket.socket]:
    """The sockets that `namespace.OUTSIDE` names: `name=fd,name=fd`."""
    pairs = (entry.split("=") for entry in text.split(",") if entry)
    return {name: socket.socket(fileno=int(fd)) for name, fd in pairs}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()
