"""One release under the judge, look by look, from traffic that is invented for it.

Errors are independent of each other, and both sides' shares of them stay what they are. The judge
looks once a scrape at first and at the end of each leg, and later each 5 % of the release's age:
that costs a day no more than some minutes, and finds an abort 5 % later at most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from davy.analysis.compare import Asked, Outcome, compared
from davy.analysis.ledger import Ledger, Served, appended
from davy.analysis.worse import FLOOR
from davy.rehearsal.chance import drawn

_PART: Final = 20
"""A look is a scrape, or the release's age divided by this."""


@dataclass(frozen=True)
class Service:
    """A service as it is before the release."""

    rate: float
    """Requests per second to both sides together, above 0."""
    baseline: float
    """Share of errors of stable, and of a good canary; from 0 to below 1."""
    scrape_seconds: float
    """From one look at the counters to the next, above 0."""


@dataclass(frozen=True)
class Leg:
    """A part of a release with one weight."""

    share: float
    """Of the requests that go to canary, above 0 to 1."""
    seconds: float
    """Its length, above 0."""


@dataclass(frozen=True)
class Moment:
    """A release just after a look."""

    seconds: float
    """Since its begin."""
    requests: int
    """Of canary, up to now."""
    harmed: int
    """Those of them that failed."""


@dataclass(frozen=True)
class Play:
    """What became of a release."""

    course: tuple[Moment, ...]
    """At least one, in the order of time; the last is the end."""
    outcome: Outcome
    """Of the last look; WORSE: it was aborted there."""

    @property
    def end(self) -> Moment:
        """The abort, the pass that was waited for, or the end of the last leg."""
        return self.course[-1]

    @property
    def aborted_seconds(self) -> float | None:
        """When it was aborted; None: it wasn't."""
        return self.end.seconds if self.outcome is Outcome.WORSE else None

    def harmed(self, seconds: float) -> int:
        """Canary requests that had failed by then."""
        return max((one.harmed for one in self.course if one.seconds <= seconds), default=0)


def play(
    legs: Sequence[Leg],
    service: Service,
    errors: float,
    asked: Asked,
    random: Random,
    *,
    until_passed: bool = False,
) -> Play:
    """A release up to its abort, or to the end of its legs.

    Args:
        legs: at least one.
        service: what it is released to.
        errors: the canary's share of errors.
        asked: what the judge is to show.
        random: all chance.
        until_passed: it ends with a pass, too.
    """
    ledger: Ledger = ()
    course: list[Moment] = []
    requests = harmed = 0
    outcome = Outcome.TOO_FEW
    last = sum(leg.seconds for leg in legs)
    for look in _looks(legs, service.scrape_seconds):
        found = served(look, service, errors, random)
        ledger = appended(ledger, found)
        requests += found.canary
        harmed += found.canary_errors
        course.append(Moment(look.end, requests, harmed))
        # Nothing is worse below FLOOR errors, and it needs a new one to become so; nothing passes
        # below `least`: the looks in between would cost most of the time and say nothing.
        worse = found.canary_errors > 0 and harmed >= FLOOR
        if worse or look.end >= last or (until_passed and requests >= asked.least):
            outcome = compared(ledger, asked).outcome
            if outcome is Outcome.WORSE or (until_passed and outcome is Outcome.NOT_WORSE):
                break
    return Play(tuple(course), outcome)


class Look(NamedTuple):
    """What is counted at once."""

    begin: float
    """Of what is looked at, in seconds."""
    end: float
    share: float
    """Canary's, of the requests then."""


def scrapes(age: float, scrape: float) -> int:
    """How many scrapes the next look waits for, at a release's age; both in seconds."""
    return max(1, int(age / _PART / scrape))


def _looks(legs: Sequence[Leg], scrape: float) -> Iterator[Look]:
    at = before = 0.0
    for leg in legs:
        before += leg.seconds
        while at < before:
            to = min(before, at + scrapes(at, scrape) * scrape)
            yield Look(at, to, leg.share)
            at = to


def served(look: Look, service: Service, errors: float, random: Random) -> Served:
    """What both sides serve in a look, where the canary errs with this share."""
    total = int(look.end * service.rate) - int(look.begin * service.rate)
    canary = drawn(random, total, look.share)
    stable = total - canary
    return Served(
        look.end - look.begin,
        canary,
        drawn(random, canary, errors),
        stable,
        drawn(random, stable, service.baseline),
    )
