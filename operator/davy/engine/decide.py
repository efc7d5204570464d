"""The order of a pass, on one screen: `(Rollout, World, now) -> Plan`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from davy.engine import abort, pause, position, report, runs, scale, steps, story, weights
from davy.engine.describe import Scene
from davy.engine.plan import Action, MarkRollout, Plan, PointRole, SetWeights
from davy.engine.position import Position, Stage
from davy.engine.revision import next_revision
from davy.engine.weights import Effect
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
    took = weights.effect(world.route, rollout.status, now, settle)
    around = steps.Surroundings(rollout, world, took, now)
    where, why = abort.check(rollout, world, runs.refreshed(position.read(rollout), world), now)
    where = steps.advance(where, around)
    waited = abort.progress(rollout, world, where, now, counted=steps.is_waiting(where, around))
    if not why:
        where, why = abort.overdue(rollout, world, where, waited, now)
    target = _target(where)
    wanted = weights.wanted(rollout, world, where, took, target)
    number = _revision(world, where)
    where, run_actions = runs.wanted(rollout, world, where, took, number)
    actions = (
        *_route(rollout, world, where, took, target, wanted),
        *_mark(rollout, world, where, took, number),
        *scale.replica_sets(rollout, world, where, took, target, now),
        *run_actions,
        *runs.finished(rollout, world, where),
    )
    scene = Scene(rollout, world, where, took, target, waited, why, now)
    status = report.status(scene, wanted)
    return Plan(
        actions=actions,
        status=status,
        events=story.events(scene, status, actions),
        wake_at=_wake(scene),
    )


def _target(where: Position) -> int:
    return 0 if where.stage is Stage.ABORTED else weights.of_step(where.steps, where.index)


def _revision(world: World, where: Position) -> int:
    new = world.replica_set(where.new_hash)
    return new.revision if new else next_revision(world.replica_sets)


def _route(
    rollout: Rollout,
    world: World,
    where: Position,
    took: Effect,
    target: int,
    wanted: int | None,
) -> Iterator[Action]:
    """Weights before destinations: an abort's weights must not wait for anything (I3)."""
    written = world.route.canary_weight
    if wanted is not None and wanted != written:
        why = f"canary weight {written} → {wanted}"
        yield SetWeights(canary=wanted, stable=100 - wanted, why=why)  # I1
        return
    moves = weights.pointing(rollout, world, where, took, target)
    if moves is not None:
        role, template_hash = moves
        yield PointRole(role, template_hash, f"the {role.value} destination to {template_hash}")


def _mark(
    rollout: Rollout, world: World, where: Position, took: Effect, number: int
) -> Iterator[Action]:
    """The finalizer is on while traffic may be elsewhere than on stable: deletion takes it back (I9)."""
    route = world.route
    on_stable = route.canary_weight is None or (route.canary_weight == 0 and took.in_effect)
    leads = route.stable_hash in {None, where.stable_hash} or route.canary_weight is None
    at_rest = where.stage is not Stage.UPDATING and on_stable and leads
    if rollout.deleting:
        at_rest = (on_stable and leads) or where.stage is Stage.FIRST
        if rollout.finalizer and at_rest:
            yield MarkRollout(False, rollout.revision, "all weight is on stable")
        return
    finalizer = not at_rest and where.stage is not Stage.FIRST
    if finalizer != rollout.finalizer or (rollout.revision != number and where.stage is not Stage.ABORTED):
        yield MarkRollout(finalizer, number, f"revision {number}")


def _wake(scene: Scene) -> datetime | None:
    """The earliest moment at which time alone changes something."""
    where = scene.position
    begun = where.pauses[0] if where.pauses and where.step and where.step.pause else None
    ends = pause.end(where, begun) if begun else None
    moments = (
        scene.took.settles_at,
        ends,
        scene.waited.deadline,
        *scale.drains_until(scene.world, scene.now),
    )
    return min((at for at in moments if at is not None and at > scene.now), default=None)
