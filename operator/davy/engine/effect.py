"""What the route says, and whether the mesh does it (I5)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from davy.api import capacity
from davy.api.capacity import Capacity
from davy.api.conditions import ConditionType
from davy.api.status import RolloutStatus
from davy.engine.way import Way
from davy.engine.world import Answer, Rollout, Route, World, WrittenRule


@dataclass(frozen=True)
class Effect:
    """What the route says, and whether the mesh does it."""

    said: str
    """The route in words; the same words mean the same route."""
    since: datetime
    """Since when the route says so, as far as Davy saw it."""
    took_at: datetime
    """When the settle time ends or ended."""
    settles_at: datetime | None
    """When the settle time ends; None: it has ended, or the mesh said "not yet"."""
    in_effect: bool
    """The mesh took it: verified, or settled where nothing can be known (I5)."""


def effect(route: Route, status: RolloutStatus, now: datetime, settle: timedelta) -> Effect:
    """Whether what the route says is in effect.

    The settle time runs for a verified weight too: conditions of a route run ahead of the proxies.
    Its start is kept in the TrafficVerified condition, so a restart doesn't lose it; one in the
    future (the clock was set back) counts from now. A write that brought back what the condition
    says already, and whose own status was lost to a conflict, has only its time to tell of it.
    """
    said = in_words(route)
    before = status.condition(ConditionType.TRAFFIC_VERIFIED)
    known = before is not None and before.message == said
    told = min(before.last_update_time, now) if before is not None and known else now
    since = max(told, _past(route.written_at, now) or told)
    ends = since + settle
    settling = route.answer is not Answer.NOT_YET and route.canary_weight is not None
    return Effect(
        said=said,
        since=since,
        took_at=ends,
        settles_at=ends if settling and ends > now else None,
        in_effect=settling and ends <= now,
    )


def _past(at: datetime | None, now: datetime) -> datetime | None:
    """None for what the clock, set back since, hasn't come to again: it would last till then."""
    return at if at is not None and at <= now else None


def in_words(route: Route) -> str:
    """What the route says; the same words mean the same route."""
    if route.canary_weight is None:
        return "The route can't be read."
    stable, canary = route.stable_hash or "any pod", route.canary_hash or "any pod"
    if route.swaps:  # the same words with the roles the other way round are another route
        stable, canary = f"{stable} ({route.stable_service})", f"{canary} ({route.canary_service})"
    answer = {
        Answer.VERIFIED: "the router reports it programmed",
        Answer.NOT_YET: "the router reports it not programmed",
        Answer.UNKNOWN: "the router can't report it",
    }[route.answer]
    weight = route.canary_weight
    rules = ", ".join(f"{found.name} ({_mark(found)})" for found in route.rules)
    managed = f"; managed routes {rules}" if rules else ""
    stable_weight = route.total - weight
    return f"Canary {weight} to {canary}, stable {stable_weight} to {stable}{managed}; {answer}."


def _mark(found: WrittenRule) -> str:
    """Tells two routes of one name apart: each has a settle time of its own."""
    if not found.rules:
        return "as no step asks"
    text = found.rules[0].model_dump_json(exclude_none=True)
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def may_carry(route: Route, template_hash: str) -> bool:
    """Some request may reach this revision's pods, by a weight above 0 or a managed route."""
    if route.canary_weight is None:
        return True
    reaching = {template_hash, None}  # a destination that isn't narrowed reaches any pod
    to_canary = route.canary_weight > 0 or bool(route.rules)
    return (to_canary and route.canary_hash in reaching) or (
        route.canary_weight < route.total and route.stable_hash in reaching
    )


@dataclass(frozen=True)
class Surroundings:
    """What a decision of this pass may look at."""

    rollout: Rollout
    world: World
    took: Effect
    now: datetime
    way: Way
    leaving: int = 0
    """Available pods of the canary that a restart is about to evict: no weight may need them."""
    leaving_hash: str | None = None
    """The canary's revision."""
    back_by: datetime | None = None
    """When a weight goes back to stable without waiting for its pods; None: it never waits so."""

    @property
    def full(self) -> int:
        """Pods that carry all traffic."""
        return self.rollout.spec.replicas

    @cached_property
    def capacity(self) -> Capacity:
        """What weights need, and what pods carry."""
        return capacity.of(self.rollout.spec)

    def carried(self, template_hash: str | None) -> int:
        """The largest weight that a revision's available pods can carry (I2)."""
        return self.capacity.carried(self.available(template_hash))

    def available(self, template_hash: str | None) -> int:
        """Available pods of a revision that are there to stay, as far as is known."""
        found = self.world.replica_set(template_hash)
        going = self.leaving if template_hash == self.leaving_hash else 0
        return max(0, found.standing - going) if found else 0

    def proven(self, template_hash: str | None) -> int:
        """Available pods that more may be built on: 0 while the count is from before a scaling.

        Right after 2 → 0 → 1 pods the ReplicaSet still says 2, and both are about to go (I2).
        """
        found = self.world.replica_set(template_hash)
        return self.available(template_hash) if found and found.observed else 0
