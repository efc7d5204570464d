"""A shop in the lab: the manifests of `manifests/examples/`, fitted to the lab, and its releases.

Tests and the demo act on it as users do: they apply manifests, edit them, and read the status.
"""

import copy
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

import yaml

from davy.api.group import DAVY, ApiGroup
from tests.lab import paths
from tests.lab.errors import LabTimeoutError
from tests.lab.kube import Json
from tests.lab.lab import Lab
from tests.lab.load import Load

NAME: Final = "shop"
EXAMPLES: Final = paths.REPOSITORY / "manifests" / "examples"


class Router(StrEnum):
    """Folders of `manifests/examples/`."""

    ISTIO_SUBSETS = "istio-subsets"
    ISTIO_SERVICES = "istio-services"
    GATEWAY_API = "gateway-api"


@dataclass
class Shop:
    """One namespace with a route, an AnalysisTemplate and a Rollout."""

    lab: Lab
    namespace: str
    router: Router
    rollout: Json
    """The manifest that `release` edits and applies."""
    group: str = DAVY
    """The API group of all its objects."""

    @classmethod
    async def open(
        cls,
        lab: Lab,
        namespace: str,
        router: Router = Router.ISTIO_SUBSETS,
        *,
        steps: Sequence[Json] | None = None,
        canary: Json | None = None,
        applies_network: bool = True,
        group: str = DAVY,
        **spec: Any,
    ) -> Self:
        """The example's network and analysis, applied; its Rollout, edited but not applied.

        Args:
            lab: the lab.
            namespace: where.
            router: which example.
            steps: instead of the example's.
            canary: fields of the strategy, over the example's; None removes one.
            group: the API group to write into the manifests.
            applies_network: false leaves Services and route to the caller.
            spec: fields of the Rollout's spec, over the example's.
        """
        rollout = _example_rollout(lab, router)
        rollout["apiVersion"] = ApiGroup(group).api_version
        shop = cls(lab, namespace, router, rollout, group)
        shop.rollout["spec"] |= spec
        strategy = shop.canary
        if steps is not None:
            strategy["steps"] = list(steps)
        strategy |= canary or {}
        for name in [name for name, value in strategy.items() if value is None]:
            del strategy[name]
        if applies_network:
            await lab.apply(shop.network(), namespace=namespace)
        await lab.apply(shop.analysis(), namespace=namespace)
        return shop

    @property
    def canary(self) -> Json:
        """The manifest's canary strategy; edits take effect with the next `apply`."""
        found: Json = self.rollout["spec"]["strategy"]["canary"]
        return found

    @property
    def kind(self) -> str:
        """The Rollout's kind, as kubectl takes it."""
        return f"rollout.{self.group}"

    @property
    def host(self) -> str:
        """What users ask for."""
        return f"{self.namespace}.example"

    @property
    def url(self) -> str:
        """Where the mesh's gateway answers for it."""
        gateway = self.router is Router.GATEWAY_API
        return self.lab.gateway_api_url if gateway else self.lab.istio_gateway_url

    def network(self) -> list[Json]:
        """The example's Services and route, on the lab's gateway."""
        documents = _documents(self.router, "network.yaml")
        for document in documents:
            match document["kind"]:
                case "VirtualService":
                    document["spec"]["hosts"] = [self.host]
                    document["spec"]["gateways"] = ["istio-system/lab"]
                case "HTTPRoute":
                    document["spec"]["hostnames"] = [self.host]
                    document["spec"]["parentRefs"] = [{"name": "gw", "namespace": "istio-system"}]
        return documents

    def analysis(self) -> list[Json]:
        """The example's AnalysisTemplate, asking every second over five."""
        documents = _documents(self.router, "analysis.yaml")
        for document in documents:
            document["apiVersion"] = ApiGroup(self.group).api_version
            for metric in document["spec"]["metrics"]:
                metric["interval"] = "1s"
                query = metric["provider"]["prometheus"]["query"]
                metric["provider"]["prometheus"]["query"] = query.replace("[30s]", "[5s]")
            for argument in document["spec"].get("args", ()):
                if argument["name"] == "window":
                    argument["value"] = "5s"
        return documents

    def load(self, rate: float = 60) -> AbstractAsyncContextManager[Load]:
        """Steady load on it, requests per second."""
        return Load.running(self.url, self.host, rate)

    def set_version(self, version: str, error_rate: float = 0.0, **environment: str) -> None:
        """Put this version of the demo app into the manifest."""
        container = self.rollout["spec"]["template"]["spec"]["containers"][0]
        values = {"VERSION": version, "ERROR_RATE": str(error_rate), **environment}
        container["env"] = [{"name": name, "value": value} for name, value in values.items()]

    async def release(self, version: str, error_rate: float = 0.0, **environment: str) -> None:
        """Apply the Rollout with this version of the demo app."""
        self.set_version(version, error_rate, **environment)
        await self.apply()

    async def apply(self) -> Json:
        """Apply the manifest as it is."""
        return (await self.lab.apply(copy.deepcopy(self.rollout), namespace=self.namespace))[0]

    async def get(self) -> Json:
        """The Rollout as the API server has it."""
        return await self.lab.kube.get(self.kind, NAME, namespace=self.namespace)

    async def status(self) -> Json:
        """Its status; empty before the first."""
        found: Json = (await self.get()).get("status") or {}
        return found

    async def route(self) -> Json:
        """The VirtualService or HTTPRoute."""
        kind = (
            "httproute.gateway.networking.k8s.io"
            if self.router is Router.GATEWAY_API
            else "virtualservice.networking.istio.io"
        )
        return await self.lab.kube.get(kind, NAME, namespace=self.namespace)

    async def weight(self) -> int:
        """The canary's weight as the route says it."""
        route = await self.route()
        if self.router is Router.GATEWAY_API:
            return int(route["spec"]["rules"][0]["backendRefs"][1]["weight"])
        return int(route["spec"]["http"][0]["route"][1]["weight"])

    async def events(self) -> list[tuple[str, str]]:
        """Reason and message of the Rollout's events, in the order they were made.

        Of one that was deleted, and of its namesake, too.
        """
        found = await self.lab.kube.list("event", namespace=self.namespace)
        about = [event["involvedObject"] for event in found]
        mine = [
            event
            for event, of in zip(found, about, strict=True)
            if (of["kind"], of["name"]) == ("Rollout", NAME)
        ]
        mine.sort(key=lambda event: event.get("eventTime") or event["firstTimestamp"] or "")
        return [(event["reason"], event["message"]) for event in mine]

    async def until(
        self,
        *,
        phase: str | None = None,
        weight: int | None = None,
        message_has: str | None = None,
        step: int | None = None,
        seconds: float = 40.0,
    ) -> Json:
        """The status in which all that was asked for is so, of the newest generation.

        Args:
            phase: `status.phase`.
            weight: the weight written and in effect.
            message_has: a part of `status.message`.
            step: `status.currentStepIndex`.
            seconds: after which it fails, with status and events.

        Raises:
            LabTimeoutError: it didn't come true.
        """
        seen: Json = {}

        async def is_so() -> Json | None:
            rollout = await self.get()
            seen.clear()
            seen.update(rollout.get("status") or {})
            traffic = seen.get("traffic", {})
            asked = (
                seen.get("observedGeneration") == str(rollout["metadata"]["generation"]),
                phase is None or seen.get("phase") == phase,
                weight is None
                or (traffic.get("written"), traffic.get("verified")) == (weight, weight),
                message_has is None or message_has in seen.get("message", ""),
                step is None or seen.get("currentStepIndex") == step,
            )
            return dict(seen) if all(asked) else None

        try:
            found = await self.lab.until(
                is_so, timeout=seconds, describe=f"shop {self.namespace}", namespace=self.namespace
            )
        except LabTimeoutError as error:
            wanted = f"phase {phase}, weight {weight}, message {message_has}, step {step}"
            told = "\n".join(f"{reason}: {text}" for reason, text in await self.events())
            is_now = yaml.safe_dump(seen, sort_keys=False)
            raise LabTimeoutError(f"wanted {wanted}; is\n{is_now}\n{told}\n{error}") from error
        if found is None:
            raise LabTimeoutError("the condition gave nothing")
        return found

    async def edit_status(self, **fields: Any) -> None:
        """What a verb writes into the status."""
        await self.lab.kube.patch(
            self.kind,
            NAME,
            {"status": fields},
            namespace=self.namespace,
            subresource="status",
        )

    async def healthy(self, version: str = "v1") -> None:
        """The first release, deployed."""
        await self.release(version)
        await self.until(phase="Healthy")


def now() -> datetime:
    """For `since=` of a question to the load."""
    return datetime.now(UTC)


def _example_rollout(lab: Lab, router: Router) -> Json:
    rollout = _documents(router, "rollout.yaml")[0]
    for step in rollout["spec"]["strategy"]["canary"]["steps"]:
        for argument in (step.get("analysis") or {}).get("args", ()):
            if argument["name"] == "prometheus":
                argument["value"] = lab.prometheus_url
    return rollout


def _documents(router: Router, name: str) -> list[Json]:
    text = (EXAMPLES / router / name).read_text()
    return [document for document in yaml.safe_load_all(text) if document]
