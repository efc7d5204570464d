"""I1 to I6 and I8 over random lives of a rollout: any verb, edit, loss and crash in any order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davy.api.analysis import Phase
from davy.api.capacity import Capacity
from davy.api.conditions import RolloutPhase
from davy.api.errors import Finding
from davy.engine.world import Answer, Route
from tests.unit.engine.cluster import Cluster, answering, spec
from tests.unit.engine.invariants import Watcher

ANALYSIS = {"templates": [{"templateName": "errors"}]}
BETA = {"headerName": "X-Beta", "headerValue": {"exact": "1"}}
PLANS: tuple[tuple[dict[str, Any], ...], ...] = (
    (
        {"setHeaderRoute": {"name": "beta", "match": [BETA]}},
        {"setWeight": 10},
        {"pause": {"duration": "5s"}},
        {"setMirrorRoute": {"name": "copy", "match": [{"method": {"exact": "GET"}}]}},
        {"setWeight": 50},
        {"setHeaderRoute": {"name": "beta"}},
        {"pause": {}},
    ),
    ({"setWeight": 80}, {"analysis": ANALYSIS}, {"setWeight": 20}, {"setWeight": 100}),
    ({"pause": {"duration": "1s"}}, {"setWeight": 1}, {"setWeight": 99}),
    (),
    (
        {"setCanaryScale": {"replicas": 6}},
        {"setWeight": 20},
        {"setCanaryScale": {"weight": 1}},
        {"setWeight": 50},
        {"setCanaryScale": {"matchTrafficWeight": True}},
    ),
    (
        {"setCanaryScale": {"replicas": 3}},
        {"setHeaderRoute": {"name": "beta", "match": [BETA]}},
        {
            "setMirrorRoute": {
                "name": "copy",
                "match": [{"method": {"exact": "GET"}}],
                "percentage": 30,
            }
        },
        {"setWeight": 40},
        {"setHeaderRoute": {"name": "beta"}},
        {"setWeight": 80},
    ),
)
EXTRAS: tuple[dict[str, Any], ...] = (
    {"analysis": ANALYSIS},
    {"dynamicStableScale": True},
    {},
    {
        "replicaProgressThreshold": {"type": "Pods", "value": 2},
        "scaleDownDelayRevisionLimit": 0,
        "scaleDownDelaySeconds": 60,
    },
    {"minPodsPerReplicaSet": 3},
    {
        "dynamicStableScale": True,
        "replicaProgressThreshold": {"type": "Percent", "value": 60},
    },
)
"""Fields of the strategy beside each plan."""
Change = Callable[[Cluster], None]


def apply(version: int, plan: int, replicas: int) -> Change:
    """The user applies a template, steps and a size."""

    def change(cluster: Cluster) -> None:
        canary = EXTRAS[plan]
        wanted = spec(
            *PLANS[plan],
            version=str(version),
            replicas=replicas,
            canary=canary,
            progressDeadlineSeconds=30,
            progressDeadlineAbort=plan == 2,
        )
        cluster.apply(wanted)

    return change


def lose_route(cluster: Cluster) -> None:
    """Somebody deletes the route."""
    cluster.route = Route(canary_weight=None)
    cluster.problems = (Finding("spec", "the route isn't there"),)


def restore_route(cluster: Cluster) -> None:
    """Somebody applies the route from Git: all weight on stable, nothing narrowed."""
    if cluster.route.canary_weight is None:
        cluster.route = Route(canary_weight=0)
    cluster.problems = ()


def skip(cluster: Cluster) -> None:
    """Argo's CLI skips a step."""
    index = (cluster.status.current_step_index or 0) + 1
    cluster.edit_status(pause_conditions=None, controller_pause=None, current_step_index=index)


def kill(cluster: Cluster) -> None:
    """Some pods of each revision die."""
    for template_hash in cluster.sets:
        cluster.world()
        cluster.kill_pods(template_hash, 1)


def pause(cluster: Cluster) -> None:
    """Somebody pauses the rollout in its spec."""
    cluster.apply(cluster.rollout.spec.model_copy(update={"paused": True}))


def resume(cluster: Cluster) -> None:
    """And takes it back."""
    cluster.apply(cluster.rollout.spec.model_copy(update={"paused": False}))


def restart(cluster: Cluster) -> None:
    """Somebody wants new pods."""
    cluster.apply(cluster.rollout.spec.model_copy(update={"restart_at": cluster.now}))


def wait(_: Cluster) -> None:
    """Nothing happens."""


