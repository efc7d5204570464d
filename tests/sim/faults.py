"""What befalls network, watches, pods, mesh and Prometheus: a `do_…` method per kind of entry."""

from typing import TYPE_CHECKING

from tests.sim.network import Weather
from tests.sim.users import BACKOFF_SECONDS

if TYPE_CHECKING:
    from tests.sim.world import World


class Faults:
    """Each lasts for some seconds."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def end(self) -> None:
        """All is well from now on."""
        self._world.weather.clear()
        self._world.workloads.calm = True
        self._world.jobs.hanging = False
        self._world.workloads.set_quota(full=False)
        self._world.prometheus.mode = "ok"
        self._world.mesh.calm()

    def do_network(self, mode: str, where: str, share: float, seconds: float) -> None:
        """See `network.Weather`; an outage takes the watches too."""
        weather = Weather(mode, where, share)
        self._world.weather.append(weather)
        self._world.judge.disturbed(seconds + BACKOFF_SECONDS)
        self._world.loop.later(seconds, self._clears, weather)
        if mode == "outage":
            self.do_watch_lost("*", seconds, relist=True)

    def _clears(self, weather: Weather) -> None:
        if weather in self._world.weather:
            self._world.weather.remove(weather)

    def do_watch_lost(self, kind: str, seconds: float, *, relist: bool) -> None:
        """Watches break; they come back with a list, or from where they were."""
        self._world.judge.disturbed(seconds + 10)
        for process in self._world.replicas.processes:
            if process.alive:
                process.streams.lose(kind, relist=relist)
                self._world.loop.later(seconds, process.streams.restore, kind)

    def do_watch_lossy(self, kind: str, seconds: float, share: float) -> None:
        """Some events are told by nobody, ever."""
        self._world.judge.disturbed(seconds + 1.1 * self._world.setup.resync + 15)
        for process in self._world.replicas.processes:
            process.streams.lossy[kind] = share
            self._world.loop.later(seconds, process.streams.lossy.pop, kind, None)

    def do_watch_slow(self, kind: str, seconds: float) -> None:
        """Events take longer than they should; kinds overtake each other."""
        self._world.judge.disturbed(2 * seconds)
        for process in self._world.replicas.processes:
            process.streams.slow[kind] = seconds / 2
            self._world.loop.later(seconds, process.streams.slow.pop, kind, None)

    def do_watch_double(self, kind: str, seconds: float) -> None:
        """Events are told twice."""
        for process in self._world.replicas.processes:
            process.streams.double.add(kind)
            self._world.loop.later(seconds, process.streams.double.discard, kind)

    def do_evict(self, name: str, count: int) -> None:
        """See `Workloads.evict`."""
        self._world.workloads.evict(name, count)

    def do_node_loss(self, seconds: float) -> None:
        """See `Workloads.lose_node`."""
        self._world.workloads.lose_node(seconds)

    def do_quota(self, seconds: float) -> None:
        """See `Workloads.set_quota`."""
        self._world.workloads.set_quota(full=True)
        self._world.loop.later(seconds, lambda: self._world.workloads.set_quota(full=False))

    def do_jobs_hang(self, seconds: float) -> None:
        """See `Jobs.hanging`."""
        self._world.jobs.hanging = True
        self._world.loop.later(seconds, self._jobs_end)

    def _jobs_end(self) -> None:
        self._world.jobs.hanging = False

    def do_jobs_deleted(self) -> None:
        """See `Jobs.delete_all`."""
        self._world.jobs.delete_all()

    def do_gateway(self, how: str, seconds: float) -> None:
        """See `Mesh.gateway`."""
        self._world.mesh.gateway = how
        self._world.loop.later(seconds, self._world.mesh.calm)

    def do_prometheus(self, mode: str, seconds: float) -> None:
        """See `Prometheus.mode`; or its counters begin at 0, or what it knows is old."""
        server = self._world.prometheus
        if mode == "reset":
            server.restart_pods()
            return
        server.mode = mode
        self._world.loop.later(seconds, self._prometheus_well)

    def _prometheus_well(self) -> None:
        self._world.prometheus.mode = "ok"
