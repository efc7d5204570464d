"""The raw counters of both sides, asked of Prometheus for one look.

For each selector two instant queries with an explicit time: the raw samples since the tally's
`since`, and the last value before that. A look is one question of the asker, so all its queries
share one time limit and one login.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException

from davy.analysis import counters, quantile
from davy.analysis.answer import Answered, NotAnswered
from davy.analysis.counters import Look, Read, Selectors, Series, Side, Sides, Tally
from davy.analysis.quantile import Histogram
from davy.api.analysis import Metric
from davy.api.providers import PrometheusMetric
from davy.metrics import native, prometheus, wire
from davy.metrics.asking import Question
from davy.metrics.line import Session, Timeout, TooLong
from davy.metrics.native import Reader, counted
from davy.metrics.prometheus import SERIES, Prometheus

BEFORE: Final = "1h"
"""How long a counter may be without a sample, and is then still the same one."""
LONGEST: Final = timedelta(hours=1)
"""What is asked for at once, after a break; less where the answer would be too long."""
SHORTEST: Final = timedelta(minutes=1)
STRETCHES: Final = 16
"""In one look, after a break; the next look goes on from there."""

_REFUSED: Final = 400
_NATIVE: Final = {"value": "histogram", "values": "histograms"}
_PLAIN: Final = (
    'write counters with their labels, such as http_requests_total{code=~"5.."}, '
    "without range, function or operator"
)


@dataclass(frozen=True)
class _Window:
    """The time of one stretch, in milliseconds."""

    since: int
    at: int
    count: bool
    """Ask how many samples there were before, too."""


class _TooMuch(Exception):
    """More points than are read."""


class _Refused(Exception):
    """Prometheus answered, but nothing that can be counted."""

    def __init__(self, answer: NotAnswered) -> None:
        super().__init__(str(answer))
        self.answer = answer


class PrometheusCounts(Prometheus):
    """Prometheus as a provider that has counters, too."""

    async def look(
        self, metric: Metric, sides: Sides, tally: Tally, now: datetime
    ) -> Look | NotAnswered:
        """What both sides counted and wasn't told yet; every failure is a sentence.

        After a failure the same tally is to be used again: nothing is lost.

        Args:
            metric: says where Prometheus is and how to log in; its args are filled in.
            sides: what is counted, args filled in.
            tally: of the look before; of a run's first look, one with its start.
            now: the present.
        """
        query = metric.provider.prometheus
        if query is None:
            return NotAnswered(f"metric {metric.name} names no Prometheus")
        told = tally.told
        found = await self._stretch(query, sides, tally, now)
        for _ in range(STRETCHES - 1):
            if isinstance(found, NotAnswered) or found.counted_to >= now:
                break
            further = await self._stretch(query, sides, found.tally, now)
            if isinstance(further, NotAnswered):
                break
            found = replace(further, fresh=further.tally.told - told)
        return found

    async def below(
        self, metric: Metric, histogram: Histogram, at: datetime
    ) -> tuple[tuple[Decimal, float], ...] | NotAnswered:
        """See `Ranking.below`."""
        query = metric.provider.prometheus
        if query is None:
            return NotAnswered(f"metric {metric.name} names no Prometheus")
        put = partial(_put_below, query, histogram, counters.milliseconds(at))
        answer = await self._asker.ask(_question(query, put))
        if isinstance(answer, NotAnswered):
            return answer
        where = wire.shown(query.address)
        try:
            return native.below(answer.value) if histogram.native else _below(answer.value)
        except ValueError as error:
            return NotAnswered(f"{where} has no histogram to choose a limit by: {error}")
        except (TypeError, KeyError, IndexError, AttributeError, ArithmeticError):
            return NotAnswered(f"{where} answered no histogram to choose a limit by")

    async def _stretch(
        self, query: PrometheusMetric, sides: Sides, tally: Tally, now: datetime
    ) -> Look | NotAnswered:
        length = min(max(now - tally.since, counters.MILLISECOND), LONGEST)
        while True:
            at = tally.since + length
            window = _Window(
                counters.milliseconds(tally.since),
                counters.milliseconds(at),
                count=tally.watched is None,
            )
            answer = await self._asker.ask(_question(query, partial(_put, query, sides, window)))
            if isinstance(answer, NotAnswered):
                return answer
            if answer.value is not None:
                break
            if length <= SHORTEST:
                return NotAnswered(_too_much(query, length))
            length = max(length / 2, SHORTEST)
        where = wire.shown(query.address)
        try:
            return counters.look(_both(answer.value, sides, window), tally, at, now)
        except ValueError as error:
            return NotAnswered(f"{where} has no counts to compare: {error}")
        except (TypeError, KeyError, IndexError, AttributeError):
            return NotAnswered(f"{where} answered no samples of counters; {_PLAIN}")


def _question(
    query: PrometheusMetric, put: Callable[[Session, Timeout], Answered | NotAnswered]
) -> Question:
    return Question(
        address=query.address,
        seconds=query.timeout,
        insecure=query.insecure,
        ca_cert=query.ca_cert,
        authentication=query.authentication,
        put=put,
    )


def _put_below(
    query: PrometheusMetric, histogram: Histogram, at: int, session: Session, timeout: Timeout
) -> Answered | NotAnswered:
    """What each selector's buckets rose by in the time before."""
    session.headers["Connection"] = "keep-alive"
    ask = _Asking(query, prometheus.connected(query, session), session, timeout)
    by = "" if histogram.native else " by (le)"
    texts = [f"sum{by} (increase({text}[{quantile.WINDOW}]))" for text in histogram.buckets]
    try:
        return Answered([ask.vector("stable's histogram", text, at) for text in texts])
    except _Refused as refused:
        return refused.answer


