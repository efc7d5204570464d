"""`/healthz`, `/readyz` and `/metrics`.

`/healthz` says whether a restart would help: a watch that is dead, or an event loop that lags.
`/readyz` says whether the caches are whole: before that nothing is decided; and who leads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from davy.controller.clock import Clock
from davy.controller.settings import WatchSettings
from davy.controller.startup import CannotStart
from davy.controller.watches import Watches

_BEAT_SECONDS = 1.0


@dataclass
class Health:
    """The server and what it says.

    Args:
        listen: `host:port`; port 0 takes a free one.
        watches: their ages.
        registry: of the metrics.
        settings: limits.
        clock: for the loop's lag.
        leads: says who leads.
    """

    listen: str
    watches: Watches
    registry: CollectorRegistry
    settings: WatchSettings
    clock: Clock
    leads: Callable[[], str]
    _runner: web.AppRunner | None = None
    _beat: float = 0.0
    address: str = field(default="", init=False)
    """Where it listens, e.g. `0.0.0.0:8080`."""

    async def start(self) -> None:
        """Listen.

        Raises:
            CannotStart: with a sentence.
        """
        host, _, port = self.listen.rpartition(":")
        if not port.isdecimal():
            raise CannotStart(
                f"--listen {self.listen} isn't an address; write HOST:PORT, e.g. 0.0.0.0:8080."
            )
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._beat = self.clock.monotonic()
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, host.strip("[]") or None, int(port))
            await site.start()
        except (OSError, OverflowError) as error:
            await self._runner.cleanup()
            reason = getattr(error, "strerror", None) or str(error)
            raise CannotStart(
                f"can't listen on {self.listen} for health and metrics: {reason}; "
                f"choose another address with --listen."
            ) from error
        bound = self._runner.addresses[0]
        self.address = f"{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        """Close the server."""
        if self._runner:
            await self._runner.cleanup()

    async def beat(self) -> None:
        """Show that the event loop turns, until cancelled."""
        while True:
            self._beat = self.clock.monotonic()
            await self.clock.sleep(_BEAT_SECONDS)

    def troubles(self) -> list[str]:
        """What a restart would mend; [] when all is well."""
        limit = self.settings.dead_after.total_seconds()
        found = [
            f"the watch of {kind.resource}{f' in {namespace}' if namespace else ''} "
            f"hasn't been heard of for {age:.0f} s, limit {limit:.0f} s"
            for (kind, namespace), age in self.watches.ages().items()
            if age > limit
        ]
        lag = self.clock.monotonic() - self._beat
        if lag > self.settings.stalled_after.total_seconds():
            found.append(f"the event loop has stalled for {lag:.0f} s")
        return found

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer(self.troubles())

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self.watches.core_synced():
            return web.Response(text=f"ok, {self.leads()}\n")
        return _answer([f"waiting for the first list of: {', '.join(self.watches.unsynced())}"])

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(self.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(troubles: list[str]) -> web.Response:
    text = "ok" if not troubles else "; ".join(troubles)
    return web.Response(text=text + "\n", status=503 if troubles else 200)
