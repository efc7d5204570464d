"""Comparisons in a run's status: measurements, what is remembered, when one is over."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from davy.analysis import compared, judge
from davy.analysis.answer import Measured
from davy.analysis.compare import Comparison, Outcome
from davy.analysis.compared import Compared, Memory
from davy.analysis.counters import Counts, Tally
from davy.analysis.ledger import NOTHING, Served
from davy.api.analysis import (
    AnalysisRunStatus,
    DryRun,
    Metric,
    MetricResult,
    Phase,
    RunManifest,
)
from davy.api.compare import Compare, Side
from davy.api.providers import MetricProvider, PrometheusMetric
from tests.unit.analysis.runs import NOW, a_metric, a_run, seconds, stored

SIDE = Side(requests=["requests"], errors=["errors"])
TOTAL = Served(30.0, 400, 12, 3600, 9)
VALUE = (
    '{"toAbort": 0.25, "toPass": 0.5, "canary": {"requests": 400, "errors": 12}, '
    '"stable": {"requests": 3600, "errors": 9}}'
)


def a_comparison(**fields: Any) -> Metric:
    """A metric that compares."""
    asked = PrometheusMetric(address="http://prometheus:9090")
    given = {"canary": SIDE, "stable": SIDE, **fields}
    compare = Compare(**given)
    return Metric(name="judge", provider=MetricProvider(prometheus=asked), compare=compare)


def shows(outcome: Outcome) -> Comparison:
    """What a ledger shows, with some numbers."""
    return Comparison(outcome, TOTAL, NOTHING, 0.25, 0.5, 0, None)


def told(outcome: Outcome | None, *, silent: bool = False, at: datetime = NOW) -> Compared:
    """A measurement's answer."""
    memory = Memory(Tally(at, told=Counts(400, 12, 3600, 9)), at, (TOTAL,))
    if outcome is None:
        return Compared(None, memory, "http://prometheus:9090 refused the connection")
    return Compared(shows(outcome), memory, silent=silent)


def after(*answers: Compared, run: RunManifest | None = None) -> RunManifest:
    """The run after these answers, 10 s apart."""
    here = run or a_run(a_comparison())
    here = stored(here, judge.record(here, {}, NOW))
    for number, answer in enumerate(answers):
        at = NOW + seconds(10 * number)
        measured = Measured(answer, at, at + seconds(9))
        status = judge.record(here, {"judge": measured}, at + seconds(9))
        here = stored(here, status)
    return here


def result(run: RunManifest) -> MetricResult:
    """Of the comparison."""
    return run.status.metric_results[0]


@pytest.mark.parametrize(
    ("answer", "phase", "counted"),
    [
        (told(Outcome.WORSE), Phase.FAILED, True),
        (told(Outcome.WORSE, silent=True), Phase.FAILED, True),
        (told(Outcome.NOT_WORSE), Phase.SUCCESSFUL, True),
        (told(Outcome.UNDECIDED), Phase.INCONCLUSIVE, True),
        (told(Outcome.UNDECIDED, silent=True), Phase.INCONCLUSIVE, False),
        (told(Outcome.NOT_WORSE, silent=True), Phase.INCONCLUSIVE, False),
        (told(Outcome.TOO_FEW), Phase.INCONCLUSIVE, False),
        (told(Outcome.STABLE_FAILS), Phase.INCONCLUSIVE, False),
        (told(None), Phase.ERROR, False),
        (replace(told(Outcome.NOT_WORSE), warms="warms up"), Phase.INCONCLUSIVE, False),
        (replace(told(Outcome.WORSE), warms="warms up"), Phase.FAILED, True),
    ],
)
def test_a_measurement_is_evidence_where_something_was_seen(
    answer: Compared, phase: Phase, *, counted: bool
) -> None:
    """I7: the table of the module; one without evidence holds the weight and says so."""
    run = after(answer)
    (measurement,) = result(run).measurements
    assert (measurement.phase, result(run).count) == (phase, int(counted))
    assert bool(judge.lacks(run.status)) is not counted
    assert ("noEvidence" in (measurement.metadata or {})) is not counted


def test_only_a_worse_canary_ends_the_run_beside_the_steps() -> None:
    """A pass may become worse later, an undecided comparison goes on without end."""
    passed = after(told(Outcome.UNDECIDED), told(Outcome.NOT_WORSE), told(Outcome.UNDECIDED))
    assert passed.status.phase is Phase.RUNNING
    worse = after(told(Outcome.NOT_WORSE), told(Outcome.WORSE))
    assert worse.status.phase is Phase.FAILED
    assert "judge worse: canary 12 errors of 400 (3 %)" in (worse.status.message or "")


def test_a_pass_ends_a_comparison_with_a_deadline() -> None:
    """A step waits for it."""
    run = after(
        told(Outcome.TOO_FEW), told(Outcome.NOT_WORSE), run=a_run(a_comparison(deadline="10m"))
    )
    assert run.status.phase is Phase.SUCCESSFUL
    assert result(run).message == "shown not to be worse"


@pytest.mark.parametrize("outcome", [Outcome.UNDECIDED, Outcome.TOO_FEW, None])
def test_the_deadline_ends_it_inconclusive(outcome: Outcome | None) -> None:
    """Whatever was missing until then."""
    before = after(told(outcome), run=a_run(a_comparison(deadline="19s")))
    assert before.status.phase is Phase.RUNNING
    over = after(told(outcome), told(outcome), run=a_run(a_comparison(deadline="19s")))
    assert over.status.phase is Phase.INCONCLUSIVE
    assert result(over).message == "not decided within 19s"


