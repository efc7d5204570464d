"""What a sample counts: a number, or a native histogram as Prometheus answers it.

A native histogram is a number of all observations and a list of buckets, `[rule, left, right,
number]`, empty ones left out; they don't overlap, and the right bound belongs to the bucket. Its
resolution may fall while it counts: two buckets become one. So only a bound that no bucket has
inside says how many lie below it; nothing is interpolated. Powers of two are bounds at every
resolution.
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, TypeAlias

from davy.metrics import prometheus

Reader: TypeAlias = Callable[[Any], int | None]
"""The number of a sample; None: NaN."""
_LARGEST: Final = 2**53
"""A float counts to here, one by one."""


def counted(text: Any) -> int | None:
    """The number, rounded down; None: NaN.

    Raises:
        ValueError: it counts nothing.
    """
    value = prometheus.number(text)
    if value != value:  # noqa: PLR0124 - NaN
        return None
    if not 0 <= value <= _LARGEST:
        raise ValueError(f"{value:g} is a sample of it, and no counter has such; name counters")
    return int(value)


def all_of(sample: Any) -> int | None:
    """All observations of a native histogram.

    Raises:
        ValueError: it is none.
    """
    return counted(_histogram(sample)["count"])


def up_to(bound: float) -> Reader:
    """Reads the observations up to a bound; a ValueError where it lies inside a bucket."""

    def read(sample: Any) -> int | None:
        found = _histogram(sample)
        if counted(found["count"]) is None:
            return None
        within = 0
        for _, low, high, number in found.get("buckets") or ():
            left, right = prometheus.number(low), prometheus.number(high)
            if right <= bound:
                within += counted(number) or 0
            elif left < bound:
                raise ValueError(
                    f"the limit {bound:g} lies inside a bucket of it, from {left:g} to {right:g}; "
                    "take one of its bounds: at every resolution powers of two are (0.25, 0.5, 1)"
                )
        return within

    return read


def below(answers: Any) -> tuple[tuple[Decimal, float], ...]:
    """Observations up to each bound of the histograms in some vectors, added up.

    Raises:
        ValueError: there is something else among them.
    """
    found: dict[Decimal, float] = {}
    total = 0.0
    for vector in answers:
        for one in vector:
            sample = _histogram(one["histogram"][1] if "histogram" in one else one["value"][1])
            total += prometheus.number(sample["count"])
            for _, _, high, number in sample.get("buckets") or ():
                found[Decimal(high)] = found.get(Decimal(high), 0.0) + prometheus.number(number)
    bounds = sorted(bound for bound in found if bound.is_finite())
    rising = accumulate(found[bound] for bound in bounds)
    return (*zip(bounds, rising, strict=True), (Decimal("Infinity"), total))


def _histogram(sample: Any) -> dict[str, Any]:
    if not isinstance(sample, dict):
        why = "it is no native histogram; name one, or count by a classic one's buckets"
        raise ValueError(why)  # noqa: TRY004 - what Prometheus has, not what was passed
    return sample
