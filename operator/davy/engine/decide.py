"""The order of a pass, on one screen: `(Rollout, World, now) -> Plan`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from davy.api.conditions import PauseReason, RolloutPhase
from davy.engine import (
    abort,
    handover,
    managed,
    pause,
    position,
    report,
    restart,
    roles,
    runs,
    stable_scale,
    steps,
    story,
    ways,
    weights,
)
from davy.engine.describe import Scene
from davy.engine.effect import Surroundings, in_words
from davy.engine.plan import Action, MarkRollout, Plan, PointRole, SetWeights
from davy.engine.position import Position, Stage
from davy.engine.revision import next_revision
from davy.engine.world import Rollout, World


@dataclass(frozen=True)
class EngineSettings:
    """What the engine can be told."""

    settle: timedelta = timedelta(seconds=1)
    """How long the mesh gets to take a write that it accepted, or never reports on."""


def decide(
    rollout: Rollout, world: World, now: datetime, settings: EngineSettings | None = None
) -> Plan:
    """What one pass wants.

    Abort first (I3): a verdict or a person's abort is read before anything that waits, and its
    weights are the first action. The deadline comes after the steps: a step that can be completed
    now is progress.
    """
    settle = (settings or EngineSettings()).settle
    way = ways.of(rollout.spec)
    where = runs.refreshed(position.read(rollout, world.workload), world)
    world = way.seen(world, where)
    took = way.took(world.route, rollout.status, now, settle)
    around = Surroundings(rollout, world, took, now, way)
    where, why = abort.check(rollout, world, where, now)
    renewal = restart.look(rollout, world, where, now)
    around = restart.making_room(around, where, renewal)
    if not rollout.spec.paused:
        where = steps.advance(where, around)
    where = pause.hold(where, around)
    waited = abort.progress(rollout, world, where, now, counted=steps.is_waiting(where, around))
    if not why:
        where, why = abort.overdue(around, where, waited)
    around = replace(around, back_by=stable_scale.back_by(around, where, waited))
    target = _target(rollout, where)
    wanted = way.wanted(around, where, target)
    number = _revision(world, where)
    where, run_actions = runs.wanted(around, where, number)
    route = (*_route(around, where, target, wanted),)
    sized = (*way.replica_sets(around, where, target), *handover.cleared(around, where))
    seen = way.seen(world, where)
    if seen.route.stable_service != world.route.stable_service:  # the Services swapped their roles
        took = replace(took, said=in_words(seen.route))
        wanted = way.wanted(replace(around, world=seen, took=took), where, target)
    scene = Scene(
        rollout=rollout,
        world=seen,
        position=where,
        took=took,
        way=way,
        target=target,
        waited=waited,
        aborted=why,
        now=now,
        restart=renewal,
        lacking=steps.lacking(where, around),
    )
    status = report.status(scene, wanted)
    healthy = status.phase is RolloutPhase.HEALTHY
    actions = (
        *route,
        *_mark(around, where, number),
        *sized,
        *run_actions,
        *runs.finished(rollout, world, where),
        *restart.evictions(around, where, renewal, (*route, *sized)),
        *roles.changes(around, where),
        *handover.scaled(scene, healthy=healthy),
    )
    return Plan(
        actions=actions,
        status=status,
        events=story.events(scene, status, actions),
        wake_at=_wake(
            scene,
            (
                *way.drains_until(around, where, target),
                handover.goes_at(scene, healthy=healthy),
                handover.empties_at(around, where),
            ),
            around.back_by,
        ),
    )


def _target(rollout: Rollout, where: Position) -> int:
    if where.stage is Stage.UPDATING and rollout.spec.paused:
        return where.held or 0
    return (
        0
        if where.stage is Stage.ABORTED
        else weights.of_step(where.steps, where.index, where.total)
    )


def _revision(world: World, where: Position) -> int:
    new = world.replica_set(where.new_hash)
    return new.revision if new else next_revision(world.replica_sets)


def _route(
    around: Surroundings, where: Position, target: int, wanted: int | None
) -> Iterator[Action]:
    """Weights before destinations: an abort's weights must not wait for anything (I3)."""
    route = around.world.route
    written = route.canary_weight
    rules = weights.rules(around, where, target, wanted)
    as_is = wanted == written and managed.is_written(route, rules)
    if wanted is not None and (route.uneven or not as_is):
        why = f"canary weight {written} → {wanted}"
        yield SetWeights(canary=wanted, stable=route.total - wanted, why=why, rules=rules)  # I1
        return
    given_back = handover.is_back(around, where) is not None
    moves = (
        handover.opened(around, where) if given_back else around.way.moves(around, where, target)
    )
    for role, template_hash in moves:
        to = template_hash or "any pod"
        yield PointRole(role, template_hash, f"the {role.value} destination to {to}")


def _mark(around: Surroundings, where: Position, number: int) -> Iterator[Action]:
    """The finalizer is on while traffic may be elsewhere: deletion takes it back first (I9)."""
    rollout, at_rest = around.rollout, handover.is_at_rest(around, where)
    if rollout.deleting:
        back = handover.is_back(around, where)
        led = around.world.problems or not around.way.moves(around, where, 0)
        gone = (at_rest and led) or where.stage is Stage.FIRST
        if rollout.finalizer and (gone if back is None else back):
            why = "all weight is on stable"
            generation = rollout.workload_generation
            yield MarkRollout(
                finalizer=False, revision=rollout.revision, why=why, workload_generation=generation
            )
        return
    leads = handover.leads_to_stable(around.world.route, where)
    underway = where.stage is Stage.UPDATING or (where.stage is Stage.DONE and not leads)
    finalizer = (
        (underway and around.way.has_route)
        or (rollout.finalizer and not at_rest)
        or handover.holds(around.world, where)
    )
    wanted = (finalizer, number, _workload_generation(rollout, around.world))
    if wanted != (rollout.finalizer, rollout.revision, rollout.workload_generation):
        yield MarkRollout(
            finalizer=finalizer,
            revision=number,
            why=f"revision {number}",
            workload_generation=wanted[2],
        )


def _workload_generation(rollout: Rollout, world: World) -> int | None:
    """As it is where the workload isn't there."""
    if world.workload is None and rollout.spec.workload_ref is not None:
        return rollout.workload_generation
    return world.workload.generation if world.workload else None


def _wake(
    scene: Scene, drained: Iterable[datetime | None], back_by: datetime | None
) -> datetime | None:
    """The earliest moment at which time alone changes something."""
    where = scene.position
    begun = where.paused_for(PauseReason.CANARY_PAUSE_STEP)
    ends = pause.end(where, begun) if begun and not scene.rollout.spec.paused else None
    moments = (
        scene.took.settles_at,
        ends,
        scene.waited.deadline,
        scene.world.again_at,
        restart.pending(scene.rollout),
        back_by if scene.world.route.canary_weight or scene.world.route.part_weight else None,
        *drained,
    )
    return min((at for at in moments if at is not None and at > scene.now), default=None)
