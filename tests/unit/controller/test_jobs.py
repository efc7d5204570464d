"""Jobs as measurements, through the whole operator in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from davy.api import errors
from davy.cluster.cache import Json
from davy.cluster.kinds import JOB, POD
from davy.controller.settings import MeasureSettings
from davy.metrics.job import OF_JOB
from tests.sim.cluster import Call, Cluster, Fault
from tests.unit.controller.stage import Stage, playing
from tests.unit.controller.test_measure import a_metric, a_run, status

POD_SPEC: Json = {
    "restartPolicy": "Never",
    "containers": [{"name": "curl", "image": "curl:1", "args": ["http://cart"]}],
}


def a_job(name: str = "smoke", pod: Json | None = None, **fields: Any) -> Json:
    """A metric that is a Job."""
    spec = {"backoffLimit": 0, "template": {"spec": {**POD_SPEC, **(pod or {})}}}
    return {"name": name, "provider": {"job": {"spec": spec}}, **fields}


@asynccontextmanager
async def allowing(
    *accounts: str, cluster: Cluster | None = None, clock: Any = None
) -> AsyncIterator[Stage]:
    """An operator whose Jobs may run as these accounts."""
    measure = MeasureSettings(job_accounts=accounts or ("shop/default",))
    async with playing(cluster, clock, measure=measure) as stage:
        yield stage


def jobs(stage: Stage) -> list[Json]:
    """All Jobs, by name."""
    return sorted(stage.cluster.every(JOB), key=lambda job: str(job["metadata"]["name"]))


def names(stage: Stage) -> list[str]:
    """The end of each Job's name, its number."""
    return [job["metadata"]["name"].rpartition("-")[2] for job in jobs(stage)]


def end(stage: Stage, kind: str, **condition: Any) -> None:
    """Every Job that hasn't ended ends."""
    for job in jobs(stage):
        if not (job.get("status") or {}).get("conditions"):
            ended = {"conditions": [{"type": kind, "status": "True", **condition}]}
            stage.cluster.put(JOB, {**job, "status": ended})


def last(stage: Stage, run: str = "run") -> Json:
    """The last measurement of the first metric."""
    found: Json = status(stage, run)["metricResults"][0]["measurements"][-1]
    return found


def failing(verb: str, error: Exception, *, times: int = 10**6) -> Fault:
    """These requests about Jobs fail, so many times."""
    left = [times]

    def fault(call: Call) -> Exception | None:
        if call.kind != JOB or call.verb != verb or not left[0]:
            return None
        left[0] -= 1
        return error

    return fault


async def test_a_job_that_completes_is_a_success() -> None:
    """It is named in the status before it is made, and belongs to its run."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        (job,) = jobs(stage)
        run = stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", "run") or {}
        uid = run["metadata"]["uid"]
        assert job["metadata"]["ownerReferences"][0]["uid"] == uid
        assert job["metadata"]["labels"] == {"analysisrun.davy.dev/uid": uid}
        assert job["metadata"]["annotations"] == {
            "analysisrun.davy.dev/name": "run",
            "analysisrun.davy.dev/metric-name": "smoke",
        }
        assert job["spec"] == a_job()["provider"]["job"]["spec"]
        assert last(stage)["phase"] == "Running"
        named = {"job-name": job["metadata"]["name"], "job-namespace": "shop"}
        assert last(stage)["metadata"] == named
        assert "is under way since" in status(stage)["message"]
        writes = len(stage.cluster.writes)
        await stage.turn(60)
        assert len(stage.cluster.writes) == writes
        end(stage, "Complete")
        await stage.turn(10)
        assert status(stage)["phase"] == "Successful"
        assert last(stage)["phase"] == "Successful"
        assert last(stage)["metadata"] == named
        assert len(jobs(stage)) == 1


async def test_a_job_that_fails_is_a_failure() -> None:
    """With the Job's own reason."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        end(stage, "Failed", reason="BackoffLimitExceeded", message="Job has\nreached the limit")
        await stage.turn(5)
        assert status(stage)["phase"] == "Failed"
        told = "failed: BackoffLimitExceeded: Job has reached the limit"
        assert told in status(stage)["message"]


