"""Runs from begin to end: Argo's phases, termination, messages, idempotent records."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import judge, nodata, rules, underway
from davy.analysis.answer import Answered, Measured, NotAnswered, Underway
from davy.api.analysis import (
    AnalysisRunSpec,
    AnalysisRunStatus,
    DryRun,
    MetricResult,
    Phase,
    RunSummary,
)
from tests.unit.analysis.runs import NOW, REFUSED, Life, a_metric, a_run, said, seconds, stored

GOOD: Any = [0.01]
BAD: Any = [0.182]
UNDECIDED: Any = [0.5]
EMPTY: Any = []

TWO_SIDED: dict[str, Any] = {
    "success": "result[0] < 0.05",
    "failure_condition": "result[0] > 0.1 && result[0] < 0.4",
}


def test_a_run_begins_with_its_first_record() -> None:
    """No answers: the run is Running, its metrics Pending, and it has a start."""
    status = judge.record(a_run(), {}, NOW)
    assert (status.phase, status.started_at) == (Phase.RUNNING, NOW)
    assert [result.phase for result in status.metric_results] == [Phase.PENDING]
    assert status.message is None


@pytest.mark.parametrize(
    ("fields", "answers", "phase", "says"),
    [
        ({"interval": None}, [GOOD], Phase.SUCCESSFUL, "1 of 1 measurements taken"),
        ({"interval": None}, [BAD], Phase.FAILED, "failed 1 of at most 0"),
        ({"count": 3}, [GOOD] * 3, Phase.SUCCESSFUL, "3 of 3 measurements taken"),
        ({"count": "3"}, [GOOD] * 3, Phase.SUCCESSFUL, "3 of 3 measurements taken"),
        ({"count": 3}, [GOOD] * 2, Phase.RUNNING, ""),
        ({"count": 3, "failure_limit": 1}, [GOOD, BAD, GOOD], Phase.SUCCESSFUL, "3 of 3"),
        ({"count": 3, "failure_limit": 1}, [BAD, BAD], Phase.FAILED, "failed 2 of at most 1"),
        ({"count": 0}, [GOOD] * 9, Phase.RUNNING, ""),
        ({}, [GOOD] * 30, Phase.RUNNING, ""),
        ({"failure_limit": 2}, [BAD, GOOD, BAD, GOOD, BAD], Phase.FAILED, "failed 3 of at most 2"),
        ({"failure_limit": -1, "count": 2}, [BAD, BAD], Phase.SUCCESSFUL, "2 of 2"),
        ({**TWO_SIDED}, [UNDECIDED], Phase.INCONCLUSIVE, "inconclusive 1 of at most 0"),
        ({**TWO_SIDED, "inconclusive_limit": 1}, [UNDECIDED], Phase.RUNNING, ""),
        ({**TWO_SIDED, "inconclusive_limit": 1}, [UNDECIDED] * 2, Phase.INCONCLUSIVE, "2 of"),
        ({"consecutive_error_limit": 0}, [REFUSED], Phase.ERROR, "1 errors in a row"),
        ({"consecutive_error_limit": 1}, [REFUSED, GOOD, REFUSED], Phase.RUNNING, ""),
        ({"consecutive_success_limit": 2}, [GOOD, GOOD], Phase.SUCCESSFUL, "2 successes in a row"),
        (
            {"consecutive_success_limit": 2, "failure_limit": -1},
            [GOOD, BAD, GOOD],
            Phase.RUNNING,
            "",
        ),
        (
            {"consecutive_success_limit": 2, "failure_limit": 3, "count": 4},
            [GOOD, BAD, GOOD, BAD],
            Phase.INCONCLUSIVE,
            "4 measurements without 2 successes in a row",
        ),
        ({"count": 2}, [GOOD, REFUSED, EMPTY, GOOD], Phase.SUCCESSFUL, "2 of 2"),
        ({"interval": None, "count": 1}, [EMPTY, REFUSED, BAD], Phase.FAILED, "failed 1 of"),
    ],
)
def test_limits(fields: dict[str, Any], answers: Sequence[Any], phase: Phase, says: str) -> None:
    """Argo's limits: counters pass them by one; errors and gaps count towards no `count`."""
    life = Life(a_run(a_metric(**fields)))
    status = life.answers(answers)
    assert status.phase is phase
    assert says in (life.result.message or "")
    assert (status.completed_at is not None) is phase.completed


