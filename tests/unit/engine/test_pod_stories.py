"""Whole releases without a router: the pods are the weight."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.analysis import Phase
from davy.api.conditions import ConditionType, EventReason, RolloutPhase
from davy.api.errors import Finding
from davy.api.rollout import RolloutSpec
from davy.engine import plan as plans
from davy.engine.world import ReplicaSet, Role, Route
from tests.unit.engine import cluster as clusters
from tests.unit.engine.cluster import Cluster
from tests.unit.engine.invariants import Watcher
from tests.unit.engine.play import ANALYSIS, BACKGROUND, phase, pods, reasons
from tests.unit.engine.telling import Telling

STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 20},
    {"pause": {"duration": "5s"}},
    {"setWeight": 60},
    {"pause": {}},
)
SERVICES = {"stableService": "cart-stable", "canaryService": "cart-canary"}


def spec(*steps: dict[str, Any], version: str = "1", replicas: int = 5, **more: Any) -> RolloutSpec:
    """A spec without a router."""
    canary = {"trafficRouting": None, **more.pop("canary", {})}
    return clusters.spec(*steps, version=version, replicas=replicas, canary=canary, **more)


def running(*steps: dict[str, Any], **more: Any) -> Cluster:
    """A healthy rollout of version 1."""
    cluster = Cluster.of(spec(*steps, **more))
    cluster.check = Watcher()
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.HEALTHY
    cluster.events.clear()
    return cluster


def updating(*steps: dict[str, Any], seconds: float = 30, **more: Any) -> Cluster:
    """A rollout some seconds after version 2 was applied."""
    cluster = running(*steps, **more)
    cluster.apply(spec(*steps, version="2", **more))
    cluster.run(seconds)
    return cluster


def available(cluster: Cluster) -> dict[int, int]:
    """Available pods by revision."""
    return {found.revision: found.available for found in cluster.sets.values()}


def test_a_good_release_goes_by_its_pods() -> None:
    """One of five pods, three of five, all: told in the words of a release with a router."""
    cluster = updating(*STEPS)
    assert phase(cluster) is RolloutPhase.PAUSED
    assert pods(cluster) == {1: 2, 2: 3}
    assert cluster.message == "Step 4 of 4: paused at weight 60 until somebody promotes."
    cluster.edit_status(pause_conditions=None)
    cluster.run(30)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert cluster.message == "Revision 2 is stable and has all traffic."
    assert pods(cluster) == {1: 0, 2: 5}
    assert reasons(cluster).count(EventReason.ROLLOUT_STEP_COMPLETED) == 4


def test_a_good_release_and_an_abort_line_by_line() -> None:
    """I10: what happened, told and was written, pass by pass."""
    cluster = Cluster.of(spec(*STEPS))
    told = Telling(cluster)
    told.chapter("created")
    cluster.run(10)
    told.chapter("version 2")
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(20)
    told.chapter("promoted by hand")
    cluster.edit_status(pause_conditions=None)
    cluster.run(20)
    told.chapter("version 3, aborted by hand")
    cluster.apply(spec(*STEPS, version="3"))
    cluster.run(5)
    cluster.edit_status(abort=True)
    cluster.run(20)
    told.check("pods")


def test_nothing_is_said_of_a_route() -> None:
    """As in Argo there are no weights in the status; the share of the pods is Davy's own field."""
    cluster = updating(*STEPS)
    status = cluster.status
    assert status.canary is not None
    assert status.canary.weights is None
    assert status.condition(ConditionType.TRAFFIC_VERIFIED) is None
    assert status.traffic is not None
    assert (status.traffic.wanted, status.traffic.written, status.traffic.verified) == (60, 60, 60)
    assert cluster.rollout.finalizer is False
    assert EventReason.TRAFFIC_WEIGHT_UPDATED not in reasons(cluster)


@pytest.mark.parametrize(
    "canary",
    [
        {},
        {"maxSurge": 1, "maxUnavailable": 0},
        {"maxSurge": 0, "maxUnavailable": 1},
        {"maxSurge": "100%", "maxUnavailable": 0},
        {"maxSurge": 0, "maxUnavailable": "100%"},
    ],
)
def test_no_steps_is_a_rolling_update(canary: dict[str, Any]) -> None:
    """Within maxSurge and maxUnavailable on every pass (the watcher checks), to the end."""
    cluster = updating(seconds=60, canary=canary)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {1: 0, 2: 5}


