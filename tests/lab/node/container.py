"""The life of one container: image, environment, process, hooks, probes, restarts."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.lab.node import environment, images, probes
from tests.lab.node.process import Process, RealProcess, SimulatedProcess
from tests.lab.node.states import Running, Snapshot, State, Terminated, Waiting, now

Json = dict[str, Any]

BACK_OFF_SECONDS: Final = 10.0
"""The first back-off, for restarts and for image pulls; doubled each time, as a kubelet's."""

BACK_OFF_LIMIT_SECONDS: Final = 300.0
FORGET_SECONDS: Final = 600.0
"""A container that ran this long starts with the first back-off again."""

CONFIG_RETRY_SECONDS: Final = 1.0
"""How soon a missing Secret or ConfigMap is looked for again; a kubelet takes up to a minute."""

AFTER_HOOK_SECONDS: Final = 2.0
"""What SIGTERM gets at least after a preStop hook that took all the grace, as on a kubelet."""

_SIGNALLED = 128
_START_ERROR_CODE = 128


@dataclass(frozen=True)
class Surroundings:
    """What a container knows of its pod and node."""

    pod: Json
    pod_ip: str
    node_ip: str
    logs: Path
    fetch: environment.Fetch
    back_off_seconds: float
    simulate: bool
    """Start no process, whatever the image and command."""
    ready_after_seconds: float
    """How long a simulated container takes to become ready."""
    changed: Callable[[], None]
    """Called after each change of a snapshot."""
    event: Callable[[str, str, str], Awaitable[None]]
    """(Normal | Warning, reason, message) → an event of the pod."""