def test_a_terminated_comparison_is_no_failure() -> None:
    """Nobody waits for it; what was shown to be worse before is."""
    for answers, says in (((), "nothing was judged"), ((told(Outcome.UNDECIDED),), "not shown")):
        run = after(*answers)
        ended = run.model_copy(update={"spec": run.spec.model_copy(update={"terminate": True})})
        status = judge.record(ended, {}, NOW + seconds(60))
        assert status.phase is Phase.SUCCESSFUL
        assert says in (status.metric_results[0].message or "")


def test_what_is_remembered_stands_in_the_latest_measurement_only() -> None:
    """A status stays small, and a killed operator goes on where it was."""
    last = told(Outcome.UNDECIDED, at=NOW + seconds(19))
    run = after(told(Outcome.UNDECIDED), told(None), last)
    kept = [set(found.metadata or {}) for found in result(run).measurements]
    assert kept == [set(), {"noEvidence", "noEvidenceSince"}, {"ledger", "tally", "newest"}]
    assert compared.memory(result(run), NOW) == last.memory


@pytest.mark.parametrize("gone", ["ledger", "tally", "newest"])
def test_what_cant_be_read_begins_anew(gone: str) -> None:
    """From the run's start, and without a crash."""
    run = after(told(Outcome.UNDECIDED))
    (measurement,) = result(run).measurements
    assert measurement.metadata is not None
    for text in (None, "nonsense"):
        edited = {**measurement.metadata, gone: text}
        other = measurement.model_copy(update={"metadata": edited if text else {}})
        found = result(run).model_copy(update={"measurements": [other]})
        assert compared.memory(found, NOW) == Memory(Tally(NOW), NOW)
    assert compared.memory(None, NOW) == Memory(Tally(NOW), NOW)


def test_alpha_is_shared_by_the_comparisons_of_a_run() -> None:
    """Several metrics together abort a good release no more often than one; a trial aborts none."""
    one, two = a_comparison(), a_comparison().model_copy(update={"name": "latency"})
    alone = a_run(one, a_metric()).spec
    both = a_run(one, two, a_metric()).spec
    assert compared.asked(one, alone).alpha == 0.05
    assert compared.asked(one, both).alpha == 0.025
    trial = both.model_copy(update={"dry_run": [DryRun(metric_name="^latency$")]})
    assert compared.asked(one, trial).alpha == compared.asked(two, trial).alpha == 0.05
    other = a_comparison(abort_ratio=1.5, tolerate_ratio=3, accept=0.02, min_requests=7)
    asked = compared.asked(other, a_run(other).spec)
    assert (asked.abort_ratio, asked.tolerate_ratio, asked.accept, asked.least) == (1.5, 3, 0.02, 7)


@pytest.mark.parametrize(
    ("policy", "phase", "measured"),
    [
        ("hold", Phase.RUNNING, Phase.INCONCLUSIVE),
        ("inconclusive", Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
        ("fail", Phase.FAILED, Phase.FAILED),
        ("pass", Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ],
)
def test_a_policy_says_what_missing_evidence_is(policy: str, phase: Phase, measured: Phase) -> None:
    """Too few requests are no data; a stable side that fails, or a warm-up, holds in any case."""
    metric = a_comparison(deadline="10m").model_copy(update={"on_no_data": policy})
    run = after(told(Outcome.TOO_FEW), run=a_run(metric))
    assert (run.status.phase, result(run).measurements[-1].phase) == (phase, measured)
    assert bool(judge.lacks(run.status)) is (policy == "hold")
    failing = after(told(Outcome.STABLE_FAILS), run=a_run(metric))
    assert failing.status.phase is Phase.RUNNING
    assert judge.lacks(failing.status) != ""
    warming = after(replace(told(Outcome.UNDECIDED), warms="warms up"), run=a_run(metric))
    assert warming.status.phase is Phase.RUNNING
    silent = after(told(None), run=a_run(metric))
    assert result(silent).measurements[-1].phase is Phase.ERROR


def test_the_value_has_the_four_counts_and_how_near_it_is() -> None:
    """What a person, or a program, reads of it."""
    (measurement,) = result(after(told(Outcome.UNDECIDED))).measurements
    assert measurement.value == VALUE


def test_a_value_is_read_as_it_was_written() -> None:
    """The latest that there is: a measurement without an answer has none."""
    found = compared.latest(result(after(told(Outcome.UNDECIDED), told(None))))
    assert found is not None
    assert (found.to_abort, found.to_pass) == (0.25, 0.5)
    assert (found.canary.requests, found.canary.errors) == (400, 12)
    assert (found.stable.requests, found.stable.errors) == (3600, 9)
    assert compared.latest(result(after(told(None)))) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "[0.97]",
        "{}",
        "[" * 100_000,
        VALUE.replace("0.25", "NaN"),
        VALUE.replace("0.25", "-1"),
        VALUE.replace("400", "-1"),
        VALUE.replace("400", "1e30"),
    ],
)
def test_a_value_of_something_else_is_none(value: str | None) -> None:
    """Anybody may write a status; nothing in it is believed unseen."""
    assert compared.read(value) is None


def test_a_status_of_another_version_is_a_beginning() -> None:
    """Nothing was measured yet."""
    assert compared.memory(MetricResult(name="judge", phase=Phase.RUNNING), NOW).ledger == ()
    assert judge.lacks(AnalysisRunStatus()) == ""
