"""The record of a run: what was seen, what was written, what was broken, what failed.

Plain data with times and resourceVersions. All objects of a lab are in one etcd, whose revisions
are their resourceVersions: they order the states of all objects exactly, where clocks can't.
"""

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from tests.lab.audit import Write
from tests.lab.load_records import Request

Json = dict[str, Any]

DAVY: Final = "system:serviceaccount:davy-system:davy"
"""The user whose writes are judged."""


@dataclass(frozen=True, order=True)
class Key:
    """One object of a namespace."""

    namespace: str
    kind: str
    """Plural, as in the URL: `rollouts`, `virtualservices` …"""
    name: str


@dataclass(frozen=True)
class State:
    """What an object was from `version` on."""

    key: Key
    version: int
    """etcd's revision: larger is later, across all objects."""
    at: datetime
    """When it was seen, or for a write when it was answered."""
    found: Json | None
    """None: it was deleted."""
    by: str = ""
    """The user who wrote it; empty where only a watch saw it."""


class FaultKind(StrEnum):
    """What can be done to a run; the value is its row in the report."""

    KILL_OPERATOR = "kill -9 the operator"
    FREEZE_OPERATOR = "freeze the operator"
    CUT = "cut the operator's connections"
    HOLD = "hold the operator's connections up"
    OUTAGE = "outage"
    KILL_POD = "kill -9 a pod's process"
    REMOVE_POD = "delete a pod at once"
    EVICT_POD = "evict a pod"
    DELETE_ROUTE = "delete and restore"
    RESET_ROUTE = "apply the route as in Git"
    EDIT_WEIGHT = "another writer's weight"
    EDIT_FIELD = "another writer's field"


ROUTE_FAULTS: Final = frozenset(
    {FaultKind.DELETE_ROUTE, FaultKind.RESET_ROUTE, FaultKind.EDIT_WEIGHT}
)
"""Faults that leave a route without destinations, or with the wrong ones, for a while."""


@dataclass
class Fault:
    """One fault, from its start until what it broke was put back."""

    kind: FaultKind
    target: str
    """A component, an object or a pod, for people."""
    start: datetime
    end: datetime | None = None
    """None: not yet, or the run ended before."""
    namespace: str = ""
    """Of the shop it hits; empty: everybody."""
    address: str = ""
    """The IP of the pod it hits."""
    heard: datetime | None = None
    """Of an outage: when the mesh heard of changes again; see `mesh`."""

    def until(self, last: datetime) -> datetime:
        """Its end; `last` where it has none."""
        return self.end or last

    def __str__(self) -> str:
        times = [self.start, self.end, *([self.heard] if self.heard else [])]
        shown = " to ".join(f"{each:%H:%M:%S.%f}"[:-3] if each else "…" for each in times)
        return " ".join(filter(None, (shown, self.namespace, self.kind, self.target, self.address)))


@dataclass(frozen=True)
class Lost:
    """One request that failed."""

    namespace: str
    request: Request
    flags: str = ""
    """Envoy's response flags, `UF,URX`; empty where it wrote no line."""
    address: str = ""
    """The IP of the pod that Envoy tried last; empty: none."""

    @property
    def ended_at(self) -> datetime:
        """When its failure was known."""
        return self.request.sent_at + timedelta(seconds=self.request.latency_seconds)


@dataclass
class History:
    """Everything that the judges may look at."""

    began: datetime
    ended: datetime
    states: dict[Key, list[State]] = field(default_factory=dict)
    """By object, in the order of their versions; see `timeline`."""
    writes: Sequence[Write] = ()
    """Of everybody, in the order of their answers."""
    faults: Sequence[Fault] = ()
    lost: Sequence[Lost] = ()
    sent: int = 0
    """Requests, all shops together."""

    @property
    def by_davy(self) -> Iterator[Write]:
        """Davy's own writes that were applied, in their order."""
        applied = [write for write in self.writes if write.user == DAVY and write.applied]
        return iter(sorted(applied, key=lambda write: write.version))

    def keys(self, kind: str, namespace: str | None = None) -> list[Key]:
        """The objects of a kind that were ever seen."""
        return sorted(
            key
            for key in self.states
            if key.kind == kind and (namespace is None or key.namespace == namespace)
        )

    def state(self, key: Key, version: int) -> State | None:
        """The object as it was at an etcd revision; None: there was none yet."""
        states = self.states.get(key, [])
        place = bisect.bisect_right(states, version, key=lambda state: state.version)
        return states[place - 1] if place else None

    def found(self, key: Key, version: int) -> Json | None:
        """The object at a revision; None when it wasn't there."""
        state = self.state(key, version)
        return state.found if state else None


def timeline(seen: Iterable[State], writes: Iterable[Write]) -> dict[Key, list[State]]:
    """Each object's states in order, from the watch and the audit log together.

    A state that both know is the audit log's, for that one says who wrote it.
    """
    known: dict[Key, dict[int, State]] = {}
    for state in seen:
        known.setdefault(state.key, {})[state.version] = state
    for write in writes:
        if not write.applied or not write.version or write.verb == "delete":
            continue
        key = Key(write.namespace, write.resource, write.name)
        before = known.setdefault(key, {}).get(write.version)
        if before is not None and before.found is None:
            continue  # a write that took the last finalizer: the object is gone with it
        found = write.answer
        if before is not None and before.by:
            continue  # a patch that changed nothing has the version of the write before it
        known[key][write.version] = State(key, write.version, write.answered_at, found, write.user)
    return {key: [states[version] for version in sorted(states)] for key, states in known.items()}
