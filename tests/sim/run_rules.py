"""I7 on each status of an AnalysisRun."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.analysis.rules import KEPT
from davy.api.compare import JUDGE
from davy.api.fields import parse_instant
from davy.cluster.client import Json
from tests.sim import job_rules
from tests.sim.cluster import Change
from tests.sim.manifests import DRY_RUN, ROLLOUT
from tests.sim.prometheus import GOOD_BELOW
from tests.sim.shown import ROUNDING, START, hash_of, owner_of

_MEASUREMENTS = 3
"""`count` of the templates' metric."""


def written(judge: "Judge", change: Change) -> None:
    before = ((change.before or {}).get("status") or {}).get("phase")
    status = change.object.get("status") or {}
    _dry_runs(judge, change.object, status)
    _compared(judge, change.object, status)
    _warm(judge, change.object, status)
    job_rules.written(judge, change.object, status)
    ended = status.get("phase") == "Successful" and before != "Successful"
    if not ended or change.object["spec"].get("terminate"):
        return
    since = parse_instant(change.object["metadata"]["creationTimestamp"])
    begun = (since - START).total_seconds()
    told = [
        value
        for at, template_hash, value in judge.world.prometheus.told
        if template_hash == hash_of(change.object) and at >= begun - ROUNDING
    ]
    good = [value for value in told if value < GOOD_BELOW]
    allowed = judge.world.setup.failure_limit
    judge.check(
        "I7",
        len(told) >= _MEASUREMENTS and len(good) >= _MEASUREMENTS - allowed,
        f"{change.object['metadata']['name']} is Successful on {told}",
    )


def _compared(judge: "Judge", run: Json, status: Json) -> None:
    """A comparison fails a bad revision and no other; what it says is of that revision's time."""
    found = next((one for one in status.get("metricResults") or () if one["name"] == JUDGE), None)
    if found is None:
        return
    bad = hash_of(run) in judge.world.prometheus.bad
    name = run["metadata"]["name"]
    judge.check("I7", found["phase"] != "Failed" or bad, f"{name} fails a good revision")
    last = [one["phase"] for one in found.get("measurements") or ()][-1:]
    judge.check("I7", not (bad and last == ["Successful"]), f"{name} passes a bad revision")


def _warm(judge: "Judge", run: Json, status: Json) -> None:
    """What counts wasn't asked within the warm-up of the weight that the rollout tells of."""
    warmup = judge.world.setup.warmup
    rollout = judge.world.cluster.peek(ROLLOUT, run["metadata"]["namespace"], owner_of(run)) or {}
    changed = ((rollout.get("status") or {}).get("traffic") or {}).get("changedAt")
    found = [one for one in status.get("metricResults") or () if one["name"] == "errors"]
    if not warmup or changed is None or not found or not found[0].get("measurements"):
        return
    last = found[0]["measurements"][-1]
    if "value" not in last:
        return
    passed = (parse_instant(last["startedAt"]) - parse_instant(changed)).total_seconds()
    told = f"{run['metadata']['name']} asked {passed:g} s after the weight had changed"
    judge.check("I7", not 0.5 <= passed < warmup - ROUNDING, told)


def background(rollout: Json) -> str:
    """The name of the run beside a rollout's steps; "": it has none."""
    canary = (rollout.get("status") or {}).get("canary") or {}
    return str((canary.get("currentBackgroundAnalysisRunStatus") or {}).get("name", ""))


def lacks(run: Json | None) -> bool:
    """A metric that decides asked last and got no evidence; the run goes on."""
    status = (run or {}).get("status") or {}
    last = [
        found["measurements"][-1]
        for found in status.get("metricResults") or ()
        if found.get("measurements") and found["phase"] == "Running" and not found.get("dryRun")
    ]
    blind = ("noEvidence" in (found.get("metadata") or {}) for found in last)
    return status.get("phase") == "Running" and any(blind)


def allowed(run: Json | None) -> float:
    """The share of all requests that a run says its rollout's harm budget allows; 0: none yet."""
    status = (run or {}).get("status") or {}
    if status.get("phase") not in {None, "Pending", "Running"}:
        return 1.0
    told = [
        json.loads(one["value"]).get("allowed")
        for found in status.get("metricResults") or ()
        for one in found.get("measurements") or ()
        if found["name"] == JUDGE and one.get("value")
    ]
    return float(told[-1] or 0) if told else 0.0


def _dry_runs(judge: "Judge", run: Json, status: Json) -> None:
    """A bad phase is that of a metric that decides; no list is longer than it may be."""
    name = run["metadata"]["name"]
    results = status.get("metricResults") or ()
    phases = {found["phase"] for found in results if found["name"] != DRY_RUN}
    phase = status.get("phase")
    judge.check(
        "I7",
        phase not in {"Failed", "Error", "Inconclusive"} or phase in phases,
        f"{name} is {phase}, its metrics that decide are {phases}",
    )
    kept = (run["spec"].get("measurementRetention") and judge.world.setup.kept) or KEPT
    judge.check(
        "I7",
        all(
            len(found.get("measurements") or ()) <= kept
            and (found.get("dryRun") is True) == (found["name"] == DRY_RUN)
            for found in results
        ),
        f"{name} keeps more than {kept} measurements, or its dry run isn't marked",
    )
