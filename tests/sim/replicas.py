"""The operator's processes, and what befalls them: a `do_…` method per kind of entry."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.sim.process import Process, Told

if TYPE_CHECKING:
    from tests.sim.world import World


class Replicas:
    """Processes that live or lived."""

    def __init__(self, world: "World", told: Told) -> None:
        self._world = world
        self._told = told
        self._made = 0
        self._kill_at: list[dict[str, Any]] = []
        self.processes: list[Process] = []

    def end(self) -> None:
        """One process, that is well."""
        self._kill_at.clear()
        for process in self.processes:
            process.stop_in = None
            process.go_on()
            process.streams.calm()
        for process in [*self.processes]:
            if process.older and process.alive:
                self._kill(process, landing=True)
        for process in [process for process in self.processes if process.alive][1:]:
            self._kill(process, landing=True)
        if not any(process.alive for process in self.processes):
            self.start()

    def sends(self, process: Process) -> None:
        """A write left: some die of it."""
        for armed in [*self._kill_at]:
            armed["writes"] -= 1
            if armed["writes"] <= 0:
                self._kill_at.remove(armed)
                self._world.loop.call_soon(self._die_in_write, process, armed)

    def start(self, *, elected: bool = True, older: bool = False) -> Process:
        self._made += 1
        name = f"davy-{self._made}"
        process = Process(name, self._world, self._told, elected=elected, older=older)
        self.processes.append(process)
        self._world.note("schedule", f"{process.name} starts" + (", an older version" * older))
        return process

    def _kill(self, process: Process, *, landing: bool) -> None:
        self._world.note("schedule", f"{process.name} is killed")
        process.kill(landing=landing)

    def _fails_over(self, seconds: float) -> None:
        """The operator is away for so long, and until another lease holds and lists are in."""
        self._world.judge.disturbed(
            seconds + 1.4 * self._world.setup.lease + 10 + 40 * self._world.setup.latency
        )

    def _leading(self) -> Process | None:
        alive = [process for process in self.processes if process.alive]
        leading = [process for process in alive if process.operator.leader.leads()]
        return next(iter((*leading, *alive)), None)

    def _die_in_write(self, process: Process, armed: dict[str, Any]) -> None:
        if process.alive:
            self._kill(process, landing=armed["applied"])
            self._fails_over(armed["seconds"])
            self._world.loop.later(armed["seconds"], self._restart)

    def _restart(self) -> None:
        if not self._world.calm:
            self.start()

    def do_kill(self, seconds: float) -> None:
        """SIGKILL; started anew some seconds later."""
        process = self._leading()
        if process:
            self._kill(process, landing=True)
            self._fails_over(seconds)
            self._world.loop.later(seconds, self._restart)

    def do_kill_in_write(self, writes: int, seconds: float, *, applied: bool) -> None:
        """SIGKILL just after the n-th write from now left, which is applied or lost."""
        self._kill_at.append({"writes": writes, "applied": applied, "seconds": seconds})

    def do_pause(self, seconds: float) -> None:
        """SIGSTOP, later SIGCONT."""
        process = self._leading()
        if process and not process.stopped:
            process.stop()
            self._world.loop.later(seconds, process.go_on)
            self._fails_over(seconds)

    def do_pause_in_write(self, writes: int, seconds: float) -> None:
        """SIGSTOP between a write's last check and its leaving; another replica is there."""
        process = self._leading()
        if process and not process.stopped:
            process.stop_in = (writes, seconds)
            self.start()

    def do_second(self, seconds: float, *, elected: bool = True) -> None:
        """Another replica for a while."""
        second = self.start(elected=elected)
        self._fails_over(seconds)
        self._world.loop.later(seconds, self._end_second, second)

    def _end_second(self, second: Process) -> None:
        self._fails_over(0)
        if second.alive and sum(process.alive for process in self.processes) > 1:
            self._kill(second, landing=True)

    def do_versions(self, turns: int, seconds: float) -> None:
        """An older version and this one take turns, as in an upgrade that is taken back."""
        process = self._leading()
        made = self.start(older=turns % 2 == 1)
        if process and process.alive:
            self._kill(process, landing=True)
        self._fails_over(0)
        if turns > 0:
            self._world.loop.later(seconds, self._next_version, made, turns - 1, seconds)

    def _next_version(self, made: Process, turns: int, seconds: float) -> None:
        if made.alive and not self._world.calm:
            self.do_versions(turns, seconds)

    def do_clock(self, by: float) -> None:
        """The wall clocks of all machines step."""
        self._world.wall += timedelta(seconds=by)
        self._world.judge.clock_stepped(by)
