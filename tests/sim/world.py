"""A cluster, its users, its mesh and the operator's processes, played from a schedule."""

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final

from davy.api import errors
from davy.api.fields import format_instant
from davy.cli import verbs
from davy.cluster.client import Json
from davy.cluster.kinds import EVENT, LEASE, Kind
from tests.sim import logs, manifests, traffic
from tests.sim.cluster import Call, Change, Cluster
from tests.sim.judge import Judge
from tests.sim.loop import Deadlock, Livelock, VirtualLoop
from tests.sim.manifests import NAMESPACE, ROLLOUT
from tests.sim.mesh import Mesh
from tests.sim.network import Weather, at_once
from tests.sim.process import START, Process, Told
from tests.sim.prometheus import Prometheus
from tests.sim.schedule import Entry, Schedule, Step
from tests.sim.shown import Break
from tests.sim.workloads import Workloads

PATIENCE_SECONDS: Final = 1500.0
"""After the last fault a world must come to rest within this."""
_SLICE: Final = 5.0
_BACKOFF_SECONDS: Final = 62.0
"""After a fault a key may wait so long: the longest backoff after a refusal, and the next."""
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
    """Everything, and what happens to it: a `do_…` method per kind of entry."""

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
        self.judge = Judge(self)
        self.mesh = Mesh(
            loop=self.loop,
            cluster=self.cluster,
            setup=self.setup,
            chance=self.chance("mesh"),
            moved=self.judge.carried,
        )
        self.processes: list[Process] = []
        self._made = 0
        self._errors: list[str] = []
        self._kill_at: list[dict[str, Any]] = []
        self._versions: dict[str, list[str]] = {name: [] for name in self.setup.names}
        self._steps = dict.fromkeys(self.setup.names, self.setup.steps)
        self._replicas = dict.fromkeys(self.setup.names, self.setup.replicas)

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
        """The route as the server has it."""
        return traffic.read(
            self.setup.router, name, lambda kind, n: self.cluster.look(kind, NAMESPACE, n)
        )

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
        for process in self.processes:
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
        for name in self.setup.names:
            for kind, manifest in manifests.network(self.setup, name):
                self._user_puts(kind, manifest)
        self._user_puts(manifests.ANALYSIS_TEMPLATE, manifests.analysis_template(self.setup))
        self._start()
        for entry in self.schedule.entries:
            self.loop.call_at(entry.at, self._enact, entry)
        await asyncio.sleep(self.schedule.end + 1)
        self._all_calm()
        await self._come_to_rest()

    def _enact(self, entry: Entry) -> None:
        self.note("schedule", str(entry).strip().partition("  ")[2])
        with suppress(errors.ApiFailure):
            getattr(self, f"do_{entry.what}")(**entry.args)

    def _all_calm(self) -> None:
        """The faults end: one process that is well, a mesh, a Prometheus and a network that are."""
        self.note("schedule", "all faults end")
        self.calm = True
        self.weather.clear()
        self._kill_at.clear()
        self.workloads.calm = True
        self.workloads.set_quota(full=False)
        self.prometheus.mode = "ok"
        self.mesh.calm()
        for process in self.processes:
            process.go_on()
            process.streams.calm()
        for process in [p for p in self.processes if p.alive][1:]:
            self._kill(process, landing=True)
        if not any(process.alive for process in self.processes):
            self._start()

    async def _come_to_rest(self) -> None:
        """Nothing is written while a resync and a deadline pass; who waits is promoted."""
        begun = self.now
        promoted = 0
        quiet = max(1.1 * self.setup.resync, self.setup.deadline) + 15
        while self.now - begun < PATIENCE_SECONDS:
            await asyncio.sleep(_SLICE)
            if self.now - max(begun, self.last_write) > 20 and promoted < 12:
                promoted += self._promote_all()
            if self.now - max(begun, self.last_write) >= quiet:
                self._no_errors()
                self.judge.at_rest()
                return
        self.judge.at_rest()
        self.broken(
            Break("liveness", self.now, f"writes go on {PATIENCE_SECONDS:g} s after the last fault")
        )

    def _promote_all(self) -> int:
        waiting = [
            name
            for name in self.setup.names
            if ((self.rollout(name) or {}).get("status") or {}).get("pauseConditions")
        ]
        for name in waiting:
            self.do_promote(name)
        return len(waiting)

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
        self.judge.sends(process, call)
        for armed in [*self._kill_at]:
            armed["writes"] -= 1
            if armed["writes"] <= 0:
                self._kill_at.remove(armed)
                self.loop.call_soon(self._die_in_write, process, armed)

    def _serves(self, _: Process, call: Call) -> None:
        self.judge.serves(call)

    def _served(self, process: Process, call: Call, error: Exception | None) -> None:
        self.judge.served(call)
        if error is not None and call.kind not in {EVENT, LEASE}:
            self.note(process.name, f"{call.verb} {call.kind} {call.name}: {error}")

    # Processes.

    def _start(self, *, elected: bool = True) -> Process:
        self._made += 1
        process = Process(f"davy-{self._made}", self, self._told(), elected=elected)
        self.processes.append(process)
        self.note("schedule", f"{process.name} starts")
        return process

    def _kill(self, process: Process, *, landing: bool) -> None:
        self.note("schedule", f"{process.name} is killed")
        process.kill(landing=landing)

    def _fails_over(self, seconds: float) -> None:
        """The operator is away for so long, and until another lease holds and lists are in."""
        self.judge.disturbed(seconds + 1.4 * self.setup.lease + 10 + 40 * self.setup.latency)

    def _leading(self) -> Process | None:
        return next((process for process in self.processes if process.alive), None)

    def _die_in_write(self, process: Process, armed: dict[str, Any]) -> None:
        if process.alive:
            self._kill(process, landing=armed["applied"])
            self._fails_over(armed["seconds"])
            self.loop.later(armed["seconds"], self._restart)

    def _restart(self) -> None:
        if not self.calm:
            self._start()

    def do_kill(self, seconds: float) -> None:
        """SIGKILL; started anew some seconds later."""
        process = self._leading()
        if process:
            self._kill(process, landing=True)
            self._fails_over(seconds)
            self.loop.later(seconds, self._restart)

    def do_kill_in_write(self, writes: int, seconds: float, *, applied: bool) -> None:
        """SIGKILL just after the n-th write from now left, which is applied or lost."""
        self._kill_at.append({"writes": writes, "applied": applied, "seconds": seconds})

    def do_pause(self, seconds: float) -> None:
        """SIGSTOP, later SIGCONT."""
        process = self._leading()
        if process and not process.stopped:
            process.stop()
            self.loop.later(seconds, process.go_on)
            self._fails_over(seconds)

    def do_pause_in_write(self, writes: int, seconds: float) -> None:
        """SIGSTOP between a write's last check and its leaving; another replica is there."""
        process = self._leading()
        if process and not process.stopped:
            process.stop_in = (writes, seconds)
            self._start()

    def do_second(self, seconds: float, *, elected: bool = True) -> None:
        """Another replica for a while."""
        second = self._start(elected=elected)
        self._fails_over(seconds)
        self.loop.later(seconds, self._end_second, second)

    def _end_second(self, second: Process) -> None:
        self._fails_over(0)
        if second.alive and sum(process.alive for process in self.processes) > 1:
            self._kill(second, landing=True)

    def do_upgrade(self) -> None:
        """A version that knows fewer fields and has other words was here, and is replaced."""
        for name in self.setup.names:
            found = self.rollout(name)
            if found is None or not found.get("status"):
                continue
            status = {
                key: value
                for key, value in found["status"].items()
                if key not in {"traffic", "progress", "verdict", "currentStep"}
            }
            status["conditions"] = [
                {**condition, "message": f"as of old: {condition['message']}"}
                for condition in status.get("conditions") or ()
                if condition["type"] not in {"Ready", "Reconciling", "Stalled"}
            ]
            status["message"] = "As the older version says it."
            self.cluster.actor = "older davy"
            self.cluster.put(ROLLOUT, {**found, "status": status})
        process = self._leading()
        if process:
            self._kill(process, landing=True)
            self._start()
            self._fails_over(0)

    def do_clock(self, by: float) -> None:
        """The wall clocks of all machines step."""
        self.wall += timedelta(seconds=by)
        self.judge.clock_stepped(by)

    # Users.

    def _user_puts(self, kind: Kind, manifest: Json) -> Json:
        self.cluster.actor = "user"
        return self.cluster.put(kind, manifest)

    def _apply(self, name: str) -> None:
        """The user's manifest; what isn't in it stays."""
        version = self._versions[name][-1]
        template = manifests.template(name, version)
        wanted = manifests.rollout(
            self.setup, name, template, self._steps[name], self._replicas[name]
        )
        held = self.rollout(name)
        if held is None:
            wanted["metadata"]["creationTimestamp"] = format_instant(
                START + timedelta(seconds=self.now)
            )
            self._user_puts(ROLLOUT, wanted)
        elif "deletionTimestamp" not in held["metadata"]:
            self._user_puts(ROLLOUT, {**held, "spec": wanted["spec"]})
        self.judge.applied(name, template)

    def do_apply(self, name: str, version: str) -> None:
        """A new version, or the first."""
        self._versions[name].append(version)
        self._apply(name)

    def do_rollback(self, name: str) -> None:
        """The version before."""
        if len(self._versions[name]) > 1:
            self._versions[name].append(self._versions[name][-2])
            self._apply(name)

    def do_scale(self, name: str, replicas: int) -> None:
        """By a person or an autoscaler."""
        self._replicas[name] = replicas
        if self.rollout(name) is not None:
            self._apply(name)

    def do_steps(self, name: str, steps: tuple[Step, ...]) -> None:
        """Other steps."""
        self._steps[name] = steps
        if self.rollout(name) is not None:
            self._apply(name)

    def do_delete(self, name: str) -> None:
        """The Rollout goes, and does not come back by itself."""
        self.cluster.actor = "user"
        if self.rollout(name) is not None:
            self.cluster.remove(ROLLOUT, NAMESPACE, name)

    def do_recreate(self, name: str, seconds: float) -> None:
        """The Rollout goes and comes back, as soon as it can."""
        self.do_delete(name)
        self.loop.later(seconds, self._come_back, name, 40)

    def _come_back(self, name: str, attempts: int) -> None:
        if self.rollout(name) is None and self._versions[name]:
            self._apply(name)
        elif attempts:
            self.loop.later(2, self._come_back, name, attempts - 1)

    def _verb(self, name: str, verb: verbs.Verb) -> None:
        """What the command line would write, at once on what it read."""
        found = self.rollout(name)
        if found is None:
            return
        decision = verb(found, manifests.KINDS.api_group)
        self.note("user", decision.said)
        if isinstance(decision, verbs.Write):
            self.cluster.actor = "user"
            at_once(
                self.cluster.patch_merge(
                    ROLLOUT, NAMESPACE, name, {"status": decision.status}, subresource="status"
                )
            )

    def do_abort(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.abort)

    def do_promote(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.promote)

    def do_promote_full(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.promote_full)

    def do_retry(self, name: str) -> None:
        """See the command."""
        self._verb(name, verbs.retry)

    # Routes.

    def _parts(self, name: str, part: str) -> list[tuple[Kind, Json]]:
        found = manifests.network(self.setup, name)
        return found[:1] if part == "weights" else found[1:]

    def do_foreign_weight(self, name: str, weight: int) -> None:
        """Somebody else writes a weight."""
        kind, _ = self._parts(name, "weights")[0]
        held = self.cluster.look(kind, NAMESPACE, name)
        if held is not None:
            spec = manifests.weighted(kind, held["spec"], weight)
            self._user_puts(kind, {**held, "spec": spec})

    def do_foreign_field(self, name: str) -> None:
        """The user changes a field of the route that is the user's own."""
        for kind, manifest in manifests.network(self.setup, name):
            held = self.cluster.look(kind, NAMESPACE, manifest["metadata"]["name"])
            if held is not None:
                labels = {**held["metadata"]["labels"], "edited": f"{self.now:g}"}
                spec = {**held["spec"], "comment": f"edited at {self.now:g}"}
                metadata = {**held["metadata"], "labels": labels}
                self._user_puts(kind, {**held, "metadata": metadata, "spec": spec})

    def do_drift(self, name: str) -> None:
        """The user applies the route's manifests again, as they were at first."""
        for kind, manifest in manifests.network(self.setup, name):
            held = self.cluster.look(kind, NAMESPACE, manifest["metadata"]["name"])
            kept = {"status": held["status"]} if held and "status" in held else {}
            self._user_puts(kind, {**manifest, **kept})

    def do_route_gone(self, name: str, part: str, seconds: float) -> None:
        """The user deletes a part of the route, and puts it back as it was at first."""
        parts = self._parts(name, part)
        self.cluster.actor = "user"
        for kind, manifest in parts:
            if self.cluster.look(kind, NAMESPACE, manifest["metadata"]["name"]) is not None:
                self.cluster.remove(kind, NAMESPACE, manifest["metadata"]["name"])
        self.loop.later(seconds, self._put_back, parts)
        self.judge.disturbed(seconds + _BACKOFF_SECONDS)

    def _put_back(self, parts: list[tuple[Kind, Json]]) -> None:
        for kind, manifest in parts:
            if self.cluster.look(kind, NAMESPACE, manifest["metadata"]["name"]) is None:
                self._user_puts(kind, manifest)

    # Faults.

    def do_network(self, mode: str, where: str, share: float, seconds: float) -> None:
        """See `network.Weather`; an outage takes the watches too."""
        weather = Weather(mode, where, share)
        self.weather.append(weather)
        self.judge.disturbed(seconds + _BACKOFF_SECONDS)
        self.loop.later(seconds, self._clears, weather)
        if mode == "outage":
            self.do_watch_lost("*", seconds, relist=True)

    def _clears(self, weather: Weather) -> None:
        if weather in self.weather:
            self.weather.remove(weather)

    def do_watch_lost(self, kind: str, seconds: float, *, relist: bool) -> None:
        """Watches break; they come back with a list, or from where they were."""
        self.judge.disturbed(seconds + 10)
        for process in self.processes:
            if process.alive:
                process.streams.lose(kind, relist=relist)
                self.loop.later(seconds, process.streams.restore, kind)

    def do_watch_lossy(self, kind: str, seconds: float, share: float) -> None:
        """Some events are told by nobody, ever."""
        self.judge.disturbed(seconds + 1.1 * self.setup.resync + 15)
        for process in self.processes:
            process.streams.lossy[kind] = share
            self.loop.later(seconds, process.streams.lossy.pop, kind, None)

    def do_watch_slow(self, kind: str, seconds: float) -> None:
        """Events take longer than they should; kinds overtake each other."""
        self.judge.disturbed(2 * seconds)
        for process in self.processes:
            process.streams.slow[kind] = seconds / 2
            self.loop.later(seconds, process.streams.slow.pop, kind, None)

    def do_watch_double(self, kind: str, seconds: float) -> None:
        """Events are told twice."""
        for process in self.processes:
            process.streams.double.add(kind)
            self.loop.later(seconds, process.streams.double.discard, kind)

    def do_evict(self, name: str, count: int) -> None:
        """See `Workloads.evict`."""
        self.workloads.evict(name, count)

    def do_node_loss(self, seconds: float) -> None:
        """See `Workloads.lose_node`."""
        self.workloads.lose_node(seconds)

    def do_quota(self, seconds: float) -> None:
        """See `Workloads.set_quota`."""
        self.workloads.set_quota(full=True)
        self.loop.later(seconds, lambda: self.workloads.set_quota(full=False))

    def do_mesh_refuses(self, seconds: float) -> None:
        """The gateway takes no HTTPRoute for a while."""
        self.mesh.refuses = True
        self.loop.later(seconds, self.mesh.calm)

    def do_prometheus(self, mode: str, seconds: float) -> None:
        """See `Prometheus.mode`."""
        self.prometheus.mode = mode
        self.loop.later(seconds, self._prometheus_well)

    def _prometheus_well(self) -> None:
        self.prometheus.mode = "ok"


def play(schedule: Schedule) -> Result:
    """The run of one schedule."""
    return World(schedule).run()
