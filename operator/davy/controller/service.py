"""The whole operator: what there is, what is started in which order, and how it ends.

kopf takes every task that was made after it for its own and waits for it when it stops, so Davy's
tasks are made before it and stopped before it. If kopf, or a task of Davy's, dies, the process ends
with a sentence and starts anew: nothing that matters is in memory.
"""

import asyncio
import secrets
import signal
import socket
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import kopf
import structlog

from davy.api import errors
from davy.cluster import client
from davy.cluster.cache import Cache, Json, identify
from davy.cluster.client import Api, Client
from davy.cluster.events import POSTERS, Recorder
from davy.cluster.fence import Fence
from davy.cluster.kinds import Kind, Kinds
from davy.controller import garbage, handlers, plugin_steps, startup
from davy.controller.act import Actor
from davy.controller.clock import Clock, WallClock
from davy.controller.closer import Closer
from davy.controller.health import Health
from davy.controller.interest import Interest
from davy.controller.leader import Leader
from davy.controller.measure import Measurer
from davy.controller.observe import Observer
from davy.controller.plugin_steps import PluginSteps
from davy.controller.queue import Queue
from davy.controller.reconcile import Decide, Reconciler
from davy.controller.resync import Resync
from davy.controller.settings import Settings
from davy.controller.startup import CannotStart
from davy.controller.telemetry import State, Telemetry
from davy.controller.tell import Teller
from davy.controller.watches import Watches
from davy.controller.worker import Worker
from davy.engine.decide import EngineSettings, decide
from davy.metrics.addresses import Addresses
from davy.metrics.registry import Registry
from davy.plugins import installed
from davy.plugins.calls import Calls
from davy.plugins.installed import Installed

_log = structlog.get_logger()
_KOPF_STOP_SECONDS: Final = 0.7
"""kopf gets so long to end its watches; they hold nothing that could be lost."""


class Died(CannotStart):
    """A part of the operator ended that must not."""


