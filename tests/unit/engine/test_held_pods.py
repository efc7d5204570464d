"""Without a router: what `spec.paused` holds, and whose pods a restart may take."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from davy.api.conditions import RolloutPhase
from davy.engine import plan as plans
from davy.engine.by_pods import ByPods
from davy.engine.decide import EngineSettings, decide
from davy.engine.position import Stage
from davy.engine.world import Pod, World
from tests.unit.engine.cluster import SETTLE, Cluster
from tests.unit.engine.invariants import Watcher
from tests.unit.engine.pieces import NEW, NOW, OLD, a_rollout, a_set, around, where
from tests.unit.engine.play import phase, pods
from tests.unit.engine.test_pod_stories import STEPS, running, spec, updating

HELD = "manually paused until spec.paused is false. "


def edited(cluster: Cluster, **fields: Any) -> None:
    """The user changes fields of the spec."""
    cluster.apply(cluster.rollout.spec.model_copy(update=fields))


def restarted(cluster: Cluster, seconds: float = 0) -> None:
    """The user restarts it now; every pod is some seconds old by then."""
    cluster.now += timedelta(seconds=seconds)
    edited(cluster, restart_at=cluster.now)


def evicted(cluster: Cluster, seconds: float) -> list[tuple[float, str]]:
    """What went when, in seconds from now; the watcher checks the limits of each pass."""
    start, found = cluster.now, []
    while cluster.now < start + timedelta(seconds=seconds):
        plan = cluster.once()
        at = (cluster.now - start).total_seconds()
        found += [(at, act.name) for act in plan.actions if isinstance(act, plans.EvictPod)]
        cluster.now += timedelta(seconds=0.5)
    return found


def test_a_pause_holds_the_pods_that_are_on_their_way() -> None:
    """Neither revision gains or loses one, whatever the step asks for; afterwards it goes on."""
    cluster = updating({"setWeight": 60}, {"pause": {}}, seconds=2)
    assert pods(cluster) == {1: 4, 2: 3}
    edited(cluster, paused=True)
    cluster.run(3600)
    assert pods(cluster) == {1: 4, 2: 3}
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.message == f"{HELD}Step 1 of 2: weight held at 43."
    assert cluster.status.traffic is not None
    assert cluster.status.traffic.held == 43
    edited(cluster, paused=False)
    cluster.run(10)
    assert pods(cluster) == {1: 2, 2: 3}


def test_a_new_version_that_is_paused_from_the_start_gets_no_pod() -> None:
    """As with a router: the ReplicaSet is there, its pods come when the pause ends."""
    cluster = running(*STEPS)
    cluster.apply(spec(*STEPS, version="2", paused=True))
    cluster.run(60)
    assert pods(cluster) == {1: 5, 2: 0}
    assert cluster.message == f"{HELD}Step 1 of 4: weight held at 0."
    edited(cluster, paused=False)
    cluster.run(4)
    assert pods(cluster) == {1: 4, 2: 1}


def test_a_first_revision_waits_for_the_end_of_its_pause() -> None:
    """It has nothing to fall back on, and nobody uses it."""
    cluster = Cluster.of(spec(*STEPS, paused=True))
    cluster.check = Watcher()
    cluster.run(60)
    assert pods(cluster) == {1: 0}
    edited(cluster, paused=False)
    cluster.run(10)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_lost_pods_and_a_larger_size_are_stables() -> None:
    """What answers requests is mended and followed; the canary's share doesn't rise."""
    cluster = updating(*STEPS, seconds=4)
    edited(cluster, paused=True)
    cluster.run(1)
    stable = cluster.status.stable_rs or ""
    cluster.sets[stable] = replace(cluster.sets[stable], desired=1)
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 1}
    edited(cluster, replicas=10)
    cluster.run(10)
    assert pods(cluster) == {1: 9, 2: 1}


def test_a_smaller_size_is_followed_by_both() -> None:
    """The share stays about what it was."""
    cluster = updating(*STEPS)
    assert pods(cluster) == {1: 2, 2: 3}
    edited(cluster, paused=True)
    cluster.run(1)
    edited(cluster, replicas=2)
    cluster.run(10)
    assert pods(cluster) == {1: 1, 2: 2}


def test_an_abort_ends_what_a_pause_holds() -> None:
    """I3: the pods go back to stable though the spec is paused."""
    cluster = updating(*STEPS)
    edited(cluster, paused=True)
    cluster.run(10)
    cluster.edit_status(abort=True)
    cluster.run(20)
    assert pods(cluster) == {1: 5, 2: 0}
    assert phase(cluster) is RolloutPhase.DEGRADED


def test_the_stable_template_again_ends_it_too() -> None:
    """A rollback is no way towards a new version."""
    cluster = updating(*STEPS)
    edited(cluster, paused=True)
    cluster.run(1)
    cluster.apply(spec(*STEPS, paused=True))
    cluster.run(20)
    assert pods(cluster) == {3: 5, 2: 0}


def test_a_revision_that_is_given_up_loses_its_pods_to_stable() -> None:
    """Version 3 comes while version 2 is paused: 2 is over, and 3 hasn't begun."""
    cluster = updating(*STEPS)
    edited(cluster, paused=True)
    cluster.run(1)
    cluster.apply(spec(*STEPS, version="3", paused=True))
    cluster.run(20)
    assert pods(cluster) == {1: 5, 2: 0, 3: 0}


