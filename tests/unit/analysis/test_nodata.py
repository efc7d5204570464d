"""Every row of the table in `davy.analysis.nodata`: what each kind of answer comes to (I7)."""

import math
from dataclasses import dataclass
from typing import Any

import pytest

from davy.analysis import judge, nodata
from davy.analysis.answer import Answered, NotAnswered
from davy.analysis.limits import JudgeDefaults
from davy.analysis.nodata import Missing
from davy.api import group
from davy.api.analysis import Measurement, MetricResult, Phase
from tests.unit.analysis.runs import NOW, REFUSED, Life, a_metric, a_run, seconds

NAN, INF = math.nan, math.inf
LOW, HIGH = "result[0] <= 0.05", "result[0] >= 0.95"
BAD = "result[0] > 0.05"
TIMED_OUT = NotAnswered("http://prometheus:9090 did not answer within 30 s")
UNPROCESSABLE = NotAnswered("http://prometheus:9090 answered 422: parse error")
UNAVAILABLE = NotAnswered("http://prometheus:9090 answered 503: no healthy upstream")
GARBAGE = NotAnswered("http://prometheus:9090 answered something that isn't JSON: <html>")
A_STRING = NotAnswered("http://prometheus:9090 answered a string; a condition needs …")


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    answer: Any
    success: str | None
    failure: str | None
    phase: Phase
    missing: Missing | None
    says: str


TABLE = {
    "one series, met": Row([0.01], LOW, None, Phase.SUCCESSFUL, None, "0.01, limit result[0]"),
    "one series, missed": Row([0.182], LOW, None, Phase.FAILED, None, "0.182, limit result[0]"),
    "one series, failure": Row([0.2], None, BAD, Phase.FAILED, None, "failure condition"),
    "one series, no failure": Row([0.01], None, BAD, Phase.SUCCESSFUL, None, "0.01"),
    "one series, neither": Row([0.5], HIGH, "result[0] < 0.1", Phase.INCONCLUSIVE, None, "neither"),
    "one series, no condition": Row([0.5], None, None, Phase.SUCCESSFUL, None, "no condition"),
    "both hold": Row([0.5], "result[0] > 0", "result[0] > 0", Phase.FAILED, None, "failure"),
    "a scalar": Row(0.97, "result >= 0.95", None, Phase.SUCCESSFUL, None, "0.97"),
    "several series": Row([0.01, 0.9], LOW, None, Phase.SUCCESSFUL, None, "of 2 values only"),
    "several, all read": Row([0.1, 0.9], "all(result, # < 1)", None, Phase.SUCCESSFUL, None, "0.9"),
    "empty": Row([], LOW, None, Phase.INCONCLUSIVE, Missing.EMPTY, "is empty: no data"),
    "empty, failure only": Row([], None, BAD, Phase.INCONCLUSIVE, Missing.EMPTY, "no data"),
    "empty, all": Row([], "all(result, # < 1)", None, Phase.INCONCLUSIVE, Missing.EMPTY, "no data"),
    "nil": Row(None, "result < 1", None, Phase.INCONCLUSIVE, Missing.EMPTY, "no data"),
    "empty, handled": Row([], f"len(result) == 0 || {LOW}", None, Phase.SUCCESSFUL, None, "[]"),
    "nil, handled": Row(None, "default(result, 0) == 0", None, Phase.SUCCESSFUL, None, "null"),
    "NaN": Row([NAN], LOW, None, Phase.INCONCLUSIVE, Missing.NAN, "NaN"),
    "NaN, failure only": Row([NAN], None, BAD, Phase.INCONCLUSIVE, Missing.NAN, "NaN"),
    "NaN, both": Row([NAN], LOW, BAD, Phase.INCONCLUSIVE, Missing.NAN, "NaN"),
    "NaN scalar": Row(NAN, "result < 1", None, Phase.INCONCLUSIVE, Missing.NAN, "NaN"),
    "NaN, handled": Row([NAN], f"isNaN(result[0]) || {LOW}", None, Phase.SUCCESSFUL, None, "NaN"),
    "NaN beside a bad one": Row([NAN, 1], "all(result, # < 1)", None, Phase.FAILED, None, "NaN,1"),
    "infinity fails": Row([INF], LOW, None, Phase.FAILED, None, "+Inf"),
    "infinity fails by failure": Row([INF], None, BAD, Phase.FAILED, None, "+Inf"),
    "infinity passes": Row([INF], HIGH, None, Phase.INCONCLUSIVE, Missing.INFINITE, "+Inf"),
    "minus infinity passes": Row([-INF], LOW, None, Phase.INCONCLUSIVE, Missing.INFINITE, "-Inf"),
    "minus infinity, no failure": Row([-INF], None, BAD, Phase.INCONCLUSIVE, Missing.INFINITE, ""),
    "infinity, handled": Row([INF], f"isInf(result[0]) || {LOW}", None, Phase.SUCCESSFUL, None, ""),
    "string": Row(A_STRING, LOW, None, Phase.ERROR, Missing.UNANSWERED, "a string"),
    "time-out": Row(TIMED_OUT, LOW, None, Phase.ERROR, Missing.UNANSWERED, "within 30 s"),
    "refused": Row(REFUSED, LOW, None, Phase.ERROR, Missing.UNANSWERED, "refused"),
    "4xx": Row(UNPROCESSABLE, LOW, None, Phase.ERROR, Missing.UNANSWERED, "422"),
    "5xx": Row(UNAVAILABLE, LOW, None, Phase.ERROR, Missing.UNANSWERED, "503"),
    "unparsable": Row(GARBAGE, LOW, None, Phase.ERROR, Missing.UNANSWERED, "isn't JSON"),
    "condition: no such place": Row(
        [1, 2], "result[3] > 1", None, Phase.ERROR, Missing.CONDITION, "index out of range: 3 of 2"
    ),
    "condition: types": Row([1], "result > 1", None, Phase.ERROR, Missing.CONDITION, "result[0]"),
    "condition: no decision": Row([1], "result[0]", None, Phase.ERROR, Missing.CONDITION, "number"),
    "condition: not parsed": Row(
        [1], "result[0] >", None, Phase.ERROR, Missing.CONDITION, "breaks"
    ),
}


