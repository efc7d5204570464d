"""Events on users' objects: posted behind the pass, never in its way, none said twice.

`emit` only puts into a bounded queue; one task posts. What can't be posted is counted and dropped:
an event is a courtesy, the status is the record. The same words on the same object soon after raise
the count of the first event; an object that is talked about too much is cut short.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from davy.api import errors, fields
from davy.cluster.cache import Json
from davy.cluster.client import Api
from davy.cluster.kinds import EVENT, Kind

QUEUE: Final = 1000
"""Events waiting to be posted; more are dropped, of warnings twice as many."""
POSTERS: Final = 4
"""Events posted at the same time, so that one that hangs isn't what all wait for."""
BURST: Final = 100
"""Events of one object at once: a release of ten steps tells some fifty. Warnings are counted
apart, so that an abort is told however talkative the steps before it were."""
REFILL_SECONDS: Final = 5.0
"""One more event of an object is allowed after so long."""
SAME_SECONDS: Final = 5.0
"""The same words within so long are one event: a pass repeated after a conflict or crash."""
SAME_WARNING_SECONDS: Final = 600.0
"""The same for warnings: trouble that stays is told once, a step that is taken again each time."""
COUNT_SECONDS: Final = 60.0
"""A repeated event's count is written at most so often."""
_REMEMBERED: Final = 5000
_MESSAGE: Final = 1024
"""Characters that an API server takes in a message."""


@dataclass
class _Said:
    """One thing said of one object."""

    at: float
    name: str
    namespace: str
    count: int = 1
    written: float = 0.0


@dataclass
class _Bucket:
    """How many events an object has left."""

    left: float = float(BURST)
    at: float = 0.0


@dataclass
class Recorder:
    """Posts events of one component.

    Args:
        api: where to.
        component: who speaks, e.g. `davy`.
        now: the wall clock, for the event's own times.
        monotonic: seconds, for limits.
        lost: told of each event that wasn't posted, with the reason.
    """

    api: Api
    component: str
    now: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    lost: Callable[[str], None] = lambda _why: None
    _queue: asyncio.Queue[Callable[[], Any]] = field(
        default_factory=lambda: asyncio.Queue(maxsize=2 * QUEUE)
    )
    _said: OrderedDict[tuple[str, str, str], _Said] = field(default_factory=OrderedDict)
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def emit(self, kind: Kind, about: Json, reason: str, message: str, *, warning: bool) -> None:
        """The event will be posted, or counted with an equal one. Never blocks, never raises."""
        uid = str(about["metadata"].get("uid", ""))
        message = message if len(message) <= _MESSAGE else message[: _MESSAGE - 1] + "…"
        at = self.monotonic()
        said = self._said.get((uid, reason, message))
        same = SAME_WARNING_SECONDS if warning else SAME_SECONDS
        if said is not None and at - said.at < same:
            self._again(said, at)
            return
        if not self._allowed(f"{uid} {warning}", at):
            self.lost("rate")
            return
        event = self._event(kind, about, reason, message, warning=warning)
        namespace, name = event["metadata"]["namespace"], event["metadata"]["name"]
        self._said[uid, reason, message] = _Said(at, name, namespace, written=at)
        self._said.move_to_end((uid, reason, message))
        while len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
        self._put(lambda: self.api.create(EVENT, namespace, event), warning=warning)

    async def run(self) -> None:
        """Post until cancelled; one of `POSTERS` that do."""
        while True:
            post = await self._queue.get()
            try:
                await post()
            except errors.ApiFailure as error:
                self.lost(type(error).__name__)
            finally:
                self._queue.task_done()

    async def drained(self) -> None:
        """Everything emitted so far was posted or dropped."""
        await self._queue.join()

    def _again(self, said: _Said, at: float) -> None:
        said.count += 1
        if at - said.written < COUNT_SECONDS:
            return
        said.written = at
        body = {"count": said.count, "lastTimestamp": _whole_seconds(self.now())}
        self._put(
            lambda: self.api.patch_merge(EVENT, said.namespace, said.name, body), warning=False
        )

    def _allowed(self, uid: str, at: float) -> bool:
        bucket = self._buckets.setdefault(uid, _Bucket(at=at))
        self._buckets.move_to_end(uid)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.left = min(float(BURST), bucket.left + (at - bucket.at) / REFILL_SECONDS)
        bucket.at = at
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def _put(self, post: Callable[[], Any], *, warning: bool) -> None:
        if self._queue.full() or (self._queue.qsize() >= QUEUE and not warning):
            self.lost("queue full")
            return
        self._queue.put_nowait(post)

    def _event(self, kind: Kind, about: Json, reason: str, message: str, *, warning: bool) -> Json:
        metadata = about["metadata"]
        now = self.now()
        namespace = metadata.get("namespace") or "default"
        stamp = f"{int(now.timestamp() * 1_000_000):x}.{len(self._said):x}"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name'][:200]}.{stamp}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": kind.api_version,
                "kind": kind.kind,
                "name": metadata["name"],
                "namespace": metadata.get("namespace", ""),
                "uid": metadata.get("uid", ""),
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "count": 1,
            "firstTimestamp": _whole_seconds(now),
            "lastTimestamp": _whole_seconds(now),
            "eventTime": None,
            "source": {"component": self.component},
            "reportingComponent": self.component,
            "reportingInstance": "",
        }


def _whole_seconds(instant: datetime) -> str:
    """`metav1.Time` has no fractions."""
    return fields.format_instant(instant).split(".")[0].rstrip("Z") + "Z"
