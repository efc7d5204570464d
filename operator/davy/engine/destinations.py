"""Which revision each side of the split should lead to: subset hashes and Service selectors."""

from davy.engine import managed, weights
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage
from davy.engine.way import Move
from davy.engine.world import Role


def moves(around: Surroundings, position: Position, target: int) -> tuple[Move, ...]:
    """The destinations that should lead to another revision now, and to which.

    Where none is narrowed yet, both at once: any of the revision's pods answered for either.
    """
    first = _move(around, position, target)
    if first is None:
        return ()
    route, promoted = around.world.route, position.stage is Stage.DONE
    is_wide = route.stable_hash is None and route.canary_hash is None
    if promoted and is_wide and around.proven(position.new_hash):
        return (first, (Role.CANARY, position.new_hash))
    return (first,)


def _move(around: Surroundings, position: Position, target: int) -> Move | None:
    """One destination: never both, where the route says where each side's requests go.

    A destination moves only while its weight is 0 in effect, or while it isn't narrowed, and only
    to a revision with available pods: a request must never meet an empty destination.
    """
    if around.world.route.canary_weight is None or position.stage is Stage.FIRST:
        return None
    if position.stage is Stage.DONE:
        return _after_promotion(around, position)
    return _stable_back(around, position) or (
        _canary_back(around, position)
        if position.stage is Stage.ABORTED or around.rollout.deleting
        else _canary_to_new(around, position, target)
    )


def _after_promotion(around: Surroundings, position: Position) -> Move | None:
    """Stable's destination moves when the status says who is stable, not before.

    Who is killed in between, or finds an abort or another template when the status is written, must
    not have led stable's users to a revision that isn't stable (I3, I6).
    """
    route, new = around.world.route, position.new_hash
    if around.rollout.status.stable_rs not in {None, new}:
        return None
    if route.stable_hash == new:
        free = _is_quiet_canary(around) or route.canary_hash is None
        astray = route.canary_hash != new and free
        return (Role.CANARY, new) if astray and _may_lead_back(around, new) else None
    ready = around.rollout.deleting or _has(around, new, around.full)
    quiet_stable = route.canary_weight == route.total and around.took.in_effect
    gone = not around.available(route.stable_hash)  # a Rollout of that name was here before
    free = quiet_stable or route.canary_hash != new or gone
    return (Role.STABLE, new) if ready and free else None


def _stable_back(around: Surroundings, position: Position) -> Move | None:
    """Stable's destination leads elsewhere: put back by somebody, or not led there yet."""
    stable = position.stable_hash
    if stable is None or around.world.route.stable_hash == stable:
        return None
    if weights.is_unled(around, position):  # its pods carry all traffic as it is
        return (Role.STABLE, stable) if around.took.in_effect else None
    return (Role.STABLE, stable) if around.proven(stable) else None


def _canary_back(around: Surroundings, position: Position) -> Move | None:
    stable = position.stable_hash
    astray = around.world.route.canary_hash != stable and _is_quiet_canary(around)
    return (Role.CANARY, stable) if stable and astray and _may_lead_back(around, stable) else None


def _may_lead_back(around: Surroundings, stable: str) -> bool:
    """Stable has pods, or the Rollout goes: nobody is left then who takes a weight back (I9).

    One that a leader had sent before it was stopped or cut off may still arrive.
    """
    if around.rollout.deleting:
        return around.world.route.canary_hash is not None
    return around.proven(stable) > 0


def _canary_to_new(around: Surroundings, position: Position, target: int) -> Move | None:
    route, new = around.world.route, position.new_hash
    needs = managed.load(around.rollout.spec, route, position, target) > 0
    if route.canary_hash == new or not needs:
        return None
    most = max(target, route.canary_weight or 0)
    pods = managed.pods(around.rollout.spec, route, position, most)
    free = _is_quiet_canary(around) or route.canary_hash is None
    return (Role.CANARY, new) if free and _has(around, new, pods) else None


def _has(around: Surroundings, template_hash: str, pods: int) -> bool:
    exists = around.world.replica_set(template_hash) is not None
    return exists and around.proven(template_hash) >= pods


def _is_quiet_canary(around: Surroundings) -> bool:
    route = around.world.route
    return route.canary_weight == 0 and not route.rules and around.took.in_effect
