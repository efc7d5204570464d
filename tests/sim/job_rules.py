"""I6, I7 on metrics that are Jobs: one Job a measurement, no verdict that its Job didn't give."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.cluster.client import Json
from davy.cluster.kinds import JOB
from tests.sim import jobs
from tests.sim.manifests import ANALYSIS_RUN, JOB_COUNT, SMOKE

_CONDITIONS = {"Successful": "Complete", "Failed": "Failed"}
_UNDERWAY = {"Pending", "Running"}


def written(judge: "Judge", run: Json, status: Json) -> None:
    """Each measurement is what its Job came to; a Successful run has as many as it needs."""
    result = _result(status)
    for found in result.get("measurements") or ():
        wanted = _CONDITIONS.get(found["phase"])
        name = (found.get("metadata") or {}).get("job-name", "")
        came_to = judge.world.jobs.ended.get(name)
        judge.check(
            "I7",
            wanted is None or came_to == wanted,
            f"{run['metadata']['name']}: a measurement is {found['phase']}, Job {name} {came_to}",
        )
        given_up = found["phase"] == "Error" and judge.world.jobs.is_there(name)
        judge.check("I6", not given_up, f"Job {name} is given up, and is there")
    if status.get("phase") == "Successful" and not run["spec"].get("terminate") and result:
        judge.check(
            "I7",
            result.get("successful", 0) >= JOB_COUNT,
            f"{run['metadata']['name']} is Successful on {result}",
        )


def at_rest(judge: "Judge") -> None:
    """No run that has ended has a Job that goes on."""
    runs = {run["metadata"]["uid"]: run for run in judge.world.cluster.held(ANALYSIS_RUN)}
    for found in judge.world.cluster.held(JOB):
        run = runs.get(found["metadata"]["ownerReferences"][0]["uid"])
        ended = run is None or (run.get("status") or {}).get("phase") not in _UNDERWAY
        judge.check(
            "liveness",
            not (ended and jobs.is_active(found)),
            f"Job {found['metadata']['name']} goes on without a run that waits for it",
        )
    for run in runs.values():
        status = run.get("status") or {}
        last = (_result(status).get("measurements") or [{}])[-1]
        judge.check(
            "liveness",
            status.get("phase") in _UNDERWAY or last.get("phase") not in _UNDERWAY,
            f"{run['metadata']['name']} has ended, its measurement hasn't: {last}",
        )


def _result(status: Json) -> Json:
    results = status.get("metricResults") or ()
    return next((found for found in results if found["name"] == SMOKE), {})
