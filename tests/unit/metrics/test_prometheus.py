"""The Prometheus provider against a server that answers well, badly, slowly or not at all."""

import asyncio
import inspect
import json
import math
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import prometheus_api_client.exceptions
import pytest
import requests
import urllib3

from davy.analysis.answer import HIDDEN, Answered, NotAnswered
from davy.api.analysis import Metric
from davy.api.providers import (
    Authentication,
    BasicAuth,
    Header,
    MetricProvider,
    PrometheusMetric,
    RangeQuery,
)
from davy.metrics import asking, line, wire
from davy.metrics.addresses import Addresses
from davy.metrics.prometheus import Prometheus
from tests.lab import certificates
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import Server, a_free_port, serving

HERE = Addresses.of(["127.0.0.0/8"])


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that the test sets up."""
    with serving() as made:
        yield made


@pytest.fixture
async def provider() -> AsyncIterator[Prometheus]:
    """The provider, closed at the end; the servers here are on the loopback."""
    made = Prometheus(HERE, lambda: NOW)
    yield made
    await made.close()


def a_metric(address: str, **fields: Any) -> Metric:
    """A metric that asks this address; time enough on a busy machine unless told otherwise."""
    asked = {"query": "up", "timeout": 30, **fields, "address": address}
    return Metric(name="error-rate", provider=MetricProvider(prometheus=PrometheusMetric(**asked)))


def a_document(kind: str, result: Any, **more: Any) -> bytes:
    """A success as Prometheus writes it."""
    data = {"resultType": kind, "result": result}
    return json.dumps({"status": "success", "data": data, **more}).encode()


def a_vector(*values: str) -> bytes:
    """An instant vector with these samples."""
    series = [
        {"metric": {"pod": str(place)}, "value": [1700000000.123, value]}
        for place, value in enumerate(values)
    ]
    return a_document("vector", series)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (a_vector("0.97"), [0.97]),
        (a_vector("0.97", "3", "1e-3"), [0.97, 3.0, 0.001]),
        (a_vector(), []),
        (a_vector("+Inf", "-Inf"), [math.inf, -math.inf]),
        (a_document("scalar", [1700000000, "0.5"]), 0.5),
        (a_document("matrix", []), []),
        (
            a_document(
                "matrix",
                [{"values": [[1, "1"], [2, "2.5"]]}, {"values": []}, {"values": [[1, "+Inf"]]}],
            ),
            [1.0, 2.5, math.inf],
        ),
    ],
)
async def test_answers(server: Server, provider: Prometheus, body: bytes, value: Any) -> None:
    """A vector is its samples in order, labels dropped; a scalar is a number.

    A matrix is the points of all series in one list, as in Argo.
    """
    server.body = body
    assert await provider.measure(a_metric(server.address)) == Answered(value)


async def test_nan_is_a_number_that_is_not_one(server: Server, provider: Prometheus) -> None:
    """Prometheus writes it as a text."""
    server.body = a_vector("NaN")
    answer = await provider.measure(a_metric(server.address))
    assert isinstance(answer, Answered)
    assert isinstance(answer.value, list)
    assert math.isnan(float(str(answer.value[0])))


async def test_what_is_sent(server: Server, provider: Prometheus) -> None:
    """Query, time-out for the server, headers; the path follows the address."""
    server.body = a_vector("1")
    metric = a_metric(
        f"{server.address}/prom/",
        query='rate(x{a="b c"}[1m]) > 0',
        timeout=7,
        headers=[Header(key="X-Scope-OrgID", value="team")],
    )
    await provider.measure(metric)
    await provider.measure(a_metric(server.address))
    first, second = server.asked
    assert first["path"] == "/prom/api/v1/query"
    assert (first["query"], first["timeout"]) == ('rate(x{a="b c"}[1m]) > 0', "7s")
    assert first["x-scope-orgid"] == "team"
    assert "x-scope-orgid" not in second


def a_range(**fields: str) -> RangeQuery:
    """The last five minutes."""
    given = {"start": 'now() - duration("5m")', "end": "now()", "step": "1m30s", **fields}
    return RangeQuery(**given)


async def test_a_range_query(server: Server, provider: Prometheus) -> None:
    """Start and end in seconds, counted from the present of the question."""
    server.body = a_document("matrix", [{"values": [[1, "1"], [2, "2"]]}])
    answer = await provider.measure(a_metric(server.address, range_query=a_range(), timeout=7))
    assert answer == Answered([1.0, 2.0])
    (asked,) = server.asked
    assert asked["path"] == "/api/v1/query_range"
    assert (asked["query"], asked["step"], asked["timeout"]) == ("up", "90.0", "7s")
    end = int(NOW.timestamp())
    assert (int(asked["start"]), int(asked["end"])) == (end - 300, end)


async def test_a_range_that_cannot_be_asked_for(server: Server, provider: Prometheus) -> None:
    """A run that nobody checked, or a date that is long ago by now: no answer, and no question."""
    for fields, says in (
        ({"start": "yesterday()"}, "rangeQuery.start: takes now()"),
        ({"step": "1ms"}, "rangeQuery.step: asks for 300001 points"),
    ):
        answer = await provider.measure(a_metric(server.address, range_query=a_range(**fields)))
        assert isinstance(answer, NotAnswered)
        assert str(answer).startswith(f"{server.address} wasn't asked: {says}")
    assert server.asked == []


async def test_logging_in(server: Server, provider: Prometheus) -> None:
    """As every provider does; `test_login.py` has the rest."""
    server.body = a_document("vector", [], warnings=["who is davy?"])
    basic = Authentication(basic_auth=BasicAuth(username="davy", password="s3cret"))
    answer = await provider.measure(a_metric(server.address, authentication=basic))
    assert answer == Answered([], (f"warnings {HIDDEN}",), secret=True)
    assert server.asked[0]["authorization"].startswith("Basic ")


async def test_a_partial_answer_is_told(server: Server, provider: Prometheus) -> None:
    """Thanos answers 200 with what it has; its warnings come along, in one bounded line."""
    server.body = a_document("vector", [], warnings=["store eu-1\nis missing", 5, "x" * 999])
    answer = await provider.measure(a_metric(server.address))
    assert isinstance(answer, Answered)
    assert answer.warnings[0] == "store eu-1 is missing"
    assert len(answer.warnings[1]) == wire.BODY_SHOWN


async def test_compressed_answers_are_read(server: Server, provider: Prometheus) -> None:
    """Prometheus compresses when asked to."""
    server.body = a_vector("0.5")
    server.gzipped()
    assert await provider.measure(a_metric(server.address)) == Answered([0.5])


REFUSALS = {
    "string": (200, a_document("string", [1, "a"]), "answered a string; a condition needs"),
    "a matrix of histograms": (
        200,
        a_document("matrix", [{"histograms": []}]),
        "values that aren't numbers",
    ),
    "half a point": (200, a_document("matrix", [{"values": [[1]]}]), "values that aren't numbers"),
    "no points": (200, a_document("matrix", [{"values": 7}]), "values that aren't numbers"),
    "too many points": (
        200,
        a_document("matrix", [{"values": [[1, "1"]] * 5000}] * 3),
        "answered 15000 points; at most 10000 are read",
    ),
    "unknown type": (200, a_document("tensor", []), "result of unknown type: tensor"),
    "no list": (200, a_document("vector", {}), "result of unknown type: vector"),
    "too many": (200, a_vector(*["1"] * 10_001), "answered 10001 series; at most 10000 are read"),
    "histogram": (200, a_document("vector", [{"histogram": []}]), "values that aren't numbers"),
    "no number": (200, a_vector("many"), "values that aren't numbers"),
    "underscores": (200, a_vector("1_0"), "values that aren't numbers"),
    "half a sample": (200, a_document("vector", [{"value": [1]}]), "values that aren't numbers"),
    "half a scalar": (200, a_document("scalar", [1]), "values that aren't numbers"),
    "null samples": (200, a_document("vector", [{"value": None}]), "values that aren't numbers"),
    "no series": (200, a_document("vector", [7]), "values that aren't numbers"),
    "html": (200, b"<html>Login</html>", "answered something that isn't JSON: <html>Login</html>"),
    "nothing": (200, b"", "answered something that isn't JSON: (no text)"),
    "not utf-8": (200, b"\xff\xfe\x00", "answered something that isn't"),
    "a list": (200, b"[]", "isn't Prometheus' JSON: []"),
    "a number": (200, b"7", "isn't Prometheus' JSON: 7"),
    "no data": (200, b'{"status": "success"}', "isn't Prometheus' JSON"),
    "null data": (200, b'{"data": null}', "isn't Prometheus' JSON"),
    "no result": (200, b'{"data": {}}', "isn't Prometheus' JSON"),
    "too deep": (200, b"[" * 200_000, "nested too deeply"),
    "400": (
        400,
        b'{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected end"}',
        "answered 400: 1:5: parse error: unexpected end",
    ),
    "401": (401, b"Unauthorized\n", "answered 401: Unauthorized"),
    "404": (404, b"", "answered 404: (no text)"),
    "422": (422, b'{"error": "too many samples"}', "answered 422: too many samples"),
    "429": (429, b"slow down", "answered 429: it is asked too often; give the metric a longer "),
    "500": (500, b"x" * 5000, "answered 500: xxxxx"),
    "503": (503, b"no healthy upstream", "answered 503: no healthy upstream"),
    "a redirect to nowhere": (302, b"", "answered 302: (no text)"),
}


@pytest.mark.parametrize(("status", "body", "says"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_no_answer(
    server: Server, provider: Prometheus, status: int, body: bytes, says: str
) -> None:
    """One sentence each, with the address, without much of what came."""
    server.status, server.body = status, body
    answer = await provider.measure(a_metric(server.address))
    assert isinstance(answer, NotAnswered)
    assert answer.why.startswith(f"{server.address} ")
    assert says in str(answer)
    assert len(str(answer)) < wire.BODY_SHOWN + 120


async def test_one_question_is_one_request(server: Server, provider: Prometheus) -> None:
    """No retries here, and a Retry-After of an hour is nobody's business."""
    server.status, server.headers = 503, {"Retry-After": "3600"}
    await provider.measure(a_metric(server.address))
    assert len(server.asked) == 1


