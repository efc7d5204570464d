"""Requests that nobody sent, and the counters that Prometheus would have of them.

Both revisions count what they served, what of it failed, and what was slower than a limit. Errors
are independent of each other. Prometheus scrapes all counters at the same moments; what was served
since isn't seen yet.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final

from davy.analysis.counters import Counts, Look, Tally
from davy.rehearsal.chance import drawn
from davy.rehearsal.play import Service
from davy.rehearsal.scenario import Scenario, slow_share

NOTHING: Final = Counts()
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Counted:
    """All that was served up to a moment; errors are of the same requests in both."""

    failed: Counts = NOTHING
    slow: Counts = NOTHING
    """With the slow ones as errors."""


@dataclass
class Invented:
    """The requests of one release.

    Args:
        service: as it is before the release.
        slow: share of stable's requests that take longer than a latency limit, from 0 to 1.
        scenario: what is different with the canary.
        begun: when the first may be sent.
        random: all chance.
    """

    service: Service
    slow: float
    scenario: Scenario
    begun: datetime
    random: Random
    sent: Counted = field(default_factory=Counted)
    """Up to the present, scraped or not."""
    _until: datetime = field(init=False)
    _scraped_at: list[datetime] = field(init=False)
    _scraped: list[Counted] = field(init=False)

    def __post_init__(self) -> None:
        """The counters are at 0, and were scraped."""
        self._until = self.begun
        self._scraped_at, self._scraped = [self.begun], [Counted()]

    def pass_to(self, now: datetime, share: float) -> None:
        """Requests come up to now, of which this share goes to the canary, from 0 to 1."""
        scrape_at = self._scraped_at[-1] + self._interval
        while scrape_at <= now:
            self._send(scrape_at, share)
            self._scraped_at.append(scrape_at)
            self._scraped.append(self.sent)
            scrape_at += self._interval
        self._send(now, share)

    def look(self, tally: Tally, now: datetime, *, slow: bool) -> Look:
        """What Prometheus has of both sides that wasn't told yet; see `counters.look`."""
        newest = bisect_right(self._scraped_at, now) - 1
        at = self._scraped_at[newest]
        before = bisect_right(self._scraped_at, tally.since) - 1
        begun, ended = (self._side(self._scraped[which], slow=slow) for which in (before, newest))
        seen = {"canary_seen": ended.canary > 0, "stable_seen": ended.stable > 0}
        if at <= tally.since:
            return Look(Counts(), tally, now, None, self._interval, **seen)
        total = tally.settled + (ended - begun)
        fresh = total - tally.told
        after = Tally(at, settled=total, told=tally.told + fresh, watched=self.begun)
        return Look(fresh, after, now, at, self._interval, **seen)

    def within(self, now: datetime, window: timedelta) -> Counts:
        """What was served and failed in the time before, as Prometheus knows it."""
        newest, before = (
            self._scraped[max(0, bisect_right(self._scraped_at, at) - 1)].failed
            for at in (now, now - window)
        )
        return newest - before

    @property
    def _interval(self) -> timedelta:
        return timedelta(seconds=self.service.scrape_seconds)

    @staticmethod
    def _side(counted: Counted, *, slow: bool) -> Counts:
        return counted.slow if slow else counted.failed

    def _send(self, to: datetime, share: float) -> None:
        total = self._number(to) - self._number(self._until)
        self._until = to
        canary = drawn(self.random, total, share)
        stable = total - canary
        usual, errors = self.service.baseline, self.scenario.errors
        failing = usual if errors is None else errors
        failed = (drawn(self.random, canary, failing), drawn(self.random, stable, usual))
        slowness = slow_share(self.slow, self.scenario.slower)
        slow = (drawn(self.random, canary, slowness), drawn(self.random, stable, self.slow))
        self.sent = Counted(
            self.sent.failed + _counts(canary, stable, failed),
            self.sent.slow + _counts(canary, stable, slow),
        )

    def _number(self, at: datetime) -> int:
        """Of requests up to a moment."""
        rate = 0.0 if self.scenario.silent else self.service.rate
        return int((at - self.begun) / _SECOND * rate)


def _counts(canary: int, stable: int, errors: Sequence[int]) -> Counts:
    return Counts(canary, errors[0], stable, errors[1])
