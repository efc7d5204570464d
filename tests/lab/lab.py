"""The lab as a caller sees it: everything up, in one object.

    async with Lab.start() as lab:
        await lab.apply(Path("manifests/examples/canary.yaml"), namespace="shop")
        async with lab.prometheus.stopped():
            ...

Must run inside the lab's namespaces: `launcher.reexecute_inside`, `python -m tests.lab exec`.
"""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
import yaml

from tests.lab import (
    assets,
    audit,
    component,
    control_plane,
    diagnose,
    envoy,
    istiod,
    kubeconfig,
    namespace,
    netlink,
    prometheus,
    relay,
)
from tests.lab.bring_up import bring_up, holds
from tests.lab.component import Component
from tests.lab.connection import as_os_errors
from tests.lab.errors import ComponentError, LabError, LabTimeoutError
from tests.lab.kube import Json, Kube
from tests.lab.kube_errors import KubeError
from tests.lab.node import agent

TOKEN_SECONDS: Final = 24 * 3600
"""Life of a ServiceAccount's token: longer than any run."""

POLL_SECONDS: Final = 0.05
"""How often `until` looks."""

_T = TypeVar("_T")


def _say(text: str) -> None:
    print(text, flush=True)


class Lab:
    """A running lab.

    Attributes:
        folder: this run's folder; `logs/` has a log per component, `pods/` one per container.
        kubeconfig: of the admin (system:masters), for use inside.
        kube: the admin's client.
        etcd, apiserver, controller_manager, scheduler, node_agent, istiod, envoy, prometheus:
            the components; stop, kill, freeze and start them.
        prometheus_url: of Prometheus.
        istio_gateway_url: of the mesh's gateway for VirtualServices with `gateways:
            [istio-system/lab]`; the Host header picks the route.
        gateway_api_url: the same Envoy, for HTTPRoutes with `parentRefs: [{name: gw, namespace:
            istio-system}]`; the Host header picks the route.
        envoy_admin_url: of Envoy's admin interface (`/stats/prometheus`, `/config_dump`).
    """

    prometheus_url: Final = prometheus.URL
    istio_gateway_url: Final = f"http://{netlink.CONTROL_PLANE}:{envoy.ISTIO_PORT}"
    gateway_api_url: Final = f"http://{netlink.CONTROL_PLANE}:{envoy.GATEWAY_API_PORT}"
    envoy_admin_url: Final = f"http://{netlink.CONTROL_PLANE}:{envoy.ADMIN_PORT}"

    def __init__(
        self,
        folder: Path,
        found: assets.Assets,
        *,
        audited: bool,
        back_off_seconds: float,
    ) -> None:
        """Describe all components; use `start` instead."""
        self.folder = folder
        self._assets = found
        self._files = files = control_plane.write_files(folder)
        self._relays: list[relay.Relay] = []
        self.kubeconfig = files.kubeconfig
        self.kube = Kube.from_kubeconfig(files.kubeconfig)
        self.etcd = control_plane.etcd(found, folder)
        self.apiserver = control_plane.apiserver(
            found, folder, files, self.kube, flags=audit.flags(folder) if audited else []
        )
        self.controller_manager = control_plane.controller_manager(found, folder, files)
        self.scheduler = control_plane.scheduler(found, folder, files)
        self.istiod = istiod.istiod(found, folder, files)
        self.envoy = envoy.envoy(folder)
        self.prometheus = prometheus.prometheus(found, folder, files)
        self.node_agent = Component(
            "node-agent",
            [
                *component.python("tests.lab.node"),
                str(files.kubeconfig),
                str(folder / "pods"),
                str(back_off_seconds),
                str(files.certificate),
                str(files.certificate_key),
            ],
            logs=folder / "logs",
            ready=self._node_is_ready,
        )

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls,
        *,
        bare: bool = False,
        audited: bool = False,
        back_off_seconds: float = 10.0,
        say: Callable[[str], None] = _say,
    ) -> AsyncIterator["Lab"]:
        """A lab with all components ready; gone after the block.

        Args:
            bare: only etcd and the API server, with the mesh's CRDs: nothing runs pods, nothing
                steers traffic.
            audited: the API server keeps an audit log, see `audit`.
            back_off_seconds: the node's first back-off after a crash or a failed image pull,
                doubled each time; a kubelet's is 10.
            say: called with a line per component that is ready.

        Raises:
            LabError: not inside the namespaces, or a component didn't come up.
        """
        folder = namespace.run_folder()
        if folder is None:
            raise LabError("Not inside the lab; run it as `python -m tests.lab exec -- COMMAND`.")
        found, missing = assets.find()
        if missing:
            raise LabError(f"No {', '.join(missing)}; `python -m tests.lab build` makes them.")
        lab = cls(folder, found, audited=audited, back_off_seconds=back_off_seconds)
        try:
            await bring_up(lab, found, say, bare=bare)
            yield lab
        finally:
            await lab._tear_down()

    @property
    def components(self) -> tuple[Component, ...]:
        """All components, in the order they depend on each other."""
        return (
            self.etcd,
            self.apiserver,
            self.controller_manager,
            self.scheduler,
            self.node_agent,
            self.istiod,
            self.envoy,
            self.prometheus,
        )

    @property
    def rss_bytes(self) -> int:
        """Resident memory of all components together, without pods."""
        return sum(component.rss_bytes for component in self.components)

    # -- objects ------------------------------------------------------------------------------

    async def apply(
        self, source: str | Path | Json | Iterable[Json], *, namespace: str | None = None
    ) -> list[Json]:
        """The objects after a server-side apply, in the order given.

        Args:
            source: a path (`Path`), YAML text (`str`), an object or several.
            namespace: for objects that name none; default `default`.

        Raises:
            KubeError: refused; nothing after it is applied.
        """
        return [
            await self.kube.apply(document, namespace=namespace) for document in _documents(source)
        ]

    async def new_namespace(self, prefix: str = "test") -> str:
        """The name of a new namespace, `prefix` with a few random characters."""
        name = f"{prefix}-{secrets.token_hex(3)}"
        await self.kube.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
        return name

    async def delete_namespace(self, name: str) -> None:
        """Delete a namespace and force its pods to end; does not wait for the rest."""
        await self.kube.delete("namespace", name)
        for pod in await self.kube.list("pod", namespace=name):
            await self.kube.delete("pod", pod["metadata"]["name"], namespace=name, grace_seconds=0)

    async def service_account_kubeconfig(
        self, namespace: str, name: str, *, server: str = control_plane.SERVER
    ) -> Path:
        """A kubeconfig with a real token of a ServiceAccount, and so with exactly its RBAC.

        Args:
            namespace: the ServiceAccount's.
            name: the ServiceAccount's.
            server: the API server's address, or that of a relay to it on 127.0.0.1.

        Raises:
            NotFound: there is no such ServiceAccount.
        """
        answer = await self.kube.request(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": TOKEN_SECONDS},
            },
        )
        access = kubeconfig.Access(
            server=server,
            certificate=self._files.certificate,
            token=answer["status"]["token"],
            user=f"{namespace}:{name}",
            namespace=namespace,
        )
        through = server.removeprefix("https://").replace(":", "-")
        path = self.folder / "kubeconfigs" / f"{namespace}-{name}-{through}"
        return kubeconfig.write(path, access)

    # -- questions ----------------------------------------------------------------------------

    async def kubectl(
        self, *args: str, kubeconfig: Path | None = None, stdin: str | None = None
    ) -> str:
        """What kubectl prints, run as the admin or with another kubeconfig.

        Raises:
            LabError: it failed; the text is what it printed to stderr.
        """
        process = await asyncio.create_subprocess_exec(
            self._assets["kubectl"],
            *args,
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "KUBECONFIG": str(kubeconfig or self.kubeconfig),
                "KUBECACHEDIR": str(self.folder / "tmp" / "kubectl"),
            },
        )
        out, err = await process.communicate(None if stdin is None else stdin.encode())
        if process.returncode != 0:
            raise LabError(f"kubectl {' '.join(args)}: {err.decode().strip()}")
        return out.decode()

    async def query(self, expression: str) -> list[Json]:
        """Prometheus' instant answer: `{"metric": {…}, "value": [seconds, "text"]}` per series.

        Raises:
            LabError: Prometheus refuses the expression.
            OSError: Prometheus doesn't answer.
        """
        with as_os_errors():
            async with (
                aiohttp.ClientSession() as session,
                session.get(
                    f"{self.prometheus_url}/api/v1/query", params={"query": expression}
                ) as answer,
            ):
                content: dict[str, Any] = await answer.json()
        if content["status"] != "success":
            raise LabError(f"Prometheus: {content.get('error')}")
        result: list[Json] = content["data"]["result"]
        return result

    def pod_log(self, namespace: str, pod: str, container: str) -> str:
        """All that a container's present or last process has written; empty when nothing."""
        path = self.folder / "pods" / f"{namespace}_{pod}" / f"{container}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def until(
        self,
        condition: Callable[[], Awaitable[_T]],
        *,
        timeout: float = 30.0,  # noqa: ASYNC109 with a dump at its end
        describe: str = "the condition",
        namespace: str | None = None,
    ) -> _T:
        """The condition's first true answer; asked every 50 ms.

        A refusal of the API server (404 before something exists), a lost connection and a field
        that isn't there yet (`KeyError`, `IndexError`) count as not yet.

        Args:
            condition: asked again and again.
            timeout: seconds.
            describe: what is waited for, for the message.
            namespace: whose pods, events and logs to show on time-out.

        Raises:
            LabTimeoutError: it didn't come true; with what it last said and a dump.
            ComponentError: a component died meanwhile by itself; with the tail of its log.
        """
        deadline = time.monotonic() + timeout
        last: object = None
        while True:
            try:
                answer = await condition()
            except (KubeError, OSError, TimeoutError, LookupError) as error:
                last = error
            else:
                if answer:
                    return answer
                last = answer
            for dead in (each for each in self.components if each.died):
                raise ComponentError(f"{dead.name} died by itself.\n{dead.tail()}")
            if time.monotonic() >= deadline:
                raise LabTimeoutError(
                    f"Not after {timeout:g} s: {describe}; last answer: {last!r}\n"
                    + await diagnose.dump(self, namespace)
                )
            await asyncio.sleep(POLL_SECONDS)

    # -- to the outside -----------------------------------------------------------------------

    async def open_to_outside(self) -> dict[str, str]:
        """Addresses by which the host reaches the lab, on 127.0.0.1; empty if not asked for.

        Keys: `kubernetes`, `istio-gateway`, `gateway-api`, `prometheus`, each a URL, and
        `kubeconfig`, the path of a file for a kubectl outside. They work for as long as the lab is
        up. The launcher must have been called with `outside=True`.
        """
        targets = {
            "kubernetes": ("https", 6443),
            "istio-gateway": ("http", envoy.ISTIO_PORT),
            "gateway-api": ("http", envoy.GATEWAY_API_PORT),
            "prometheus": ("http", prometheus.PORT),
        }
        found = {}
        for name, listener in relay.listeners(os.environ.get(namespace.OUTSIDE, "")).items():
            scheme, port = targets[name]
            opened = await relay.Relay.open(listener, netlink.CONTROL_PLANE, port)
            self._relays.append(opened)
            found[name] = f"{scheme}://127.0.0.1:{opened.port}"
        if "kubernetes" in found:
            access = kubeconfig.Access(
                found["kubernetes"], self._files.certificate, self._files.access.token, "admin"
            )
            path = kubeconfig.write(self.folder / "kubeconfig-outside", access)
            found["kubeconfig"] = str(path)
        return found

    async def _node_is_ready(self) -> bool:
        node = await self.kube.find("node", agent.NAME)
        return node is not None and holds(node, "Ready")

    async def _tear_down(self) -> None:
        """Kill everything at once: all data is thrown away with the run's folder."""
        for opened in self._relays:
            opened.close()
        await self.kube.close()
        await asyncio.gather(*(component.kill() for component in reversed(self.components)))


def _documents(source: str | Path | Json | Iterable[Json]) -> list[Json]:
    if isinstance(source, Path):
        source = source.read_text()
    if isinstance(source, str):
        return [document for document in yaml.safe_load_all(source) if document]
    if isinstance(source, dict):
        return [source]
    return list(source)
