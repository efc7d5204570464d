"""Leads or follows: one replica of several acts, the others keep their caches full and wait.

    follows ──the lease is free, or wasn't renewed for its duration──▶ leads
       ▲                                                                  │
       └──no renewal was answered in time, or another has taken it────────┘

All instants are this process's own monotonic ones. The leader counts from before it *sent* its last
renewal that was answered, and stops a margin early; a follower counts from after it *saw* one. So
the one has stopped before the other may begin, whatever the clocks say and however slow the answers
are. Who was stopped for a while finds his time over at the first write (see `cluster.fence`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from davy.api import errors
from davy.cluster import lease
from davy.cluster.cache import Json, version_of
from davy.cluster.client import Api
from davy.controller.clock import Clock
from davy.controller.settings import LeaseSettings

_log = structlog.get_logger()
_Answer = TypeVar("_Answer")


@dataclass
class Leader:
    """Campaigns for the lease and says at any moment whether it is held.

    Args:
        api: the cluster, without a fence.
        clock: monotonic for all decisions; the wall clock is only written for people.
        settings: where the lease is and how long it holds.
        identity: of this process, and of no other ever.
        gained: called when this replica begins to lead; True: another may have led since it did.
        lost: called when it ends.
        rested: waits until nothing that was begun under an earlier lead goes on.
    """

    api: Api
    clock: Clock
    settings: LeaseSettings
    identity: str
    gained: Callable[[bool], None]
    lost: Callable[[], None]
    rested: Callable[[], Awaitable[None]]
    _found: Json | None = None
    _changed_at: float = 0.0
    """When the Lease was first seen as it is."""
    _until: float = 0.0
    """Before this instant nobody else may lead."""
    _leading: bool = False
    """`gained` was called, and `lost` not yet."""
    _trouble: str = ""
    _renewed: asyncio.Event = field(default_factory=asyncio.Event)

    def leads(self) -> bool:
        """Whether this replica may write, at this very moment."""
        return self._leading and self.clock.monotonic() < self._until

    @property
    def place(self) -> lease.Place:
        """Where the Lease is."""
        return lease.Place(self.settings.namespace, self.settings.name)

    async def run(self) -> None:
        """Campaign and renew, until cancelled."""
        while True:
            began = self.clock.monotonic()
            try:
                pause = await self._round()
            except errors.ApiFailure as error:
                self._tell(str(error))
                pause = self.settings.poll.total_seconds()
            else:
                self._tell("")
            await self.clock.sleep(pause - (self.clock.monotonic() - began))

    async def watch(self) -> None:
        """End the lead in time when no renewal is answered, until cancelled."""
        while True:
            await self._renewed.wait()
            left = self._until - self.clock.monotonic()
            if left > 0:
                await self.clock.sleep(left)
            else:
                self._renewed.clear()
                self._end(f"no renewal was answered: {self._trouble or 'no answer'}")

    async def release(self) -> None:
        """Let the next one lead at once; nothing is written from here on."""
        held = self._found
        was_mine = held is not None and lease.holder(held) == self.identity
        self._end("this replica stops")
        if held is None or not was_mine:
            return
        now = self.clock.now()
        with suppress(errors.ApiFailure):
            try:
                await self._bounded(lease.release(self.api, self.place, held, now=now))
            except errors.Conflict:  # a renewal was under way
                held = await self._bounded(lease.read(self.api, self.place))
                if held is not None and lease.holder(held) == self.identity:
                    await self._bounded(lease.release(self.api, self.place, held, now=now))

    def says(self) -> str:
        """Who leads, as far as this replica knows: `leads`, or `follows NAME`."""
        if self.leads():
            return "leads"
        return f"follows {(self._found and lease.holder(self._found)) or 'nobody yet'}"

    async def _round(self) -> float:
        """One look or one renewal; returns the seconds from its begin to the next.

        Raises:
            errors.ApiFailure: the API server didn't answer, or refused.
        """
        if self._leading and self._found is not None:
            return await self._renew(self._found)
        found = await self._bounded(lease.ensured(self.api, self.place))
        self._saw(found)
        poll = self.settings.poll.total_seconds()
        if lease.holder(found) not in {"", self.identity}:
            holds = lease.duration_of(found, self.settings.duration).total_seconds()
            left = self._changed_at + holds - self.clock.monotonic()
            if left > 0:
                return min(poll, left)
        await self.rested()
        return await self._take(found)

    async def _renew(self, found: Json) -> float:
        sent = self.clock.monotonic()
        now = self.clock.now()
        try:
            made = await self._bounded(
                lease.renew(self.api, self.place, found, duration=self.settings.duration, now=now)
            )
        except errors.Conflict:
            # Its own renewal whose answer was lost, a person's edit, or another leader.
            await self._look_again()
            return 0.0
        except errors.NotFound:
            self._found = None
            self._end("the Lease was deleted")
            return 0.0
        self._saw(made)
        self._hold(sent)
        return self.settings.renew_every.total_seconds()

    async def _take(self, found: Json) -> float:
        sent = self.clock.monotonic()
        duration, now = self.settings.duration, self.clock.now()
        try:
            made = await self._bounded(
                lease.take(
                    self.api,
                    self.place,
                    found,
                    identity=self.identity,
                    duration=duration,
                    now=now,
                )
            )
        except errors.Conflict:
            return self.settings.poll.total_seconds()
        self._saw(made)
        self._hold(sent)
        if not self._leading and self.clock.monotonic() < self._until:
            self._leading = True
            _log.info("leads", lease=str(self.place), identity=self.identity)
            self.gained(lease.holder(found) != self.identity)
        return self.settings.renew_every.total_seconds()

    async def _look_again(self) -> None:
        found = await self._bounded(lease.read(self.api, self.place))
        self._saw(found)
        if found is None or lease.holder(found) != self.identity:
            whose = "nobody" if found is None else lease.holder(found) or "nobody"
            self._end(f"the Lease is held by {whose} now")

    def _saw(self, found: Json | None) -> None:
        if found is None or self._found is None or version_of(found) != version_of(self._found):
            self._changed_at = self.clock.monotonic()
        self._found = found

    def _hold(self, sent: float) -> None:
        """A write that was sent then is answered: the lease holds from there."""
        self._until = sent + self.settings.holds.total_seconds()
        self._renewed.set()

    def _end(self, why: str) -> None:
        self._until = 0.0
        if self._leading:
            self._leading = False
            _log.warning("leads no more", lease=str(self.place), why=why)
            self.lost()

    async def _bounded(self, call: Coroutine[Any, Any, _Answer]) -> _Answer:
        """The answer, or Unreachable when it takes longer than a renewal holds."""
        seconds = self.settings.holds.total_seconds()
        task = asyncio.ensure_future(call)
        limit = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            await asyncio.wait({task, limit}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            limit.cancel()
            task.cancel()
        raise errors.Unreachable(f"{self.place}: the API server didn't answer in {seconds:g} s.")

    def _tell(self, trouble: str) -> None:
        """Trouble is logged once, and its end."""
        if trouble and trouble != self._trouble:
            _log.warning("can't campaign for the lead", lease=str(self.place), error=trouble)
        if self._trouble and not trouble:
            _log.info("campaigns again", lease=str(self.place))
        self._trouble = trouble
