"""Chance, from a generator that the caller seeds: the same seed plays the same releases."""

import math
from random import Random
from typing import Final

_MANY: Final = 30
"""Events on average, and as many that don't happen: the normal law is as good."""


def drawn(random: Random, number: int, share: float) -> int:
    """How many of so many events happen: binomial; by the normal law where that is as good."""
    if share <= 0 or not number:
        return 0
    if share >= 1:
        return number
    mean = number * share
    if min(mean, number - mean) > _MANY:
        wide = math.sqrt(mean * (1 - share))
        return min(number, max(0, round(random.gauss(mean, wide))))
    if 2 * share > 1:
        return number - drawn(random, number, 1 - share)
    found, at, log = 0, 0, math.log1p(-share)
    while True:
        at += int(math.log(1 - random.random()) / log) + 1
        if at > number:
            return found
        found += 1
