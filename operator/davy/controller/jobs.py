"""Jobs that are measurements: named, made, looked at, deleted; all that matters is in the status.

| the metric's last measurement | what an answer does | what it says |
|---|---|---|
| has ended, or there is none | names a Job, sends nothing | Pending |
| Pending | makes the Job of that name, or finds the one that was made | Running, or the end |
| Running | reads the Job; it was there, so one that is gone was deleted by somebody | the same |

So each Job is in the status before it exists, and is found again whatever happened in between. A
Job belongs to its run by the uid in its owner reference: one of the same name that doesn't is never
read as an answer, and never deleted.

A right or an API server that is away for a while makes no second Job either: what isn't known to
have ended is waited for, and the status says why.

Nothing is watched: a Job is read after a tenth of its measurement's age, 10 s at most, and an idle
cluster costs neither a request nor memory.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from davy.analysis import underway
from davy.analysis.answer import Answer, Decided, NotAnswered, Underway, Unfinished
from davy.api import errors, job_rules
from davy.api.analysis import AnalysisRunStatus, Measurement, Metric, Phase, RunManifest
from davy.api.providers import JobMetric
from davy.cluster import apply
from davy.cluster.cache import Json, controller_of, uid_of
from davy.cluster.client import Api
from davy.cluster.kinds import JOB, POD, Kinds
from davy.controller import runs
from davy.controller.clock import Clock
from davy.metrics import job
from davy.metrics.accounts import Accounts

_log = structlog.get_logger()

LANDING: Final = timedelta(seconds=60)
"""A creation that was given up may still be carried out for so long: the API server's own limit."""


