"""One pass over a Rollout: observe, decide, act, write the status, say when to look again.

| a pass ends | because | the queue then |
|---|---|---|
| done | nothing was left to do | forgets failures; looks again when something changes, or at T |
| again | something was written | looks at once: the next pass sees what it brought |
| retryable | the API server was busy, away or ahead | looks after the key's backoff, or at T |
| terminal | it was refused; only a person can mend that | as retryable, at the longest backoff |
| gone | the Rollout isn't there any more | forgets the key |

T is the instant at which the engine says that time alone changes something.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from davy.api import errors
from davy.cluster import apply
from davy.cluster.cache import Cache
from davy.cluster.client import Api
from davy.cluster.kinds import Kinds
from davy.controller import act, observe, tell
from davy.controller.clock import Clock
from davy.controller.closer import Closer
from davy.controller.interest import Interest
from davy.controller.outcome import Again, Done, Gone, Result, Retry
from davy.controller.queue import Key
from davy.engine import plan, trouble
from davy.engine import world as engine_world

Decide = Callable[[engine_world.Rollout, engine_world.World, datetime], plan.Plan]


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
    decide: Decide

    async def reconcile(self, key: Key) -> Result:
        """One pass; raises nothing that a rollout, its route or the API server can cause."""
        raw = self.cache.get(self.kinds.rollout, key.namespace, key.name)
        if raw is None:
            self.interest.refer(key, ())
            return Gone()
        now = self.clock.now()
        seen = self.observer.observe(raw)
        self.interest.refer(key, self.observer.references(seen))
        if isinstance(seen, observe.Unreadable):
            generation = raw["metadata"].get("generation", 0)
            wrong = trouble.invalid(seen.status, seen.findings, generation, now)
            return await self._finish(wrong, act.Outcome(raw))
        try:
            seen = await self.closer.sure(seen)
        except errors.ApiFailure as error:
            return Retry(error)
        decided = self.decide(seen.rollout, seen.world, now)
        outcome = await self.actor.act(seen, decided.actions)
        decided = trouble.with_failures(
            decided,
            seen.rollout.status,
            outcome.sentences(),
            generation=seen.rollout.generation,
            now=now,
        )
        return await self._finish(decided, outcome)

    async def _finish(self, decided: plan.Plan, outcome: act.Outcome) -> Result:
        """Write the status; tell the events only when it holds them; say what the queue does."""
        kind, held = self.kinds.rollout, outcome.rollout
        try:
            before = observe.parse_status(held).manifest()
            made = await apply.write_status(
                self.api, kind, held, before=before, after=decided.status.manifest()
            )
        except errors.ApiFailure as error:
            if isinstance(error, errors.Conflict | errors.NotFound):
                await self.closer.refresh(held)
            self.teller.tell(held, decided.events, outcome, written=False)
            return Retry(error, decided.wake_at)
        if made is not None:
            self.cache.put(kind, made)
        self.teller.tell(made or held, decided.events, outcome, written=True)
        if outcome.failures:
            return Retry(outcome.most_hopeful(), decided.wake_at)
        wrote = outcome.written or made is not None
        return Again(decided.wake_at) if wrote else Done(decided.wake_at)
