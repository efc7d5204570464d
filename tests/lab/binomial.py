"""The exact interval of a share, for "is this split what the weight says?".

Envoy draws each request's version by itself, so the count of one version among n requests is
binomial. A tolerance ("within 5 %") passes by luck on small samples and fails by luck on large
ones; an interval of known confidence does neither. Standard library only.
"""

import math
from typing import Final

_TINY: Final = 1e-300
_PRECISE: Final = 1e-15
_ROUNDS: Final = 500
"""The continued fraction needs about sqrt(max(a, b)) rounds: enough for a million requests."""


def interval(hits: int, of: int, confidence: float = 0.999) -> tuple[float, float]:
    """The Clopper-Pearson interval of a share: all shares that `hits` of `of` don't speak against.

    The true share lies outside in at most 1 - confidence of all samples, whatever it is.
    `interval(5, 10, 0.95)` is about (0.187, 0.813). No sample at all says nothing: (0, 1).

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), 404-413, with the quantiles of
    the beta distribution: (B(a/2; k, n-k+1), B(1-a/2; k+1, n-k)), a = 1 - confidence.

    Args:
        hits: requests of the version, 0 to `of`.
        of: requests in all, >= 0.
        confidence: above 0, below 1.

    Raises:
        ValueError: an argument is out of its range.
    """
    if not 0 <= hits <= of or not 0 < confidence < 1:
        raise ValueError(f"no interval of {hits} hits of {of} at confidence {confidence}")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else beta_quantile(tail, hits, of - hits + 1)
    high = 1.0 if hits == of else beta_quantile(1 - tail, hits + 1, of - hits)
    return low, high


def agrees(hits: int, of: int, share: float, confidence: float = 0.999) -> bool:
    """Whether a true `share` (0-1) gives `hits` of `of` in all but 1 - confidence of samples.

    A share of exactly 0 or 1 allows no exception at all.
    """
    low, high = interval(hits, of, confidence)
    if share in {0, 1}:
        return hits == share * of
    return low <= share <= high


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x in [0, 1] where the beta distribution's cumulative probability is `probability`."""
    low, high = 0.0, 1.0
    while high - low > _PRECISE * max(low, _PRECISE):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if beta_cumulative(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_cumulative(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in [0, 1].

    Source: Abramowitz and Stegun, 26.5.8 (continued fraction) and 26.5.2 (symmetry).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - beta_cumulative(1 - x, b, a)
    logarithm = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return math.exp(logarithm) / a * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of I_x(a, b), by the modified Lentz method."""

    def floored(value: float) -> float:
        return value if abs(value) > _TINY else _TINY

    c = 1.0
    d = 1 / floored(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, _ROUNDS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / floored(1 + even * d)
        c = floored(1 + even / c)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / floored(1 + odd * d)
        c = floored(1 + odd / c)
        step = d * c
        result *= step
        if abs(step - 1) < _PRECISE:
            return result
    raise ArithmeticError(f"no convergence of I_{x}({a}, {b}) in {_ROUNDS} rounds")
