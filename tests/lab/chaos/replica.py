"""The operator's replicas: each with its own way to the API server, started anew when it ends."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

import aiohttp

from tests.lab import davy, netlink
from tests.lab.chaos.history import Fault
from tests.lab.component import Component
from tests.lab.connection import as_os_errors
from tests.lab.lab import Lab
from tests.lab.relay import Relay

RESTART_SECONDS: Final = 0.5
"""A kubelet's first wait before it starts a container that ended; here it doesn't grow."""

_API_PORT: Final = 6443
_FIRST_PORT: Final = 8181
_LOOK_SECONDS: Final = 0.1
_ANSWER_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Exit:
    """It ended though nobody killed it."""

    replica: str
    at: datetime
    code: int


class Replica:
    """One process of the operator."""

    down: Fault | None
    """Its last kill, until a replica leads again; see `note_recoveries`."""

    def __init__(self, process: Component, relay: Relay, listen: str) -> None:
        """Use `running` instead."""
        self.name = process.name
        self.process = process
        self.relay = relay
        self.exits: list[Exit] = []
        """Ends that no fault caused: a start while the API server was away, or a crash."""
        self.down = None
        self._listen = listen
        self._pause = RESTART_SECONDS
        self._killed = False

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, lab: Lab, number: int) -> AsyncIterator[Self]:
        """Ready, and kept running until the block ends."""
        listener = socket.create_server(("127.0.0.1", 0))
        relay = await Relay.open(listener, netlink.CONTROL_PLANE, _API_PORT)
        listen = f"127.0.0.1:{_FIRST_PORT + number}"
        process = await davy.process(
            lab,
            name=f"davy-{number}",
            listen=listen,
            server=f"https://127.0.0.1:{relay.port}",
        )
        replica = cls(process, relay, listen)
        keeper = asyncio.create_task(replica._keep())
        try:
            yield replica
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await process.stop()
            relay.close()

    async def kill(self, pause_seconds: float) -> None:
        """SIGKILL; it is started again after that long. A kill while it is down changes nothing."""
        if self.process.running:
            self._pause, self._killed = pause_seconds, True
            await self.process.kill()

    async def leads(self) -> bool:
        """Whether it says that it leads: its caches are whole, and its writes are let through."""
        return await self._get("/readyz") == "ok, leads\n"

    async def _get(self, path: str) -> str:
        """The answer; empty when it is no 200, or none in half a second."""
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            with as_os_errors():
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.get(f"http://{self._listen}{path}") as answer,
                ):
                    return await answer.text() if answer.ok else ""
        except (OSError, TimeoutError):
            return ""

    async def _keep(self) -> None:
        """Start it, and again whenever it has ended."""
        while True:
            await self.process.launch()
            code = await self.process.ended()
            if not self._killed:
                self.exits.append(Exit(self.name, datetime.now(UTC), code))
            pause, self._pause, self._killed = self._pause, RESTART_SECONDS, False
            await asyncio.sleep(pause)


async def note_recoveries(replicas: Sequence[Replica]) -> None:
    """Ends a kill's fault when some replica leads again; until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        open_kills = [replica.down for replica in replicas if replica.down]
        if open_kills and any([await replica.leads() for replica in replicas]):
            now = datetime.now(UTC)
            for replica in replicas:
                if replica.down in open_kills:
                    replica.down.end, replica.down = now, None
