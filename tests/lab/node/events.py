"""A pod's events, as a kubelet writes them; never worth a failure."""

import contextlib
import secrets
import time

from tests.lab.kube import Json, Kube
from tests.lab.kube_errors import KubeError
from tests.lab.node.states import now
from tests.lab.node.status import timestamp

_AGAIN_SECONDS = 30.0


class Events:
    """Writes events about one pod; the same one again only after half a minute."""

    def __init__(self, kube: Kube, pod: Json) -> None:
        self._kube = kube
        self._pod = pod
        self._written: dict[tuple[str, str], float] = {}

    async def write(self, kind: str, reason: str, message: str) -> None:
        """Write an event of `kind` Normal or Warning; an API server that is away loses it."""
        last = self._written.get((reason, message))
        if last is not None and time.monotonic() - last < _AGAIN_SECONDS:
            return
        self._written[reason, message] = time.monotonic()
        metadata = self._pod["metadata"]
        at = timestamp(now())
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{secrets.token_hex(8)}",
                "namespace": metadata["namespace"],
            },
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": kind,
            "reason": reason,
            "message": message[:1000],
            "source": {"component": "kubelet", "host": self._pod["spec"].get("nodeName", "")},
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }
        with contextlib.suppress(KubeError, OSError, TimeoutError):
            await self._kube.create(event)
