"""AnalysisRuns, through the whole operator in memory."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from davy.analysis.answer import Answered
from davy.analysis.counters import Counts, Look, Sides
from davy.analysis.quantile import Histogram
from davy.api import errors
from davy.api.fields import parse_instant
from davy.cluster.cache import Cache, Json
from davy.controller import runs
from davy.controller.settings import MeasureSettings
from davy.metrics.registry import Registry
from tests.sim.cluster import Call
from tests.sim.manifests import KINDS
from tests.unit.controller.stage import FakeProvider, Stage, manifest, network, playing


def a_metric(name: str = "error-rate", **fields: Any) -> Json:
    return {
        "name": name,
        "successCondition": "result[0] < 0.05",
        "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "q"}},
        **fields,
    }


def a_run(stage: Stage, *metrics: Json, args: list[Json] | None = None, name: str = "run") -> None:
    spec: Json = {"metrics": list(metrics) or [a_metric()]}
    if args:
        spec["args"] = args
    stage.cluster.put(
        stage.operator.kinds.analysis_run,
        {"metadata": {"namespace": "shop", "name": name}, "spec": spec},
    )


def status(stage: Stage, name: str = "run") -> Json:
    found = stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", name) or {}
    return found.get("status") or {}


async def test_a_run_measures_records_and_ends() -> None:
    """Three measurements, one each interval, counted from their starts."""
    async with playing() as stage:
        a_run(stage, a_metric(count=3, interval="10s"))
        await stage.turn(1)
        assert status(stage)["phase"] == "Running"
        assert len(stage.provider.asked) == 1
        await stage.turn(20)
        assert status(stage)["phase"] == "Successful"
        assert status(stage)["metricResults"][0]["successful"] == 3
        assert "AnalysisRunSuccessful" in stage.events()[-1]


async def test_a_run_that_is_being_deleted_and_held_asks_nothing_more() -> None:
    """Somebody's finalizer keeps it, perhaps for ever: it ends."""
    async with playing() as stage:
        a_run(stage, a_metric(interval="10s"))
        await stage.turn(1)
        kind = stage.operator.kinds.analysis_run
        held = {"finalizers": ["example.com/held"]}
        stage.cluster.edit(kind, "shop", "run", lambda run: run["metadata"].update(held))
        stage.cluster.remove(kind, "shop", "run")
        await stage.turn(30)
        assert status(stage)["phase"] == "Successful"
        assert status(stage)["message"] == "Terminated."
        assert len(stage.provider.asked) == 1


async def test_a_slow_provider_delays_nobody_and_is_asked_once() -> None:
    """One question per metric is under way; other rollouts go on meanwhile."""
    async with playing() as stage:
        stage.provider.release = asyncio.Event()
        a_run(stage, a_metric(interval="1s"))
        network(stage.cluster)
        stage.apply(manifest())
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        await stage.turn(30)
        assert len(stage.provider.asked) == 1
        stage.provider.release.set()
        await stage.turn(1)
        assert status(stage)["metricResults"][0]["count"] >= 1


async def test_an_answer_isnt_lost_to_a_conflict() -> None:
    """It waits in memory until the status was written, and is counted once."""
    async with playing() as stage:
        refused = 0

        def conflict(call: Call) -> Exception | None:
            nonlocal refused
            if call.subresource == "status" and refused < 3 and stage.provider.asked:
                refused += 1
                return errors.Conflict("modified", status=409)
            return None

        stage.cluster.faults.append(conflict)
        a_run(stage)
        await stage.turn(5)
        assert refused == 3
        assert len(stage.provider.asked) == 1
        assert status(stage)["metricResults"][0]["count"] == 1
        assert status(stage)["phase"] == "Successful"


async def test_a_killed_operator_loses_only_the_question_under_way() -> None:
    """Started again, it asks anew and goes on counting."""
    async with playing() as stage:
        a_run(stage, a_metric(count=3, interval="10s"))
        await stage.turn(11)
        assert status(stage)["metricResults"][0]["count"] == 2
        cluster, clock = stage.cluster, stage.clock
    async with playing(cluster, clock) as stage:
        await stage.turn(15)
        assert status(stage)["metricResults"][0]["count"] == 3
        assert len(stage.provider.asked) == 1


async def test_a_secret_that_isnt_there_is_said_so() -> None:
    """The measurement names it; the run goes on trying (I7)."""
    async with playing() as stage:
        metric = a_metric()
        metric["provider"]["prometheus"]["headers"] = [
            {"key": "Authorization", "value": "{{args.token}}"}
        ]
        reference = {"secretKeyRef": {"name": "s", "key": "token"}}
        a_run(stage, metric, args=[{"name": "token", "valueFrom": reference}])
        await stage.turn(1)
        assert "Secret shop/s" in str(status(stage))
        assert stage.provider.asked == []


