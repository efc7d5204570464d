"""`spec.restartAt`: old pods go in turns, and no weight is ahead of the pods that are left."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from davy.api.capacity import Capacity
from davy.api.conditions import RolloutPhase
from davy.engine import plan as plans
from davy.engine import restart
from davy.engine.decide import EngineSettings, decide
from davy.engine.effect import Surroundings
from davy.engine.world import Pod
from tests.unit.engine.cluster import SETTLE, Cluster, spec
from tests.unit.engine.pieces import NEW, NOW, OLD, a_rollout, a_set, a_world, around, where
from tests.unit.engine.play import STEPS, phase, running, updating

MINUTE = timedelta(minutes=1)
AT = NOW - MINUTE


def restarted(cluster: Cluster, seconds: float = 0) -> None:
    """The user restarts it, now or in a while."""
    at = cluster.now + timedelta(seconds=seconds)
    cluster.apply(cluster.rollout.spec.model_copy(update={"restart_at": at}))


def evictions(cluster: Cluster) -> list[float]:
    """The seconds at which pods were evicted."""
    return [float(line.split()[0]) for line in cluster.log if line.endswith("EvictPod")]


def test_pods_go_one_by_one_each_after_its_successor_is_available() -> None:
    """I2: with 4 pods at most one is missing; then it is Healthy, and says since when."""
    cluster = running(*STEPS)
    restarted(cluster)
    seen = []
    for _ in range(200):
        cluster.now += timedelta(seconds=0.1)
        cluster.once()
        (found,) = cluster.sets.values()
        seen.append(found.available)
    assert min(seen) == 3
    times = evictions(cluster)
    assert len(times) == 4
    assert all(later - earlier >= 3 for earlier, later in pairwise(times))
    assert cluster.status.restarted_at == cluster.rollout.spec.restart_at
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_a_quarter_of_many_pods_goes_at_once() -> None:
    """Argo's default of maxUnavailable."""
    cluster = running(*STEPS, replicas=10)
    restarted(cluster)
    cluster.run(1)
    assert len(evictions(cluster)) == 2
    cluster.run(60)
    assert len(evictions(cluster)) == 10


def test_it_says_how_far_it_is() -> None:
    """I10: Progressing, with the pods that are left; idle afterwards."""
    cluster = running(*STEPS)
    cluster.now += timedelta(seconds=1)
    restarted(cluster)
    cluster.settle()
    assert phase(cluster) is RolloutPhase.PROGRESSING
    assert cluster.message.endswith("Restart: 3 pods are from before 00:00:11.")
    cluster.run(60)
    assert not cluster.message.endswith("Restart")
    assert cluster.once() == plans.Plan((), cluster.status, (), None)


def test_it_begins_at_its_moment() -> None:
    """Woken for it; pods made after it stay."""
    cluster = running(*STEPS)
    restarted(cluster, seconds=100)
    assert cluster.settle().wake_at == cluster.rollout.spec.restart_at
    cluster.run(99)
    assert evictions(cluster) == []
    cluster.run(60)
    assert len(evictions(cluster)) == 4


def test_a_moment_before_every_pod_is_done_at_once() -> None:
    """A manifest that says it for years restarts nothing."""
    cluster = running(*STEPS)
    restarted(cluster, seconds=-3600)
    cluster.run(10)
    assert evictions(cluster) == []
    assert cluster.status.restarted_at == cluster.rollout.spec.restart_at


def test_in_an_update_stable_goes_first_then_the_canary_below_its_weight() -> None:
    """I2: the canary's weight is lowered to what the other pods carry, in effect, then one goes."""
    cluster = updating(*STEPS, seconds=30)
    new = cluster.status.current_pod_hash or ""
    cluster.now += timedelta(seconds=1)
    restarted(cluster)
    evicted = []
    for _ in range(600):
        cluster.now += timedelta(seconds=0.1)
        plan = cluster.once()
        gone = [action.name for action in plan.actions if isinstance(action, plans.EvictPod)]
        evicted += gone
        room = Capacity(4).carried(cluster.sets[new].available)
        assert (cluster.weight or 0) <= room
        if any(name.startswith(new) for name in gone):
            assert (cluster.weight or 0) <= Capacity(4).carried(cluster.sets[new].available - 1)
    assert [name.startswith(new) for name in evicted] == [False] * 4 + [True] * 2
    assert cluster.weight == 50
    assert phase(cluster) is RolloutPhase.PAUSED


def test_while_paused_by_hand_it_goes_on() -> None:
    """It is no update."""
    cluster = running(*STEPS)
    cluster.apply(cluster.rollout.spec.model_copy(update={"paused": True}))
    restarted(cluster)
    cluster.run(60)
    assert len(evictions(cluster)) == 4
    assert phase(cluster) is RolloutPhase.PAUSED


