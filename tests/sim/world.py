"""A cluster, its users, its mesh and the operator's processes, played from a schedule."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from davy.api import errors
from davy.api.fields import format_instant
from davy.cluster.client import Json
from davy.cluster.kinds import EVENT, LEASE, Kind
from davy.controller.jobs import LANDING
from tests.sim import logs, manifests, traffic
from tests.sim.cluster import Call, Change, Cluster
from tests.sim.deployments import Deployments
from tests.sim.faults import Faults
from tests.sim.jobs import Jobs
from tests.sim.judge import Judge
from tests.sim.loop import Deadlock, Livelock, VirtualLoop
from tests.sim.manifests import ANALYSIS_RUN, NAMESPACE, ROLLOUT
from tests.sim.mesh import Mesh
from tests.sim.process import Process, Told
from tests.sim.prometheus import Prometheus
from tests.sim.replicas import Replicas
from tests.sim.schedule import Entry, Schedule
from tests.sim.shown import START, Break
from tests.sim.users import Users
from tests.sim.workloads import Workloads

if TYPE_CHECKING:
    from tests.sim.network import Weather

PATIENCE_SECONDS: Final = 1500.0
"""After the last fault a world must come to rest within this."""
_SLICE: Final = 5.0
_COLLECT_SECONDS: Final = 2.0


@dataclass
class Record:
    """One line of a run's history."""

    at: float
    who: str
    what: str
    before: Json | None = None
    after: Json | None = None


