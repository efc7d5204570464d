"""CloudWatch: the signed question, and what GetMetricData's answers mean."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from davy.analysis import judge
from davy.analysis.answer import HIDDEN, Answered, NotAnswered
from davy.api.analysis import Phase
from davy.metrics import cloudwatch, documents
from davy.metrics.addresses import Addresses
from davy.metrics.registry import BUILT_IN
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import Server, serving
from tests.unit.metrics.test_signing import SECRET, recomputed
from tests.unit.metrics.vendors import a_metric, answer, asked

ADDRESS = "https://monitoring.eu-west-1.amazonaws.com/"
END = int(NOW.timestamp())
STAT = {
    "metric": {
        "namespace": "app",
        "metricName": "errors",
        "dimensions": [{"name": "Service", "value": "cart"}],
    },
    "period": "60",
    "stat": "Sum",
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Davy's own: in a region, with the keys of AWS's examples."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def server() -> Iterator[Server]:
    """Whom the metric asks."""
    with serving() as made:
        made.body = b'{"MetricDataResults": []}'
        yield made


def a_result(*values: Any, status: str = "Complete", name: str = "rate") -> dict[str, Any]:
    """Of one query."""
    times = [END - 60 * place for place in range(len(values))]
    return {
        "Id": name,
        "Label": name,
        "StatusCode": status,
        "Timestamps": times,
        "Values": list(values),
    }


def read(*results: dict[str, Any], **beside: Any) -> Answered:
    """Of these results."""
    return cloudwatch.read(json.dumps({"MetricDataResults": results, **beside}).encode(), ADDRESS)


async def test_what_is_sent(server: Server) -> None:
    """AWS's names, numbers for periods, the interval up to now; all of it signed."""
    queries = [
        {"id": "rate", "expression": "errors / 100", "period": 300},
        {"id": "errors", "metricStat": STAT, "returnData": False},
    ]
    metric = a_metric("cloudWatch", interval="15m", metricDataQueries=queries)
    await answer("cloudWatch", server, metric)
    (sent,) = server.asked
    assert (sent["method"], sent["path"]) == ("POST", "/")
    assert sent["x-amz-target"] == "GraniteServiceVersion20100801.GetMetricData"
    assert json.loads(sent["body"]) == {
        "StartTime": END - 900,
        "EndTime": END,
        "MetricDataQueries": [
            {"Id": "rate", "Expression": "errors / 100", "Period": 300},
            {
                "Id": "errors",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "app",
                        "MetricName": "errors",
                        "Dimensions": [{"Name": "Service", "Value": "cart"}],
                    },
                    "Period": 60,
                    "Stat": "Sum",
                },
                "ReturnData": False,
            },
        ],
    }
    assert "content-type;host;x-amz-date;x-amz-target" in sent["authorization"]
    assert "/eu-west-1/monitoring/aws4_request" in sent["authorization"]
    assert sent["authorization"].endswith(f"Signature={recomputed(sent, {})}")


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, ADDRESS),
        ({"AWS_REGION": "cn-north-1"}, "https://monitoring.cn-north-1.amazonaws.com.cn/"),
        ({"AWS_ENDPOINT_URL_CLOUDWATCH": "https://vpce-1.example/"}, "https://vpce-1.example/"),
    ],
)
def test_where_it_is_asked(
    variables: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the operator's machine says; no metric names an address."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert asked(a_metric("cloudWatch"), cloudwatch).url == url


def test_a_machine_without_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that says what to set."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    found = cloudwatch.request(a_metric("cloudWatch"), NOW)
    assert isinstance(found, NotAnswered)
    assert "no AWS_REGION; set it" in found.why


async def test_nothing_is_signed_that_isnt_listed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who writes a metric would ask as Davy: the administrator's list is for monitoring too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", server.address)
    elsewhere = ["monitoring=https://monitoring.eu-west-1.amazonaws.com"]
    addresses = Addresses.of(["127.0.0.0/8"], signed=elsewhere)
    provider = BUILT_IN["cloudWatch"](addresses, lambda: NOW)
    found = await provider.measure(a_metric("cloudWatch"))
    await provider.close()
    assert isinstance(found, NotAnswered)
    assert "may not be asked with Davy's own AWS credentials" in found.why
    assert "--sigv4-addresses" in found.why
    assert not server.asked


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("ThrottlingException", "it is asked too often; give the metric a longer interval"),
        ("com.amazonaws.cloudwatch#AccessDenied", "it needs cloudwatch:GetMetricData"),
        ("com.amazon.coral.service#ExpiredTokenException", "doesn't take Davy's AWS credentials"),
        ("com.amazonaws.cloudwatch#InvalidParameterValueException", "can't read metricDataQueries"),
    ],
)
async def test_an_error_is_told_in_davys_words(code: str, says: str, server: Server) -> None:
    """AWS's own may name the role."""
    server.status = 400
    server.body = json.dumps({"__type": code, "message": "arn:aws:iam::1:role/davy"}).encode()
    found = await answer("cloudWatch", server)
    assert isinstance(found, NotAnswered)
    assert says in found.why
    assert "arn:aws" not in str(found)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"__type": 3}', b'{"__type": "New"}'])
