"""AnalysisRuns that no Rollout made, through the whole operator in memory."""

from typing import Any

import pytest

from davy.cluster.cache import Json
from tests.unit.controller.stage import playing
from tests.unit.controller.test_measure import a_metric, a_run, status

QUERY = 'errors{service="{{args.service}}"}'


def asking(query: str = QUERY, **fields: Any) -> Json:
    """A metric with this query."""
    prometheus = {"address": "http://{{args.host}}:9090", "query": query}
    return a_metric(provider={"prometheus": prometheus}, **fields)


HOST: Json = {"name": "host", "value": "prometheus"}


async def test_its_arguments_are_filled_in() -> None:
    """As `kubectl create` sent them: in texts and in numbers; the object stays as it is."""
    async with playing() as stage:
        args = [HOST, {"name": "service", "value": "cart"}, {"name": "count", "value": "2"}]
        a_run(stage, asking(count="{{args.count}}", interval="5s"), args=args)
        await stage.turn(6)
        assert status(stage)["phase"] == "Successful"
        assert len(stage.provider.asked) == 2
        asked = stage.provider.asked[0].provider.prometheus
        assert asked is not None
        assert (asked.address, asked.query) == ("http://prometheus:9090", 'errors{service="cart"}')
        found = stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", "run") or {}
        assert found["spec"]["metrics"][0]["count"] == "{{args.count}}"


async def test_its_rules_hold() -> None:
    """A dry run decides nothing here either."""
    async with playing() as stage:
        failing = a_metric("latency", successCondition="result[0] > 1")
        a_run(stage, a_metric(), failing)
        stage.cluster.edit(
            stage.operator.kinds.analysis_run,
            "shop",
            "run",
            lambda run: run["spec"].update(dryRun=[{"metricName": "latency"}]),
        )
        await stage.turn(1)
        assert status(stage)["phase"] == "Successful"
        assert status(stage)["dryRunSummary"]["failed"] == 1


FIELD: Json = {"fieldRef": {"fieldPath": "metadata.name"}}
SERVICE: Json = {"name": "service", "value": "cart"}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            {"metrics": [asking()], "args": [HOST]},
            "spec.metrics[0].provider.prometheus.query: uses {{args.service}}, but args has no",
        ),
        (
            {"metrics": [asking()], "args": [HOST, {"name": "service"}]},
            "spec.args[1]: has no value; give a value, or a secretKeyRef",
        ),
        (
            {"metrics": [asking()], "args": [HOST, {"name": "service", "valueFrom": FIELD}]},
            "spec.args[1].valueFrom.fieldRef: is of a rollout, which a run doesn't read",
        ),
        (
            {"metrics": [asking(count="{{args.service}}")], "args": [HOST, SERVICE]},
            ".count: is 'cart' after arguments are filled in; write a whole number",
        ),
        (
            {"metrics": [a_metric(successCondition="result[0] <")]},
            "spec: metrics[error-rate].successCondition: ",
        ),
        ({"metrics": [a_metric(count=3)]}, "spec.metrics[0].interval: is missing; count is 3"),
        ({"metrics": [a_metric(), a_metric()]}, "is error-rate a second time; names must differ"),
        (
            {"metrics": [a_metric(provider={"opsmx": {}})]},
            "spec.metrics[0].provider.opsmx: is no field that Davy knows; there are ",
        ),
        ({"metrics": [a_metric(intervall="5s")]}, "did you mean interval?"),
        ({"metrics": []}, "spec.metrics: is empty; write at least 1"),
        ({}, "spec.metrics: is missing"),
        (
            {"metrics": [a_metric()], "dryRun": [{"metricName": "latency"}]},
            "dryRun[0].metricName: is latency, which no metric is called (error-rate)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_one_ends_with_a_sentence(spec: Json, says: str) -> None:
    """Phase Error, an event, and nobody was asked; under Argo's CRDs nothing was checked before."""
    async with playing() as stage:
        kind = stage.operator.kinds.analysis_run
        stage.cluster.put(kind, {"metadata": {"namespace": "shop", "name": "run"}, "spec": spec})
        await stage.turn(1)
        told = status(stage)
        assert told["phase"] == "Error"
        assert told["message"].startswith("The run can't be measured: ")
        assert says in told["message"]
        assert {"startedAt", "completedAt"} <= told.keys()
        assert stage.provider.asked == []
        assert stage.events() == [f"AnalysisRunError: {told['message']}"]
        writes = len(stage.cluster.writes)
        await stage.turn(60)
        assert len(stage.cluster.writes) == writes


async def test_a_status_that_cant_be_read_ends_the_run() -> None:
    """Another tool's; it is said, and what can't be read is left alone."""
    async with playing() as stage:
        kind = stage.operator.kinds.analysis_run
        broken: Json = {"phase": "Busy", "metricResults": [{"count": "many"}]}
        metadata = {"namespace": "shop", "name": "run"}
        spec = {"metrics": [a_metric()]}
        stage.cluster.put(kind, {"metadata": metadata, "spec": spec, "status": broken})
        await stage.turn(60)
        assert status(stage)["phase"] == "Error"
        assert "status.phase" in status(stage)["message"]
        assert status(stage)["metricResults"] == broken["metricResults"]


async def test_one_that_is_made_bad_under_way_keeps_what_it_found() -> None:
    """Its measurements and its start are told with the Error."""
    async with playing() as stage:
        a_run(stage, a_metric(interval="10s"))
        await stage.turn(15)
        before = status(stage)
        assert before["metricResults"][0]["count"] == 2

        def spoil(run: Json) -> None:
            run["spec"]["metrics"][0]["successCondition"] = "result[0] <"

        stage.cluster.edit(stage.operator.kinds.analysis_run, "shop", "run", spoil)
        await stage.turn(1)
        assert status(stage)["phase"] == "Error"
        for field in ("startedAt", "metricResults"):
            assert status(stage)[field] == before[field]


async def test_it_is_mended_by_a_new_one() -> None:
    """A finished run stays as it is: whoever mends its spec makes a new run."""
    async with playing() as stage:
        a_run(stage, asking(), args=[HOST])
        await stage.turn(1)
        assert status(stage)["phase"] == "Error"
        a_run(stage, asking(), args=[HOST, SERVICE], name="again")
        await stage.turn(1)
        assert status(stage, "again")["phase"] == "Successful"
