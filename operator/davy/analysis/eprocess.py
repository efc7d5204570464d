"""Evidence that may be looked at at any time: mixtures of likelihood ratios (e-processes).

Of the errors of both sides, canary's share is `r * odds / (1 + r * odds)`, where `r` is the ratio
of the error rates and `odds` the canary requests per stable request. A null hypothesis is a ratio;
the alternatives are multiples of it. Each alternative's likelihood over the null's is a fair bet,
and so is the average over the alternatives: under the null it exceeds 1/alpha with a probability
below alpha, however often one looks and whatever the weights do (Ville's inequality; Lindon and
Malek, arXiv 2011.03567; Howard et al., arXiv 1810.08240). The same for one side alone: its errors
are hits, its other requests misses, and a share of errors that nobody minds gives the odds.

All in natural logarithms.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_POINTS: Final = 24


def spaced(low: float, high: float) -> tuple[float, ...]:
    """24 numbers from `low` to `high`, each the same multiple of the one before."""
    start, end = math.log(low), math.log(high)
    return tuple(math.exp(start + (end - start) * at / (_POINTS - 1)) for at in range(_POINTS))


WORSE: Final = spaced(1.2, 50)
"""Alternatives to "at most this ratio"."""
BETTER: Final = tuple(1 / factor for factor in spaced(1.1, 10))
"""Alternatives to "at least this ratio"."""
RARER: Final = tuple(1 / factor for factor in spaced(1.1, 100))
"""Alternatives to "at least this share": nearly never is what clean requests show."""


class Stratum(NamedTuple):
    """Events of two kinds, all under the same odds."""

    odds: float
    """Hits per miss where the ratio is 1; neither 0 nor infinite, or the stratum says nothing."""
    hits: float
    """Canary's errors."""
    misses: float
    """Stable's errors."""


def pooled(strata: Iterable[Stratum]) -> tuple[Stratum, ...]:
    """The strata with those of the same odds added up: as much evidence, in fewer."""
    sums: dict[float, tuple[float, float]] = {}
    for odds, hits, misses in strata:
        more_hits, more_misses = sums.get(odds, (0, 0))
        sums[odds] = (hits + more_hits, misses + more_misses)
    return tuple(Stratum(odds, *both) for odds, both in sums.items())


def common_ratio(strata: Iterable[Stratum]) -> float:
    """The ratio of the rates that all strata suggest together (Mantel and Haenszel).

    0: there is no hit; infinite: there are only hits.
    """
    up = down = 0.0
    for odds, hits, misses in strata:
        up += hits / (1 + odds)
        down += misses * odds / (1 + odds)
    return up / down if down else math.inf if up else 0.0


def likelihoods(strata: Iterable[Stratum], ratio: float, factors: tuple[float, ...]) -> list[float]:
    """For each alternative `ratio * factor` its log-likelihood over that of `ratio`.

    With `s = factor`, `a = ratio * odds`: a hit is worth `ln s + ln((1 + a) / (1 + s a))`, a miss
    `ln((1 + a) / (1 + s a))`.
    """
    logs = [0.0] * len(factors)
    for odds, hits, misses in strata:
        events = hits + misses
        if events and 0 < odds < math.inf:
            worth = _worth(ratio * odds, factors)
            logs = [
                log + hits * hit + events * event
                for log, (hit, event) in zip(logs, worth, strict=True)
            ]
    return logs


@lru_cache(maxsize=256)
def _worth(null: float, factors: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """What a hit adds, and what each event does; kept, as the odds of a look are few."""
    base = math.log1p(null)
    return tuple((math.log(each), base - math.log1p(each * null)) for each in factors)


def mixed(logs: Sequence[float], dispersion: float = 1.0) -> float:
    """The logarithm of the average evidence of the alternatives.

    Args:
        logs: of each alternative.
        dispersion: how many times more the events vary than independent ones, at least 1; each
            logarithm is divided by it.
    """
    top = max(logs)
    total = math.fsum(math.exp((each - top) / dispersion) for each in logs)
    return top / dispersion + math.log(total / len(logs))


def averaged(parts: Iterable[tuple[float, float]]) -> float:
    """The logarithm of a weighted average of evidence; it is evidence, too.

    Args:
        parts: weight, above 0, and logarithm of each; the weights sum to 1 at most.
    """
    logs = [math.log(weight) + log for weight, log in parts]
    top = max(logs)
    return top + math.log(math.fsum(math.exp(each - top) for each in logs))
