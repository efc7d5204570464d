"""From raw samples of counters to how many requests and errors both sides had since the last look.

Nothing is extrapolated. A series gives what it rose by from sample to sample; a fall is a restart,
and the new value is what was counted since. The sums telescope: whatever the looks, one at the end
or one a second, the totals are the same, and a sample that came late is in a later look.

What a first sample means is the hard part. Its target was seen before, or Prometheus was watching
the metric before it: the series is new, and counted from zero. Else Prometheus itself has only
just come, and how long the counter has been rising nobody knows: its first sample is where
counting begins.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

LATE: Final = timedelta(seconds=30)
"""How much later than samples of the same time a sample may come and still be counted."""
LAG: Final = timedelta(hours=1)
"""How far all samples together may be behind the present: clocks that differ, a slow store."""
WATCHED: Final = 3
"""Samples of a series after which every target has been found: each has had its first by then."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
_BEFORE: Final = -(10**18)
"""Stands for a time before any sample."""
_COUNTS: Final = r"(-?\d{1,20})/(-?\d{1,20}) (-?\d{1,20})/(-?\d{1,20})"
_WRITTEN: Final = re.compile(
    rf"since=(\d{{1,14}}) watched=(\d{{1,14}}|-) settled={_COUNTS} told={_COUNTS}", re.ASCII
)


@dataclass(frozen=True)
class Selectors:
    """The counters of one side: PromQL vector selectors without range or function.

    The series of all texts of a field are added up; one that two texts select is counted once.

    Raises:
        ValueError: no requests, or not exactly one of errors, good and bound.
    """

    requests: tuple[str, ...]
    errors: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    """In place of errors: errors are the requests that aren't good, as by a histogram's bucket."""
    bound: float | None = None
    """In place of errors: requests are native histograms, and what lies above the bound failed."""

    def __post_init__(self) -> None:
        if not self.requests:
            raise ValueError("requests: names no counter; write one")
        if [bool(self.errors), bool(self.good), self.bound is not None].count(True) != 1:
            raise ValueError("errors, good, bound: write exactly one of them")


@dataclass(frozen=True)
class Sides:
    """What is counted on each side."""

    canary: Selectors
    stable: Selectors


@dataclass(frozen=True)
class Counts:
    """Requests and errors of both sides."""

    canary: int = 0
    canary_errors: int = 0
    stable: int = 0
    stable_errors: int = 0

    def numbers(self) -> tuple[int, int, int, int]:
        """The four in the order of the fields."""
        return self.canary, self.canary_errors, self.stable, self.stable_errors

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(self.numbers(), other.numbers(), strict=True)))

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(*(a - b for a, b in zip(self.numbers(), other.numbers(), strict=True)))


@dataclass(frozen=True)
class Tally:
    """All that is remembered between two looks; a run begins with one whose `since` is its start.

    It is written where the evidence is written, in the same write: else a kill between the two
    would tell something twice, or never.
    """

    since: datetime
    """Samples up to here are in `settled` for good."""
    settled: Counts = Counts()
    """As counted: errors can be ahead of their requests, or behind zero, for a scrape."""
    told: Counts = Counts()
    """What was given out as evidence so far."""
    watched: datetime | None = None
    """From when on Prometheus has been watching these metrics: what appears later is new."""

    def written(self) -> str:
        """The text for a status, at most 250 characters."""
        watched = "-" if self.watched is None else milliseconds(self.watched)
        settled, told = (
            "{}/{} {}/{}".format(*counts.numbers()) for counts in (self.settled, self.told)
        )
        return f"since={milliseconds(self.since)} watched={watched} settled={settled} told={told}"

    @classmethod
    def read(cls, text: str) -> "Tally":
        """What `written` wrote.

        Raises:
            ValueError: it is something else.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r:.80} is no tally of counters")
        since, watched, *numbers = found.groups()
        counts = [int(number) for number in numbers]
        told = Counts(*counts[4:])
        if min(told.numbers()) < 0:
            raise ValueError(f"{text!r:.80} is no tally of counters: less than nothing was told")
        return cls(
            since=_at(int(since)),
            settled=Counts(*counts[:4]),
            told=told,
            watched=None if watched == "-" else _at(int(watched)),
        )


@dataclass(frozen=True)
class Series:
    """What Prometheus has of one series around a look."""

    labels: tuple[tuple[str, str], ...]
    """Sorted, the name among them."""
    samples: tuple[tuple[int, int], ...] = ()
    """Later than `since` and not later than the look, in order: milliseconds and value, >= 0."""
    before: int | None = None
    """The last value at or before `since`; None: none in the hour before."""
    earlier: int = 0
    """How many samples it had at `since`, if that was asked."""

    @property
    def target(self) -> str:
        """Which process was scraped; "": the series doesn't say."""
        return dict(self.labels).get("instance", "")


