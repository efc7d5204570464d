"""From a Deployment to the rollout and back: pods go when others are there in their place."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from davy.api.conditions import ConditionType, RolloutPhase
from davy.api.errors import Finding
from davy.api.rollout import RolloutSpec
from davy.api.template_hash import template_hash
from davy.engine import plan as plans
from davy.engine import position
from davy.engine.world import Route, Workload
from tests.unit.engine import test_pod_stories
from tests.unit.engine.cluster import START, Cluster, spec, template
from tests.unit.engine.invariants import Watcher
from tests.unit.engine.play import STEPS, phase, pods
from tests.unit.engine.telling import Telling

UNTIL = "the mesh gets until 00:01:07"
MISSING = Finding("spec.workloadRef", "there is no Deployment cart")


def referring(version: str = "1", scale_down: str = "onsuccess", **more: Any) -> RolloutSpec:
    """A spec with the template of the Deployment `cart`."""
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "scaleDown": scale_down}
    return spec(*STEPS, version=version, workloadRef=ref, **more)


def beside(wanted: RolloutSpec, replicas: int = 4) -> Cluster:
    """A rollout that was just created beside a Deployment with pods that are available."""
    cluster = Cluster.of(wanted)
    cluster.check = Watcher()
    cluster.workload = Workload("Deployment", "cart", "uid-d", 1)
    cluster.scale_workload(replicas)
    cluster.now += cluster.start_delay
    return cluster


def deployment(cluster: Cluster) -> int:
    """The pods that the Deployment is asked to have."""
    assert cluster.workload is not None
    return cluster.workload.desired


def waits(cluster: Cluster) -> bool:
    """A deletion would wait for Davy."""
    return cluster.rollout.finalizer


def edit(cluster: Cluster, version: str, **more: Any) -> None:
    """The user writes another version into the Deployment."""
    assert cluster.workload is not None
    generation = cluster.workload.generation + 1
    cluster.workload = replace(cluster.workload, generation=generation)
    cluster.apply(referring(version, **more))


def leads(cluster: Cluster) -> tuple[str | None, str | None]:
    """Which revision the stable and the canary destination find; None: any pod."""
    return cluster.route.stable_hash, cluster.route.canary_hash


def test_forth_and_back_line_by_line() -> None:
    """I10: taken over, a release, the Deployment's pods again, the rollout deleted."""
    cluster = beside(referring())
    told = Telling(cluster)
    told.chapter("created beside a Deployment of 4 pods")
    cluster.run(60)
    told.chapter("version 2 in the Deployment")
    edit(cluster, "2")
    cluster.run(20)
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    told.chapter("the Deployment is scaled up")
    cluster.scale_workload(4)
    cluster.run(10)
    told.chapter("the rollout is deleted")
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(10)
    told.check("handover")
    assert cluster.rollout.finalizer is False


def test_a_deployment_keeps_its_pods_until_the_rollout_is_healthy() -> None:
    """onsuccess: not while pods start, not while the route changes, not before the drain ended."""
    cluster = beside(referring())
    cluster.run(5)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert deployment(cluster) == 4
    assert cluster.message.endswith("Deployment cart still has 4 pods.")
    cluster.run(40)
    assert deployment(cluster) == 0
    assert cluster.message == "Revision 1 is stable and has all traffic."


def test_pods_go_one_by_one_as_others_come() -> None:
    """progressively: what is wanted is available at any moment."""
    cluster = beside(referring(scale_down="progressively"), replicas=6)
    cluster.run(1)
    assert deployment(cluster) == 4
    (only,) = cluster.sets
    cluster._pods[only][0].ready_at = cluster.now
    cluster.run(0.5)
    assert deployment(cluster) == 3
    assert cluster.status.available_replicas == 1
    cluster.run(5)
    assert deployment(cluster) == 0


def test_a_pod_that_is_lost_again_brings_none_back() -> None:
    """What went was there twice; the Deployment's size is its owner's to raise."""
    cluster = beside(referring(scale_down="progressively"))
    cluster.run(1)
    (only,) = cluster.sets
    cluster._pods[only][0].ready_at = cluster.now
    cluster.run(0.1)
    cluster.kill_pods(only, 1)
    cluster.run(0.1)
    assert deployment(cluster) == 3


