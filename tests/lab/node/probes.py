"""Startup, readiness and liveness probes, and the handlers they share with life-cycle hooks."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab.node import process

FIRST_SECONDS: Final = 0.2
"""Until its first success a readiness or startup probe asks this often, if its period is longer.

A kubelet keeps to the period; the lab doesn't make every test wait for it. Failures at this pace
aren't counted against the threshold, its time is.
"""

_OK = range(200, 400)

Json = dict[str, Any]


class ProbeError(Exception):
    """The handler answered no; the text says what it answered."""


@dataclass(frozen=True)
class Target:
    """What a handler is pointed at."""

    pod_ip: str
    ports: Mapping[str, int]
    """The container's named ports."""
    environment: Mapping[str, str]
    folder: Path

    def port(self, port: int | str) -> int:
        """A port's number.

        Raises:
            ProbeError: the container has no port of that name.
        """
        if isinstance(port, int):
            return port
        if port.isdigit():
            return int(port)
        if port in self.ports:
            return self.ports[port]
        raise ProbeError(f"couldn't find port {port}")


async def call(handler: Json, target: Target, timeout_seconds: float) -> None:
    """Return when the handler (httpGet, tcpSocket, grpc, exec or sleep) says yes.

    `grpc` only connects.

    Raises:
        ProbeError: it says no, refuses the connection or takes longer than the time-out.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            await _call(handler, target, timeout_seconds)
    except TimeoutError as error:
        raise ProbeError(f"no answer within {timeout_seconds:g} s") from error
    except OSError as error:
        raise ProbeError(str(error)) from error


async def _call(handler: Json, target: Target, timeout_seconds: float) -> None:
    if "httpGet" in handler:
        await _http(handler["httpGet"], target)
    elif "tcpSocket" in handler:
        await _tcp(handler["tcpSocket"], target)
    elif "grpc" in handler:
        await _tcp(handler["grpc"], target)
    elif "exec" in handler:
        command = handler["exec"]["command"]
        code, output = await process.run(
            command, target.environment, target.folder, timeout_seconds
        )
        if code != 0:
            raise ProbeError(f"command {command} exited with {code}: {output[-200:]}")
    elif "sleep" in handler:
        await asyncio.sleep(handler["sleep"]["seconds"])
    else:
        raise ProbeError(f"the lab knows no handler {', '.join(handler)}")


async def _tcp(handler: Json, target: Target) -> None:
    host = handler.get("host") or target.pod_ip
    _, writer = await asyncio.open_connection(host, target.port(handler["port"]))
    writer.close()


async def _http(handler: Json, target: Target) -> None:
    host = handler.get("host") or target.pod_ip
    port = target.port(handler["port"])
    tls = None
    if handler.get("scheme") == "HTTPS":
        tls = ssl.create_default_context()
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE  # as a kubelet
    headers = {"Host": f"{host}:{port}", "User-Agent": "davy-lab-probe", "Connection": "close"}
    headers |= {entry["name"]: entry["value"] for entry in handler.get("httpHeaders") or []}
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {handler.get('path') or '/'} HTTP/1.1\r\n{head}\r\n".encode())
        line = (await reader.readline()).decode(errors="replace").split()
    finally:
        writer.close()
    if len(line) < 2 or not line[1].isdigit():
        raise ProbeError("no HTTP answer")
    if int(line[1]) not in _OK:
        raise ProbeError(f"HTTP probe failed with statuscode: {line[1]}")


@dataclass(frozen=True)
class Probe:
    """One probe of a container, with a kubelet's defaults."""

    handler: Json
    delay_seconds: float
    period_seconds: float
    timeout_seconds: float
    successes: int
    failures: int

    @classmethod
    def read(cls, container: Json, field: str) -> "Probe | None":
        """The probe in `field` of a container, or None."""
        spec = container.get(field)
        if not spec:
            return None
        return cls(
            handler=spec,
            delay_seconds=spec.get("initialDelaySeconds") or 0,
            period_seconds=spec.get("periodSeconds") or 10,
            timeout_seconds=spec.get("timeoutSeconds") or 1,
            successes=spec.get("successThreshold") or 1,
            failures=spec.get("failureThreshold") or 3,
        )

    async def until_started(self, target: Target) -> None:
        """Return at the first success: a startup probe.

        Raises:
            ProbeError: none within delay, threshold and period.
        """
        await asyncio.sleep(self.delay_seconds)
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.failures * self.period_seconds
        while True:
            try:
                return await call(self.handler, target, self.timeout_seconds)
            except ProbeError:
                if clock() >= deadline:
                    raise
            await asyncio.sleep(min(FIRST_SECONDS, self.period_seconds))

    async def follow(
        self,
        target: Target,
        tell: Callable[[bool, str], Awaitable[None]],
        *,
        fast_start: bool,
    ) -> None:
        """Call `tell(ok, message)` at each change of the answer, for ever.

        Args:
            target: what to ask.
            tell: gets True after `successes` in a row, False after `failures` in a row.
            fast_start: ask every 0.2 s until the first success (readiness).
        """
        await asyncio.sleep(self.delay_seconds)
        said: bool | None = None
        yes = no = 0
        while True:
            message = ""
            try:
                await call(self.handler, target, self.timeout_seconds)
                yes, no = yes + 1, 0
            except ProbeError as error:
                yes, no, message = 0, no + 1, str(error)
            if yes >= self.successes and said is not True:
                said = True
                await tell(True, "")
            if no >= self.failures and said is not False:
                said = False
                await tell(False, message)
            slow = said or not fast_start
            await asyncio.sleep(
                self.period_seconds if slow else min(FIRST_SECONDS, self.period_seconds)
            )