async def test_a_condition_that_isnt_true_is_no_end() -> None:
    """FailureTarget comes before Failed, and Complete may be False."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        (job,) = jobs(stage)
        told = [
            {"type": "Complete", "status": "False"},
            {"type": "FailureTarget", "status": "True"},
        ]
        stage.cluster.put(JOB, {**job, "status": {"conditions": told}})
        await stage.turn(30)
        assert status(stage)["phase"] == "Running"


async def test_each_measurement_has_a_job_of_its_own() -> None:
    """One after the other, numbered; args are filled in."""
    async with allowing() as stage:
        metric = a_job(count=3, interval="20s")
        pod = metric["provider"]["job"]["spec"]["template"]["spec"]
        pod["containers"] = [{**pod["containers"][0], "args": ["{{args.url}}"]}]
        a_run(stage, metric, args=[{"name": "url", "value": "http://pay"}])
        for number in range(3):
            await stage.turn(20 if number else 1)
            assert len(jobs(stage)) == number + 1
            await stage.turn(5)
            assert len(jobs(stage)) == number + 1
            end(stage, "Complete")
            await stage.turn(5)
        assert status(stage)["phase"] == "Successful"
        assert names(stage) == ["1", "2", "3"]
        specs = {str(job["spec"]["template"]["spec"]["containers"]) for job in jobs(stage)}
        assert specs == {str([{**POD_SPEC["containers"][0], "args": ["http://pay"]}])}


async def test_nothing_is_made_before_an_administrator_allows_it() -> None:
    """The default; the sentence names the setting, and the run holds (I7)."""
    async with playing() as stage:
        a_run(stage, a_job())
        await stage.turn(30)
        assert jobs(stage) == []
        told = status(stage)["message"]
        assert "the Job of metric smoke is off; an administrator can allow it by" in told
        assert "--job-service-accounts shop/default" in told
        assert status(stage)["phase"] == "Running"


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
async def test_an_account_that_isnt_listed_is_refused(field: str) -> None:
    """In both spellings; its token would be the tenant's."""
    async with allowing("shop/default", "other/admin") as stage:
        a_run(stage, a_job(pod={field: "admin"}))
        await stage.turn(30)
        assert jobs(stage) == []
        told = "may not run as the service account shop/admin; an administrator can allow it by"
        assert told in status(stage)["message"]


async def test_a_lost_answer_makes_no_second_job() -> None:
    """The creation arrived, its answer didn't: the next try finds the Job."""
    async with allowing() as stage:
        real = stage.cluster.create
        lost: list[Json] = []

        async def create(kind: Any, namespace: str, body: Json, *, strict: bool = False) -> Json:
            made = await real(kind, namespace, body, strict=strict)
            if kind == JOB and len(lost) < 2:
                lost.append(made)
                raise errors.Unreachable("no answer")
            return made

        stage.cluster.create = create  # type: ignore[method-assign]
        a_run(stage, a_job())
        await stage.turn(0.5)
        assert last(stage)["phase"] == "Pending"
        assert "isn't made yet (no answer) since" in status(stage)["message"]
        await stage.turn(5)
        assert len(lost) == 1
        assert names(stage) == ["1"]
        assert last(stage)["phase"] == "Running"


async def test_a_job_goes_on_under_the_next_operator() -> None:
    """Killed in the middle: nothing is made anew, and the end is seen."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        cluster, clock = stage.cluster, stage.clock
    async with allowing(cluster=cluster, clock=clock) as stage:
        await stage.turn(5)
        assert names(stage) == ["1"]
        end(stage, "Complete")
        await stage.turn(5)
        assert status(stage)["phase"] == "Successful"


async def test_a_job_that_somebody_deletes_is_no_answer() -> None:
    """The next one is made after the usual pause; nothing was counted (I7)."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        (job,) = jobs(stage)
        stage.cluster.remove(JOB, "shop", job["metadata"]["name"])
        await stage.turn(5)
        assert last(stage)["phase"] == "Error"
        assert "is gone: somebody deleted it" in status(stage)["message"]
        await stage.turn(10)
        assert names(stage) == ["2"]
        end(stage, "Complete")
        await stage.turn(5)
        assert status(stage)["phase"] == "Successful"


