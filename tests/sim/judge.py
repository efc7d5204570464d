"""Looks at every write: I1 to I10 on every state that anybody could observe.

Davy can only act on what it has been shown, which is older than the truth. So each write is judged
against `Shown`: the server's own states, by resourceVersion, that had reached the process when it
decided. Whether something really happened (a weight, a drain) is judged by the proxies.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from davy.api.fields import parse_instant
from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.cluster.client import Json
from davy.cluster.kinds import DEPLOYMENT, JOB, POD, REPLICA_SET, VIRTUAL_SERVICE, Kind
from tests.sim import (
    eviction_rules,
    handover_rules,
    job_rules,
    manifests,
    replica_set_rules,
    rest_rules,
    route_rules,
    run_rules,
    status_rules,
    traffic,
)
from tests.sim.cluster import GONE, Call, Change
from tests.sim.manifests import ANALYSIS_RUN, ROLLOUT, ROUTE_KINDS
from tests.sim.shown import (
    START,
    Break,
    Ledger,
    Pass,
    Shown,
    hash_of,
    owner_of,
)


class Judge:
    """Looks at every write."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self._ledgers = {name: Ledger(name) for name in world.setup.names}
        self._routes = {
            name: [
                (kind, found["metadata"]["name"])
                for kind, found in manifests.network(world.setup, name)
            ]
            for name in world.setup.names
        }
        """What each rollout's route is made of."""
        self._passes: dict[tuple[str, str], Pass] = {}
        self._bound: dict[int, tuple[Call, Pass | None]] = {}
        self._serving: Pass | None = None
        self._begun: set[tuple[str, str]] = set()
        """Passes that haven't decided yet; a later decision of the same pass only tells."""
        self._first_must_abort: set[tuple[str, str]] = set()
        self._well_from = 0.0
        self._stepped_at = -1e9
        self.forward: list[tuple[float, float]] = []
        self.checked: dict[str, int] = {}
        """How often each invariant was put to the test."""
        world.cluster.watch(self._changed)

    # What the world tells.

    def begins(self, process: Any, name: str) -> None:
        """A pass begins; whatever the one before still had to write, it has written."""
        key = (process.name, name)
        self._begun.add(key)
        self._first_must_abort.discard(key)

    def decided(self, process: Any, name: str) -> None:
        """A pass: remember what it was shown."""
        cache = process.operator.cache
        versions = self.world.cluster.versions

        def get(kind: Kind, object_name: str) -> Json | None:
            held = cache.get(kind, manifests.home(self.world.setup, kind), object_name)
            return None if held is None else versions[held["metadata"]["resourceVersion"]]

        keys = [*self._routes[name]]
        if (own := manifests.own(self.world.setup, name)) and get(*own):
            keys.append(own)
        raw = get(ROLLOUT, name)
        if raw is None:
            return
        sets = {
            found["metadata"]["labels"][POD_TEMPLATE_HASH_LABEL]: versions[
                found["metadata"]["resourceVersion"]
            ]
            for found in cache.owned(REPLICA_SET, raw)
        }
        pods = [
            versions[pod["metadata"]["resourceVersion"]]
            for found in cache.owned(REPLICA_SET, raw)
            for pod in cache.owned(POD, found)
            if "restartAt" in raw["spec"]
        ]
        beside = get(ANALYSIS_RUN, run_rules.background(raw))
        shown = Shown(
            at=self.world.now,
            wall=self.wall(),
            rollout=raw,
            sets=sets,
            ready=frozenset(pod["metadata"]["name"] for pod in pods if _is_ready(pod)),
            versions={
                key: int(found["metadata"]["resourceVersion"]) if (found := get(*key)) else 0
                for key in keys
            },
            seen=traffic.read(self.world.setup.router, name, get),
            carries=self._ledgers[name].carries,
            older=process.older,
            workload=get(DEPLOYMENT, name),
            lacks=run_rules.lacks(beside),
            allowed=run_rules.allowed(beside),
            may_look=manifests.is_open(self.world.setup, get(VIRTUAL_SERVICE, name)),
        )
        key = (process.name, name)
        if key not in self._begun:
            self._passes[key] = replace(self._passes[key], told=shown)
            return
        self._begun.discard(key)
        self._passes[key] = Pass(shown, shown)
        if shown.aborted and shown.strays and not shown.deleting and self._can_go(shown):
            whole = all(version for version in shown.versions.values())
            if whole and shown.may_look:
                self._first_must_abort.add(key)

    def sends(self, process: Any, call: Call) -> None:
        """A write leaves: it belongs to the pass that was decided last."""
        name = (call.name or "").partition("-")[0]
        key = (process.name, name)
        self._bound[id(call)] = (call, self._passes.get(key))
        if call.kind == JOB or (call.kind == ANALYSIS_RUN and call.subresource == "status"):
            return
        if key in self._first_must_abort:
            self._first_must_abort.discard(key)
            self.check("I3", call.kind in ROUTE_KINDS, f"{call.verb} {call.kind} {call.name} "
                        f"comes before the weights of an abort")  # fmt: skip

    def serves(self, call: Call) -> None:
        """The server works on it now."""
        self._serving = self._bound.get(id(call), (call, None))[1]

    def served(self, call: Call) -> None:
        """It is through with it."""
        self._bound.pop(id(call), None)
        self._serving = None

    def carried(self, name: str) -> None:
        """The proxies took something."""
        ledger = self._ledgers[name]
        before, ledger.carries = ledger.carries, self.world.mesh.carries(name)
        if handover_rules.is_open(before):
            ledger.open_until = self.world.now
        for found in self.world.cluster.held(REPLICA_SET):
            template_hash = hash_of(found)
            if before.reaches(template_hash) and owner_of(found) == name:
                ledger.carried_until[template_hash] = self.world.now

    def applied(self, name: str, template: Json) -> None:
        """The user applied this template."""
        templates = self._ledgers[name].templates
        if not templates or templates[-1] != template:
            templates.append(template)

    def clock_stepped(self, by: float) -> None:
        """Wall clocks jumped by so many seconds."""
        self._stepped_at = self.world.now
        self.forward.append((self.world.now, by))
        self.disturbed(max(0.0, -by) + 5)

    def disturbed(self, seconds: float) -> None:
        """For so long from now on nobody can promise a time."""
        self._well_from = max(self._well_from, self.world.now + seconds)

    # Each change.

    def _changed(self, change: Change) -> None:
        name = change.object["metadata"]["name"].partition("-")[0]
        ledger = self._ledgers.get(name)
        if ledger is None:
            return
        if change.kind in ROUTE_KINDS and not change.by.startswith("davy"):
            if change.by == "user":
                version = int(change.object["metadata"]["resourceVersion"])
                ledger.foreign[change.kind, change.object["metadata"]["name"]] = version
            return
        if change.kind == ROLLOUT:
            self._abort_begins(ledger, change)
        if self._serving is not None and change.by.startswith("davy"):
            self._written(ledger, self._serving, change)

    def _written(self, ledger: Ledger, under_way: Pass, change: Change) -> None:
        shown = under_way.decided
        if change.kind in ROUTE_KINDS:
            route_rules.written(self, ledger, shown, change)
        elif change.kind == REPLICA_SET:
            replica_set_rules.written(self, ledger, shown, change)
        elif change.kind == DEPLOYMENT:
            handover_rules.scaled(self, ledger, shown, change)
        elif change.kind == ROLLOUT:
            status_rules.written(self, ledger, under_way, change)
        elif change.kind == POD and change.type == GONE:
            eviction_rules.evicted(self, ledger, shown, change.object)
        elif change.kind == ANALYSIS_RUN and change.type != GONE:
            run_rules.written(self, change)

    def check(self, invariant: str, holds: bool, why: str | Callable[[], str]) -> bool:  # noqa: FBT001
        self.checked[invariant] = self.checked.get(invariant, 0) + 1
        if not holds:
            text = why if isinstance(why, str) else why()
            self.world.broken(Break(invariant, self.world.now, text))
        return holds

    def _can_go(self, shown: Shown) -> bool:
        """Stable's pods can take more; where they weren't scaled down nobody asks."""
        stable = shown.status["stableRS"]
        return not shown.dynamic or shown.takes(stable) > shown.written.share(stable)

    def overdue(self, shown: Shown) -> bool:
        """The wait was longer than progressDeadlineSeconds, by a clock that may have jumped."""
        told = {
            found["type"]: found["lastUpdateTime"] for found in shown.status.get("conditions") or ()
        }
        times = [told.get("Progressing"), shown.status.get("abortedAt")]
        waited = [shown.wall - parse_instant(at) for at in times if at]
        return any(length.total_seconds() >= self.world.setup.deadline for length in waited)

    def unseen(self, ledger: Ledger, shown: Shown) -> bool:
        """Somebody else changed the route, and Davy couldn't know yet."""
        return any(version > shown.versions.get(key, 0) for key, version in ledger.foreign.items())

    def clocks_wrong(self, shown: Shown) -> bool:
        """A step of the wall clock fell into the settle time: nobody can measure it then."""
        settle: float = self.world.setup.settle
        return shown.at - self._stepped_at < settle + 1

    # I3 in time.

    def _abort_begins(self, ledger: Ledger, change: Change) -> None:
        status = change.object.get("status") or {}
        is_aborted = bool(status.get("abort")) and change.type != GONE
        if is_aborted and not ledger.is_aborted:
            ledger.aborts += 1
            self.world.loop.later(0, self._abort_in_time, ledger, ledger.aborts)
        ledger.is_aborted = is_aborted

    def _abort_in_time(self, ledger: Ledger, number: int) -> None:
        """All weight is on stable after some seconds in which nothing was in the way."""
        setup = self.world.setup
        patience = 15 + 60 * setup.latency + 12 * setup.watch_delay
        patience += setup.deadline if setup.dynamic else 0
        wait = max(self._well_from, self.world.now) + patience - self.world.now
        self.world.loop.later(wait, self._abort_is_over, ledger, number, self.world.now + wait)

    def _abort_is_over(self, ledger: Ledger, number: int, due: float) -> None:
        if self._well_from > due - 15:
            self._abort_in_time(ledger, number)
            return
        held = self.world.rollout(ledger.name)
        if held is None or ledger.aborts != number or not ledger.is_aborted:
            return
        status = held["status"]
        updating = status.get("stableRS") not in {None, status.get("currentPodHash")}
        if updating and held["metadata"]["generation"] == int(status["observedGeneration"]):
            left = self.world.written(ledger.name).told_by(held)
            back = left.canary in {0, None} and not left.aside
            self.check("I3", back, f"aborted long since, the route: {left}")

    # Liveness.

    def at_rest(self) -> None:
        """Nothing is written any more: has every rollout come to an end that it explains?"""
        for process in self.world.replicas.processes:
            self.check("alive", not process.died, process.died)
        for name, ledger in self._ledgers.items():
            held = self.world.rollout(name)
            if held is not None:
                rest_rules.settled(self, ledger, held)
        job_rules.at_rest(self)

    def wall(self) -> Any:
        return START + timedelta(seconds=self.world.now) + self.world.wall


def _is_ready(pod: Json) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)
