"""Which metrics a run's rules pick, and what a dry run may and may not do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import judge, nodata, rules
from davy.api.analysis import DryRun, MeasurementRetention, Phase, RunManifest, RunSummary
from tests.unit.analysis.runs import REFUSED, Life, a_metric, a_run, seconds

GOOD: Any = [0.01]
BAD: Any = [0.182]
UNDECIDED: Any = [0.07]
NAN: Any = [float("nan")]


def ruled(run: RunManifest, *dry: str, keep: tuple[tuple[str, int], ...] = ()) -> RunManifest:
    """The run with these rules."""
    spec = run.spec.model_copy(
        update={
            "dry_run": [DryRun(metric_name=name) for name in dry] or None,
            "measurement_retention": [
                MeasurementRetention(metric_name=name, limit=limit) for name, limit in keep
            ]
            or None,
        }
    )
    return run.model_copy(update={"spec": spec})


def a_pair(*dry: str, **fields: Any) -> Life:
    """A metric `errors`, and one `latency` with these fields, of which some are dry runs."""
    errors = a_metric(name="errors", count=2)
    latency = a_metric(name="latency", **{"count": 2, **fields})
    return Life(ruled(a_run(errors, latency), *(dry or ("latency",))))


def results(life: Life) -> dict[str, Phase]:
    """Phases by metric."""
    return {result.name: result.phase for result in life.run.status.metric_results}


def message(life: Life) -> str:
    """What the run's status says."""
    return life.run.status.message or ""


@pytest.mark.parametrize(
    ("expression", "picked"),
    [
        ("errors", {"errors", "errors-5xx"}),
        ("^errors$", {"errors"}),
        (".*", {"errors", "errors-5xx", "latency"}),
        ("lat|5xx", {"latency", "errors-5xx"}),
        ("(?i)LAT", {"latency"}),
    ],
)
def test_a_rule_is_an_expression_that_is_found_in_a_name(expression: str, picked: set[str]) -> None:
    """As in Argo: not anchored, so a plain name picks every name that contains it."""
    run = a_run(*(a_metric(name=name) for name in ("errors", "errors-5xx", "latency")))
    assert rules.chosen(ruled(run, expression).spec).dry_run == picked


def test_the_last_retention_that_fits_counts() -> None:
    """0 is the number that holds without a rule."""
    run = a_run(*(a_metric(name=name) for name in ("a", "b", "c", "d")))
    chosen = rules.chosen(ruled(run, keep=((".*", 3), ("a", 20), ("b", 0), ("d", 1))).spec)
    assert [chosen.kept(name) for name in ("a", "b", "c", "d")] == [20, 10, 3, 1]


def test_what_cant_be_read_is_told_before_the_names_are_known() -> None:
    """Of a template alone: each rule, with its place; one that picks nothing may yet pick some."""
    dry = [DryRun(metric_name=name) for name in ("*", "errors", "[")]
    retention = [MeasurementRetention(metric_name="+", limit=3)]
    assert [finding.path for finding in rules.findings(dry, retention, None)] == [
        "dryRun[0].metricName",
        "dryRun[2].metricName",
        "measurementRetention[0].metricName",
    ]
    fine = [MeasurementRetention(metric_name="errors", limit=1000)]
    assert [*rules.findings(dry[1:2], fine, None)] == []
    (nothing,) = rules.findings(dry[1:2], (), ("latency", "rate"))
    assert nothing.message == "is errors, which no metric is called (latency, rate)"


@pytest.mark.parametrize("limit", [1, 2, 10, 12])
def test_the_status_keeps_as_many_measurements_as_it_is_told(limit: int) -> None:
    """The latest; the counters are over all, and a record stays idempotent."""
    life = Life(ruled(a_run(a_metric(count=12)), keep=(("error-rate", limit),)))
    life.answers([GOOD] * 12)
    assert life.run.status.phase is Phase.SUCCESSFUL
    assert life.result.count == 12
    assert [kept.started_at for kept in life.result.measurements] == life.started[-limit:]


def test_a_failed_dry_run_decides_nothing() -> None:
    """The others go on; it is told in its result and in a summary of its own."""
    life = a_pair()
    life.answer(BAD, "latency")
    assert results(life) == {"errors": Phase.PENDING, "latency": Phase.FAILED}
    life.answer(GOOD, "errors")
    status = life.answer(GOOD, "errors")
    assert status.phase is Phase.SUCCESSFUL
    assert (status.message or "").startswith("errors 0.01")
    assert [result.dry_run for result in status.metric_results] == [None, True]
    assert status.run_summary == RunSummary(count=1, successful=1)
    assert status.dry_run_summary == RunSummary(count=1, failed=1)


def test_a_run_without_dry_runs_has_no_summary_of_them() -> None:
    """Nor a mark in its results."""
    status = Life(a_run()).answer(GOOD)
    assert status.dry_run_summary is None
    assert status.metric_results[0].dry_run is None


def test_a_dry_run_is_waited_for_until_all_others_have_ended() -> None:
    """One of two is not enough."""
    metrics = [a_metric(name=name, count=1) for name in ("errors", "rate", "latency")]
    life = Life(ruled(a_run(*metrics), "latency"))
    life.answer(GOOD, "errors")
    for _ in range(20):
        life.answer(NAN, "latency")
    assert results(life)["latency"] is Phase.RUNNING
    life.answer(GOOD, "rate")
    assert results(life)["latency"] is Phase.INCONCLUSIVE


