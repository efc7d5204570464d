"""Jobs and pods in strange states, and what is made of them."""

import asyncio
from random import Random
from typing import Final

from davy.analysis import underway
from davy.analysis.answer import Decided, Measured, NotAnswered, Underway
from davy.api.analysis import AnalysisRunStatus, Measurement, MetricResult, Phase, RunManifest
from davy.api.errors import InvalidObject
from davy.api.group import ApiGroup
from davy.api.validate import parse_analysis_run
from davy.cluster.kinds import JOB, POD, Kinds
from davy.controller.jobs import Jobs
from davy.metrics import job
from davy.metrics.accounts import Accounts
from tests.fuzz import strange
from tests.sim.clock import TurnedClock
from tests.sim.cluster import Cluster
from tests.unit.analysis.runs import NOW
from tests.unit.api.documents import GOOD

_LONGEST: Final = 2000
"""Characters of a sentence."""
_KINDS: Final = Kinds(ApiGroup())
_RUN: Final[strange.Json] = {"name": "cart-1", "namespace": "shop", "uid": "u-1"}
_NAMED: Final = "cart-1-smoke"


def step(random: Random) -> None:
    """Whatever a Job, its pods and its run's status are, there is an answer that can be told."""
    document = {**GOOD["run"], "spec": strange.mutated(GOOD["run"]["spec"], random, deep=False)}
    try:
        spec = parse_analysis_run(document)
    except InvalidObject:
        spec = parse_analysis_run(GOOD["run"])
    metric = next((found for found in spec.metrics if found.provider.job), None)
    if metric is None or metric.provider.job is None:
        return
    status = AnalysisRunStatus(phase=Phase.RUNNING, metric_results=[_result(metric.name, random)])
    run = RunManifest(metadata=_RUN, spec=spec, status=status)
    cluster = Cluster()
    jobs = Jobs(cluster, _KINDS, TurnedClock(NOW), Accounts.of(["*/*"]))
    written = {"metadata": _RUN, "status": status.manifest()}
    cluster.put(_KINDS.analysis_run, written)
    run.metadata["uid"] = cluster.every(_KINDS.analysis_run)[0]["metadata"]["uid"]
    if random.random() < 0.8:
        _put(cluster, run.metadata["uid"], random)
    answer = asyncio.run(jobs.answer(run, metric, metric.provider.job))
    assert isinstance(answer, Decided | NotAnswered | Underway), answer
    assert len(str(answer)) < _LONGEST + 40_000 * isinstance(answer, NotAnswered), answer
    Measured(answer, NOW, NOW)
    asyncio.run(jobs.close(written, underway.closed(status, NOW), job.STUCK))


def _result(name: str, random: Random) -> MetricResult:
    phase = random.choice((Phase.PENDING, Phase.RUNNING, Phase.SUCCESSFUL))
    named = random.choice(({}, {job.JOB_NAME: _NAMED}, {job.JOB_NAME: random.choice(_NAMES)}))
    held = Measurement(phase=phase, started_at=random.choice((None, NOW)), metadata=named)
    count = random.choice((0, 1, -5, 10**30))
    return MetricResult(name=name, phase=Phase.RUNNING, measurements=[held], count=count)


def _put(cluster: Cluster, uid: str, random: Random) -> None:
    """The Job and a pod; metadata as the API server keeps it."""
    owner = {"kind": "AnalysisRun", "uid": random.choice((uid, "u-2")), "controller": True}
    metadata = {"namespace": "shop", "name": _NAMED, "ownerReferences": [owner]}
    status = strange.mutated(_JOB, random, deep=False)
    made = cluster.put(JOB, {"metadata": metadata, "spec": {}, "status": status})
    pod = {
        "namespace": "shop",
        "name": "smoke-x",
        "labels": {job.OF_JOB: made["metadata"]["uid"]},
        "creationTimestamp": random.choice(("2026-05-04T13:00:00Z", "x", None)),
    }
    cluster.put(POD, {"metadata": pod, "status": strange.mutated(_POD, random, deep=False)})


_NAMES: Final = tuple(text for text in strange.TEXTS if 0 < len(text) < 300)
_JOB: Final[strange.Json] = {
    "active": 1,
    "ready": 0,
    "conditions": [
        {"type": "Suspended", "status": "False"},
        {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"},
    ],
}
_POD: Final[strange.Json] = {
    "phase": "Pending",
    "initContainerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}],
    "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}],
}