def test_one_pod_after_the_other_where_one_may_be_missing() -> None:
    """With maxSurge 0 and maxUnavailable 1 an old pod goes, a new one comes, and so on."""
    cluster = running(canary={"maxSurge": 0, "maxUnavailable": 1})
    cluster.apply(spec(version="2", canary={"maxSurge": 0, "maxUnavailable": 1}))
    seen = []
    for _ in range(18):
        cluster.settle()
        seen.append(pods(cluster))
        cluster.now += timedelta(seconds=1)
    assert [found for index, found in enumerate(seen) if found not in seen[:index]] == [
        {1: 5 - number, 2: number} for number in range(1, 6)
    ]


def test_an_idle_rollout_wants_nothing() -> None:
    """No action, no status change, no event, no wake-up."""
    cluster = running(*STEPS)
    cluster.now += timedelta(days=1)
    assert cluster.once() == plans.Plan((), cluster.status, (), None)


def test_an_abort_gives_the_pods_back_to_stable() -> None:
    """I3: in the same pass the canary loses what can be spared and stable grows; nothing drains."""
    cluster = updating(*STEPS)
    cluster.edit_status(abort=True)
    plan = cluster.once()
    scaled = {type(action) for action in plan.actions}
    assert scaled == {plans.ScaleReplicaSet}
    cluster.run(20)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert pods(cluster) == {1: 5, 2: 0}
    assert cluster.message == (
        "RolloutAborted: Revision 2 aborted at weight 60: by hand. All weight to revision 1."
    )


def test_a_canary_that_never_answers_doesnt_keep_an_abort_back() -> None:
    """I3: its pods go at once, though the cluster has room for no other."""
    more: dict[str, Any] = {"canary": {"maxSurge": 0, "maxUnavailable": 2}}
    cluster = running(*STEPS, **more)
    cluster.apply(spec({"setWeight": 60}, version="2", **more))
    cluster.broken.add(cluster.once().status.current_pod_hash or "")
    cluster.run(10)
    assert pods(cluster) == {1: 3, 2: 2}
    cluster.edit_status(abort=True)
    cluster.settle()
    assert pods(cluster) == {1: 5, 2: 0}


def test_an_aborted_canary_is_not_forgotten() -> None:
    """Its ReplicaSet is the template's, however short the history: the status speaks of it."""
    cluster = updating(*STEPS, revisionHistoryLimit=0)
    cluster.edit_status(abort=True)
    cluster.run(20)
    assert pods(cluster) == {1: 5, 2: 0}


def test_stable_is_not_forgotten_before_the_promotion_is_written() -> None:
    """I3: an abort that comes between the two finds a revision to go back to."""
    cluster = running(revisionHistoryLimit=0)
    first = cluster.status.stable_rs
    cluster.apply(spec(version="2", revisionHistoryLimit=0))
    while cluster.once(acts=False).status.stable_rs == first:
        cluster.once()
        cluster.now += timedelta(seconds=0.5)
    cluster.once(writes_status=False)
    cluster.edit_status(abort=True)
    cluster.run(20)
    assert sorted(pods(cluster).values()) == [0, 5]
    assert cluster.sets[first or ""].desired == 5


def test_a_retry_begins_again() -> None:
    """From step 1, with the pods of its weight."""
    cluster = updating(*STEPS)
    cluster.edit_status(abort=True)
    cluster.run(20)
    cluster.edit_status(abort=False)
    cluster.run(4)
    assert pods(cluster) == {1: 4, 2: 1}
    assert EventReason.ROLLOUT_RETRY in reasons(cluster)


def test_a_promotion_in_full_skips_the_steps() -> None:
    """promoteFull: all pods, within the limits."""
    cluster = updating(*STEPS)
    cluster.edit_status(promote_full=True)
    cluster.run(20)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {1: 0, 2: 5}


def test_a_rollback_in_the_middle_needs_no_steps() -> None:
    """The stable template again: the canary is older now, and goes as it can be spared."""
    cluster = updating(*STEPS)
    cluster.apply(spec(*STEPS))
    cluster.run(20)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {3: 5, 2: 0}
    assert EventReason.SKIP_STEPS in reasons(cluster)