def test_an_abort_in_the_middle_comes_first() -> None:
    """I3: the canary's pods go with the abort, not with the restart."""
    cluster = updating(*STEPS, seconds=30)
    restarted(cluster)
    cluster.run(20)
    cluster.edit_status(abort=True)
    assert isinstance(cluster.once().actions[0], plans.SetWeights)
    cluster.run(60)
    assert cluster.weight == 0
    assert cluster.status.restarted_at == cluster.rollout.spec.restart_at


def test_pods_that_arent_ready_go_though_others_are_missing() -> None:
    """They serve nobody; a restart may be what mends them."""
    cluster = running(*STEPS)
    template_hash = cluster.status.stable_rs or ""
    cluster.broken.add(template_hash)
    restarted(cluster, seconds=1)
    cluster.run(1)
    assert len(evictions(cluster)) >= 1
    cluster.broken.clear()
    cluster.run(60)
    assert cluster.status.restarted_at == cluster.rollout.spec.restart_at


def test_a_count_from_before_an_eviction_isnt_believed() -> None:
    """The ReplicaSet still says 4 of 4; the pods' own watch knows that one isn't ready."""
    cluster = running(*STEPS)
    restarted(cluster, seconds=1)
    cluster.now += timedelta(seconds=1)
    cluster.once()
    assert len(evictions(cluster)) == 1
    held = cluster.world()
    (stale,) = held.replica_sets
    old = replace(held, replica_sets=(replace(stale, available=4, ready=4),))
    plan = decide(cluster.rollout, old, cluster.now, EngineSettings(SETTLE))
    assert not [action for action in plan.actions if isinstance(action, plans.EvictPod)]


def test_a_deleted_rollout_restarts_nothing() -> None:
    """Its pods go anyway."""
    cluster = running(*STEPS)
    restarted(cluster, seconds=1)
    cluster.rollout = replace(cluster.rollout, deleting=True)
    cluster.run(10)
    assert evictions(cluster) == []


def test_another_moment_restarts_again() -> None:
    """And a first revision in the middle of its start too."""
    cluster = Cluster.of(spec(*STEPS))
    cluster.run(1)
    restarted(cluster)
    cluster.run(30)
    first = len(evictions(cluster))
    assert first >= 1
    restarted(cluster)
    cluster.run(30)
    assert len(evictions(cluster)) == first + 4


def leaving(old: int, *, missing: int, weight: int = 70) -> tuple[Surroundings, plans.Plan]:
    """Of eight pods of a canary so many are old, and so many new ones aren't ready yet."""
    pods = tuple(
        Pod(f"p{n}", f"u{n}", AT - MINUTE if n < old else NOW, ready=n < 8 - missing)
        for n in range(8)
    )
    rollout = a_rollout({"setWeight": 70}, wanted=spec({"setWeight": 70}, version="2", replicas=10))
    rollout = replace(rollout, spec=rollout.spec.model_copy(update={"restart_at": AT}))
    new = a_set(NEW, 2, 8 - missing, desired=8, pods=pods)
    kept = tuple(Pod(f"s{n}", f"s{n}", NOW, ready=True) for n in range(3))
    world = a_world(weight, replica_sets=(a_set(OLD, 1, 3, pods=kept), new))
    here = where(rollout)
    seen = around(rollout, world)
    room = restart.making_room(seen, here, restart.look(rollout, world, here, NOW))
    return room, decide(rollout, world, NOW, EngineSettings(SETTLE))


def test_room_is_made_for_the_last_old_pod_beside_one_that_starts() -> None:
    """I2: a quarter of ten are two; one is missing, so one more may go, and its weight before."""
    room, plan = leaving(1, missing=1)
    assert room.leaving == 1
    assert [a.canary for a in plan.actions if isinstance(a, plans.SetWeights)] == [60]
    assert not [a for a in plan.actions if isinstance(a, plans.EvictPod)]
    assert leaving(1, missing=2)[0].leaving == 0
    assert leaving(0, missing=0)[0].leaving == 0


def test_no_pod_goes_while_its_weight_waits_for_stables() -> None:
    """I2: dynamicStableScale holds a weight until stable has the pods for the rest."""
    room, _ = leaving(1, missing=1)
    found = restart.look(room.rollout, room.world, where(room.rollout), NOW)
    assert restart.evictions(room, where(room.rollout), found, ()) == ()
    lowered = replace(room.world.route, canary_weight=60)
    after = replace(room, world=replace(room.world, route=lowered))
    (evicted,) = restart.evictions(after, where(room.rollout), found, ())
    assert isinstance(evicted, plans.EvictPod)
    assert evicted.name == "p0"
