"""Counting both sides against a real Prometheus: every request once, whatever happens.

Each test has a Prometheus of its own that scrapes exporters of the test's twice a second. Counters
move only while a test lets them, so the truth is known to the request.
"""

import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from davy.analysis import presets, quantile
from davy.analysis.answer import NotAnswered
from davy.analysis.counters import Counts, Look, Selectors, Sides, Tally
from davy.api.analysis import Metric
from davy.api.providers import MetricProvider, PrometheusMetric
from davy.metrics.addresses import Addresses
from davy.metrics.counts import PrometheusCounts
from tests.lab.preset_series import SEEN, SHAPES, shown
from tests.lab.scraped import Exporter, Prometheus, until

SIDES: Final = Sides(
    Selectors(('requests_total{role="canary"}',), errors=('errors_total{role="canary"}',)),
    Selectors(('requests_total{role="stable"}',), errors=('errors_total{role="stable"}',)),
)


@pytest_asyncio.fixture(loop_scope="session")
async def prometheus(tmp_path: Path) -> AsyncIterator[Prometheus]:
    """Running, with nothing to scrape yet."""
    made = Prometheus(tmp_path)
    await made.component.start()
    yield made
    await made.component.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def stable() -> AsyncIterator[Exporter]:
    """Old: it has counted much before any run."""
    made = Exporter({requests_of("stable"): 90_000, errors_of("stable"): 400})
    async with made.served():
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def canary() -> AsyncIterator[Exporter]:
    """New: it has counted nothing."""
    async with Exporter({requests_of("canary"): 0}).served() as made:
        yield made


def requests_of(role: str) -> str:
    """The series of a side's requests."""
    return f'requests_total{{role="{role}"}}'


def errors_of(role: str) -> str:
    """The series of a side's errors."""
    return f'errors_total{{role="{role}"}}'


class Run:
    """Looks at one Prometheus, each from the text that the one before left."""

    def __init__(self, prometheus: Prometheus, sides: Sides = SIDES) -> None:
        self.sides = sides
        self.counter = PrometheusCounts(Addresses.of(["127.0.0.0/8"]), lambda: datetime.now(UTC))
        asked = PrometheusMetric(address=prometheus.url, query="-", timeout=10)
        self.metric = Metric(name="errors", provider=MetricProvider(prometheus=asked))
        self.text = Tally(datetime.now(UTC)).written()
        self.total = Counts()

    async def ask(self, later: float = 0) -> Look | NotAnswered:
        """A look as at a moment so many seconds from now."""
        now = datetime.now(UTC) + timedelta(seconds=later)
        found = await self.counter.look(self.metric, self.sides, Tally.read(self.text), now)
        if isinstance(found, Look):
            self.text = found.tally.written()
            self.total += found.fresh
        return found

    async def look(self, later: float = 0) -> Look:
        """The same, where Prometheus answers."""
        found = await self.ask(later)
        assert isinstance(found, Look), found
        return found

    async def ended(self) -> Counts:
        """All that was counted, with everything settled."""
        await self.look()
        await self.look(later=3700)
        await self.look(later=3701)
        await self.counter.close()
        return self.total


async def looking(run: Run, exporter: Exporter, scrapes: int) -> None:
    """Looks all the time until the exporter was scraped so often."""
    seen = exporter.scrapes
    while exporter.scrapes < seen + scrapes:
        await run.look()


async def known(run: Run, role: str) -> None:
    """Return when Prometheus has series of this side."""

    async def reached() -> bool:
        found = await run.look()
        return found.canary_seen if role == "canary" else found.stable_seen

    await until(reached)


async def test_nothing_is_lost_or_counted_twice(
    prometheus: Prometheus, stable: Exporter, canary: Exporter
) -> None:
    """A canary that appears, errs, restarts, vanishes and comes back; looks all the time."""
    prometheus.scrape(stable)
    await stable.scraped(4)
    run = Run(prometheus)
    stable.traffic = {requests_of("stable"): 50, errors_of("stable"): 1}
    canary.series, canary.traffic = {requests_of("canary"): 11}, {requests_of("canary"): 5}
    prometheus.scrape(stable, canary)
    await canary.scraped(1)
    await looking(run, canary, 2)
    canary.traffic[errors_of("canary")] = 2  # the first error makes the series
    await looking(run, canary, 3)
    errors = canary.series[errors_of("canary")]
    requests = canary.series[requests_of("canary")]
    canary.series = {requests_of("canary"): 3}  # restarted; counts its errors from the first on
    canary.traffic = {}
    await looking(run, canary, 2)
    canary.traffic = {requests_of("canary"): 4}
    canary.there = False
    await looking(run, canary, 3)
    canary.there = True
    await looking(run, canary, 2)
    canary.traffic = stable.traffic = {}
    await canary.scraped()
    await stable.scraped()
    assert await run.ended() == Counts(
        canary=requests + canary.series[requests_of("canary")],
        canary_errors=errors,
        stable=stable.series[requests_of("stable")] - 90_000,
        stable_errors=stable.series[errors_of("stable")] - 400,
    )


