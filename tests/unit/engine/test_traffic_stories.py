"""Weights under capacity, destinations, and what the mesh says of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.conditions import EventReason, RolloutPhase
from davy.api.errors import Finding
from davy.api.template_hash import template_hash
from davy.engine import plan as plans
from davy.engine.decide import decide
from davy.engine.world import Answer, Role
from tests.unit.engine.cluster import SETTLE, START, Cluster, answering, spec
from tests.unit.engine.play import (
    STEPS,
    phase,
    pods,
    running,
    updating,
)


def test_weight_waits_for_the_pods_that_carry_it() -> None:
    """I2: at weight 50 two of four pods are needed; one is not enough."""
    cluster = updating({"setWeight": 50}, seconds=1)
    cluster.start_delay = timedelta(seconds=1000)
    cluster.run(20)
    assert cluster.weight == 50  # the first two were asked for before the delay grew
    cluster.apply(spec({"setWeight": 100}, version="3"))
    cluster.run(20)
    assert cluster.weight == 0
    assert "0 of 4 pods of revision 3 are available, weight 100 needs 4" in cluster.message


def test_weight_comes_down_when_the_canary_loses_pods() -> None:
    """I2: three of four pods gone, weight 100's share follows at once."""
    cluster = updating({"setWeight": 75}, {"pause": {}}, seconds=10)
    assert cluster.weight == 75
    cluster.kill_pods(cluster.status.current_pod_hash or "", 2)
    cluster.settle()
    assert cluster.weight == 25
    cluster.run(10)
    assert cluster.weight == 75


def test_pods_that_are_about_to_go_carry_nothing() -> None:
    """I2: somebody scales the canary from 3 to 1; its ReplicaSet still counts 3 available."""
    cluster = updating({"setWeight": 75}, {"pause": {}}, seconds=10)
    new = cluster.status.current_pod_hash or ""
    cluster.world()
    held = replace(cluster.sets[new], desired=1)
    others = tuple(found for found in cluster.sets.values() if found.hash != new)
    world = replace(cluster.world(), replica_sets=(*others, held))
    plan = decide(cluster.rollout, world, cluster.now)
    assert plan.actions[0] == plans.SetWeights(25, 75, "canary weight 75 → 25")


def test_a_step_isnt_complete_when_its_pods_just_went() -> None:
    """I5: the weight is in effect, its pods were lost in the same moment."""
    steps: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {}}, {"setWeight": 100})
    cluster = updating(*steps, seconds=4)
    assert cluster.weight == 50
    assert cluster.status.current_step_index == 0
    cluster.now += SETTLE
    cluster.kill_pods(cluster.status.current_pod_hash or "", 2)
    assert cluster.once().status.current_step_index == 0
    cluster.run(10)
    assert cluster.status.current_step_index == 1


def test_a_pause_doesnt_end_while_the_canary_cant_carry_its_weight() -> None:
    """I5: a canary that lost its pods would have shown nothing in that time."""
    cluster = updating({"setWeight": 50}, {"pause": {"duration": "20s"}}, seconds=8)
    assert cluster.status.current_step_index == 1
    cluster.start_delay = timedelta(seconds=40)
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.run(30)
    assert cluster.weight == 25
    assert cluster.status.current_step_index == 1
    cluster.run(30)
    assert cluster.status.current_step_index == 2


def test_a_skipped_step_never_outruns_the_pods() -> None:
    """I2 (Argo's H3): a person skips to weight 80 while one of four pods is available."""
    cluster = updating({"setWeight": 10}, {"pause": {}}, {"setWeight": 80}, {"pause": {}})
    cluster.edit_status(pause_conditions=None, controller_pause=None, current_step_index=3)
    cluster.settle()
    assert cluster.weight == 10
    cluster.run(10)
    assert cluster.weight == 80


def test_promote_full_passes_all_steps_but_never_outruns_the_pods() -> None:
    """I2: full promotion waits for all pods at the weight it has."""
    cluster = updating(*STEPS, seconds=6)
    assert cluster.weight == 10
    cluster.edit_status(promote_full=True)
    cluster.settle()
    assert cluster.weight == 10
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert cluster.status.promote_full is None
    skipped = plans.Event(EventReason.SKIP_STEPS, "Promoted in full: steps 2 to 5 skipped")
    assert skipped in cluster.events


