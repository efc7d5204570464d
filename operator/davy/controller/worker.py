"""Workers: take a key, make a pass, tell the queue how it ended. The table is in `reconcile`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from structlog.contextvars import bound_contextvars

from davy.api import errors
from davy.cluster.cache import Cache
from davy.cluster.kinds import Kinds
from davy.controller import outcome
from davy.controller.clock import Clock
from davy.controller.outcome import Again, Done, Gone, Result, Retry
from davy.controller.queue import Key, Queue
from davy.controller.telemetry import Telemetry

_log = structlog.get_logger()

Pass = Callable[[Key], Awaitable[Result]]


@dataclass
class Worker:
    """One of several equal workers.

    Args:
        passes: what to do with a key, by its kind.
    """

    queue: Queue
    passes: Mapping[str, Pass]
    cache: Cache
    kinds: Kinds
    clock: Clock
    telemetry: Telemetry

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            key, waited = await self.queue.get()
            self.telemetry.waited.labels(key.kind).observe(waited)
            started = self.clock.monotonic()
            with bound_contextvars(**self._place(key)):
                try:
                    result = await self._pass(key)
                    self._conclude(key, result)
                finally:
                    self.queue.done(key)
            seconds = self.clock.monotonic() - started
            ended = type(result).__name__.lower()
            self.telemetry.passes.labels(key.kind, ended).observe(seconds)

    async def _pass(self, key: Key) -> Result:
        """One pass; a defect of Davy's own is one object's trouble and never stops the others."""
        try:
            return await self.passes[key.kind](key)
        except Exception as error:  # noqa: BLE001  # one object's trouble never stops the others
            _log.exception("pass failed")
            return Retry(errors.DavyError(f"{type(error).__name__}: {error}"))

    def _conclude(self, key: Key, result: Result) -> None:
        match result:
            case Gone():
                self.queue.forget(key)
            case Done(wake_at):
                self.queue.succeeded(key)
                self.queue.wake_at(key, wake_at)
            case Again(wake_at):
                self.queue.succeeded(key)
                self.queue.wake_at(key, wake_at)
                self.queue.add(key)
            case Retry(error, wake_at):
                self.queue.wake_at(key, wake_at)
                delay = self.queue.retry(key, at_least=outcome.least_wait(error))
                self.telemetry.failures.labels(key.kind, type(error).__name__).inc()
                passing = isinstance(error, errors.Conflict | errors.NotLeading)
                report = _log.info if passing else _log.warning
                report("will retry", error=str(error), seconds=round(delay, 2))

    def _place(self, key: Key) -> dict[str, str]:
        """Object, revision and step, for each log line of the pass."""
        name = f"{key.namespace}/{key.name}"
        if key.kind != self.kinds.rollout.kind:
            return {"run": name}
        raw = self.cache.get(self.kinds.rollout, key.namespace, key.name) or {"metadata": {}}
        annotations = raw["metadata"].get("annotations") or {}
        step = (raw.get("status") or {}).get("currentStepIndex")
        return {
            "rollout": name,
            "revision": str(annotations.get(self.kinds.api_group.revision_annotation, "")),
            "step": "" if step is None else str(step),
        }