async def test_a_refused_connection(provider: Prometheus) -> None:
    """The commonest outage."""
    address = f"http://127.0.0.1:{a_free_port()}"
    assert await provider.measure(a_metric(address)) == NotAnswered(
        f"{address} refused the connection"
    )


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://prometheus.invalid:9090", "could not be found: its name doesn't resolve"),
        ("prometheus:9090", "is no"),
        ("ftp://prometheus", "is no"),
        ("http://", "is no valid URL"),
        ("http://[::1", "is no valid URL"),
        ("http://a" + "b" * 300, ""),
        ("://", "is no"),
        ("http://127.0.0.1:99999", "is no valid URL"),
    ],
)
async def test_addresses_that_lead_nowhere(provider: Prometheus, address: str, says: str) -> None:
    """A sentence, whatever was written."""
    answer = await provider.measure(a_metric(address))
    assert isinstance(answer, NotAnswered)
    assert says in str(answer)


async def test_a_header_that_cannot_be_sent(server: Server, provider: Prometheus) -> None:
    """A sentence without the header's value."""
    headers = [Header(key="X-Token", value="s3cret\nX: y")]
    answer = await provider.measure(a_metric(server.address, headers=headers))
    assert answer == NotAnswered(
        f"{server.address} can't be asked: a header has an invalid name or value"
    )


