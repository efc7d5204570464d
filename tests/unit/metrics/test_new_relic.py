"""New Relic: the GraphQL question, by region and account, and its results."""

import json
from typing import Any

import pytest

from davy.analysis.answer import Answered, NotAnswered
from davy.metrics import documents, new_relic
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import serving
from tests.unit.metrics.vendors import TOKEN, a_metric, answer, asked

ADDRESS = "https://api.newrelic.com/graphql"


def read(*results: Any) -> Answered:
    """Of these results."""
    document = {"data": {"actor": {"account": {"nrql": {"results": results}}}}}
    return new_relic.read(json.dumps(document).encode(), ADDRESS)


async def test_what_is_sent() -> None:
    """Query, account and time as variables: nothing of them is part of the GraphQL."""
    nrql = 'SELECT count(*) FROM Transaction WHERE name = "} } evil"'
    with serving() as server:
        server.body = b'{"data": {"actor": {"account": {"nrql": {"results": []}}}}}'
        await answer("newRelic", server, a_metric("newRelic", query=nrql, timeout=20))
    (sent,) = server.asked
    assert (sent["method"], sent["path"], sent["api-key"]) == ("POST", "/graphql", TOKEN)
    body = json.loads(sent["body"])
    assert body["variables"] == {"account": 123, "nrql": nrql, "seconds": 20}
    assert "evil" not in body["query"]


@pytest.mark.parametrize(
    ("secret", "url"),
    [
        ({}, ADDRESS),
        ({"region": "US"}, ADDRESS),
        ({"region": "eu"}, "https://api.eu.newrelic.com/graphql"),
        ({"base-url-nerdgraph": "http://proxy:8080/graphql"}, "http://proxy:8080/graphql"),
    ],
)
def test_where_it_is_asked(secret: dict[str, str], url: str) -> None:
    """The Secret says it."""
    assert asked(a_metric("newRelic", secret=secret), new_relic).url == url


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ({"region": "mars"}, "key region of Secret newrelic is not us or eu"),
        ({"account-id": "12a"}, "key account-id of Secret newrelic is not the account's number"),
    ],
)
def test_a_secret_that_doesnt_fit(secret: dict[str, str], says: str) -> None:
    """Nobody is asked; the sentence names Secret and key."""
    found = new_relic.request(a_metric("newRelic", secret=secret), NOW)
    assert isinstance(found, NotAnswered)
    assert found.why == f"New Relic wasn't asked: {says}"


def test_one_result_is_a_map_and_several_a_list() -> None:
    """As in Argo."""
    assert read({"bad": 0.5}) == Answered({"bad": 0.5})
    assert read({"bad": 1}, {"bad": 2}) == Answered([{"bad": 1}, {"bad": 2}])


def test_an_empty_result_is_no_data() -> None:
    """I7: neither a map without fields nor no result says anything."""
    assert read() == Answered([])
    assert read({}) == Answered({})


def test_an_error_with_status_200() -> None:
    """NRQL that can't be read, or an account that isn't the key's."""
    document = {"data": {"actor": {"account": None}}, "errors": [{"message": "NRQL Syntax Error"}]}
    with pytest.raises(documents.Unreadable, match="/graphql refused the query") as caught:
        new_relic.read(json.dumps(document).encode(), ADDRESS)
    assert caught.value.answer.said == "NRQL Syntax Error"
