"""How much more the errors vary than independent ones would: the guard against bursts.

A pod that fails for ten seconds, a client that retries, a cache that empties: errors come together,
and a hundred errors then prove no more than ten. Pearson's statistic of canary's shares over blocks
of time, divided by its degrees of freedom, says by how much (1: not at all); evidence is divided by
it (McCullagh and Nelder, Generalized Linear Models, 4.5). A burst may last longer than a block, so
neighbours are also taken together, two, four, eight …, and the largest value counts.

This is a guard, not a proof.
"""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

from davy.analysis.eprocess import Stratum, common_ratio

BLOCKS: Final = 5
"""Blocks with errors from which on the dispersion is known."""
BLOCK_SECONDS: Final = 5.0
"""Stretches shorter than that are taken together, so that it matters little how often one looks,
and one client's retries are in one block or two."""

_CAUTION: Final = 2.0
_SHOWN: Final = 4
"""By chance an estimate from few blocks is too small as often as not: it begins as if four degrees
of freedom more had shown 2; one from longer blocks, as if they had shown what shorter ones do."""

_Block: TypeAlias = tuple[float, float, float]
"""Events; hits less those that were expected; the variance of hits, were they independent."""


def dispersion(strata: Sequence[Stratum], seconds: Sequence[float]) -> float | None:
    """How many times more hits vary than independent ones; None: there are too few blocks to say.

    Args:
        strata: in the order of time, with odds above 0 and finite.
        seconds: the length of each.
    """
    ratio = common_ratio(strata)
    blocks = _blocks(strata, seconds, ratio if ratio < math.inf else 0.0)
    found: float | None = None
    while True:
        told = [(off, variance) for events, off, variance in blocks if events]
        if len(told) < BLOCKS:
            return found
        squares = sum(off * off / variance for off, variance in told if variance > 0)
        before = found or _CAUTION
        found = max(found or 1.0, (squares + _SHOWN * before) / (len(told) - 1 + _SHOWN))
        blocks = [*map(_both, blocks[::2], blocks[1::2]), *blocks[len(blocks) & ~1 :]]


def blocks_told(strata: Sequence[Stratum], seconds: Sequence[float]) -> int:
    """The blocks that have errors."""
    return sum(events > 0 for events, _, _ in _blocks(strata, seconds, 0.0))


def _blocks(strata: Sequence[Stratum], seconds: Sequence[float], ratio: float) -> list[_Block]:
    """Blocks of `BLOCK_SECONDS` or more; what is left over at the end belongs to the last.

    With a ratio of 0 nothing is expected and nothing varies: where only one side errs, all shares
    are the same.
    """
    found: list[_Block] = []
    total = off = variance = length = 0.0
    for (odds, hits, misses), more in zip(strata, seconds, strict=True):
        length += more
        if events := hits + misses:
            share = ratio * odds / (1 + ratio * odds)
            total += events
            off += hits - events * share
            variance += events * share * (1 - share)
        if length >= BLOCK_SECONDS:
            found.append((total, off, variance))
            total = off = variance = length = 0.0
    if total and found:
        found[-1] = _both(found[-1], (total, off, variance))
    return found


def _both(one: _Block, other: _Block) -> _Block:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
