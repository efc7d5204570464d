"""Datadog: both versions of its interface, and which number of an answer is judged."""

import json
from typing import Any

import pytest

from davy.analysis.answer import Answered
from davy.metrics import datadog, documents
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import serving
from tests.unit.metrics.vendors import TOKEN, a_metric, answer, asked

ADDRESS = "https://api.datadoghq.com/api/v1/query"
END = int(NOW.timestamp())


def v1(*series: list[Any]) -> Answered:
    """Of series with these values."""
    found = [{"pointlist": [[1.7e12, value] for value in values]} for values in series]
    return datadog.read_v1(json.dumps({"status": "ok", "series": found}).encode(), ADDRESS)


def v2(*columns: dict[str, Any]) -> Answered:
    """Of a scalar answer."""
    document = {"data": {"type": "scalar_response", "attributes": {"columns": columns}}}
    return datadog.read_v2(json.dumps(document).encode(), ADDRESS)


async def test_what_v1_is_asked() -> None:
    """The interval up to now, in seconds; keys in their headers alone."""
    with serving() as server:
        server.body = b'{"series": []}'
        await answer("datadog", server, a_metric("datadog", interval="90s"))
    (sent,) = server.asked
    assert (sent["method"], sent["path"]) == ("GET", "/api/v1/query")
    assert (sent["from"], sent["to"], sent["query"]) == (str(END - 90), str(END), "avg:errors{*}")
    assert (sent["dd-api-key"], sent["dd-application-key"]) == ("an-api-key", TOKEN)


async def test_what_v2_is_asked() -> None:
    """Named queries, what is made of them, and milliseconds."""
    metric = a_metric(
        "datadog",
        without="query",
        apiVersion="v2",
        queries={"bad": "sum:errors{*}", "all": "sum:requests{*}"},
        formula="bad / all",
        aggregator="sum",
    )
    with serving() as server:
        server.body = b'{"data": {"attributes": {"columns": []}}}'
        await answer("datadog", server, metric)
    (sent,) = server.asked
    assert (sent["method"], sent["path"]) == ("POST", "/api/v2/query/scalar")
    data = json.loads(sent["body"])["data"]
    assert data["type"] == "scalar_request"
    assert data["attributes"] == {
        "from": (END - 300) * 1000,
        "to": END * 1000,
        "formulas": [{"formula": "bad / all"}],
        "queries": [
            {"data_source": "metrics", "name": name, "query": query, "aggregator": "sum"}
            for name, query in (("bad", "sum:errors{*}"), ("all", "sum:requests{*}"))
        ],
    }


def test_one_query_of_v2_has_no_formula() -> None:
    """And takes the last value unless told otherwise, as in Argo."""
    request = asked(a_metric("datadog", apiVersion="v2"), datadog)
    assert request.json is not None
    attributes = request.json["data"]["attributes"]
    assert "formulas" not in attributes
    assert [query["aggregator"] for query in attributes["queries"]] == ["last"]


def test_another_site() -> None:
    """The Secret says which; without it Datadog's first."""
    assert asked(a_metric("datadog"), datadog).url == ADDRESS
    metric = a_metric("datadog", secret={"address": "https://api.datadoghq.eu/"})
    assert asked(metric, datadog).url == "https://api.datadoghq.eu/api/v1/query"


def test_the_last_point_of_the_first_series() -> None:
    """As in Argo, but not in silence."""
    assert v1([1, 2.5]) == Answered(2.5)
    why = "the query leads to 2 series; the first is judged"
    assert v1([1], [2]) == Answered(1.0, (why,))


def test_a_last_point_without_a_value_is_no_data() -> None:
    """I7: Argo reads a null as 0, which passes."""
    assert v1([1, None]) == Answered(None)
    assert v1([]) == Answered(None)


def test_an_error_of_v1_with_status_200() -> None:
    """With Datadog's words."""
    body = json.dumps({"status": "error", "error": "Error parsing query", "series": []}).encode()
    with pytest.raises(documents.Unreadable, match="/api/v1/query refused the query") as caught:
        datadog.read_v1(body, ADDRESS)
    assert caught.value.answer.said == "Error parsing query"


def test_the_first_number_of_v2() -> None:
    """Columns of groups are names."""
    groups = {"type": "group", "name": "env", "values": [["prod"], ["test"]]}
    assert v2({"type": "number", "values": [0.5]}) == Answered(0.5)
    why = "the query leads to 2 groups; the first is judged"
    assert v2(groups, {"type": "number", "values": [1, 2]}) == Answered(1.0, (why,))


def test_no_number_of_v2_is_no_data() -> None:
    """I7: no column, no value, or null."""
    assert v2() == Answered(None)
    assert v2({"type": "number", "values": []}) == Answered(None)
    assert v2({"type": "number", "values": [None]}) == Answered(None)


@pytest.mark.parametrize(
    "document", [{"errors": ["no such metric"]}, {"data": {"errors": "no such metric"}}]
)
def test_an_error_of_v2_with_status_200(document: Any) -> None:
    """In either place."""
    with pytest.raises(documents.Unreadable, match="refused the query") as caught:
        datadog.read_v2(json.dumps(document).encode(), ADDRESS)
    assert "no such metric" in caught.value.answer.said


@pytest.mark.parametrize("value", ["1", True, [1]])
def test_a_value_that_is_no_number(value: Any) -> None:
    """Not taken for one."""
    with pytest.raises(documents.Unreadable, match="isn't Datadog's JSON"):
        v1([value])
    with pytest.raises(documents.Unreadable, match="isn't Datadog's JSON"):
        v2({"type": "number", "values": [value]})
