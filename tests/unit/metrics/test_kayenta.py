"""Kayenta: what begins a judgement, what a look at it means, and which answers are none."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from davy.analysis.answer import Decided, NotAnswered, Underway
from davy.api.analysis import Measurement, Metric, Phase
from davy.api.providers import MetricProvider
from davy.metrics import kayenta
from davy.metrics.addresses import Addresses
from davy.metrics.kayenta import EXECUTION, Kayenta
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import Server, a_free_port, serving

CONFIGS = [{"name": "other", "id": "1"}, {"name": "latency", "id": "a config/2"}]
RUN = "01HZX-3"


@pytest.fixture
def server() -> Iterator[Server]:
    """A Kayenta that has begun a judgement."""
    with serving() as made:
        made.answers = lambda asked: (200, json.dumps(_answer(asked)).encode())
        yield made


def _answer(asked: dict[str, str]) -> Any:
    if asked["path"] == "/canaryConfig":
        return CONFIGS
    return {EXECUTION: RUN} if asked["method"] == "POST" else {"complete": False}


@pytest.fixture
async def provider() -> AsyncIterator[Kayenta]:
    """The provider, closed at the end."""
    made = Kayenta(Addresses.of(["127.0.0.0/8"]), lambda: NOW)
    yield made
    await made.close()


def a_metric(address: str, **fields: Any) -> Metric:
    """A metric that compares the last five minutes."""
    scope = {"scope": "app=cart,hash=a", "region": "eu", "step": 60}
    scopes = [
        {"name": "default", "controlScope": scope, "experimentScope": {**scope, "scope": "b"}}
    ]
    asked = {
        "address": f"{address}/",
        "application": "cart",
        "canaryConfigName": "latency",
        "metricsAccountName": "prometheus",
        "configurationAccountName": "gcs",
        "storageAccountName": "s3",
        "threshold": {"pass": 90, "marginal": 75},
        "scopes": scopes,
        **fields,
    }
    provider = MetricProvider.model_validate({"kayenta": asked}, by_alias=True, by_name=False)
    return Metric(name="judge", interval="5m", provider=provider)


def held(minutes: float = 1) -> Measurement:
    """The measurement that began the judgement."""
    begun = NOW - timedelta(minutes=minutes)
    return Measurement(phase=Phase.RUNNING, started_at=begun, metadata={EXECUTION: RUN})


def says(status: int, document: Any) -> Callable[[dict[str, str]], tuple[int, bytes]]:
    """Always this."""
    return lambda _: (status, json.dumps(document).encode())


def scored(score: Any, *classes: str, **beside: Any) -> dict[str, Any]:
    """A judgement that has ended."""
    results = [{"name": "m", "classification": one} for one in classes]
    judged = {"score": {"score": score}, "results": results}
    return {"complete": True, "status": "succeeded", "result": {"judgeResult": judged}, **beside}


async def test_a_judgement_is_begun(server: Server, provider: Kayenta) -> None:
    """By the configuration of that name; scopes with their times, thresholds as they are."""
    found = await provider.measure(a_metric(server.address))
    message = f"{server.address} is judging {RUN}"
    assert found == Underway(Phase.RUNNING, message, {EXECUTION: RUN})
    listed, begun = server.asked
    assert (listed["method"], listed["path"]) == ("GET", "/canaryConfig")
    assert (listed["application"], listed["configurationAccountName"]) == ("cart", "gcs")
    assert (begun["method"], begun["path"]) == ("POST", "/canary/a%20config%2F2")
    assert (begun["metricsAccountName"], begun["storageAccountName"]) == ("prometheus", "s3")
    side = {
        "scope": "app=cart,hash=a",
        "region": "eu",
        "location": "eu",
        "step": 60,
        "start": "2026-05-04T13:55:00.000Z",
        "end": "2026-05-04T14:00:00.000Z",
    }
    assert json.loads(begun["body"]) == {
        "scopes": {"default": {"controlScope": side, "experimentScope": {**side, "scope": "b"}}},
        "thresholds": {"pass": 90, "marginal": 75},
    }


async def test_each_request_has_a_connection_of_its_own(server: Server, provider: Kayenta) -> None:
    """One that is kept may be closed by the server in the moment of the next request."""
    server.keeps = True
    assert isinstance(await provider.measure(a_metric(server.address)), Underway)
    listed, begun = server.asked
    assert listed["port"] != begun["port"]


async def test_times_that_are_given_stay(server: Server, provider: Kayenta) -> None:
    """And no region is sent where there is none."""
    scope = {
        "scope": "a",
        "step": 1,
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-01-01T01:00:00Z",
    }
    scopes = [{"name": "x", "controlScope": scope, "experimentScope": scope}]
    await provider.measure(a_metric(server.address, scopes=scopes))
    assert json.loads(server.asked[-1]["body"])["scopes"]["x"]["controlScope"] == scope


@pytest.mark.parametrize(
    ("score", "phase"),
    [
        (100, Phase.SUCCESSFUL),
        (90, Phase.SUCCESSFUL),
        (89.9, Phase.INCONCLUSIVE),
        (75, Phase.INCONCLUSIVE),
        (74.9, Phase.FAILED),
        (0, Phase.FAILED),
    ],
)
async def test_a_score_decides(score: float, phase: Any, server: Server, provider: Kayenta) -> None:
    """As in Argo: marginal is inconclusive."""
    server.answers = says(200, scored(score, "Pass", "Nodata"))
    found = await provider.resume(a_metric(server.address), held())
    told = f"score {score:g}, pass from 90, marginal from 75"
    assert found == Decided(phase, told, value=f"{score:g}")
    (asked,) = server.asked
    assert (asked["method"], asked["path"]) == ("GET", f"/canary/{RUN}")
    assert asked["storageAccountName"] == "s3"


async def test_a_judgement_that_goes_on(server: Server, provider: Kayenta) -> None:
    """It is looked at again, for an hour."""
    found = await provider.resume(a_metric(server.address), held(minutes=59))
    assert isinstance(found, Underway)
    assert found.metadata == {EXECUTION: RUN}
    found = await provider.resume(a_metric(server.address), held(minutes=61))
    assert found == NotAnswered(f"{server.address} hasn't judged {RUN} within 1 h")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"complete": True, "status": "terminal"}, "ended the judgement without a score: terminal"),
        (scored(None), "ended the judgement without a score: succeeded"),
        (scored("90"), "ended the judgement without a score: succeeded"),
        (scored(True), "ended the judgement without a score: succeeded"),
        (scored(0, "Nodata", "NodataFailMetric"), "had no data for any metric of the judgement"),
        ({"status": "running"}, "answered something that isn't Kayenta's JSON"),
        ({"complete": "true"}, "answered something that isn't Kayenta's JSON"),
        ([], "answered something that isn't Kayenta's JSON"),
    ],
)
async def test_no_score_is_no_evidence(
    document: Any, why: str, server: Server, provider: Kayenta
) -> None:
    """I7: neither a pass nor a failure; Kayenta itself scores no data with 0."""
    server.answers = says(200, document)
    found = await provider.resume(a_metric(server.address), held())
    assert isinstance(found, NotAnswered)
    assert found.why == f"{server.address} {why}"


@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_an_error_is_no_answer(status: int, server: Server, provider: Kayenta) -> None:
    """At the beginning and later, with Kayenta's words."""
    server.answers = says(status, {"message": "no such thing"})
    metric = a_metric(server.address)
    for found in (await provider.measure(metric), await provider.resume(metric, held())):
        assert isinstance(found, NotAnswered)
        assert f"answered {status}" in found.why
        assert found.said == "no such thing"