def life_of(row: Row, defaults: JudgeDefaults = JudgeDefaults(), **fields: Any) -> Life:  # noqa: B008 - frozen
    """A run that has one measurement of this row."""
    metric = a_metric(row.success, failure_condition=row.failure, interval=None, **fields)
    life = Life(a_run(metric), defaults)
    life.answer(row.answer)
    return life


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_a_row_of_the_table(row: Row) -> None:
    """I7: each answer has one outcome; without evidence the run goes on and no limit counts it."""
    life = life_of(row)
    marked = (life.last.metadata or {}).get(nodata.MARK)
    assert (life.last.phase, marked) == (row.phase, row.missing)
    assert row.says in (life.last.message or "")
    assert life.run.status.phase.completed is (row.missing is None)
    assert life.result.count == (0 if row.missing else 1)
    assert life.result.error == (1 if row.phase is Phase.ERROR else 0)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.missing])
def test_without_evidence_the_run_holds_for_ever(name: str) -> None:
    """I7: however long evidence is missing, the run holds, and says since when."""
    life = life_of(TABLE[name])
    life.answers([TABLE[name].answer] * 60)
    status = life.run.status
    assert status.phase is Phase.RUNNING
    assert (life.result.count, life.result.failed, life.result.inconclusive) == (0, 0, 0)
    assert "no evidence since 2026-05-04T14:00:00.000Z" in (status.message or "")
    assert life.now - NOW == seconds(600)


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row.missing])
def test_evidence_at_last_decides(name: str) -> None:
    """I7: after a gap the first evidence counts as if there had been none, for good and for bad."""
    for value, success, phase in (
        (1, "result[0] == 1", "Successful"),
        (2, "result[0] == 1", "Failed"),
    ):
        row = TABLE[name]
        life = Life(a_run(a_metric(success, interval=None)))
        life.answers([row.answer if isinstance(row.answer, NotAnswered) else []] * 5)
        assert life.answer([value]).phase == phase
        assert life.result.count == 1