def test_a_deployment_that_replaces_its_own_pods_is_left_alone() -> None:
    """Which pods a smaller size takes is its controller's choice then."""
    cluster = beside(referring(scale_down="progressively"))
    assert cluster.workload is not None
    cluster.workload = replace(cluster.workload, updating=True)
    cluster.run(1)
    (only,) = cluster.sets
    cluster._pods[only][0].ready_at = cluster.now
    cluster.run(0.1)
    assert deployment(cluster) == 4
    cluster.run(5)
    assert deployment(cluster) == 0


def test_an_older_count_takes_no_pod() -> None:
    """The Deployment's controller hasn't seen the last scaling yet."""
    cluster = beside(referring(scale_down="progressively"))
    assert cluster.workload is not None
    cluster.workload = replace(cluster.workload, observed=False)
    cluster.run(60)
    assert deployment(cluster) == 4


@pytest.mark.parametrize("scale_down", ["onsuccess", "progressively"])
def test_whoever_scales_it_up_again_means_it(scale_down: str) -> None:
    """Taken over once; a Deployment of that name that is made anew is another one."""
    cluster = beside(referring(scale_down=scale_down))
    cluster.run(60)
    assert deployment(cluster) == 0
    cluster.scale_workload(4)
    cluster.run(60)
    assert deployment(cluster) == 4
    assert cluster.message.endswith("has all traffic. Deployment cart has 4 pods beside it.")
    assert cluster.workload is not None
    cluster.workload = replace(cluster.workload, uid="uid-anew")
    cluster.run(60)
    assert deployment(cluster) == 0


def test_never_takes_no_pod() -> None:
    """And says that both have some."""
    cluster = beside(referring(scale_down="never"))
    cluster.run(120)
    assert deployment(cluster) == 4
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert cluster.message.endswith("Deployment cart has 4 pods beside it.")
    cluster.apply(referring())
    cluster.run(60)
    assert deployment(cluster) == 0


@pytest.mark.parametrize("held", ["paused", "problem", "missing"])
def test_who_waits_takes_no_pod(held: str) -> None:
    """spec.paused, a problem in the spec; a Deployment that isn't there isn't one without pods."""
    cluster = beside(referring())
    cluster.run(5)
    before = cluster.workload
    if held == "paused":
        cluster.apply(referring(paused=True))
    if held == "problem":
        cluster.problems = (Finding("spec", "something is wrong"),)
    if held == "missing":
        cluster.workload, cluster.problems = None, (MISSING,)
        without = {"template": None, "selector": None}
        cluster.apply(cluster.rollout.spec.model_copy(update=without))
    cluster.run(120)
    assert pods(cluster) == {1: 4}
    assert cluster.status.workload is not None
    assert cluster.status.workload.taken is False
    if held != "missing":
        assert cluster.workload == before


def test_a_rollout_without_pods_takes_over_from_nobody() -> None:
    """Healthy, and yet it could carry nothing: whoever tries it out first keeps the Deployment."""
    for scale_down in ("onsuccess", "progressively"):
        cluster = beside(referring(scale_down=scale_down, replicas=0))
        cluster.run(120)
        assert phase(cluster) is RolloutPhase.HEALTHY
        assert deployment(cluster) == 4


def test_no_pod_goes_while_those_of_the_rollout_are_restarted() -> None:
    """They would be missing twice."""
    cluster = beside(referring())
    cluster.run(20)
    cluster.start_delay = timedelta(seconds=10)
    cluster.apply(referring(restartAt=START + timedelta(seconds=20)))
    cluster.run(25)
    assert "Restart" in cluster.message
    assert deployment(cluster) == 4
    cluster.run(60)
    assert deployment(cluster) == 0


# -- the template


def test_a_change_of_the_template_starts_a_release() -> None:
    """As one of spec.template does."""
    cluster = beside(referring())
    cluster.run(60)
    edit(cluster, "2")
    cluster.run(2)
    assert pods(cluster) == {1: 4, 2: 1}
    assert cluster.status.workload_observed_generation == str(cluster.workload.generation)  # type: ignore[union-attr]


