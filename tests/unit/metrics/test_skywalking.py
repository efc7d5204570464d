"""SkyWalking: the GraphQL question with its minutes, and values that aren't there."""

import json
import math
from typing import Any

import pytest

from davy.analysis import judge
from davy.analysis.answer import Answered
from davy.api.analysis import Phase
from davy.metrics import documents, skywalking
from tests.unit.metrics.server import serving
from tests.unit.metrics.vendors import a_metric, answer

ADDRESS = "http://oap:12800/graphql"
CONDITION = "all(result.apdex.values, {asFloat(.value) >= 9900})"


def read(data: Any) -> Answered:
    """Of this data."""
    return skywalking.read(json.dumps({"data": data}).encode(), ADDRESS)


def judged(data: Any) -> Phase:
    """By the condition of Argo's own example."""
    metric = a_metric("skywalking").model_copy(update={"success_condition": CONDITION})
    return judge.measurement(metric, read(data), limit=None).phase


async def test_what_is_sent() -> None:
    """The query as it is; the minutes up to now, in UTC."""
    with serving() as server:
        server.body = b'{"data": {}}'
        await answer("skywalking", server, a_metric("skywalking", interval="3m"))
    (sent,) = server.asked
    assert (sent["method"], sent["path"]) == ("POST", "/graphql")
    body = json.loads(sent["body"])
    assert body["query"] == "query q($duration: Duration!) { a }"
    assert body["variables"] == {
        "duration": {"start": "2026-05-04 1357", "end": "2026-05-04 1400", "step": "MINUTE"}
    }


def test_values_are_judged() -> None:
    """As in Argo's example."""
    assert judged({"apdex": {"values": [{"value": 9950}, {"value": 9900}]}}) is Phase.SUCCESSFUL
    assert judged({"apdex": {"values": [{"value": 9950}, {"value": 9000}]}}) is Phase.FAILED


def test_a_value_that_wasnt_measured_decides_nothing() -> None:
    """I7: SkyWalking writes 0 there, or nothing; `all` of an empty list would be true."""
    empty = {"value": 0, "isEmptyValue": True}
    assert judged({"apdex": {"values": [{"value": 9950}, empty]}}) is Phase.INCONCLUSIVE
    assert judged({"apdex": {"values": []}}) is Phase.INCONCLUSIVE
    assert judged(None) is Phase.INCONCLUSIVE
    found = read({"apdex": empty})
    assert isinstance(found.value, dict)
    assert isinstance(found.value["apdex"], dict)
    assert isinstance(nan := found.value["apdex"]["value"], float)
    assert math.isnan(nan)


def test_an_error_with_status_200() -> None:
    """With the server's words."""
    body = json.dumps({"errors": [{"message": "Validation error"}]}).encode()
    with pytest.raises(documents.Unreadable, match="refused the query") as caught:
        skywalking.read(body, ADDRESS)
    assert caught.value.answer.said == "Validation error"
