"""The life of an AnalysisRun: (run, answers, now) -> its status. Argo's phases, mended for I7.

A run is Running from its first record to the moment every metric is complete; then its phase is the
worst of theirs: Successful < Inconclusive < Error < Failed. As soon as one metric is bad the others
are terminated: it is known how the run ends. `spec.terminate` ends it as well, and a metric that
took no measurement then ends Successful, as in Argo. That is no evidence, and it needs none: Davy
terminates a run only when the update it judged is over (promoted, aborted, replaced), so nobody
reads its outcome; its message says that nothing was judged.

Metrics of a dry run decide nothing: not the run's phase, not whether the others go on, not its
message. Argo waits for the last of their measurements, and so does Davy, but not for their
evidence: a dry run that ends but has none for a minute is let go, Inconclusive, when the run is
decided. A run of nothing but dry runs is Successful.

A record is idempotent: a measurement that isn't younger than the last one kept is known already, so
an answer may be recorded again after a write conflict. One that is under way (`underway.py`) is
replaced by what is known of it later; in a run that has ended it waits for its Job to be gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from davy.analysis import compared, condition, limits, nodata, render, rules, underway
from davy.analysis.answer import (
    HIDDEN,
    Answered,
    Decided,
    Held,
    Measured,
    NotAnswered,
    Underway,
)
from davy.analysis.compared import Compared
from davy.analysis.limits import DAVY, JudgeDefaults, Limits
from davy.analysis.nodata import Missing
from davy.api.analysis import (
    AnalysisRunStatus,
    Measurement,
    Metric,
    MetricResult,
    Phase,
    RunManifest,
    RunSummary,
)
from davy.api.errors import ConditionError, InvalidObject
from davy.api.fields import format_instant

WORST = (
    Phase.SUCCESSFUL,
    Phase.RUNNING,
    Phase.PENDING,
    Phase.INCONCLUSIVE,
    Phase.ERROR,
    Phase.FAILED,
)
"""Phases from best to worst."""


@dataclass(frozen=True)
class Judged:
    """What one answer means by its metric's conditions."""

    phase: Phase
    message: str
    """The answer and the condition it met or missed, or what is missing."""
    value: str | None = None
    missing: Missing | None = None
    """None: it is evidence."""


def record(
    run: RunManifest,
    answers: Mapping[str, Measured],
    now: datetime,
    *,
    defaults: JudgeDefaults = DAVY,
) -> AnalysisRunStatus:
    """The run's status after these answers, by metric name; with none it begins or terminates.

    A complete run stays as it is. Args must be filled in, but for secrets.
    """
    status = run.status
    if status.phase.completed:
        return status
    try:
        wanted = {metric.name: limits.of(metric, defaults) for metric in run.spec.metrics}
        chosen = rules.chosen(run.spec)
    except (ValueError, InvalidObject) as error:
        return refused(status, f"The run can't be read: {error}.", now)
    kept = {result.name: result for result in status.metric_results}
    results = []
    for metric in run.spec.metrics:
        result = kept.get(metric.name) or MetricResult(name=metric.name, phase=Phase.PENDING)
        result = result.model_copy(update={"dry_run": metric.name in chosen.dry_run or None})
        if (measured := answers.get(metric.name)) is not None:
            room = chosen.kept(metric.name)
            result = _with(result, metric, wanted[metric.name], measured, kept=room)
        limit, ends = wanted[metric.name], run.spec.terminate
        results.append(_assessed(run, metric, result, limit, now, terminating=ends))
    if any(result.phase in WORST[3:] for result in _deciding(results)):
        results = [
            _assessed(run, metric, result, wanted[metric.name], now, terminating=True)
            for metric, result in zip(run.spec.metrics, results, strict=True)
        ]
    elif all(result.phase.completed for result in _deciding(results)):
        results = [_let_go(result, wanted[result.name]) for result in results]
    begun = status.model_copy(
        update={
            "phase": Phase.RUNNING,
            "started_at": status.started_at or _stored(now),
            "metric_results": results,
            "run_summary": _summary(_deciding(results)),
            "dry_run_summary": _summary(_dry(results)) if chosen.dry_run else None,
        }
    )
    if any(not result.phase.completed for result in results):
        return begun.model_copy(update={"message": _waits_for(begun)})
    phases = (result.phase for result in _deciding(results))
    worst = max(phases, key=WORST.index, default=Phase.SUCCESSFUL)
    return _over(begun, worst, _ended(run, begun, worst), now)


def refused(status: AnalysisRunStatus, why: str, now: datetime) -> AnalysisRunStatus:
    """The status of a run that can't be measured: Error, with the sentence."""
    return _over(status, Phase.ERROR, render.cut(why, render.VALUE_LENGTH), now)