async def test_one_look_at_the_end_counts_the_same(
    prometheus: Prometheus, stable: Exporter, canary: Exporter
) -> None:
    """A canary that comes and goes, looked at all the time and once."""
    prometheus.scrape(stable)
    await stable.scraped(4)
    often, once = Run(prometheus), Run(prometheus)
    stable.traffic = {requests_of("stable"): 9}
    canary.traffic = {requests_of("canary"): 1, errors_of("canary"): 1}
    prometheus.scrape(stable, canary)
    await canary.scraped(1)
    await looking(often, canary, 5)
    prometheus.scrape(stable)  # the canary's pod is gone

    async def gone() -> bool:
        seen = canary.scrapes
        await stable.scraped(3)
        return canary.scrapes == seen

    await until(gone)
    stable.traffic = {}
    await stable.scraped()
    assert await often.ended() == await once.ended()
    assert once.total.stable == stable.series[requests_of("stable")] - 90_000
    assert once.total.canary == once.total.canary_errors > 0


async def under_way(prometheus: Prometheus, stable: Exporter, canary: Exporter) -> Run:
    """A run that has counted a stable with traffic for some scrapes, beside a silent canary."""
    prometheus.scrape(stable, canary)
    await stable.scraped(4)
    run = Run(prometheus)
    await run.look()
    stable.traffic = {requests_of("stable"): 20}
    await looking(run, stable, 3)
    return run


async def test_a_prometheus_that_restarts_counts_on(
    prometheus: Prometheus, stable: Exporter, canary: Exporter
) -> None:
    """What happened while it was down is in the first sample after."""
    run = await under_way(prometheus, stable, canary)
    await prometheus.component.stop()
    refused = await run.ask()
    assert isinstance(refused, NotAnswered)
    stable.series[requests_of("stable")] += 1000
    canary.series[requests_of("canary")] += 70
    await prometheus.component.start()
    await looking(run, canary, 3)
    stable.traffic = {}
    await stable.scraped()
    assert await run.ended() == Counts(
        canary=70, stable=stable.series[requests_of("stable")] - 90_000
    )


async def test_a_prometheus_that_lost_its_data_counts_on(
    prometheus: Prometheus, stable: Exporter, canary: Exporter
) -> None:
    """What was told stays told, and nothing that a counter had before is told again."""
    run = await under_way(prometheus, stable, canary)
    stable.traffic = {}
    await stable.scraped()
    await run.look()
    before = run.total
    assert before.stable == stable.series[requests_of("stable")] - 90_000
    await prometheus.component.stop()
    prometheus.forget()
    await prometheus.component.start()
    await known(run, "stable")
    await known(run, "canary")
    canary.traffic = {requests_of("canary"): 3, errors_of("canary"): 1}
    await looking(run, canary, 5)
    canary.traffic = {}
    await canary.scraped()
    assert await run.ended() == Counts(
        canary.series[requests_of("canary")], canary.series[errors_of("canary")], before.stable
    )


NO_SELECTORS: Final = (
    "rate(requests_total[5m])",
    "requests_total[5m]",
    "sum(requests_total)",
    "requests_total offset 5m",
    "requests_total or errors_total",
    "requests_total # mine",
    "requests_total{",
    "5",
    '"text"',
    "",
)


async def test_what_is_no_selector_is_refused_with_a_hint(prometheus: Prometheus) -> None:
    """Prometheus' own parser says no; one of ours would be a second one."""
    for text in NO_SELECTORS:
        run = Run(prometheus, Sides(Selectors((text,), errors=("e",)), SIDES.stable))
        found = await run.ask()
        await run.counter.close()
        assert isinstance(found, NotAnswered), text
        assert "the canary's requests; write counters with their labels" in found.why, text


ROLES: Final = ("canary", "stable")


def took(role: str, requests: int, slow: int) -> dict[str, int]:
    """A histogram of this side: so many requests, of which so many took longer than 0.3 s."""
    labels = f'role="{role}"'
    return {
        f'took_seconds_bucket{{{labels},le="0.1"}}': (requests - slow) // 2,
        f'took_seconds_bucket{{{labels},le="0.3"}}': requests - slow,
        f'took_seconds_bucket{{{labels},le="+Inf"}}': requests,
        f"took_seconds_sum{{{labels}}}": requests,
        f"took_seconds_count{{{labels}}}": requests,
    }


