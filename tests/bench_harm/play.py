"""One release on the lab, from an empty namespace to the account of what it cost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from tests.bench_harm import account
from tests.bench_harm.account import Figures, Release
from tests.bench_harm.machine import Machine, watched
from tests.bench_harm.rows import PAUSES_SECONDS, RATE, STEPS, App, Figure, Play, Row
from tests.lab import audit
from tests.lab import davy as davy_process
from tests.lab.component import Component
from tests.lab.errors import LabTimeoutError
from tests.lab.lab import Lab
from tests.lab.load import Load
from tests.lab.shop import NAME, Router, Shop, now

STABLE: Final = "v1"
CANARY: Final = "v2"
WARM_SECONDS: Final = 5.0
"""Of load on the stable version alone."""
SCRAPES: Final = "2m"
"""How far back the timeline of a release asks for scrapes."""
FAILED: Final = 10
"""So many failed requests are told one by one."""
TAIL_SECONDS: Final = 2.0
"""Of load after the end, in which a forgotten canary would still be asked."""
RESTART_SECONDS: Final = 1.0
"""From SIGKILL to the operator's next start."""
OUTAGE_SECONDS: Final = 60.0
OUTAGE_AFTER_SECONDS: Final = 5.0
"""From weight 10 to the outage."""
HOLD_SECONDS: Final = 60.0
"""A release without traffic is watched for so long from weight 10: twice its pause."""
AT_50_SECONDS: Final = 3.0
"""From weight 50 in effect to the person's abort."""
ABORT_SECONDS: Final = 100.0
"""A bad release that isn't aborted by then was promoted or hangs."""
GOOD_SECONDS: Final = PAUSES_SECONDS + 60.0
GONE_SECONDS: Final = 60.0
"""From Healthy until the old pods are gone."""