def measurement(
    metric: Metric, answer: Answered | NotAnswered | Decided | Held, *, limit: int | None
) -> Judged:
    """What one answer means, by the table in `nodata.py`.

    Args:
        metric: its conditions decide; none at all is success, as in Argo.
        answer: what the provider said, how a Job or a judgement ended, or why nobody was asked.
        limit: the metric's consecutiveErrorLimit; None: an empty answer is no Error.
    """
    if isinstance(answer, NotAnswered):
        told = render.cut(str(answer), render.VALUE_LENGTH)
        return _by_policy(metric, Judged(Phase.ERROR, told, missing=Missing.UNANSWERED))
    if isinstance(answer, Held):
        told = render.cut(answer.message, render.VALUE_LENGTH)
        return _by_policy(metric, Judged(Phase.INCONCLUSIVE, told, missing=answer.missing))
    if isinstance(answer, Decided):
        message = render.cut(answer.message, render.VALUE_LENGTH)
        return Judged(answer.phase, message, answer.value)
    value = render.value(answer.shown)
    try:
        judged = _decided(metric, answer)
    except ConditionError as error:
        judged = Judged(Phase.ERROR, _refused(error, answer), missing=Missing.CONDITION)
    phase = judged.phase
    if judged.missing is Missing.EMPTY and limit is not None and metric.on_no_data is None:
        phase = Phase.ERROR
    message = "; ".join([judged.message, *(f"warning: {text}" for text in answer.warnings)])
    message = render.cut(message, render.VALUE_LENGTH)
    return _by_policy(metric, Judged(phase, message, value, judged.missing))


def _by_policy(metric: Metric, judged: Judged) -> Judged:
    """Missing evidence is what the user says it is, where the metric says so."""
    phase = nodata.decided(metric, judged.missing)
    return judged if phase is None else replace(judged, phase=phase, missing=None)


def verdict(run: RunManifest) -> str:
    """The latest telling measurement of the worst metric, with its numbers; "" before the first.

    `error-rate 0.182, limit result[0] <= 0.05 (measurement 3, failed 1 of at most 0)`. Telling is
    one with evidence; a metric that waits for some says so instead. Dry runs speak only among
    themselves.
    """
    told = [result for result in run.status.metric_results if result.measurements]
    if not told:
        return ""
    worst = max(_deciding(told) or told, key=_telling)
    metric = next((known for known in run.spec.metrics if known.name == worst.name), None)
    return ("dry run: " if worst.dry_run else "") + render.verdict(worst, metric)


def lacks(status: AnalysisRunStatus) -> str:
    """The evidence that a run waits for, in sentences; "": none is missing, or it is over.

    A Job that is under way isn't missing: it was asked, and takes its time.
    """
    if status.phase.completed:
        return ""
    waiting = [result for result in _deciding(status.metric_results) if _is_lacking(result)]
    return " ".join(render.waits(result) for result in waiting)


def _is_lacking(result: MetricResult) -> bool:
    last = nodata.holding(result)
    return last is not None and last.finished_at is not None


def _telling(result: MetricResult) -> tuple[int, bool, int]:
    """Bad metrics first, then those that wait for evidence, then those with failures."""
    bad = WORST.index(result.phase) if result.phase in WORST[3:] else 0
    return bad, nodata.holding(result) is not None, result.failed


def _deciding(results: list[MetricResult]) -> list[MetricResult]:
    return [result for result in results if not result.dry_run]


def _dry(results: list[MetricResult]) -> list[MetricResult]:
    return [result for result in results if result.dry_run]


def _let_go(result: MetricResult, wanted: Limits) -> MetricResult:
    """A decided run's metric: a dry run that somebody would wait for in vain is over."""
    since = nodata.overdue(result) if wanted.count is not None else None
    if since is None:
        return result
    message = f"no evidence since {format_instant(since)}; a dry run isn't waited for"
    return result.model_copy(update={"phase": Phase.INCONCLUSIVE, "message": message})


