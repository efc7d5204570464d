"""What a harm budget costs in time, and what it spares: releases whose weights grow with evidence.

As in `play`, but for the weights: each begins with the smallest that the route knows, or the one
before, and grows as `analysis/budget.py` allows. A step's time runs once its weight is reached.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from davy.analysis.budget import REACTION, allowance
from davy.analysis.compare import Asked, Outcome, compared
from davy.analysis.ledger import Ledger, appended
from davy.api.harm_budget import HarmBudget
from davy.rehearsal.chance import drawn
from davy.rehearsal.play import Leg, Look, Service, scrapes, served

LONGEST_SECONDS: Final = 86_400.0
"""What isn't aborted, or reached, in a day isn't waited for; a step without end is so long."""


@dataclass(frozen=True)
class Spared:
    """What became of a release with a harm budget."""

    harmed: int
    """Canary requests that failed, with those on the way while it is aborted."""
    aborted: bool
    longer: float | None
    """Seconds for which a weight was below its step's; None: one was never reached."""


@dataclass(frozen=True)
class Budgeted:
    """Many releases with a harm budget, of each kind."""

    total_failure: tuple[Spared, ...]
    """Of a canary that fails always."""
    bad: tuple[Spared, ...]
    good: tuple[Spared, ...]


def budgeted(
    legs: Sequence[Leg],
    service: Service,
    bad: float,
    asked: Asked,
    *,
    budget: HarmBudget,
    whole: int,
    chances: Callable[[str], Iterator[Random]],
) -> Budgeted:
    """Releases of each kind, one for each chance.

    Args:
        legs: at least one.
        service: what is released to.
        bad: share of errors of a bad canary.
        asked: what the judge is to show.
        budget: of the rollout.
        whole: the weight that is all traffic.
        chances: by the kind of release.
    """

    def played(errors: float, kind: str) -> tuple[Spared, ...]:
        return tuple(
            _spared(legs, service, errors, asked, budget=budget, whole=whole, random=random)
            for random in chances(kind)
        )

    return Budgeted(
        total_failure=played(1.0, "total"),
        bad=played(bad, "bad"),
        good=played(service.baseline, "good"),
    )


def _spared(
    legs: Sequence[Leg],
    service: Service,
    errors: float,
    asked: Asked,
    *,
    budget: HarmBudget,
    whole: int,
    random: Random,
) -> Spared:
    ledger: Ledger = ()
    at = longer = 0.0
    harmed = weight = 0
    scrape = service.scrape_seconds
    allowed = 0.0
    for leg in legs:
        target, held = round(leg.share * whole), 0.0
        while held < leg.seconds:
            known = max(1, weight, int(whole * allowed))
            weight = min(target, known)
            look = scrape * scrapes(at, scrape)
            seconds = min(look, leg.seconds - held) if weight == target else look
            found = served(Look(at, at + seconds, weight / whole), service, errors, random)
            at, harmed = at + seconds, harmed + found.canary_errors
            held += seconds if weight == target else 0.0
            longer += seconds if weight < target else 0.0
            ledger = appended(ledger, found)
            comparison = compared(ledger, asked)
            if comparison.outcome is Outcome.WORSE:
                late = round(service.rate * weight / whole * REACTION)
                return Spared(harmed + drawn(random, late, errors), aborted=True, longer=longer)
            if longer >= LONGEST_SECONDS:
                return Spared(harmed, aborted=False, longer=None)
            told = allowance(comparison, scrape, budget)
            allowed = told.share if told else 0.0
    return Spared(harmed, aborted=False, longer=longer)
