"""AnalysisRuns: ask the metrics that are due, record the answers, write the status.

A question runs as a task beside the passes, so that a slow provider delays nobody; one is under way
per metric. Its answer waits in memory for the run's next pass, which records and writes it: a
killed operator loses the questions under way and nothing else, and asks them again. A Job is asked
in steps (`jobs.py`), each of which is a question; a run that has ended is done with when its Jobs
are gone.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, cast

import structlog

from davy.analysis import (
    comparisons,
    credentials,
    judge,
    min_requests,
    quantile,
    resolve,
    schedule,
    underway,
    warmup,
)
from davy.analysis.answer import (
    Answer,
    Answered,
    Decided,
    Held,
    Measured,
    NotAnswered,
    Underway,
)
from davy.analysis.compared import Compared
from davy.analysis.counters import Look
from davy.analysis.limits import JudgeDefaults
from davy.analysis.quantile import Histogram
from davy.api import errors
from davy.api.analysis import AnalysisRunStatus, Measurement, Metric, Phase, RunManifest
from davy.api.conditions import EventReason
from davy.cluster import apply
from davy.cluster.cache import Cache, Json, uid_of
from davy.cluster.client import Api
from davy.cluster.events import Recorder
from davy.cluster.kinds import Kinds
from davy.controller import runs, secrets
from davy.controller.clock import Clock
from davy.controller.comparing import Watches
from davy.controller.expiry import Expiry
from davy.controller.interest import Interest
from davy.controller.jobs import LANDING, Jobs
from davy.controller.outcome import Done, Gone, Result, Retry
from davy.controller.queue import Key
from davy.controller.settings import MeasureSettings
from davy.controller.shares import Shares
from davy.metrics.accounts import Accounts
from davy.metrics.base import Counting, Polled, Ranking
from davy.metrics.registry import Registry

_log = structlog.get_logger()
_Found = TypeVar("_Found")

_ENDED = {
    Phase.SUCCESSFUL: EventReason.ANALYSIS_RUN_SUCCESSFUL,
    Phase.FAILED: EventReason.ANALYSIS_RUN_FAILED,
    Phase.ERROR: EventReason.ANALYSIS_RUN_ERROR,
    Phase.INCONCLUSIVE: EventReason.ANALYSIS_RUN_INCONCLUSIVE,
}


@dataclass
class _Asked:
    """Questions and answers of one run, in memory only."""

    uid: str
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    answers: dict[str, Measured] = field(default_factory=dict)
    looked: dict[str, datetime] = field(default_factory=dict)
    """By metric, when its measurement under way, or its counters, were looked at last."""
    again: dict[str, datetime] = field(default_factory=dict)
    """By metric that compares, when the counters are looked at next."""
    changed_at: datetime | None = None
    """When the canary's weight changed last; without a Rollout that says so, the run's start."""

    def drop(self) -> None:
        """Nobody waits for the answers any more."""
        for task in self.tasks.values():
            task.cancel()


@dataclass
class Measurer:
    """Passes over AnalysisRuns.

    Args:
        look: enqueues a key when an answer is there.
        interest: told what a finished run waits for.
    """

    api: Api
    cache: Cache
    kinds: Kinds
    clock: Clock
    providers: Registry
    recorder: Recorder
    settings: MeasureSettings
    look: Callable[[Key], None]
    interest: Interest
    _asked: dict[Key, _Asked] = field(default_factory=dict)
    _ended: dict[Key, float] = field(default_factory=dict)
    """Runs that have ended and may have Jobs: since when that is known, monotonic."""

    def __post_init__(self) -> None:
        """Put the parts together."""
        self.secrets = secrets.Secrets(self.api, self.kinds.api_group)
        self.expiry = Expiry(self.api, self.cache, self.kinds, self.clock, self.interest)
        self.jobs = Jobs(self.api, self.kinds, self.clock, Accounts.of(self.settings.job_accounts))
        self.watches = Watches()
        self.shares = Shares(self.settings.per_namespace, self.look)

    async def reconcile(self, key: Key) -> Result:
        """One pass over one run."""
        raw = self.cache.get(self.kinds.analysis_run, key.namespace, key.name)
        if raw is None:
            self._forget(key)
            self._ended.pop(key, None)
            self.interest.refer(key, ())
            return Gone()
        if runs.ended(raw):
            self._forget(key)
            if (closing := await self._close(key, raw)) is not None:
                return closing
            return await self.expiry.reconcile(key, raw)
        try:
            run = runs.measured(self.cache, raw)
        except errors.InvalidObject as error:
            return await self._refuse(raw, f"The run can't be measured: {error}.")
        asked = self._questions(key, uid_of(raw))
        answers = dict(asked.answers)
        begins = run.status.started_at is None
        if answers or begins or run.spec.terminate:
            defaults = JudgeDefaults.of(self.kinds.api_group.name)
            status = judge.record(run, answers, self.clock.now(), defaults=defaults)
            try:
                await self._write(raw, run.status, status)
            except errors.ApiFailure as error:
                return Retry(error)
            await self.jobs.forget(raw, run.status, status)
            for name, measured in answers.items():
                if asked.answers.get(name) is measured:
                    del asked.answers[name]
            run = run.model_copy(update={"status": status})
        begun = run.status.started_at
        asked.changed_at = runs.changed_at(self.cache, self.kinds, raw, begun)
        return self._ask_due(key, run, asked)

    def drop(self) -> None:
        """Nobody waits for any answer any more."""
        for key in [*self._asked]:
            self._forget(key)

    async def close(self) -> None:
        """No question is under way any more."""
        tasks = [task for asked in self._asked.values() for task in asked.tasks.values()]
        self.drop()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask_due(self, key: Key, run: RunManifest, asked: _Asked) -> Result:
        if run.status.phase.completed:
            self._forget(key)
            return Done()
        defaults = JudgeDefaults.of(self.kinds.api_group.name)
        due = schedule.due(
            run,
            self.clock.now(),
            defaults=defaults,
            looked=asked.looked,
            again=asked.again,
            changed_at=asked.changed_at,
        )
        self.shares.leave(key)
        for metric in due.metrics:
            if metric.name in asked.tasks or metric.name in asked.answers:
                continue
            if not self.shares.take(key):
                break
            task = asyncio.create_task(
                self._measure(key, run, metric, asked), name=f"measure {key} {metric.name}"
            )
            task.add_done_callback(lambda _: self.shares.give(key))
            asked.tasks[metric.name] = task
        self.shares.next(key.namespace)
        return Done(due.wake_at)

    async def _measure(self, key: Key, run: RunManifest, metric: Metric, asked: _Asked) -> None:
        """Ask once, keep the answer, have it recorded."""
        held = underway.held(run.status, metric.name)
        started = (held and held.started_at) or self.clock.now()
        try:
            answer: Answer | None
            waits = warmup.held(metric, asked.changed_at, started)
            if metric.compare is not None:
                answer = await self._compared(key, run, metric, asked)
            elif held is None and waits is not None:
                answer = waits
            elif metric.provider.job is not None:
                answer = await self.jobs.answer(run, metric, metric.provider.job)
            else:
                answer = await self._answer(key, run, metric, partial(self._measured, held))
        finally:
            asked.tasks.pop(metric.name, None)
        if held is not None:
            asked.looked[metric.name] = self.clock.now()
        if answer is not None:
            asked.answers[metric.name] = Measured(answer, started, self.clock.now())
        self.look(key)

    async def _compared(
        self, key: Key, run: RunManifest, metric: Metric, asked: _Asked
    ) -> Compared | None:
        """One look at the counters of both sides; None: nothing is worth telling yet."""
        watch = self.watches.of(key, run, metric.name, self.clock.now())
        memory = watch.at(self.clock.now())

        async def look(filled: Metric) -> Look | NotAnswered:
            provider = self.providers.provider_for(filled)
            if not isinstance(provider, Counting):
                return NotAnswered(f"metric {metric.name}: its provider has no counters to compare")
            below = provider.below if isinstance(provider, Ranking) else _no_histograms
            began_at = run.status.started_at
            limit = memory.limit or await quantile.chosen(filled, began_at, below)
            if isinstance(limit, NotAnswered):
                return limit
            watch.memory = replace(watch.memory, limit=limit)
            sides = comparisons.sides(metric, limit)
            return await provider.look(filled, sides, memory.tally, self.clock.now())

        found = await self._answer(key, run, metric, look)
        warm = warmup.of(metric, asked.changed_at, self.clock.now())
        told, again = watch.after(found, run, metric, self.clock.now(), warm)
        asked.looked[metric.name], asked.again[metric.name] = self.clock.now(), again
        return told

    async def _measured(
        self, held: Measurement | None, filled: Metric
    ) -> Answered | Decided | Held | NotAnswered | Underway:
        provider = self.providers.provider_for(filled)
        if held is not None and isinstance(provider, Polled):
            return await provider.resume(filled, held)
        return await min_requests.measured(filled, provider.measure)

    async def _close(self, key: Key, raw: Json) -> Result | None:
        """A run that has ended gets rid of its Jobs; None: it has none that is under way."""
        status = runs.status(raw)
        if status is None or not any(underway.all_of(status)):
            self._ended.pop(key, None)
            return None
        now = self.clock.monotonic()
        since = timedelta(seconds=now - self._ended.setdefault(key, now))
        try:
            if not await self.jobs.close(raw, status, since):
                return Done(self.clock.now() + LANDING - since)
            await self._write(raw, status, underway.closed(status, self.clock.now()))
        except errors.ApiFailure as error:
            return Retry(error)
        return Done()

    async def _answer(
        self,
        key: Key,
        run: RunManifest,
        metric: Metric,
        ask: Callable[[Metric], Awaitable[_Found | NotAnswered]],
    ) -> _Found | NotAnswered:
        """What is answered to a metric with its secrets; every failure is an answer too."""
        values: dict[str, str] = {}
        login = secrets.Login({}, ())
        answer: _Found | NotAnswered
        try:
            values = await self.secrets.values(key.namespace, run.spec, metric)
            login = await self.secrets.login(key.namespace, metric)
            filled = credentials.logged_in(credentials.filled(metric, values), login.values)
            async with asyncio.timeout(self.settings.timeout.total_seconds()):
                answer = await ask(filled)
        except TimeoutError:
            seconds = self.settings.timeout.total_seconds()
            answer = NotAnswered(f"metric {metric.name}: no answer within {seconds:.0f} s")
        except (errors.DavyError, KeyError) as error:
            text = error.args[0] if error.args else type(error).__name__
            answer = NotAnswered(str(text))
        except Exception as error:  # noqa: BLE001  # a third party's provider may raise anything
            hide = [*values.values(), *login.credentials]
            trace = resolve.redact(traceback.format_exc(), hide)
            _log.error("provider failed", run=str(key), metric=metric.name, trace=trace)
            failed = f"metric {metric.name}: the provider failed: {type(error).__name__}"
            answer = NotAnswered(failed, str(error))
        if isinstance(answer, Answered | NotAnswered):
            told = login.untold(secrets.untold(answer, values.values()))
            return cast("_Found | NotAnswered", told)
        return answer

    async def _write(self, raw: Json, before: AnalysisRunStatus, after: AnalysisRunStatus) -> None:
        kind, metadata = self.kinds.analysis_run, raw["metadata"]
        try:
            made = await apply.write_status(
                self.api, kind, raw, before=before.manifest(), after=after.manifest()
            )
        except errors.Conflict:
            self.cache.put(kind, await self.api.get(kind, metadata["namespace"], metadata["name"]))
            raise
        except errors.NotFound:
            self.cache.delete(kind, raw)
            raise
        if made is None:
            return
        self.cache.put(kind, made)
        if after.phase.completed and not before.phase.completed:
            bad = after.phase in {Phase.FAILED, Phase.ERROR}
            message = after.message or after.phase.value
            self.recorder.emit(kind, made, _ENDED[after.phase].value, message, warning=bad)

    async def _refuse(self, raw: Json, why: str) -> Result:
        """A run that can't be measured ends with what is wrong in it.

        Of a status that can't be read the phase is written over, the rest left alone.
        """
        before = runs.status(raw) or AnalysisRunStatus()
        try:
            await self._write(raw, before, judge.refused(before, why, self.clock.now()))
        except errors.ApiFailure as error:
            return Retry(error)
        return Done()

    def _questions(self, key: Key, uid: str) -> _Asked:
        asked = self._asked.get(key)
        if asked is None or asked.uid != uid:
            self._forget(key)
            asked = self._asked[key] = _Asked(uid)
        return asked

    def _forget(self, key: Key) -> None:
        self.shares.leave(key)
        self.watches.forget(key)
        asked = self._asked.pop(key, None)
        if asked:
            asked.drop()
        self.shares.next(key.namespace)


async def _no_histograms(metric: Metric, _: Histogram, __: datetime) -> NotAnswered:
    """What `Ranking.below` is where there is none."""
    return NotAnswered(
        f"metric {metric.name}: its provider has no histograms; give latency.slowerThan"
    )
