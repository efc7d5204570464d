"""Any state at all, reachable or not: `decide` answers, and what it wants breaks no invariant."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from davy.api import capacity
from davy.api.analysis import Phase
from davy.api.conditions import ConditionStatus, ConditionType, PauseReason, Reason
from davy.api.errors import Finding
from davy.api.rollout import CanaryStep, RolloutSpec
from davy.api.status import (
    CanaryStatus,
    Condition,
    PauseCondition,
    RolloutStatus,
    RunReference,
    TrafficStatus,
    WorkloadStatus,
)
from davy.api.template_hash import template_hash
from davy.engine import plan as plans
from davy.engine import revision
from davy.engine.decide import EngineSettings, decide
from davy.engine.effect import effect
from davy.engine.world import (
    Answer,
    Pod,
    ReplicaSet,
    Rollout,
    Route,
    Run,
    RunKind,
    Workload,
    World,
    WrittenRule,
)
from tests.unit.engine.cluster import SETTLE, START, Cluster, spec, template
from tests.unit.engine.invariants import Watcher

NOW = START + timedelta(hours=1)
HASHES = [template_hash(template(version)) for version in ("1", "2", "3")]
ANALYSIS = {"templates": [{"templateName": "errors"}]}
HEADER: dict[str, Any] = {
    "setHeaderRoute": {
        "name": "beta",
        "match": [{"headerName": "X-Beta", "headerValue": {"exact": "1"}}],
    }
}
COPY: dict[str, Any] = {
    "setMirrorRoute": {
        "name": "copy",
        "match": [{"method": {"exact": "GET"}}],
        "percentage": 30,
    }
}
RULES = [CanaryStep.model_validate(step).rule for step in (HEADER, COPY)]
WRITTEN = st.lists(
    st.builds(
        lambda rule, known: WrittenRule(rule.name, (rule,) if known else ()),
        st.sampled_from(RULES),
        st.booleans(),
    ),
    max_size=2,
    unique_by=lambda found: found.name,
).map(tuple)
KINDS_OF_STEP: list[dict[str, Any]] = [
    *({"setWeight": weight} for weight in (0, 10, 50, 100)),
    {"pause": {}},
    {"pause": {"duration": "30s"}},
    {"analysis": ANALYSIS},
    *(
        {rule: {"name": name}}
        for rule, name in (("setHeaderRoute", "beta"), ("setMirrorRoute", "copy"))
    ),
    HEADER,
    COPY,
]
SCALES: list[dict[str, Any]] = [
    {"setCanaryScale": scale}
    for scale in ({"replicas": 2}, {"replicas": 12}, {"weight": 50}, {"matchTrafficWeight": True})
]
ENOUGH = {"replicaProgressThreshold": {"type": "Percent", "value": 60}}
DYNAMIC: dict[str, Any] = {"dynamicStableScale": True, "scaleDownDelayRevisionLimit": 1}
OF_1000: dict[str, Any] = {
    "trafficRouting": {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}, "maxTrafficWeight": 1000}
}
OF_PODS: list[dict[str, Any]] = [{}, {}, {"minPodsPerReplicaSet": 3}, ENOUGH, OF_1000, DYNAMIC]
"""Fields with a router that say how many pods a revision has."""
HELD = st.none() | st.sampled_from([0, 10, 50, 100])
STEP = st.sampled_from(KINDS_OF_STEP)
REFERENCES = st.sampled_from(
    [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart", "scaleDown": scale_down}
        for scale_down in ("never", "onsuccess", "progressively")
    ]
)
WORKLOADS = st.builds(
    Workload,
    kind=st.just("Deployment"),
    name=st.just("cart"),
    uid=st.sampled_from(["uid-d", "uid-e"]),
    generation=st.integers(1, 3),
    unchanged=st.booleans(),
    desired=st.integers(0, 12),
    available=st.integers(0, 12),
    observed=st.booleans(),
    updating=st.booleans(),
)
TIMES = st.integers(-4000, 60).map(lambda seconds: NOW + timedelta(seconds=seconds))
PODS = st.lists(st.tuples(TIMES, st.booleans(), st.booleans()), max_size=10).map(
    lambda found: tuple(
        Pod(f"pod-{number}", f"pod-{number}", *of) for number, of in enumerate(found)
    )
)


@st.composite
def specs(draw: st.DrawFn, canary: dict[str, Any]) -> RolloutSpec:
    """A spec of one of three versions; `canary` are fields of its strategy."""
    kinds = STEP if "trafficRouting" in canary else st.one_of(STEP, st.sampled_from(SCALES))
    drawn: list[dict[str, Any]] = draw(st.lists(kinds, max_size=5))
    analysis: dict[str, Any] = {"analysis": ANALYSIS} if draw(st.booleans()) else {}
    routed: dict[str, Any] = draw(st.sampled_from(OF_PODS))
    managed = {"setHeaderRoute", "setMirrorRoute"} if routed is OF_1000 else set()
    return spec(
        *(step for step in drawn if not managed & step.keys()),
        version=draw(st.sampled_from(["1", "2", "3"])),
        replicas=draw(st.sampled_from([0, 1, 3, 10])),
        canary=canary | (routed if "trafficRouting" not in canary else {}) | analysis,
        progressDeadlineAbort=draw(st.booleans()),
        paused=draw(st.booleans()),
        restartAt=draw(st.none() | TIMES),
        rollbackWindow=draw(st.sampled_from([None, {"revisions": 0}, {"revisions": 2}])),
        workloadRef=draw(st.none() | REFERENCES),
    )


@st.composite
def replica_sets(draw: st.DrawFn) -> tuple[ReplicaSet, ...]:
    """Some revisions' ReplicaSets, never more available than desired pods that exist."""
    found = []
    for number, hash_ in enumerate(draw(st.permutations(HASHES)), start=1):
        if not draw(st.booleans()):
            continue
        desired = draw(st.integers(0, 10))
        available = draw(st.integers(0, desired))
        found.append(
            ReplicaSet(
                f"cart-{hash_}",
                hash_,
                number,
                desired,
                current=draw(st.integers(available, desired)),
                ready=available,
                available=available,
                observed=draw(st.booleans()),
                scale_down_at=draw(st.none() | TIMES),
                pods=draw(st.none() | PODS),
                created_at=draw(st.none() | TIMES),
            )
        )
    return tuple(found)