def test_a_limit_of_errors_means_what_it_means_in_argo() -> None:
    """With consecutiveErrorLimit 4, the fifth error in a row ends the run as Error, 10 s apart."""
    life = Life(a_run(a_metric(consecutive_error_limit=4, interval="60s")))
    life.answer([0.01])
    assert life.answers([REFUSED] * 4).phase is Phase.RUNNING
    assert life.answer(REFUSED).phase is Phase.ERROR
    assert life.now - NOW == seconds(60 + 40)
    assert life.run.status.message == (
        "Metric error-rate http://prometheus:9090 refused the connection "
        "(measurement 5, 5 errors in a row, at most 4 allowed)."
    )


def test_argos_group_has_argos_default() -> None:
    """Objects of Argo's group behave as they did: five errors in a row end the run."""
    life = Life(a_run(), JudgeDefaults.of(group.ARGO))
    assert life.answers([REFUSED] * 5).phase is Phase.ERROR
    assert JudgeDefaults.of(group.DAVY).consecutive_error_limit is None


def test_with_a_limit_an_empty_answer_is_an_error() -> None:
    """As in Argo, where `result[0]` of nothing is an Error and counts as one."""
    life = Life(a_run(a_metric(consecutive_error_limit=1)))
    assert life.answer([]).phase is Phase.RUNNING
    assert life.last.phase is Phase.ERROR
    assert life.answer([]).phase is Phase.ERROR


@pytest.mark.parametrize("answer", [[NAN], [-INF]])
def test_nan_holds_in_argos_group_too(answer: Any) -> None:
    """I7: the mended behaviour; NaN is neither a failure, nor an error, nor a success."""
    life = Life(a_run(), JudgeDefaults.of(group.ARGO))
    assert life.answers([answer] * 20).phase is Phase.RUNNING
    assert life.last.phase is Phase.INCONCLUSIVE
    assert life.result.consecutive_error == 0


def test_since_survives_the_ten_measurements_that_are_kept() -> None:
    """The start of a long gap is carried along; a gap after evidence starts anew."""
    life = Life(a_run())
    life.answers([[0.01], *[[]] * 30])
    assert (life.last.metadata or {})[nodata.SINCE] == "2026-05-04T14:00:10.000Z"
    life.answers([[0.01], []])
    assert (life.last.metadata or {})[nodata.SINCE] == "2026-05-04T14:05:20.000Z"


def test_since_is_found_without_marks() -> None:
    """Where another program dropped the metadata, the kept measurements tell."""
    life = Life(a_run())
    life.answers([[0.01], REFUSED, REFUSED])
    bare = [kept.model_copy(update={"metadata": None}) for kept in life.result.measurements]
    assert nodata.since(bare, life.now) == NOW + seconds(10)
    broken = [kept.model_copy(update={"metadata": {nodata.SINCE: "?"}}) for kept in bare]
    assert nodata.since(broken, life.now) == NOW + seconds(10)


def test_a_gap_from_the_future_counts_from_the_next_measurement() -> None:
    """The clock was set back an hour: nobody waits an hour longer for it."""
    life = Life(a_run())
    life.answers([[0.01], REFUSED])
    life.now -= seconds(3600)
    set_back = life.now
    assert nodata.since(life.result.measurements, set_back) == set_back
    bare = [kept.model_copy(update={"metadata": None}) for kept in life.result.measurements]
    assert nodata.since(bare, set_back) == set_back


def test_warnings_are_in_the_message() -> None:
    """A partial answer is judged and its warnings are told."""
    answer = Answered([0.01], ("store eu-1 is missing",))
    judged = judge.measurement(a_metric(), answer, limit=None)
    assert judged.phase is Phase.SUCCESSFUL
    assert judged.message == "0.01, limit result[0] <= 0.05; warning: store eu-1 is missing"


@pytest.mark.parametrize(
    ("value", "condition", "phase", "shown"),
    [
        ("s3cret", 'result == "s3cret"', Phase.SUCCESSFUL, "***"),
        ({"s3cret": ["s3cret", 7]}, "result.s3cret[1] > 5", Phase.SUCCESSFUL, '{"***0":["***",7]}'),
        ("s3cret", "asInt(result) > 1", Phase.ERROR, "***"),
        (0.5, "result < 0.1", Phase.FAILED, "0.5"),
        (None, "result > 1", Phase.INCONCLUSIVE, "null"),
    ],
)
def test_a_secret_answer_is_judged_and_not_told(
    value: Any, condition: str, phase: Phase, shown: str
) -> None:
    """A server may echo what it was sent; its texts decide, and stand in no status."""
    metric = a_metric(condition)
    judged = judge.measurement(metric, Answered(value, secret=True), limit=None)
    assert (judged.phase, judged.value) == (phase, shown)
    told = judged.message.replace(condition, "")
    assert "s3cret" not in told


