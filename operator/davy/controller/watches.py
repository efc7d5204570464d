"""What is known of the watches: which live, which kinds are served, which are whole in the cache.

kopf lists, watches, reconnects and discovers kinds; it doesn't say when a list is complete, nor
that a watch lives, and an object that it looks at costs a task and a memory of its own, ten times
what the rest does. So Davy reads along on the session that it gives to kopf: objects are taken from
the watches' lines on their way, and kopf is left with their versions.

A kind is whole in the cache ("synced") after a list of Davy's own that began while kopf's watch was
already established: what is in neither doesn't exist, and what changes later is told by the watch.
Until then nothing is decided: a ReplicaSet that hasn't been seen yet would look like a first
deployment (I8). kopf's own lists are left empty.

A kind that Rollouts refer to by name sleeps until one does: kopf watches objects that nobody has,
so that a cluster's Deployments cost nothing where no Rollout takes its template from one.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import aiohttp
import structlog

from davy.cluster import shallow
from davy.cluster.cache import Json, version_of
from davy.cluster.kinds import Kind
from davy.controller.clock import Clock

_log = structlog.get_logger()
_OK = 200
_NOBODY: Final = "davy.invalid/listed-by=nobody"
"""A label that no object has."""
_NEWS: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})

Seen = Callable[[Kind, str, Json], None]
"""Told of each event: kind, `ADDED`, `MODIFIED` or `DELETED`, object."""


@dataclass
class _Stream:
    """One kind in one namespace (None: in all)."""

    alive_at: float
    """Monotonic; of a stream that was never heard of, when it was first expected."""
    present: bool = True
    """The API server serves the kind."""
    relisted: bool = False
    """kopf listed since the last watch: its next watch begins a new stream."""
    established: bool = False
    synced: bool = False


Stream = tuple[Kind, str | None]


class Watches:
    """The state of every stream.

    Args:
        kinds: that are watched.
        namespaces: that are served; (): all.
        clock: for ages.
        began: told when a stream begins anew and must be compared with a list.
        seen: told of each event.
    """

    def __init__(
        self,
        kinds: Iterable[Kind],
        namespaces: tuple[str, ...],
        clock: Clock,
        began: Callable[[Stream], None],
        seen: Seen,
    ) -> None:
        self._clock = clock
        self._began = began
        self._seen = seen
        self._streams: dict[Stream, _Stream] = {}
        self._paths: dict[str, Stream] = {}
        self._of: dict[Kind, list[Stream]] = defaultdict(list)
        self._needed: set[Kind] = set()
        self._asleep: dict[Stream, aiohttp.ClientResponse] = {}
        for kind in kinds:
            for namespace in namespaces if kind.namespaced and namespaces else (None,):
                self._streams[kind, namespace] = _Stream(clock.monotonic())
                self._of[kind].append((kind, namespace))
                self._paths[kind.path(namespace)] = (kind, namespace)

    def streams(self) -> tuple[Stream, ...]:
        """Every stream, of absent kinds too."""
        return tuple(self._streams)

    async def read_along(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """A middleware for the session that kopf lists and watches with."""
        stream = self._paths.get(request.url.path) if request.method == "GET" else None
        if stream is None:
            return await handler(request)
        watching = request.url.query.get("watch") == "true"
        sleeps = self.sleeps(stream[0])
        if sleeps or not watching:
            request.url = request.url.update_query(labelSelector=_NOBODY)
        answer = await handler(request)
        if answer.status == _OK:
            if sleeps and watching:
                self._sleep(stream, answer)
            else:
                self._answered(stream, watching=watching)
            lines = _Lines(answer.content, partial(self._read, stream))
            answer.content = lines  # type: ignore[assignment]
        return answer

    def sleeps(self, kind: Kind) -> bool:
        """No Rollout has referred to an object of this kind so far."""
        return kind.referred and kind not in self._needed

    def need(self, kind: Kind) -> None:
        """A Rollout refers to an object of this kind: its watches begin."""
        if not self.sleeps(kind):
            return
        self._needed.add(kind)
        for stream in [found for found in self._asleep if found[0] == kind]:
            self._asleep.pop(stream).close()  # kopf asks anew

    def synced(self, kind: Kind) -> bool:
        """Everything of this kind is in the cache, or the kind isn't served."""
        streams = (self._streams[key] for key in self._of[kind])
        return all(stream.synced or not stream.present for stream in streams)

    def core_synced(self) -> bool:
        """So are all kinds that are always there, and needed from the start."""
        needed = (
            s for (kind, _), s in self._streams.items() if not (kind.optional or kind.referred)
        )
        return all(stream.synced for stream in needed)

    def unsynced(self) -> tuple[str, ...]:
        """Names of the kinds that aren't whole yet."""
        return tuple(
            sorted(
                {
                    kind.kind
                    for (kind, _), stream in self._streams.items()
                    if stream.present and not stream.synced and not self.sleeps(kind)
                }
            )
        )

    def present(self, kind: Kind) -> bool:
        """The API server serves this kind."""
        return any(self._streams[key].present for key in self._of[kind])

    def mark_absent(self, kind: Kind) -> None:
        """The API server doesn't serve this kind (any more)."""
        for key in self._of[kind]:
            self._streams[key] = _Stream(self._streams[key].alive_at, present=False)

    def mark_synced(self, stream: Stream) -> None:
        """A list of Davy's own is in the cache, begun after the watch was established."""
        self._streams[stream].synced = True
        self.mark_alive(stream)

    def mark_alive(self, stream: Stream) -> None:
        """The stream was heard of: an event, a list, a watch that the server took."""
        self._streams[stream].alive_at = self._clock.monotonic()

    def established(self, stream: Stream) -> bool:
        """The watch of kopf runs: a list begun now misses nothing."""
        return self._streams[stream].established

    def begun(self, stream: Stream) -> None:
        """A watch of this stream is established that didn't go on from an earlier one."""
        state = self._streams[stream]
        state.present, state.established, state.relisted = True, True, False
        self.mark_alive(stream)
        self._began(stream)

    def seen(self, kind: Kind, namespace: str) -> None:
        """An event of this kind arrived."""
        for key in ((kind, namespace), (kind, None)):
            if key in self._streams:
                self.mark_alive(key)

    def ages(self) -> dict[Stream, float]:
        """Seconds since each present stream was heard of."""
        now = self._clock.monotonic()
        return {
            key: now - stream.alive_at for key, stream in self._streams.items() if stream.present
        }

    def _sleep(self, stream: Stream, answer: aiohttp.ClientResponse) -> None:
        """A watch that tells nothing; it is ended when it is to tell something."""
        self.mark_alive(stream)
        if self.sleeps(stream[0]):
            self._asleep[stream] = answer
        else:  # needed while the server answered
            answer.close()

    def _answered(self, key: Stream, *, watching: bool) -> None:
        """The server took one of kopf's requests."""
        stream = self._streams[key]
        self.mark_alive(key)
        if not watching:
            stream.present = stream.relisted = True
        elif stream.relisted or not stream.established:
            self.begun(key)

    def _read(self, stream: Stream, line: bytes) -> bytes:
        """A line for kopf: of an event only the version from which a broken watch goes on."""
        event = _event(line)
        if event is None or event.get("type") not in _NEWS:
            self.mark_alive(stream)
            return line
        found = event["object"]
        try:
            self._seen(stream[0], event["type"], found)
        except Exception:  # noqa: BLE001  # nothing may end the watch; a resync heals what was missed
            _log.exception("event not taken", kind=stream[0].kind)
        bookmark = {"metadata": {"resourceVersion": version_of(found)}}
        return json.dumps({"type": "BOOKMARK", "object": bookmark}).encode()


class _Lines:
    """A stream whose lines are read, and replaced, on their way."""

    def __init__(self, stream: aiohttp.StreamReader, read: Callable[[bytes], bytes]) -> None:
        self._stream = stream
        self._read = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines; one that the connection's end cut off is no line."""
        rest = b""
        async for chunk in self._stream.iter_chunked(size):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(None, lines):
                yield self._read(line) + b"\n"


def _event(line: bytes) -> Json | None:
    try:
        event = shallow.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