def test_a_new_revision_in_the_middle_replaces_the_one_before_it() -> None:
    """Older pods go before stable's: three revisions at once for no longer than they must."""
    cluster = updating(*STEPS)
    cluster.apply(spec(*STEPS, version="3"))
    cluster.run(30)
    assert pods(cluster) == {1: 2, 2: 0, 3: 3}


def test_a_step_waits_until_no_older_revision_has_pods() -> None:
    """I5: they would answer a part of the requests that the weight gives to others."""
    cluster = updating(*STEPS, seconds=2)
    cluster.now += timedelta(seconds=1)
    cluster.sets["older"] = ReplicaSet("cart-older", "older", 1, desired=1)
    assert cluster.once(acts=False).status.current_step_index == 0
    del cluster.sets["older"]
    assert cluster.once(acts=False).status.current_step_index == 1


def test_scaling_in_the_middle_keeps_the_share() -> None:
    """A person or an autoscaler: both revisions follow, up and down."""
    cluster = updating(*STEPS)
    cluster.apply(spec(*STEPS, version="2", replicas=10))
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 6}
    cluster.apply(spec(*STEPS, version="2", replicas=3))
    cluster.run(10)
    assert pods(cluster) == {1: 1, 2: 2}
    cluster.apply(spec(*STEPS, version="2", replicas=0))
    cluster.run(10)
    assert pods(cluster) == {1: 0, 2: 0}
    assert phase(cluster) is RolloutPhase.PAUSED


def test_a_quota_that_refuses_pods_holds_the_step_and_says_so() -> None:
    """No pod of stable goes before one of the canary can answer; the deadline runs."""
    cluster = running(*STEPS, canary={"maxUnavailable": 0})
    cluster.start_delay = timedelta(days=1)
    cluster.apply(spec(*STEPS, version="2", canary={"maxUnavailable": 0}))
    cluster.settle()
    new = cluster.status.current_pod_hash or ""
    cluster.sets[new] = replace(cluster.sets[new], failure="exceeded quota: pods")
    cluster.run(5)
    assert available(cluster)[1] == 5
    assert cluster.message.startswith(
        "Step 1 of 4: weight held at 0: 0 of 1 pods of revision 2 are available, weight 20 needs 1 "
        "(exceeded quota: pods). Deadline "
    )


def test_a_canary_that_never_comes_is_aborted_at_the_deadline() -> None:
    """As with a router, where progressDeadlineAbort says so."""
    more: dict[str, Any] = {"progressDeadlineSeconds": 60, "progressDeadlineAbort": True}
    cluster = running(*STEPS, **more)
    cluster.apply(spec(*STEPS, version="2", **more))
    cluster.broken.add(cluster.once().status.current_pod_hash or "")
    cluster.run(70)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert "no progress for 60 s" in cluster.message
    cluster.run(20)
    assert available(cluster) == {1: 5, 2: 0}


def test_a_bad_stable_doesnt_keep_its_successor_back() -> None:
    """Nothing of stable answers, no surge: its pods make room all the same."""
    more: dict[str, Any] = {"canary": {"maxSurge": 0, "maxUnavailable": 1}}
    cluster = running(*STEPS, **more)
    cluster.broken.add(cluster.status.stable_rs or "")
    cluster.apply(spec(version="2", **more))
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert available(cluster) == {1: 0, 2: 5}


