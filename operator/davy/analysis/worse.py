"""The evidence that canary errs more often than stable, guarded against bursts.

Two bets, one on canary's share of the errors of both sides while both served (9 of 10), one on
canary's errors while stable had (nearly) no traffic (1 of 10). Each is made twice: on all the time
from the start on (9 of 10), and on the newest seconds alone, as if canary had just begun (1 of 10;
1, 2, 4 … s, and each start has its own small part): a canary that goes bad after a good while isn't
sheltered by its past. The evidence is the weighted average: an average of e-processes is one.

Each is guarded three times. It is divided by the dispersion of the errors; until that is known
(`dispersion.BLOCKS`) evidence of `PLAIN` is asked for instead of 1/alpha. One stretch never
decides: without that of the most canary errors there must still be 1/alpha. And canary must have
erred `FLOOR` times.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from davy.analysis.dispersion import dispersion
from davy.analysis.eprocess import WORSE, Stratum, averaged, likelihoods, mixed, pooled
from davy.analysis.ledger import Ledger
from davy.analysis.view import View, one_sided

FLOOR: Final = 5
"""Canary errors below which nothing is aborted by evidence."""
PLAIN: Final = math.log(10_000)
"""Evidence that is enough although the dispersion isn't known."""
FAST: Final = 20
"""Canary requests that failed in a row: no evidence is waited for."""
FIRST: Final = 10
"""The same for a canary that never answered a request well."""
ALONE: Final = 100.0
"""Canary requests per stable request above which stable is no measure any more."""
_MOST, _LEAST = 0.9, 0.1
_SAYS_NOTHING: Final = Stratum(1.0, 0, 0)
_HALF: Final = 60.0
"""Seconds after which half of the weight of all starts is spent."""


def evidence(seen: View, *, ratio: float, accept: float, bar: float) -> float:
    """The logarithm of the evidence; `bar` or more is enough to abort.

    Args:
        seen: the ledger.
        ratio: that nobody is aborted for.
        accept: the share of errors that nobody minds.
        bar: ln 1/alpha.
    """
    return averaged(
        [
            *_bets(_MOST, seen, seen.strata, known=seen.dispersion, ratio=ratio, bar=bar),
            *_alone(_LEAST, seen, ratio, accept, bar),
        ]
    )


def failing_straight(ledger: Ledger) -> int:
    """So many canary requests failed in a row, up to now; 0 where stable fails as well."""
    requests = stable = stable_errors = 0
    for served in reversed(ledger):
        if served.canary_errors < served.canary:
            break
        requests += served.canary
        stable += served.stable
        stable_errors += served.stable_errors
    return 0 if stable and 2 * stable_errors >= stable else requests


def total_failure(straight: int, canary: int) -> float:
    """Canary's requests that failed in a row, over those that are a total failure: 1 or more is.

    Args:
        straight: from `failing_straight`.
        canary: all its requests.
    """
    return straight / (FIRST if straight == canary else FAST)


def _alone(
    part: float, seen: View, ratio: float, accept: float, bar: float
) -> Iterator[tuple[float, float]]:
    """The bets that canary errs more than is accepted, or than stable did while it served."""
    stable = seen.total.stable
    share = max(accept, ratio * seen.total.stable_errors / stable if stable else 0.0)
    if not 0 < share < 1 or not any(odds > ALONE for odds in seen.odds):
        yield part, 0.0
        return
    strata = tuple(
        each if odds > ALONE else _SAYS_NOTHING
        for each, odds in zip(one_sided(seen.ledger, share), seen.odds, strict=True)
    )
    known = dispersion(strata, seen.seconds)
    yield from _bets(part, seen, strata, known=known, ratio=1.0, bar=bar)


def _bets(
    part: float,
    seen: View,
    strata: tuple[Stratum, ...],
    *,
    known: float | None,
    ratio: float,
    bar: float,
) -> Iterator[tuple[float, float]]:
    """Weight and evidence of all the time, and of the newest seconds as far as they matter.

    How much the newest vary is known from the time before: the change itself isn't dispersion.
    While it isn't known there was no past worth speaking of.
    """
    yield part * _MOST, _guarded(strata, ratio, bar, known)
    end = len(strata)
    recent: tuple[Stratum, ...] = ()
    for start in _starts(seen.seconds):
        recent = pooled((*strata[start:end], *recent))
        end = start
        if sum(one.hits for one in recent) < FLOOR:
            continue
        before = sum(seen.seconds[:start])
        weight = part * _LEAST / (_HALF * (1 + before / _HALF) ** 2)
        if mixed(likelihoods(recent, ratio, WORSE)) + math.log(weight) >= bar:
            past = _dispersion_before(strata, seen, start)
            if past is not None:
                yield weight, _guarded(strata[start:], ratio, bar, past)


def _dispersion_before(strata: Sequence[Stratum], seen: View, start: int) -> float | None:
    """The dispersion of the entries before, of the strata or of stable's errors alone.

    Of both, because the shares show no bursts while canary hasn't erred.
    """
    seconds = seen.seconds[:start]
    shares = dispersion(strata[:start], seconds)
    stable = tuple(
        Stratum(1.0, served.stable_errors, served.stable - served.stable_errors)
        for served in seen.ledger[:start]
    )
    return shares and max(shares, dispersion(stable, seconds) or 1.0)


def _starts(seconds: Sequence[float]) -> Iterator[int]:
    """Entries from which on it is 1, 2, 4 … s or a little more to the end; not the first."""
    wanted, length = 1.0, 0.0
    for at in range(len(seconds) - 1, 0, -1):
        length += seconds[at]
        if length >= wanted:
            yield at
            while wanted <= length:
                wanted *= 2


def _guarded(strata: Sequence[Stratum], ratio: float, bar: float, known: float | None) -> float:
    """Evidence after the guards; it is on the scale of `bar`.

    Args:
        strata: in the order of time, not empty.
        ratio: of the null hypothesis.
        bar: ln 1/alpha.
        known: the dispersion; None: it isn't known.
    """
    logs = likelihoods(pooled(strata), ratio, WORSE)
    found = mixed(logs) * min(1.0, bar / PLAIN) if known is None else mixed(logs, known)
    if found <= 0:
        return found
    loudest = likelihoods([max(strata, key=lambda one: one.hits)], ratio, WORSE)
    rest = mixed([log - loud for log, loud in zip(logs, loudest, strict=True)])
    hits = sum(one.hits for one in strata)
    enough = math.inf if hits >= FLOOR else bar * hits / FLOOR
    return min(found, max(0.0, rest), enough)