@pytest.mark.parametrize("order", sorted(set(permutations("ffiieegg", 4))))
def test_limits_in_any_order(order: tuple[str, ...]) -> None:
    """Whatever the order, the run ends with the first limit that is passed, and as its phase."""
    values = {"f": BAD, "i": UNDECIDED, "e": REFUSED, "g": GOOD}
    life = Life(
        a_run(
            a_metric(**TWO_SIDED, failure_limit=1, inconclusive_limit=1, consecutive_error_limit=1)
        )
    )
    expected = Phase.RUNNING
    for place, kind in enumerate(order):
        life.answers([values[kind]])
        seen = order[: place + 1]
        if seen.count("f") > 1:
            expected = Phase.FAILED
        elif seen.count("i") > 1:
            expected = Phase.INCONCLUSIVE
        elif seen[-2:] == ("e", "e"):
            expected = Phase.ERROR
        assert life.run.status.phase is expected
        if expected.completed:
            break


ANSWERS = st.lists(
    st.sampled_from([GOOD, BAD, UNDECIDED, EMPTY, REFUSED, [float("nan")], 3.0]), max_size=14
)
LIMITS = st.fixed_dictionaries(
    {
        "failure_limit": st.integers(-1, 3),
        "inconclusive_limit": st.integers(0, 3),
        "consecutive_error_limit": st.none() | st.integers(0, 3),
        "consecutive_success_limit": st.integers(0, 3),
        "count": st.none() | st.integers(1, 10),
    }
)


@given(ANSWERS, LIMITS)
def test_counters_and_phases_of_any_life(answers: list[Any], wanted: dict[str, Any]) -> None:
    """Counters add up, never fall, and a complete run never changes again (I7 among them)."""
    life = Life(a_run(a_metric(**TWO_SIDED, **wanted)))
    before = life.result
    for taken, value in enumerate(answers, start=1):
        if life.run.status.phase.completed:
            break
        life.answer(value)
        now = life.result
        assert now.count == now.successful + now.failed + now.inconclusive
        assert now.count + now.error <= taken
        for counter in ("count", "successful", "failed", "inconclusive", "error"):
            assert getattr(now, counter) >= getattr(before, counter)
        assert now.consecutive_error <= now.error
        assert now.consecutive_success <= now.successful
        assert not (now.consecutive_error and now.consecutive_success)
        assert len(now.measurements) == min(taken, rules.KEPT)
        before = now
    if life.run.status.phase is Phase.SUCCESSFUL:
        assert life.result.successful + life.result.failed + life.result.inconclusive >= 1
    if life.run.status.phase.completed:
        again = judge.record(
            life.run, {"error-rate": Measured(Answered(BAD), life.now, life.now)}, life.now
        )
        assert again is life.run.status
        assert life.due().metrics == ()


@given(st.permutations([GOOD, BAD, UNDECIDED, EMPTY, REFUSED]))
def test_missing_evidence_never_changes_the_end(order: list[Any]) -> None:
    """I7: a run with gaps ends as the same run without them."""
    fields: dict[str, Any] = {**TWO_SIDED, "inconclusive_limit": 2, "count": 3}
    with_gaps = Life(a_run(a_metric(**fields))).answers(order)
    told = [value for value in order if value not in (EMPTY, REFUSED)]
    without = Life(a_run(a_metric(**fields))).answers(told)
    assert with_gaps.phase is without.phase