def _below(answers: Any) -> tuple[tuple[Decimal, float], ...]:
    """Requests up to each bound of classic histograms, added up."""
    found: dict[Decimal, float] = {}
    for vector in answers:
        for one in vector:
            bound = Decimal(one["metric"]["le"])
            found[bound] = found.get(bound, 0.0) + prometheus.number(one["value"][1])
    return tuple(sorted(found.items()))


def _put(
    query: PrometheusMetric, sides: Sides, window: _Window, session: Session, timeout: Timeout
) -> Answered | NotAnswered:
    """What Prometheus has for each selector, as it came; None: more than is read."""
    session.headers["Connection"] = "keep-alive"  # one handshake for a dozen queries
    ask = _Asking(query, prometheus.connected(query, session), session, timeout)
    try:
        return Answered([ask.selector(*one, window) for one in _selectors(sides)])
    except (_TooMuch, TooLong):
        return Answered(None)
    except _Refused as refused:
        return refused.answer


@dataclass
class _Asking:
    """The queries of one stretch."""

    query: PrometheusMetric
    client: PrometheusConnect
    session: Session
    timeout: Timeout
    points: int = 0

    def selector(self, name: str, text: str, window: _Window) -> list[Any]:
        """The vector of last values before, of how many there were, and the matrix since."""
        before = self._ask(name, f"last_over_time({text}[{BEFORE}])", window.since, "vector")
        count = f"count_over_time({text}[{BEFORE}])"
        earlier = self._ask(name, count, window.since, "vector") if window.count else []
        since = f"{text}[{window.at - window.since}ms]"
        return [before, earlier, self._ask(name, since, window.at, "matrix")]

    def vector(self, name: str, text: str, at: int) -> list[Any]:
        """The series of an expression at a time."""
        return self._ask(name, text, at, "vector")

    def _ask(self, name: str, text: str, at: int, kind: str) -> list[Any]:
        where = wire.shown(self.query.address)
        params = {
            "time": f"{at // 1000}.{at % 1000:03}",
            "timeout": f"{self.query.timeout}s",
        }
        try:
            self.client.custom_query(text, params=params, timeout=self.timeout)
        except PrometheusApiClientException as error:
            if self.session.status != _REFUSED:
                raise
            said = wire.sentence(error, self.session, self.query.address, self.query.timeout).said
            raise _Refused(NotAnswered(f"{where} can't read {name}; {_PLAIN}", said)) from error
        results = prometheus.results_of(self.session.body, where)
        if isinstance(results, NotAnswered):
            raise _Refused(results)
        if results.warnings:  # a store that is missing would look like counters that are new
            why = f"{where} warns of its own answer to {name}, and a part isn't counted"
            raise _Refused(NotAnswered(why, "; ".join(results.warnings)))
        if results.kind != kind or not isinstance(results.found, list):
            raise _Refused(NotAnswered(f"{where} has no samples of {name}; {_PLAIN}"))
        self.points += prometheus.points(results.found)
        if self.points > SERIES:
            raise _TooMuch
        return results.found