@dataclass
class Played:
    """What came of one release."""

    figures: Figures
    said: str
    """The status message that the row is about."""
    machine: Machine
    late_ms: float = 0.0
    """How late the generator sent, of 99 % of the requests."""
    timeline: list[tuple[float, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Requests that no app answered, the first of them."""


@dataclass
class Stage:
    """One release that is about to be played: its shop is healthy, its load runs."""

    row: Row
    shop: Shop
    davy: Component
    load: Load | None
    release: Release
    machine: Machine
    together: asyncio.Barrier
    """Of all releases that are played side by side."""

    async def begin(self) -> None:
        """Send the edit."""
        self.release.asked_at = now()
        await _apply(self.shop, CANARY, self.row.canary)

    async def reaches(self, weight: int) -> None:
        """Return when the route was given this weight."""

        async def is_so() -> bool:
            return await self.shop.weight() == weight

        await self.shop.lab.until(is_so, timeout=GOOD_SECONDS, describe=f"weight {weight}")

    async def ends(self, phase: str, seconds: float) -> str:
        """The message once it has this phase, weight 0 in effect; where it hasn't, another's."""
        try:
            status = await self.shop.until(phase=phase, weight=0, seconds=seconds)
        except LabTimeoutError:
            status = await self.shop.status()
        return str(status.get("message", ""))

    async def over(self) -> None:
        """Let the load run a little longer, end it, and read what was written meanwhile."""
        if self.load:
            await asyncio.sleep(TAIL_SECONDS)
            await self.load.stop()
            self.release.requests = self.load.window(self.release.asked_at)
            self.release.scrapes = await _scrapes(self.shop)
        log = audit.log(self.shop.lab.folder)
        written = audit.read(log, frozenset({self.shop.namespace}))
        self.release.writes = [write for write in written if write.applied]

    def played(self, figures: Figures, said: str, origin: datetime | None = None) -> Played:
        """The account, its timeline from `origin` on (default: the first bad answer)."""
        origin = origin or self.release.first_bad() or self.release.asked_at
        late = self.load.seen.lateness(0.99) * 1000 if self.load else 0.0
        times = account.timeline(self.release, origin)
        failed = [str(each) for each in account.unserved(self.release.requests)[:FAILED]]
        return Played(figures, said, self.machine, round(late, 1), times, failed)


async def play(lab: Lab, davy: Component, row: Row, releases: int) -> list[Played]:
    """So many releases of this row side by side, each in a namespace that is gone afterwards."""
    together = asyncio.Barrier(releases)

    async def one() -> Played:
        async with _stage(lab, davy, row, together) as stage:
            return await _PLAYS[row.play](stage)

    return list(await asyncio.gather(*(one() for _ in range(releases))))


@contextlib.asynccontextmanager
async def _stage(
    lab: Lab, davy: Component, row: Row, together: asyncio.Barrier
) -> AsyncIterator[Stage]:
    namespace = await lab.new_namespace("harm")
    shop = await Shop.open(
        lab,
        namespace,
        Router.ISTIO_SUBSETS,
        steps=STEPS,
        canary=row.fields(),
        applies_network=False,
    )
    await _network(shop, row)
    await _apply(shop, STABLE, row.stable)
    await shop.until(phase="Healthy")
    async with contextlib.AsyncExitStack() as beside:
        load = None
        if row.play is not Play.NO_TRAFFIC:
            load = await beside.enter_async_context(shop.load(RATE))
            await load.until(int(WARM_SECONDS * RATE))
        machine = await beside.enter_async_context(watched())
        release = Release(CANARY, now(), by_latency="latency" in row.judge)
        yield Stage(row, shop, davy, load, release, machine, together)
    await lab.delete_namespace(namespace)
    await lab.until(lambda: _is_empty(lab, namespace), describe=f"{namespace} is empty")


async def _bad(stage: Stage) -> Played:
    await stage.begin()
    said = await stage.ends("Degraded", ABORT_SECONDS)
    await stage.over()
    return stage.played(account.bad(stage.release), said)


async def _kill(stage: Stage) -> Played:
    await stage.begin()
    await stage.reaches(10)
    await asyncio.sleep(stage.row.kill_after_seconds)
    killed_at = now()
    await stage.davy.kill()
    await asyncio.sleep(RESTART_SECONDS)
    await stage.davy.launch()
    said = await stage.ends("Degraded", ABORT_SECONDS)
    await stage.over()
    aborted = stage.release.aborted_at()
    before = float(aborted is not None and aborted < killed_at)
    return stage.played({**account.bad(stage.release), Figure.BEFORE_KILL: before}, said)


async def _by_hand(stage: Stage) -> Played:
    await stage.begin()
    await stage.shop.until(weight=50, seconds=GOOD_SECONDS)
    await asyncio.sleep(AT_50_SECONDS)
    told_at = now()
    await stage.shop.edit_status(abort=True)
    said = await stage.ends("Degraded", ABORT_SECONDS)
    await stage.over()
    return stage.played(account.by_hand(stage.release, told_at), said, told_at)


async def _good(stage: Stage) -> Played:
    await stage.begin()
    said = await stage.ends("Healthy", GOOD_SECONDS)
    figures: Figures = {}
    if stage.row.at_once == 1:  # else they wait for one another, and share their requests
        figures[Figure.API] = await _api_requests(stage)
    await stage.over()
    if stage.row.at_once == 1:
        figures |= account.overhead(stage.release)
    return stage.played({**account.good(stage.release), **figures}, said, stage.release.asked_at)


async def _no_traffic(stage: Stage) -> Played:
    await stage.begin()
    await stage.reaches(10)
    began = now()
    said = await _says(stage, "more canary requests", HOLD_SECONDS)
    said_at = now()
    await asyncio.sleep(HOLD_SECONDS - (said_at - began).total_seconds())
    await stage.over()
    figures = {
        Figure.RAISED: account.raised(stage.release, began, now()),
        Figure.SILENT: float(not said),
        Figure.SAID: round((said_at - began).total_seconds(), 3),
    }
    return stage.played(figures, said, stage.release.asked_at)


async def _no_prometheus(stage: Stage) -> Played:
    await stage.begin()
    await stage.reaches(10)
    await asyncio.sleep(OUTAGE_AFTER_SECONDS)
    async with _outage(stage):
        began = now()
        said = await _says(stage, "no evidence since", OUTAGE_SECONDS)
        said_at = now()
        await asyncio.sleep(OUTAGE_SECONDS - (said_at - began).total_seconds())
        ended = now()
    back_at = now()
    message = await stage.ends("Healthy", GOOD_SECONDS)
    await stage.over()
    figures = {
        **account.good(stage.release),
        Figure.RAISED: account.raised(stage.release, began, ended),
        Figure.SILENT: float(not said),
        Figure.SAID: round((said_at - began).total_seconds(), 3),
    }
    if healthy := stage.release.healthy_at():
        figures[Figure.BACK] = round((healthy - back_at).total_seconds(), 3)
    return stage.played(figures, said or message, began)


_PLAYS: Final[Mapping[Play, Callable[[Stage], Awaitable[Played]]]] = {
    Play.BAD: _bad,
    Play.KILL: _kill,
    Play.BY_HAND: _by_hand,
    Play.GOOD: _good,
    Play.NO_TRAFFIC: _no_traffic,
    Play.NO_PROMETHEUS: _no_prometheus,
}


async def _says(stage: Stage, text: str, seconds: float) -> str:
    """The first message that has this text; empty when none had it in that time."""
    try:
        return str((await stage.shop.until(message_has=text, seconds=seconds))["message"])
    except LabTimeoutError:
        return ""


async def _api_requests(stage: Stage) -> int:
    """From the edit until the old pods are gone."""
    lab, namespace = stage.shop.lab, stage.shop.namespace
    replicas = stage.shop.rollout["spec"]["replicas"]

    async def are_gone() -> bool:
        return len(await lab.kube.list("pod", namespace=namespace)) == int(replicas)

    await lab.until(are_gone, timeout=GONE_SECONDS, describe="the old pods are gone")
    await asyncio.sleep(TAIL_SECONDS)
    asked = audit.requests(audit.log(lab.folder), davy_process.USER)
    return account.api_requests(asked, namespace, stage.release.asked_at, now())


async def _scrapes(shop: Shop) -> list[tuple[datetime, int]]:
    """When the gateway's counter of the canary's errors was seen to have risen, and its value."""
    where = f'service="{NAME}.{shop.namespace}.svc.cluster.local",subset="canary"'
    series = f'envoy_cluster_upstream_rq{{{where},response_code_class="5xx"}}[{SCRAPES}]'
    found = await shop.lab.query(series)
    values = [(at, int(float(count))) for at, count in found[0]["values"]] if found else []
    before = [0, *(count for _, count in values)]
    return [
        (datetime.fromtimestamp(at, UTC), count)
        for (at, count), last in zip(values, before, strict=False)
        if count > last
    ]


@contextlib.asynccontextmanager
async def _outage(stage: Stage) -> AsyncIterator[None]:
    """Prometheus is down within the block, for all releases that are played side by side."""
    prometheus = stage.shop.lab.prometheus
    if await stage.together.wait() == 0:
        await prometheus.stop()
    await stage.together.wait()
    yield
    if await stage.together.wait() == 0:
        await prometheus.start()
    await stage.together.wait()


async def _network(shop: Shop, row: Row) -> None:
    network = shop.network()
    if not row.retries:
        route = next(each for each in network if each["kind"] == "VirtualService")
        route["spec"]["http"][0]["retries"] = {"attempts": 0}
    await shop.lab.apply(network, namespace=shop.namespace)


async def _apply(shop: Shop, version: str, app: App) -> None:
    await shop.release(version, app.error_rate, LATENCY=app.latency)


async def _is_empty(lab: Lab, namespace: str) -> bool:
    return not await lab.kube.list("pod", namespace=namespace)