# 98 of 100 answers are good, and the canary has two hundred more than at the start.
EXPECTED: Final = {
    None: Counts(200, 4, 2000, 40),
    timedelta(seconds=0.5): Counts(200, 10, 2000, 100),
}


@pytest.mark.parametrize("limit", EXPECTED, ids=["errors", "latency"])
async def test_presets_count_the_series_of_their_products(
    prometheus: Prometheus, stable: Exporter, limit: timedelta | None
) -> None:
    """The labels and bounds that each product writes, stored by Prometheus as it stores them."""
    for preset in SHAPES:
        stable.series |= shown(preset, 7)
    prometheus.scrape(stable)
    await stable.scraped(4)
    slow = presets.Slow(limit) if limit else None
    runs = {preset: Run(prometheus, presets.selectors(preset, SEEN, slow)) for preset in SHAPES}
    for preset, run in runs.items():
        await run.look()
        stable.series |= shown(preset, 9)
    await stable.scraped()
    counted = {preset: await run.ended() for preset, run in runs.items()}
    assert counted == dict.fromkeys(SHAPES, EXPECTED[limit])


async def test_native_histograms_are_counted_to_the_request(
    tmp_path: Path, stable: Exporter
) -> None:
    """Both sides' slow requests, from buckets that the application chose; a restart in between."""
    bounded = 'took_seconds{{role="{role}"}}'
    sides = Sides(*(Selectors((bounded.format(role=role),), bound=0.3) for role in ROLES))
    prometheus = Prometheus(tmp_path, native=True)
    await prometheus.component.start()
    stable.series = {**took("canary", 0, 0), **took("stable", 900, 90)}
    prometheus.scrape(stable)
    await stable.scraped(4)
    run = Run(prometheus, sides)
    await run.look()
    stable.series = {**took("canary", 50, 7), **took("stable", 1500, 100)}
    await stable.scraped()
    await run.look()
    stable.series = {**took("canary", 20, 1), **took("stable", 2000, 101)}
    await stable.scraped()
    assert await run.ended() == Counts(70, 8, 1100, 11)
    await prometheus.component.stop()


async def test_an_exponential_histogram_and_its_classic_one_count_the_same(tmp_path: Path) -> None:
    """Prometheus' own requests, of which it keeps both; a limit inside a bucket is told."""
    prometheus = Prometheus(tmp_path, native=True)
    await prometheus.component.start()
    name = "prometheus_http_request_duration_seconds"
    asked = '{handler="/api/v1/query"}'
    native = Selectors((name + asked,), bound=1.0)
    bucket = name + '_bucket{handler="/api/v1/query",le=~"1|1[.]0"}'
    classic = Selectors((f"{name}_count{asked}",), good=(bucket,))
    run = Run(prometheus, Sides(native, classic))

    async def both_rise() -> bool:
        await run.look()
        return min(run.total.canary, run.total.stable) >= 20

    await until(both_rise)
    await run.look(later=3700)
    assert run.total.canary == run.total.stable
    assert run.total.canary_errors == run.total.stable_errors
    inside = Run(prometheus, Sides(Selectors((name + asked,), bound=0.0005), classic))
    assert "lies inside a bucket of it, from 0.000" in str(await inside.ask())
    await prometheus.component.stop()


@pytest.mark.parametrize("native", [False, True], ids=["classic", "native"])
async def test_stables_own_quantile_is_a_bound_of_its_buckets(
    tmp_path: Path, stable: Exporter, *, native: bool
) -> None:
    """Of 1000 requests since the first scrape 20 took longer than 0.3 s, and half of all 0.1 s."""
    prometheus = Prometheus(tmp_path, native=native)
    await prometheus.component.start()
    stable.series = took("stable", 900, 90)
    prometheus.scrape(stable)
    await stable.scraped(4)
    stable.series = took("stable", 1900, 110)
    await stable.scraped(4)
    name = "took_seconds" if native else "took_seconds_bucket"
    asked = quantile.Histogram((name + '{role="stable"}',), native=native)
    run = Run(prometheus)
    below = await run.counter.below(run.metric, asked, datetime.now(UTC))
    assert not isinstance(below, NotAnswered), below
    assert [float(bound) for bound, _ in below] == [0.1, 0.3, math.inf]
    shares = [number / below[-1][1] for _, number in below]
    assert shares == pytest.approx([0.49, 0.98, 1.0], abs=0.001)
    assert quantile.limit(below, 0.97) == Decimal("0.3")
    await run.counter.close()
    await prometheus.component.stop()