def test_an_inconclusive_metric_ends_a_dry_run() -> None:
    """As a failed one does."""
    errors = a_metric(name="errors", failure_condition="result[0] > 0.1")
    life = Life(ruled(a_run(errors, a_metric(name="latency")), "latency"))
    assert life.answer(UNDECIDED, "errors").phase is Phase.INCONCLUSIVE
    assert results(life)["latency"] is Phase.SUCCESSFUL


def test_a_bad_metric_ends_a_dry_run() -> None:
    """It is known how the run ends, so nobody waits for the others."""
    life = a_pair()
    life.answer(GOOD, "latency")
    status = life.answer(BAD, "errors")
    assert status.phase is Phase.FAILED
    assert results(life)["latency"] is Phase.SUCCESSFUL
    assert status.dry_run_summary == RunSummary(count=1, successful=1)


def test_the_measurements_of_a_dry_run_are_waited_for() -> None:
    """As in Argo: the run isn't over before the last of them, good or bad."""
    life = a_pair(count=4, failure_limit=4)
    for _ in range(2):
        life.answer(GOOD, "errors")
    for _ in range(3):
        assert life.answer(BAD, "latency").phase is Phase.RUNNING
    assert life.answer(BAD, "latency").phase is Phase.SUCCESSFUL


@pytest.mark.parametrize("nothing", [[], NAN, REFUSED], ids=["empty", "nan", "refused"])
def test_the_evidence_of_a_dry_run_is_not_waited_for(nothing: Any) -> None:
    """A query that never answers would hold the step, and that is a decision, too."""
    life = a_pair()
    life.answer(nothing, "latency")
    assert message(life) == ""
    for _ in range(2):
        life.answer(GOOD, "errors")
    assert message(life).startswith("Metric latency: no evidence since")
    begun = life.now
    while not life.run.status.phase.completed:
        life.answer(nothing, "latency")
        assert life.now - begun <= nodata.PATIENCE + seconds(10)
    assert life.run.status.phase is Phase.SUCCESSFUL
    assert results(life)["latency"] is Phase.INCONCLUSIVE
    assert life.run.status.dry_run_summary == RunSummary(count=1, inconclusive=1)


def test_a_dry_run_has_its_time_while_others_decide() -> None:
    """Nobody waits for its evidence yet, so it may still come."""
    life = a_pair(interval="5s")
    life.answer(GOOD, "errors")
    for _ in range(20):
        life.answer(NAN, "latency")
    assert results(life) == {"errors": Phase.RUNNING, "latency": Phase.RUNNING}
    life.answer(GOOD, "errors")
    latency = life.run.status.metric_results[1]
    assert latency.phase is Phase.INCONCLUSIVE
    assert (latency.message or "").startswith("no evidence since 2026-05-04T14:00:00")
    assert (latency.message or "").endswith("; a dry run isn't waited for")


def test_a_dry_run_without_an_end_goes_on_without_evidence() -> None:
    """Nobody waits for it: it belongs to the background, or there is a metric that decides."""
    life = Life(ruled(a_run(a_metric()), ".*"))
    life.answers([NAN] * 30)
    assert life.run.status.phase is Phase.RUNNING
    assert message(life).startswith("Metric error-rate: no evidence since")


def test_a_run_of_dry_runs_alone_is_successful() -> None:
    """And says that it was one."""
    life = Life(ruled(a_run(a_metric(interval=None)), ".*"))
    status = life.answer(BAD)
    assert status.phase is Phase.SUCCESSFUL
    assert (status.message or "").startswith("dry run: error-rate 0.182")
    assert status.run_summary == RunSummary()
    assert status.dry_run_summary == RunSummary(count=1, failed=1)


def test_the_verdict_is_of_the_metrics_that_decide() -> None:
    """However bad a dry run looks."""
    life = a_pair()
    life.answer(GOOD, "errors")
    life.answer(BAD, "latency")
    assert judge.verdict(life.run).startswith("errors 0.01")


@pytest.mark.parametrize("rule", ["throughput", "*"])
def test_a_run_whose_rule_picks_nothing_is_an_error(rule: str) -> None:
    """As in Argo; the sentence says which rule."""
    status = Life(ruled(a_run(), rule)).run.status
    assert status.phase is Phase.ERROR
    assert "dryRun[0].metricName" in (status.message or "")


ANSWERS = st.lists(st.sampled_from([GOOD, BAD, UNDECIDED, [], NAN, REFUSED]), max_size=40)


@given(ANSWERS, ANSWERS)
def test_no_answer_of_a_dry_run_changes_the_phase(errors: list[Any], latency: list[Any]) -> None:
    """A life with a dry run and one without it end the same whenever both have ended."""
    fields: dict[str, Any] = {"name": "errors", "count": 3, "failure_limit": 1}
    alone = Life(a_run(a_metric(**fields)))
    beside = Life(ruled(a_run(a_metric(**fields), a_metric(name="latency", count=3)), "latency"))
    for answer in errors:
        if not alone.run.status.phase.completed:
            alone.answer(answer, "errors")
            beside.answer(answer, "errors")
    for answer in latency:
        if not results(beside)["latency"].completed:
            beside.answer(answer, "latency")
    if alone.run.status.phase.completed and beside.run.status.phase.completed:
        assert beside.run.status.phase is alone.run.status.phase
        assert beside.run.status.message == alone.run.status.message
    assert beside.run.status.phase in {alone.run.status.phase, Phase.RUNNING}
