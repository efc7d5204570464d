"""One pass over a Rollout: observe, decide, act, write the status, say when to look again.

| a pass ends | because | the queue then |
|---|---|---|
| done | nothing was left to do | forgets failures; looks again when something changes, or at T |
| again | something was written | looks at once: the next pass sees what it brought |
| retryable | the API server was busy, away or ahead | looks after the key's backoff, or at T |
| terminal | it was refused; only a person can mend that | as retryable, at the longest backoff |
| gone | the Rollout isn't there any more | forgets the key |

T is the instant at which the engine says that time alone changes something.

The status is written once, after the actions, and says what they brought. Where only pods were
counted it is written at most once a second.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from davy.api import errors
from davy.api.status import RolloutStatus
from davy.cluster import apply
from davy.cluster.cache import Cache, Json
from davy.cluster.client import Api
from davy.cluster.kinds import Kinds
from davy.controller import act, observe, tell, workloads
from davy.controller.clock import Clock
from davy.controller.closer import Closer
from davy.controller.interest import Interest, Reference
from davy.controller.outcome import Again, Done, Gone, Result, Retry
from davy.controller.plugin_steps import PluginSteps
from davy.controller.queue import Key
from davy.engine import plan, retold, trouble
from davy.engine import world as engine_world

Decide = Callable[[engine_world.Rollout, engine_world.World, datetime], plan.Plan]
_COUNT_SECONDS: Final = 1.0
"""A status that only counts pods anew is written so long after the one before."""


@dataclass
class Reconciler:
    """Passes over Rollouts; holds no progress."""

    api: Api
    cache: Cache
    kinds: Kinds
    clock: Clock
    interest: Interest
    observer: observe.Observer
    closer: Closer
    actor: act.Actor
    teller: tell.Teller
    steps: PluginSteps
    decide: Decide
    _written: dict[Key, float] = field(default_factory=dict)
    """When a status was written last (monotonic); forgotten, it is written at once."""

    async def reconcile(self, key: Key) -> Result:
        """One pass; raises nothing that a rollout, its route or the API server can cause."""
        raw = self.cache.get(self.kinds.rollout, key.namespace, key.name)
        if raw is None:
            self.interest.refer(key, ())
            self.steps.forget(key)
            self.closer.forget(key)
            self._written.pop(key, None)
            self.observer.route_written_at.pop(key, None)
            return Gone()
        now = self.clock.now()
        seen = self.observer.observe(raw)
        self.interest.refer(key, self.observer.references(seen))
        try:
            if await self.closer.learnt(key, seen):
                return Again()
            if isinstance(seen, observe.Observation):
                seen = await self.closer.sure(key, seen)
        except errors.ApiFailure as error:
            return Retry(error)
        if isinstance(seen, observe.Unreadable):
            generation = raw["metadata"].get("generation", 0)
            wrong = trouble.invalid(seen.status, seen.findings, generation, now)
            return await self._finish(key, seen.status, wrong, act.Outcome(raw), seen.workload)
        seen = self.steps.told(key, seen)
        decided = self.decide(seen.rollout, seen.world, now)
        if seen.rollout.status.stable_rs not in {None, decided.status.stable_rs}:
            try:
                await self.closer.still_routed(seen)  # I5: a promotion isn't taken back
            except errors.ApiFailure as error:
                return Retry(error)
        outcome = await self.actor.act(seen, decided.actions)
        if outcome.routed:
            self.observer.route_written_at[key] = self.clock.now()
        if outcome.written and not outcome.failures:
            decided = self._retold(seen, decided, outcome)
        decided = trouble.with_failures(
            decided,
            seen.rollout.status,
            outcome.sentences(),
            generation=seen.rollout.generation,
            now=now,
        )
        return await self._finish(key, seen.rollout.status, decided, outcome, seen.workload)

    def _retold(
        self, before: observe.Observation, decided: plan.Plan, outcome: act.Outcome
    ) -> plan.Plan:
        """The plan, with a status that says what its actions brought.

        For the template that it was decided for: a workload's may be another one by now.
        """
        seen = self.observer.observe(outcome.rollout)
        if isinstance(seen, observe.Unreadable):
            return decided
        rollout = replace(
            seen.rollout,
            status=decided.status,
            spec=before.rollout.spec,
            hash=before.rollout.hash,
            steps_hash=before.rollout.steps_hash,
        )
        world = replace(
            seen.world,
            workload=workloads.as_of(before.world.workload, seen.world.workload),
            step=before.world.step,
            again_at=before.world.again_at,
        )
        return retold.after(decided, self.decide(rollout, world, self.clock.now()))

    async def _finish(
        self,
        key: Key,
        before: RolloutStatus,
        decided: plan.Plan,
        outcome: act.Outcome,
        workload: Reference | None,
    ) -> Result:
        """Write the status; tell the events only when it holds them; say what the queue does."""
        decided = workloads.read_again(decided, workload, self.clock.now())
        kind, held = self.kinds.rollout, outcome.rollout
        if not outcome.failures and (rest := self._may_wait(key, before, decided.status)):
            self.teller.tell(held, decided.events, outcome, written=False)
            return self._later(decided, outcome, rest)
        try:
            made = await self._write(before, decided.status, held)
        except errors.ApiFailure as error:
            if isinstance(error, errors.Conflict | errors.NotFound):
                await self.closer.refresh(held)
            self.teller.tell(held, decided.events, outcome, written=False)
            return Retry(error, decided.wake_at)
        if made is not None:
            self._written[key] = self.clock.monotonic()
            self.cache.put(kind, made)
        self.teller.tell(made or held, decided.events, outcome, written=True)
        if outcome.failures:
            return Retry(outcome.most_hopeful(), decided.wake_at)
        wrote = outcome.written or made is not None
        return Again(decided.wake_at) if wrote else Done(decided.wake_at)

    async def _write(self, before: RolloutStatus, after: RolloutStatus, held: Json) -> Json | None:
        if before == after:
            return None
        return await apply.write_status(
            self.api, self.kinds.rollout, held, before=before.manifest(), after=after.manifest()
        )

    def _may_wait(self, key: Key, before: RolloutStatus, after: RolloutStatus) -> float:
        """Seconds for which this status need not be written: it only counts pods anew."""
        written = self._written.get(key)
        rest = 0.0 if written is None else written + _COUNT_SECONDS - self.clock.monotonic()
        waits = rest > 0 and before != after and retold.is_count(before, after)
        return rest if waits else 0.0

    def _later(self, decided: plan.Plan, outcome: act.Outcome, seconds: float) -> Result:
        """Look again when the status may be written."""
        at = self.clock.now() + timedelta(seconds=seconds)
        wake_at = min(at, decided.wake_at) if decided.wake_at else at
        return Again(wake_at) if outcome.written else Done(wake_at)