def _with(
    result: MetricResult, metric: Metric, wanted: Limits, measured: Measured, *, kept: int
) -> MetricResult:
    held, ended = underway.of(result), underway.without(result)
    known = {found.started_at for found in ended.measurements}
    started_at, finished_at = _stored(measured.started_at), _stored(measured.finished_at)
    if result.phase.completed or started_at in known:
        return result
    if held is not None and held.started_at not in {None, started_at}:
        return result
    answer, metadata = measured.answer, (held and held.metadata) or {}
    if isinstance(answer, Compared):
        taken = compared.measurement(metric, ended, answer, started_at, finished_at)
        evidence, before = nodata.has_evidence(taken), compared.forgotten(ended)
        counted = limits.counted(before, taken, evidence=evidence, kept=kept)
        return counted.model_copy(update={"consecutive_success": 0})  # a row decides nothing here
    if isinstance(answer, Underway):
        taken = Measurement(
            phase=answer.phase,
            message=render.cut(answer.message, render.VALUE_LENGTH),
            started_at=started_at,
            metadata=dict(answer.metadata),
        )
        return underway.placed(result, taken, kept=kept)
    judged = measurement(metric, answer, limit=wanted.consecutive_error)
    if judged.missing is not None:
        start = nodata.since(ended.measurements, started_at)
        metadata = {**metadata, **nodata.mark(judged.missing, start)}
    rest = answer.rest if isinstance(answer, NotAnswered) else None
    taken = Measurement(
        phase=judged.phase,
        message=judged.message,
        started_at=started_at,
        finished_at=finished_at,
        resume_at=finished_at + rest if rest else None,
        value=judged.value,
        metadata=metadata or None,
    )
    return limits.counted(ended, taken, evidence=judged.missing is None, kept=kept)


def _stored(instant: datetime) -> datetime:
    """The instant as a status keeps it, in whole milliseconds: read back it must compare equal."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def _assessed(
    run: RunManifest,
    metric: Metric,
    result: MetricResult,
    wanted: Limits,
    now: datetime,
    *,
    terminating: bool,
) -> MetricResult:
    """The metric's result with its phase: by Argo's limits, or as a comparison."""
    if metric.compare is None:
        phase, message = limits.phase(result, wanted, terminating=terminating)
    else:
        began_at = run.status.started_at or now
        phase, message = compared.assessed(
            result, metric.compare, began_at, now, terminating=terminating
        )
    return result.model_copy(update={"phase": phase, "message": message or None})


def _refused(error: ConditionError, answer: Answered) -> str:
    """The error, which may quote the answer; without that where the answer isn't told."""
    if not answer.secret:
        return str(error)
    return f"a condition can't be evaluated at character {error.position}: why is {HIDDEN}"


def _decided(metric: Metric, answer: Answered) -> Judged:
    """Argo's decision: failure wins, success next, neither of two is Inconclusive."""
    success, failure = metric.success_condition, metric.failure_condition
    shown = render.short(answer.shown)
    passed = condition.decide(success, answer.value) if success else None
    failed = condition.decide(failure, answer.value) if failure else None
    decisions = [decision for decision in (passed, failed) if decision is not None]
    note = next((decision.note for decision in decisions), "")
    limit = f"limit {success}" if success else f"failure condition {failure}"
    missed = passed is not None and passed.holds is False
    if failed is not None and failed.holds:
        phase, text = Phase.FAILED, f"failure condition {failure}"
    elif missed and failed is None:
        phase, text = Phase.FAILED, limit
    elif lacking := next((one for one in decisions if one.missing is not None), None):
        return Judged(Phase.INCONCLUSIVE, lacking.why, missing=lacking.missing)
    elif missed:
        phase = Phase.INCONCLUSIVE
        text = f"neither success condition {success} nor failure condition {failure}"
    elif any(decision.infinite for decision in decisions):
        why = f"the answer is {shown}: no success rests on an infinity; ask isInf() if one may"
        return Judged(Phase.INCONCLUSIVE, why, missing=Missing.INFINITE)
    else:
        phase, text = Phase.SUCCESSFUL, limit if decisions else "no condition"
    return Judged(phase, f"{shown}, {text}{note}")


def _summary(results: list[MetricResult]) -> RunSummary:
    phases = [result.phase for result in results]
    return RunSummary(
        count=len(phases),
        successful=phases.count(Phase.SUCCESSFUL),
        failed=phases.count(Phase.FAILED),
        inconclusive=phases.count(Phase.INCONCLUSIVE),
        error=phases.count(Phase.ERROR),
    )


def _over(
    status: AnalysisRunStatus, phase: Phase, message: str, now: datetime
) -> AnalysisRunStatus:
    return status.model_copy(
        update={
            "phase": phase,
            "message": message or None,
            "started_at": status.started_at or now,
            "completed_at": now,
        }
    )


def _waits_for(status: AnalysisRunStatus) -> str | None:
    """What is missing, where a metric holds the run; None while all is well."""
    decided = all(result.phase.completed for result in _deciding(status.metric_results))
    awaited = status.metric_results if decided else _deciding(status.metric_results)
    waits = [render.waits(result) for result in awaited if nodata.holding(result)]
    return " ".join(waits) or None


def _ended(run: RunManifest, status: AnalysisRunStatus, worst: Phase) -> str:
    told = verdict(run.model_copy(update={"status": status}))
    if worst is Phase.SUCCESSFUL:
        return "Terminated." if run.spec.terminate else told
    return f"Metric {told}."
