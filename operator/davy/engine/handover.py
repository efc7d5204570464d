"""From a Deployment to the rollout and back: whose pods serve, while both have some (I2).

Forth: a pod of the Deployment goes only when one of the rollout is available in its place, and what
has gone is the user's to bring back. Back: a rollout that is deleted while its Deployment has pods
leaves its destinations open for them before its own pods go.

Until the destinations are narrowed, and when they are opened again, a request may go to either's
pods. None may then be of a revision that isn't stable.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from davy.engine.effect import Surroundings
from davy.engine.plan import Action, ScaleReplicaSet, ScaleWorkload
from davy.engine.position import Position, Stage
from davy.engine.way import Move
from davy.engine.world import ReplicaSet, Role, Route, Workload, World

if TYPE_CHECKING:
    from davy.engine.describe import Scene


def is_taken(scene: "Scene") -> bool:
    """The Deployment was scaled down: from now on its size is its owner's.

    So it is not when the rollout still begins, or begins anew with another one.
    """
    workload, before = scene.world.workload, scene.rollout.status.workload
    referred = scene.rollout.spec.workload_ref
    if workload is None or referred is None or referred.scale_down == "never":
        return False
    if before is not None and before.uid == workload.uid and before.taken:
        return True
    return scene.position.stage is Stage.DONE and workload.desired == 0


def scaled(scene: "Scene", *, healthy: bool) -> tuple[Action, ...]:
    """The Deployment, as small as the rollout's pods allow.

    Args:
        scene: after all else was decided.
        healthy: the phase is Healthy.
    """
    workload = scene.world.workload
    if workload is None or not _is_due(scene, workload):
        return ()
    kept = _kept(scene, workload, healthy=healthy)
    if kept >= workload.desired:
        return ()
    there = _there(scene)
    full = scene.rollout.spec.replicas
    why = f"{workload.desired} → {kept} pods; {there} of {full} pods of the rollout are available"
    return (ScaleWorkload(workload.name, kept, why),)


def goes_at(scene: "Scene", *, healthy: bool) -> datetime | None:
    """When a Deployment's pods may go that nothing reaches any more; None: it isn't about time."""
    workload = scene.world.workload
    if workload is None or not healthy or not _is_due(scene, workload):
        return None
    return _drained_at(scene)


def _is_due(scene: "Scene", workload: Workload) -> bool:
    """A rollout that wants no pods takes over from nobody."""
    rollout, referred = scene.rollout, scene.rollout.spec.workload_ref
    waits = rollout.deleting or rollout.spec.paused or rollout.spec.replicas == 0
    waits = waits or scene.restarting or bool(scene.world.problems) or is_taken(scene)
    stays = referred is None or referred.scale_down == "never"
    return not (waits or stays or workload.desired == 0 or not workload.observed)


def _kept(scene: "Scene", workload: Workload, *, healthy: bool) -> int:
    """The pods that the Deployment needs for the wanted ones to be there together.

    Where it replaces pods by itself, those that are available may be the ones that a smaller size
    takes first: then none goes before the rollout has all.
    """
    rollout = scene.rollout
    referred, full = rollout.spec.workload_ref, rollout.spec.replicas
    if healthy and _drained_at(scene) <= scene.now:
        return 0
    if referred is None or referred.scale_down != "progressively":
        return workload.desired
    if scene.position.stage not in {Stage.FIRST, Stage.DONE}:
        return workload.desired
    lacking = max(0, full - _there(scene))
    return workload.desired if workload.updating and lacking else lacking


def _there(scene: "Scene") -> int:
    """Available pods of the rollout that are there to stay."""
    new = scene.new
    return new.standing if new is not None and new.observed else 0


def _drained_at(seen: "Scene | Surroundings") -> datetime:
    """When requests have ended that were under way before the route changed last."""
    if not seen.way.has_route:
        return seen.now
    return seen.took.took_at + timedelta(seconds=seen.rollout.spec.strategy.canary.drain_seconds)


def holds(world: World, position: Position) -> bool:
    """A deletion would have to give the traffic back, so it must wait for Davy."""
    has_pods = world.workload is not None and world.workload.desired > 0
    return has_pods and position.stage is not Stage.FIRST and bool(_narrowed(world, position))


def is_back(around: "Scene | Surroundings", position: Position) -> bool | None:
    """Whether the traffic was given back to the Deployment; None: it needn't be, or not yet.

    All weight goes to stable first, as for any rollout that is deleted. What is given back stays so
    when Davy's finalizer is off: somebody else's may keep the rollout for a while.
    """
    world = around.world
    if not around.rollout.deleting or position.stage is Stage.FIRST:
        return None
    if world.workload is None or world.workload.desired == 0 or not _is_on_stable(around, position):
        return None
    return not _narrowed(world, position) and is_at_rest(around, position)


def is_at_rest(around: "Scene | Surroundings", position: Position) -> bool:
    """All traffic is on stable, in effect."""
    unread = around.world.route.canary_weight is None
    return _is_on_stable(around, position) and (around.took.in_effect or unread)


def _is_on_stable(around: "Scene | Surroundings", position: Position) -> bool:
    """All requests go to stable; of a route that can't be read as a whole, as far as it can be."""
    route = around.world.route
    if not around.way.has_route:
        return True
    return leads_to_stable(route, position) and not route.reaches_canary


def leads_to_stable(route: Route, position: Position) -> bool:
    """Stable's side finds the stable revision's pods."""
    return route.canary_weight is None or route.stable_hash in {None, position.stable_hash}


def opened(around: Surroundings, position: Position) -> tuple[Move, ...]:
    """The destinations, for any pod: when the Deployment's are there, and no canary's any more."""
    world = around.world
    if not _is_there(world) or left(world, position):
        return ()
    return tuple((role, None) for role in _narrowed(world, position))


def left(world: World, position: Position) -> tuple[ReplicaSet, ...]:
    """Revisions that open destinations must not find, with pods."""
    return tuple(
        found for found in _others(world, position) if found.desired > 0 or found.current > 0
    )


def cleared(around: Surroundings, position: Position) -> tuple[Action, ...]:
    """Pods that the open destinations must not find go first; nothing reaches them any more."""
    world = around.world
    gives_back = is_back(around, position) is not None
    if not (gives_back and _is_there(world) and _is_drained(around)):
        return ()
    return tuple(
        ScaleReplicaSet(found.name, 0, f"{found.desired} → 0 pods, as the rollout is deleted")
        for found in _others(world, position)
        if found.desired > 0
    )


def empties_at(around: Surroundings, position: Position) -> datetime | None:
    """When `cleared` may begin; None: it isn't about time."""
    if is_back(around, position) is None or not left(around.world, position):
        return None
    return _drained_at(around)


def _is_there(world: World) -> bool:
    """The Deployment's pods can take the traffic."""
    workload = world.workload
    return workload is not None and workload.observed and workload.available >= workload.desired


def _is_drained(around: Surroundings) -> bool:
    if not around.way.has_route or around.world.route.canary_weight is None:
        return True
    return around.took.in_effect and _drained_at(around) <= around.now


def _others(world: World, position: Position) -> Iterator[ReplicaSet]:
    return (found for found in world.replica_sets if found.hash != position.stable_hash)


def _narrowed(world: World, position: Position) -> tuple[Role, ...]:
    """The destinations that find the pods of one of the rollout's revisions alone."""
    route = world.route
    own = {position.stable_hash, position.new_hash, *(held.hash for held in world.replica_sets)}
    leads = ((Role.STABLE, route.stable_hash), (Role.CANARY, route.canary_hash))
    return tuple(role for role, to in leads if to is not None and to in own)