@dataclass
class Result:
    """What came of one run."""

    schedule: Schedule
    found: Break | None
    passes: int
    writes: int
    seconds: float
    """Virtual."""
    history: list[Record] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Of the whole history: the same seed gives the same, to the last byte."""
        said = hashlib.sha256()
        for record in self.history:
            said.update(f"{record.at:.6f} {record.who} {record.what} {record.after}\n".encode())
        return said.hexdigest()[:16]


class World:
    """Everything there is, and its history."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.setup = schedule.setup
        self.loop = VirtualLoop()
        self.cluster = Cluster(now=lambda: format_instant(START + timedelta(seconds=self.now)))
        self.history: list[Record] = []
        self.weather: list[Weather] = []
        self.wall = timedelta()
        self.passes = 0
        self.writes = 0
        self.last_write = 0.0
        self.last_move = 0.0
        self.found: Break | None = None
        self.calm = False
        """No fault and no user any more."""
        self.cluster.watch(self._changed)
        self.prometheus = Prometheus(self.loop, self.chance("prometheus"))
        self.workloads = Workloads(
            loop=self.loop,
            cluster=self.cluster,
            setup=self.setup,
            chance=self.chance("pods"),
            note=self.note,
        )
        self.deployments = Deployments(
            loop=self.loop,
            cluster=self.cluster,
            setup=self.setup,
            chance=self.chance("deployments"),
        )
        self.judge = Judge(self)
        self.jobs = Jobs(
            loop=self.loop,
            cluster=self.cluster,
            setup=self.setup,
            chance=self.chance("jobs"),
            bad=self.prometheus.bad,
            broken=lambda why: self.broken(Break("I6", self.now, why)),
        )
        self.mesh = Mesh(
            loop=self.loop,
            cluster=self.cluster,
            setup=self.setup,
            chance=self.chance("mesh"),
            moved=self.judge.carried,
        )
        self.users = Users(self)
        self.faults = Faults(self)
        self.replicas = Replicas(self, self._told())
        self._errors: list[str] = []

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self.loop.time()

    def chance(self, name: str) -> Random:
        """A generator of its own for each part, so that they don't disturb each other."""
        return Random(f"{self.schedule.seed} {name}")

    def note(self, who: str, what: str) -> None:
        """A line of the history."""
        self.history.append(Record(self.now, who, what))

    def broken(self, found: Break) -> None:
        """An invariant doesn't hold: the run ends."""
        if self.found is None:
            self.found = found
            self.note("judge", str(found))
            self.loop.stop()

    def rollout(self, name: str) -> Json | None:
        """The Rollout as the server has it."""
        return self.cluster.look(ROLLOUT, NAMESPACE, name)

    def written(self, name: str) -> traffic.Traffic:
        """The route as the server has it, by the roles of the start."""

        def get(kind: Kind, object_name: str) -> Json | None:
            return self.cluster.look(kind, manifests.home(self.setup, kind), object_name)

        return traffic.read(self.setup.router, name, get)

    # The run.

    def run(self) -> Result:
        """Play everything."""
        with logs.heard() as self._errors:
            return self._run()

    def _run(self) -> Result:
        asyncio.set_event_loop(self.loop)
        main = self.loop.create_task(self._play())
        try:
            self.loop.run_until_complete(main)
        except (Livelock, Deadlock) as error:
            self.found = self.found or Break("liveness", self.now, str(error))
        except RuntimeError:
            if self.found is None:
                raise
        finally:
            self._clear(main)
        return Result(
            self.schedule,
            self.found,
            self.passes,
            self.writes,
            self.now,
            self.history,
        )

    def _clear(self, main: "asyncio.Task[None]") -> None:
        """No task outlives the run."""
        for process in self.replicas.processes:
            process.kill(landing=False)
        main.cancel()
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        self.loop._scheduled.clear()
        with suppress(Livelock, Deadlock, RuntimeError):
            self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        asyncio.set_event_loop(None)
        self.loop.close()

    async def _play(self) -> None:
        self.users.start()
        self.replicas.start()
        for entry in self.schedule.entries:
            self.loop.call_at(entry.at, self._enact, entry)
        await asyncio.sleep(self.schedule.end + 1)
        self._all_calm()
        await self._come_to_rest()

    def _enact(self, entry: Entry) -> None:
        self.note("schedule", str(entry).strip().partition("  ")[2])
        doers = (self.users, self.faults, self.replicas)
        [act] = [found for doer in doers if (found := getattr(doer, f"do_{entry.what}", None))]
        with suppress(errors.ApiFailure):
            act(**entry.args)

    def _all_calm(self) -> None:
        """The faults end: one process that is well, a mesh, a Prometheus and a network that are."""
        self.note("schedule", "all faults end")
        self.calm = True
        self.faults.end()
        self.replicas.end()

    async def _come_to_rest(self) -> None:
        """Nothing is written while a resync and a deadline pass; who waits is promoted.

        Nor while a pod is starting, or a run that has ended waits for a Job that may still come.
        """
        begun = self.now
        promoted = 0
        closing = LANDING.total_seconds() + 2 * self.setup.lease
        quiet = max(1.1 * self.setup.resync, self.setup.deadline, closing) + 15
        while self.now - begun < PATIENCE_SECONDS:
            await asyncio.sleep(_SLICE)
            if self.now - max(begun, self.last_move) > 20 and promoted < 12:
                promoted += self.users.promote_all()
            if self.now - max(begun, self.last_write, self.workloads.started_at) >= quiet:
                self._no_errors()
                self.judge.at_rest()
                return
        self.judge.at_rest()
        self.broken(
            Break("liveness", self.now, f"writes go on {PATIENCE_SECONDS:g} s after the last fault")
        )

    # What is told to the judge and to the history.

    def _changed(self, change: Change) -> None:
        if change.kind in {EVENT, LEASE}:
            return
        if change.type == "ADDED" and change.object["metadata"].get("ownerReferences"):
            self.loop.later(_COLLECT_SECONDS, self._collect, change.kind, change.object)
        what = f"{change.type.lower()} {change.kind} {change.object['metadata']['name']}"
        self.history.append(Record(self.now, change.by, what, change.before, change.object))

    def _collect(self, kind: Kind, made: Json) -> None:
        """The garbage collector: who was made after the owner had gone, goes too."""
        [owner] = made["metadata"]["ownerReferences"]
        owners = {found["metadata"]["uid"] for found in self.cluster.objects()}
        held = self.cluster.look(kind, NAMESPACE, made["metadata"]["name"])
        if owner["uid"] not in owners and held is not None:
            self.cluster.actor = "garbage collector"
            self.cluster.remove(kind, NAMESPACE, made["metadata"]["name"])

    def _told(self) -> Told:
        return Told(self._begins, self._decided, self._sends, self._serves, self._served)

    def _begins(self, process: Process, rollout: str) -> None:
        self.passes += 1
        self._no_errors()
        self.judge.begins(process, rollout)

    def _no_errors(self) -> None:
        if self._errors:
            self.broken(Break("no error", self.now, self._errors[0]))

    def _decided(self, process: Process, rollout: str) -> None:
        self.judge.decided(process, rollout)

    def _sends(self, process: Process, call: Call) -> None:
        if call.verb in {"get", "list"} or call.kind in {EVENT, LEASE}:
            return
        self.writes += 1
        self.last_write = self.now
        if call.kind != ANALYSIS_RUN:  # what is measured beside a pause moves nothing
            self.last_move = self.now
        self.judge.sends(process, call)
        self.replicas.sends(process)

    def _serves(self, _: Process, call: Call) -> None:
        self.judge.serves(call)

    def _served(self, process: Process, call: Call, error: Exception | None) -> None:
        self.judge.served(call)
        if error is not None and call.kind not in {EVENT, LEASE}:
            self.note(process.name, f"{call.verb} {call.kind} {call.name}: {error}")


def play(schedule: Schedule) -> Result:
    """The run of one schedule."""
    return World(schedule).run()