async def test_credentials_are_in_no_sentence(server: Server, provider: Prometheus) -> None:
    """User and password of the address are sent and never told, nor is the query."""
    server.status = 500
    address = server.address.replace("http://", "http://user:s3cret@")
    for target in (address, "http://user:s3cret@127.0.0.1:1", "http://user:s3cret@x.invalid"):
        answer = await provider.measure(a_metric(target, query="s3cret"))
        assert isinstance(answer, NotAnswered)
        assert "s3cret" not in str(answer)
        assert "user" not in str(answer)
    assert server.asked[0]["authorization"].startswith("Basic ")


async def test_a_server_that_hangs(server: Server, provider: Prometheus) -> None:
    """The answer that doesn't come is a sentence in time."""
    server.wait = 30
    answer = await provider.measure(a_metric(server.address, timeout=1))
    assert answer == NotAnswered(f"{server.address} did not answer within 1 s")


async def test_a_server_that_drips(server: Server, provider: Prometheus) -> None:
    """A byte each 0.1 s keeps a socket's time-out quiet for ever; the deadline holds."""
    server.body, server.drip = a_vector(*["1"] * 20), 0.1
    answer = await provider.measure(a_metric(server.address, timeout=1))
    assert answer == NotAnswered(f"{server.address} did not answer within 1 s")


