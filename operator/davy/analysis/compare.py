"""Canary against stable: from a ledger to a verdict that is valid at every look.

| looked at in this order | outcome | the caller |
|---|---|---|
| canary's newest 20 requests failed, or its first 10, stable's didn't | WORSE | aborts |
| canary errs more than `abort_ratio` times as often as stable (`worse.py`) | WORSE | aborts |
| canary served fewer requests than `least` | TOO_FEW | waits |
| stable itself fails now | STABLE_FAILS | holds |
| canary isn't worse than tolerated, or accepted (`passing.py`) | NOT_WORSE | passes |
| else, or while the evidence is more than half way to an abort | UNDECIDED | waits |

A pass may become WORSE later; WORSE stays, because the caller stops. Nothing is shown by a ledger
of nothing. The error rates of the two sides are compared within the same stretches of time, so what
both suffer is nobody's fault; when it is much, nothing is passed either, for a release should not
go on while its users are without service.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from davy.analysis import worse
from davy.analysis.ledger import NOTHING, Ledger, Served
from davy.analysis.passing import passing
from davy.analysis.view import NEWEST_REQUESTS, View, view
from davy.analysis.words import lasting, percent, rounded

FAILING: Final = 0.2
"""Stable fails when it answers so large a share of its newest requests with errors."""
_NEVER: Final = 1e12
"""Requests beyond which no number is told."""


@dataclass(frozen=True)
class Asked:
    """What a metric wants to be shown."""

    abort_ratio: float = 1.25
    """Worse than so many times stable's error rate: abort; 1 or more."""
    tolerate_ratio: float = 2.0
    """Shown not worse than so many times: pass; more than abort_ratio."""
    alpha: float = 0.05
    """Of this metric, already split among the metrics of the run; above 0, below 1."""
    accept: float = 0.01
    """Share of errors that nobody minds: for services that never err, and for weight 100; from 0
    (no error is) to below 1."""
    least: int = 50
    """Canary requests before anything is passed."""


class Outcome(StrEnum):
    """What the evidence says; the table above."""

    WORSE = "Worse"
    NOT_WORSE = "NotWorse"
    UNDECIDED = "Undecided"
    TOO_FEW = "TooFew"
    STABLE_FAILS = "StableFails"


@dataclass(frozen=True)
class Needs:
    """What can be expected to be missing until a pass, were canary as good as stable."""

    requests: int
    """More of canary's, at least 1."""
    seconds: float | None
    """At the present rate; None: canary gets none now."""


@dataclass(frozen=True)
class Comparison:
    """What a ledger shows."""

    outcome: Outcome
    total: Served
    """Sums over the ledger."""
    newest: Served
    """Sums over its newest stretches, 15 s to 60 s: the present rates."""
    to_abort: float
    """Evidence over what an abort needs, on a scale of logarithms: 0 none, from 1 on WORSE."""
    to_pass: float
    """The same for a pass."""
    failing_straight: int
    """Canary requests that failed without one good in between, up to now, while stable's didn't."""
    needs: Needs | None
    """None: it is decided, or no number of requests will do."""

    def sentence(self) -> str:
        """The outcome with its numbers, to be read after "error-rate: "."""
        counts = (
            f"canary {_share(self.total.canary_errors, self.total.canary)}, "
            f"stable {_share(self.total.stable_errors, self.total.stable)}"
        )
        if self.outcome is Outcome.WORSE:
            if worse.total_failure(self.failing_straight, self.total.canary) < 1:
                return f"worse: {counts}"
            row = f"each of the newest {self.failing_straight} canary requests failed"
            return f"worse: {row}; {counts}"
        if self.outcome is Outcome.NOT_WORSE:
            return f"not worse: {counts}"
        if self.outcome is Outcome.STABLE_FAILS:
            now = _share(self.newest.stable_errors, self.newest.stable)
            return f"stable itself fails: {now} now; nothing is passed until it recovers; {counts}"
        word = "too few canary requests" if self.outcome is Outcome.TOO_FEW else "undecided"
        return f"{word}: {counts}; {_missing(self.needs)}"


def compared(ledger: Ledger, asked: Asked) -> Comparison:
    """What the ledger shows; the same ledger always shows the same."""
    if not ledger:
        at_first = Needs(max(1, asked.least), None)
        return Comparison(Outcome.TOO_FEW, NOTHING, NOTHING, 0.0, 0.0, 0, at_first)
    seen = view(ledger)
    bar = -math.log(asked.alpha)
    against = worse.evidence(seen, ratio=asked.abort_ratio, accept=asked.accept, bar=bar)
    straight = worse.failing_straight(ledger)
    near = passing(seen, ratio=asked.tolerate_ratio, accept=asked.accept, bar=bar)
    to_abort = max(0.0, against / bar, worse.total_failure(straight, seen.total.canary))
    to_pass = max(0.0, near.evidence)
    outcome = _outcome(seen, to_abort, to_pass, asked.least)
    needs: Needs | None = None
    if outcome not in {Outcome.WORSE, Outcome.NOT_WORSE}:
        needs = _needs(max(1.0, near.requests, asked.least - seen.total.canary), seen.newest)
    return Comparison(outcome, seen.total, seen.newest, to_abort, to_pass, straight, needs)


def _outcome(seen: View, to_abort: float, to_pass: float, least: int) -> Outcome:
    newest = seen.newest
    if to_abort >= 1:
        return Outcome.WORSE
    if seen.total.canary < least:
        return Outcome.TOO_FEW
    if newest.stable >= NEWEST_REQUESTS and newest.stable_errors >= FAILING * newest.stable:
        return Outcome.STABLE_FAILS
    if to_pass >= 1 and to_abort < 1 / 2:
        return Outcome.NOT_WORSE
    return Outcome.UNDECIDED


def _needs(requests: float, newest: Served) -> Needs | None:
    if requests > _NEVER:
        return None
    whole = math.ceil(requests)
    return Needs(whole, whole * newest.seconds / newest.canary if newest.canary else None)


def _missing(needs: Needs | None) -> str:
    if needs is None:
        return "no number of canary requests will decide it at the present error rate"
    more = f"needs about {rounded(needs.requests)} more canary requests"
    if needs.seconds is None:
        return f"{more}, and canary gets none now"
    return f"{more}, about {lasting(needs.seconds)} at the present rate"


def _share(errors: int, requests: int) -> str:
    if not requests:
        return "no requests"
    return f"{errors} error{'s' * (errors != 1)} of {requests} ({percent(errors, requests)})"