def test_the_worst_metric_decides() -> None:
    """Successful < Inconclusive < Error < Failed; one bad metric terminates the others."""
    run = a_run(a_metric(name="error-rate"), a_metric(name="latency", interval=None))
    life = Life(run)
    status = life.record({"error-rate": Measured(Answered(BAD), NOW, NOW)})
    assert status.phase is Phase.FAILED
    assert [result.phase for result in status.metric_results] == [Phase.FAILED, Phase.SUCCESSFUL]
    assert status.metric_results[1].message == "terminated without evidence: nothing was judged"
    assert status.run_summary == RunSummary(count=2, successful=1, failed=1)
    assert (status.message or "").startswith("Metric error-rate 0.182, limit result[0] <= 0.05")


def test_two_bad_metrics_at_once() -> None:
    """Both are recorded together: the run is as bad as the worse."""
    run = a_run(a_metric(name="a", consecutive_error_limit=0), a_metric(name="b"))
    asked = {"a": Measured(REFUSED, NOW, NOW), "b": Measured(Answered(BAD), NOW, NOW)}
    assert Life(run).record(asked).phase is Phase.FAILED


def test_a_good_metric_waits_for_the_others() -> None:
    """A run is complete when all metrics are."""
    life = Life(a_run(a_metric(name="a", interval=None), a_metric(name="b", count=2)))
    life.answer(GOOD, "a")
    assert life.answer(GOOD, "b").phase is Phase.RUNNING
    assert life.answer(GOOD, "b").phase is Phase.SUCCESSFUL
    assert "b 0.01" in (life.run.status.message or "") or "a 0.01" in (
        life.run.status.message or ""
    )


def test_a_terminated_run_ends_at_once() -> None:
    """As in Argo, Successful unless bad already; without a measurement it says so."""
    life = Life(a_run())
    life.run = life.run.model_copy(update={"spec": a_run(terminate=True).spec})
    status = life.record({})
    assert (status.phase, status.completed_at) == (Phase.SUCCESSFUL, NOW)
    assert status.message == "Terminated."
    assert life.result.message == "terminated without evidence: nothing was judged"


def test_a_terminated_run_keeps_what_it_saw() -> None:
    """A terminated run says after how many measurements; a bad one stays bad."""
    life = Life(a_run(a_metric(failure_limit=1)))
    life.answers([GOOD, BAD])
    life.run = life.run.model_copy(
        update={"spec": life.run.spec.model_copy(update={"terminate": True})}
    )
    assert life.record({}).phase is Phase.SUCCESSFUL
    assert life.result.message == "terminated after 2 measurements within the limits"
    assert life.due().metrics == ()


def test_a_run_terminated_before_it_began() -> None:
    """It has a start and an end all the same."""
    status = judge.record(a_run(terminate=True), {}, NOW)
    assert (status.phase, status.started_at, status.completed_at) == (Phase.SUCCESSFUL, NOW, NOW)


def test_a_run_that_cannot_be_read_is_an_error() -> None:
    """A run that somebody made by hand with arguments left in it ends as Error, saying why."""
    status = judge.record(a_run(a_metric(count="{{args.n}}")), {}, NOW)
    assert status.phase is Phase.ERROR
    assert "'{{args.n}}' is not a whole number" in (status.message or "")
    assert judge.record(a_run(a_metric(interval="soon")), {}, NOW).phase is Phase.ERROR


def test_a_record_may_be_repeated() -> None:
    """After a write conflict the same answer, to the microsecond, counts once."""
    begun = NOW.replace(microsecond=123_456)
    measured = {"error-rate": Measured(Answered(GOOD), begun, begun)}
    run = a_run()
    run = stored(run, judge.record(run, {}, NOW))
    once = stored(run, judge.record(run, measured, begun))
    twice = stored(once, judge.record(once, measured, begun))
    assert twice.status.metric_results == once.status.metric_results
    assert once.status.metric_results[0].count == 1


