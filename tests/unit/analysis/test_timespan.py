"""The times of a range query."""

from datetime import UTC, datetime, timedelta

import pytest

from davy.analysis import timespan
from davy.api.errors import ConditionError
from davy.api.providers import RangeQuery
from tests.unit.analysis.runs import NOW


@pytest.mark.parametrize(
    ("source", "instant"),
    [
        ("now()", NOW),
        (' now() - duration("5m") ', NOW - timedelta(minutes=5)),
        ("now() - duration('1h30m') + duration(`500ms`)", NOW - timedelta(seconds=5399.5)),
        ('duration("5m") + now()', NOW + timedelta(minutes=5)),
        ('now() + duration("-5m")', NOW - timedelta(minutes=5)),
        ('now() - (duration("5m") - duration("1m"))', NOW - timedelta(minutes=4)),
        (
            'now() - (now() - date("2026-01-02T03:04:05Z"))',
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        ('date("2026-01-02T05:04:05+02:00")', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_an_instant(source: str, instant: datetime) -> None:
    """As Argo's users write it."""
    assert timespan.instant(source, NOW) == instant


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("  ", "is empty; write e.g. now()"),
        ("now(", "the expression breaks off"),
        ("now", "takes now(), date(…), duration(…), + and - only (at character 0)"),
        ("5", "takes now(), date"),
        ("result", "takes now(), date"),
        ("now(1)", "not now(…)"),
        ('-duration("5m")', "takes now(), date(…), duration(…), + and - only (at character 0)"),
        ('now() - "+"', "takes now(), date(…), duration(…), + and - only (at character 8)"),
        ("date(now)", "takes one text in date(…) (at character 0)"),
        ('date("2026-01-02T03:04:05Z", now())', "takes one text in date(…) (at character 0)"),
        ("len(now())", "takes now(), date(…) and duration(…), not len(…)"),
        ('duration("5m")', "is a length of time; write an instant"),
        ("now() - now()", "is a length of time; write an instant"),
        ("now() + now()", "can't do an instant + an instant (at character 6)"),
        ('duration("1m") - now()', "can't do a length of time - an instant"),
        ('now() * duration("1m")', "takes now(), date"),
        ('now() - duration("often")', "has duration(…) in which 'often' is not a duration"),
        ("now() - duration(5)", "takes one text in duration(…)"),
        ("now() - duration()", "takes one text in duration(…)"),
        ('date("2026-01-02")', "has date(…) in which '2026-01-02' is no instant; write e.g."),
        ('date("0001-01-01T00:00:00+23:59")', "is no instant"),
        ('date("0001-01-02T00:00:00Z") - duration("48h")', "is beyond the calendar"),
    ],
)
def test_what_is_no_instant(source: str, says: str) -> None:
    """A sentence with the place, never an exception of another kind."""
    with pytest.raises(ConditionError) as error:
        timespan.instant(source, NOW)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("source", "position"), [(" ", 0), ("now(", 4), ("now() + now()", 6), ("now() - now(1)", 8)]
)
def test_where_it_is_wrong(source: str, position: int) -> None:
    """For who marks the place."""
    with pytest.raises(ConditionError) as error:
        timespan.instant(source, NOW)
    assert error.value.position == position


def a_query(
    start: str = 'now() - duration("5m")', end: str = "now()", step: str = "1m"
) -> RangeQuery:
    """The last five minutes, unless told otherwise."""
    return RangeQuery(start=start, end=end, step=step)


def test_a_span() -> None:
    """From the present of the question."""
    span = timespan.of(a_query(), NOW)
    assert (span.start, span.end) == (NOW - timedelta(minutes=5), NOW)
    assert span.step == timedelta(minutes=1)
    assert [*timespan.check(a_query())] == []


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        (a_query(start="now("), "start", "breaks off"),
        (a_query(end="5"), "end", "takes now()"),
        (a_query(step="1x"), "step", "'1x' is not a duration"),
        (a_query(step="0s"), "step", "is 0s; write more than nothing"),
        (a_query(start="now()", end='now() - duration("1s")'), "end", "is before start; exchange"),
        (a_query(start='now() - duration("3h")', step="1s"), "step", "asks for 10801 points"),
        (a_query(step="1ns"), "step", "write more than nothing"),
    ],
)
def test_a_span_that_cannot_be_asked_for(query: RangeQuery, field: str, says: str) -> None:
    """Found when the template is checked, and named again when it is asked."""
    with pytest.raises(ConditionError) as error:
        timespan.of(query, NOW)
    assert str(error.value).startswith(f"rangeQuery.{field}: ")
    assert says in str(error.value)
    ((name, message),) = timespan.check(query)
    assert (name, says in message) == (field, True)


def test_the_distance_to_a_date_is_known_when_it_is_asked() -> None:
    """A template with a date is good today and asks for too much next year."""
    query = a_query(start='date("2026-05-04T13:00:00Z")', step="1s")
    assert [*timespan.check(query)] == []
    assert timespan.of(query, NOW).start == NOW - timedelta(hours=1)
    with pytest.raises(ConditionError, match="give a longer one"):
        timespan.of(query, NOW + timedelta(days=1))


def test_the_bounds_of_a_span() -> None:
    """One instant is a span; ten thousand points are read, one more isn't."""
    instant = timespan.of(a_query(start="now()"), NOW)
    assert instant.start == instant.end
    timespan.of(a_query(start='now() - duration("9999s")', step="1s"), NOW)
    with pytest.raises(ConditionError, match="asks for 10001 points of each series; at most 10000"):
        timespan.of(a_query(start='now() - duration("10000s")', step="1s"), NOW)
