"""A ledger as the tests of a comparison see it: made once a look, for all of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from davy.analysis import stretches
from davy.analysis.dispersion import dispersion
from davy.analysis.eprocess import Stratum
from davy.analysis.ledger import NOTHING, Ledger, Served, summed

_SAYS_NOTHING: Final = Stratum(1.0, 0, 0)
_NEWEST_SECONDS: Final = 15.0
_MOST_SECONDS: Final = 60.0
NEWEST_REQUESTS: Final = 20
"""Of stable: fewer say nothing about how it fares now."""


@dataclass(frozen=True)
class View:
    """What a ledger says, entry by entry and in all."""

    ledger: Ledger
    """At least one entry."""
    odds: tuple[float, ...]
    """Canary requests per stable request (`stretches.odds`)."""
    seconds: tuple[float, ...]
    strata: tuple[Stratum, ...]
    """The errors of both sides; none where one of them had no traffic."""
    dispersion: float | None
    """Of the strata; None: not known yet."""
    total: Served
    newest: Served
    """The newest entries: 15 s or more, and up to 60 s for 20 stable requests."""


def view(ledger: Ledger) -> View:
    """The view of a ledger of at least one entry."""
    odds = stretches.odds(ledger)
    seconds = tuple(served.seconds for served in ledger)
    strata = tuple(
        Stratum(each, served.canary_errors, served.stable_errors)
        if 0 < each < math.inf
        else _SAYS_NOTHING
        for served, each in zip(ledger, odds, strict=True)
    )
    known = dispersion(strata, seconds)
    return View(ledger, odds, seconds, strata, known, summed(ledger), _newest(ledger))


def one_sided(ledger: Sequence[Served], share: float) -> tuple[Stratum, ...]:
    """Canary's errors and its other requests, against a share of errors above 0 and below 1."""
    odds = share / (1 - share)
    return tuple(
        Stratum(odds, served.canary_errors, served.canary - served.canary_errors)
        for served in ledger
    )


def _newest(ledger: Ledger) -> Served:
    found = NOTHING
    for served in reversed(ledger):
        found += served
        enough = found.stable >= NEWEST_REQUESTS or found.seconds >= _MOST_SECONDS
        if enough and found.seconds >= _NEWEST_SECONDS:
            break
    return found
