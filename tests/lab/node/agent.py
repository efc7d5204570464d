"""The node: registers itself, watches the pods bound to it, and runs each.

An outage of the API server changes nothing for the pods: they go on running, the agent lists again
until it is answered and then catches up.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from tests.lab import netlink, versions
from tests.lab.kube import Json, Kube
from tests.lab.kube_errors import Conflict, KubeError
from tests.lab.node.pod import Pod
from tests.lab.node.states import now
from tests.lab.node.status import timestamp

NAME: Final = "lab-0"
KUBELET_PORT: Final = 10250

_RETRY_SECONDS = 0.3
_CAPACITY = {"cpu": "1000", "memory": "1000Gi", "pods": "10000", "ephemeral-storage": "1000Gi"}


class Agent:
    """Runs all pods of the lab's one node."""

    def __init__(self, kube: Kube, logs: Path, *, back_off: float) -> None:
        """Describe; nothing is started.

        Args:
            kube: the admin's client.
            logs: the folder for a folder per pod.
            back_off: seconds of the first back-off of containers and images.
        """
        self.pods: dict[str, Pod] = {}
        """All pods with a process or an object, by uid."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._kube = kube
        self._logs = logs
        self._back_off = back_off
        self._addresses = _addresses()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                await self._register()
                await self._follow()
            except (KubeError, OSError, TimeoutError) as error:
                print(f"the API server is away, pods go on: {error!r}", flush=True)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _register(self) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": NAME,
                "labels": {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux"},
            },
        }
        with contextlib.suppress(Conflict):
            await self._kube.create(node)
        # An admission plugin gives each new node a taint that the (absent) life cycle would remove.
        await self._kube.patch("node", NAME, {"spec": {"taints": None}}, patch="strategic")
        at = timestamp(now())
        status = {
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "addresses": [
                {"type": "InternalIP", "address": netlink.CONTROL_PLANE},
                {"type": "Hostname", "address": NAME},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
            "nodeInfo": {
                "kubeletVersion": f"{versions.KUBERNETES}-lab",
                "operatingSystem": "linux",
            },
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "the lab's node agent runs",
                    "lastHeartbeatTime": at,
                    "lastTransitionTime": at,
                }
            ],
        }
        await self._kube.patch(
            "node", NAME, {"status": status}, patch="strategic", subresource="status"
        )

    async def _follow(self) -> None:
        """List, then watch until the watch ends; pods that are no longer listed are ended."""
        fields = f"spec.nodeName={NAME}"
        listed = await self._kube.list_raw("pod", fields=fields)
        items = listed.get("items") or []
        for pod in items:
            self._see(pod)
        present = {pod["metadata"]["uid"] for pod in items}
        for uid in self.pods.keys() - present:
            self.pods[uid].vanish()
        since = listed["metadata"]["resourceVersion"]
        async for kind, pod in self._kube.watch("pod", fields=fields, since=since):
            if kind == "DELETED":
                if known := self.pods.get(pod["metadata"]["uid"]):
                    known.vanish()
            elif kind != "BOOKMARK":
                self._see(pod)

    def _see(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        if uid not in self.pods:
            phase = (pod.get("status") or {}).get("phase")
            if phase in {"Succeeded", "Failed"} and not pod["metadata"].get("deletionTimestamp"):
                return  # ended under an agent before this one
            self.pods[uid] = Pod(
                pod,
                pod_ip=str(next(self._addresses)),
                node_ip=netlink.CONTROL_PLANE,
                kube=self._kube,
                logs=self._logs,
                back_off=self._back_off,
            )
            task = asyncio.create_task(self._run(self.pods[uid]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.pods[uid].update(pod)

    async def _run(self, pod: Pod) -> None:
        try:
            await pod.run()
        finally:
            del self.pods[pod.uid]


def _addresses() -> Iterator[IPv4Address]:
    """Pod addresses in turn, so that one isn't given again soon after its pod has gone."""
    while True:
        hosts = netlink.PODS.hosts()
        next(hosts)  # .0.1 looks like a gateway's
        yield from hosts
