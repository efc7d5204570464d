"""The web provider against a server that answers well, badly, slowly or not at all."""

import json
import math
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from davy.analysis import judge
from davy.analysis.answer import Answered, NotAnswered
from davy.api.analysis import Metric, Phase
from davy.api.providers import MetricProvider, WebMetric
from davy.metrics import line, wire
from davy.metrics.addresses import Addresses
from davy.metrics.web import Web
from tests.lab import certificates
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import Server, a_free_port, serving

DATA: Any = {"data": {"ok": True, "rate": 0.95, "name": "cart", "none": None, "list": [1, 2, 3]}}


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that the test sets up."""
    with serving() as made:
        made.body = json.dumps(DATA).encode()
        yield made


@pytest.fixture
async def provider() -> AsyncIterator[Web]:
    """The provider, closed at the end; the servers here are on the loopback."""
    made = Web(Addresses.of(["127.0.0.0/8"]), lambda: NOW)
    yield made
    await made.close()


def a_metric(url: str, **fields: Any) -> Metric:
    """A metric that asks this address; time enough on a busy machine unless told otherwise."""
    asked = WebMetric.model_validate({"timeoutSeconds": 30, **fields, "url": url})
    return Metric(name="health", provider=MetricProvider(web=asked))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (None, DATA),
        ("{$}", DATA),
        ("{$.data.ok}", True),
        ("{$.data.rate}", 0.95),
        ("{$.data.name}", "cart"),
        ("{$.data.none}", None),
        ("{$.data.list}", [1, 2, 3]),
        ("{$.data.list[1]}", 2),
        ("{$.data}", DATA["data"]),
    ],
)
async def test_answers(server: Server, provider: Web, path: str | None, value: Any) -> None:
    """What jsonPath leads to, of any type; without one the whole document."""
    metric = a_metric(server.address, jsonPath=path)
    assert await provider.measure(metric) == Answered(value)


async def test_of_several_values_the_first_is_judged(server: Server, provider: Web) -> None:
    """As in Argo, but not in silence."""
    answer = await provider.measure(a_metric(server.address, jsonPath="{$.data.list[*]}"))
    why = "jsonPath {$.data.list[*]} leads to 3 values; the first is judged"
    assert answer == Answered(1, (why,))


@pytest.mark.parametrize(
    ("condition", "path", "phase"),
    [
        ("result.ok && result.rate >= 0.9", "{$.data}", Phase.SUCCESSFUL),
        ("result == true", "{$.data.ok}", Phase.SUCCESSFUL),
        ('result == "cart"', "{$.data.name}", Phase.SUCCESSFUL),
        ("any(result, {# > 3})", "{$.data.list}", Phase.FAILED),
        ("result > 1", "{$.data.none}", Phase.INCONCLUSIVE),
        ("asFloat(result) > 1", "{$.data.name}", Phase.ERROR),
    ],
)
async def test_answers_are_judged(
    server: Server, provider: Web, condition: str, path: str, phase: Phase
) -> None:
    """The conditions of Argo's own examples; null is no evidence (I7)."""
    metric = a_metric(server.address, jsonPath=path)
    metric = metric.model_copy(update={"success_condition": condition})
    answer = await provider.measure(metric)
    assert judge.measurement(metric, answer, limit=None).phase is phase


async def test_what_is_sent(server: Server, provider: Web) -> None:
    """A GET with headers; path and query as they are written."""
    headers = [{"key": "X-Team", "value": "shop"}]
    url = f"{server.address}/api/v1?service=cart"
    assert isinstance(await provider.measure(a_metric(url, headers=headers)), Answered)
    (asked,) = server.asked
    assert (asked["method"], asked["path"], asked["service"]) == ("GET", "/api/v1", "cart")
    assert (asked["x-team"], asked["body"]) == ("shop", "")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_text_is_sent_as_it_is(server: Server, provider: Web, method: str) -> None:
    """UTF-8, with the type that the headers say."""
    headers = [{"key": "Content-Type", "value": "text/plain"}]
    metric = a_metric(server.address, method=method, body="a=ü&b", headers=headers)
    assert isinstance(await provider.measure(metric), Answered)
    (asked,) = server.asked
    assert (asked["method"], asked["body"]) == (method, "a=ü&b")
    assert asked["content-type"] == "text/plain"


async def test_json_is_sent_as_json(server: Server, provider: Web) -> None:
    """With nulls, and with its own type whatever the headers say, as in Argo."""
    body = {"service": "cart", "since": None, "deep": [{"a": 1.5}]}
    headers = [{"key": "content-type", "value": "text/plain"}]
    metric = a_metric(server.address, method="POST", jsonBody=body, headers=headers)
    await provider.measure(metric)
    (asked,) = server.asked
    assert json.loads(asked["body"]) == body
    assert asked["content-type"] == "application/json"


