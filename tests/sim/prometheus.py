"""Prometheus as Davy's provider sees it: counters that are scraped, late, reset, or gone."""

import asyncio
import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from davy.analysis.answer import Answered, NotAnswered
from davy.analysis.counters import Counts, Look, Sides, Tally
from davy.api.analysis import Metric
from tests.sim.loop import VirtualLoop
from tests.sim.manifests import DRY_RUN

GOOD_BELOW = 0.1
"""The templates' condition."""
SCRAPE_SECONDS: Final = 2.0
WINDOW_SECONDS: Final = 9.0
REQUESTS_PER_SECOND: Final = 40.0
_BAD, _GOOD = 0.5, 0.01
_LAG_SECONDS: Final = 6.0
"""From a scrape until a query finds it, when it lags."""
_POD: Final = re.compile(r"-([0-9a-f]{6,10})-")
"""The hash in the name of a revision's pods."""


@dataclass
class Counters:
    """Requests and errors of a revision's pods, from 0 on when they start again."""

    starts: list[float]
    """When the pods started, and started again; the first is when the series appears."""
    share: float
    """Of errors."""

    def at(self, when: float) -> tuple[int, int] | None:
        """Requests and errors; None: nothing counts yet."""
        begun = [start for start in self.starts if start <= when]
        if not begun:
            return None
        requests = int(REQUESTS_PER_SECOND * (when - begun[-1]))
        return requests, int(self.share * requests)

    def since_ever(self, when: float) -> tuple[int, int]:
        """Requests and errors of all that was counted, whatever began at 0 again."""
        ends = [*self.starts[1:], math.inf]
        counted = [
            int(REQUESTS_PER_SECOND * (min(end, when) - start))
            for start, end in zip(self.starts, ends, strict=True)
            if start <= when
        ]
        return sum(counted), sum(int(self.share * requests) for requests in counted)


@dataclass
class Prometheus:
    """A server; every operator asks the same."""

    loop: VirtualLoop
    chance: Random
    mode: str = "ok"
    """ok, or how it is broken: empty, nan, outage, slow, stale, lag."""
    bad: set[str] = field(default_factory=set)
    """Hashes of revisions that answer with errors."""
    told: list[tuple[float, str, float]] = field(default_factory=list)
    """Numbers that were answered: when, of which revision, which."""
    _counters: dict[str, Counters] = field(default_factory=dict)

    def restart_pods(self) -> None:
        """Every counter begins at 0 again."""
        for counters in self._counters.values():
            counters.starts.append(self.loop.time())

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """See `Provider.measure`; the query is the revision's hash, or a dry run's finding."""
        query = metric.provider.prometheus
        assert query is not None
        assert query.query is not None
        await asyncio.sleep(self.chance.uniform(0.01, 0.2))
        if metric.name == DRY_RUN:
            return Answered([_BAD] if query.query.startswith("bad") else [])
        match self.mode:
            case "outage":
                await asyncio.sleep(self.chance.choice((0.0, 5.0)))
                return NotAnswered("http://prometheus:9090 refused the connection")
            case "empty":
                return Answered([])
            case "nan":
                return Answered([math.nan])
            case "slow":
                await asyncio.sleep(self.chance.uniform(3, 25))
            case "stale" if self.chance.random() < 0.5:
                return Answered([])
            case _:
                pass
        return self._share(query.query)

    async def look(
        self, metric: Metric, sides: Sides, tally: Tally, now: datetime
    ) -> Look | NotAnswered:
        """See `Counting.look`; a selector names its revision's pods by their hash.

        What a real server's samples come to is held in other tests: here they are counted right,
        late, or not at all.
        """
        assert metric.compare is not None
        await asyncio.sleep(self.chance.uniform(0.01, 0.2))
        if self.mode in {"outage", "nan"}:
            return NotAnswered("http://prometheus:9090 refused the connection")
        if self.mode == "slow":
            await asyncio.sleep(self.chance.uniform(3, 25))
        blind = self.mode == "empty" or (self.mode == "stale" and self.chance.random() < 0.5)
        hashes = [_POD.findall(side.requests[0])[0] for side in (sides.canary, sides.stable)]
        if blind:
            return Look(Counts(), tally, now, None, None, canary_seen=False, stable_seen=False)
        until = self._scraped_until()
        at = now - timedelta(seconds=self.loop.time() - until)
        known = [self._of(template_hash) for template_hash in hashes]
        begun = until - (at - tally.since).total_seconds()
        counted = [
            later - sooner
            for one in known
            for later, sooner in zip(one.since_ever(until), one.since_ever(begun), strict=True)
        ]
        if at <= tally.since:
            return Look(Counts(), tally, now, None, None, canary_seen=True, stable_seen=True)
        total = tally.settled + Counts(*counted)
        fresh = Counts(*(max(0, number) for number in (total - tally.told).numbers()))
        after = Tally(at, settled=total, told=tally.told + fresh)
        every = timedelta(seconds=SCRAPE_SECONDS)
        return Look(fresh, after, now, at, every, canary_seen=True, stable_seen=True)

    async def close(self) -> None:
        """See `Provider.close`."""

    def _of(self, template_hash: str) -> Counters:
        if template_hash not in self._counters:
            share = _BAD if template_hash in self.bad else _GOOD
            born = self.loop.time() - self.chance.choice((0.0, WINDOW_SECONDS))
            self._counters[template_hash] = Counters([born], share)
        return self._counters[template_hash]

    def _scraped_until(self) -> float:
        return math.floor(self._visible_until() / SCRAPE_SECONDS) * SCRAPE_SECONDS

    def _visible_until(self) -> float:
        return self.loop.time() - (_LAG_SECONDS if self.mode == "lag" else 0.0)

    def _share(self, template_hash: str) -> Answered:
        """`increase(errors) / increase(requests)`: no series, 0/0 or a share."""
        now = self.loop.time()
        samples = list(self._samples(self._of(template_hash), self._visible_until()))
        if len(samples) < 2:
            return Answered([])
        requests, errors = (_increase([sample[index] for sample in samples]) for index in (0, 1))
        value = errors / requests if requests else math.nan
        if requests:
            self.told.append((now, template_hash, value))
        return Answered([value])

    @staticmethod
    def _samples(counters: Counters, until: float) -> Iterator[tuple[int, int]]:
        first = math.ceil((until - WINDOW_SECONDS) / SCRAPE_SECONDS)
        for number in range(first, math.floor(until / SCRAPE_SECONDS) + 1):
            sample = counters.at(number * SCRAPE_SECONDS)
            if sample is not None:
                yield sample


def _increase(samples: list[int]) -> int:
    """What was counted between the samples; one that is below the one before began at 0."""
    return sum(
        after - before if after >= before else after
        for before, after in itertools.pairwise(samples)
    )
