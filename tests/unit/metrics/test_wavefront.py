"""Wavefront: what the chart API is asked, and which point of a series is judged."""

import json
import math
from typing import Any

import pytest

from davy.analysis.answer import Answered
from davy.metrics import documents, wavefront
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import serving
from tests.unit.metrics.vendors import TOKEN, a_metric, answer, asked

ADDRESS = "https://example.wavefront.com/api/v2/chart/api"
AT = NOW.timestamp()


def read(*series: list[list[Any]], **beside: Any) -> Answered:
    """Of series with these points."""
    document = {"query": "q", "timeseries": [{"data": data} for data in series], **beside}
    return wavefront.read(json.dumps(document).encode(), ADDRESS, now=NOW)


async def test_what_is_sent() -> None:
    """The present in milliseconds, a point a series, the token in its header alone."""
    with serving() as server:
        server.body = b'{"timeseries": []}'
        await answer("wavefront", server)
    (sent,) = server.asked
    assert (sent["method"], sent["path"]) == ("GET", "/api/v2/chart/api")
    assert sent["authorization"] == f"Bearer {TOKEN}"
    now = str(int(AT) * 1000)
    assert (sent["q"], sent["s"], sent["e"], sent["p"]) == ('ts("errors")', now, now, "1")


def test_always_by_tls() -> None:
    """The address is a host, the key of its token."""
    assert asked(a_metric("wavefront"), wavefront).url == ADDRESS


def test_the_point_nearest_to_now() -> None:
    """Of one series a number, of several a list, as in Argo."""
    assert read([[AT - 60, 1], [AT - 5, 2], [AT - 120, 3]]) == Answered(2.0)
    assert read([[AT, 1]], [[AT, 2]]) == Answered([1.0, 2.0])


def test_an_old_point_is_no_value() -> None:
    """I7: a series that nobody writes any more says nothing of this canary; Argo judges it."""
    warned = ("the latest point of 1 series is older than 10 min",)
    assert read([[AT - 601, 1]]) == Answered(None, warned)
    assert read([[AT - 599, 1]]) == Answered(1.0)
    found = read([[AT, 1]], [[AT - 3600, 2]])
    assert found.warnings == warned
    assert isinstance(found.value, list)
    assert found.value[0] == 1.0
    assert isinstance(found.value[1], float)
    assert math.isnan(found.value[1])


def test_series_without_points_are_no_data() -> None:
    """I7: nil."""
    assert read([]) == Answered(None)
    assert read([], []) == Answered(None)
    assert read([[AT, None]]) == Answered(None)


def test_warnings_are_told() -> None:
    """What Wavefront says against its own answer."""
    assert read([[AT, 1]], warnings="2 points dropped") == Answered(1.0, ("2 points dropped",))


def test_an_error_with_status_200() -> None:
    """With Wavefront's words."""
    with pytest.raises(documents.Unreadable, match="refused the query") as caught:
        read(errorType="QuerySyntaxError", errorMessage="Missing ts()")
    assert caught.value.answer.said == "Missing ts()"


@pytest.mark.parametrize("point", [1, [1], [AT, "1"], [None, 1], [AT, 1, 2]])
def test_a_point_that_is_none(point: Any) -> None:
    """Nothing is judged then."""
    with pytest.raises(documents.Unreadable, match="isn't Wavefront's JSON"):
        read([[AT, 1]], [point])


def test_more_series_than_are_read() -> None:
    """The bound of every list."""
    with pytest.raises(documents.Unreadable, match="10001 series; at most 10000"):
        read(*[[[AT, 1]]] * 10_001)