REFUSALS = {
    "html": (200, b"<html>Login</html>", "answered something that isn't JSON: <html>Login</html>"),
    "nothing": (204, b"", "answered something that isn't JSON"),
    "NaN": (200, b'{"data": {"ok": NaN}}', "answered something that isn't JSON"),
    "an infinity": (200, b"-Infinity", "answered something that isn't JSON"),
    "a long number": (200, b"9" * 5000, "answered something that isn't JSON"),
    "half": (200, b'{"data": {"ok": ', "answered something that isn't JSON"),
    "not utf-8": (200, b"\xff\xfe\x00", "answered something that isn't JSON"),
    "too deep": (200, b"[" * 200_000, "JSON of more than 100 levels or 100000 values"),
    "deep": (200, b"[" * 110 + b"]" * 110, "JSON of more than 100 levels or 100000 values"),
    "too many": (200, b"[" + b"1," * 100_001 + b"1]", "JSON of more than 100 levels or"),
    "another": (
        200,
        b'{"error": "x"}',
        ": jsonPath {$.data.ok} finds nothing: the answer (a map) has no field 'data'",
    ),
    "a list": (200, b"[1]", ": jsonPath {$.data.ok} finds nothing: the answer (a list of 1)"),
    "300": (300, b"{}", "answered 300: {}"),
    "302": (302, b"", "answered 302: (no text)"),
    "401": (401, b"Unauthorized\n", "answered 401: Unauthorized"),
    "404": (404, b"", "answered 404: (no text)"),
    "500": (500, b"x" * 5000, "answered 500: xxxxx"),
    "503": (503, b'{"error": "no healthy upstream"}', "answered 503: no healthy upstream"),
}


@pytest.mark.parametrize(("status", "body", "says"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_no_answer(
    server: Server, provider: Web, status: int, body: bytes, says: str
) -> None:
    """I7: none of these is a success or a failure; one sentence each, with the address."""
    server.status, server.body = status, body
    metric = a_metric(server.address, jsonPath="{$.data.ok}")
    answer = await provider.measure(metric)
    assert isinstance(answer, NotAnswered)
    assert answer.why.startswith(server.address)
    assert says in str(answer)
    assert len(str(answer)) < wire.BODY_SHOWN + 120


async def test_a_path_that_nobody_checked(server: Server, provider: Web) -> None:
    """A run that was written by hand: a sentence."""
    answer = await provider.measure(a_metric(server.address, jsonPath="$.data"))
    assert answer == NotAnswered(
        f"{server.address}: jsonPath is '$.data'; write it in braces, e.g. {{$.data.ok}}"
    )


async def test_a_number_beyond_all_floats_is_infinite(server: Server, provider: Web) -> None:
    """JSON has no bound; no success rests on it (I7)."""
    server.body = b"1e999"
    assert await provider.measure(a_metric(server.address)) == Answered(math.inf)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"http://127.0.0.1:{a_free_port()}", "refused the connection"),
        ("http://health.invalid/x?token=s3cret", "could not be found: its name doesn't resolve"),
        ("http://", "is no valid URL"),
        ("http://[::1", "is no valid URL"),
        ("health:9090", "is no"),
        ("http://169.254.169.254/latest/meta-data", "may not be called"),
    ],
)
async def test_addresses_that_lead_nowhere(provider: Web, url: str, says: str) -> None:
    """A sentence, whatever was written, without the query."""
    answer = await provider.measure(a_metric(url))
    assert isinstance(answer, NotAnswered)
    assert says in str(answer)
    assert "s3cret" not in str(answer)


async def test_addresses_are_the_administrators(server: Server) -> None:
    """The list holds for every provider."""
    provider = Web(Addresses(), lambda: NOW)
    answer = await provider.measure(a_metric(server.address))
    await provider.close()
    assert f"{server.address} may not be called: 127.0.0.1 is loopback" in str(answer)
    assert server.asked == []


async def test_a_redirect_is_told_and_not_followed(server: Server, provider: Web) -> None:
    """Where it leads is nobody's that was checked, and headers and body would go along."""
    server.status, server.headers = 307, {"Location": f"{server.address}/elsewhere"}
    metric = a_metric(server.address, method="POST", body="x")
    answer = await provider.measure(metric)
    assert "answered 307, and redirects aren't followed" in str(answer)
    assert len(server.asked) == 1


async def test_an_answer_that_is_too_long(server: Server, provider: Web) -> None:
    """Memory is bounded."""
    server.body = b" " * (line.BODY_LIMIT + 1)
    answer = await provider.measure(a_metric(server.address))
    assert answer == NotAnswered(f"{server.address} answered more than 2 MiB")


async def test_a_server_that_drips(server: Server, provider: Web) -> None:
    """The deadline holds however busy the connection is."""
    server.drip = 0.1
    answer = await provider.measure(a_metric(server.address, timeoutSeconds=1))
    assert answer == NotAnswered(f"{server.address} did not answer within 1 s")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("s3cret\nX: y", "a header has an invalid name or value"),
        ("s3cret ŵ", "a header has a character that can't be sent"),
    ],
)
async def test_a_header_that_cannot_be_sent(
    server: Server, provider: Web, value: str, says: str
) -> None:
    """A sentence without the header's value."""
    headers = [{"key": "X-Token", "value": value}]
    answer = await provider.measure(a_metric(server.address, headers=headers))
    assert answer == NotAnswered(f"{server.address} can't be asked: {says}")


async def test_certificates_are_checked_unless_told_otherwise(
    provider: Web, tmp_path: Path
) -> None:
    """`insecure` is the metric's own word."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificates.write_server(tmp_path))
    with serving(tls) as server:
        server.body = b"1"
        answer = await provider.measure(a_metric(server.address))
        assert isinstance(answer, NotAnswered)
        assert f"{server.address} could not be trusted: " in str(answer)
        assert await provider.measure(a_metric(server.address, insecure=True)) == Answered(1)


async def test_a_metric_of_another_provider(provider: Web) -> None:
    """Never an exception."""
    metric = Metric.model_construct(name="x", provider=MetricProvider())
    assert await provider.measure(metric) == NotAnswered("metric x names no web address")
