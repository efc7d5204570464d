"""ReplicaSets come to life: pods are objects that become ready, and no process runs.

Stands for kube-controller-manager, scheduler and kubelet, which on a small machine would cost many
times what is measured here. As the real ones do, it tells a ReplicaSet's counts as they come: pods
that exist, then one more ready pod at a time.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

from tests.bench import stubborn
from tests.lab.kube import Json, Kube

READY_SECONDS: Final = 0.5
"""From a pod's creation to its readiness."""
APART_SECONDS: Final = 0.1
"""A pod of the same scaling becomes ready so long after the one before."""
WORKERS: Final = 8

Seen = Callable[[Json], None]


@dataclass
class _ReplicaSet:
    """What is known of one ReplicaSet."""

    found: Json
    pods: dict[str, bool] = field(default_factory=dict)
    """Ready, by name."""
    written: Json = field(default_factory=dict)
    queued: bool = False
    busy: bool = False


class ReplicaSets:
    """The controller of all ReplicaSets of the bench.

    Args:
        kube: the admin's client.
        seen: told of each ReplicaSet that appears.
    """

    def __init__(self, kube: Kube, seen: Seen) -> None:
        self._kube = kube
        self._seen = seen
        self._known: dict[str, _ReplicaSet] = {}
        self._due: asyncio.Queue[str] = asyncio.Queue()
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        """At work until cancelled; a pod that can't be made is the bench's end."""
        async with asyncio.TaskGroup() as self._tasks:
            for job in (self._watch(), *(self._work() for _ in range(WORKERS))):
                self._tasks.create_task(job)

    async def _watch(self) -> None:
        async for event, found in stubborn.watch(self._kube, "replicaset"):
            uid = found["metadata"]["uid"]
            if event == "DELETED":
                self._known.pop(uid, None)
                continue
            known = self._known.get(uid)
            if known is None:
                known = self._known[uid] = _ReplicaSet(found)
                self._seen(found)
            known.found = found
            self._look(uid)

    def _look(self, uid: str) -> None:
        known = self._known.get(uid)
        if known is not None and not known.queued:
            known.queued = True
            self._due.put_nowait(uid)

    async def _work(self) -> None:
        while True:
            uid = await self._due.get()
            known = self._known.get(uid)
            if known is None:
                continue
            if known.busy:  # at work elsewhere: once more when that is done
                self._due.put_nowait(uid)
                await asyncio.sleep(0)
                continue
            known.queued, known.busy = False, True
            await self._reconcile(uid, known)
            known.busy = False

    async def _reconcile(self, uid: str, known: _ReplicaSet) -> None:
        """The right number of pods, and a status that says so."""
        wanted = known.found["spec"].get("replicas", 1)
        generation = known.found["metadata"]["generation"]
        for place, pod in enumerate(_names(known.found, wanted - len(known.pods))):
            await stubborn.call(partial(self._kube.create, _pod(known.found, pod)))
            known.pods[pod] = False
            after = READY_SECONDS + place * APART_SECONDS
            self._tasks.create_task(self._become_ready(uid, pod, after))
        for pod in sorted(known.pods)[wanted:]:
            del known.pods[pod]
            namespace = known.found["metadata"]["namespace"]
            gone = partial(self._kube.delete, "pod", pod, namespace=namespace, grace_seconds=0)
            await stubborn.call(gone)
        ready = sum(known.pods.values())
        status = {
            "observedGeneration": generation,
            "replicas": len(known.pods),
            "fullyLabeledReplicas": len(known.pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        if status != known.written:
            await self._patch_status("replicaset", known.found["metadata"], status)
            known.written = status

    async def _become_ready(self, uid: str, pod: str, after: float) -> None:
        await asyncio.sleep(after)
        known = self._known.get(uid)
        if known is None or pod not in known.pods:
            return
        metadata = {"name": pod, "namespace": known.found["metadata"]["namespace"]}
        await self._patch_status("pod", metadata, _ready())
        if pod in known.pods:
            known.pods[pod] = True
            self._look(uid)

    async def _patch_status(self, kind: str, metadata: Json, status: Json) -> None:
        await stubborn.call(
            lambda: self._kube.patch(
                kind,
                metadata["name"],
                {"status": status},
                namespace=metadata["namespace"],
                subresource="status",
            )
        )


def _names(found: Json, count: int) -> list[str]:
    return [f"{found['metadata']['name']}-{secrets.token_hex(3)}" for _ in range(max(0, count))]


def _pod(found: Json, called: str) -> Json:
    """A pod of the ReplicaSet, as its controller and the scheduler leave it."""
    owner, template = found["metadata"], found["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **template["metadata"],
            "name": called,
            "namespace": owner["namespace"],
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": owner["name"],
                    "uid": owner["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {**template["spec"], "nodeName": "bench-0"},
    }


def _ready() -> Json:
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "phase": "Running",
        "startTime": at,
        "podIP": "10.64.0.1",
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": at}
            for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        ],
        "containerStatuses": [
            {
                "name": "app",
                "image": "team/app",
                "imageID": "sha256:0",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": at}},
            }
        ],
    }