class Container:
    """Runs one container of a pod until it has finished or is told to end."""

    def __init__(self, spec: Json, around: Surroundings, *, restart: str) -> None:
        """Describe; nothing is started.

        Args:
            spec: the container's entry in the pod's spec.
            around: the pod and node.
            restart: `Always`, `OnFailure` or `Never`.
        """
        sidecar = spec.get("restartPolicy") == "Always"
        self.snapshot = Snapshot(spec["name"], spec["image"], sidecar=sidecar)
        self._spec = spec
        self._around = around
        self._restart = restart
        self._back_off = around.back_off_seconds
        self._crashes = 0
        self._process: Process | None = None
        self._target: probes.Target | None = None
        self._ending = asyncio.Event()

    @property
    def log(self) -> Path:
        """Where the present process writes; the one before it is in `NAME.previous.log`."""
        return self._around.logs / f"{self.snapshot.name}.log"

    @property
    def is_sidecar(self) -> bool:
        """Whether this init container goes on running beside the others."""
        return self.snapshot.sidecar

    @property
    def succeeded(self) -> bool:
        """Whether it ended with code 0, for good."""
        state = self.snapshot.state
        if not self.snapshot.finished or not isinstance(state, Terminated):
            return False
        return state.exit_code == 0

    async def run(self) -> None:
        """Return when the container has finished for good."""
        while not self._ending.is_set():
            program = await self._image()
            variables = await self._variables()
            if program is None or variables is None:
                return
            await self._once(program, variables)
            if not self._starts_again():
                self.snapshot.finished = True
                self._around.changed()
                return
            await self._wait_before_restart()

    async def end(self, grace_seconds: float) -> None:
        """End it: preStop hook, SIGTERM, and SIGKILL when the grace period is over."""
        self._ending.set()
        process = self._process
        if process is None:
            return
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace_seconds
        hook = (self._spec.get("lifecycle") or {}).get("preStop")
        if hook and self._target and grace_seconds > 0:
            try:
                await probes.call(hook, self._target, grace_seconds)
            except probes.ProbeError as error:
                await self._around.event("Warning", "FailedPreStopHook", str(error))
        if grace_seconds > 0:
            process.send(signal.SIGTERM)
            left = deadline - clock()
            if hook and left < AFTER_HOOK_SECONDS:
                left = AFTER_HOOK_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), left)
        process.send(signal.SIGKILL)
        await process.wait()

    # -- before the process -------------------------------------------------------------------

    async def _image(self) -> images.Program | None:
        """The program, when there is an image; None when told to end before."""
        back_off = self._around.back_off_seconds
        while True:
            try:
                found = images.program(
                    self._spec["image"],
                    self._spec.get("command") or (),
                    self._spec.get("args") or (),
                )
            except images.ImageError as error:
                self._become(Waiting(error.reason, str(error)))
                await self._around.event("Warning", "Failed", f"Error: {error.reason}: {error}")
            else:
                return images.Program(()) if self._around.simulate else found
            # The error is shown for a moment, then the back-off, as `kubectl get pods -w` shows it.
            if await self._ended_within(min(1.0, back_off)):
                return None
            self._become(
                Waiting("ImagePullBackOff", f'Back-off pulling image "{self._spec["image"]}"')
            )
            if await self._ended_within(back_off):
                return None
            back_off = min(back_off * 2, BACK_OFF_LIMIT_SECONDS)

    async def _variables(self) -> dict[str, str] | None:
        """The environment, when all it refers to is there; None when told to end before."""
        around = self._around
        while True:
            try:
                return await environment.resolve(
                    self._spec, around.pod, around.pod_ip, around.node_ip, around.fetch
                )
            except environment.ConfigError as error:
                self._become(Waiting("CreateContainerConfigError", str(error)))
                await around.event("Warning", "Failed", f"Error: {error}")
            if await self._ended_within(CONFIG_RETRY_SECONDS):
                return None

    # -- the process --------------------------------------------------------------------------

    async def _once(self, program: images.Program, variables: dict[str, str]) -> None:
        """From start to end of one process."""
        began = now()
        folder = environment.working_folder(self._spec)
        try:
            self._process = await self._start(program, variables, folder)
        except OSError as error:
            message = f'exec: "{program.argv[0]}": {error.strerror}'
            await self._around.event("Warning", "Failed", f"Error: {message}")
            self._terminated(Terminated(_START_ERROR_CODE, "StartError", began, now(), message))
            return
        ports = {
            p["name"]: p["containerPort"] for p in self._spec.get("ports") or [] if "name" in p
        }
        self._target = probes.Target(self._around.pod_ip, ports, variables, folder)
        self.snapshot.sequence += 1
        self._become(Running(began))
        supervisor = asyncio.create_task(self._supervise(program, self._process, self._target))
        if self._ending.is_set():  # told to end while it was being started
            self._process.send(signal.SIGKILL)
        try:
            code = await self._process.wait()
        finally:
            supervisor.cancel()
            self._process = None
        ran = (now() - began).total_seconds()
        if ran >= FORGET_SECONDS:
            self._back_off = self._around.back_off_seconds
            self._crashes = 0
        code = code if code >= 0 else _SIGNALLED - code
        reason = "Error" if code else "Completed"
        self._terminated(Terminated(code, reason, began, now()))

    async def _start(
        self, program: images.Program, variables: dict[str, str], folder: Path
    ) -> Process:
        if program.simulated:
            return SimulatedProcess()
        if self.log.exists():
            self.log.rename(self.log.with_suffix(".previous.log"))
        argv = environment.expanded(program.argv, variables)
        return await RealProcess.start(argv, variables, folder, self.log)

    async def _supervise(
        self, program: images.Program, process: Process, target: probes.Target
    ) -> None:
        """Hooks and probes of a process, until cancelled."""
        if program.simulated:
            await asyncio.sleep(self._around.ready_after_seconds)
            self._mark(started=True, ready=True)
            return
        hook = (self._spec.get("lifecycle") or {}).get("postStart")
        if hook:
            try:
                await probes.call(hook, target, 60)
            except probes.ProbeError as error:
                await self._around.event("Warning", "FailedPostStartHook", str(error))
                await self._kill(process)
                return
        startup = probes.Probe.read(self._spec, "startupProbe")
        if startup:
            try:
                await startup.until_started(target)
            except probes.ProbeError as error:
                await self._unhealthy("Startup", str(error), process)
                return
        readiness = probes.Probe.read(self._spec, "readinessProbe")
        self._mark(started=True, ready=readiness is None)
        async with asyncio.TaskGroup() as both:
            if readiness:
                both.create_task(readiness.follow(target, self._tell_ready, fast_start=True))
            liveness = probes.Probe.read(self._spec, "livenessProbe")
            if liveness:
                both.create_task(
                    liveness.follow(
                        target,
                        lambda alive, why: self._tell_alive(process, alive=alive, why=why),
                        fast_start=False,
                    )
                )

    async def _tell_ready(self, ready: bool, why: str) -> None:  # noqa: FBT001 a callback
        was = self.snapshot.ready
        self._mark(started=True, ready=ready)
        if was and not ready:
            await self._around.event("Warning", "Unhealthy", f"Readiness probe failed: {why}")

    async def _tell_alive(self, process: Process, *, alive: bool, why: str) -> None:
        if not alive:
            await self._unhealthy("Liveness", why, process)

    async def _unhealthy(self, probe: str, why: str, process: Process) -> None:
        await self._around.event("Warning", "Unhealthy", f"{probe} probe failed: {why}")
        await self._around.event(
            "Normal",
            "Killing",
            f"Container {self.snapshot.name} failed {probe.lower()} probe, will be restarted",
        )
        await self._kill(process)

    async def _kill(self, process: Process) -> None:
        grace = self._around.pod["spec"].get("terminationGracePeriodSeconds")
        process.send(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 30 if grace is None else grace)
        process.send(signal.SIGKILL)

    # -- after the process --------------------------------------------------------------------

    def _starts_again(self) -> bool:
        if self._ending.is_set() or self._restart == "Never":
            return False
        state = self.snapshot.state
        failed = isinstance(state, Terminated) and state.exit_code != 0
        return failed or self._restart == "Always"

    async def _wait_before_restart(self) -> None:
        """At once after the first end, then after 10 s, 20 s, … as a kubelet does."""
        if self._crashes > 0:
            name = self.snapshot.name
            pod = self._around.pod["metadata"]
            message = (
                f"back-off {self._back_off:g}s restarting failed container={name} "
                f"pod={pod['name']}_{pod['namespace']}"
            )
            self._become(Waiting("CrashLoopBackOff", message))
            await self._around.event("Warning", "BackOff", message)
            if await self._ended_within(self._back_off):
                return
            self._back_off = min(self._back_off * 2, BACK_OFF_LIMIT_SECONDS)
        self._crashes += 1
        self.snapshot.restarts += 1

    async def _ended_within(self, seconds: float) -> bool:
        """Whether `end` was called before `seconds` had passed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ending.wait(), seconds)
        return self._ending.is_set()

    def _become(self, state: State) -> None:
        if isinstance(self.snapshot.state, Terminated):
            self.snapshot.last = self.snapshot.state
        self.snapshot.state = state
        self._around.changed()

    def _terminated(self, state: Terminated) -> None:
        self.snapshot.ready = self.snapshot.started = False
        self._become(state)

    def _mark(self, *, started: bool, ready: bool) -> None:
        if (self.snapshot.started, self.snapshot.ready) != (started, ready):
            self.snapshot.started, self.snapshot.ready = started, ready
            self._around.changed()
