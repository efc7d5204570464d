"""The life of one pod: init containers, containers, status, deletion."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from tests.lab.kube import Json, Kube
from tests.lab.kube_errors import Conflict, KubeError, NotFound
from tests.lab.node import status
from tests.lab.node.container import Container, Surroundings
from tests.lab.node.events import Events
from tests.lab.node.states import now

SIMULATE: Final = "lab/simulate"
"""Annotation `"true"`: no process, whatever the image and command; for thousands of pods."""

READY_AFTER: Final = "lab/ready-after-seconds"
"""Annotation: how long a simulated container takes to become ready; default 0."""

RETRY_SECONDS: Final = 0.3
"""After a call that failed, as in an outage of the API server; the pod runs on meanwhile."""

_GONE_GRACE_SECONDS = 1.0
_DEFAULT_GRACE_SECONDS = 30
_LAST_SECONDS = 5.0


class Pod:
    """Runs one pod until it is deleted."""

    def __init__(
        self, pod: Json, *, pod_ip: str, node_ip: str, kube: Kube, logs: Path, back_off: float
    ) -> None:
        """Describe; nothing is started.

        Args:
            pod: the object, bound to this node.
            pod_ip: its own address.
            node_ip: the node's address.
            kube: for status, Secrets, ConfigMaps and events.
            logs: the folder of all pods' logs.
            back_off: seconds of the first back-off.
        """
        metadata = pod["metadata"]
        self.pod = pod
        self.pod_ip = pod_ip
        self.namespace: str = metadata["namespace"]
        self.name: str = metadata["name"]
        self.uid: str = metadata["uid"]
        self.logs = logs / f"{self.namespace}_{self.name}"
        self._node_ip = node_ip
        self._kube = kube
        self._events = Events(kube, pod)
        self._started_at = now()
        self._conditions = status.Conditions()
        self._written: Json = {}
        self._changed = asyncio.Event()
        self._deleted = asyncio.Event()
        self._gone = asyncio.Event()
        annotations = metadata.get("annotations") or {}
        around = Surroundings(
            pod=pod,
            pod_ip=pod_ip,
            node_ip=node_ip,
            logs=self.logs,
            fetch=self._fetch,
            back_off_seconds=back_off,
            simulate=annotations.get(SIMULATE) == "true",
            ready_after_seconds=float(annotations.get(READY_AFTER) or 0),
            changed=self._changed.set,
            event=self._events.write,
        )
        spec = pod["spec"]
        restart = spec.get("restartPolicy") or "Always"
        once = "OnFailure" if restart == "Always" else restart
        self._init = [
            Container(c, around, restart=c.get("restartPolicy") or once)
            for c in spec.get("initContainers") or []
        ]
        self._main = [Container(c, around, restart=restart) for c in spec["containers"]]

    def update(self, pod: Json) -> None:
        """Take note of a newer version of the object."""
        self.pod = pod
        self._changed.set()  # a readiness gate may have opened
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()

    def vanish(self) -> None:
        """Take note that the object is gone: end the processes soon, write nothing."""
        self._gone.set()
        self._deleted.set()

    async def run(self) -> None:
        """Return when the pod has ended and its object is gone."""
        writer = asyncio.create_task(self._write_statuses())
        life = asyncio.create_task(self._live())
        try:
            await self._deleted.wait()
            await self._end()
            await asyncio.wait({life}, timeout=_LAST_SECONDS)  # a process may just be starting
            writer.cancel()
            if not self._gone.is_set():
                await self._persist(self._write_status)
                await self._persist(self._delete)
        finally:
            life.cancel()
            writer.cancel()

    async def _live(self) -> None:
        self._changed.set()
        sidecars = []
        for container in self._init:
            running = asyncio.create_task(container.run())
            if container.is_sidecar:
                sidecars.append(running)
                await self._until_started(container)
            else:
                await running
                if not container.succeeded:
                    return
        await asyncio.gather(*(container.run() for container in self._main))
        for container in self._init:
            if container.is_sidecar:
                await container.end(_DEFAULT_GRACE_SECONDS)

    async def _until_started(self, container: Container) -> None:
        while not (container.snapshot.started or self._deleted.is_set()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def _end(self) -> None:
        """End all containers at once, within the grace period of the object."""
        grace = self.pod["metadata"].get("deletionGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
        ending = asyncio.gather(*(container.end(grace) for container in self._main))
        gone = asyncio.create_task(self._gone.wait())
        either: set[asyncio.Future[Any]] = {ending, gone}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():  # removed by force meanwhile
            ending.cancel()
            await asyncio.gather(*(container.end(0) for container in self._main))
        gone.cancel()
        await asyncio.gather(*(c.end(_GONE_GRACE_SECONDS) for c in self._init))

    # -- towards the API server ---------------------------------------------------------------

    async def _write_statuses(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._persist(self._write_status)

    async def _write_status(self) -> None:
        state = status.PodState(
            pod=self.pod,
            pod_ip=self.pod_ip,
            node_ip=self._node_ip,
            started_at=self._started_at,
            init=[c.snapshot for c in self._init],
            main=[c.snapshot for c in self._main],
        )
        written = status.status(state, self._conditions, now())
        if written == self._written:
            return
        await self._kube.patch(
            "pod",
            self.name,
            {"metadata": {"uid": self.uid}, "status": written},
            namespace=self.namespace,
            patch="strategic",
            subresource="status",
        )
        self._written = written

    async def _delete(self) -> None:
        await self._kube.delete(
            "pod", self.name, namespace=self.namespace, grace_seconds=0, uid=self.uid
        )

    async def _persist(self, call: Callable[[], Awaitable[object]]) -> None:
        """Make a call until it is through, or the object is gone or another's."""
        while not self._gone.is_set():
            try:
                await call()
            except (NotFound, Conflict):
                self.vanish()
            except (KubeError, OSError, TimeoutError) as error:
                print(f"{self.namespace}/{self.name}: {error!r}; will retry", flush=True)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _fetch(self, kind: str, name: str) -> Json | None:
        while True:
            try:
                return await self._kube.find(kind, name, namespace=self.namespace)
            except (KubeError, OSError, TimeoutError) as error:
                print(f"{self.namespace}/{self.name}: {error!r}; will retry", flush=True)
                await asyncio.sleep(RETRY_SECONDS)
