"""What holds of every vendor's provider, against answers that are good, empty, bad or none."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from davy.analysis import judge
from davy.analysis.answer import HIDDEN, Answered, NotAnswered
from davy.api.analysis import Phase
from davy.metrics import wire
from davy.metrics.line import BODY_LIMIT
from davy.metrics.one_request import OneRequest
from davy.metrics.registry import BUILT_IN, Registry
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import Server, a_free_port, serving
from tests.unit.metrics.vendors import TOKEN, VENDORS, a_metric, answer, asking

EACH = pytest.mark.parametrize("name", VENDORS)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that the test sets up."""
    with serving() as made:
        yield made


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Davy's own machine: in a region of AWS, with keys."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", TOKEN)


def test_every_vendor_is_tested_here() -> None:
    """A provider that is one request has its row in the tables of this file."""
    others = {"prometheus", "web", "kayenta"}
    assert set(VENDORS) == set(BUILT_IN) - others


@EACH
def test_the_registry_knows_it(name: str) -> None:
    """Under the name that users write."""
    assert isinstance(Registry().provider_for(a_metric(name)), OneRequest)


@EACH
async def test_a_value(name: str, server: Server) -> None:
    """As Argo has `result`."""
    server.body = VENDORS[name].good.encode()
    vendor = VENDORS[name]
    assert await answer(name, server) == Answered(vendor.value, secret=vendor.hides)


@EACH
async def test_no_data_is_no_evidence(name: str, server: Server) -> None:
    """I7: a condition that reads what isn't there is neither true nor false."""
    server.body = VENDORS[name].empty.encode()
    found = await answer(name, server)
    assert found == Answered(VENDORS[name].nothing, secret=VENDORS[name].hides)
    conditions = ("result > 0", "result[0] < 1", "all(result, # < 1)", "result.bad < 1")
    for condition in conditions:
        metric = a_metric(name).model_copy(update={"success_condition": condition})
        judged = judge.measurement(metric, found, limit=None)
        assert judged.phase is Phase.INCONCLUSIVE, condition
        assert judged.missing is not None


@EACH
@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
async def test_an_error_is_no_answer(name: str, status: int, server: Server) -> None:
    """It says which, with the provider's own words, and nothing of the login."""
    server.status, server.body = status, b'{"errors": ["the query is wrong"], "code": 1}'
    found = await answer(name, server)
    assert isinstance(found, NotAnswered)
    said = HIDDEN if VENDORS[name].hides else "the query is wrong"
    assert f" answered {status}: {said}" in str(found)
    assert TOKEN not in str(found)


@EACH
async def test_throttling_says_what_to_do(name: str, server: Server) -> None:
    """With the rest that the server wants."""
    server.status, server.body = 429, b'{"message": "rate limit"}'
    server.headers = {"Retry-After": "30"}
    found = await answer(name, server)
    assert isinstance(found, NotAnswered)
    assert found.why.endswith(
        "answered 429: it is asked too often, and wants to be left alone for 30 s; give the metric "
        "a longer interval"
    )
    assert found.said == (HIDDEN if VENDORS[name].hides else "rate limit")
    assert found.rest == timedelta(seconds=30)


@pytest.mark.parametrize("after", ["Wed, 21 Oct 2026 07:28:00 GMT", "-5", "1.5", "9999999", ""])
async def test_a_rest_that_is_no_number_isnt_told(after: str, server: Server) -> None:
    """A date, or nonsense; the sentence stands without it."""
    server.status, server.headers = 429, {"Retry-After": after}
    found = await answer("datadog", server)
    assert isinstance(found, NotAnswered)
    assert "asked too often; give the metric" in str(found)
    assert found.rest == timedelta()


@EACH
@pytest.mark.parametrize(
    "body",
    [
        b"<html>log in</html>",
        b"{",
        b'"text"',
        b"7",
        b"null",
        b"NaN",
        b"[" * 3000,
        b"\xff\xfe",
        b'{"data": [], "series": {}, "timeseries": 1}',
        b'{"data": 3, "series": [{}], "timeseries": [3], "query": ""}',
        b'[{"target": "a"}]',
        b'[{"target": "a", "datapoints": [[true, 1]]}]',
    ],
)
async def test_nonsense_is_no_answer(name: str, body: bytes, server: Server) -> None:
    """I7: with its beginning, so that a person sees what came."""
    server.body = body
    found = await answer(name, server)
    assert isinstance(found, NotAnswered), found
    assert "answered" in found.why


@EACH
async def test_an_answer_without_end_is_cut(name: str, server: Server) -> None:
    """The bound of every provider."""
    server.body = b" " * (BODY_LIMIT + 1)
    found = await answer(name, server)
    assert isinstance(found, NotAnswered)
    assert "answered more than 2 MiB" in found.why


@EACH
async def test_nobody_listens(name: str) -> None:
    """A sentence, not an exception."""
    server = Server("127.0.0.1")
    server.port = a_free_port()
    found = await answer(name, server)
    assert isinstance(found, NotAnswered)
    assert "refused the connection" in found.why


@EACH
async def test_only_allowed_addresses_are_called(name: str, server: Server) -> None:
    """The administrator's list holds for vendors too; nothing is sent."""
    async with asking(name, server, ()) as provider:
        found = await provider.measure(a_metric(name))
    assert isinstance(found, NotAnswered)
    assert "may not be called" in found.why
    assert not server.asked


@EACH
async def test_redirects_arent_followed(name: str, server: Server) -> None:
    """A login would go with them."""
    server.status, server.headers = 302, {"Location": "http://elsewhere/"}
    found = await answer(name, server)
    assert isinstance(found, NotAnswered)
    assert "redirects aren't followed" in found.why
    assert len(server.asked) == 1


@EACH
async def test_another_vendors_metric_is_refused(name: str, server: Server) -> None:
    """A slip in the registry is a sentence."""
    other = "graphite" if name != "graphite" else "skywalking"
    found = await answer(name, server, a_metric(other))
    assert isinstance(found, NotAnswered)
    assert found.why.startswith("metric errors names no ")


@EACH
def test_a_login_is_nowhere_but_in_its_place(name: str) -> None:
    """Neither in the manifest nor in what is printed of a metric or of a request."""
    metric = a_metric(name)
    request = VENDORS[name].module.request(metric, NOW)
    for text in (json.dumps(metric.manifest()), repr(metric), str(metric), repr(request)):
        assert TOKEN not in text
    assert TOKEN not in wire.shown(request.url)


@pytest.mark.parametrize("document", [{}, {"error": ""}, {"errors": []}, {"error": {"a": 1}}, []])
async def test_an_error_without_words_shows_its_beginning(document: Any, server: Server) -> None:
    """Whatever came."""
    server.status, server.body = 500, json.dumps(document).encode()
    found = await answer("graphite", server)
    assert isinstance(found, NotAnswered)
    assert found.said == json.dumps(document)