def test_a_pause_outlasts_a_killed_operator() -> None:
    """I6: with the actions done and the status lost the next pass wants the same."""
    cluster = updating({"setWeight": 60}, {"pause": {}}, seconds=2)
    edited(cluster, paused=True)
    cluster.once(writes_status=False)
    cluster.run(10)
    assert pods(cluster) == {1: 4, 2: 3}


def test_a_restart_takes_what_may_be_missing_of_all_pods() -> None:
    """Stable's first; no more than maxUnavailable are missing, and nothing else changes."""
    cluster = updating(*STEPS)
    before = pods(cluster)
    restarted(cluster, seconds=1)
    gone = evicted(cluster, 60)
    assert [at for at, _ in gone] == sorted(at for at, _ in gone)
    assert len({name for _, name in gone}) == len(gone) == 5
    stable, new = cluster.status.stable_rs or "", cluster.status.current_pod_hash or ""
    assert [name.startswith(stable) for _, name in gone] == [True] * 2 + [False] * 3
    assert all(name.startswith((stable, new)) for _, name in gone)
    assert pods(cluster) == before
    assert phase(cluster) is RolloutPhase.PAUSED
    assert cluster.status.restarted_at == cluster.rollout.spec.restart_at


def test_a_restart_waits_while_the_update_has_pods_missing() -> None:
    """I2: one of the canary's doesn't answer, and one is all that may be missing."""
    cluster = running(*STEPS, canary={"maxSurge": 0, "maxUnavailable": 1})
    cluster.apply(spec(*STEPS, version="2", canary={"maxSurge": 0, "maxUnavailable": 1}))
    cluster.broken.add(cluster.once().status.current_pod_hash or "")
    cluster.run(5)
    assert pods(cluster) == {1: 4, 2: 1}
    restarted(cluster)
    assert evicted(cluster, 30) == []
    assert cluster.message.endswith("Restart: 5 pods are from before 00:00:15.")
    cluster.broken.clear()
    assert len(evicted(cluster, 60)) >= 4


def test_a_restart_in_an_update_that_moves_comes_to_its_end() -> None:
    """Both replace pods, within the same limits, and neither keeps the other back for ever."""
    for more in ({}, {"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": 1, "maxUnavailable": 0}):
        cluster = running(canary=more)
        cluster.apply(spec(version="2", canary=more))
        cluster.run(4)
        restarted(cluster)
        evicted(cluster, 120)
        assert phase(cluster) is RolloutPhase.HEALTHY
        assert cluster.status.restarted_at == cluster.rollout.spec.restart_at


def test_a_count_from_before_an_eviction_spares_nobody() -> None:
    """I2: the ReplicaSet says 5 of 5, its pods say 4: the aborted canary's isn't to spare yet."""
    bounds = {"maxSurge": 1, "maxUnavailable": 0}
    cluster = updating(*STEPS, canary=bounds)
    old, new = cluster.status.stable_rs or "", cluster.status.current_pod_hash or ""
    cluster.edit_status(abort=True)
    while cluster.sets[old].desired < 5:
        cluster.once()
        cluster.now += timedelta(seconds=0.1)
    held = cluster.world()
    stable, canary = (held.replica_set(of) for of in (old, new))
    assert stable is not None
    assert canary is not None
    assert (stable.desired, canary.desired) == (5, 1)
    ready = [Pod(str(number), str(number), cluster.now, ready=number > 0) for number in range(5)]
    late = replace(stable, available=5, ready=5, pods=tuple(ready))
    for seen, spared in ((late, 0), (replace(late, pods=None), 1)):
        around = replace(held, replica_sets=(seen, canary))
        plan = decide(cluster.rollout, around, cluster.now, EngineSettings(SETTLE))
        scaled = [act for act in plan.actions if isinstance(act, plans.ScaleReplicaSet)]
        assert [act.name for act in scaled] == [canary.name] * spared


def test_pods_of_which_two_watches_say_different_things_may_be_able_to_answer() -> None:
    """The ReplicaSet says four, the pods one: the three others aren't taken as unavailable."""
    rollout = a_rollout(wanted=spec(*STEPS, version="2", replicas=7))
    here = where(rollout, stage=Stage.ABORTED)
    stable = a_set(OLD, 1, 6, desired=5, observed=False)
    said = tuple(Pod(f"cart-{n}", f"uid-{n}", NOW, ready=n == 0) for n in range(4))
    for seen, left in ((said, 4), (said[:1] + tuple(replace(p, ready=True) for p in said[1:]), 4)):
        world = World(replica_sets=(stable, a_set(NEW, 2, 4, pods=seen)))
        found = ByPods().replica_sets(around(rollout, world), here, 0)
        sizes = {a.name: a.replicas for a in found if isinstance(a, plans.ScaleReplicaSet)}
        assert sizes.get(f"cart-{NEW}", 4) == left
    world = World(replica_sets=(stable, a_set(NEW, 2, 1, desired=4, pods=said)))
    found = ByPods().replica_sets(around(rollout, world), here, 0)
    assert plans.ScaleReplicaSet(f"cart-{NEW}", 1, "given up: 4 → 1 pods") in found
