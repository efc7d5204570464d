"""Keys to look at: coalesced, one worker each, fair between namespaces, backoff and wake-ups.

A key carries no event: what happened is read from the cache, so ten events of one object are one
pass. A key that is added while it is worked on is looked at once more afterwards. Every key has at
most one wake-up (the engine names the next instant at each pass) and at most one retry.

    added ──▶ ready ──get──▶ active ──done──▶ (gone | ready when added meanwhile)
                 ▲                     │
                 └── due ◀── wake-up or retry
"""

import asyncio
import heapq
import random
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from davy.controller.clock import Clock
from davy.controller.settings import QueueSettings

_STEP: Final = timedelta(seconds=1)
"""Wall clocks are set by less than this all the time."""


@dataclass(frozen=True, order=True)
class Key:
    """What a pass is about."""

    namespace: str
    kind: str
    """`Rollout` or `AnalysisRun`."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass
class Queue:
    """Keys and when to look at them.

    Args:
        clock: for wake-ups (wall) and backoff (monotonic).
        settings: backoff and jitter.
        chance: for jitter.
    """

    clock: Clock
    settings: QueueSettings
    chance: random.Random = field(default_factory=random.Random)
    _ready: OrderedDict[str, deque[Key]] = field(default_factory=OrderedDict)
    _since: dict[Key, float] = field(default_factory=dict)
    """Keys that are ready, and since when (monotonic)."""
    _active: set[Key] = field(default_factory=set)
    _busy: Counter[str] = field(default_factory=Counter)
    """How many keys of a namespace are active."""
    _again: set[Key] = field(default_factory=set)
    """Active keys that were added meanwhile."""
    _failures: dict[Key, int] = field(default_factory=dict)
    _wakes: dict[Key, datetime] = field(default_factory=dict)
    _zero: datetime | None = None
    """What the wall clock says of monotonic 0: it moves only when somebody sets the clock."""
    _wake_heap: list[tuple[datetime, Key]] = field(default_factory=list)
    _retries: dict[Key, float] = field(default_factory=dict)
    _retry_heap: list[tuple[float, Key]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _sooner: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _paused: bool = False

    def __len__(self) -> int:
        """Keys that wait for a worker."""
        return len(self._since)

    @property
    def active(self) -> int:
        """Keys that are worked on."""
        return len(self._active)

    def add(self, key: Key) -> None:
        """Look at this key as soon as there is a worker."""
        if key in self._active:
            self._again.add(key)
            return
        if key in self._since:
            return
        self._since[key] = self.clock.monotonic()
        self._ready.setdefault(key.namespace, deque()).append(key)
        self._changed.set()

    async def get(self) -> tuple[Key, float]:
        """The next key, and how many seconds it has waited; namespaces take turns.

        One namespace never has all workers: its slow calls must not be what others wait for. Who
        gets a key lets everybody else have a turn first: thousands of passes that have nothing to
        write would hold up the renewal of the lease, and every answer.
        """
        await asyncio.sleep(0)
        while (namespace := self._next_namespace()) is None:
            self._changed.clear()
            await self._changed.wait()
        keys = self._ready.pop(namespace)
        key = keys.popleft()
        if keys:
            self._ready[namespace] = keys
        self._busy[namespace] += 1
        waited = self.clock.monotonic() - self._since.pop(key)
        self._active.add(key)
        return key, waited

    def done(self, key: Key) -> None:
        """The worker is through with it; to be called once after each `get`."""
        self._active.discard(key)
        self._busy[key.namespace] -= 1
        if not self._busy[key.namespace]:
            del self._busy[key.namespace]
        if key.namespace in self._ready:
            self._changed.set()
        if not self._active:
            self._idle.set()
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _next_namespace(self) -> str | None:
        """Whose turn it is; None: nobody's, as nothing is ready or the shares are taken."""
        if self._paused:
            return None
        share = self.settings.share
        return next((name for name in self._ready if self._busy[name] < share), None)

    def succeeded(self, key: Key) -> None:
        """The next failure of this key is the first again."""
        self._failures.pop(key, None)
        self._retries.pop(key, None)

    def wake_at(self, key: Key, instant: datetime | None) -> None:
        """Look at it then, instead of at the instant named before; None: only when it changes."""
        if instant is None:
            self._wakes.pop(key, None)
        elif self._wakes.get(key) != instant:
            self._wakes[key] = instant
            heapq.heappush(self._wake_heap, (instant, key))
            self._sooner.set()

    def retry(self, key: Key, at_least: float = 0.0) -> float:
        """Look at it again after the key's backoff, in seconds, which is returned.

        Args:
            key: that failed.
            at_least: seconds that the server asked to wait.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        most = self.settings.backoff_most.total_seconds()
        first = self.settings.backoff_first.total_seconds()
        delay: float = min(most, first * 2.0 ** min(failures, 30))
        delay *= 1 + self.settings.jitter * (self.chance.random() - 1)
        delay = max(delay, at_least * (1 + self.settings.jitter * self.chance.random()))
        due = self.clock.monotonic() + delay
        self._retries[key] = due
        heapq.heappush(self._retry_heap, (due, key))
        self._sooner.set()
        return delay

    def pause(self) -> None:
        """No key is given out any more; what is added waits."""
        self._paused = True

    def resume(self) -> None:
        """Keys are given out again."""
        self._paused = False
        self._changed.set()

    async def drained(self) -> None:
        """No key is given out any more, and nobody works on one."""
        self.pause()
        while self._active:
            self._idle.clear()
            await self._idle.wait()

    def forget(self, key: Key) -> None:
        """The object is gone: no wake-up, no retry, no count of failures."""
        for held in (self._failures, self._wakes, self._retries):
            held.pop(key, None)

    async def run(self) -> None:
        """Move what is due to where the workers find it, until cancelled."""
        while True:
            self._sooner.clear()
            delay = self._move_due()
            sleep = asyncio.ensure_future(self.clock.sleep(delay))
            sooner = asyncio.ensure_future(self._sooner.wait())
            try:
                await asyncio.wait({sleep, sooner}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleep.cancel()
                sooner.cancel()

    def _wake_all_after_a_step_back(self, now: datetime) -> None:
        """Instants that were named before the wall clock was set back lie too far ahead now."""
        zero = now - timedelta(seconds=self.clock.monotonic())
        if self._zero is not None and zero < self._zero - _STEP:
            for key in [*self._wakes]:
                del self._wakes[key]
                self.add(key)
        self._zero = zero

    def _move_due(self) -> float:
        """Add every key that is due; return the seconds until the next one."""
        delay = self.settings.clock_check.total_seconds()
        now = self.clock.now()
        self._wake_all_after_a_step_back(now)
        while self._wake_heap:
            instant, key = self._wake_heap[0]
            current = self._wakes.get(key) == instant
            if current and instant > now:
                delay = min(delay, (instant - now).total_seconds())
                break
            heapq.heappop(self._wake_heap)
            if current:
                del self._wakes[key]
                self.add(key)
        monotonic = self.clock.monotonic()
        while self._retry_heap:
            due, key = self._retry_heap[0]
            current = self._retries.get(key) == due
            if current and due > monotonic:
                delay = min(delay, due - monotonic)
                break
            heapq.heappop(self._retry_heap)
            if current:
                del self._retries[key]
                self.add(key)
        return delay
