"""What is known of the watches: which live, which kinds are served, which are whole in the cache.

kopf lists and watches; it doesn't say when a list is complete, nor that a watch lives. Both are
read off its requests on the session Davy gives it. A kind is whole in the cache ("synced") after a
list of Davy's own that began while kopf's watch was already established: what is in neither doesn't
exist, and what changes later is told by the watch. Until then nothing is decided: a ReplicaSet that
hasn't been seen yet would look like a first deployment (I8).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

from davy.cluster.kinds import Kind
from davy.controller.clock import Clock

_OK = 200


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
    """

    def __init__(
        self,
        kinds: Iterable[Kind],
        namespaces: tuple[str, ...],
        clock: Clock,
        began: Callable[[Stream], None],
    ) -> None:
        self._clock = clock
        self._began = began
        self._streams: dict[Stream, _Stream] = {}
        self._paths: dict[str, Stream] = {}
        for kind in kinds:
            for namespace in namespaces if kind.namespaced and namespaces else (None,):
                self._streams[kind, namespace] = _Stream(clock.monotonic())
                self._paths[kind.path(namespace)] = (kind, namespace)

    def streams(self) -> tuple[Stream, ...]:
        """Every stream, of absent kinds too."""
        return tuple(self._streams)

    def trace(self) -> aiohttp.TraceConfig:
        """What must be put on the session that kopf watches with."""
        config = aiohttp.TraceConfig()
        config.on_request_end.append(self._ended)
        return config

    def synced(self, kind: Kind) -> bool:
        """Everything of this kind is in the cache, or the kind isn't served."""
        return all(s.synced or not s.present for key, s in self._streams.items() if key[0] == kind)

    def core_synced(self) -> bool:
        """So are all kinds that are always there."""
        return all(s.synced for key, s in self._streams.items() if not key[0].optional)

    def unsynced(self) -> tuple[str, ...]:
        """Names of the kinds that aren't whole yet."""
        return tuple(
            sorted({key[0].kind for key, s in self._streams.items() if s.present and not s.synced})
        )

    def present(self, kind: Kind) -> bool:
        """The API server serves this kind."""
        return any(s.present for key, s in self._streams.items() if key[0] == kind)

    def mark_absent(self, kind: Kind) -> None:
        """The API server doesn't serve this kind (any more)."""
        for key, stream in [*self._streams.items()]:
            if key[0] == kind:
                self._streams[key] = _Stream(stream.alive_at, present=False)

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

    async def _ended(
        self,
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        """One of kopf's requests has its answer."""
        key = self._paths.get(params.url.path)
        if key is None or params.method != "GET" or params.response.status != _OK:
            return
        stream = self._streams[key]
        self.mark_alive(key)
        if params.url.query.get("watch") != "true":
            stream.present = True
            stream.relisted = True
            return
        first = stream.relisted or not stream.established
        if first:
            self.begun(key)
