"""Prometheus as Davy's provider sees it: answers by revision, late, old, empty, NaN, none, slow."""

import asyncio
import math
from dataclasses import dataclass, field
from random import Random

from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric
from tests.sim.loop import VirtualLoop

GOOD_BELOW = 0.1
"""The templates' condition."""


@dataclass
class Prometheus:
    """A server; every operator asks the same."""

    loop: VirtualLoop
    chance: Random
    mode: str = "ok"
    """ok, or how it is broken: empty, nan, outage, slow, stale."""
    bad: set[str] = field(default_factory=set)
    """Hashes of revisions that answer with errors."""
    told: list[tuple[float, str, float]] = field(default_factory=list)
    """Numbers that were answered: when, of which revision, which."""

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """See `Provider.measure`; the query is the revision's hash."""
        query = metric.provider.prometheus
        assert query is not None
        await asyncio.sleep(self.chance.uniform(0.01, 0.2))
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
        value = 0.5 if query.query in self.bad else 0.01
        self.told.append((self.loop.time(), query.query, value))
        return Answered([value])

    async def close(self) -> None:
        """See `Provider.close`."""