@dataclass(frozen=True)
class Side:
    """The series of one side."""

    requests: tuple[Series, ...]
    errors: tuple[Series, ...] = ()
    good: tuple[Series, ...] | None = None
    """In place of errors."""


@dataclass(frozen=True)
class Read:
    """The series of both sides; those of errors and good were asked after those of requests."""

    canary: Side
    stable: Side

    def series(self) -> Iterator[Series]:
        """All of them."""
        for side in (self.canary, self.stable):
            yield from (*side.requests, *side.errors, *(side.good or ()))


@dataclass(frozen=True)
class Look:
    """What one look gave."""

    fresh: Counts
    """Told now and not before; errors never more than requests."""
    tally: Tally
    """To remember."""
    counted_to: datetime
    """Samples up to here were asked for: before the present only after a long break."""
    newest_at: datetime | None
    """Of the newest sample of requests on either side; None: none since the tally's `since`."""
    scrape_interval: timedelta | None
    """As seen in the samples; None: too few."""
    canary_seen: bool
    """Whether any series of the canary's requests is there at all."""
    stable_seen: bool


def look(read: Read, tally: Tally, at: datetime, now: datetime) -> Look:
    """What both sides counted up to `at` and wasn't told yet.

    Args:
        read: the series around `(tally.since, at]`.
        tally: of the look before.
        at: the end of what was asked for.
        now: the present.

    Raises:
        ValueError: a histogram lacks the bucket that was asked for; the message says what to do.
    """
    for name, side in (("canary", read.canary), ("stable", read.stable)):
        if side.good is not None and side.requests and not side.good:
            raise ValueError(
                f"there are requests of {name}, but no series of good ones: "
                "the limit must be one of the bounds (le) of the histogram's buckets"
            )
    if _lost(read, tally):
        # What was told of samples that are gone stays told; what comes now is counted on top.
        held = zip(tally.settled.numbers(), tally.told.numbers(), strict=True)
        tally = replace(tally, settled=Counts(*(max(pair) for pair in held)), watched=None)
    watched = _watched(read, tally)
    requests = (*read.canary.requests, *read.stable.requests)
    times = [moment for series in requests for moment, _ in series.samples[-1:]]
    # Measured from the newest sample: where all samples lag, the present says nothing of them.
    complete = max(milliseconds(now - LAG), max(times, default=0) - LATE // MILLISECOND)
    settle = max(milliseconds(tally.since), min(milliseconds(at), complete))
    counting = _Counting(_known(read.series()), watched, settle)
    pairs = [counting.side(side) for side in (read.canary, read.stable)]
    settled = tally.settled + Counts(*(number for pair in pairs for number in pair[0]))
    total = settled + Counts(*(number for pair in pairs for number in pair[1]))
    fresh = _fresh(total - tally.told)
    return Look(
        fresh=fresh,
        tally=Tally(
            since=_at(settle),
            settled=settled,
            told=tally.told + fresh,
            watched=None if watched is None else _at(watched),
        ),
        counted_to=at,
        newest_at=_at(max(times)) if times else None,
        scrape_interval=_interval(requests),
        canary_seen=bool(read.canary.requests),
        stable_seen=bool(read.stable.requests),
    )


class _Counting:
    """The rises of series, split at the moment up to which they are settled."""

    def __init__(self, known: dict[str, int], watched: int | None, settle: int) -> None:
        self._known = known
        self._watched = watched
        self._settle = settle

    def side(self, side: Side) -> tuple[tuple[int, int], tuple[int, int]]:
        """Requests and errors up to the settled moment, and after it."""
        other = side.errors if side.good is None else side.good
        rises = [self._sum(side.requests), self._sum(self._together(other, side.requests))]
        return (
            self._pair(rises[0][0], rises[1][0], good=side.good is not None),
            self._pair(rises[0][1], rises[1][1], good=side.good is not None),
        )

    @staticmethod
    def _pair(requests: int, other: int, *, good: bool) -> tuple[int, int]:
        return requests, requests - other if good else other

    def _sum(self, several: Iterable[Series]) -> tuple[int, int]:
        settled = after = 0
        for series in several:
            for moment, rise in self._rises(series):
                if moment <= self._settle:
                    settled += rise
                else:
                    after += rise
        return settled, after

    def _rises(self, series: Series) -> Iterator[tuple[int, int]]:
        last = series.before
        if last is None and series.samples and self._is_new(series):
            last = 0
        for moment, value in series.samples:
            if last is not None:
                yield moment, value - last if value >= last else value
            last = value

    def _is_new(self, series: Series) -> bool:
        first = series.samples[0][0]
        found = series.target != "" and self._known[series.target] < first
        return found or (self._watched is not None and self._watched < first)

    def _together(self, other: Iterable[Series], requests: Sequence[Series]) -> Iterator[Series]:
        """Without the samples of a scrape that came in after the requests had been asked for.

        All samples of a scrape have one time. Without this, a scrape's good answers would come
        without its requests, or the requests without the good answers, and look like errors.
        What is left out comes in the next look.
        """
        newest: dict[str, int] = {}
        for series in requests:
            for moment, _ in series.samples[-1:]:
                newest[series.target] = max(moment, newest.get(series.target, _BEFORE))
        last = max(newest.values(), default=self._settle)
        for series in other:
            end = max(self._settle, newest.get(series.target, last))
            yield replace(series, samples=tuple(one for one in series.samples if one[0] <= end))


def _fresh(due: Counts) -> Counts:
    """What can be told: nothing negative, and no error without its request.

    Requests and errors are different series, of different targets in the general case, so that an
    error can be seen a scrape before its request. It is told when the request has come.
    """
    canary, stable = max(due.canary, 0), max(due.stable, 0)
    return Counts(
        canary,
        max(min(due.canary_errors, canary), 0),
        stable,
        max(min(due.stable_errors, stable), 0),
    )


def _lost(read: Read, tally: Tally) -> bool:
    """Prometheus was watching, and has nothing of that time any more."""
    if tally.watched is None or tally.watched > tally.since:
        return False
    return all(series.before is None for series in read.series())


def _watched(read: Read, tally: Tally) -> int | None:
    """From when on every target has been found, in milliseconds; None: not yet.

    A Prometheus that starts finds its targets within one interval, each at its own moment of it;
    so when a series has its third sample, all others have had their first.
    """
    if tally.watched is not None:
        return milliseconds(tally.watched)
    moments: list[int] = []
    for series in read.series():
        missing = WATCHED - series.earlier
        if missing <= 0:
            return milliseconds(tally.since)
        moments += [moment for moment, _ in series.samples[missing - 1 : missing]]
    return min(moments, default=None)


def _known(several: Iterable[Series]) -> dict[str, int]:
    """When each target was seen first."""
    found: dict[str, int] = {}
    for series in several:
        first = _BEFORE if series.before is not None else None
        if first is None and series.samples:
            first = series.samples[0][0]
        if first is not None:
            found[series.target] = min(first, found.get(series.target, first))
    return found


def _interval(several: Iterable[Series]) -> timedelta | None:
    apart = [
        later[0] - sooner[0]
        for series in several
        for sooner, later in zip(series.samples, series.samples[1:], strict=False)
    ]
    return MILLISECOND * round(median(apart)) if apart else None


def milliseconds(moment: datetime) -> int:
    """Since 1970, rounded down."""
    return (moment - _EPOCH) // MILLISECOND


def _at(ms: int) -> datetime:
    return _EPOCH + MILLISECOND * ms