def test_an_unknown_metrics_answer_is_left_out() -> None:
    """An answer to a metric that the run doesn't have changes nothing."""
    status = Life(a_run()).record({"other": Measured(Answered(GOOD), NOW, NOW)})
    assert [result.name for result in status.metric_results] == ["error-rate"]


def test_the_verdict_has_the_numbers() -> None:
    """I10: value, limit, which measurement, failures of how many allowed."""
    life = Life(a_run(a_metric(failure_limit=2)))
    assert judge.verdict(life.run) == ""
    life.answers([GOOD, GOOD, BAD])
    assert judge.verdict(life.run) == (
        "error-rate 0.182, limit result[0] <= 0.05 (measurement 3, failed 1 of at most 2)"
    )


def test_the_verdict_of_a_failed_run() -> None:
    """The example of the design: failed 1 of at most 0."""
    life = Life(a_run())
    status = life.answers([GOOD, GOOD, BAD])
    assert status.phase is Phase.FAILED
    told = "error-rate 0.182, limit result[0] <= 0.05 (measurement 3, failed 1 of at most 0)"
    assert (judge.verdict(life.run), status.message) == (told, f"Metric {told}.")


def test_the_verdict_says_what_is_missing() -> None:
    """I7, I10: a metric that waits for evidence is what the run waits for."""
    life = Life(a_run())
    life.answers([GOOD, REFUSED, REFUSED])
    assert judge.verdict(life.run) == (
        "error-rate: no evidence since 2026-05-04T14:00:10.000Z: "
        "http://prometheus:9090 refused the connection (error 2 in a row)"
    )
    assert life.run.status.message == f"Metric {judge.verdict(life.run)}."
    assert life.answer(GOOD).message is None
    assert judge.verdict(life.run).startswith("error-rate 0.01")


def test_the_verdict_is_of_the_worst_metric() -> None:
    """A metric that waits comes before one that is content, a failed one before both."""
    life = Life(a_run(a_metric(name="a"), a_metric(name="b", failure_limit=9), a_metric(name="c")))
    life.answer(GOOD, "a")
    life.answer(BAD, "b")
    assert judge.verdict(life.run).startswith("b 0.182")
    life.answer(REFUSED, "c")
    assert judge.verdict(life.run).startswith("c: no evidence")
    life.answer(BAD, "a")
    assert judge.verdict(life.run).startswith("a 0.182")


def test_a_status_of_another_program_is_understood() -> None:
    """A status that Argo wrote (no marks, Errors in it) goes on from where it is."""
    status = AnalysisRunStatus.model_validate(
        {
            "phase": "Running",
            "startedAt": "2026-05-04T13:59:00Z",
            "dryRunSummary": {},
            "metricResults": [
                {
                    "name": "error-rate",
                    "phase": "Running",
                    "count": 4,
                    "successful": 4,
                    "error": 1,
                    "consecutiveError": 1,
                    "measurements": [
                        {
                            "phase": "Error",
                            "startedAt": "2026-05-04T13:59:50Z",
                            "finishedAt": "2026-05-04T13:59:51Z",
                        }
                    ],
                }
            ],
        }
    )
    life = Life(a_run(a_metric(count=5)).model_copy(update={"status": status}))
    assert nodata.holding(life.result) is not None
    assert life.answer(GOOD).phase is Phase.SUCCESSFUL


def test_a_run_without_a_measurement_has_nothing_to_say() -> None:
    """Another program may have written that its metrics are complete, and no more."""
    results = [MetricResult(name="error-rate", phase=Phase.SUCCESSFUL)]
    status = AnalysisRunStatus(phase=Phase.RUNNING, started_at=NOW, metric_results=results)
    ended = judge.record(a_run().model_copy(update={"status": status}), {}, NOW)
    assert (ended.phase, ended.message) == (Phase.SUCCESSFUL, None)