def test_why_a_secret_answer_cant_be_judged_isnt_told() -> None:
    """The error may quote the answer; its place in the condition may not, and is told."""
    judged = judge.measurement(
        a_metric("1 < asInt(result)"), Answered("s3cret", secret=True), limit=None
    )
    assert judged.message == (
        "a condition can't be evaluated at character 4: why is "
        "(not shown: the question carried a secret)"
    )


def test_a_secret_answer_may_nest_without_end() -> None:
    """A third party's provider may answer anything."""
    deep: Any = "s3cret"
    for _ in range(3000):
        deep = [deep]
    judged = judge.measurement(a_metric("true"), Answered(deep, secret=True), limit=None)
    assert "s3cret" not in f"{judged.value} {judged.message}"


def test_a_gap_breaks_a_row_of_successes() -> None:
    """I7: successes in a row have no hole in them."""
    life = Life(a_run(a_metric(consecutive_success_limit=3)))
    assert life.answers([[0.01], [0.01], REFUSED, [0.01], [0.01]]).phase is Phase.RUNNING
    assert life.answer([0.01]).phase is Phase.SUCCESSFUL


def a_gap(seconds_long: float, **times: Any) -> MetricResult:
    """A metric whose last measurement, without marks, had no answer and ended after that long."""
    given = {"started_at": NOW, "finished_at": NOW + seconds(seconds_long), **times}
    last = Measurement(phase=Phase.ERROR, **given)
    return MetricResult(name="m", phase=Phase.RUNNING, measurements=[last])


def test_evidence_is_overdue_after_a_minute() -> None:
    """To the millisecond; what has no times can't be judged so."""
    assert nodata.overdue(a_gap(60)) == NOW
    assert nodata.overdue(a_gap(59.999)) is None
    assert nodata.overdue(a_gap(60, started_at=None)) is None
    assert nodata.overdue(a_gap(60, finished_at=None)) is None
    assert nodata.overdue(MetricResult(name="m", phase=Phase.RUNNING)) is None


def test_since_when_a_gap_is_without_its_times() -> None:
    """Another program may have written no start: the gap is as old as the next one knows."""
    assert nodata.since(a_gap(0, started_at=None).measurements, NOW) == NOW
    old = a_gap(0, started_at=NOW - seconds(60)).measurements
    assert nodata.since([*old, *a_gap(0, started_at=None).measurements], NOW) == NOW - seconds(60)


POLICIES = {
    "inconclusive": (Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
    "fail": (Phase.FAILED, Phase.FAILED),
    "pass": (Phase.SUCCESSFUL, Phase.SUCCESSFUL),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ("on_no_data", []),
        ("on_no_data", [math.nan]),
        ("on_no_data", [math.inf]),
        ("on_provider_error", REFUSED),
        ("on_provider_error", ["text"]),
    ],
)
def test_a_metric_says_what_missing_evidence_is(policy: str, field: str, answer: Any) -> None:
    """It counts then, and nothing is held; the message still says what was missing."""
    life = Life(a_run(a_metric("result[0] >= 0", count=1, **{field: policy})))
    status = life.answer(answer)
    phase, measured = POLICIES[policy]
    assert (status.phase, life.last.phase) == (phase, measured)
    assert life.last.message
    assert judge.lacks(status) == ""
    other = "on_provider_error" if field == "on_no_data" else "on_no_data"
    held = Life(a_run(a_metric("result[0] >= 0", count=1, **{other: policy, field: "hold"})))
    assert held.answer(answer).phase is Phase.RUNNING


def test_who_says_what_an_error_is_is_spared_argos_limit() -> None:
    """Under Argo's group an explicit policy opts in to holding."""
    argo = JudgeDefaults(consecutive_error_limit=0)
    assert Life(a_run(a_metric()), argo).answer(REFUSED).phase is Phase.ERROR
    held = Life(a_run(a_metric(on_provider_error="hold", on_no_data="hold")), argo)
    assert held.answers([REFUSED, [], REFUSED]).phase is Phase.RUNNING
    assert judge.lacks(held.run.status) != ""