@dataclass
class Operator:
    """One operator on one cluster; `unfenced` and `clock` are all it knows of the outside.

    Args:
        unfenced: the cluster.
        settings: everything that can be set.
        clock: time.
        telemetry: its metrics.
        identity: of this process, for the lease.
        server: URL of the API server, which no metric may call.
        plugins: of other packages.
        older: kinds that the cluster has only in an earlier version.
    """

    unfenced: Api
    settings: Settings
    clock: Clock
    telemetry: Telemetry = field(default_factory=Telemetry)
    identity: str = field(default_factory=lambda: f"{socket.gethostname()}_{secrets.token_hex(4)}")
    server: str = ""
    plugins: Installed = field(default_factory=Installed)
    older: tuple[Kind, ...] = ()

    def __post_init__(self) -> None:
        """Put the parts together; nothing runs yet."""
        others = startup.route_kinds(self.plugins)
        self.kinds = Kinds(self.settings.api_group, others, self.older)
        self.queue = Queue(self.clock, self.settings.queue)
        self.queue.pause()
        self.leader = Leader(
            api=self.unfenced,
            clock=self.clock,
            settings=self.settings.lease,
            identity=self.identity,
            gained=self._gained,
            lost=self._lost,
            rested=self.queue.drained,
        )
        self.api = Fence(self.unfenced, self.leader.leads)
        self.cache = Cache(self._changed, self._keeps)
        self.interest = Interest(self.kinds, self.cache, self._needed)
        self.whole = asyncio.Event()
        self._wanted: set[Kind] = set()
        self.resync = Resync(
            api=self.api,
            cache=self.cache,
            settings=self.settings.watch,
            clock=self.clock,
            lost=lambda kind, count: self.telemetry.lost.labels(kind.kind).inc(count),
            whole=self._is_whole,
        )
        self.watches = Watches(
            self.kinds.watched, self.settings.namespaces, self.clock, self.resync.ask, self.seen
        )
        self.resync.watches = self.watches
        self.recorder = Recorder(
            self.unfenced,  # what was done is true, whoever leads by now
            component="davy",
            now=self.clock.now,
            monotonic=self.clock.monotonic,
            lost=lambda why: self.telemetry.events_dropped.labels(why).inc(),
        )
        self.providers = Registry(
            addresses=Addresses.of(
                self.settings.metric_addresses, self.server, self.settings.sigv4_addresses
            ),
            now=self.clock.now,
            installed=self.plugins,
        )
        self.steps = PluginSteps(self.plugins, Calls(plugin_steps.MOST), self.clock, self.queue.add)
        self.measurer = Measurer(
            api=self.api,
            cache=self.cache,
            kinds=self.kinds,
            clock=self.clock,
            providers=self.providers,
            recorder=self.recorder,
            settings=self.settings.measure,
            look=self.queue.add,
            interest=self.interest,
        )
        self.telemetry.observe(
            State(self.queue, self.watches, self.cache, self.kinds, self.leader.leads)
        )

    def reconciler(self, decide_: Decide | None = None) -> Reconciler:
        """The pass over Rollouts, with the real engine unless another is given."""
        engine = EngineSettings(settle=self.settings.settle)
        asked = self.settings.measure.prometheus
        observer = Observer(
            cache=self.cache,
            kinds=self.kinds,
            served=self.watches.present,
            plugins=self.plugins,
            namespaces=self.settings.namespaces,
            prometheus=asked,
        )
        return Reconciler(
            api=self.api,
            cache=self.cache,
            kinds=self.kinds,
            clock=self.clock,
            interest=self.interest,
            observer=observer,
            closer=Closer(
                self.api, self.cache, self.kinds, self.clock, observer, self.watches.synced
            ),
            actor=Actor(self.api, self.cache, self.kinds, asked),
            teller=Teller(self.kinds, self.recorder),
            steps=self.steps,
            decide=decide_ or (lambda rollout, world, now: decide(rollout, world, now, engine)),
        )

    def worker(self, reconciler: Reconciler) -> Worker:
        """One worker."""
        return Worker(
            queue=self.queue,
            passes={
                self.kinds.rollout.kind: reconciler.reconcile,
                self.kinds.analysis_run.kind: self.measurer.reconcile,
            },
            cache=self.cache,
            kinds=self.kinds,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    def jobs(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Everything that runs as long as the operator does, kopf and health apart."""
        reconciler = self.reconciler()
        jobs: dict[str, Coroutine[Any, Any, None]] = {
            "queue": self.queue.run(),
            "resync": self.resync.run(),
            "regular resync": self.resync.run_regularly(),
            "absent kinds": self.resync.run_absent(),
            "leader": self._campaign(),
            "lead watch": self.leader.watch(),
        }
        for number in range(POSTERS):
            jobs[f"events {number}"] = self.recorder.run()
        for number in range(self.settings.queue.workers):
            jobs[f"worker {number}"] = self.worker(reconciler).run()
        return jobs

    def seen(self, kind: Kind, event: str, found: Json) -> None:
        """A watch event: into the cache, which tells who depends on the object."""
        self.watches.seen(kind, found["metadata"].get("namespace") or "")
        if event == "DELETED":
            self.cache.delete(kind, found)
        else:
            self.cache.put(kind, found)

    def _needed(self, kind: Kind) -> None:
        """Some Rollout refers to an object of this kind.

        They are listed when all Rollouts are known: what none of them refers to isn't kept.
        """
        self._wanted.add(kind)
        if self.whole.is_set():
            self.watches.need(kind)

    def _keeps(self, kind: Kind, found: Json) -> bool:
        return self.interest.keeps(kind, found)

    def _changed(self, kind: Kind, found: Json) -> None:
        """The cache learnt something: look at all that depends on it."""
        if kind == self.kinds.rollout:
            held = self.cache.get(kind, *identify(found))
            self.interest.follow(found, there=held is not None)
        for key in self.interest.keys(kind, found):
            self.queue.add(key)

    def _is_whole(self, kind: Kind) -> None:
        if kind.optional or kind.referred:
            for key in self.interest.referring_to(kind):
                self.queue.add(key)
        if not self.whole.is_set() and self.watches.core_synced():
            _log.info("caches are whole", rollouts=self.cache.count(self.kinds.rollout))
            self.whole.set()
            for needed in self._wanted:
                self.watches.need(needed)

    async def _campaign(self) -> None:
        """Nobody leads, and so decides, before the caches are whole (I8)."""
        await self.whole.wait()
        await self.leader.run()

    def _gained(self, anew: bool) -> None:  # noqa: FBT001  # a callback's only argument
        """This replica leads: look at everything, another may have left it half-way.

        Not so where only its own renewals were late; but what was being measured was dropped.
        """
        kinds = (self.kinds.rollout, self.kinds.analysis_run)
        for kind in kinds if anew else (self.kinds.analysis_run,):
            for found in self.cache.all(kind):
                for key in self.interest.keys(kind, found):
                    self.queue.add(key)
        self.queue.resume()

    def _lost(self) -> None:
        self.queue.pause()
        self.api.cut()
        self.measurer.drop()
        self.steps.drop()


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        CannotStart: something is missing; the message says what and what to do.
        Died: a part ended that must not; the process should be started anew.
    """
    garbage.before_the_caches()
    telemetry = Telemetry()
    seconds = settings.api.timeout.total_seconds()
    try:
        api = await client.connect(
            settings.api.kubeconfig, timeout=seconds, observer=telemetry.request
        )
    except errors.ApiFailure as error:
        raise CannotStart(str(error)) from error
    try:
        await _run_on(api, settings, telemetry)
    finally:
        await api.close()


async def _run_on(api: Client, settings: Settings, telemetry: Telemetry) -> None:
    stop = asyncio.Event()
    _on_signals(stop)
    plugins = installed.load()
    for sentence in plugins.sentences:
        _log.error("plugin can't be used", why=sentence)
    older = await startup.older(api)
    operator = Operator(
        api, settings, WallClock(), telemetry, server=api.server, plugins=plugins, older=older
    )
    found = await startup.check(
        api,
        operator.kinds,
        settings.namespaces,
        operator.leader.place,
        operator.measurer.jobs.accounts,
    )
    for kind in found.absent:
        operator.watches.mark_absent(kind)
    health = Health(
        settings.listen,
        operator.watches,
        telemetry.registry,
        settings.watch,
        operator.clock,
        operator.leader.says,
    )
    await health.start()
    jobs = {"health": health.beat(), **operator.jobs()}
    tasks = [asyncio.create_task(job, name=name) for name, job in jobs.items()]
    _log.info(
        "started",
        server=api.server,
        group=settings.api_group.name,
        namespaces=", ".join(settings.namespaces) or "all",
        listen=health.address,
        lease=str(operator.leader.place),
        identity=operator.identity,
        absent=", ".join(sorted(kind.kind for kind in found.absent)) or "nothing",
        plugins=", ".join(plugins.names) or "none",
    )
    kopf_stop, kopf_ready = asyncio.Event(), asyncio.Event()
    shell = asyncio.create_task(
        _kopf(api, operator, found, stop=kopf_stop, ready=kopf_ready), name="kopf"
    )
    again = asyncio.create_task(_take_signals_back(kopf_ready, stop), name="signals")
    filled = asyncio.create_task(_filled(operator), name="caches filled")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        done, _ = await asyncio.wait({shell, stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (again, filled, stopped):
            task.cancel()
        await _end(operator, tasks, health, settings)
        await _end_kopf(shell, kopf_stop)
    if stop.is_set():
        _log.info("stopped")
        return
    raise Died(_epitaph(done))


async def _filled(operator: Operator) -> None:
    await operator.whole.wait()
    garbage.after_the_caches()


async def _kopf(
    api: Client,
    operator: Operator,
    found: startup.Found,
    *,
    stop: asyncio.Event,
    ready: asyncio.Event,
) -> None:
    """The outer shell, kopf: it lists and watches."""
    watched = operator.kinds.watched
    watches, namespaces = operator.watches, operator.settings.namespaces

    def session() -> aiohttp.ClientSession:
        return api.session(middlewares=(watches.read_along,))

    await kopf.operator(
        registry=handlers.operator_registry(watched, api.server, session),
        settings=handlers.operator_settings(watched, scanning=found.scanning),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
        ready_flag=ready,
    )


async def _end(
    operator: Operator, tasks: list[asyncio.Task[None]], health: Health, settings: Settings
) -> None:
    """Passes under way may end; then everything of Davy's stops."""
    for task in tasks:
        if not task.get_name().startswith(("worker", "events")):
            task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(settings.shutdown.total_seconds()):
            await operator.queue.drained()
            await operator.recorder.drained()
    await operator.leader.release()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await operator.measurer.close()
    operator.steps.drop()
    await operator.providers.close()
    await health.stop()


async def _end_kopf(shell: asyncio.Task[None], stop: asyncio.Event) -> None:
    stop.set()
    done, _ = await asyncio.wait({shell}, timeout=_KOPF_STOP_SECONDS)
    if not done:
        shell.cancel()
        await asyncio.wait({shell}, timeout=_KOPF_STOP_SECONDS)


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _take_signals_back(ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Kopf takes the signals when it starts; the order of the end is Davy's."""
    await ready.wait()
    _on_signals(stop)


def _epitaph(done: set[asyncio.Task[Any]]) -> str:
    for task in done:
        error = None if task.cancelled() else task.exception()
        why = f"{type(error).__name__}: {error}" if error else "it ended without an error"
        return f"{task.get_name()} died ({why}); the operator ends so that it is started anew."
    return "the operator ends so that it is started anew."
