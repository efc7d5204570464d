"""The evidence that canary may pass, and what is missing until it does.

Either it is shown that canary errs less than `tolerate_ratio` times as often as stable; or, where
that would take for ever because hardly anybody errs, that it errs less than a share that nobody
minds, and it doesn't look worse than tolerated (one error is no look). The first is guarded by the
dispersion of the errors as in `worse.py`. The second is divided by it where it is known: n clean
requests exclude a share p (about 3/p of them at alpha 0.05).
"""

import math
from dataclasses import dataclass

from davy.analysis import dispersion, forecast
from davy.analysis.eprocess import BETTER, RARER, Stratum, common_ratio, likelihoods, mixed, pooled
from davy.analysis.view import View, one_sided
from davy.analysis.worse import PLAIN


@dataclass(frozen=True)
class Passing:
    """How near canary is to a pass."""

    evidence: float
    """Over what is enough: from 1 on it is shown."""
    requests: float
    """More of canary's that can be expected to show it; infinite: none will."""


def passing(seen: View, *, ratio: float, accept: float, bar: float) -> Passing:
    """The better of the two ways to pass.

    Args:
        seen: the ledger.
        ratio: that is tolerated.
        accept: the share of errors that nobody minds.
        bar: ln 1/alpha.
    """
    requests = seen.total.canary + seen.total.stable
    errors = seen.total.canary_errors + seen.total.stable_errors
    share = errors / requests if requests else 0.0
    one = _compared(seen, ratio, bar, share)
    hits = sum(each.hits for each in seen.strata)
    if not 0 < accept < 1 or (hits > 1 and common_ratio(seen.strata) > ratio):
        return one
    other = _accepted(seen, accept, bar, share)
    return Passing(max(one.evidence, other.evidence), min(one.requests, other.requests))


def _compared(seen: View, ratio: float, bar: float, share: float) -> Passing:
    logs = likelihoods(pooled(seen.strata), ratio, BETTER)
    odds = seen.odds[-1]
    coming = [Stratum(odds, share, share / odds)] if 0 < odds < math.inf else []
    drift = likelihoods(coming, ratio, BETTER)
    known = seen.dispersion
    if known is not None:
        wanted = forecast.requests_to(bar, logs, drift, known)
        return Passing(mixed(logs, known) / bar, wanted)
    plain = max(bar, PLAIN)
    soon = forecast.requests_to(plain, logs, drift)
    later = max(forecast.requests_to(bar, logs, drift), _to_know(seen))
    return Passing(mixed(logs) / plain, min(soon, later))


def _to_know(seen: View) -> float:
    """The canary requests until errors were seen in as many blocks as the dispersion needs."""
    newest = seen.newest
    errors = newest.canary_errors + newest.stable_errors
    if not errors or not newest.seconds:
        return math.inf
    missing = dispersion.BLOCKS - dispersion.blocks_told(seen.strata, seen.seconds)
    each = max(dispersion.BLOCK_SECONDS, newest.seconds / errors)
    return missing * each * newest.canary / newest.seconds


def _accepted(seen: View, accept: float, bar: float, share: float) -> Passing:
    total = seen.total
    strata = one_sided(seen.ledger, accept)
    known = dispersion.dispersion(strata, seen.seconds) if total.canary_errors else 1.0
    logs = likelihoods(one_sided([total], accept), 1.0, RARER)
    drift = likelihoods([Stratum(strata[0].odds, share, 1 - share)], 1.0, RARER)
    wanted = forecast.requests_to(bar, logs, drift, known or 1.0)
    return Passing(mixed(logs, known or 1.0) / bar, wanted)