def conditions(now: datetime, *, said: str, settled: bool) -> list[Condition]:
    """What the pass before wrote of the route and of progress."""
    since = now - (SETTLE * 2 if settled else SETTLE / 2)
    kinds = ((ConditionType.TRAFFIC_VERIFIED, said), (ConditionType.PROGRESSING, "moves"))
    return [
        Condition(
            type=kind,
            status=ConditionStatus.TRUE,
            reason=Reason.REPLICA_SET_UPDATED,
            message=text,
            last_transition_time=since,
            last_update_time=since,
        )
        for kind, text in kinds
    ]


@st.composite
def states(draw: st.DrawFn, canary: dict[str, Any] | None = None) -> tuple[Rollout, World]:
    """A rollout in any condition, and any world around it."""
    wanted = draw(specs(canary or {}))
    total = wanted.strategy.canary.all_traffic
    route = Route(
        canary_weight=draw(st.none() | st.sampled_from([0, 10, 50, 100, total])),
        stable_hash=draw(st.none() | st.sampled_from(HASHES)),
        canary_hash=draw(st.none() | st.sampled_from(HASHES)),
        answer=draw(st.sampled_from(Answer)),
        uneven=draw(st.booleans()),
        total=total,
        rules=draw(WRITTEN) if wanted.strategy.canary.rule_names else (),
    )
    run = Run(
        "run",
        RunKind.STEP,
        HASHES[0],
        1,
        draw(st.sampled_from(Phase)),
        draw(st.integers(0, 4)),
    )
    steps = wanted.strategy.canary.steps or []
    pause = PauseCondition(reason=draw(st.sampled_from(PauseReason)), start_time=draw(TIMES))
    said = effect(route, RolloutStatus(), NOW, SETTLE).said
    reference = RunReference(name="run", status=run.phase.value)
    known = draw(st.booleans())
    status = RolloutStatus(
        current_pod_hash=template_hash(wanted.template or {})
        if known
        else draw(st.none() | st.sampled_from(HASHES)),
        current_step_hash=revision.steps_hash(steps) if known else None,
        stable_rs=draw(st.none() | st.sampled_from(HASHES)),
        current_step_index=draw(st.none() | st.integers(0, 7)),
        abort=draw(st.none() | st.booleans()),
        aborted_at=draw(st.none() | TIMES),
        promote_full=draw(st.none() | st.booleans()),
        controller_pause=draw(st.none() | st.booleans()),
        pause_conditions=[pause] if draw(st.booleans()) else None,
        canary=CanaryStatus(
            current_step_analysis_run_status=reference if draw(st.booleans()) else None,
            current_background_analysis_run_status=reference if draw(st.booleans()) else None,
        ),
        traffic=draw(st.none() | st.builds(TrafficStatus, wanted=st.just(0), held=HELD)),
        workload=draw(st.none() | st.builds(WorkloadStatus, uid=st.just("uid-d"))),
        workload_observed_generation=draw(st.none() | st.sampled_from(["1", "2"])),
        conditions=conditions(NOW, said=said, settled=draw(st.booleans())),
    )
    rollout = Rollout(
        "shop",
        "cart",
        "uid-1",
        draw(st.integers(1, 9)),
        wanted,
        status,
        deleting=draw(st.booleans()),
        finalizer=draw(st.booleans()),
        revision=draw(st.none() | st.integers(1, 3)),
    )
    problems = (Finding("spec", "something is wrong"),) if draw(st.booleans()) else ()
    world = World(draw(replica_sets()), route, (run,) if draw(st.booleans()) else (), problems)
    if wanted.workload_ref is not None and draw(st.booleans()):
        world = replace(world, workload=draw(WORKLOADS))
    return rollout, world