def test_another_generation_of_the_same_template_starts_none() -> None:
    """I8: a scale, or what its strategy says."""
    cluster = beside(referring())
    cluster.run(60)
    edit(cluster, "1")
    cluster.run(5)
    assert pods(cluster) == {1: 4}
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_what_the_server_fills_in_starts_none() -> None:
    """I8: the same generation is the same template, though a later server shows more of it."""
    cluster = beside(referring())
    cluster.run(60)
    shown = template("1") | {"spec": {**template("1")["spec"], "newField": "default"}}
    wanted = cluster.rollout.spec.model_copy(update={"template": shown})
    cluster.apply(wanted)
    cluster.run(5)
    assert pods(cluster) == {1: 4}
    assert cluster.workload is not None
    cluster.workload = replace(cluster.workload, generation=99, unchanged=True)
    cluster.run(5)
    assert pods(cluster) == {1: 4}
    cluster.workload = replace(cluster.workload, unchanged=False)
    cluster.run(5)
    assert pods(cluster) == {1: 4}, "the generation was recorded while they were compared"


def test_a_namesake_with_the_same_generation_is_another_workload() -> None:
    """Deleted and made anew, its generation begins at 1 again."""
    cluster = beside(referring(scale_down="never"))
    cluster.run(60)
    assert cluster.workload is not None
    cluster.workload = replace(cluster.workload, uid="uid-anew")
    cluster.apply(referring("2", scale_down="never"))
    cluster.run(2)
    assert pods(cluster) == {1: 4, 2: 1}


def test_a_missing_workload_stops_the_steps_and_no_abort() -> None:
    """I3: the template that was known last is the one that is aborted."""
    cluster = beside(referring())
    cluster.run(60)
    edit(cluster, "2")
    cluster.run(20)
    assert cluster.weight == 50
    cluster.workload, cluster.problems = None, (MISSING,)
    cluster.apply(cluster.rollout.spec.model_copy(update={"template": None, "selector": None}))
    cluster.run(20)
    assert cluster.weight == 50
    assert "InvalidSpec: spec.workloadRef: there is no Deployment cart" in cluster.message
    invalid = cluster.status.condition(ConditionType.INVALID_SPEC)
    assert invalid is not None
    assert cluster.status.selector == "app=cart"
    cluster.edit_status(abort=True)
    wanted = cluster.once()
    assert wanted.actions[0] == plans.SetWeights(0, 100, why="canary weight 50 → 0")


def test_a_missing_workload_is_no_generation() -> None:
    """What was observed last stays recorded, in the status and in the annotation."""
    cluster = beside(referring())
    cluster.run(60)
    known = cluster.status.workload_observed_generation
    cluster.workload, cluster.problems = None, (MISSING,)
    cluster.apply(cluster.rollout.spec.model_copy(update={"template": None, "selector": None}))
    cluster.run(5)
    assert cluster.status.workload_observed_generation == known
    assert str(cluster.rollout.workload_generation) == known


def test_a_template_that_is_of_no_use_isnt_observed() -> None:
    """Its generation is recorded with the hash that stands for it, never with an older one."""
    cluster = beside(referring())
    cluster.run(60)
    assert cluster.workload is not None
    known = cluster.status.workload_observed_generation
    cluster.workload = replace(cluster.workload, generation=99)
    cluster.problems = (Finding("spec.selector", "asks for app=cart"),)
    cluster.apply(cluster.rollout.spec.model_copy(update={"template": None, "selector": None}))
    cluster.run(5)
    assert cluster.status.workload_observed_generation == known


def test_a_template_of_its_own_ends_what_is_told_of_a_workload() -> None:
    """In the status and in the annotation, which Argo CD reads."""
    cluster = beside(referring())
    cluster.run(60)
    cluster.workload = None
    cluster.apply(spec(*STEPS))
    cluster.run(5)
    assert cluster.status.workload is None
    assert cluster.status.workload_observed_generation is None
    assert cluster.rollout.workload_generation is None
    assert pods(cluster) == {1: 4}


def test_a_first_template_that_isnt_known_has_no_hash() -> None:
    """The controller asks nothing then."""
    wanted = referring().model_copy(update={"template": None})
    assert position.revision_hash(Cluster.of(wanted).rollout, None) == ""


# -- and back


def stable_and_back(**more: Any) -> Cluster:
    """A rollout of revision 1 that was deleted after its Deployment was scaled up."""
    cluster = beside(referring(**more))
    cluster.run(60)
    cluster.scale_workload(4)
    cluster.run(1)
    cluster.rollout = replace(cluster.rollout, deleting=True)
    return cluster


