"""The weight that a harm budget allows: what may fail before a failure is seen.

At a share w of R requests per second a canary that errs with probability p harms R w p requests per
second until its weight is taken back. That is after two scrapes, for one stretch alone decides
nothing, and not before `FLOOR` errors and the scrape that brings them; both times `REACTION` comes
on top, for the judge, the write and the proxies. With s seconds between two scrapes a budget of B
requests thus allows the w for which

    R w p (2 s + REACTION) <= B   and   FLOOR + R w p (s + REACTION) <= B.

p is 1 before the canary has served anything. Then it is how much more often than stable it can err
by what it has served so far: the upper bound of the Wilson score interval (Wilson 1927) at `SIGMA`.
So this holds for a failure that is there from the first request on; one that comes later, or only
under more load, is the judge's alone.
"""

import math
from dataclasses import dataclass
from typing import Final

from davy.analysis.compare import Comparison
from davy.analysis.ledger import Served
from davy.analysis.worse import FLOOR
from davy.api.harm_budget import HarmBudget

REACTION: Final = 1.0
"""Seconds from a sample to the last request that a proxy sends to the canary, a generous guess."""
SIGMA: Final = 2.0
"""How sure a bound is."""


@dataclass(frozen=True)
class Allowance:
    """What a budget allows now."""

    share: float
    """Of all requests that the canary may have, from 0 to 1."""
    spent: int
    """Requests that surely failed for the canary's sake, up to now."""


def allowance(comparison: Comparison, scrape: float, budget: HarmBudget) -> Allowance | None:
    """What a budget allows by the evidence; None: nobody served anything, so nothing is known.

    Args:
        comparison: of all that both sides served.
        scrape: seconds from one scrape to the next.
        budget: of the rollout.
    """
    total, newest = comparison.total, comparison.newest
    spent = _spent(total)
    rate = (newest.canary + newest.stable) / newest.seconds if newest.seconds else 0.0
    if not rate:
        return None
    worse = _bound(total.canary_errors, total.canary) - _stable(total)
    if worse <= 0:
        return Allowance(1.0, spent)
    if budget.requests is None:
        return Allowance(min(1.0, (budget.share or 0.0) / worse), spent)
    left = budget.requests - spent
    per_second = min(left / (2 * scrape + REACTION), (left - FLOOR) / (scrape + REACTION))
    return Allowance(min(1.0, max(0.0, per_second / (rate * worse))), spent)


def _stable(total: Served) -> float:
    return total.stable_errors / total.stable if total.stable else 0.0


def _bound(errors: int, requests: int) -> float:
    """The highest probability of an error that so many of so many requests leave likely."""
    if not requests:
        return 1.0
    share, z = errors / requests, SIGMA * SIGMA / requests
    return (share + z / 2 + math.sqrt(z * share * (1 - share) + z * z / 4)) / (1 + z)


def _spent(total: Served) -> int:
    """The canary's errors beyond stable's share, less what chance may have added to them."""
    if not total.canary:
        return 0
    own, usual = total.canary_errors / total.canary, _stable(total)
    stable = total.canary**2 * usual * (1 - usual) / total.stable if total.stable else 0.0
    chance = SIGMA * math.sqrt(total.canary * own * (1 - own) + stable)
    return max(0, math.floor(total.canary * (own - usual) - chance))
