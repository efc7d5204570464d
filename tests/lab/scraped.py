"""A Prometheus of a test's own, and exporters whose counters move as the test says."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import web

from tests.lab import assets
from tests.lab.component import Component
from tests.lab.control_plane import answers_200

WAIT_SECONDS: Final = 30.0


async def until(reached: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return when this is so.

    Raises:
        TimeoutError: it isn't within WAIT_SECONDS.
    """
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            answer = reached()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.05)


def _a_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class Exporter:
    """A process with counters; what it shows moves with each scrape while there is traffic."""

    series: dict[str, int] = field(default_factory=dict)
    """What it shows: a name with its labels, and the value."""
    traffic: dict[str, int] = field(default_factory=dict)
    """By how much each series rises before each scrape."""
    there: bool = True
    scrapes: int = 0
    port: int = 0

    async def answer(self, _request: web.Request) -> web.Response:
        """A scrape."""
        self.scrapes += 1
        if not self.there:
            return web.Response(status=503)
        for name, rise in self.traffic.items():
            self.series[name] = self.series.get(name, 0) + rise
        return web.Response(text=self._text())

    async def scraped(self, times: int = 3) -> None:
        """Return after so many further scrapes; all but the last are in Prometheus then."""
        seen = self.scrapes
        await until(lambda: self.scrapes >= seen + times)

    def _text(self) -> str:
        lines, histograms = [], set()
        for name, value in sorted(self.series.items()):
            metric, bucket, _ = name.partition("_bucket{")
            if bucket and metric not in histograms:  # then Prometheus 3 writes bounds its own way
                histograms.add(metric)
                lines.append(f"# TYPE {metric} histogram")
            lines.append(f"{name} {value}")
        return "\n".join([*lines, ""])

    @asynccontextmanager
    async def served(self) -> AsyncIterator["Exporter"]:
        """Listening until the block ends."""
        application = web.Application()
        application.router.add_get("/metrics", self.answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port or _a_free_port())
        await site.start()
        self.port = int(site.name.rpartition(":")[2])
        try:
            yield self
        finally:
            await runner.cleanup()


class Prometheus:
    """A Prometheus that scrapes the targets of a file twice a second.

    Args:
        folder: for its data and its log.
        native: it keeps histograms as native ones, and scrapes itself for both kinds.
    """

    def __init__(self, folder: Path, *, native: bool = False) -> None:
        found, _ = assets.find()
        self._targets = folder / "targets.json"
        self._data = folder / "data"
        self._targets.write_text("[]")
        config = folder / "prometheus.json"
        port = _a_free_port()
        config.write_text(json.dumps(self._config(port if native else None)))
        self.url = f"http://127.0.0.1:{port}"
        self.component = Component(
            "prometheus-of-its-own",
            [
                found["prometheus"],
                f"--config.file={config}",
                f"--storage.tsdb.path={self._data}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--scrape.discovery-reload-interval=1s",
                "--log.level=warn",
            ],
            logs=folder,
            ready=lambda: answers_200(f"{self.url}/-/ready"),
        )

    def scrape(self, *exporters: Exporter) -> None:
        """These from now on, and no others; a file that is moved into place is read at once."""
        written = self._targets.with_suffix(".new")
        targets = [f"127.0.0.1:{exporter.port}" for exporter in exporters]
        written.write_text(json.dumps([{"targets": targets}]))
        written.replace(self._targets)

    def forget(self) -> None:
        """Lose all data; it must be stopped."""
        shutil.rmtree(self._data)

    def _config(self, native_port: int | None) -> dict[str, object]:
        exporters = {
            "job_name": "exporters",
            "honor_labels": True,
            "fallback_scrape_protocol": "PrometheusText0.0.4",
            "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "1s"}],
            "convert_classic_histograms_to_nhcb": native_port is not None,
        }
        itself = {
            "job_name": "itself",
            "scrape_protocols": ["PrometheusProto"],
            "scrape_native_histograms": True,
            "always_scrape_classic_histograms": True,
            "static_configs": [{"targets": [f"127.0.0.1:{native_port}"]}],
        }
        return {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [exporters] if native_port is None else [exporters, itself],
        }