async def test_chunked_answers_are_read(server: Server, provider: Prometheus) -> None:
    """Proxies send them, compressed ones too."""
    server.body, server.chunked = a_vector(*["1"] * 50), True
    assert await provider.measure(a_metric(server.address)) == Answered([1.0] * 50)
    server.gzipped()
    assert await provider.measure(a_metric(server.address)) == Answered([1.0] * 50)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_server_that_breaks_off(
    server: Server,
    provider: Prometheus,
    chunked: bool,  # noqa: FBT001 - the case
) -> None:
    """Half an answer is none."""
    server.body, server.cut, server.chunked = a_vector(*["1"] * 200), True, chunked
    answer = await provider.measure(a_metric(server.address))
    assert answer == NotAnswered(f"{server.address} broke off in the middle of the answer")


async def test_a_server_that_closes(server: Server, provider: Prometheus) -> None:
    """No answer at all."""
    server.silent = True
    answer = await provider.measure(a_metric(server.address))
    assert answer == NotAnswered(f"{server.address} closed the connection without an answer")


async def test_a_broken_compression(server: Server, provider: Prometheus) -> None:
    """Not gzip, though it says so."""
    server.body, server.headers = b"not gzip", {"Content-Encoding": "gzip"}
    answer = await provider.measure(a_metric(server.address))
    assert answer == NotAnswered(f"{server.address} answered with a broken compression")


@pytest.mark.parametrize("compressed", [False, True])
async def test_an_answer_that_is_too_long(
    server: Server,
    provider: Prometheus,
    compressed: bool,  # noqa: FBT001 - the case
) -> None:
    """Memory is bounded, for a small body that unpacks to a large one too."""
    server.body = b" " * (line.BODY_LIMIT + 1)
    if compressed:
        server.gzipped()
    answer = await provider.measure(a_metric(server.address, timeout=10))
    assert answer == NotAnswered(f"{server.address} answered more than 2 MiB")


async def test_a_redirect_is_told_and_not_followed(server: Server, provider: Prometheus) -> None:
    """Where it leads is nobody's that was checked, and headers would go along."""
    server.status, server.headers = 307, {"Location": f"{server.address}/elsewhere"}
    answer = await provider.measure(a_metric(server.address))
    why = f"{server.address} answered 307, and redirects aren't followed; write the address"
    assert answer == NotAnswered(f"{why} that it leads to", f"{server.address}/elsewhere")
    assert [asked["path"] for asked in server.asked] == ["/api/v1/query"]


async def test_many_questions_at_once(server: Server, provider: Prometheus) -> None:
    """Each gets its own answer, and one address at most eight threads."""
    server.body, server.wait = a_vector("1"), 0.05
    answers = await asyncio.gather(*(provider.measure(a_metric(server.address)) for _ in range(40)))
    assert answers == [Answered([1.0])] * 40


async def test_dripping_headers_hold_no_thread(server: Server, provider: Prometheus) -> None:
    """As many such questions as threads, each with a byte a moment: all are free in time."""
    server.body, server.drip_headers = a_vector("1"), 0.05
    patient = [a_metric(server.address, timeout=2)] * asking.THREADS
    late = a_metric(server.address, timeout=1)
    answers = asyncio.gather(*(provider.measure(metric) for metric in patient))
    await asyncio.sleep(0)  # they are first
    assert await provider.measure(late) == NotAnswered(
        f"{server.address} wasn't asked: {asking.THREADS} questions are under way already"
    )
    slow = NotAnswered(f"{server.address} did not answer within 2 s")
    assert await answers == [slow] * asking.THREADS
    server.drip_headers = 0
    assert await provider.measure(late) == Answered([1.0])


