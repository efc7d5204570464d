"""`harmBudget`: a weight is no higher than the evidence allows, and is told so."""

from typing import Any

from davy.api.conditions import RolloutPhase
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.invariants import Watcher
from tests.unit.engine.play import phase, pods

CANARY: dict[str, Any] = {
    "stableService": "cart",
    "canaryService": "cart-canary",
    "trafficRouting": {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}},
    "judge": {"preset": "app", "prometheus": {"address": "http://prometheus:9090"}},
    "harmBudget": {"requests": 50},
}
STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 10},
    {"pause": {"duration": "30s"}},
    {"setWeight": 50},
    {"pause": {}},
)


def updating(seconds: float = 20, **more: Any) -> Cluster:
    """Some seconds after version 2 of four pods was applied."""
    cluster = Cluster.of(spec(*STEPS, canary=CANARY, **more))
    cluster.check = Watcher()
    cluster.run(10)
    cluster.apply(spec(*STEPS, canary=CANARY, version="2", **more))
    cluster.run(seconds)
    return cluster


def budget(cluster: Cluster) -> tuple[int | None, int] | None:
    """What the status says: the weight that is allowed, requests that are spent."""
    found = cluster.status.harm_budget
    return (found.allowed, found.spent) if found else None


def test_nothing_is_known_before_the_first_requests() -> None:
    """The smallest weight there is, with the pods of the step's; the status says what it awaits."""
    cluster = updating()
    assert (cluster.weight, pods(cluster), budget(cluster)) == (1, {1: 4, 2: 1}, (1, 0))
    assert cluster.message == (
        "Step 1 of 4: weight 1 of 10: the harm budget of 50 requests (0 spent) allows no more "
        "until canary has served more without failing, or somebody promotes in full."
    )


def test_the_weight_grows_with_what_is_allowed_up_to_the_steps() -> None:
    """Then the step is done, and the next one's weight is bounded in the same way."""
    cluster = updating()
    for share, weight in ((0.019, 1), (0.041, 4), (0.09, 9), (0.3, 10)):
        cluster.allow(share)
        cluster.run(5)
        assert cluster.weight == weight
    cluster.run(30)
    assert (cluster.weight, cluster.status.current_step_index, budget(cluster)) == (30, 2, (30, 0))
    cluster.allow(1.0)
    cluster.run(5)
    assert (cluster.weight, cluster.status.current_step_index) == (50, 3)


def test_the_budget_lowers_no_weight() -> None:
    """What a canary deserves that fails is the judge's to say."""
    cluster = updating()
    cluster.allow(0.08)
    cluster.run(5)
    cluster.allow(0.01, spent=9)
    cluster.run(60)
    assert (cluster.weight, budget(cluster)) == (8, (8, 9))
    assert "(9 spent)" in cluster.message


def test_the_last_weight_is_bounded_too() -> None:
    """Past the last step nothing is promoted before the canary has all weight."""
    cluster = updating()
    cluster.allow(0.6)
    cluster.run(60)
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    assert (cluster.weight, phase(cluster)) == (60, RolloutPhase.PROGRESSING)
    assert "All steps passed: weight 60 of 100: the harm budget" in cluster.message
    cluster.allow(1.0)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert budget(cluster) is None


def test_without_steps_it_is_judged_too() -> None:
    """Else nothing could ever allow more than the smallest weight."""
    cluster = Cluster.of(spec(canary=CANARY))
    cluster.run(10)
    cluster.apply(spec(canary=CANARY, version="2"))
    cluster.run(20)
    assert (cluster.weight, len(cluster.runs)) == (1, 1)
    cluster.allow(1.0)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_the_progress_deadline_doesnt_run_for_the_budget() -> None:
    """It waits for evidence, as in a pause; but for pods that are missing the deadline runs."""
    cluster = updating(progressDeadlineSeconds=60, progressDeadlineAbort=True)
    cluster.run(600)
    assert (cluster.weight, phase(cluster)) == (1, RolloutPhase.PROGRESSING)
    cluster.broken.add(cluster.status.current_pod_hash or "")
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.run(200)
    assert phase(cluster) is RolloutPhase.DEGRADED


def test_a_person_who_promotes_in_full_needs_no_budget() -> None:
    """Argo's `promote --full` skips what judges, and Davy's what spares."""
    cluster = updating()
    cluster.edit_status(promote_full=True)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_an_abort_keeps_what_was_spent() -> None:
    """For people who look at the status afterwards."""
    cluster = updating()
    cluster.allow(0.02, spent=7)
    cluster.run(5)
    cluster.edit_status(abort=True)
    cluster.run(60)
    assert (cluster.weight, budget(cluster)) == (0, (None, 7))


def test_a_source_that_is_down_raises_nothing() -> None:
    """I7: the status says both, the budget and why it doesn't grow."""
    cluster = updating()
    cluster.starve("Metric judge: no evidence since 12:00:00: prometheus:9090 refused.")
    cluster.run(600)
    assert cluster.weight == 1
    assert cluster.message.endswith(
        "promotes in full; Metric judge: no evidence since 12:00:00: prometheus:9090 refused."
    )
