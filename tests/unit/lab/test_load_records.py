from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.load_records import Counts, MadeBy, Request, Share, Window, at_quantile

START = datetime(2030, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def answered(
    number: int = 0, version: str = "v1", status: int = 200, *, late: float = 0.0
) -> Request:
    """By the app, 10 ms after it was sent at second `number`."""
    return Request(number, at(number), late, 0.01, MadeBy.APP, status, version, f"{version}-pod")


def by_proxy(number: int, status: int = 503) -> Request:
    return Request(number, at(number), 0.0, 0.01, MadeBy.PROXY, status)


def unanswered(number: int) -> Request:
    error = "connection closed before the answer"
    return Request(number, at(number), 0.0, 10.0, MadeBy.NONE, error=error)


ends = st.sampled_from([answered, lambda n: answered(n, status=500), by_proxy, unanswered])


@given(st.lists(ends), st.randoms())
def test_every_request_is_counted_once_whatever_came_of_it(
    kinds: list[Callable[[int], Request]], random: Random
) -> None:
    """What was sent is ok or failed, in any order of arrival; the windows add up to the whole."""
    requests = [kind(number) for number, kind in enumerate(kinds)]
    random.shuffle(requests)
    window = Window()
    for request in requests:
        window.add(request)
    counts = window.counts()
    assert counts.sent == counts.ok + counts.failed == len(kinds)
    assert [each.number for each in window] == list(range(len(kinds)))
    middle = at(len(kinds) // 2)
    first, second = window.between(until=middle), window.between(since=middle)
    assert [*first, *second] == list(window)


def test_a_proxys_503_is_not_the_apps_500() -> None:
    """Who made an error is told by the app's mark, not by the status."""
    window = Window([answered(0, status=500), by_proxy(1), by_proxy(2, status=404), unanswered(3)])
    assert window.counts() == Counts(ok=0, app_errors=1, proxy_errors=2, unanswered=1)


def test_only_the_errors_the_bad_canary_made_itself_are_forgiven() -> None:
    """outside="v2" leaves out v2's own 500s; a 503 on the way to v2 is nobody's but ours."""
    lost, broken, other = by_proxy(1), unanswered(2), answered(3, "v1", 500)
    window = Window([answered(0, "v2", 500), lost, broken, other, answered(4, "v2")])
    assert window.failed(outside="v2") == (lost, broken, other)
    assert len(window.failed()) == 4


def test_a_window_goes_by_when_a_request_was_sent() -> None:
    """From `since` on and before `until`; when it was due or answered doesn't matter."""
    window = Window([answered(0), answered(1, late=0.5), answered(2)])
    assert [each.number for each in window.between(at(1), at(2))] == [1]
    assert window.requests[1].due_at == at(0.5)


def test_the_share_leaves_out_what_reached_no_version() -> None:
    """A proxy's answer has no version, so it is no part of the split."""
    window = Window([answered(0, "v1"), answered(1, "v2"), by_proxy(2), unanswered(3)])
    assert window.share("v2") == Share("v2", 1, 2)
    assert window.share("v2").value == 0.5


def test_no_request_agrees_with_no_weight() -> None:
    """I7 holds for our own tests too: an empty sample is no proof of a split."""
    assert not Share("v2", 0, 0).agrees(0)
    assert not Share("v2", 0, 0).agrees(10)


def test_latency_counts_from_when_the_request_was_due() -> None:
    """A generator that is held up must not make the service look fast."""
    window = Window([answered(0), answered(1, late=2.0)])
    assert window.latency(1.0) == pytest.approx(2.01)
    assert window.lateness(1.0) == pytest.approx(2.0)
    assert window.lateness(0.5) == 0


@pytest.mark.parametrize(
    ("quantile", "value"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.99, 4), (1.0, 4)]
)
def test_a_quantile_is_a_value_that_was_seen(quantile: float, value: float) -> None:
    """The nearest rank: never a value between two requests."""
    assert at_quantile([4, 2, 1, 3], quantile) == value


@pytest.mark.parametrize("request_", [answered(7, late=0.25), by_proxy(8), unanswered(9)])
def test_a_record_survives_the_pipe(request_: Request) -> None:
    """The generator's line and the test's record are the same."""
    assert Request.from_json(request_.as_json()) == request_


def test_versions_are_counted_apart() -> None:
    """A table of releases needs each version's own counts."""
    window = Window([answered(0, "v1"), answered(1, "v2", 500), answered(2, "v2")])
    assert window.versions() == {"v1": Counts(ok=1), "v2": Counts(ok=1, app_errors=1)}


def test_what_happened_fits_in_a_line() -> None:
    """The message of a failed wait says how the load went."""
    window = Window([answered(0), by_proxy(1)])
    assert window.describe() == (
        "2 sent, 1 failed (1 proxy errors); v1: 1 sent, 0 failed; generator late by 0.0 ms (99 %)"
    )
    assert Window().describe() == "no request sent"
