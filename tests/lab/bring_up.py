"""The order in which the components start, as concurrently as it allows."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from tests.lab import component, envoy, istiod, seed
from tests.lab.assets import Assets
from tests.lab.component import Component
from tests.lab.kube import Json
from tests.lab.kube_errors import Conflict

if TYPE_CHECKING:
    from tests.lab.lab import Lab


async def bring_up(
    lab: "Lab", found: Assets, say: Callable[[str], None], *, bare: bool = False
) -> None:
    """Return when every component is ready (bare: etcd and the API server); says a line for each.

    etcd and API server; then everything else at once, but for Envoy, which waits for istiod because
    one that finds nobody there loses three seconds before it tries again.

    Raises:
        ComponentError: one didn't come up; with the tail of its log.
    """
    await _BringUp(lab, found, say).run(bare=bare)


class _BringUp:
    def __init__(self, lab: "Lab", found: Assets, say: Callable[[str], None]) -> None:
        self._lab = lab
        self._assets = found
        self._say = say
        self._began = time.monotonic()

    async def run(self, *, bare: bool) -> None:
        lab = self._lab
        data = lab.folder / "etcd"
        planted = await asyncio.to_thread(seed.plant, self._assets, data)
        await _all(self._start(lab.etcd), self._start(lab.apiserver))
        if not planted:
            await self._apply_crds()
            await lab.apiserver.stop()
            await lab.etcd.stop()
            await asyncio.to_thread(seed.harvest, self._assets, data)
            await _all(self._start(lab.etcd), self._start(lab.apiserver))
        if not bare:
            await self._rest()
        self._say(f"lab: up in {time.monotonic() - self._began:.1f} s")

    async def _rest(self) -> None:
        lab = self._lab
        await _all(
            self._start(lab.controller_manager),
            self._start(lab.scheduler),
            self._start(lab.node_agent),
            self._start(lab.prometheus),
            self._mesh(),
        )

    async def _mesh(self) -> None:
        lab = self._lab
        await lab.kube.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": istiod.NAMESPACE}}
        )
        await self._start(lab.istiod)
        for document in envoy.objects():
            await lab.kube.apply(document)
        await self._start(lab.envoy)
        await lab.until(
            self._gateway_is_programmed, timeout=component.START_SECONDS, describe="Gateway gw"
        )
        self._say_up("Gateways")

    async def _apply_crds(self) -> None:
        crds: list[Json] = self._assets.crds()
        await asyncio.gather(*(self._create(crd) for crd in crds))
        await asyncio.gather(*(self._established(crd["metadata"]["name"]) for crd in crds))
        self._say_up(f"{len(crds)} CRDs (once; the next start has them)")

    async def _create(self, document: Json) -> None:
        with contextlib.suppress(Conflict):
            await self._lab.kube.create(document)

    async def _established(self, name: str) -> None:
        async def is_true() -> bool:
            return holds(await self._lab.kube.get("crd", name), "Established")

        await self._lab.until(is_true, timeout=component.START_SECONDS, describe=f"CRD {name}")

    async def _gateway_is_programmed(self) -> bool:
        kind = "gateway.gateway.networking.k8s.io"
        return holds(await self._lab.kube.get(kind, "gw", namespace=istiod.NAMESPACE), "Programmed")

    async def _start(self, started: Component) -> None:
        await started.start()
        self._say_up(started.name)

    def _say_up(self, what: str) -> None:
        self._say(f"lab: {time.monotonic() - self._began:5.1f} s  {what}")


def holds(document: Json, condition: str) -> bool:
    """Whether the object's status has the condition with status True."""
    conditions = (document.get("status") or {}).get("conditions") or []
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


async def _all(*steps: Coroutine[Any, Any, None]) -> None:
    """Return when all steps are done; the first error ends the others and is raised by itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