def replace_job(stage: Stage) -> None:
    """Somebody puts a Job of the same name, complete, in the place of the run's."""
    (job,) = jobs(stage)
    stage.cluster.remove(JOB, "shop", job["metadata"]["name"])
    theirs = {"namespace": "shop", "name": job["metadata"]["name"]}
    ended = {"conditions": [{"type": "Complete", "status": "True"}]}
    stage.cluster.put(JOB, {"metadata": theirs, "spec": {}, "status": ended})


async def test_a_job_of_somebody_else_is_no_answer() -> None:
    """Its name alone makes it nothing of the run's."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        replace_job(stage)
        await stage.turn(5)
        assert last(stage)["phase"] == "Error"
        assert "isn't this run's: somebody put it there" in status(stage)["message"]


async def test_a_job_of_somebody_else_is_never_deleted() -> None:
    """I9: the run ends while the name is in its status."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        replace_job(stage)
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(kind, "shop", "run", lambda run: run["spec"].update(terminate=True))
        await stage.turn(1)
        assert status(stage)["phase"] == "Successful"
        await stage.turn(61)  # no creation can be under way any more
        assert last(stage)["metadata"]["noEvidence"] == "stopped"
        assert names(stage) == ["1"]


async def test_a_job_whose_pod_gets_no_image_is_inconclusive() -> None:
    """Not at the registry's first refusal; the Job is deleted, the rollout pauses for a person."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        (job,) = jobs(stage)
        waiting = {"state": {"waiting": {"reason": "ImagePullBackOff"}}}
        metadata = {
            "namespace": "shop",
            "name": "smoke-x",
            "labels": {OF_JOB: job["metadata"]["uid"]},
            "creationTimestamp": "2026-01-01T12:00:00Z",
        }
        stage.cluster.put(POD, {"metadata": metadata, "status": {"containerStatuses": [waiting]}})
        await stage.turn(20)
        assert status(stage)["phase"] == "Running"
        await stage.turn(20)
        assert status(stage)["phase"] == "Inconclusive"
        assert "can't start: ImagePullBackOff" in status(stage)["message"]
        assert jobs(stage) == []


async def test_a_run_that_is_terminated_deletes_its_job() -> None:
    """The measurement is Inconclusive, and in no counter."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(kind, "shop", "run", lambda run: run["spec"].update(terminate=True))
        await stage.turn(1)
        assert jobs(stage) == []
        assert status(stage)["phase"] == "Successful"
        assert last(stage)["phase"] == "Running"
        await stage.turn(61)  # no creation can be under way any more
        assert last(stage)["phase"] == "Inconclusive"
        assert last(stage)["metadata"]["noEvidence"] == "stopped"
        assert "finishedAt" in last(stage)
        assert status(stage)["metricResults"][0].get("inconclusive", 0) == 0


async def test_a_failed_deletion_delays_no_verdict() -> None:
    """I3: the run is Failed by its other metric at once; the Job goes when it can."""
    async with allowing() as stage:
        stage.cluster.faults.append(failing("delete", errors.Unreachable("busy"), times=3))
        a_run(stage, a_job(), a_metric(successCondition="result[0] > 1"))
        await stage.turn(0.2)
        assert status(stage)["phase"] == "Failed"
        await stage.turn(1)
        assert last(stage)["phase"] in {"Pending", "Running"}
        await stage.turn(90)
        assert jobs(stage) == []
        assert last(stage)["phase"] == "Inconclusive"
        assert status(stage)["phase"] == "Failed"


