"""A position in the middle of an update, and what is around it, for tests of single functions."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from davy.api.conditions import ConditionStatus, ConditionType, Reason
from davy.api.rollout import RolloutSpec
from davy.api.status import Condition, ProgressMark, RolloutStatus
from davy.api.template_hash import template_hash
from davy.engine import position, revision, ways, weights
from davy.engine.abort import Progress
from davy.engine.describe import Scene
from davy.engine.effect import Surroundings, effect
from davy.engine.position import Position
from davy.engine.world import Answer, ReplicaSet, Rollout, Route, World
from tests.unit.engine.cluster import SETTLE, START, spec, template

OLD, NEW = (template_hash(template(version)) for version in ("1", "2"))
NOW = START + timedelta(hours=1)
WAITING = Progress(
    since=NOW - timedelta(minutes=1),
    deadline=NOW + timedelta(minutes=9),
    exceeded=False,
    mark=ProgressMark(available=1, step_index=0),
)
RESTING = replace(WAITING, deadline=None)


def a_condition(kind: ConditionType, reason: Reason, at: datetime, message: str = "") -> Condition:
    return Condition(
        type=kind,
        status=ConditionStatus.TRUE,
        reason=reason,
        message=message,
        last_transition_time=at,
        last_update_time=at,
    )


def a_rollout(
    *steps: dict[str, Any], status: dict[str, Any] | None = None, wanted: RolloutSpec | None = None
) -> Rollout:
    """Version 2 over version 1 at its first step; `status` are fields that differ."""
    found = wanted or spec(*steps, version="2")
    known = RolloutStatus(
        stable_rs=OLD,
        current_pod_hash=NEW,
        current_step_hash=revision.steps_hash(found.strategy.canary.steps or []),
        current_step_index=0,
    )
    held = known.model_copy(update=status or {})
    return Rollout("shop", "cart", "uid-1", 1, found, held, finalizer=True, revision=2)


def a_set(template_hash: str, number: int, available: int = 4, **more: Any) -> ReplicaSet:
    """With all of its wanted pods available, unless `desired` says more."""
    fields = {"desired": available, "current": available, "ready": available} | more
    name = f"cart-{template_hash}"
    return ReplicaSet(name, template_hash, number, available=available, **fields)


def a_world(weight: int | None = 50, new: int = 4, **more: Any) -> World:
    """Both revisions with pods, both destinations narrowed."""
    route = Route(weight, stable_hash=OLD, canary_hash=NEW, answer=Answer.VERIFIED)
    fields: dict[str, Any] = {"replica_sets": (a_set(OLD, 1), a_set(NEW, 2, new)), "route": route}
    return World(**fields | more)


def around(
    rollout: Rollout,
    world: World | None = None,
    *,
    settled: bool = True,
    now: datetime = NOW,
) -> Surroundings:
    """What the route says is in effect, unless it was written just now."""
    found = world or a_world()
    said = effect(found.route, RolloutStatus(), now, SETTLE).said
    since = START if settled else now
    verified = a_condition(ConditionType.TRAFFIC_VERIFIED, Reason.WEIGHT_VERIFIED, since, said)
    took = effect(found.route, RolloutStatus(conditions=[verified]), now, SETTLE)
    return Surroundings(rollout, found, took, now, ways.of(rollout.spec))


def where(rollout: Rollout, **changes: Any) -> Position:
    """As its status says, but for the changes."""
    return replace(position.read(rollout), **changes)


def a_scene(
    *steps: dict[str, Any],
    world: World | None = None,
    settled: bool = True,
    waited: Progress = WAITING,
    aborted: str = "",
    replicas: int = 4,
    status: dict[str, Any] | None = None,
    **changes: Any,
) -> Scene:
    """All that a pass decided; `changes` are fields of the position."""
    wanted = spec(*steps, version="2", replicas=replicas)
    rollout = a_rollout(wanted=wanted, status=status)
    here, found = where(rollout, **changes), around(rollout, world, settled=settled)
    target = weights.of_step(here.steps, here.index, here.total)
    return Scene(rollout, found.world, here, found.took, found.way, target, waited, aborted, NOW)