async def test_cancelling_a_measurement(server: Server, provider: Prometheus) -> None:
    """A run that is deleted lets go at once, and the next question is answered."""
    server.wait, server.body = 30, a_vector("1")
    task = asyncio.create_task(provider.measure(a_metric(server.address)))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.wait = 0
    assert await provider.measure(a_metric(server.address)) == Answered([1.0])


async def test_after_close_nothing_is_asked(server: Server) -> None:
    """Shutdown is a sentence, not an exception."""
    provider = Prometheus(HERE, lambda: NOW)
    await provider.close()
    answer = await provider.measure(a_metric(server.address))
    assert answer == NotAnswered(f"{server.address} wasn't asked: the operator is stopping")
    assert server.asked == []


async def test_no_connection_is_kept(server: Server, provider: Prometheus) -> None:
    """A question has a line of its own, which ends with it."""
    server.body = a_vector("1")
    for _ in range(3):
        await provider.measure(a_metric(server.address))
    assert [asked["connection"] for asked in server.asked] == ["close"] * 3


async def test_a_metric_of_another_provider(provider: Prometheus) -> None:
    """Never an exception."""
    metric = Metric.model_construct(name="x", provider=MetricProvider())
    assert await provider.measure(metric) == NotAnswered("metric x names no Prometheus")


def exceptions_of(module: Any) -> set[type[Exception]]:
    """Exceptions that a module defines itself; warnings are not raised."""
    return {
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__ == module.__name__
    }


FOREIGN = sorted(
    exceptions_of(requests.exceptions)
    | exceptions_of(prometheus_api_client.exceptions)
    | exceptions_of(urllib3.exceptions),
    key=repr,
)


@pytest.mark.parametrize(
    "kind", FOREIGN, ids=[f"{kind.__module__}.{kind.__name__}" for kind in FOREIGN]
)
def test_every_exception_of_the_libraries_is_mapped(kind: type[Exception]) -> None:
    """A new version with an exception that nobody mapped fails here, not in a rollout.

    Those of requests and of the client have a sentence of their own; what urllib3 raises while a
    body is read may share one.
    """
    first = next((mapped for mapped, _ in wire.SENTENCES if issubclass(kind, mapped)), None)
    assert first is not None
    assert first is not requests.RequestException or kind is requests.RequestException


def test_an_unforeseen_exception_is_a_sentence_too() -> None:
    """Whatever a library raises, measuring never does."""
    told = wire.sentence(LookupError("s3cret"), None, "http://u:p@prometheus:9090", 30)
    assert told == NotAnswered("http://prometheus:9090 could not be asked (LookupError)")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://user:pw@prometheus:9090/prom/", "http://prometheus:9090/prom"),
        ("https://[::1]:9090", "https://[::1]:9090"),
        ("http://prometheus?token=s3cret#x", "http://prometheus"),
        ("http://[::1", "the address"),
        ("", "the address"),
    ],
)
def test_addresses_in_sentences(address: str, shown: str) -> None:
    """Without user, password and query."""
    assert wire.shown(address) == shown


async def test_an_authority_of_the_metrics_own_is_trusted_and_others_stay_strangers(
    provider: Prometheus, tmp_path: Path
) -> None:
    """`caCert`: the certificate is checked, against that authority beside the machine's."""
    (tmp_path / "other").mkdir()
    certificate, key = certificates.write_server(tmp_path)
    other, _ = certificates.write_server(tmp_path / "other")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with serving(tls) as server:
        server.body = a_vector("0.5")
        trusted = a_metric(server.address, ca_cert=certificate.read_text())
        assert await provider.measure(trusted) == Answered([0.5])
        for stranger in (None, other.read_text()):
            answer = await provider.measure(a_metric(server.address, ca_cert=stranger))
            assert f"{server.address} could not be trusted: " in str(answer)
        broken = await provider.measure(a_metric(server.address, ca_cert="no certificate"))
        assert f"{server.address} could not be trusted: " in str(broken)
