"""What a release came to: stretches of constant weight, and the requests sent in each.

Pure: records in, rows out, so that the demo's verdict is itself tested without a lab.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from tests.lab.load_records import Counts, Share, Window

MARGIN: Final = timedelta(milliseconds=500)
"""Left out before a weight changes: the change is seen in the status a moment after the route."""


@dataclass
class Stretch:
    """A time in which the canary had one weight, in effect."""

    weight: int
    since: datetime
    until: datetime | None = None


@dataclass
class Release:
    """One release as it was seen from outside."""

    version: str
    wanted: str
    """The outcome that the demo is about: `promoted` or `aborted`."""
    began: datetime
    error_rate: float = 0.0
    """Of its answers, 0 to 1."""
    ended: datetime | None = None
    outcome: str = ""
    message: str = ""
    stretches: list[Stretch] = field(default_factory=list)

    def saw(self, traffic: dict[str, Any], at: datetime) -> None:
        """Note the traffic part of a status: wanted, written and verified weight."""
        weight = traffic.get("written")
        steady = weight is not None and weight == traffic.get("verified") == traffic.get("wanted")
        current = self.stretches[-1] if self.stretches else None
        running = current is not None and current.until is None
        if current is not None and running and (not steady or current.weight != weight):
            current.until = at - MARGIN
        if steady and weight and not (running and current and current.weight == weight):
            self.stretches.append(Stretch(weight, at))

    def end(self, outcome: str, message: str, at: datetime) -> None:
        """The release is over."""
        self.outcome, self.message, self.ended = outcome, message, at
        if self.stretches and self.stretches[-1].until is None:
            self.stretches[-1].until = at - MARGIN


@dataclass(frozen=True)
class Row:
    """One release in the final table."""

    version: str
    outcome: str
    as_wanted: bool
    seconds: float
    counts: dict[str, Counts]
    """By version, all requests sent while the release went on."""
    harmed: int
    """Failed requests, whoever made the failure."""
    harmed_outside: int
    """Failed requests that the released version's own app did not make."""
    shares: tuple[tuple[int, Share], ...]
    """Wanted weight and observed share, for each stretch of constant weight."""

    @property
    def shares_agree(self) -> bool:
        """Every observed share lies within the binomial 99.9 % interval of its weight."""
        return all(share.agrees(weight) for weight, share in self.shares if share.of)

    @property
    def passed(self) -> bool:
        """It ended as it should, harmed nobody outside the release, and split as it was told."""
        return self.as_wanted and self.harmed_outside == 0 and self.shares_agree


def row(release: Release, seen: Window) -> Row:
    """The release's row, from all requests of the demo."""
    during = seen.between(release.began, release.ended)
    shares = tuple(
        (stretch.weight, seen.between(stretch.since, stretch.until).share(release.version))
        for stretch in release.stretches
        if stretch.until is not None and stretch.until > stretch.since
    )
    ended = release.ended or release.began
    return Row(
        version=release.version,
        outcome=release.outcome,
        as_wanted=release.outcome == release.wanted,
        seconds=(ended - release.began).total_seconds(),
        counts=during.versions(),
        harmed=len(during.failed()),
        harmed_outside=len(during.failed(outside=release.version)),
        shares=shares,
    )


def as_json(rows: list[Row]) -> dict[str, Any]:
    """The table as plain data."""
    return {
        "passed": all(each.passed for each in rows),
        "releases": [
            {
                "version": each.version,
                "outcome": each.outcome,
                "asWanted": each.as_wanted,
                "seconds": round(each.seconds, 1),
                "requests": {
                    version: {"sent": counts.sent, "failed": counts.failed}
                    for version, counts in each.counts.items()
                },
                "harmed": each.harmed,
                "harmedOutsideTheRelease": each.harmed_outside,
                "shares": [
                    {
                        "weight": weight,
                        "observed": round(share.value, 4),
                        "requests": share.of,
                        "interval999": [round(bound, 4) for bound in share.interval()],
                        "agrees": share.agrees(weight),
                    }
                    for weight, share in each.shares
                    if share.of
                ],
            }
            for each in rows
        ],
    }