@settings(max_examples=250)
@given(states())
def test_any_state_gets_a_plan_that_breaks_no_invariant(state: tuple[Rollout, World]) -> None:
    """I1 to I4: whatever is observed, no exception, and no action that must not be."""
    rollout, world = state
    wanted = decide(rollout, world, NOW, EngineSettings(SETTLE))
    cluster = Cluster(rollout, now=NOW, route=world.route, problems=world.problems)
    cluster.workload = world.workload
    cluster.sets = {found.hash: found for found in world.replica_sets}
    Watcher()(cluster, wanted)
    assert wanted.status.message
    assert wanted.wake_at is None or wanted.wake_at > NOW


@settings(max_examples=250)
@given(states())
def test_a_step_is_passed_only_when_its_effect_was_observed(state: tuple[Rollout, World]) -> None:
    """I5, I7: the weight is in effect with its pods; the analysis was successful or waved on."""
    rollout, world = state
    before, steps = rollout.status, rollout.spec.strategy.canary.steps or []
    after = decide(rollout, world, NOW, EngineSettings(SETTLE)).status
    known = before.current_pod_hash == after.current_pod_hash
    if not known or before.promote_full or after.abort or not before.stable_rs:
        return
    if before.current_pod_hash == before.stable_rs or before.aborted_at is not None:
        return
    took = effect(world.route, before, NOW, SETTLE)
    new = world.replica_set(after.current_pod_hash)
    first = min(before.current_step_index or 0, len(steps))
    for index in range(first, after.current_step_index or 0):
        step = steps[index]
        if step.set_weight is not None:
            assert new is not None
            room, pods = capacity.of(rollout.spec), new.standing
            carries = min(step.set_weight, room.carried(pods))
            assert world.route.canary_weight == carries, "I5"
            assert took.in_effect, "I5"
            assert pods >= room.enough(room.needed(step.set_weight)), "I2"
        if step.set_canary_scale is not None and step.set_canary_scale.replicas is not None:
            assert new is not None
            assert new.observed, "I5"
            least = capacity.of(rollout.spec).enough(step.set_canary_scale.replicas)
            assert new.available >= least, "I5"
        if step.rule is not None:
            there = [found for found in world.route.rules if found.name == step.rule.name]
            asked = [WrittenRule(step.rule.name, (step.rule,))] if step.rule.match else []
            assert there == asked, "I5"
            assert took.in_effect, "I5"
            pods = new.available if new else 0
            assert not asked or pods or not rollout.spec.replicas, "I2"
        if step.analysis is not None:
            assert index == first, "I5: a run has to be made first"
            run = next(iter(world.runs), None)
            status = before.canary and before.canary.current_step_analysis_run_status
            phase = run.phase if run else Phase(status.status) if status else None
            resumed = before.controller_pause and not before.pause_conditions
            assert phase is Phase.SUCCESSFUL or (phase is Phase.INCONCLUSIVE and resumed), "I7"


@settings(max_examples=150)
@given(states())
def test_an_abort_is_the_first_action_whatever_else_is_so(state: tuple[Rollout, World]) -> None:
    """I3: all weight to stable first, for any pods, problems, runs and answers of the router."""
    rollout, world = state
    new_hash = template_hash(rollout.spec.template or {})
    steps = rollout.spec.strategy.canary.steps or []
    stable = next(found for found in HASHES if found != new_hash)
    status = rollout.status.model_copy(
        update={
            "abort": True,
            "stable_rs": stable,
            "current_pod_hash": new_hash,
            "current_step_hash": revision.steps_hash(steps),
        }
    )
    world = replace(world, route=replace(world.route, canary_weight=50))
    wanted = decide(replace(rollout, status=status), world, NOW, EngineSettings(SETTLE))
    if rollout.spec.strategy.canary.dynamic_stable_scale:
        return  # the watcher says how far it goes
    first = wanted.actions[0]
    assert isinstance(first, plans.SetWeights)
    assert (first.canary, first.stable, first.rules) == (0, world.route.total, ())
