"""Requests that an answer needs to be evidence: asked first, in the query's place."""

import math
from typing import Any

import pytest

from davy.analysis import judge, min_requests
from davy.analysis.answer import Answered, Held, Measured, NotAnswered
from davy.analysis.nodata import Missing
from davy.api import metric_rules
from davy.api.analysis import Phase
from davy.api.evidence import MinRequests
from davy.api.providers import MetricProvider, RangeQuery, WebMetric
from tests.unit.analysis.runs import NOW, REFUSED, a_metric, a_run, stored
from tests.unit.analysis.test_compared import a_comparison

WANTED = MinRequests(requests=100, query="sum(increase(served_total[1m]))")
METRIC = a_metric(min_requests=WANTED)


def test_the_question_takes_the_place_of_the_query() -> None:
    """At the same server with the same login, and at one time, not a range."""
    asked = METRIC.provider.prometheus
    assert asked is not None
    ranged = asked.model_copy(
        update={"range_query": RangeQuery(start="now()", end="now()", step="1s"), "timeout": 7}
    )
    metric = METRIC.model_copy(update={"provider": MetricProvider(prometheus=ranged)})
    question = min_requests.question(metric).provider.prometheus
    assert question is not None
    assert question == ranged.model_copy(update={"query": WANTED.query, "range_query": None})
    assert METRIC.provider.prometheus == asked


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (
            [37.9],
            "too few canary requests: 37 of at least 100; needs about 63 more canary requests",
        ),
        (99.0, "too few canary requests: 99 of at least 100; needs about 1 more canary requests"),
        ([], "too few canary requests: 0 of at least 100; needs about 100 more canary requests"),
        ([math.nan], "too few canary requests: 0 of at least 100; needs about 100 more"),
        (None, "too few canary requests: 0 of at least 100"),
    ],
)
def test_too_few_requests_are_said_with_numbers(value: Any, says: str) -> None:
    """I7, I10: no answer is none; the metric isn't asked."""
    held = min_requests.lacking(METRIC, Answered(value))
    assert isinstance(held, Held)
    assert held.missing is Missing.FEW
    assert held.message.startswith(says)


@pytest.mark.parametrize("value", [[100.0], 100, [1e9]])
def test_enough_requests_let_the_metric_be_asked(value: Any) -> None:
    """From the number on that is asked for."""
    assert min_requests.lacking(METRIC, Answered(value)) is None


@pytest.mark.parametrize("value", ["100", [100.0, 200.0], {"a": 1}, [math.inf], [-1.0], True])
def test_what_is_no_number_of_requests_is_no_answer(value: Any) -> None:
    """Never taken for enough."""
    found = min_requests.lacking(METRIC, Answered(value))
    assert isinstance(found, NotAnswered)
    assert "minRequests.query was answered with something else than one number" in str(found)


def test_a_server_that_doesnt_answer_is_named_with_the_question() -> None:
    """Which of the two questions it was."""
    found = min_requests.lacking(METRIC, REFUSED)
    assert str(found) == f"minRequests.query: {REFUSED.why}"


@pytest.mark.parametrize(
    ("policy", "phase"),
    [
        (None, Phase.INCONCLUSIVE),
        ("hold", Phase.INCONCLUSIVE),
        ("fail", Phase.FAILED),
        ("pass", Phase.SUCCESSFUL),
    ],
)
def test_few_requests_are_missing_data(policy: str | None, phase: Phase) -> None:
    """They hold the weight, or are what onNoData says."""
    metric = a_metric(min_requests=WANTED, on_no_data=policy, count=1)
    run = a_run(metric)
    run = stored(run, judge.record(run, {}, NOW))
    held = min_requests.lacking(metric, Answered([37.0]))
    assert isinstance(held, Held)
    status = judge.record(run, {metric.name: Measured(held, NOW, NOW)}, NOW)
    assert status.metric_results[0].measurements[0].phase is phase
    waits = judge.lacks(status)
    assert ("needs about 63 more canary requests" in waits) is (policy in {None, "hold"})


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        (
            a_metric(min_requests=WANTED).model_copy(
                update={"provider": MetricProvider(web=WebMetric(url="http://shop"))}
            ),
            "asks in place of the provider's query, and web has none",
        ),
        (
            a_comparison().model_copy(update={"min_requests": WANTED}),
            "stands beside compare, which counts requests; use compare.minRequests",
        ),
    ],
)
def test_a_metric_that_cant_be_asked_for_requests_is_refused(metric: Any, says: str) -> None:
    """At the field that says so."""
    found = [*metric_rules.metric_findings(metric, "spec.metrics[0]")]
    (wrong,) = [each for each in found if each.path == "spec.metrics[0].minRequests"]
    assert wrong.message.startswith(says)
    assert [*metric_rules.metric_findings(METRIC, "spec.metrics[0]")] == []
