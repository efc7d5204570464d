"""Whose doing a failed request is: a bad canary's, a fault's own, or Davy's.

A request is a fault's own doing when the fault explains this very failure, in its place and time:

- *bad canary*: the app of a bad release answered 5xx; that is what releases are tested for.
- *pod away*: Envoy tried the IP of a pod that a fault killed, or found no pod left (UH) in a shop
  where one was killed or evicted; from the fault until recovered.
- *route away*: the proxy's answer for a shop whose route, DestinationRule or Service a fault
  deleted, reset or reweighted; from the fault until recovered.
- *mesh away*: Envoy tried the IP of a pod that had begun to leave, or had left, and couldn't hear
  of it: API server, etcd or istiod were away between its leaving and the failure, or had not yet
  recovered. Or it found no pod (UH) then: it hadn't heard of new ones. Istio has no way to tell the
  operator so, who gives it the settle time.

*Recovered* is `RECOVERY` of time in which nothing that has to mend it (API server, etcd, istiod,
the operator) was away; they are away until a change and a new pod get through to Envoy again
(`mesh.py`). All else is Davy's: a request that nobody's fault explains breaks the run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tests.lab.chaos.history import DAVY, ROUTE_FAULTS, Fault, FaultKind, History, Lost
from tests.lab.chaos.replica import Exit
from tests.lab.chaos.routes import NARROWED, WEIGHTED
from tests.lab.load_records import MadeBy

RECOVERY: Final = timedelta(seconds=5)
"""Of undisturbed time: endpoints and routes reach Envoy in 0.1 s here, a pass of Davy takes less
than 0.1 s and a settle 1 s, all on a machine that may be busy."""

_MESH: Final = frozenset({"kube-apiserver", "etcd", "istiod"})
_STORES: Final = frozenset({"kube-apiserver", "etcd"})
_CONNECTIONS: Final = frozenset({FaultKind.CUT, FaultKind.HOLD})
_KILLS: Final = frozenset({FaultKind.KILL_POD, FaultKind.REMOVE_POD})
_OPERATOR: Final = frozenset({FaultKind.KILL_OPERATOR, FaultKind.FREEZE_OPERATOR, *_CONNECTIONS})


class Cause(StrEnum):
    """The table's first column."""

    BAD_CANARY = "bad canary"
    POD_AWAY = "pod away"
    ROUTE_AWAY = "route away"
    MESH_AWAY = "mesh away"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Window:
    """A stretch of time."""

    start: datetime
    end: datetime

    def meets(self, start: datetime, end: datetime) -> bool:
        """Whether the two have a moment in common."""
        return self.start <= end and start <= self.end


def causes(history: History, bad: frozenset[tuple[str, str]]) -> Iterator[tuple[Lost, Cause]]:
    """Each failed request with its cause.

    Args:
        history: the run.
        bad: (namespace, version) of the bad releases.
    """
    judge = _Judge(history)
    for lost in history.lost:
        request = lost.request
        if request.made_by is MadeBy.APP and (lost.namespace, request.version or "") in bad:
            yield lost, Cause.BAD_CANARY
        else:
            yield lost, judge.cause(lost)


def unexplained_exits(history: History, exits: Iterable[Exit]) -> list[Exit]:
    """The ends of an operator that was neither killed nor without its API server."""
    last = history.ended
    away = merged(
        Window(fault.start, recovered(fault.until(last), ()))
        for fault in history.faults
        if (fault.kind is FaultKind.OUTAGE and fault.target in _STORES)
        or fault.kind in _CONNECTIONS
    )
    return [each for each in exits if not any(w.meets(each.at, each.at) for w in away)]


