"""The traffic of a release, tick by tick: who asks, and which answers are errors."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from random import Random
from typing import Final

from davy.analysis.ledger import Served
from davy.rehearsal.chance import drawn

TICK_SECONDS: Final = 5
"""From scrape to scrape; nobody sees less."""
TICKS: Final = 60
"""Of a release, at one weight: five minutes."""

_OUTAGE_EVERY: Final = 20
_OUTAGE_TICKS: Final = 4
_OUTAGE_TIMES: Final = 10
_RETRIES: Final = 3
"""Errors of one client, on average."""
_RETRY_TICKS: Final = 2
_MOST_IN_OUTAGE: Final = 0.9


class Noise(StrEnum):
    """What is unlike independent errors."""

    PLAIN = "none"
    OUTAGES = "outages"
    """Of both sides: ten times the errors for 20 s, now and then."""
    RETRIES = "retries"
    """A client that fails tries again: three errors on average, within ten seconds, on one side."""


@dataclass(frozen=True)
class Place:
    """A service and its traffic, whatever the canary is worth."""

    base: float
    """Share of errors of stable."""
    rate: int
    """Requests per second to both."""
    weight: int
    """Of canary, percent."""
    noise: Noise


BASES: Final = (0.0001, 0.001, 0.01, 0.05)
RATES: Final = (1, 20, 200, 5000)
WEIGHTS: Final = (1, 10, 50)
RATIOS: Final = (2, 5, 50)
"""Error rates of a bad canary over stable's; never more errors than requests."""


def places() -> tuple[Place, ...]:
    """The whole grid."""
    return tuple(Place(*each) for each in product(BASES, RATES, WEIGHTS, Noise))


def corner() -> tuple[Place, ...]:
    """A part of it that takes a minute."""
    return tuple(Place(*each) for each in product((0.001, 0.01), (20, 200), (10,), Noise))


def ticks(place: Place, ratio: float, random: Random) -> Iterator[Served]:
    """A release: what both sides served, tick by tick."""
    canary = _Side(min(1.0, place.base * ratio), place.noise)
    stable = _Side(place.base, place.noise)
    share = place.weight / 100
    outage = 0
    for _ in range(TICKS):
        if place.noise is Noise.OUTAGES and not outage and not random.randrange(_OUTAGE_EVERY):
            outage = _OUTAGE_TICKS
        requests = drawn(random, place.rate * TICK_SECONDS, share)
        others = place.rate * TICK_SECONDS - requests
        errors = canary.errors(requests, outage > 0, random)
        yield Served(
            TICK_SECONDS, requests, errors, others, stable.errors(others, outage > 0, random)
        )
        outage = max(0, outage - 1)


class _Side:
    """One side's errors; those of a client that tries again come later."""

    def __init__(self, share: float, noise: Noise) -> None:
        self._share = share
        self._retries = noise is Noise.RETRIES
        self._coming = [0] * _RETRY_TICKS

    def errors(self, requests: int, outage: bool, random: Random) -> int:  # noqa: FBT001  a state, not an option
        share = self._share
        if outage:
            share = max(share, min(_MOST_IN_OUTAGE, share * _OUTAGE_TIMES))
        if not self._retries:
            return drawn(random, requests, share)
        for _ in range(drawn(random, requests, share / _RETRIES)):
            for _ in range(_tries(random)):
                self._coming[random.randrange(_RETRY_TICKS)] += 1
        errors = min(requests, self._coming.pop(0))
        self._coming.append(0)
        return errors


def _tries(random: Random) -> int:
    """Geometric, `_RETRIES` on average."""
    return 1 + int(math.log(1 - random.random()) / math.log1p(-1 / _RETRIES))
