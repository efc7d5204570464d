"""The demo app: a small web service with a version, errors and latency on demand.

Run as `python -m tests.lab.app`; `app_settings.Settings` are its env variables. It answers every
path but its own:

    GET /healthz, /readyz     200, or 503 while unready or draining
    GET /metrics              http_requests_total{code}, http_request_duration_seconds
    GET, PUT /-/settings      JSON: error_rate, latency, ready; PUT changes the ones it names

Every answer of the app says `x-app: demo`, so that a load generator can tell it from one that a
proxy made up; `x-version` and `x-pod` say whose it is. Its own paths aren't counted as requests.

On SIGTERM it does what a well-behaved service does, so that a request is lost only by someone
else's fault: it turns unready, goes on answering (each answer asks the proxy to close its
connection) until the proxies have stopped sending, finishes what is under way, and exits with 0.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from typing import Final

import prometheus_client

from tests.lab.app_http import Handler, Request, Response, Server
from tests.lab.app_settings import SettingError, Settings

DRAIN_AT_LEAST_SECONDS: Final = 2.0
"""Requests are taken this long after SIGTERM: endpoints reach Envoy in about 0.1 s here, but a
busy machine takes longer, and a proxy that missed it answers 503 in our name."""

QUIET_SECONDS: Final = 0.5
"""No request for this long ends the drain."""

FINISH_SECONDS: Final = 10.0
"""Requests under way get this long once the door is closed."""

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class App:
    """One replica of the service: its behaviour, its counters, its way out."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.behaviour = settings.behaviour
        self.draining = False
        self._last_request = time.monotonic()
        self._chance = random.Random()
        self._headers = {"x-app": "demo", "x-version": settings.version, "x-pod": settings.pod}
        self._registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            "http_requests", "Requests answered.", ["code"], registry=self._registry
        )
        self._by_code = {code: self._requests.labels(str(code)) for code in (200, 500)}
        self._durations = prometheus_client.Histogram(
            "http_request_duration_seconds",
            "Seconds from the request to its answer.",
            buckets=BUCKETS,
            registry=self._registry,
        )

        self._own_paths: dict[tuple[str, str], Handler] = {
            ("GET", "/healthz"): self.healthz,
            ("GET", "/readyz"): self.readyz,
            ("GET", "/metrics"): self.metrics,
            ("GET", "/-/settings"): self.show,
            ("PUT", "/-/settings"): self.change,
        }

    async def answer(self, request: Request) -> Response:
        """The answer to any request; the service itself is whatever isn't the app's own path."""
        handler = self._own_paths.get((request.method, request.path), self.serve)
        return await handler(request)

    async def serve(self, _request: Request) -> Response:
        """An answer, late or a 500 as the behaviour asks."""
        started = self._last_request = time.monotonic()
        behaviour = self.behaviour
        delay = behaviour.latency.draw(self._chance)
        if delay:
            await asyncio.sleep(delay)
        code = 500 if self._chance.random() < behaviour.error_rate else 200
        self._by_code[code].inc()
        self._durations.observe(time.monotonic() - started)
        return self._says(code, f"{self.settings.version} from {self.settings.pod}\n")

    async def healthz(self, _request: Request) -> Response:
        """200 as long as the event loop turns."""
        return self._says(200, "alive\n")

    async def readyz(self, _request: Request) -> Response:
        """200 when new requests are welcome, else 503."""
        if self.draining:
            return self._says(503, "draining\n")
        return self._says(200, "ready\n") if self.behaviour.ready else self._says(503, "unready\n")

    async def metrics(self, _request: Request) -> Response:
        """The counters in Prometheus' text format."""
        text = prometheus_client.generate_latest(self._registry).decode()
        return Response(200, text, {"content-type": prometheus_client.CONTENT_TYPE_LATEST})

    async def show(self, _request: Request) -> Response:
        """The behaviour as it is now."""
        return self._says(200, json.dumps(self.behaviour.as_json()) + "\n", "application/json")

    async def change(self, request: Request) -> Response:
        """The behaviour as changed; 400 with a sentence, and nothing changed, when one is wrong."""
        try:
            wanted = json.loads(request.body)
            if not isinstance(wanted, dict):
                raise SettingError("settings are a JSON object: error_rate, latency, ready.")
            self.behaviour = self.behaviour.changed(wanted)
        except ValueError as error:  # a SettingError is one, bad JSON another
            return self._says(400, f"{error}\n")
        return await self.show(request)

    async def drain(self) -> None:
        """Returns when the proxies have stopped sending, or the settings' patience is over."""
        self.draining = True
        began = time.monotonic()
        least = min(DRAIN_AT_LEAST_SECONDS, self.settings.drain)
        while (passed := time.monotonic() - began) < self.settings.drain:
            quiet = time.monotonic() - self._last_request > QUIET_SECONDS
            if passed >= least and quiet:
                return
            await asyncio.sleep(0.05)

    def _says(self, status: int, text: str, kind: str = "text/plain") -> Response:
        return Response(status, text, {**self._headers, "content-type": kind}, close=self.draining)


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains.

    Raises:
        OSError: the address can't be bound.
    """
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(leaving.wait(), settings.start_delay)
        return  # told to go before it was there
    app = App(settings)
    server = Server(app.answer)
    port = await server.listen(settings.host, settings.port)
    print(f"{settings.version} ({settings.pod}) listens on {settings.host}:{port}", flush=True)
    await leaving.wait()
    print("draining", flush=True)
    await app.drain()
    await server.close(FINISH_SECONDS)
    print("done", flush=True)


def main() -> int:
    """The exit code: 0 after a drain, 1 when the address is taken, 2 for a wrong setting."""
    # A series less for each counter and scrape.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        settings = Settings.from_env(os.environ)
        asyncio.run(run(settings))
    except SettingError as error:
        print(f"app: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"app: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
