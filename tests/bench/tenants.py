"""The rollouts of a benchmark, each with a route of its own, spread over a few namespaces."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from davy.api.group import DAVY, ApiGroup
from tests.lab.kube import Json

NAMESPACES: Final = 10
REPLICAS: Final = 2
SUBSETS: Final = 0.8
"""The part of the rollouts that is split by a DestinationRule's subsets; the rest by Services."""
DRAIN_SECONDS: Final = 5
"""How long the pods of the revision before stay: `scaleDownDelaySeconds`."""
PODS: Final = {
    "containers": [
        {
            "name": "app",
            "image": "registry.example.com/team/app:1",
            "env": [{"name": f"SETTING_{number}", "value": "some value"} for number in range(10)],
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        }
    ]
}
"""Of a usual size: what a cluster's rollouts weigh is mostly their templates."""


def namespace(number: int) -> str:
    """Where rollout `number` is."""
    return f"bench-{number % NAMESPACES}"


def name(number: int) -> str:
    """The name of rollout `number` and of all that belongs to it."""
    return f"app-{number:05d}"


@dataclass(frozen=True)
class Tenant:
    """One rollout and its route.

    Args:
        number: from 0.
        pause: of both pause steps, as the spec has it: `1s`.
    """

    number: int
    pause: str

    @property
    def by_subsets(self) -> bool:
        """Split by a DestinationRule's subsets, not by Services."""
        return self.number % 10 < SUBSETS * 10

    def network(self) -> Iterator[Json]:
        """Services and routes."""
        own = name(self.number)
        sides = [{"host": own, "subset": role} for role in ("stable", "canary")]
        services = [own]
        if not self.by_subsets:
            services = [f"{own}-stable", f"{own}-canary"]
            sides = [{"host": service} for service in services]
        for service in services:
            spec = {"selector": {"app": own}, "ports": [{"name": "http", "port": 80}]}
            yield self._document("v1", "Service", service, spec)
        yield self._document(
            "networking.istio.io/v1",
            "VirtualService",
            own,
            {
                "hosts": [f"{own}.example.com"],
                "http": [
                    {
                        "name": "primary",
                        "route": [
                            {"destination": side, "weight": weight}
                            for side, weight in zip(sides, (100, 0), strict=True)
                        ],
                    }
                ],
            },
        )
        if self.by_subsets:
            subsets = [{"name": role, "labels": {"app": own}} for role in ("stable", "canary")]
            spec = {"host": own, "subsets": subsets}
            yield self._document("networking.istio.io/v1", "DestinationRule", own, spec)

    def rollout(self) -> Json:
        """The Rollout: four steps, 10 % and 50 %, each with a pause."""
        own = name(self.number)
        istio: Json = {"virtualService": {"name": own, "routes": ["primary"]}}
        canary: Json = {
            "scaleDownDelaySeconds": DRAIN_SECONDS,
            "trafficRouting": {"istio": istio},
            "steps": [
                {"setWeight": 10},
                {"pause": {"duration": self.pause}},
                {"setWeight": 50},
                {"pause": {"duration": self.pause}},
            ],
        }
        if self.by_subsets:
            istio["destinationRule"] = {
                "name": own,
                "stableSubsetName": "stable",
                "canarySubsetName": "canary",
            }
        else:
            canary |= {"stableService": f"{own}-stable", "canaryService": f"{own}-canary"}
        spec = {
            "replicas": REPLICAS,
            "selector": {"matchLabels": {"app": own}},
            "strategy": {"canary": canary},
            "template": {"metadata": {"labels": {"app": own}}, "spec": copy.deepcopy(PODS)},
        }
        return self._document(ApiGroup(DAVY).api_version, "Rollout", own, spec)

    def _document(self, api_version: str, kind: str, called: str, spec: Json) -> Json:
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": called, "namespace": namespace(self.number)},
            "spec": spec,
        }


def new_image(version: int) -> Json:
    """The merge patch that starts an update."""
    container = {**copy.deepcopy(PODS["containers"][0]), "image": f"team/app:{version}"}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}
