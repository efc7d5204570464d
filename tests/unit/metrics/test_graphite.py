"""Graphite: what is asked of the render API, and which of its points are judged."""

import json
from typing import Any

import pytest

from davy.analysis.answer import Answered
from davy.metrics import documents, graphite
from tests.unit.metrics.server import serving
from tests.unit.metrics.vendors import a_metric, answer, asked

ADDRESS = "http://graphite:8080/render"


def read(*series: list[Any]) -> Answered:
    """Of series with these values, a minute apart."""
    document = [
        {
            "target": "a",
            "datapoints": [[value, 60 * place] for place, value in enumerate(values)],
        }
        for values in series
    ]
    return graphite.read(json.dumps(document).encode(), ADDRESS)


async def test_what_is_sent() -> None:
    """The query's own parameters, its line breaks as blanks, and always JSON."""
    query = "target=sumSeries(\n  app.{a,b}.errors\n)&from=-5min&format=png&until=now"
    with serving() as server:
        server.body = b"[]"
        await answer("graphite", server, a_metric("graphite", query=query))
    (sent,) = server.asked
    assert (sent["method"], sent["path"], sent["body"]) == ("GET", "/render", "")
    assert sent["target"] == "sumSeries( app.{a,b}.errors )"
    assert (sent["from"], sent["until"], sent["format"]) == ("-5min", "now", "json")


def test_a_path_stays() -> None:
    """Graphite behind a proxy's path."""
    request = asked(a_metric("graphite", address="https://metrics.example.com/graphite/"), graphite)
    assert request.url == "https://metrics.example.com/graphite/render"


def test_nulls_are_left_out() -> None:
    """As in Argo: minutes without a value are no values."""
    assert read([None, 1, None, 2.5, None]) == Answered([1.0, 2.5])


def test_nothing_but_nulls_is_no_data() -> None:
    """I7: an empty list, of which no condition takes a value."""
    assert read([None, None]) == Answered([])


def test_the_first_of_several_series_is_judged() -> None:
    """As in Argo, but not in silence."""
    why = "the query leads to 2 series; the first is judged"
    assert read([1], [2]) == Answered([1.0], (why,))


def test_more_points_than_are_read() -> None:
    """The sentence says how to ask for fewer."""
    with pytest.raises(documents.Unreadable, match="answered 10001 values; at most 10000 are read"):
        read([1] * 10_001)


@pytest.mark.parametrize("value", ["1", True, [], 10**400])
def test_a_value_that_is_no_number(value: Any) -> None:
    """Not taken for one, nor left out."""
    with pytest.raises(documents.Unreadable, match="isn't Graphite's JSON"):
        read([1, value])
