"""Steps of plugins: asked beside the passes, so that a slow one delays nobody.

What is asked follows from the status alone. An answer waits in memory for the rollout's next pass;
a killed operator loses it and asks again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeVar

from davy.api import paths
from davy.api.errors import BrokenPlugIn
from davy.controller.clock import Clock
from davy.controller.observe import Observation
from davy.controller.queue import Key
from davy.engine import position, world
from davy.plugins import contract
from davy.plugins.calls import words
from davy.plugins.installed import Installed, PluginKind

_T = TypeVar("_T")
CALL_SECONDS: Final = 10.0
MOST: Final = 8
"""Questions to one plugin that are under way at the same time."""
_AGAIN: Final = timedelta(seconds=30)
_SOONEST: Final = timedelta(seconds=1)


class Caller(Protocol):
    """See `Calls.answer`."""

    def answer(self, name: str, call: Callable[[], _T], seconds: float) -> Awaitable[_T]:
        """What the call returns; BrokenPlugIn when it fails or is late."""


@dataclass
class _Held:
    """What is known of one rollout's step."""

    of: tuple[object, ...]
    """Which step of which update."""
    task: asyncio.Task[None] | None = None
    answer: world.StepAnswer | None = None
    again_at: datetime | None = None


@dataclass
class PluginSteps:
    """Asks the plugin of the step that a rollout is at.

    Args:
        installed: the plugins there are.
        calls: how they are called.
        clock: time.
        look: enqueues a rollout when its plugin has answered.
    """

    installed: Installed
    calls: Caller
    clock: Clock
    look: Callable[[Key], None]
    _held: dict[Key, _Held] = field(default_factory=dict)

    def told(self, key: Key, seen: Observation) -> Observation:
        """The observation with what the plugin said; it is asked if it is time to.

        A router of a plugin's that failed is looked at again after a while, too.
        """
        now = self.clock.now()
        if seen.late:
            seen = replace(seen, world=replace(seen.world, again_at=now + _AGAIN))
        where = position.read(seen.rollout)
        begun = where.step_plugin
        if begun is None or where.step is None or where.step.plugin is None:
            self.forget(key)
            return seen
        of = (seen.rollout.uid, where.new_hash, where.steps_hash, where.index, begun.started_at)
        held = self._held.get(key)
        if held is None or held.of != of:
            self.forget(key)
            held = self._held[key] = _Held(of)
        due = held.again_at is None or held.again_at <= now
        is_done = held.answer is not None and held.answer.says is not world.StepSays.WAIT
        if held.task is None and due and not is_done:
            new = seen.world.replica_set(where.new_hash)
            asked = contract.Asked(
                config=paths.copied(where.step.plugin.config or {}),
                namespace=seen.rollout.namespace,
                rollout=seen.rollout.name,
                revision=new.revision if new else 0,
                weight=seen.world.route.canary_weight,
                since=min(begun.started_at, now),
                now=now,
            )
            question = self._ask(key, held, where.step.plugin.name, asked)
            held.task = asyncio.create_task(question, name=f"step of {key}")
        told = replace(seen.world, step=held.answer, again_at=_sooner(seen.world, held, now))
        return replace(seen, world=told)

    def forget(self, key: Key) -> None:
        """Nobody waits for an answer for this rollout any more."""
        held = self._held.pop(key, None)
        if held and held.task:
            held.task.cancel()

    def drop(self) -> None:
        """Nobody waits for any answer any more."""
        for key in [*self._held]:
            self.forget(key)

    async def _ask(self, key: Key, held: _Held, name: str, asked: contract.Asked) -> None:
        titled = PluginKind.STEP.titled(name)
        try:
            made = self.installed.get(PluginKind.STEP, name)
            answer, until = await self.calls.answer(
                titled, lambda: _plain(made(asked)), CALL_SECONDS
            )
        except BrokenPlugIn as error:
            said = str(error).removeprefix(f"{titled} ")
            answer, until = world.StepAnswer(world.StepSays.WAIT, said), None
        now = self.clock.now()
        held.answer = answer
        held.again_at = max(until, now + _SOONEST) if until else now + _AGAIN
        held.task = None
        self.look(key)


def _plain(given: object) -> tuple[world.StepAnswer, datetime | None]:
    """The answer, nothing in it the plugin's own, and when it wants to be asked again.

    Raises:
        TypeError: it is none.
    """
    match given:
        case contract.Done():
            return world.StepAnswer(world.StepSays.DONE), None
        case contract.Failed():
            return world.StepAnswer(world.StepSays.FAILED, words(given.message)), None
        case contract.Wait():
            until: object = given.until
            if until is not None and (not isinstance(until, datetime) or until.tzinfo is None):
                raise TypeError("its `until` is no datetime with a time zone")
            answer = world.StepAnswer(world.StepSays.WAIT, words(given.message))
            return answer, None if until is None else until.astimezone(UTC)
    raise TypeError(f"Done, Wait or Failed was expected, it gave a {type(given).__name__}")


def _sooner(known: world.World, held: _Held, now: datetime) -> datetime | None:
    later = held.again_at if held.again_at and held.again_at > now else None
    return min(filter(None, (known.again_at, later)), default=None)
