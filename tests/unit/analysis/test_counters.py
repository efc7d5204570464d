"""Increments of counters: exact whatever happens to targets, samples and looks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from davy.analysis.counters import Counts, Selectors, Tally
from tests.unit.analysis.scrapes import Labels, Looking, Store, at, labels

RUN = 100.0
"""Second at which the run began; Prometheus had been scraping since 0."""


def requests_of(role: str, target: str = "a:80", **more: str) -> Labels:
    return labels("http_requests_total", role=role, kind="requests", instance=target, **more)


def other_of(role: str, target: str = "a:80", **more: str) -> Labels:
    return labels("http_errors_total", role=role, kind="other", instance=target, **more)


@pytest.fixture
def store() -> Store:
    """A stable target that was scraped each 10 s before the run: 5 requests each time."""
    made = Store()
    for place in range(11):
        made.scraped(place * 10, requests_of("stable", "s:80"), 1000 + place * 5)
    return made


def test_rises_between_samples_are_counted_and_the_value_at_the_start_is_not(store: Store) -> None:
    looking = Looking(store, RUN)
    store.scraped(110, requests_of("stable", "s:80"), 1057)
    assert looking.look(110).fresh == Counts(stable=7)
    assert looking.look(111).fresh == Counts()


def test_a_series_that_appears_is_counted_from_zero(store: Store) -> None:
    """A new pod's first sample, and the first error of an old one, are requests of this run."""
    looking = Looking(store, RUN)
    store.scraped(104, requests_of("canary"), 30)
    store.scraped(104, other_of("canary"), 30)
    assert looking.look(105).fresh == Counts(canary=30, canary_errors=30)


def test_a_fall_is_a_restart_and_its_new_value_was_counted_since(store: Store) -> None:
    looking = Looking(store, RUN)
    store.scraped(110, requests_of("stable", "s:80"), 3)
    store.scraped(120, requests_of("stable", "s:80"), 9)
    assert looking.look(120).fresh == Counts(stable=9)


def test_a_target_that_was_away_goes_on_from_where_it_was(store: Store) -> None:
    looking = Looking(store, RUN)
    for now in range(110, 700, 10):
        looking.look(now)
    store.scraped(700, requests_of("stable", "s:80"), 1070)
    looking.look(701)
    assert looking.total == Counts(stable=20)


def test_a_late_sample_is_in_a_later_look(store: Store) -> None:
    looking = Looking(store, RUN)
    store.scraped(110, requests_of("canary"), 8, late=25)
    assert looking.look(120).fresh == Counts()
    assert looking.look(140).fresh == Counts(canary=8)
    assert looking.look(200).fresh == Counts()


def test_samples_that_all_lag_are_all_counted(store: Store) -> None:
    """A clock that is behind, a store that takes minutes: no look runs ahead of them."""
    looking = Looking(store, RUN)
    for now in range(110, 500, 10):
        store.scraped(now, requests_of("stable", "s:80"), 1050 + now - 100, late=300)
        store.scraped(now, requests_of("canary"), now - 100, late=310)
    for now in range(101, 801):
        looking.look(now)
    assert looking.total == Counts(canary=390, stable=390)


def test_a_long_silence_ends_for_good(store: Store) -> None:
    """What is remembered doesn't grow without end; a sample after hours is counted."""
    looking = Looking(store, RUN)
    for now in range(110, 10_000, 60):
        looking.look(now)
    assert looking.look(10_000).tally.since == at(10_000 - 3600)
    store.scraped(10_010, requests_of("stable", "s:80"), 3)
    store.scraped(10_020, requests_of("stable", "s:80"), 5)
    looking.look(10_021)
    assert looking.total == Counts(stable=2)


def test_a_prometheus_that_has_just_come_begins_with_what_it_finds() -> None:
    """Each target's first sample is a beginning until all have been found; then new is new."""
    store, looking = Store(), None
    for now in range(1, 60):
        for name, first, total in (("s:80", 3, 5000), ("t:80", 3.8, 7000)):
            store.scraped(now + first % 1, requests_of("stable", name), total + now)
    store.scraped(30, requests_of("canary", "c:80"), 4)
    looking = Looking(store, 0)
    for now in range(1, 100):
        looking.look(now)
    assert looking.total == Counts(canary=4, stable=2 * 58)