async def test_a_provider_that_raises_is_an_answer_too() -> None:
    """A third party's defect is one metric's trouble."""
    async with playing() as stage:

        async def broken(_: object) -> Answered:
            raise ZeroDivisionError("oops")

        stage.provider.measure = broken  # type: ignore[method-assign,assignment]
        a_run(stage)
        await stage.turn(1)
        assert "the provider failed: ZeroDivisionError: oops" in str(status(stage))


async def test_a_deleted_run_is_asked_for_no_more() -> None:
    """Its question is cancelled."""
    async with playing() as stage:
        stage.provider.release = asyncio.Event()
        a_run(stage)
        await stage.turn(1)
        (asked,) = stage.operator.measurer._asked.values()
        (task,) = asked.tasks.values()
        stage.cluster.remove(stage.operator.kinds.analysis_run, "shop", "run")
        await stage.turn(1)
        assert task.cancelled()
        assert stage.operator.measurer._asked == {}


async def test_a_rollout_hears_of_its_runs_end() -> None:
    """An own write wakes whoever depends on the object, though its event is no news."""
    async with playing() as stage:
        network(stage.cluster)
        stage.cluster.put(
            stage.operator.kinds.analysis_template,
            {
                "metadata": {"namespace": "shop", "name": "errors"},
                "spec": {"metrics": [a_metric()]},
            },
        )
        analysis = {"templates": [{"templateName": "errors"}]}
        steps: list[Json] = [{"setWeight": 10}, {"analysis": analysis}]
        stage.apply(manifest(steps=steps))
        await stage.until(lambda: stage.status().get("phase") == "Healthy")
        stage.provider.answer = Answered([0.5])
        stage.apply(manifest(version="2", steps=steps))
        await stage.until(lambda: stage.status().get("phase") == "Degraded", within=30)
        assert stage.weight() == 0
        assert stage.status()["abort"]


async def test_a_namespace_has_its_share_of_the_questions_and_no_more() -> None:
    """Twenty runs that hang wait for places of their own; another namespace's run is asked."""
    async with playing() as stage:
        stage.provider.release = asyncio.Event()
        for number in range(20):
            a_run(stage, name=f"run-{number}")
        await stage.turn(5)
        assert len(stage.provider.asked) == 8
        kind = stage.operator.kinds.analysis_run
        stage.cluster.put(
            kind,
            {"metadata": {"namespace": "other", "name": "run"}, "spec": {"metrics": [a_metric()]}},
        )
        for number in range(0, 20, 3):  # some that are asked, some that wait
            stage.cluster.remove(kind, "shop", f"run-{number}")
        await stage.turn(5)
        stage.provider.release.set()
        await stage.turn(5)
        phases = {found["status"]["phase"] for found in stage.cluster.every(kind)}
        assert phases == {"Successful"}
        assert len(stage.cluster.every(kind)) == 14


async def test_a_provider_that_never_answers_is_no_success() -> None:
    """I7: the time-out is said, counts for nothing, and the run goes on waiting for evidence."""
    async with playing(measure=MeasureSettings(timeout=timedelta())) as stage:
        stage.provider.release = asyncio.Event()
        a_run(stage)
        await stage.until(lambda: "no answer within 0 s" in status(stage).get("message", ""))
        assert status(stage)["phase"] == "Running"
        (result,) = status(stage)["metricResults"]
        assert result.get("successful", 0) == 0


async def test_requests_are_asked_for_first_and_the_metric_only_with_enough() -> None:
    """I7: with too few the run goes on, and says how many are missing."""
    async with playing() as stage:
        stage.provider.answer = Answered([37.0])
        wanted = {"requests": 40, "query": "sum(increase(served_total[1m]))"}
        a_run(stage, a_metric(minRequests=wanted))
        await stage.turn(1)
        asked = [metric.provider.prometheus for metric in stage.provider.asked]
        assert [each and each.query for each in asked] == ["sum(increase(served_total[1m]))"]
        told = "too few canary requests: 37 of at least 40; needs about 3 more canary requests"
        assert told in status(stage)["message"]
        stage.provider.answer = Answered([41.0])
        await stage.turn(10)
        assert [metric.provider.prometheus for metric in stage.provider.asked][-1] != asked[0]
        assert status(stage)["phase"] == "Failed"  # by its own condition, of 41


