"""A Deployment beside a shop's Rollout, as people have one who come from Deployments."""

import copy
from dataclasses import dataclass
from typing import Final, Self

from tests.lab.kube import Json
from tests.lab.shop import NAME, Shop

_HASH: Final = "rollouts-pod-template-hash"


@dataclass
class Deployed:
    """The Deployment of a shop; its Rollout refers to it and has no template of its own."""

    shop: Shop
    template: Json
    replicas: int

    @classmethod
    def of(cls, shop: Shop, scale_down: str) -> Self:
        """The example's template becomes the Deployment's; nothing is applied yet.

        A mesh knows of pods a moment after Kubernetes does: `minReadySeconds` waits for it.
        """
        spec = shop.rollout["spec"]
        template = spec.pop("template")
        del spec["selector"]
        spec["minReadySeconds"] = 2
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
        spec["workloadRef"] = {**ref, "scaleDown": scale_down}
        return cls(shop, template, spec["replicas"])

    def with_version(self, version: str) -> Json:
        """The template with this version of the demo app."""
        made = copy.deepcopy(self.template)
        made["spec"]["containers"][0]["env"] = [{"name": "VERSION", "value": version}]
        return made

    async def create(self, version: str) -> None:
        """The Deployment is there, and all of its pods are available."""
        await self.shop.lab.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": NAME},
                "spec": {
                    "replicas": self.replicas,
                    "selector": {"matchLabels": {"app": NAME}},
                    "template": self.with_version(version),
                },
            },
            namespace=self.shop.namespace,
        )
        await self.has_pods(self.replicas)

    async def serves(self, version: str) -> None:
        """Requests reach its pods: the mesh has heard of them, too."""
        async with self.shop.load() as load:
            await load.until(10, version=version)

    async def release(self, version: str) -> None:
        """What `kubectl set image` would do."""
        await self._patch({"template": self.with_version(version)})

    async def scale(self, replicas: int) -> None:
        """What `kubectl scale` would do, until the pods are available."""
        await self._patch({"replicas": replicas})
        await self.has_pods(replicas)

    async def get(self) -> Json:
        """The Deployment as the API server has it."""
        return await self.shop.lab.kube.get("deployment", NAME, namespace=self.shop.namespace)

    async def has_pods(self, count: int) -> None:
        """So many pods are asked for, and so many are available; none is left that is going."""

        async def are_there() -> bool:
            found = await self.get()
            status = found.get("status") or {}
            counted = status.get("observedGeneration") == found["metadata"]["generation"]
            seen = {status.get(name, 0) for name in ("replicas", "availableReplicas")}
            return bool(counted and found["spec"]["replicas"] == count and seen == {count})

        await self.shop.lab.until(
            are_there,
            describe=f"{count} pods of the Deployment",
            namespace=self.shop.namespace,
        )

    async def is_alone(self) -> None:
        """The Rollout is gone, with its ReplicaSets."""

        async def gone() -> bool:
            kube, namespace = self.shop.lab.kube, self.shop.namespace
            rollouts = await kube.list(self.shop.kind, namespace=namespace)
            sets = await kube.list("replicaset", namespace=namespace, labels=_HASH)
            return not rollouts and not sets

        await self.shop.lab.until(
            gone, describe="the Rollout is gone", namespace=self.shop.namespace
        )

    async def _patch(self, spec: Json) -> None:
        kube, namespace = self.shop.lab.kube, self.shop.namespace
        await kube.patch("deployment", NAME, {"spec": spec}, namespace=namespace)