def crash(cluster: Cluster) -> None:
    """Killed after acting, before the status was written."""
    cluster.once(writes_status=False)


CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        apply, st.integers(1, 3), st.integers(0, len(PLANS) - 1), st.sampled_from([1, 3, 4, 10])
    ),
    st.sampled_from(
        [
            lambda cluster: cluster.edit_status(abort=True),
            lambda cluster: cluster.edit_status(abort=False),
            lambda cluster: cluster.edit_status(pause_conditions=None),
            lambda cluster: cluster.edit_status(promote_full=True),
            skip,
            pause,
            resume,
            restart,
            kill,
            crash,
            lose_route,
            restore_route,
            lambda cluster: answering(cluster, Answer.NOT_YET, "not yet"),
            lambda cluster: answering(cluster, Answer.VERIFIED),
            lambda cluster: answering(cluster, Answer.UNKNOWN),
            lambda cluster: cluster.finish("Step", Phase.SUCCESSFUL),
            lambda cluster: cluster.finish("Step", Phase.FAILED, "bad"),
            lambda cluster: cluster.finish("Step", Phase.INCONCLUSIVE, "who knows"),
            lambda cluster: cluster.finish("Background", Phase.ERROR, "worse"),
            lambda cluster: cluster.finish("Background", Phase.INCONCLUSIVE, "hm"),
        ]
    ),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(CHANGES, st.sampled_from([0, 0.2, 1, 3, 11, 61])), max_size=14))
def test_no_life_breaks_an_invariant_and_each_comes_to_rest(
    life: list[tuple[Change, float]],
) -> None:
    """I1 to I6 hold in every pass; when the changes end it settles and says what it waits for."""
    cluster = Cluster.of(spec(*PLANS[0], canary={"analysis": ANALYSIS}))
    cluster.check = Watcher()
    for change, seconds in life:
        change(cluster)
        cluster.run(seconds)
    resume(cluster)
    restore_route(cluster)
    answering(cluster, Answer.VERIFIED)
    cluster.finish("Step", Phase.SUCCESSFUL)
    cluster.run(200)
    cluster.finish("Step", Phase.SUCCESSFUL)
    cluster.run(400)
    plan = cluster.once()
    assert not plan.actions
    assert plan.status == cluster.status
    assert cluster.message
    if cluster.status.phase is RolloutPhase.PROGRESSING:
        assert any(not run.phase.completed for run in cluster.runs.values()), cluster.message


@settings(max_examples=100, deadline=None)
@given(st.lists(CHANGES, max_size=8), st.integers(0, 8), st.integers(0, 12))
def test_a_crash_at_any_pass_changes_no_outcome(life: list[Change], at: int, after: int) -> None:
    """I6: acting without writing the status, once, at any pass, ends in the same place.

    Each change finds the last one at its rest: a user's verb that comes a pass earlier or later may
    rightly find another step.
    """
    first, second = (Cluster.of(spec(*PLANS[0])) for _ in range(2))
    for cluster in (first, second):
        for number, change in enumerate([*life, wait]):
            if change is not crash:
                change(cluster)
            cluster.run(after)
            if cluster is second and number == at % (len(life) + 1):
                cluster.once(writes_status=False)
            cluster.run(40 - after)
        restore_route(cluster)
        answering(cluster, Answer.VERIFIED)
        cluster.run(100)
    assert first.status.phase == second.status.phase
    assert first.status.current_step_index == second.status.current_step_index
    assert first.weight == second.weight


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_carried_and_needed_agree(available: int, full: int) -> None:
    """I2: the pods needed for what is carried are never more than the pods there are."""
    weight = Capacity(full).carried(available)
    assert 0 <= weight <= 100
    assert Capacity(full).needed(weight) <= max(available, 0) or available >= full


@given(st.integers(0, 100), st.integers(1, 1000), st.integers(0, 20))
def test_the_needed_pods_carry_the_weight(weight: int, full: int, floor: int) -> None:
    """I2: the pods that a step asks for are enough to reach it."""
    assert Capacity(full, floor).carried(Capacity(full, floor).needed(weight)) >= weight


def test_an_operator_that_forgets_everything_starts_nothing() -> None:
    """I8: a restart, with nothing but the objects, wants nothing of a healthy rollout."""
    cluster = Cluster.of(spec(*PLANS[0]))
    cluster.run(10)
    again = Cluster(replace(cluster.rollout), now=cluster.now, route=cluster.route)
    again.sets, again._pods = cluster.sets, cluster._pods
    assert not again.once().actions
