"""Whether the mesh hears: what is written to the API server reaches Envoy.

istiod's watches that broke in an outage come back one by one, each after its own backoff, up to
half a minute later; until then a pod's end may be known and the weight that answered it not.
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
    """One object of each kind that makes a shop's traffic, in a namespace of nobody else."""

    lab: Lab
    namespace: str
    written: int = 0

    async def hears(self) -> None:
        """Return when a change of each kind, made now, is in Envoy's configuration."""
        self.written += 1
        objects, marks = _objects(self.written), _marks(self.written, self.namespace)
        await insist(lambda: self.lab.apply(objects, namespace=self.namespace))
        while not await self._has(marks):  # noqa: ASYNC110  # Envoy tells nobody
            await asyncio.sleep(_LOOK_SECONDS)

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
        f'"{_address(number)}"',
        f'"outbound|{_PORTS + number}|subset-{number}|{service}"',
        f'"v{number}.probe.example"',
        f'"h{number}.probe.example"',
    ]


def _objects(number: int) -> list[Json]:
    metadata = {"name": _NAME}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"ports": [{"name": "http", "port": _PORTS + number}]},
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": _NAME}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 80}],
            "endpoints": [{"addresses": [_address(number)], "conditions": {"ready": True}}],
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


def _address(number: int) -> str:
    """Nobody's: nothing is sent there."""
    return f"10.98.{number // 250}.{number % 250 + 1}"
