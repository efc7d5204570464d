"""Any state at all of a rollout without a router: what is wanted stays within its limits."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from davy.api import capacity
from davy.engine import basic, position
from davy.engine import plan as plans
from davy.engine.decide import EngineSettings, decide
from davy.engine.position import Stage
from davy.engine.world import Rollout, World
from tests.unit.engine.cluster import SETTLE, Cluster
from tests.unit.engine.invariants import Watcher
from tests.unit.engine.test_random_worlds import ENOUGH, NOW, states

BOUNDS: list[dict[str, Any]] = [
    {},
    {"maxSurge": 0, "maxUnavailable": 1},
    {"maxSurge": 2, "maxUnavailable": 0},
    {"maxSurge": "100%", "maxUnavailable": "100%"},
    ENOUGH,
]
WITHOUT_ROUTER = st.sampled_from(BOUNDS).flatmap(
    lambda bounds: states({"trafficRouting": None, **bounds})
)


@settings(max_examples=250)
@given(WITHOUT_ROUTER)
def test_any_state_gets_a_plan_within_its_limits(state: tuple[Rollout, World]) -> None:
    """No exception, never too many pods, nobody who can answer below the least."""
    rollout, world = state
    wanted = decide(rollout, world, NOW, EngineSettings(SETTLE))
    cluster = Cluster(rollout, now=NOW, route=world.route, problems=world.problems)
    cluster.sets = {found.hash: found for found in world.replica_sets}
    cluster.workload = world.workload
    Watcher()(cluster, wanted)
    assert wanted.status.message
    assert wanted.wake_at is None or wanted.wake_at > NOW


@settings(max_examples=250)
@given(WITHOUT_ROUTER)
def test_a_step_is_passed_only_with_its_pods(state: tuple[Rollout, World]) -> None:
    """I5: a weight is done when the ReplicaSets are as it asks; a promotion when all are."""
    rollout, world = state
    before, steps = rollout.status, rollout.spec.strategy.canary.steps or []
    after = decide(rollout, world, NOW, EngineSettings(SETTLE)).status
    new, stable = world.replica_set(after.current_pod_hash), world.replica_set(before.stable_rs)
    known = before.current_pod_hash == after.current_pod_hash
    if not known or before.promote_full or after.abort or not before.stable_rs:
        return
    if before.current_pod_hash == before.stable_rs or before.aborted_at is not None:
        return
    surge = basic.limits(rollout.spec).surge
    first = min(before.current_step_index or 0, len(steps))
    passed = [step.set_weight for step in steps[first : after.current_step_index or 0]]
    promoted = [100] * (after.stable_rs != before.stable_rs)
    for weight in (*passed, *promoted):
        if weight is None:
            continue
        wants = basic.counts(weight, rollout.spec.replicas, surge)
        assert new is not None
        pods = wants.canary if stable else rollout.spec.replicas
        assert capacity.of(rollout.spec).enough(pods) <= new.available <= new.desired == pods
        assert stable is None or stable.desired == wants.stable
        assert new.observed
        others = (found for found in world.replica_sets if found not in {new, stable})
        assert not any(found.desired for found in others)


@settings(max_examples=150)
@given(WITHOUT_ROUTER)
def test_an_abort_only_takes_pods_from_the_canary(state: tuple[Rollout, World]) -> None:
    """I3: whatever else is so, no pod more for it, and none less for stable."""
    rollout, world = state
    where = position.read(rollout, world.workload)
    if where.stage is not Stage.ABORTED:
        return
    wanted = decide(rollout, world, NOW, EngineSettings(SETTLE))
    for action in wanted.actions:
        assert not isinstance(action, plans.CreateReplicaSet | plans.SetWeights)
        if isinstance(action, plans.ScaleReplicaSet):
            found = next(each for each in world.replica_sets if each.name == action.name)
            is_stable = found.hash == where.stable_hash
            full = rollout.spec.replicas
            assert action.replicas <= found.desired or is_stable
            assert action.replicas >= min(found.desired, full) or not is_stable
