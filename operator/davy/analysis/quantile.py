"""A limit of latency that is stable's own: the bound of the buckets next to its quantile.

It is chosen once, from the hour before the run, and so before anything that is compared: what is
counted later can't have chosen it, and the evidence stays what it is for a limit that a person
wrote. How many of stable's requests lie above it in the run is counted, not assumed.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

from davy.analysis import comparisons
from davy.analysis.answer import NotAnswered
from davy.analysis.counters import Selectors
from davy.api.analysis import Metric

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


Below: TypeAlias = Callable[
    [Metric, Histogram, datetime], Awaitable[Sequence[tuple[Decimal, float]] | NotAnswered]
]
"""Asks for the requests up to each bound, in the window before an instant."""


def wanted(metric: Metric) -> float | None:
    """The quantile of stable's requests whose bound a run's comparison takes; None: it has none."""
    latency = metric.compare and metric.compare.latency
    return latency.quantile if latency else None


async def chosen(metric: Metric, began_at: datetime | None, below: Below) -> str | NotAnswered:
    """The limit that a comparison's quantile comes to, as its memory has it; "": it has none.

    Args:
        metric: that compares.
        began_at: when its run did; None: it hasn't.
        below: asks for stable's histogram.
    """
    share = wanted(metric)
    if share is None or began_at is None:
        return ""
    found = await below(metric, histogram(comparisons.sides(metric).stable), began_at)
    if isinstance(found, NotAnswered):
        return found
    try:
        return f"{limit(found, share):f}"
    except ValueError as error:
        return NotAnswered(f"metric {metric.name}: {error}")


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
