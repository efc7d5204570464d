"""Counting both sides against a server that answers as Prometheus does, and as it doesn't."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from davy.analysis.answer import HIDDEN, NotAnswered
from davy.analysis.counters import Counts, Look, Selectors, Sides, Tally
from davy.analysis.quantile import Histogram
from davy.api.analysis import Metric
from davy.api.providers import Authentication, BasicAuth, MetricProvider, PrometheusMetric
from davy.metrics import counts
from davy.metrics.addresses import Addresses
from davy.metrics.counts import PrometheusCounts
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.memory import Memory
from tests.unit.metrics.server import Server, serving

HERE = Addresses.of(["127.0.0.0/8"])
SIDES = Sides(
    Selectors(("canary_total",), errors=("canary_errors",)),
    Selectors(("stable_total", "more_total"), errors=("stable_errors",)),
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def memory(server: Server) -> Memory:
    """Stable was scraped for a while and had 1000 requests when the run began."""
    made = Memory()
    for after in (-20, -10, 0):
        made.scraped("stable_total", after, 1000 + after)
    server.answers = made.answer
    return made


@pytest.fixture
async def counter() -> AsyncIterator[PrometheusCounts]:
    made = PrometheusCounts(HERE, lambda: NOW)
    yield made
    await made.close()


def a_metric(server: Server, **fields: Any) -> Metric:
    asked = {"query": "up", "timeout": 30, **fields, "address": server.address}
    return Metric(name="errors", provider=MetricProvider(prometheus=PrometheusMetric(**asked)))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def looked(
    counter: PrometheusCounts, server: Server, now: float, tally: Tally | None = None, **fields: Any
) -> Look:
    found = await counter.look(a_metric(server, **fields), SIDES, tally or Tally(NOW), at(now))
    assert isinstance(found, Look), found
    return found


async def refused(
    counter: PrometheusCounts, server: Server, now: float = 10, **fields: Any
) -> NotAnswered:
    found = await counter.look(a_metric(server, **fields), SIDES, Tally(NOW), at(now))
    assert isinstance(found, NotAnswered)
    return found


async def test_both_sides_are_counted_from_raw_samples(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    memory.scraped("stable_total", 10, 1090)
    memory.scraped("more_total", 10, 5)
    memory.scraped("stable_errors", 10, 2)
    memory.scraped("canary_total", 10, 9)
    memory.scraped("canary_errors", 10, "4")
    memory.scraped("canary_errors", 10, "NaN", pod="b")
    first = await looked(counter, server, 11)
    assert first.fresh == Counts(9, 4, 95, 2)
    assert first.newest_at == at(10)
    assert first.counted_to == at(11)
    again = await looked(counter, server, 12, first.tally)
    assert again.fresh == Counts()


async def test_requests_of_both_sides_are_asked_for_before_all_others(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    """A scrape in between is then seen whole or not at all; all are asked at explicit times."""
    tally = Tally(NOW, watched=NOW)
    await looked(counter, server, 2.5, tally)
    queries = [(asked["query"], asked["time"]) for asked in server.asked]
    start, end = f"{NOW.timestamp():.3f}", f"{NOW.timestamp() + 2.5:.3f}"
    names = ("canary_total", "stable_total", "more_total", "canary_errors", "stable_errors")
    assert queries == [
        query
        for name in names
        for query in (
            (f"last_over_time({name}[1h])", start),
            (f"{name}[2500ms]", end),
        )
    ]


async def test_a_sample_at_the_start_is_not_counted_again(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    """Before Prometheus 3 a range was closed at its start."""
    memory.scraped("stable_total", 10, 1010)
    memory.scraped("stable_total", 40, 1040)
    first = await looked(counter, server, 70)
    assert first.tally.since == at(10)
    memory.scraped("stable_total", 80, 1041)
    assert (await looked(counter, server, 81, first.tally)).fresh == Counts(stable=1)


async def test_a_sample_at_the_start_is_one_sample(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    """It is in the answer about before and, before Prometheus 3, in that about after, too."""
    memory.samples.clear()
    for after in (-10, 0, 10):
        memory.scraped("stable_total", after, 1000)
    assert (await looked(counter, server, 11)).tally.watched == at(10)


async def test_a_clock_that_went_back_counts_nothing(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    found = await looked(counter, server, -5)
    assert (found.fresh, found.tally.since) == (Counts(), NOW)


@pytest.mark.parametrize("hours", [2, 20])
async def test_after_a_break_the_looks_catch_up(
    server: Server,
    memory: Memory,
    counter: PrometheusCounts,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
) -> None:
    """Hours of samples don't fit in one answer: they are read in parts, and none is lost."""
    monkeypatch.setattr(counts, "SERIES", 40)
    for minute in range(1, hours * 60 + 1):
        memory.scraped("stable_total", minute * 60, 1000 + minute)
    found, total = await looked(counter, server, hours * 3600), Counts()
    total += found.fresh
    for _ in range(10):
        if found.counted_to >= at(hours * 3600):
            break
        found = await looked(counter, server, hours * 3600, found.tally)
        total += found.fresh
    assert found.counted_to == at(hours * 3600)
    assert total == Counts(stable=hours * 60)