def test_times_are_utc_and_kept() -> None:
    """Starts and ends are those of the question, not of the record."""
    begun = datetime(2026, 5, 4, 14, 0, 1, tzinfo=UTC)
    life = Life(a_run())
    life.now = NOW + seconds(9)
    life.record({"error-rate": Measured(NotAnswered("no"), begun, begun + seconds(3))})
    assert (life.last.started_at, life.last.finished_at) == (begun, begun + seconds(3))


def beside(*metrics: Any, answers: Sequence[tuple[str, Any]]) -> Life:
    """A run of several metrics whose answers come in one record."""
    life = Life(a_run(*metrics))
    life.record({name: Measured(said(value), NOW, NOW) for name, value in answers})
    return life


INCONCLUSIVE = a_metric(name="latency", **TWO_SIDED)
ERROR = a_metric(name="latency", consecutive_error_limit=0)


@pytest.mark.parametrize(
    ("metric", "answer", "limit", "says"),
    [
        (INCONCLUSIVE, UNDECIDED, 0, "errors 0.182"),
        (ERROR, REFUSED, 0, "errors 0.182"),
        (INCONCLUSIVE, UNDECIDED, 1, "latency 0.5, neither"),
        (ERROR, REFUSED, 1, "latency http://prometheus:9090 refused"),
    ],
    ids=["failed, inconclusive", "failed, error", "good, inconclusive", "good, error"],
)
def test_the_message_is_of_the_metric_that_decided(
    metric: Any, answer: Any, limit: int, says: str
) -> None:
    """The worst one, whatever failures another was allowed."""
    errors = a_metric(name="errors", failure_limit=limit)
    life = beside(metric, errors, answers=[("errors", BAD), ("latency", answer)])
    assert (life.run.status.message or "").startswith(f"Metric {says}")


def test_a_failed_metric_comes_before_one_with_more_failures() -> None:
    """Nine may be allowed there."""
    life = Life(a_run(a_metric(name="a"), a_metric(name="b", failure_limit=9)))
    life.answer(BAD, "b")
    life.answer(BAD, "b")
    assert (life.answer(BAD, "a").message or "").startswith("Metric a 0.182")
    assert life.run.status.metric_results[1].failed == 2


def test_failures_are_told_before_content() -> None:
    """Of metrics that may go on; with the limit of that metric, complete or not."""
    a, b = a_metric(name="a", count=2, failure_limit=1), a_metric(name="b", failure_limit=3)
    life = Life(a_run(a, b))
    for value in (BAD, GOOD):
        life.answer(value, "a")
    life.answer(GOOD, "b")
    assert judge.verdict(life.run) == (
        "a 0.01, limit result[0] <= 0.05 (measurement 2, 2 of 2 measurements taken)"
    )
    for _ in range(2):
        life.answer(BAD, "b")
    assert judge.verdict(life.run) == (
        "b 0.182, limit result[0] <= 0.05 (measurement 3, failed 2 of at most 3)"
    )


def test_all_that_wait_for_evidence_are_told() -> None:
    """A sentence each."""
    life = beside(a_metric(name="a"), a_metric(name="b"), answers=[("a", REFUSED), ("b", REFUSED)])
    since = "no evidence since 2026-05-04T14:00:00.000Z: http://prometheus:9090 refused the"
    assert life.run.status.message == (
        f"Metric a: {since} connection. Metric b: {since} connection."
    )


def test_a_metric_that_is_complete_takes_no_more_answers() -> None:
    """One that was still awaited may come while the others go on."""
    life = Life(a_run(a_metric(name="a", interval=None), a_metric(name="b")))
    life.answer(GOOD, "a")
    before = life.result
    late = life.now + seconds(1)
    life.record({"a": Measured(Answered(BAD), late, late)})
    assert life.result == before


