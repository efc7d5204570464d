"""Latency that nobody measured: which comparisons see it, and whether their limit can be played."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from davy.analysis import comparisons, quantile
from davy.api.analysis import Metric
from davy.api.errors import Finding, InvalidObject
from davy.rehearsal.play import Service

_HOUR: Final = 3600
"""Seconds of `quantile.WINDOW`."""
_LIMIT: Final = Decimal(1)
"""Stands for the bound: only the requests on its two sides are played."""


def is_counted(metric: Metric) -> bool:
    """A run's comparison is of latency: by a quantile, a native histogram's bound, or buckets."""
    if quantile.wanted(metric) is not None:
        return True
    canary = comparisons.sides(metric).canary
    by_bucket = any("_bucket" in selector.partition("{")[0] for selector in canary.good)
    return by_bucket or canary.bound is not None


def sure(metrics: Mapping[str, Sequence[Metric]], service: Service, slow: float) -> None:
    """Stable has the limits that its quantiles would come to.

    Args:
        metrics: of each analysis, by its path in the Rollout, arguments filled in.
        service: as it was in the hour before, too.
        slow: share of stable's requests that are beyond a limit.

    Raises:
        InvalidObject: with every finding.
    """
    wrong = [
        Finding(f"{path}: metric {metric.name}: compare.latency.quantile", message)
        for path, several in metrics.items()
        for metric in several
        if (message := _problem(quantile.wanted(metric), service, slow))
    ]
    if wrong:
        raise InvalidObject(wrong)


def _problem(wanted: float | None, service: Service, slow: float) -> str:
    """Why it has no limit; "": it has one, or asks for none."""
    if wanted is None:
        return ""
    beyond = round(1 - wanted, 9)
    if slow > beyond:
        return (
            f"is {wanted:g}, so at most {100 * beyond:g} % of stable's requests are beyond its "
            f"limit, and --slow says {100 * slow:g} %; give --slow {100 * beyond:g}%, or less"
        )
    total = service.rate * _HOUR
    try:
        quantile.limit([(_LIMIT, total * (1 - slow)), (Decimal("Infinity"), total)], wanted)
    except ValueError as error:
        return f"can't be chosen: {error}"
    return ""
