"""Whether the mesh hears: what is written to the API server, and a new pod, reach Envoy.

Watches that broke in an outage come back one by one, each after its own backoff, up to half a
minute later. Until those of istiod have, a pod's end may be known to it and the weight that
answered it not; until those of the other controllers have, a pod that went has no successor.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import aiohttp

from tests.lab.chaos.history import Json
from tests.lab.chaos.users import insist
from tests.lab.connection import as_os_errors
from tests.lab.lab import Lab

_LOOK_SECONDS: Final = 0.1
_ANSWER_SECONDS: Final = 5.0
_NAME: Final = "probe"
_PORTS: Final = 1024


@dataclass
class Mesh:
    """One object of each kind that makes a shop's traffic, in a namespace of nobody else.

    Its pods stand for all those that a fault took: scheduled, started, made endpoints.
    """

    lab: Lab
    namespace: str
    written: int = 0

    async def hears(self) -> None:
        """Return when a change of each kind, made now, is in Envoy's configuration."""
        self.written += 1
        lab, objects = self.lab, _objects(self.written)
        await insist(lambda: lab.apply(objects, namespace=self.namespace))
        while not await self._is_heard():  # noqa: ASYNC110  # Envoy tells nobody
            await asyncio.sleep(_LOOK_SECONDS)
        last = f"{_NAME}-{self.written}"
        await insist(lambda: lab.kube.delete("replicaset", last, namespace=self.namespace))

    async def _is_heard(self) -> bool:
        marks = _marks(self.written, self.namespace)
        return await self._has(marks) and await self._has(await self._addresses())

    async def _addresses(self) -> list[str]:
        """What Envoy's configuration has of the newest pod."""
        labels = f"{_NAME}={self.written}"
        pods = await insist(
            lambda: self.lab.kube.list("pod", namespace=self.namespace, labels=labels)
        )
        addresses = [str(pod.get("status", {}).get("podIP", "none yet")) for pod in pods]
        return [f'"{address}"' for address in addresses or ["none yet"]]

    async def _has(self, marks: list[str]) -> bool:
        url = f"{self.lab.envoy_admin_url}/config_dump?include_eds"
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            with as_os_errors():
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.get(url) as answer,
                ):
                    text = await answer.text()
        except (OSError, TimeoutError):
            return False
        return all(mark in text for mark in marks)


def _marks(number: int, namespace: str) -> list[str]:
    """What Envoy's configuration has of each object of `_objects`, and had never before."""
    service = f"{_NAME}.{namespace}.svc.cluster.local"
    return [
        f'"outbound|{_PORTS + number}||{service}"',
        f'"outbound|{_PORTS + number}|subset-{number}|{service}"',
        f'"v{number}.probe.example"',
        f'"h{number}.probe.example"',
    ]


def _objects(number: int) -> list[Json]:
    metadata, labels = {"name": _NAME}, {_NAME: str(number)}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "selector": labels,
                "ports": [{"name": "http", "port": _PORTS + number, "targetPort": 80}],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": f"{_NAME}-{number}"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _POD},
            },
        },
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": metadata,
            "spec": {"host": _NAME, "subsets": [{"name": f"subset-{number}"}]},
        },
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": metadata,
            "spec": {
                "hosts": [f"v{number}.probe.example"],
                "gateways": ["istio-system/lab"],
                "http": [{"directResponse": {"status": 204}}],
            },
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": metadata,
            "spec": {
                "parentRefs": [{"name": "gw", "namespace": "istio-system"}],
                "hostnames": [f"h{number}.probe.example"],
                "rules": [{"filters": [_REDIRECT]}],
            },
        },
    ]


_REDIRECT: Final[Json] = {
    "type": "RequestRedirect",
    "requestRedirect": {"hostname": "elsewhere.example", "statusCode": 302},
}

_POD: Final[Json] = {
    "terminationGracePeriodSeconds": 0,
    "containers": [
        {"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 86400"]}
    ],
}