@pytest.mark.parametrize(
    ("kind", "changed", "expected"),
    [
        ("Step", "11:59:00", "11:59:00"),
        ("Background", "11:59:00", "12:00:00"),
        ("Background", "12:01:00", "12:01:00"),
        ("Step", "12:01:00", "12:01:00"),
        ("Step", "soon", "12:00:00"),
    ],
)
def test_a_run_knows_when_the_weight_changed(kind: str, changed: str, expected: str) -> None:
    """By its Rollout's status, which may not tell yet of the weight that begins a run."""
    cache, begun = Cache(), parse_instant("2026-01-01T12:00:00.000Z")
    traffic = {"traffic": {"changedAt": f"2026-01-01T{changed}.000Z"}}
    metadata = {"namespace": "shop", "name": "cart", "uid": "u", "resourceVersion": "1"}
    cache.put(KINDS.rollout, {"metadata": metadata, "status": traffic})
    owner = {"kind": "Rollout", "name": "cart", "uid": "u", "controller": True}
    labels = {"rollout-type": kind}
    made = {**metadata, "name": "run", "labels": labels, "ownerReferences": [owner]}
    found = runs.changed_at(cache, KINDS, {"metadata": made}, begun)
    assert found == parse_instant(f"2026-01-01T{expected}.000Z")
    stranger = {**made, "ownerReferences": [{**owner, "uid": "another"}]}
    assert runs.changed_at(cache, KINDS, {"metadata": stranger}, begun) == begun


async def test_a_run_without_a_rollout_warms_up_from_its_start() -> None:
    """Nobody asks before."""
    async with playing() as stage:
        a_run(stage, a_metric(warmup="15s"))
        await stage.turn(14)
        assert stage.provider.asked == []
        assert "warms up until" in status(stage)["message"]
        await stage.turn(2)
        assert status(stage)["phase"] == "Successful"


@dataclass
class Latencies(FakeProvider):
    """A provider that has histograms, of which half a second is the bound next to 0.99."""

    asked_at: list[datetime] = field(default_factory=list)
    counted: list[Sides] = field(default_factory=list)

    async def below(self, *asked: Any) -> tuple[tuple[Decimal, float], ...]:
        """See `Ranking.below`."""
        _, histogram, at = asked
        assert histogram == Histogram(("took_bucket",), native=False)
        self.asked_at.append(at)
        return (Decimal("0.5"), 9950.0), (Decimal("Infinity"), 10_000.0)

    async def look(self, *asked: Any) -> Look:
        """See `Counting.look`."""
        _, sides, tally, now = asked
        self.counted.append(sides)
        fresh, second = Counts(100, 0, 100, 0), timedelta(seconds=1)
        after = replace(tally, told=tally.told + fresh)
        return Look(fresh, after, now, now, second, canary_seen=True, stable_seen=True)


async def test_a_quantile_becomes_a_limit_once_when_the_run_begins() -> None:
    """Its bound is stable's of before the run, and stays, though Davy begins anew."""
    async with playing() as stage:
        provider = Latencies()
        stage.operator.measurer.providers = Registry({"prometheus": lambda: provider})
        side = {"requests": ["took_count"], "good": ["took_bucket"]}
        a_run(
            stage,
            {
                "name": "latency",
                "provider": {"prometheus": {"address": "http://prometheus:9090"}},
                "compare": {"canary": side, "stable": side, "latency": {"quantile": 0.99}},
            },
        )
        await stage.turn(3)
        stage.operator.measurer.drop()
        await stage.turn(3)
        begun = parse_instant(status(stage)["startedAt"])
        assert provider.asked_at == [begun]
        assert len(provider.counted) > 3
        bounds = {each.canary.good for each in provider.counted}
        assert bounds == {('took_bucket{le=~"0\\\\.5"}',)}
        (*_, last) = status(stage)["metricResults"][0]["measurements"]
        assert last["metadata"]["limit"] == "0.5"


async def test_a_provider_without_histograms_has_no_quantile() -> None:
    """The status says what to give instead."""
    async with playing() as stage:
        stage.operator.measurer.providers = Registry({"prometheus": NoLatencies})
        side = {"requests": ["took_count"], "good": ["took_bucket"]}
        a_run(
            stage,
            {
                "name": "latency",
                "provider": {"prometheus": {"address": "http://prometheus:9090"}},
                "compare": {"canary": side, "stable": side, "latency": {"quantile": 0.99}},
            },
        )
        await stage.turn(1)
        assert "has no histograms; give latency.slowerThan" in status(stage)["message"]


class NoLatencies(FakeProvider):
    """It counts, and no more."""

    async def look(self, *_: Any) -> Look:
        """See `Counting.look`."""
        raise AssertionError("nobody knows the limit")