@pytest.mark.parametrize("every", [1, 3, 17, 50])
def test_a_prometheus_that_lost_its_data_is_counted_on_from_its_new_start(
    store: Store, every: int
) -> None:
    """What was told stays told, no lifetime of a counter is taken for requests of the run."""
    looking = Looking(store, RUN)
    for now in range(110, 160, 10):
        store.scraped(now, requests_of("stable", "s:80"), 1050 + (now - 100) // 2)
    looking.look(150)
    assert looking.total == Counts(stable=25)
    store.samples = []
    for now in range(170, 300, 10):  # s and t are found at different moments of one interval
        store.scraped(now, requests_of("stable", "s:80"), 1050 + (now - 100) // 2)
        store.scraped(now + 8, requests_of("stable", "t:80"), 90_000 + now)
    for now in range(171, 340, every):
        looking.look(now)
    looking.look(340)
    assert looking.total == Counts(stable=25 + (290 - 170) // 2 + (298 - 178))


def test_requests_and_good_answers_of_one_scrape_are_counted_together(store: Store) -> None:
    """A scrape that came in between the two questions would make all its requests errors."""
    looking = Looking(store, RUN, good=True)
    for now, late, requests, good in ((104, 0, 10, 9), (105, 0.5, 30, 28)):
        store.scraped(now, requests_of("canary"), requests, late=late)
        store.scraped(now, other_of("canary"), good, late=late)
        store.scraped(now, other_of("stable", "s:80"), 0)
    assert looking.look(105.2, gap=1).fresh == Counts(canary=10, canary_errors=1)
    assert looking.look(106).fresh == Counts(canary=20, canary_errors=1)


def test_a_limit_that_is_no_bound_of_the_histogram_is_refused(store: Store) -> None:
    """Without it every request would count as slow."""
    looking = Looking(store, RUN, good=True)
    with pytest.raises(ValueError, match="requests of stable, but no series of good ones"):
        looking.look(110)


def test_an_error_before_its_request_is_told_with_it(store: Store) -> None:
    """An error rate above 1 is no evidence."""
    looking = Looking(store, RUN)
    store.scraped(110, requests_of("canary", "gateway:80"), 1)
    store.scraped(110, other_of("canary", "pod:80"), 5)
    assert looking.look(111).fresh == Counts(canary=1, canary_errors=1)
    store.scraped(120, requests_of("canary", "gateway:80"), 9)
    assert looking.look(121).fresh == Counts(canary=8, canary_errors=4)


def test_a_look_says_how_fresh_its_samples_are(store: Store) -> None:
    looking = Looking(store, RUN)
    nothing = looking.look(101)
    assert (nothing.newest_at, nothing.scrape_interval) == (None, None)
    assert (nothing.canary_seen, nothing.stable_seen) == (False, True)
    for now in (110, 120, 130):
        store.scraped(now, requests_of("canary"), now)
    found = looking.look(135)
    assert (found.newest_at, found.scrape_interval) == (at(130), timedelta(seconds=10))
    assert found.canary_seen


@dataclass
class Target:
    """A process with counters, restarted now and then; knows what it truly counted."""

    role: str
    address: str
    requests: int = 0
    errors: int = 0
    seen: tuple[int, int] = (0, 0)
    """The last values that were scraped."""
    counted: list[tuple[float, int, int]] = field(default_factory=list)
    """The moment of each scrape, with the requests and errors that it is the first to show."""
    due: tuple[int, int] = (0, 0)

    def serve(self, requests: int, errors: int) -> None:
        self.requests += requests
        self.errors += errors
        self.due = (self.due[0] + requests, self.due[1] + errors)

    def restart(self, requests: int, errors: int) -> None:
        """Counts less at its next scrape than at its last: else nobody could see a restart."""
        self.requests = self.errors = 0
        self.due = (0, 0)  # what was served after the last scrape is gone
        self.serve(min(requests, max(self.seen[0] - 1, 0)), min(errors, max(self.seen[1] - 1, 0)))

    def scrape(self, store: Store, when: float, late: float) -> None:
        store.scraped(when, requests_of(self.role, self.address), self.requests, late=late)
        if self.errors:  # as most clients: a labelled counter begins with its first count
            store.scraped(when, other_of(self.role, self.address), self.errors, late=late)
        self.counted.append((when, *self.due))
        self.seen = (self.requests, self.errors or self.seen[1])
        self.due = (0, 0)


@dataclass(frozen=True)
class Life:
    """One target: what happens in each interval."""

    role: str
    offset: float
    born: int
    """Its first interval."""
    events: tuple[tuple[str, int, int, float], ...]
    """Kind, requests, errors at most as many, seconds late."""


COUNT = some.integers(0, 40)
EVENT = some.tuples(
    some.sampled_from(("scrape", "scrape", "scrape", "miss", "restart")),
    COUNT,
    COUNT,
    some.sampled_from((0.0, 0.0, 0.0, 0.5, 7.0, 29.0)),
)
LIFE = some.builds(
    Life,
    some.sampled_from(("canary", "stable")),
    some.sampled_from((0.0, 0.25, 1.5, 4.75)),
    some.integers(14, 26),
    some.lists(EVENT, min_size=1, max_size=9).map(tuple),
)
INTERVAL = 5.0
END = 280.0


def lived(lives: list[Life]) -> tuple[Store, list[Target]]:
    """What a Prometheus scraped of these targets, and what they truly counted."""
    store, targets = Store(), []
    steady = Life("stable", 0.0, 0, (("scrape", 3, 1, 0.0),) * 34)
    for number, life in enumerate([steady, *lives]):
        target = Target(life.role, f"10.0.0.{number}:80")
        targets.append(target)
        for place, (kind, requests, errors, late) in enumerate(life.events):
            when = (life.born + place) * INTERVAL + life.offset
            if kind == "restart":
                target.restart(requests, min(errors, requests))
            else:
                target.serve(requests, min(errors, requests) if not _hidden(target) else 0)
            if kind != "miss":
                target.scrape(store, when, 0.0 if when <= RUN else late)
    return store, targets


def _hidden(target: Target) -> bool:
    """Whether a restarted target has no error series yet: a large value would hide the restart."""
    return target.errors == 0 and target.seen[1] > 0


def truth(targets: list[Target]) -> Counts:
    """What scrapes of the run were the first to show."""

    def of(role: str) -> Iterator[tuple[int, int]]:
        for target in targets:
            if target.role == role:
                yield from ((r, e) for when, r, e in target.counted if when > RUN)

    canary, stable = list(of("canary")), list(of("stable"))
    return Counts(
        sum(r for r, _ in canary),
        sum(e for _, e in canary),
        sum(r for r, _ in stable),
        sum(e for _, e in stable),
    )


@settings(max_examples=60, deadline=None)
@given(
    lives=some.lists(LIFE, max_size=4),
    moments=some.lists(some.integers(1, 700), max_size=12),
    gap=some.sampled_from((0.0, 0.6)),
)
def test_totals_are_exact_whatever_the_looks(
    lives: list[Life], moments: list[int], gap: float
) -> None:
    """Restarts, gaps, late samples, pods that come and go, a killed operator: no request twice."""
    store, targets = lived(lives)
    for role in ("canary", "stable"):  # an error whose request was told before waits for another
        targets.append(last := Target(role, f"last-{role}:80"))
        last.serve(1000, 0)
        last.scrape(store, END, 0)
    schedules: tuple[list[float], ...] = (
        [],
        [RUN + second for second in range(1, 62)],
        [RUN + 60],
        sorted(RUN + moment / 4 for moment in moments),
    )
    for schedule in schedules:
        looking = Looking(store, RUN)
        for now in schedule:
            looking.look(now, gap=gap)
        looking.look(END + 31)
        assert looking.total == truth(targets)
        for fresh in looking.fresh:
            assert 0 <= fresh.canary_errors <= fresh.canary
            assert 0 <= fresh.stable_errors <= fresh.stable


def test_a_tally_survives_as_text() -> None:
    tally = Tally(at(12.345), Counts(9, -1, 7, 6), Counts(9, 0, 7, 5), at(3))
    text = tally.written()
    assert Tally.read(text) == tally
    assert Tally.read(Tally(at(1)).written()) == Tally(at(1))
    assert len(text) < 250


@pytest.mark.parametrize(
    "text",
    [
        "",
        "since=1 watched=- settled=0/0 0/0",
        "since=1 watched=- settled=0/0 0/0 told=-1/0 0/0",
        "since=1 watched=- settled=0/0 0/0 told=0/0 0/0 ",
        "since=1 watched=x settled=0/0 0/0 told=0/0 0/0",
        f"since={10**15} watched=- settled=0/0 0/0 told=0/0 0/0",
        "since=\u0661 watched=- settled=0/0 0/0 told=0/0 0/0",
    ],
)
def test_another_text_is_no_tally(text: str) -> None:
    with pytest.raises(ValueError, match="is no tally of counters"):
        Tally.read(text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"requests": (), "errors": ("e",)}, "requests: names no counter"),
        ({"requests": ("r",)}, "exactly one"),
        ({"requests": ("r",), "errors": ("e",), "good": ("g",)}, "exactly one"),
        ({"requests": ("r",), "errors": ("e",), "bound": 0.5}, "exactly one"),
    ],
)
def test_a_side_needs_requests_and_one_more(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selectors(**fields)