async def test_an_operator_killed_before_the_deletion_leaves_it_to_the_next() -> None:
    """An ended run with a measurement under way is one whose Job has to go."""
    async with allowing() as stage:
        stage.cluster.faults.append(failing("delete", errors.Unreachable("busy")))
        a_run(stage, a_job())
        await stage.turn(1)
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(kind, "shop", "run", lambda run: run["spec"].update(terminate=True))
        await stage.turn(5)
        assert status(stage)["phase"] == "Successful"
        assert len(jobs(stage)) == 1
        stage.cluster.faults.clear()
        cluster, clock = stage.cluster, stage.clock
    async with allowing(cluster=cluster, clock=clock) as stage:
        await stage.turn(5)  # the lease of the one before runs out
        assert jobs(stage) == []
        await stage.turn(61)  # no creation can be under way any more
        assert last(stage)["phase"] == "Inconclusive"


async def test_a_creation_that_arrives_late_is_deleted_too() -> None:
    """It was given up, and carried out after the run had ended."""
    async with allowing() as stage:
        held: list[Json] = []

        async def create(kind: Any, namespace: str, body: Json, *, strict: bool = False) -> Json:
            assert (kind, namespace, strict) == (JOB, "shop", True)
            held.append(body)
            raise errors.Unreachable("no answer")

        real, stage.cluster.create = stage.cluster.create, create  # type: ignore[method-assign]
        a_run(stage, a_job())
        await stage.turn(1)
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(kind, "shop", "run", lambda run: run["spec"].update(terminate=True))
        await stage.turn(10)
        await real(JOB, "shop", held[0])
        assert len(jobs(stage)) == 1
        await stage.turn(60)
        assert jobs(stage) == []
        assert last(stage)["phase"] == "Inconclusive"


async def test_a_creation_of_before_that_arrives_late_is_deleted_too() -> None:
    """The first try was given up, the second made the Job; both are of one name."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        (job,) = jobs(stage)
        body = {part: job[part] for part in ("spec",)}
        kept = ("name", "labels", "annotations", "ownerReferences")
        body["metadata"] = {name: job["metadata"][name] for name in kept}
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(kind, "shop", "run", lambda run: run["spec"].update(terminate=True))
        await stage.turn(1)
        assert jobs(stage) == []
        await stage.cluster.create(JOB, "shop", body)
        await stage.turn(60)
        assert jobs(stage) == []
        assert last(stage)["phase"] == "Inconclusive"


async def test_a_job_that_is_old_when_the_run_ends_isnt_waited_for() -> None:
    """No creation of it can be under way any more."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(70)
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(kind, "shop", "run", lambda run: run["spec"].update(terminate=True))
        await stage.turn(1)
        assert jobs(stage) == []
        assert last(stage)["phase"] == "Inconclusive"


async def test_a_refusal_is_an_error_and_the_next_try_has_another_number() -> None:
    """What the API server says is in the status; nothing was made."""
    async with allowing() as stage:
        refused = errors.Rejected('create Job: unknown field "spec.foo" (HTTP 400).', status=400)
        stage.cluster.faults.append(failing("create", refused, times=1))
        a_run(stage, a_job())
        await stage.turn(2)
        assert last(stage)["phase"] == "Error"
        assert 'unknown field "spec.foo"' in status(stage)["message"]
        await stage.turn(12)
        assert names(stage) == ["2"]


async def test_a_job_that_cant_be_read_is_waited_for() -> None:
    """Whoever takes a right away makes no second Job."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        stage.cluster.denied.add(("get", "jobs"))
        await stage.turn(60)
        assert "can't be read (get Job isn't allowed) since" in status(stage)["message"]
        assert names(stage) == ["1"]
        stage.cluster.denied.clear()
        end(stage, "Complete")
        await stage.turn(11)
        assert status(stage)["phase"] == "Successful"


async def test_jobs_stay_as_long_as_their_measurements() -> None:
    """Of a metric that keeps two, the third takes the first one's Job with it."""
    async with allowing() as stage:
        a_run(stage, a_job(interval="10s"))
        rule = {"metricName": "smoke", "limit": 2}
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(
            kind, "shop", "run", lambda run: run["spec"].update(measurementRetention=[rule])
        )
        for _ in range(5):
            await stage.turn(10)
            end(stage, "Complete")
        assert len(jobs(stage)) == 2
        assert names(stage) == ["4", "5"]