class _Judge:
    def __init__(self, history: History) -> None:
        self._faults = history.faults
        self._last = history.ended
        self._away = _windows(history, _mesh_away)
        self._none_mends = disturbed(history)
        self._on_routes = [
            *(each for each in history.faults if each.kind in ROUTE_FAULTS),
            *_late_writes(history),
        ]
        self._leaving = _leaving(history)

    def cause(self, lost: Lost) -> Cause:
        if lost.request.made_by is MadeBy.APP:
            return Cause.UNEXPLAINED  # a good version's own error: nobody breaks the app
        if any(self._took_its_pod(fault, lost) for fault in self._faults):
            return Cause.POD_AWAY
        if any(self._hits(fault, lost) for fault in self._on_routes):
            return Cause.ROUTE_AWAY
        return Cause.MESH_AWAY if self._left_unheard(lost) else Cause.UNEXPLAINED

    def _hits(self, fault: Fault, lost: Lost) -> bool:
        if fault.namespace != lost.namespace or fault.start > lost.ended_at:
            return False
        return recovered(fault.until(self._last), self._none_mends) >= lost.request.sent_at

    def _took_its_pod(self, fault: Fault, lost: Lost) -> bool:
        tried = fault.kind in _KILLS and lost.address == fault.address
        none_left = fault.kind in _KILLS | {FaultKind.EVICT_POD} and _none_left(lost)
        return (tried or none_left) and self._hits(fault, lost)

    def _left_unheard(self, lost: Lost) -> bool:
        began = lost.request.sent_at if _none_left(lost) else self._leaving.get(lost.address)
        if began is None or began > lost.ended_at:
            return False
        return any(
            Window(away.start, recovered(away.end, self._none_mends)).meets(began, lost.ended_at)
            for away in self._away
        )


def disturbed(history: History) -> list[Window]:
    """When something was away that has to mend what breaks: API server, etcd, istiod, operator."""
    return _windows(history, lambda fault: _mesh_away(fault) or fault.kind in _OPERATOR)


def within(windows: Sequence[Window], at: datetime) -> bool:
    """Whether a moment is in one of them."""
    return any(window.start <= at <= window.end for window in windows)


def undisturbed(windows: Sequence[Window], start: datetime, end: datetime) -> timedelta:
    """The time from start to end without these windows, which don't overlap."""
    overlaps = (min(end, each.end) - max(start, each.start) for each in windows)
    return end - start - sum((max(each, timedelta(0)) for each in overlaps), timedelta(0))


def recovered(at: datetime, disturbed: Sequence[Window]) -> datetime:
    """The end of the first `RECOVERY` of undisturbed time after `at`.

    Args:
        at: when what was broken was put back.
        disturbed: in order, without overlaps.
    """
    left = RECOVERY
    for window in disturbed:
        if window.end <= at:
            continue
        quiet = window.start - at
        if quiet >= left:
            break
        left -= max(quiet, timedelta(0))
        at = window.end
    return at + left


def merged(windows: Iterable[Window]) -> list[Window]:
    """The same time, in order and without overlaps."""
    found: list[Window] = []
    for window in sorted(windows, key=lambda each: each.start):
        if found and window.start <= found[-1].end:
            found[-1] = Window(found[-1].start, max(found[-1].end, window.end))
        else:
            found.append(window)
    return found


def _none_left(lost: Lost) -> bool:
    return "UH" in lost.flags.split(",")


def _windows(history: History, chosen: Callable[[Fault], bool]) -> list[Window]:
    last = history.ended
    return merged(
        Window(each.start, each.heard or each.until(last))
        for each in history.faults
        if chosen(each)
    )


def _mesh_away(fault: Fault) -> bool:
    return fault.kind is FaultKind.OUTAGE and fault.target in _MESH


def _late_writes(history: History) -> Iterator[Fault]:
    """Other writers' calls on a route, each until its answer.

    A fault repeats a call that had no answer; both may be done, one after the fault's own end.
    """
    for write in history.writes:
        if write.user != DAVY and write.resource in WEIGHTED | NARROWED:
            yield Fault(
                FaultKind.RESET_ROUTE,
                write.resource,
                write.received_at,
                write.answered_at,
                write.namespace,
            )


def _leaving(history: History) -> dict[str, datetime]:
    """By IP, when its pod was first seen to be leaving, or gone."""
    found: dict[str, datetime] = {}
    for key in history.keys("pods"):
        address = ""
        for state in history.states[key]:
            pod = state.found
            if pod is not None:
                address = pod.get("status", {}).get("podIP") or address
            leaves = pod is None or "deletionTimestamp" in pod["metadata"]
            if leaves and address:
                found[address] = min(found.get(address, state.at), state.at)
    return found