def test_a_deleted_rollout_waits_for_the_deployments_pods() -> None:
    """Its own serve until then; opened destinations are in effect before it goes."""
    cluster = stable_and_back()
    cluster.run(0.1)
    first = template_hash(template("1"))
    assert leads(cluster) == (first, first)
    begun = "Deleted, and the traffic goes back to Deployment cart: "
    assert cluster.message == f"{begun}0 of its 4 pods are available."
    cluster.run(2.1)
    assert leads(cluster) == (None, None)
    assert cluster.rollout.finalizer
    assert cluster.message == f"{begun}the destinations find any pod; {UNTIL} to take it."
    assert pods(cluster) == {1: 4}
    cluster.run(2)
    assert not cluster.rollout.finalizer


def test_a_deleted_rollout_doesnt_wait_for_pods_that_nobody_wants() -> None:
    """Scaled to 0 while it waits: whoever deletes everything gets nothing back."""
    cluster = stable_and_back()
    cluster.start_delay = timedelta(hours=1)
    cluster.scale_workload(4)
    cluster.scale_workload(0)
    cluster.run(5)
    assert not cluster.rollout.finalizer


def test_canary_pods_are_gone_before_a_destination_is_opened() -> None:
    """I4, I9: the weight goes first, then the drain, then the pods; only stable's are found."""
    cluster = beside(referring(canary={"scaleDownDelaySeconds": 10}))
    cluster.run(60)
    edit(cluster, "2", canary={"scaleDownDelaySeconds": 10})
    cluster.run(20)
    cluster.scale_workload(4)
    cluster.run(10)
    assert (cluster.weight, pods(cluster)) == (50, {1: 4, 2: 2})
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(5)
    assert (cluster.weight, pods(cluster)) == (0, {1: 4, 2: 2})
    assert leads(cluster)[0] is not None
    assert cluster.message.endswith("goes back to Deployment cart: revision 2 still has 2 pods.")
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 0}
    assert leads(cluster) == (None, None)
    cluster.run(5)
    assert not cluster.rollout.finalizer
    cluster.run(60)
    assert leads(cluster) == (None, None), "somebody else's finalizer may keep it for a while"


def test_a_promotion_under_way_is_finished_before_anything_is_given_back() -> None:
    """I4: its last weight is on the canary's side, and stable's still leads to the one before."""
    quick: dict[str, Any] = {"canary": {"scaleDownDelaySeconds": 3}}
    cluster = beside(referring(**quick))
    cluster.run(60)
    edit(cluster, "2", **quick)
    cluster.run(20)
    cluster.scale_workload(4)
    cluster.run(5)
    cluster.edit_status(pause_conditions=None)
    stable = cluster.status.stable_rs
    while cluster.status.stable_rs == stable:
        cluster.once()
        cluster.now += timedelta(seconds=0.5)
    assert cluster.weight == 100
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(20)
    assert (cluster.weight, leads(cluster)) == (0, (None, None))
    assert pods(cluster) == {1: 0, 2: 4}
    assert not waits(cluster)


def test_a_route_that_is_gone_keeps_no_deleted_rollout() -> None:
    """It carries nothing; the destinations are opened all the same."""
    cluster = stable_and_back()
    cluster.route = replace(cluster.route, canary_weight=None)
    cluster.run(10)
    assert leads(cluster) == (None, None)
    assert not waits(cluster)


def test_services_without_a_route_are_opened_too() -> None:
    """Where pods are the weight nothing else keeps a deletion waiting."""
    services = {"stableService": "cart-stable", "canaryService": "cart-canary"}
    wanted = test_pod_stories.spec(
        *STEPS,
        workloadRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
        canary=services,
    )
    cluster = beside(wanted, replicas=5)
    cluster.route = Route(None, stable_service="cart-stable", canary_service="cart-canary")
    cluster.run(30)
    assert None not in leads(cluster)
    assert cluster.rollout.finalizer
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(5)
    assert leads(cluster) == (None, None)
    assert not cluster.rollout.finalizer


def test_a_destination_that_another_rollout_narrowed_is_its_own() -> None:
    """Nobody waits for what nobody here can open."""
    cluster = stable_and_back()
    cluster.route = replace(cluster.route, canary_hash="another")
    cluster.run(10)
    assert leads(cluster) == (None, "another")
    assert not waits(cluster)


def test_no_finalizer_where_nothing_would_have_to_be_given_back() -> None:
    """An idle rollout whose Deployment has no pods goes at once."""
    cluster = beside(referring())
    cluster.run(60)
    assert not waits(cluster)
    cluster.scale_workload(1)
    cluster.run(1)
    assert waits(cluster)
    cluster.scale_workload(0)
    cluster.run(1)
    assert not waits(cluster)