async def test_too_many_samples_are_refused_and_the_message_says_what_to_narrow(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    for place in range(11_000):
        memory.scraped("canary_total", 1, 5, pod=str(place))
    answer = await refused(counter, server)
    assert answer.why.endswith(
        "has more than 10000 samples within 10 s; name fewer series, by namespace and by one place "
        "of measuring (reporter, job)"
    )


async def test_a_selector_that_prometheus_can_t_read_is_named(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    said = "1:22: parse error: ranges only allowed for vector selectors"
    memory.refuse["stable_errors"] = (400, said)
    answer = await refused(counter, server)
    assert "can't read the stable's errors; write counters with their labels" in answer.why
    assert answer.said == said


async def test_a_failure_of_prometheus_is_told_as_it_is(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    memory.refuse["canary_total"] = (503, "not ready")
    assert str(await refused(counter, server)).endswith("answered 503: not ready")


async def test_an_answer_that_may_lack_series_is_not_counted(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    """A store that comes back would look like series that are new, with all they ever counted."""
    memory.warnings = ["store 10.0.0.7 is unreachable"]
    answer = await refused(counter, server)
    assert "warns of its own answer to the canary's requests" in answer.why
    assert answer.said == "store 10.0.0.7 is unreachable"


@pytest.mark.parametrize("value", ["-1", "+Inf", "1e300"])
async def test_a_gauge_is_refused(
    server: Server, memory: Memory, counter: PrometheusCounts, value: str
) -> None:
    memory.scraped("canary_total", 1, value)
    assert "no counter has such; name counters" in str(await refused(counter, server))


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[7]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":[],"value":[1,"2"]}]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}',
        b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}',
        b'{"status":"success","data":{"resultType":"vector","result":{}}}',
        b'{"status":"success","data":7}',
        b"[]",
        b"",
    ],
)
async def test_an_answer_that_is_none_is_a_sentence(
    server: Server, counter: PrometheusCounts, body: bytes
) -> None:
    server.body = body
    assert server.address in str(await refused(counter, server))


async def test_a_limit_without_its_bucket_is_refused(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    side = Selectors(("stable_total",), good=("stable_bucket",))
    answer = await counter.look(a_metric(server), Sides(side, side), Tally(NOW), at(10))
    assert isinstance(answer, NotAnswered)
    assert "must be one of the bounds (le) of the histogram's buckets" in str(answer)


async def test_what_prometheus_says_to_a_login_is_not_told(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    memory.refuse["canary_total"] = (400, "Basic dTpw is not known here")
    login = Authentication(basic_auth=BasicAuth(username="u", password="p"))
    answer = await refused(counter, server, authentication=login)
    assert answer.said == HIDDEN
    assert server.asked[0]["authorization"] == "Basic dTpw"


async def test_a_metric_of_another_provider_has_no_counters(counter: PrometheusCounts) -> None:
    metric = Metric(name="errors", provider=MetricProvider(plugin={"acme": {}}))
    answer = await counter.look(metric, SIDES, Tally(NOW), at(10))
    assert answer == NotAnswered("metric errors names no Prometheus")


FAST, SLOW = ("0.25", "0.5"), ("0.5", "1")
NATIVE = Sides(Selectors(("canary_seconds",), bound=0.5), Selectors(("stable_seconds",), bound=0.5))


async def test_native_histograms_say_themselves_which_requests_were_slow(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    """One question a side and time; what was counted before the run isn't counted."""
    for after, fast, slow in ((-20, 800, 40), (-10, 810, 40), (0, 820, 41), (10, 900, 45)):
        memory.took("stable_seconds", after, (*FAST, fast), (*SLOW, slow))
    memory.took("canary_seconds", 10, (*FAST, 7), (*SLOW, 2))
    found = await counter.look(a_metric(server), NATIVE, Tally(NOW), at(11))
    assert isinstance(found, Look), found
    assert found.fresh == Counts(9, 2, 84, 4)
    again = await counter.look(a_metric(server), NATIVE, found.tally, at(12))
    assert isinstance(again, Look)
    assert again.fresh == Counts()


@pytest.mark.parametrize(
    ("sides", "says"),
    [
        (NATIVE, "the limit 0.5 lies inside a bucket of it, from 0.4 to 0.6"),
        (SIDES, "it is a native histogram; say so with latency.histogram: native, or with bound"),
    ],
)
async def test_what_a_native_histogram_cant_say_is_told(
    server: Server, memory: Memory, counter: PrometheusCounts, sides: Sides, says: str
) -> None:
    """I7: nothing is guessed within a bucket."""
    for name in ("canary_seconds", "canary_total"):
        memory.took(name, 10, ("0.4", "0.6", 3))
    found = await counter.look(a_metric(server), sides, Tally(NOW), at(11))
    assert isinstance(found, NotAnswered)
    assert says in str(found)


async def test_a_counter_is_no_native_histogram(
    server: Server, memory: Memory, counter: PrometheusCounts
) -> None:
    """The bound was meant for something else."""
    memory.scraped("canary_seconds", 10, 5)
    found = await counter.look(a_metric(server), NATIVE, Tally(NOW), at(11))
    assert "it is no native histogram; name one" in str(found)


def a_vector(*series: dict[str, Any], warnings: tuple[str, ...] = ()) -> bytes:
    data = {"resultType": "vector", "result": series}
    return json.dumps({"status": "success", "data": data, "warnings": warnings}).encode()


CLASSIC, ONE = (Histogram(("a_bucket",), native=native) for native in (False, True))


async def test_requests_below_each_bound_are_asked_for_at_the_start(
    server: Server, counter: PrometheusCounts
) -> None:
    """Of the hour before, by bound; several selectors are added up."""
    asked: list[dict[str, str]] = []

    def answer(query: dict[str, str]) -> tuple[int, bytes]:
        asked.append(query)
        found = [("+Inf", "50"), ("0.5", "49.5"), ("1", "50")]
        return 200, a_vector(*({"metric": {"le": le}, "value": [0, n]} for le, n in found))

    server.answers = answer
    histogram = Histogram(("a_bucket", "b_bucket"), native=False)
    found = await counter.below(a_metric(server), histogram, NOW)
    expected = ((Decimal("0.5"), 99.0), (Decimal(1), 100.0), (Decimal("Infinity"), 100.0))
    assert found == expected
    texts = [f"sum by (le) (increase({name}[1h]))" for name in histogram.buckets]
    assert [each["query"] for each in asked] == texts
    assert {float(each["time"]) for each in asked} == {NOW.timestamp()}


@pytest.mark.parametrize(
    ("body", "histogram", "says"),
    [
        (a_vector({"metric": {}, "value": [0, "1"]}), CLASSIC, "answered no histogram"),
        (a_vector({"metric": {"le": "x"}, "value": [0, "1"]}), CLASSIC, "answered no histogram"),
        (a_vector({"metric": {}, "value": [0, "1"]}), ONE, "it is no native histogram"),
        (a_vector(warnings=("a store is missing",)), CLASSIC, "a store is missing"),
    ],
)
async def test_what_is_no_histogram_chooses_no_limit(
    server: Server, counter: PrometheusCounts, body: bytes, histogram: Histogram, says: str
) -> None:
    """I7: it is no answer."""
    server.answers = lambda _: (200, body)
    found = await counter.below(a_metric(server), histogram, NOW)
    assert isinstance(found, NotAnswered)
    assert says in str(found)
