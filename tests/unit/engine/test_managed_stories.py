"""Managed routes: by header and mirrored, with the pods for them before and the drain after."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.conditions import RolloutPhase
from davy.api.errors import Finding
from davy.engine import plan as plans
from davy.engine.world import WrittenRule
from tests.unit.engine.cluster import SETTLE, Cluster, spec
from tests.unit.engine.play import phase, pods, running, updating

Step = dict[str, Any]
BETA: Step = {
    "setHeaderRoute": {
        "name": "beta",
        "match": [{"headerName": "X-Beta", "headerValue": {"exact": "1"}}],
    }
}
NO_BETA: Step = {"setHeaderRoute": {"name": "beta"}}
PAUSE: Step = {"pause": {}}


def a_copy(percentage: int) -> Step:
    """A mirror of that many percent of all requests by GET."""
    match = [{"method": {"exact": "GET"}}]
    return {"setMirrorRoute": {"name": "copy", "match": match, "percentage": percentage}}


def rules(cluster: Cluster) -> list[str]:
    """Names of the managed routes in the route."""
    return [found.name for found in cluster.route.rules]


def test_a_header_route_comes_with_the_first_pod() -> None:
    """I2, I5: at weight 0 one pod is there first; the step is passed when the route took effect."""
    cluster = updating(BETA, PAUSE, {"setWeight": 50}, PAUSE, seconds=2)
    assert (rules(cluster), pods(cluster)) == ([], {1: 4, 2: 1})
    assert "0 of 1 pods of revision 2 are available, weight 0 with its managed" in cluster.message
    cluster.run(10)
    assert (rules(cluster), cluster.weight, pods(cluster)) == (["beta"], 0, {1: 4, 2: 1})
    assert cluster.status.current_step_index == 1
    assert cluster.status.traffic
    assert cluster.status.traffic.rules == ["beta"]
    cluster.edit_status(pause_conditions=None)
    cluster.run(10)
    assert (rules(cluster), cluster.weight, pods(cluster)) == (["beta"], 50, {1: 4, 2: 2})


@pytest.mark.parametrize("route", [BETA, a_copy(10)])
def test_a_managed_route_waits_until_the_pods_carry_the_weight_that_the_canary_keeps(
    route: Step,
) -> None:
    """I2: a weight beyond the canary's pods stays until stable's pods take it: nothing is added.

    Found by Hypothesis: at weight 50 the rollout grew, and its new steps begin at weight 0.
    """
    three: Step = {"setCanaryScale": {"replicas": 3}}
    cluster = updating(three, {"setWeight": 50}, PAUSE, seconds=20, replicas=3)
    steps = [three, route, PAUSE]
    more: dict[str, Any] = {"version": "2", "replicas": 10}
    cluster.apply(spec(*steps, canary={"dynamicStableScale": True}, **more))
    cluster.run(2)
    assert (rules(cluster), cluster.weight, pods(cluster)) == ([], 50, {1: 10, 2: 3})
    cluster.run(20)
    name = next(iter(route.values()))["name"]
    assert (rules(cluster), cluster.weight) == ([name], 0)


def test_a_header_route_of_the_revision_before_needs_no_pod_of_a_paused_one() -> None:
    """It is the same one in the new template's steps, and leads to the revision that was replaced.

    Found by simulation 175.
    """
    cluster = updating(BETA, PAUSE, seconds=20)
    cluster.apply(spec(BETA, PAUSE, version="3", paused=True))
    cluster.run(20)
    assert (rules(cluster), pods(cluster)) == ([], {1: 4, 2: 1, 3: 0})


def test_what_comes_and_goes_is_told_once() -> None:
    """One event per change; none where another's CRD drops the status that says what there was."""
    cluster = updating(BETA, a_copy(10), {"setHeaderRoute": {"name": "beta"}}, PAUSE, seconds=30)
    told = [found.message for found in cluster.events if found.message.startswith("Managed")]
    assert told == [
        "Managed routes: none → beta",
        "Managed routes: beta → beta, copy",
        "Managed routes: beta, copy → copy",
    ]
    cluster.events.clear()
    cluster.edit_status(traffic=None)
    cluster.run(5)
    assert cluster.events == []


def test_the_step_waits_for_the_settle_time() -> None:
    """I5: written isn't in effect."""
    cluster = updating(BETA, PAUSE, seconds=2)
    while not rules(cluster):
        cluster.run(0.25)
    assert cluster.status.current_step_index == 0
    cluster.run(SETTLE.total_seconds())
    assert cluster.status.current_step_index == 1


