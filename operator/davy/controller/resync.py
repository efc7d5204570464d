"""Lists compared with the cache: at the start, when a watch began anew, and now and then.

kopf keeps no store, so a deletion that falls between a lost watch and its new list is told by
nobody; neither is an event whose handler never ran. A whole list shows both. Beside that it is the
proof that the cache is whole (see `watches`).
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from davy.api import errors
from davy.cluster.cache import Cache
from davy.cluster.client import Api
from davy.cluster.kinds import Kind
from davy.controller.clock import Clock
from davy.controller.settings import WatchSettings
from davy.controller.watches import Stream, Watches

_log = structlog.get_logger()
_AT_ONCE: Final = 2
"""Lists under way: the API server makes one while the other is taken in, and memory stays small."""


@dataclass
class Resync:
    """Keeps the cache equal to the cluster.

    Args:
        api: to list with.
        cache: to compare.
        watches: which streams there are; filled in after construction.
        settings: how often.
        clock: for waiting.
        lost: told how many changes of a kind nobody had reported.
        whole: told of a kind that is whole in the cache for the first time, or isn't served any
        more.
    """

    api: Api
    cache: Cache
    settings: WatchSettings
    clock: Clock
    lost: Callable[[Kind, int], None]
    whole: Callable[[Kind], None]
    watches: Watches = field(init=False)
    chance: random.Random = field(default_factory=random.Random)
    _due: "asyncio.PriorityQueue[tuple[int, int, Stream]]" = field(
        default_factory=asyncio.PriorityQueue
    )
    _waiting: set[Stream] = field(default_factory=set)
    _asked: int = 0

    def ask(self, stream: Stream) -> None:
        """Compare this stream soon.

        Optional kinds first: passes begin when the others are whole, and would find a route that
        isn't listed yet.
        """
        if stream not in self._waiting:
            self._waiting.add(stream)
            self._asked += 1
            self._due.put_nowait((not stream[0].optional, self._asked, stream))

    async def run(self) -> None:
        """Compare what was asked for, a few lists at a time, until cancelled."""
        while True:
            await asyncio.gather(*(self._compare(stream) for stream in await self._batch()))

    async def _batch(self) -> list[Stream]:
        """What is due next: optional kinds, or others, never both."""
        found = [await self._due.get()]
        while len(found) < _AT_ONCE and not self._due.empty():
            other = self._due.get_nowait()
            if other[0] != found[0][0]:
                self._due.put_nowait(other)
                break
            found.append(other)
        return [stream for *_, stream in found]

    async def _compare(self, stream: Stream) -> None:
        self._waiting.discard(stream)
        if not await self.compare(stream):
            await self.clock.sleep(self.settings.retry.total_seconds())
            self.ask(stream)

    async def run_regularly(self) -> None:
        """Ask for each stream once per resync interval, spread out, until cancelled."""
        interval = self.settings.resync.total_seconds()
        while True:
            await self.clock.sleep(interval * self.chance.uniform(0.9, 1.1))
            for stream in self.watches.streams():
                if self.watches.present(stream[0]) and not self.watches.sleeps(stream[0]):
                    self.ask(stream)
                    await self.clock.sleep(self.chance.uniform(0, 1))

    async def run_absent(self) -> None:
        """Notice optional kinds whose CRD went away: their watch ends without a word."""
        while True:
            await self.clock.sleep(self.settings.dead_after.total_seconds() / 4)
            for (kind, _), age in self.watches.ages().items():
                if kind.optional and age > self.settings.dead_after.total_seconds() / 2:
                    await self.discover(kind)

    async def discover(self, kind: Kind) -> bool:
        """Whether the API server serves this kind; if not, it is forgotten."""
        try:
            plurals = await self.api.served(kind.group, kind.version)
        except errors.ApiFailure as error:
            _log.warning("discovery failed", kind=kind.kind, error=str(error))
            return True
        if plurals & {kind.plural, "*"}:
            return True
        if self.watches.present(kind):
            self.watches.mark_absent(kind)
            self.cache.forget(kind)
            self.whole(kind)
        return False

    async def compare(self, stream: Stream) -> bool:
        """True when a list was taken into the cache, or the kind isn't served."""
        kind, namespace = stream
        established = self.watches.established(stream)
        first = not self.watches.synced(kind)
        try:
            news = await self.cache.compare(kind, self.api.batches(kind, namespace), namespace)
        except errors.NotFound:
            return kind.optional and not await self.discover(kind)
        except errors.ApiFailure as error:
            _log.warning("list failed", kind=kind.kind, error=str(error))
            return False
        if established:
            self.watches.mark_synced(stream)
        if news and not first:
            self.lost(kind, news)
        if first and established:
            self.whole(kind)
        return True
