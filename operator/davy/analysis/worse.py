"""The evidence that canary errs more often than stable, guarded against bursts.

Three bets, whose weighted average is the evidence (an average of e-processes is one):

- all the time that both sides served, from the start on: 8 of 10;
- the newest seconds alone, as if canary had just begun (1, 2, 4 … s; each start has its own small
  weight, so that all together are one bet): a canary that goes bad after a good while isn't
  sheltered by its past: 1 of 10;
- the time in which stable had (nearly) no traffic, against a share of errors: 1 of 10.

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
ALONE: Final = 100.0
"""Canary requests per stable request above which stable is no measure any more."""
_WHOLE, _NEWEST, _ALONE = 0.8, 0.1, 0.1
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
    parts = [
        (_WHOLE, _guarded(seen.strata, ratio, bar, seen.dispersion)),
        (_ALONE, _alone(seen, ratio, accept, bar)),
        *_newest(seen, ratio, bar),
    ]
    return averaged(parts)


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


def _alone(seen: View, ratio: float, accept: float, bar: float) -> float:
    """Evidence that canary errs more than is accepted, or than stable did while it served."""
    alone = [served for served, odds in zip(seen.ledger, seen.odds, strict=True) if odds > ALONE]
    if not alone:
        return 0.0
    stable = seen.total.stable
    share = max(accept, ratio * seen.total.stable_errors / stable if stable else 0.0)
    if not 0 < share < 1:
        return 0.0
    strata = one_sided(alone, share)
    return _guarded(strata, 1.0, bar, dispersion(strata, [one.seconds for one in alone]))


def _newest(seen: View, ratio: float, bar: float) -> Iterator[tuple[float, float]]:
    """Weight and evidence of the newest seconds, as far as it could matter.

    What varies is known from the time before: the change itself isn't dispersion.
    """
    end = len(seen.strata)
    recent: tuple[Stratum, ...] = ()
    for start in _starts(seen.seconds):
        recent = pooled((*seen.strata[start:end], *recent))
        end = start
        if sum(one.hits for one in recent) < FLOOR:
            continue
        before = sum(seen.seconds[:start])
        weight = _NEWEST / (_HALF * (1 + before / _HALF) ** 2)
        if mixed(likelihoods(recent, ratio, WORSE)) + math.log(weight) >= bar:
            known = dispersion(seen.strata[:start], seen.seconds[:start])
            yield weight, _guarded(seen.strata[start:], ratio, bar, known)


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