@pytest.mark.parametrize(
    ("weight", "percentage", "needed"), [(0, 100, 4), (25, 30, 3), (50, 80, 4)]
)
def test_mirrored_requests_need_pods_beside_the_weight(
    weight: int, percentage: int, needed: int
) -> None:
    """I2: copies are load too."""
    cluster = updating({"setWeight": weight}, a_copy(percentage), PAUSE, seconds=20)
    assert (rules(cluster), pods(cluster)[2]) == (["copy"], needed)


def test_routes_keep_the_order_of_managed_routes() -> None:
    """What comes first in managedRoutes takes precedence, whichever step was first."""
    cluster = updating(a_copy(10), BETA, PAUSE, seconds=20)
    assert rules(cluster) == ["beta", "copy"]


def test_an_abort_takes_all_away_with_the_weight_in_one_write() -> None:
    """I3, I4: the first action; the pods go when that took effect and the delay has passed."""
    cluster = updating(BETA, a_copy(10), {"setWeight": 50}, PAUSE, seconds=20)
    assert (rules(cluster), cluster.weight) == (["beta", "copy"], 50)
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert isinstance(plan.actions[0], plans.SetWeights)
    assert (plan.actions[0].canary, plan.actions[0].rules) == (0, ())
    cluster.run(25)
    assert pods(cluster) == {1: 4, 2: 3}
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 0}


def test_an_abort_at_weight_0_takes_the_header_route_away_first() -> None:
    """I3: a weight of 0 isn't the whole way back, whatever else is wrong."""
    cluster = updating(BETA, PAUSE, seconds=20)
    cluster.problems = (Finding("spec", "is wrong"),)
    cluster.kill_pods(cluster.status.stable_rs or "", 4)
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(0, 100, "canary weight 0 → 0")


def test_an_empty_match_takes_the_route_away() -> None:
    """I4: its pod goes after the drain delay only."""
    cluster = updating(BETA, NO_BETA, PAUSE, seconds=12, canary={"scaleDownDelaySeconds": 20})
    assert (rules(cluster), cluster.status.current_step_index) == ([], 2)
    assert pods(cluster) == {1: 4, 2: 1}
    cluster.run(30)
    assert pods(cluster) == {1: 4, 2: 0}


def test_after_the_last_step_it_stays_until_all_weight_is_on_the_canary() -> None:
    """Who has the header meets the canary to the end; then nothing of it is left."""
    cluster = updating(BETA, PAUSE, seconds=20)
    cluster.edit_status(pause_conditions=None)
    cluster.once()
    cluster.once()
    assert (rules(cluster), cluster.weight) == (["beta"], 0)
    cluster.run(60)
    assert (rules(cluster), phase(cluster)) == ([], RolloutPhase.HEALTHY)
    assert cluster.status.traffic
    assert cluster.status.traffic.rules is None


def test_promote_full_sets_no_route_that_isnt_there() -> None:
    """The steps are skipped, and so is what they would set."""
    cluster = updating({"setWeight": 10}, PAUSE, BETA, seconds=10)
    cluster.edit_status(promote_full=True)
    seen: set[str] = set()
    for _ in range(40):
        cluster.run(1)
        seen |= set(rules(cluster))
    assert (seen, phase(cluster)) == (set(), RolloutPhase.HEALTHY)


def test_a_route_that_somebody_changed_is_written_anew() -> None:
    """I5: taken away at once, and set when that took effect; a crash in between changes nothing."""
    cluster = updating(BETA, PAUSE, seconds=20)
    cluster.route = replace(cluster.route, rules=(WrittenRule("beta"),))
    assert isinstance(cluster.once(writes_status=False).actions[0], plans.SetWeights)
    assert rules(cluster) == []
    cluster.run(10)
    assert [bool(found.rules) for found in cluster.route.rules] == [True]


def test_without_a_pod_the_route_goes_and_comes_back() -> None:
    """I2: a header must not lead to nobody."""
    cluster = updating(BETA, PAUSE, seconds=20)
    cluster.start_delay = timedelta(seconds=5)
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.settle()
    assert rules(cluster) == []
    cluster.run(20)
    assert rules(cluster) == ["beta"]


def test_a_pause_by_hand_sets_no_route() -> None:
    """`spec.paused`: what is there stays, nothing comes and no pod for it."""
    steps = ({"setWeight": 25}, PAUSE, a_copy(50), PAUSE)
    cluster = updating(*steps, seconds=20)
    cluster.apply(spec(*steps, version="2", paused=True))
    cluster.edit_status(pause_conditions=None)
    cluster.run(10)
    assert (rules(cluster), pods(cluster)) == ([], {1: 4, 2: 1})
    cluster.apply(spec(*steps, version="2"))
    cluster.run(20)
    assert (rules(cluster), pods(cluster)) == (["copy"], {1: 4, 2: 3})