def test_an_analysis_judges_the_canary() -> None:
    """A step's run holds the pods where they are; a failed background run takes them back."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 20}, ANALYSIS, {"setWeight": 60})
    cluster = updating(*steps, canary=BACKGROUND)
    assert pods(cluster) == {1: 4, 2: 1}
    assert {run.kind.value for run in cluster.runs.values()} == {"Step", "Background"}
    cluster.finish("Background", Phase.FAILED, "error-rate 0.2")
    cluster.run(20)
    assert phase(cluster) is RolloutPhase.DEGRADED
    assert pods(cluster) == {1: 5, 2: 0}


def test_a_lower_weight_takes_pods_back() -> None:
    """From three of five to one."""
    cluster = updating({"setWeight": 60}, {"setWeight": 20}, {"pause": {}})
    assert pods(cluster) == {1: 4, 2: 1}
    assert phase(cluster) is RolloutPhase.PAUSED


def test_weight_0_makes_a_revision_without_pods() -> None:
    """A step that holds everything back; the next one begins from there."""
    cluster = updating({"setWeight": 0}, {"pause": {}}, {"setWeight": 20}, {"pause": {}})
    assert pods(cluster) == {1: 5, 2: 0}
    cluster.edit_status(pause_conditions=None)
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 1}


def test_a_problem_in_the_spec_holds_the_canary_and_keeps_the_rest_to_size() -> None:
    """No step goes on; who scales gets the pods."""
    cluster = updating(*STEPS)
    cluster.problems = (Finding("spec.a", "is wrong"),)
    cluster.apply(spec(*STEPS, version="2", replicas=8))
    cluster.run(10)
    assert pods(cluster) == {1: 5, 2: 3}
    assert "InvalidSpec: spec.a: is wrong" in cluster.message
    cluster.problems = ()
    cluster.run(10)
    assert pods(cluster) == {1: 3, 2: 5}


def test_named_services_follow_their_revisions() -> None:
    """Each to pods that can answer; the canary's comes back when the update is given up."""
    route = Route(None, stable_service="cart-stable", canary_service="cart-canary")
    cluster = Cluster.of(spec(*STEPS, canary=SERVICES), route=route)
    cluster.check = Watcher()
    cluster.run(10)
    first = cluster.status.stable_rs
    assert (cluster.route.stable_hash, cluster.route.canary_hash) == (first, first)
    assert phase(cluster) is RolloutPhase.HEALTHY
    cluster.apply(spec(*STEPS, version="2", canary=SERVICES))
    cluster.settle()
    assert cluster.route.canary_hash == first
    cluster.run(4)
    second = cluster.status.current_pod_hash
    assert (cluster.route.stable_hash, cluster.route.canary_hash) == (first, second)
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert plans.PointRole(Role.CANARY, first or "", f"the canary destination to {first}") in (
        plan.actions
    )
    cluster.edit_status(abort=False)
    cluster.run(20)
    cluster.edit_status(pause_conditions=None)
    cluster.run(20)
    assert (cluster.route.stable_hash, cluster.route.canary_hash) == (second, second)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert f"The stable Service leads to {second}" in [event.message for event in cluster.events]


def test_a_deleted_rollout_is_let_go_at_once() -> None:
    """Nothing has to be taken back; a finalizer from a time with a router is removed."""
    cluster = updating(*STEPS)
    cluster.rollout = replace(cluster.rollout, deleting=True)
    assert cluster.once().actions == ()
    cluster.rollout = replace(cluster.rollout, finalizer=True)
    [action] = cluster.once().actions
    assert isinstance(action, plans.MarkRollout)
    assert action.finalizer is False


def test_a_template_that_changes_before_the_first_was_ready() -> None:
    """No stable yet: the pods of the first attempt give way as the second's come."""
    cluster = Cluster.of(spec(*STEPS))
    cluster.check = Watcher()
    cluster.broken.add(cluster.once().status.current_pod_hash or "")
    cluster.run(5)
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(20)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {1: 0, 2: 5}


def test_a_restart_changes_nothing() -> None:
    """I6: killed after the actions of every pass and before its status, it ends the same."""
    cluster = running(*STEPS)
    cluster.apply(spec(*STEPS, version="2"))
    for _ in range(120):
        cluster.once(writes_status=False)
        cluster.once()
        cluster.now += timedelta(seconds=0.25)
    assert pods(cluster) == {1: 2, 2: 3}
    assert phase(cluster) is RolloutPhase.PAUSED


def test_a_router_that_is_given_up_in_the_middle() -> None:
    """The pods of both ways count: stable's surplus goes, the canary goes on by its share."""
    cluster = Cluster.of(clusters.spec(*STEPS, replicas=5))
    cluster.run(10)
    cluster.apply(clusters.spec(*STEPS, replicas=5, version="2"))
    cluster.run(20)
    assert pods(cluster) == {1: 5, 2: 3}
    cluster.check = Watcher()
    cluster.apply(spec(*STEPS, version="2"))
    cluster.run(10)
    assert pods(cluster) == {1: 2, 2: 3}
    assert cluster.rollout.finalizer is False
