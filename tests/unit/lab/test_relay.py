"""The relay between real sockets on loopback."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from tests.lab.relay import Relay


@contextlib.asynccontextmanager
async def relayed() -> AsyncIterator[Relay]:
    """A relay to a server that sends everything back."""
    echoes = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        echoes.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            while data := await reader.read(100):
                writer.write(data)
        writer.transport.abort()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    relay = await Relay.open(socket.create_server(("127.0.0.1", 0)), "127.0.0.1", port)
    try:
        yield relay
    finally:
        relay.close()
        await relay.wait_closed()
        server.close()
        await asyncio.wait([each for each in echoes if each])


async def asked(relay: Relay) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection through the relay that was answered once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(b"one")
    assert await reader.readexactly(3) == b"one"
    return reader, writer


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def test_a_cut_breaks_what_is_open_and_nothing_that_comes() -> None:
    """Both connections end with a reset; the next is answered."""
    async with relayed() as relay:
        connections = [await asked(relay), await asked(relay)]
        assert relay.cut() == 2
        for reader, writer in connections:
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
            await closed(writer)
        _, writer = await asked(relay)
        await closed(writer)


async def test_what_is_held_arrives_when_it_is_let_go() -> None:
    """Nothing passes, nothing breaks, nothing is lost."""
    async with relayed() as relay:
        reader, writer = await asked(relay)
        answer = asyncio.create_task(reader.readexactly(3))
        async with relay.held():
            writer.write(b"two")
            done, _ = await asyncio.wait({answer}, timeout=0.1)
            assert not done
        assert await answer == b"two"
        await closed(writer)