def test_another_template_takes_the_route_away_before_its_own_steps() -> None:
    """I3, I6: the header leads to no revision that was given up."""
    cluster = updating(BETA, PAUSE, seconds=20)
    cluster.apply(spec(BETA, PAUSE, version="3"))
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(0, 100, "canary weight 0 → 0")
    cluster.run(60)
    assert (rules(cluster), cluster.route.canary_hash) == (
        ["beta"],
        cluster.status.current_pod_hash,
    )
    assert pods(cluster) == {1: 4, 2: 0, 3: 1}


def test_a_rollback_and_a_deletion_take_it_away() -> None:
    """I9: the route is left on stable alone."""
    for end in ("rollback", "delete"):
        cluster = updating(BETA, PAUSE, seconds=20)
        if end == "rollback":
            cluster.apply(spec(BETA, PAUSE, version="1"))
        else:
            cluster.rollout = replace(cluster.rollout, deleting=True)
        assert cluster.rollout.finalizer
        cluster.run(40)
        assert (rules(cluster), cluster.rollout.finalizer) == ([], False)


def test_a_header_is_traffic_for_background_analysis() -> None:
    """There is something to judge at weight 0 too."""
    background = {"analysis": {"templates": [{"templateName": "errors"}]}}
    cluster = updating(BETA, PAUSE, seconds=20, canary=background)
    assert [run.kind.value for run in cluster.runs.values()] == ["Background"]


def test_a_rollout_of_no_pods_passes_its_steps() -> None:
    """There is nobody to send to, and nothing to wait for."""
    cluster = updating(BETA, a_copy(50), PAUSE, seconds=20, replicas=0)
    assert (rules(cluster), cluster.status.current_step_index) == (["beta", "copy"], 2)


def test_the_first_revision_passes_no_such_step() -> None:
    """There is nothing to tell apart."""
    assert rules(running(BETA, PAUSE)) == []


def test_a_header_route_waits_for_the_pods_of_the_scale() -> None:
    """I2: nobody knows how many requests have the header: `setCanaryScale` says for how many."""
    steps = ({"setCanaryScale": {"replicas": 3}}, PAUSE, BETA, PAUSE)
    cluster = updating(*steps, seconds=20)
    cluster.start_delay = timedelta(seconds=20)
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.edit_status(pause_conditions=None)
    cluster.run(5)
    assert (rules(cluster), pods(cluster)) == ([], {1: 4, 2: 3})
    assert "2 of 3 pods of revision 2 are available, setCanaryScale asks for 3" in cluster.message
    cluster.run(25)
    assert rules(cluster) == ["beta"]


def test_a_mirror_has_all_its_pods_whatever_is_enough_for_a_weight() -> None:
    """I2: a weight can be what enough pods carry; requests are copied whole, or not."""
    enough = {"replicaProgressThreshold": {"type": "Percent", "value": 40}}
    steps = ({"setWeight": 20}, PAUSE, a_copy(30), PAUSE)
    cluster = updating(*steps, seconds=20, replicas=10, canary=enough)
    cluster.start_delay = timedelta(seconds=20)
    cluster.edit_status(pause_conditions=None)
    cluster.run(10)
    assert (rules(cluster), pods(cluster)) == ([], {1: 10, 2: 5})
    assert "2 of 5 pods of revision 2 are available" in cluster.message
    assert "are enough" not in cluster.message
    cluster.run(20)
    assert rules(cluster) == ["copy"]


def test_a_dynamic_stable_has_the_pods_of_its_weight_beside_managed_routes() -> None:
    """I2, I3: they take none of them; an abort takes them away at once, the weight as pods come."""
    dynamic = {"dynamicStableScale": True}
    steps = (BETA, a_copy(20), {"setWeight": 60}, PAUSE)
    cluster = updating(*steps, seconds=60, replicas=10, canary=dynamic)
    assert (rules(cluster), cluster.weight) == (["beta", "copy"], 60)
    assert pods(cluster) == {1: 4, 2: 8}
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert isinstance(plan.actions[0], plans.SetWeights)
    assert (plan.actions[0].canary, plan.actions[0].rules) == (60, ())
    assert pods(cluster) == {1: 10, 2: 8}
    cluster.run(30)
    assert cluster.weight == 0


def test_pods_stay_while_a_header_still_leads_to_them() -> None:
    """I4: an abort whose writes are lost drains nothing, at weight 0 too."""
    cluster = updating(BETA, PAUSE, seconds=20)
    written = cluster.route
    cluster.edit_status(abort=True)
    for _ in range(60):
        cluster.once()
        cluster.route = written
        cluster.now += timedelta(seconds=1)
    assert pods(cluster) == {1: 4, 2: 1}
    cluster.run(60)
    assert (rules(cluster), pods(cluster)) == ([], {1: 4, 2: 0})