async def test_so_many_jobs_of_a_run_are_under_way_and_no_more() -> None:
    """The others are made as places come free."""
    async with allowing() as stage:
        a_run(stage, *(a_job(f"smoke-{number}") for number in range(12)))
        await stage.turn(10)
        assert len(jobs(stage)) == 8
        end(stage, "Complete")
        await stage.turn(10)
        assert len(jobs(stage)) == 12
        end(stage, "Complete")
        await stage.turn(10)
        assert status(stage)["phase"] == "Successful"


async def test_a_run_that_argo_began_goes_on() -> None:
    """Its measurement is Running, under the name that Argo gave the Job."""
    async with allowing() as stage:
        a_run(stage, a_job())
        kind = stage.operator.kinds.analysis_run
        await stage.turn(1)
        cluster, clock = stage.cluster, stage.clock
        uid = (cluster.peek(kind, "shop", "run") or {})["metadata"]["uid"]
    cluster.remove(JOB, "shop", jobs(stage)[0]["metadata"]["name"])
    named = f"{uid}.smoke.1"
    owner = {"kind": "AnalysisRun", "name": "run", "uid": uid, "controller": True}
    metadata = {"namespace": "shop", "name": named, "ownerReferences": [owner]}
    cluster.put(JOB, {"metadata": metadata, "spec": {}})
    cluster.edit(
        kind,
        "shop",
        "run",
        lambda run: run["status"]["metricResults"][0]["measurements"][0]["metadata"].update(
            {"job-name": named}
        ),
    )
    async with allowing(cluster=cluster, clock=clock) as stage:
        await stage.turn(1)
        end(stage, "Complete")
        await stage.turn(5)
        assert status(stage)["phase"] == "Successful"
        assert len(jobs(stage)) == 1


async def test_what_a_late_watch_says_makes_no_job() -> None:
    """The measurement has ended meanwhile, and its Job is gone: the server is asked before."""
    async with allowing() as stage:
        stage.cluster.faults.append(failing("create", errors.Unreachable("busy")))
        a_run(stage, a_job(interval="1h"))
        await stage.turn(1)
        stage.deaf = True
        kind = stage.operator.kinds.analysis_run

        def ended(run: Json) -> None:
            (result,) = run["status"]["metricResults"]
            result["measurements"][0].update(phase="Successful", finishedAt=result_at)
            result["count"] = 1

        result_at = last(stage)["startedAt"]
        stage.cluster.edit(kind, "shop", "run", ended)
        stage.cluster.faults.clear()
        await stage.turn(20)
        assert jobs(stage) == []


async def test_a_run_that_is_made_bad_under_way_leaves_no_job() -> None:
    """It ends in Error, and its Job goes."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(
            kind, "shop", "run", lambda run: run["spec"]["metrics"][0].update(count=-1)
        )
        await stage.turn(1)
        assert status(stage)["phase"] == "Error"
        assert jobs(stage) == []
        await stage.turn(61)  # no creation can be under way any more
        assert last(stage)["phase"] == "Inconclusive"


async def test_a_deleted_run_that_somebody_holds_has_no_job() -> None:
    """A finalizer may keep it for ever."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        kind = stage.operator.kinds.analysis_run
        held = {"finalizers": ["example.com/held"]}
        stage.cluster.edit(kind, "shop", "run", lambda run: run["metadata"].update(held))
        stage.cluster.remove(kind, "shop", "run")
        await stage.turn(5)
        assert jobs(stage) == []


async def test_a_job_is_noticed_soon_and_asked_for_seldom() -> None:
    """A tenth of its age later at most, 10 s; reading it writes nothing."""
    async with allowing() as stage:
        a_run(stage, a_job())
        await stage.turn(1)
        before, writes = len(stage.cluster.reads), len(stage.cluster.writes)
        await stage.turn(600)
        read = [call for call in stage.cluster.reads[before:] if call.kind == JOB]
        assert 60 <= len(read) <= 110
        assert len(stage.cluster.writes) == writes
        end(stage, "Complete")
        await stage.turn(10.5)
        assert status(stage)["phase"] == "Successful"
