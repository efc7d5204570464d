"""A Prometheus in memory: samples with the moment they came in, and the answers for one look."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from davy.analysis.counters import Counts, Look, Read, Series, Side, Tally, look

START = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
"""Second 0."""
_START_MS = round(START.timestamp() * 1000)
Labels = tuple[tuple[str, str], ...]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def seconds(moment: datetime) -> float:
    return (moment - START).total_seconds()


def labels(name: str, **more: str) -> Labels:
    return tuple(sorted({"__name__": name, **more}.items()))


@dataclass(frozen=True)
class Sample:
    labels: Labels
    at: float
    """Seconds."""
    value: int
    came: float
    """When Prometheus could first answer it, seconds."""


@dataclass
class Store:
    """What was scraped; series are selected by their labels `role` and `kind`."""

    samples: list[Sample] = field(default_factory=list)

    def scraped(self, when: float, name: Labels, value: int, *, late: float = 0) -> None:
        self.samples.append(Sample(name, when, value, when + late))

    def read(self, since: float, until: float, asked: tuple[float, float], *, good: bool) -> Read:
        """What a look finds; requests are asked for first, at `asked[0]`, the others after."""

        def side(role: str) -> Side:
            requests = tuple(self._series(role, "requests", since, until, asked[0]))
            other = tuple(self._series(role, "other", since, until, asked[1]))
            return Side(requests, good=other) if good else Side(requests, errors=other)

        return Read(side("canary"), side("stable"))

    def _series(
        self, role: str, kind: str, since: float, until: float, asked: float
    ) -> Iterator[Series]:
        found: dict[Labels, list[Sample]] = {}
        for sample in sorted(self.samples, key=lambda one: one.at):
            of = dict(sample.labels)
            if of["role"] == role and of["kind"] == kind and sample.came <= asked:
                found.setdefault(sample.labels, []).append(sample)
        for name, several in found.items():
            before = [one for one in several if since - 3600 < one.at <= since]
            after = [one for one in several if since < one.at <= until]
            if before or after:
                yield Series(
                    name,
                    tuple((_ms(one.at), one.value) for one in after),
                    before[-1].value if before else None,
                    len(before),
                )


def _ms(moment: float) -> int:
    return _START_MS + round(moment * 1000)


class Looking:
    """Looks one after the other, each from the text that the one before left in the status."""

    def __init__(self, store: Store, since: float, *, good: bool = False) -> None:
        self.store = store
        self.good = good
        self.text = Tally(at(since)).written()
        self.total = Counts()
        self.fresh: list[Counts] = []

    def look(self, now: float, *, gap: float = 0) -> Look:
        """One at `now`; what isn't requests is asked for `gap` seconds later."""
        tally = Tally.read(self.text)
        read = self.store.read(seconds(tally.since), now, (now, now + gap), good=self.good)
        if tally.watched is not None:  # what wasn't asked for isn't known
            read = _each(read, lambda one: Series(one.labels, one.samples, one.before))
        found = look(read, tally, at(now), at(now))
        self.text = found.tally.written()
        self.total += found.fresh
        self.fresh.append(found.fresh)
        return found


def _each(read: Read, change: Callable[[Series], Series]) -> Read:
    def side(of: Side) -> Side:
        good = None if of.good is None else tuple(map(change, of.good))
        return Side(tuple(map(change, of.requests)), tuple(map(change, of.errors)), good)

    return Read(side(read.canary), side(read.stable))