def _selectors(sides: Sides) -> list[tuple[str, str]]:
    """Each with its name; the requests of both sides before all others (`counters.Read`).

    Native histograms of requests say themselves which failed.
    """
    named = (("canary", sides.canary), ("stable", sides.stable))
    requests = [(f"the {side}'s requests", one) for side, of in named for one in of.requests]
    others = [(f"the {side}'s errors", one) for side, of in named for one in of.errors or of.good]
    return requests + others


def _both(answers: Any, sides: Sides, window: _Window) -> Read:
    """The series of both sides.

    Raises:
        ValueError: a sample is no count.
    """
    left = list(answers)
    asked = len(sides.canary.requests)
    canary, left = left[:asked], left[asked:]
    asked = len(sides.stable.requests)
    stable, left = left[:asked], left[asked:]
    asked = len(sides.canary.errors or sides.canary.good)
    return Read(
        _side(sides.canary, canary, left[:asked], window),
        _side(sides.stable, stable, left[asked:], window),
    )


def _side(of: Selectors, requests: list[Any], other: list[Any], window: _Window) -> Side:
    if of.bound is not None:
        good = native.up_to(of.bound)
        return Side(_merged(requests, window, native.all_of), good=_merged(requests, window, good))
    counted, others = _merged(requests, window, _count), _merged(other, window, _count)
    return Side(counted, good=others) if of.good else Side(counted, errors=others)


def _merged(answers: list[Any], window: _Window, read: Reader) -> tuple[Series, ...]:
    """The series of several selectors; one that two of them find is there once."""
    found = {
        series.labels: series
        for before, earlier, since in answers
        for series in _series(before, earlier, since, window, read)
    }
    return tuple(found.values())


def _series(before: Any, earlier: Any, since: Any, window: _Window, read: Reader) -> list[Series]:
    values = {_labels(one): read(_of(one, "value")[1]) for one in before}
    numbers = {_nameless(_labels(one)): _count(one["value"][1]) for one in earlier}
    samples = {_labels(one): _samples(_of(one, "values"), window, read) for one in since}
    return [
        Series(
            labels,
            samples.get(labels, ()),
            values.get(labels),
            numbers.get(_nameless(labels)) or 0,
        )
        for labels in {**values, **samples}
    ]


def _of(one: Any, name: str) -> Any:
    """The samples of a series: of a float, or of a native histogram."""
    return one[name] if name in one else one[_NATIVE[name]]


def _samples(points: Any, window: _Window, read: Reader) -> tuple[tuple[int, int], ...]:
    """Those after `since`: a range is closed at its start before Prometheus 3, and open since."""
    found = ((round(at * 1000), read(sample)) for at, sample in points)
    return tuple((at, value) for at, value in found if value is not None and at > window.since)


def _count(sample: Any) -> int | None:
    """The number of a sample, rounded down; None: NaN.

    Raises:
        ValueError: it counts nothing.
    """
    if isinstance(sample, dict):
        why = "it is a native histogram; say so with latency.histogram: native, or with bound"
        raise ValueError(why)  # noqa: TRY004 - what Prometheus has, not what was passed
    return counted(sample)


def _labels(series: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name), str(value)) for name, value in series["metric"].items()))


def _nameless(labels: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Without the name, as functions of PromQL leave a series."""
    return tuple(label for label in labels if label[0] != "__name__")


def _too_much(query: PrometheusMetric, length: timedelta) -> str:
    return (
        f"{wire.shown(query.address)} has more than {SERIES} samples within {length.seconds} s; "
        "name fewer series, by namespace and by one place of measuring (reporter, job)"
    )