@dataclass
class Jobs:
    """The Jobs of all runs.

    Args:
        api: to make, read and delete them with.
        kinds: Davy's own kinds.
        clock: for the age of pods.
        accounts: that they may run as.
    """

    api: Api
    kinds: Kinds
    clock: Clock
    accounts: Accounts

    async def answer(self, run: RunManifest, metric: Metric, wanted: JobMetric) -> Answer:
        """One step of a measurement, by the table above; every failure is an answer too."""
        result = underway.result(run.status, metric.name)
        held = underway.of(result)
        name = _job_name(held) or job.name(
            run.metadata["name"], run.metadata["uid"], metric.name, underway.number(result)
        )
        if held is not None and held.phase is Phase.RUNNING:
            return await self._look(run, name)
        pod = job_rules.pod_spec(wanted)
        if refusal := self.accounts.refusal(run.metadata["namespace"], pod):
            return NotAnswered(f"the Job of metric {metric.name} {refusal}")
        if held is None:
            return _underway(run, name, Phase.PENDING, "isn't made yet")
        return await self._make(run, metric, wanted, name)

    async def close(self, run: Json, status: AnalysisRunStatus, since: timedelta) -> bool:
        """Whether no Job of an ended run's measurements is left, or may come; they are deleted.

        Args:
            run: the AnalysisRun.
            status: its own, ended.
            since: for how long this process has known that it ended.

        Raises:
            errors.ApiFailure: try again.
        """
        gone = True
        for held in underway.all_of(status):
            if name := _job_name(held):
                found = await self._own(run, name)
                if found is not None:
                    await apply.delete(self.api, JOB, found)
                gone = gone and not self._may_land(held, since)
        return gone

    def _may_land(self, held: Measurement, since: timedelta) -> bool:
        """A creation of this Job may still be carried out; one that is old was made long ago."""
        if since >= LANDING:
            return False
        begun = held.started_at
        ended = self.clock.now() - since
        return held.phase is Phase.PENDING or begun is None or ended - begun < LANDING

    async def forget(self, run: Json, before: AnalysisRunStatus, after: AnalysisRunStatus) -> None:
        """Jobs whose measurements the status keeps no more are deleted.

        Tried once: what a failure leaves goes with the run.
        """
        for name in _names(before) - _names(after):
            try:
                if (found := await self._own(run, name)) is not None:
                    await apply.delete(self.api, JOB, found)
            except errors.ApiFailure as error:
                _log.warning("job not deleted", job=name, error=str(error))

    async def _make(self, run: RunManifest, metric: Metric, wanted: JobMetric, name: str) -> Answer:
        kind, metadata = self.kinds.analysis_run, run.metadata
        owner = apply.Owner(kind, metadata["namespace"], metadata["name"], metadata["uid"])
        made = job.manifest(
            metric.name, wanted, run=metadata, name=name, api_group=self.kinds.api_group
        )
        made["metadata"]["ownerReferences"] = [owner.reference()]
        try:
            if not await self._is_wanted(run, metric, name):
                return _underway(run, name, Phase.PENDING, "isn't made yet")
            found = await apply.create(self.api, owner, JOB, made, strict=True)
        except (errors.Forbidden, errors.Rejected) as error:
            return NotAnswered(str(error))
        except errors.ApiFailure as error:  # it may have been made all the same
            return _underway(run, name, Phase.PENDING, f"isn't made yet ({_words(error)})")
        return job.decided(found) or _underway(run, name, Phase.RUNNING, "is under way")

    async def _is_wanted(self, run: RunManifest, metric: Metric, name: str) -> bool:
        """The run still waits for this Job: what makes pods rests on no late watch."""
        namespace = run.metadata["namespace"]
        found = await self.api.get(self.kinds.analysis_run, namespace, run.metadata["name"])
        status = runs.status(found)
        if status is None or status.phase.completed or uid_of(found) != run.metadata["uid"]:
            return False
        held = underway.held(status, metric.name)
        return held is not None and held.phase is Phase.PENDING and _job_name(held) == name

    async def _look(self, run: RunManifest, name: str) -> Answer:
        try:
            return await self._state(run, await self.api.get(JOB, run.metadata["namespace"], name))
        except errors.NotFound:
            return NotAnswered(f"{_place(run, name)} is gone: somebody deleted it")
        except errors.ApiFailure as error:
            return _underway(run, name, Phase.RUNNING, f"can't be read ({_words(error)})")

    async def _state(self, run: RunManifest, found: Json) -> Answer:
        name = found["metadata"]["name"]
        if not _is_of(found, run.metadata["uid"]):
            return NotAnswered(f"{_place(run, name)} isn't this run's: somebody put it there")
        if (ended := job.decided(found)) is not None:
            return ended
        if "deletionTimestamp" in found["metadata"]:
            return NotAnswered(f"{_place(run, name)} is going: somebody deleted it")
        if job.may_be_stuck(found) and (stuck := await self._stuck(found)) is not None:
            await apply.delete(self.api, JOB, found)
            return stuck
        return _underway(run, name, Phase.RUNNING, "is under way")

    async def _stuck(self, found: Json) -> Decided | None:
        namespace = found["metadata"]["namespace"]
        of_job = f"{job.OF_JOB}={uid_of(found)}"
        pods = await self.api.list(POD, namespace, selector=of_job)
        return job.stuck(found, pods.items, self.clock.now())

    async def _own(self, run: Json, name: str) -> Json | None:
        try:
            found = await self.api.get(JOB, run["metadata"]["namespace"], name)
        except errors.NotFound:
            return None
        return found if _is_of(found, uid_of(run)) else None


def _is_of(found: Json, run_uid: str) -> bool:
    controller = controller_of(found)
    return controller is not None and controller.get("uid") == run_uid


def _job_name(held: Measurement | None) -> str:
    return ((held and held.metadata) or {}).get(job.JOB_NAME, "")


def _names(status: AnalysisRunStatus) -> set[str]:
    every = (held for result in status.metric_results for held in result.measurements)
    return {name for held in every if (name := _job_name(held))}


def _place(run: RunManifest, name: str) -> str:
    return f"Job {run.metadata['namespace']}/{name}"


def _words(error: errors.ApiFailure) -> str:
    return str(error).rstrip(".")


def _underway(run: RunManifest, name: str, phase: Unfinished, said: str) -> Underway:
    namespace = run.metadata["namespace"]
    metadata = {job.JOB_NAME: name, job.JOB_NAMESPACE: namespace}
    return Underway(phase, f"{_place(run, name)} {said}", metadata)