def test_a_measurement_has_the_answer_and_its_times_to_the_millisecond() -> None:
    """As the API server keeps them."""
    life = Life(a_run())
    begun, ended = NOW.replace(microsecond=998_500), NOW.replace(second=1, microsecond=2_999)
    life.record({"error-rate": Measured(Answered([0.25, "x"]), begun, ended)})
    assert life.last.value == '[0.25,"x"]'
    assert life.last.started_at == NOW.replace(microsecond=998_000)
    assert life.last.finished_at == NOW.replace(second=1, microsecond=2_000)


def test_a_metric_without_conditions_says_so() -> None:
    """As in Argo it succeeds by an answer."""
    judged = judge.measurement(a_metric(None), Answered([0.5]), limit=None)
    assert (judged.phase, judged.message) == (Phase.SUCCESSFUL, "0.5, no condition")


def test_a_summary_counts_each_phase() -> None:
    """Of the metrics that decide."""
    metrics = (
        a_metric(name="good", interval=None),
        a_metric(name="bad"),
        a_metric(name="errors", consecutive_error_limit=0),
        a_metric(name="undecided", **TWO_SIDED),
    )
    answers = [("good", GOOD), ("bad", BAD), ("errors", REFUSED), ("undecided", UNDECIDED)]
    assert beside(*metrics, answers=answers).run.status.run_summary == RunSummary(
        count=4, successful=1, failed=1, error=1, inconclusive=1
    )


def test_a_run_that_is_refused_has_a_start_and_an_end() -> None:
    """The start is its first record's, if it had one."""
    begun = a_run().status
    status = judge.refused(begun, "The run can't be read.", NOW)
    assert (status.phase, status.started_at, status.completed_at) == (Phase.ERROR, NOW, NOW)
    assert status.message == "The run can't be read."
    later = judge.refused(begun.model_copy(update={"started_at": NOW}), "No.", NOW + seconds(9))
    assert (later.started_at, later.completed_at) == (NOW, NOW + seconds(9))


def test_a_run_that_ends_keeps_its_start() -> None:
    """However long it took."""
    status = Life(a_run(a_metric(count=3))).answers([GOOD] * 3)
    assert (status.started_at, status.completed_at) == (NOW, NOW + seconds(20))


def lacks_after(*answers: Any, **fields: Any) -> str:
    """What a run with an error-rate and a dry run says it lacks; each metric got these answers."""
    metrics = [a_metric(), a_metric(name="latency")]
    spec = AnalysisRunSpec(metrics=metrics, dry_run=[DryRun(metric_name="latency")], **fields)
    life = Life(a_run().model_copy(update={"spec": spec}))
    for rate, latency in answers:
        life.answer(rate)
        life.answer(latency, "latency")
    return judge.lacks(life.run.status)


def test_a_run_lacks_evidence_while_a_metric_that_decides_got_none_last() -> None:
    """I7: neither one that answers again, nor one that wasn't asked yet, nor a dry run lacks it."""
    assert lacks_after() == ""
    assert lacks_after((GOOD, GOOD)) == ""
    told = lacks_after((GOOD, GOOD), (REFUSED, GOOD))
    assert told.startswith("Metric error-rate: no evidence since 2026-05-04T14:00:10")
    assert "refused the connection" in told
    assert lacks_after((EMPTY, GOOD)) != ""
    assert lacks_after((REFUSED, GOOD), (GOOD, GOOD)) == ""
    assert lacks_after((GOOD, REFUSED)) == ""


def test_a_run_that_is_over_lacks_nothing() -> None:
    """What it says then is its verdict."""
    life = Life(a_run(a_metric(consecutive_error_limit=0)))
    assert life.answer(REFUSED).phase is Phase.ERROR
    assert judge.lacks(life.run.status) == ""


def test_a_job_under_way_isnt_missing() -> None:
    """It was asked and takes its time."""
    life = Life(a_run())
    asked = Measured(Underway(Phase.RUNNING, "runs", {"job-name": "smoke"}), NOW, NOW)
    life.record({"error-rate": asked})
    assert underway.held(life.run.status, "error-rate") is not None
    assert judge.lacks(life.run.status) == ""
