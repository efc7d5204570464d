"""What one process is told by its watches: late, twice, not at all, or from a new beginning.

Where a watch begins anew, what happened before is told by nobody; order is kept within an object
and nowhere else.
"""

from collections.abc import Callable
from random import Random

from davy.cluster.cache import Json
from davy.cluster.kinds import Kind
from davy.controller.watches import Seen, Stream, Watches
from tests.sim.cluster import GONE, Change, Cluster
from tests.sim.loop import NEXT, VirtualLoop
from tests.sim.manifests import ROUTE_KINDS

_BOOKMARK_SECONDS = 60.0


class Streams:
    """The watches of one process.

    Args:
        seen: the process's handler of events.
        wakes: does something in the process.
        delay: mean seconds from a change to its event.
    """

    def __init__(
        self,
        *,
        loop: VirtualLoop,
        cluster: Cluster,
        watches: Watches,
        seen: Seen,
        wakes: Callable[..., None],
        chance: Random,
        delay: float,
    ) -> None:
        self._loop = loop
        self._cluster = cluster
        self._watches = watches
        self._seen = seen
        self._wakes = wakes
        self._chance = chance
        self._delay = delay
        self._kinds = {kind for kind, _ in watches.streams()}
        self._down: dict[Kind, list[Change] | None] = {}
        """Kinds without a connection; the list keeps what the server will tell when it is back."""
        self._live: set[Stream] = set()
        """Streams whose watch runs; what breaks before that begins with a list in any case."""
        self._last: dict[tuple[Kind, str], float] = {}
        self.lossy: dict[str, float] = {}
        """By kind (`*`: all): the share of events that nobody ever tells."""
        self.slow: dict[str, float] = {}
        """By kind: seconds that are added to the delay."""
        self.double: set[str] = set()
        """Kinds whose events are told twice."""
        self.stopped = False
        cluster.watch(self._told)

    def start(self) -> None:
        """List and watch every kind."""
        for stream in self._watches.streams():
            self._list(stream)
        self._loop.later(_BOOKMARK_SECONDS, self._bookmarks)

    def lose(self, kind: str, *, relist: bool) -> None:
        """The connection breaks; `relist`: what happens meanwhile is told by nobody."""
        for stream in self._named(kind):
            if stream[0] not in self._down:
                self._down[stream[0]] = [] if stream in self._live and not relist else None
                self._live.discard(stream)

    def restore(self, kind: str) -> None:
        """Connected again: by a new list (after 410), or from where it broke."""
        for stream in self._named(kind):
            if stream[0] not in self._down:
                continue
            missed = self._down.pop(stream[0])
            if missed is None:
                self._list(stream)
            else:
                self._live.add(stream)
                for change in missed:
                    self._send(change.kind, change.type, change.object)

    def calm(self) -> None:
        """All is well from now on."""
        self.lossy.clear()
        self.slow.clear()
        self.double.clear()
        self.restore("*")

    def _named(self, kind: str) -> list[Stream]:
        return [stream for stream in self._watches.streams() if _is(kind, stream[0])]

    def _told(self, change: Change) -> None:
        kind = change.kind
        if self.stopped or kind not in self._kinds:
            return
        if kind in self._down:
            missed = self._down[kind]
            if missed is not None:
                missed.append(change)
            return
        lost = max((share for named, share in self.lossy.items() if _is(named, kind)), default=0)
        if lost and self._chance.random() < lost:
            return
        self._send(kind, change.type, change.object)

    def _send(self, kind: Kind, event: str, found: Json) -> None:
        more = sum(seconds for named, seconds in self.slow.items() if _is(named, kind))
        delay = more + min(self._chance.expovariate(1 / self._delay), 10 * self._delay)
        key = (kind, found["metadata"]["name"])
        at = max(self._last.get(key, 0.0) + NEXT, self._loop.time() + delay)
        self._last[key] = at
        told = "DELETED" if event == GONE else event
        self._loop.call_at(at, self._wakes, self._seen, kind, told, found)
        if any(_is(named, kind) for named in self.double):
            self._loop.call_at(at, self._wakes, self._seen, kind, told, found)

    def _list(self, stream: Stream) -> None:
        """The version to watch from, then the watch; each a moment later."""
        seconds = self._delay * (self._chance.random() + self._chance.random())
        self._loop.later(seconds, self._begun, stream)

    def _begun(self, stream: Stream) -> None:
        if not self.stopped and stream[0] not in self._down:
            self._live.add(stream)
            self._wakes(self._watches.begun, stream)

    def _bookmarks(self) -> None:
        if self.stopped:
            return
        for stream in self._watches.streams():
            if stream[0] not in self._down:
                self._watches.mark_alive(stream)
        self._loop.later(_BOOKMARK_SECONDS, self._bookmarks)


def _is(named: str, kind: Kind) -> bool:
    return named in {"*", kind.kind} or (named == "route" and kind in ROUTE_KINDS)