async def test_an_error_that_nobody_knows(body: bytes, server: Server) -> None:
    """Its status is told, its text isn't."""
    server.status, server.body = 400, body
    found = await answer("cloudWatch", server)
    assert isinstance(found, NotAnswered)
    assert found.why.endswith("answered 400")
    assert found.said == HIDDEN


def test_values_are_judged_as_in_argo() -> None:
    """By the condition of its example."""
    condition = "all(result[0].Values, {# <= 0.01})"
    metric = a_metric("cloudWatch").model_copy(update={"success_condition": condition})
    for values, phase in (
        ([0.001, 0.002], Phase.SUCCESSFUL),
        ([0.001, 0.5], Phase.FAILED),
        ([], Phase.INCONCLUSIVE),
    ):
        found = read(a_result(*values), a_result(1, name="other"))
        assert judge.measurement(metric, found, limit=None).phase is phase


def test_a_query_without_values_is_no_number() -> None:
    """I7: `all` of an empty list would be true; where no query has any, nothing is there."""
    found = read(a_result(), a_result(2, name="other"))
    assert isinstance(found.value, list)
    assert isinstance(found.value[0], dict)
    assert isinstance(values := found.value[0]["Values"], list)
    assert isinstance(values[0], float)
    assert math.isnan(values[0])
    assert read(a_result(), a_result(name="other")) == Answered([])
    assert read() == Answered([])


def test_a_part_of_the_data_is_judged_and_told() -> None:
    """As are AWS's own messages."""
    messages = [{"Code": "MaxMetricsExceeded", "Value": "Maximum number of metrics"}]
    found = read(a_result(1, status="PartialData"), Messages=messages)
    assert found.warnings == (
        "the query rate has part of its data",
        "MaxMetricsExceeded: Maximum number of metrics",
    )


@pytest.mark.parametrize("status", ["InternalError", "Forbidden", "New"])
def test_a_query_that_failed(status: str) -> None:
    """Its values, if there are any, aren't judged."""
    with pytest.raises(documents.Unreadable, match=f"no data for the query rate: {status}"):
        read(a_result(1, status=status))


def test_several_pages_arent_read() -> None:
    """The sentence says how to ask for less."""
    with pytest.raises(documents.Unreadable, match="several pages; ask for a shorter interval"):
        read(a_result(1), NextToken="more")
    with pytest.raises(documents.Unreadable, match="10001 values; at most 10000"):
        read(a_result(*[1] * 10_001))


@pytest.mark.parametrize("value", ["1", True, [], {}])
def test_a_value_that_is_no_number(value: Any) -> None:
    """Not taken for one."""
    with pytest.raises(documents.Unreadable, match="isn't CloudWatch's JSON"):
        read(a_result(value))