def test_stable_destination_moves_only_without_weight() -> None:
    """A promoted revision keeps 100 on the canary's side until stable's side leads to it."""
    cluster = updating(seconds=0)
    seen: list[tuple[Role, int | None]] = []
    for _ in range(40):
        cluster.now += timedelta(seconds=0.25)
        moved = [made for made in cluster.once().actions if isinstance(made, plans.PointRole)]
        seen.extend((action.role, cluster.weight) for action in moved)
    assert seen == [(Role.CANARY, 0), (Role.STABLE, 100)]
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_weight_moves_to_stable_only_when_its_new_destination_settled() -> None:
    """I5: both sides lead to the promoted revision; the proxies get their time before it moves."""
    cluster = updating(seconds=0)
    moved: dict[str, timedelta] = {}
    while phase(cluster) is not RolloutPhase.HEALTHY:
        cluster.now += timedelta(seconds=0.125)
        for made in cluster.once().actions:
            if isinstance(made, plans.PointRole) and made.role is Role.STABLE:
                moved["leads"] = cluster.now - START
            if isinstance(made, plans.SetWeights) and made.canary == 0:
                moved["weight"] = cluster.now - START
    assert moved["weight"] - moved["leads"] >= SETTLE


def test_no_weight_is_raised_while_something_is_wrong() -> None:
    """A missing template is found while the pods start: the first weight waits for it."""
    cluster = updating(*STEPS, seconds=3)
    assert cluster.weight == 0
    cluster.problems = (Finding("spec", "template x isn't there"),)
    cluster.run(20)
    assert cluster.weight == 0
    cluster.problems = ()
    cluster.run(5)
    assert cluster.weight == 10


def test_nothing_goes_on_while_the_mesh_has_not_taken_the_weight() -> None:
    """I5: written is not taken; the message says what the router said."""
    cluster = updating(
        {"setWeight": 10}, {"pause": {"duration": "1s"}}, {"setWeight": 50}, seconds=4
    )
    answering(cluster, Answer.NOT_YET, "parent gw: Accepted is False (NotAllowedByListeners)")
    cluster.run(100)
    assert cluster.status.current_step_index == 0
    assert "NotAllowedByListeners" in cluster.message
    answering(cluster, Answer.VERIFIED)
    cluster.run(3)
    assert cluster.status.canary is not None
    assert cluster.status.canary.weights is not None
    assert cluster.status.canary.weights.verified is True


def test_a_settle_time_never_counts_as_verified() -> None:
    """Where the router can't say, weights.verified stays unknown though the step goes on."""
    cluster = updating(*STEPS, seconds=8)
    assert cluster.status.current_step_index == 1
    assert cluster.status.canary is not None
    assert cluster.status.canary.weights is not None
    assert cluster.status.canary.weights.verified is None


def test_a_deleted_route_holds_and_is_repaired_when_it_is_back() -> None:
    """The weight is written again when somebody put the route back without it."""
    cluster = updating(*STEPS, seconds=30)
    there = cluster.route
    cluster.route = replace(there, canary_weight=None, stable_hash=None, canary_hash=None)
    cluster.problems = (Finding("spec", "VirtualService shop/cart isn't there"),)
    cluster.run(10)
    assert cluster.status.current_step_index == 3
    cluster.route = replace(there, canary_weight=0, stable_hash=None, canary_hash=None)
    cluster.problems = ()
    cluster.run(10)
    assert cluster.weight == 50
    assert cluster.route == there


def test_pods_counted_before_a_scaling_raise_nothing() -> None:
    """I2: 2 → 0 → 1 pods, and the ReplicaSet still says 2 available: both are about to go."""
    cluster = updating(*STEPS, seconds=30)
    cluster.edit_status(abort=True)
    cluster.run(60)
    cluster.edit_status(abort=False)
    cluster.settle()
    new = cluster.status.current_pod_hash or ""
    stale = replace(cluster.sets[new], available=2, observed=False)
    cluster.now += timedelta(seconds=2)
    world = replace(cluster.world(), replica_sets=(*cluster.sets.values(),))
    others = tuple(found for found in world.replica_sets if found.hash != new)
    wanted = decide(cluster.rollout, replace(world, replica_sets=(*others, stale)), cluster.now)
    assert not any(isinstance(made, plans.PointRole | plans.SetWeights) for made in wanted.actions)


def test_rules_that_disagree_are_repaired_at_the_weight_they_should_have() -> None:
    """I1: the same weight is written again when some rule says another."""
    cluster = updating(*STEPS, seconds=8)
    cluster.route = replace(cluster.route, uneven=True)
    wanted = cluster.once()
    assert wanted.actions[0] == plans.SetWeights(10, 90, "canary weight 10 → 10")


