"""What canary and stable served, stretch by stretch: all that a comparison knows.

A ledger is a list of stretches in the order of time, one for each look that had new samples. It is
kept in a status, so it is bounded: when it grows beyond `ENTRIES`, two neighbours become one. That
loses nothing of the comparison while both have the same canary share of requests (the sums decide
then), so neighbours of other shares, a weight change between them, are merged only when there are
no others. The newest stay apart, because a sudden failure is read from them; of the older ones
those go first that are shortest together, so that the stretches grow evenly.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

ENTRIES: Final = 64
"""Stretches in a ledger at most; as text 2 to 4 kB."""
NEWEST: Final = 16
"""So many of the newest stretches are never merged."""
DIFFERENT: Final = 16.0
"""Two shares of requests differ when the squared z of their difference is above: 4 sigma, because
a ledger is looked at in many places; see `apart`."""
_ALIKE: Final = 1.1
"""Odds that differ by a factor below this are the same weight: a comparison hardly sees it."""
_LONGEST: Final = 8192
_ENTRY: Final = re.compile(
    r"([0-9]{1,12}(?:\.[0-9]{1,3})?):([0-9]{1,20}):([0-9]{1,20}):([0-9]{1,20}):([0-9]{1,20})"
)
_MOST: Final = 10**15
"""Requests of a look, and its microseconds: what is above is nonsense, but nothing to crash on."""


@dataclass(frozen=True)
class Served:
    """What both sides served in one stretch of time.

    Raises:
        ValueError: a number is negative, or there are more errors than requests.
    """

    seconds: float
    """Its length, above 0 but for a sum over nothing; in a ledger to the millisecond."""
    canary: int = 0
    """Requests."""
    canary_errors: int = 0
    stable: int = 0
    stable_errors: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seconds < math.inf:
            raise ValueError(f"a stretch of {self.seconds} s; lengths are finite and not negative")
        if not 0 <= self.canary_errors <= self.canary:
            raise ValueError(_contradiction("canary", self.canary_errors, self.canary))
        if not 0 <= self.stable_errors <= self.stable:
            raise ValueError(_contradiction("stable", self.stable_errors, self.stable))

    def __add__(self, other: "Served") -> "Served":
        return Served(
            round(self.seconds + other.seconds, 3),
            self.canary + other.canary,
            self.canary_errors + other.canary_errors,
            self.stable + other.stable,
            self.stable_errors + other.stable_errors,
        )


Ledger: TypeAlias = tuple[Served, ...]
"""In the order of time, `ENTRIES` at most; the evidence is a function of it and nothing else."""
NOTHING: Final = Served(0.0)


def summed(ledger: Sequence[Served]) -> Served:
    """All stretches as one."""
    return Served(
        sum(one.seconds for one in ledger),
        sum(one.canary for one in ledger),
        sum(one.canary_errors for one in ledger),
        sum(one.stable for one in ledger),
        sum(one.stable_errors for one in ledger),
    )


def appended(ledger: Ledger, served: Served) -> Ledger:
    """The ledger with one stretch more, bounded."""
    look = Served(
        min(round(served.seconds, 3), _MOST / 1e6),
        min(served.canary, _MOST),
        min(served.canary_errors, _MOST),
        min(served.stable, _MOST),
        min(served.stable_errors, _MOST),
    )
    longer = (*ledger, look)
    while len(longer) > ENTRIES:
        at = _least_missed(longer)
        merged = longer[at] + longer[at + 1]
        longer = (*longer[:at], merged, *longer[at + 2 :])
    return longer


def apart(canary: int, requests: int, other_canary: int, other_requests: int) -> float:
    """How surely two shares of requests differ: the squared z of their difference.

    0 where their odds are within a tenth of each other, however many requests show it.

    Args:
        canary: requests to canary on one side of a moment.
        requests: to both, there.
        other_canary: requests to canary on the other side.
        other_requests: to both, there.
    """
    total = requests + other_requests
    hits = canary + other_canary
    if not requests or not other_requests or not 0 < hits < total:
        return 0.0
    one = canary * (other_requests - other_canary)
    other = other_canary * (requests - canary)
    if max(one, other) < _ALIKE * min(one, other):
        return 0.0
    crossed = float(one - other)
    spread = float(requests) * other_requests * hits * (total - hits) / total
    return crossed * crossed / spread


def written(ledger: Ledger) -> str:
    """The ledger as text for a status: seconds and the four counts of each stretch."""
    return " ".join(
        f"{_shortest(one.seconds)}:{one.canary}:{one.canary_errors}:{one.stable}:{one.stable_errors}"
        for one in ledger
    )


def read(text: str) -> Ledger:
    """The ledger of a text that `written` made.

    Raises:
        ValueError: it is another text, longer than a ledger is, or contradicts itself.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"the ledger has {len(text)} characters; at most {_LONGEST} are read")
    entries = text.split(" ") if text else []
    if len(entries) > ENTRIES:
        raise ValueError(f"the ledger has {len(entries)} stretches; at most {ENTRIES} are kept")
    return tuple(_entry(each, at) for at, each in enumerate(entries))


def _entry(text: str, at: int) -> Served:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise ValueError(
            f"stretch {at} of the ledger is {text[:80]!r}; "
            "it is seconds:requests:errors:requests:errors, of canary and of stable"
        )
    seconds, *counts = found.groups()
    return Served(float(seconds), *map(int, counts))


def _least_missed(ledger: Ledger) -> int:
    """The stretch to merge with its successor: alike, short, old; else the most alike."""
    pairs = range(len(ledger) - NEWEST - 1)
    differences = [_difference(ledger[at], ledger[at + 1]) for at in pairs]
    alike = [at for at in pairs if differences[at] <= DIFFERENT]
    if alike:
        return min(alike, key=lambda at: ledger[at].seconds + ledger[at + 1].seconds)
    return min(pairs, key=differences.__getitem__)


def _difference(one: Served, other: Served) -> float:
    return apart(one.canary, one.canary + one.stable, other.canary, other.canary + other.stable)


def _shortest(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def _contradiction(side: str, errors: int, requests: int) -> str:
    return f"{side}: {errors} errors of {requests} requests; errors are from 0 to the requests"
