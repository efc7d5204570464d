"""A limit of latency that is stable's own: the bound of the buckets next to its quantile.

It is chosen once, from the hour before the run, and so before anything that is compared: what is
counted later can't have chosen it, and the evidence stays what it is for a limit that a person
wrote. How many of stable's requests lie above it in the run is counted, not assumed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from davy.analysis.counters import Selectors

WINDOW: Final = "1h"
"""Before the run."""
_SLOW: Final = 10
"""Requests above the quantile, without which it isn't known."""


@dataclass(frozen=True)
class Histogram:
    """What is asked for the limit."""

    buckets: tuple[str, ...]
    """Selectors of stable's: of all buckets, or of native histograms."""
    native: bool


def histogram(stable: Selectors) -> Histogram:
    """What to ask of stable's counters."""
    if stable.bound is not None:
        return Histogram(stable.requests, native=True)
    return Histogram(stable.good, native=False)


def limit(below: Sequence[tuple[Decimal, float]], quantile: float) -> Decimal:
    """The lowest bound that this share of the requests didn't exceed.

    Args:
        below: requests up to each bound, the bounds rising; the last is infinite.
        quantile: above 0, below 1.

    Raises:
        ValueError: there were too few requests, or no bound is so high; the message says what to
            do.
    """
    total = below[-1][1] if below else 0.0
    needed = round(_SLOW / (1 - quantile))
    if total < needed:
        raise ValueError(
            f"stable had about {total:.0f} requests in the hour before the run, and a quantile of "
            f"{quantile:g} needs {needed}; give latency.slowerThan, or a lower quantile"
        )
    for bound, requests in below:
        if bound.is_finite() and requests >= quantile * total:
            return bound
    raise ValueError(
        f"stable's quantile of {quantile:g} lies above the last bound of its histogram; give "
        "latency.slowerThan, or a lower quantile"
    )