def test_scaling_in_the_middle_keeps_the_share() -> None:
    """HPA asks for 10: both sides grow; the weight never exceeds what the canary can carry."""
    cluster = updating(*STEPS, seconds=30)
    cluster.apply(spec(*STEPS, version="2", replicas=10))
    cluster.settle()
    assert cluster.weight == 20
    cluster.run(10)
    assert cluster.weight == 50
    assert pods(cluster) == {1: 10, 2: 5}


def test_lowering_the_weight_frees_pods_only_after_it_is_in_effect_and_drained() -> None:
    """I4: 50 → 10, the pods for 50 stay for scaleDownDelaySeconds after 10 took effect."""
    steps: tuple[dict[str, Any], ...] = (
        {"setWeight": 50},
        {"pause": {"duration": "1s"}},
        {"setWeight": 10},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=6)
    while cluster.weight != 10:
        cluster.run(0.1)
    assert pods(cluster)[2] == 2
    cluster.run(30)
    assert pods(cluster)[2] == 2
    cluster.run(2)
    assert pods(cluster)[2] == 1


def test_other_steps_drain_the_new_revision_before_they_take_its_pods() -> None:
    """I4: steps that begin with weight 0 leave the pods that just had traffic alone for a while."""
    cluster = updating({"setWeight": 50}, {"pause": {}}, seconds=8)
    assert cluster.weight == 50
    cluster.apply(spec({"pause": {}}, {"setWeight": 50}, version="2"))
    cluster.run(30)
    assert (cluster.weight, pods(cluster)[2]) == (0, 2)
    cluster.run(2)
    assert pods(cluster)[2] == 0


def test_a_stable_destination_without_pods_is_led_to_the_first_revision_at_once() -> None:
    """A deleted namesake left both sides behind, the canary's at this very template."""
    cluster = Cluster.of(spec(*STEPS))
    new = template_hash(cluster.rollout.spec.template or {})
    cluster.route = replace(cluster.route, stable_hash="0123456789", canary_hash=new)
    cluster.run(10)
    assert cluster.route.stable_hash == new
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_pods_that_a_wide_destination_reaches_stay() -> None:
    """I4: the route is put back as it was before Davy while stable's pods are down."""
    cluster = updating(*STEPS, seconds=8)
    cluster.apply(spec({"pause": {}}, {"setWeight": 50}, version="2"))
    cluster.route = replace(cluster.route, canary_weight=0, stable_hash=None, canary_hash=None)
    cluster.broken.add(cluster.status.stable_rs or "")
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 1}
    cluster.broken.clear()
    cluster.run(40)
    assert pods(cluster) == {1: 4, 2: 0}


def test_a_stable_destination_that_lost_its_revision_is_led_back_after_the_promotion() -> None:
    """Only the canary's side leads to the new revision: a wide stable side is narrowed again."""
    cluster = running(*STEPS)
    cluster.route = replace(cluster.route, stable_hash=None)
    cluster.run(10)
    assert cluster.route.stable_hash == cluster.status.stable_rs
    assert phase(cluster) is RolloutPhase.HEALTHY


@pytest.mark.parametrize(("length", "counted"), [(10, True), (9, False)])
def test_a_settle_time_is_part_of_a_pause_ten_times_as_long(length: int, *, counted: bool) -> None:
    """A release takes its pauses and little more; a short pause is not eaten up."""
    steps = ({"setWeight": 25}, {"pause": {"duration": f"{length}s"}}, {"setWeight": 50})
    cluster = updating(*steps, seconds=6)
    (pause,) = cluster.status.pause_conditions or []
    (written,) = (line for line in cluster.log if line.endswith("SetWeights"))
    written_at = START + timedelta(seconds=float(written.split()[0]))
    assert pause.start_time == (written_at if counted else written_at + SETTLE)


def test_a_weight_that_was_held_before_counts_no_time_for_the_next_pause() -> None:
    """The same weight again: its pause isn't over with the one before."""
    pauses = ({"pause": {"duration": "20s"}}, {"setWeight": 25}, {"pause": {"duration": "60s"}})
    cluster = updating({"setWeight": 25}, *pauses, seconds=30)
    (pause,) = cluster.status.pause_conditions or []
    assert cluster.status.current_step_index == 3
    assert cluster.now - pause.start_time < timedelta(seconds=10)