async def test_nobody_listens(provider: Kayenta) -> None:
    """A sentence, not an exception."""
    metric = a_metric(f"http://127.0.0.1:{a_free_port()}")
    for found in (await provider.measure(metric), await provider.resume(metric, held())):
        assert isinstance(found, NotAnswered)
        assert "refused the connection" in found.why


@pytest.mark.parametrize(
    ("configs", "why"),
    [
        ([], "it has none"),
        ([{"name": "b", "id": "1"}, {"name": "a", "id": "2"}, {"id": 3}, 4], "it has a, b"),
        ([{"name": "latency", "id": 7}], "it has latency"),
        ({}, "answered something that isn't Kayenta's JSON"),
    ],
)
async def test_a_configuration_that_isnt_there(
    configs: Any, why: str, server: Server, provider: Kayenta
) -> None:
    """The sentence names those that are; nothing is begun. Argo begins one without a name."""
    server.answers = says(200, configs)
    found = await provider.measure(a_metric(server.address))
    assert isinstance(found, NotAnswered)
    assert found.why.endswith(why)
    assert len(server.asked) == 1


@pytest.mark.parametrize("begun", [{}, {EXECUTION: ""}, {EXECUTION: "a/../b"}, {EXECUTION: 7}, []])
async def test_a_beginning_without_an_id(begun: Any, server: Server, provider: Kayenta) -> None:
    """Nothing could be looked at."""
    server.answers = lambda asked: says(200, begun if asked["method"] == "POST" else CONFIGS)(asked)
    found = await provider.measure(a_metric(server.address))
    assert isinstance(found, NotAnswered)
    assert found.why == f"{server.address} answered something that isn't Kayenta's JSON"


@pytest.mark.parametrize("metadata", [None, {}, {EXECUTION: "../admin"}, {EXECUTION: "x" * 200}])
async def test_a_status_that_somebody_else_wrote(
    metadata: dict[str, str] | None, server: Server, provider: Kayenta
) -> None:
    """An id is no path."""
    found = await provider.resume(
        a_metric(server.address), held().model_copy(update={"metadata": metadata})
    )
    assert isinstance(found, NotAnswered)
    assert not server.asked


async def test_another_metric_is_refused(provider: Kayenta) -> None:
    """A slip in the registry is a sentence."""
    metric = a_metric("http://kayenta").model_copy(update={"provider": MetricProvider()})
    for found in (await provider.measure(metric), await provider.resume(metric, held())):
        assert isinstance(found, NotAnswered)


def test_a_strange_classification_is_none() -> None:
    """Found by fuzzing: a list isn't looked up."""
    body = json.dumps(scored(80, "Pass")).replace('"Pass"', "[]").encode()
    assert kayenta.read_score(body, "kayenta") == 80


def test_thresholds_that_are_the_same() -> None:
    """Nothing is inconclusive then."""
    asked = a_metric("http://kayenta", threshold={"pass": 50, "marginal": 50}).provider.kayenta
    assert asked is not None
    assert kayenta.decided(50, asked).phase is Phase.SUCCESSFUL
    assert kayenta.decided(49, asked).phase is Phase.FAILED