def test_a_route_that_cant_be_read_is_said_so() -> None:
    """I10: at any step; nothing is wrong with the spec."""
    cluster = updating({"setWeight": 10}, seconds=3.5)
    cluster.route = replace(cluster.route, canary_weight=None)
    cluster.settle()
    assert cluster.message.startswith("Step 1 of 1: the route can't be read.")


def test_stables_destination_moves_only_when_the_promotion_is_recorded() -> None:
    """I3, I6: an abort or another template that comes in between finds stable where it was."""
    cluster = updating({"setWeight": 50}, seconds=3)
    old = cluster.status.stable_rs
    while cluster.status.stable_rs == old:
        plan = cluster.once(writes_status=False)
        promoted = plan.status.stable_rs != old
        assert cluster.route.stable_hash == old
        if not promoted or cluster.weight == 100:
            cluster.once()
        cluster.now += timedelta(seconds=1)
    cluster.settle()
    assert cluster.route.stable_hash == cluster.status.stable_rs


def unled() -> Cluster:
    """Revision 2 was promoted, and the operator killed before it led stable's users to it."""
    cluster = updating({"setWeight": 50}, seconds=3)
    first = cluster.status.stable_rs or ""
    while cluster.status.stable_rs == first:
        cluster.once()
        cluster.now += timedelta(seconds=1)
    assert (cluster.route.stable_hash, cluster.weight) == (first, 100)
    cluster.now += timedelta(minutes=10)  # its pods' deadline is long past
    return cluster


def test_an_update_that_begins_before_stable_was_led_to_the_last_one_leads_it_first() -> None:
    """I4: a weight that moved before would go to pods that are about to be drained."""
    cluster = unled()
    promoted = cluster.status.stable_rs
    cluster.apply(spec({"setWeight": 50}, {"pause": {}}, version="3"))
    plan = cluster.once()
    assert not [each for each in plan.actions if isinstance(each, plans.SetWeights)]
    assert (cluster.route.stable_hash, cluster.weight) == (promoted, 100)
    cluster.run(10)
    assert (cluster.route.stable_hash, cluster.weight) == (promoted, 50)


def test_an_abort_before_stable_was_led_to_the_last_revision_leads_it_first() -> None:
    """I3: weight 0 would take the users from the stable revision to the one before it."""
    cluster = unled()
    promoted = cluster.status.stable_rs
    cluster.apply(spec({"setWeight": 50}, {"pause": {}}, version="3"))
    cluster.rollout = replace(cluster.rollout, status=cluster.once(acts=False).status)
    cluster.edit_status(abort=True)
    plan = cluster.once()
    assert plan.status.aborted_at == cluster.now
    assert (cluster.route.stable_hash, cluster.weight) == (promoted, 100)
    cluster.run(5)
    assert (cluster.route.stable_hash, cluster.weight) == (promoted, 0)


def test_a_fix_is_not_held_up_by_the_broken_revision_that_it_replaces() -> None:
    """All pods of what was just promoted died, and stable's side never led there."""
    cluster = unled()
    cluster.broken.add(cluster.status.stable_rs or "")
    cluster.apply(spec({"setWeight": 50}, {"pause": {}}, version="3"))
    cluster.run(10)
    assert cluster.weight == 50


def test_a_route_put_back_right_after_a_promotion_gets_the_promoted_revision() -> None:
    """Its weights are those of before: all to a revision that isn't stable any more."""
    cluster = unled()
    promoted, route = cluster.status.stable_rs, cluster.route
    cluster.route = replace(route, canary_weight=None)
    cluster.once()
    cluster.route = replace(route, canary_weight=0)
    cluster.run(20)
    assert (cluster.route.stable_hash, cluster.weight) == (promoted, 0)
    assert not cluster.rollout.finalizer


def test_a_deletion_waits_for_what_can_be_read_of_a_broken_route() -> None:
    """I9: the Rollout goes when that leads to stable; not when its write was lost."""
    cluster = updating({"setWeight": 50}, {"pause": {}}, seconds=10)
    broken = replace(cluster.route, canary_weight=None, part_weight=50)
    cluster.route = broken
    cluster.rollout = replace(cluster.rollout, deleting=True)
    plan = cluster.once()
    assert plan.actions[0] == plans.SetWeights(0, 100, "canary weight None → 0")
    cluster.route = broken
    cluster.once()
    assert cluster.rollout.finalizer
    cluster.route = replace(broken, part_weight=0)
    cluster.once()
    assert not cluster.rollout.finalizer
