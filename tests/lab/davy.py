"""Davy itself in the lab: `davy run` as a process, with exactly the rights of `manifests/`."""

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import yaml

from tests.lab import control_plane, paths
from tests.lab.component import Component
from tests.lab.connection import as_os_errors
from tests.lab.lab import Lab

NAMESPACE: Final = "davy-system"
ACCOUNT: Final = "davy"
USER: Final = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
"""Its name in the API server's audit log."""
LISTEN: Final = "127.0.0.1:8181"
METRIC_JOBS: Final = paths.REPOSITORY / "manifests" / "metric-jobs" / "role.yaml"
_ANSWER_SECONDS: Final = 2.0
_INSTALLED: Final = ("namespace.yaml", "service-account.yaml", "rbac.yaml")


async def install(lab: Lab) -> None:
    """CRDs, namespace, ServiceAccount and RBAC as shipped: `manifests/` but for the Deployment."""
    crds = sorted((paths.REPOSITORY / "crds").glob("*.yaml"))
    for path in crds:
        documents = [each for each in yaml.safe_load_all(path.read_text()) if each]
        for document in documents:
            if document["kind"] == "CustomResourceDefinition":
                await lab.kube.apply(document)
    for name in _INSTALLED:
        await lab.apply(paths.REPOSITORY / "manifests" / name, namespace=NAMESPACE)
    await lab.until(lambda: _served(lab), describe="davy.dev is served")


async def allow_jobs(lab: Lab) -> None:
    """The rights of `manifests/metric-jobs`, in all namespaces."""
    role, binding = yaml.safe_load_all(METRIC_JOBS.read_text())
    await lab.kube.apply(role)
    await lab.kube.apply({**binding, "kind": "ClusterRoleBinding"})


async def _served(lab: Lab) -> bool:
    answer = await lab.kube.request("GET", "/apis/davy.dev/v1alpha1")
    names = {resource["name"] for resource in answer["resources"]}
    return {"rollouts", "rollouts/status", "analysisruns", "analysistemplates"} <= names


async def process(
    lab: Lab,
    *arguments: str,
    name: str = "davy",
    listen: str = LISTEN,
    server: str = control_plane.SERVER,
    account: str = ACCOUNT,
) -> Component:
    """`davy run`, not started.

    Args:
        lab: the lab.
        arguments: more flags.
        name: of the process; its log is `NAME.log` of the run's folder.
        listen: for health and metrics.
        server: by which it reaches the API server, where not directly.
        account: its ServiceAccount.
    """
    kubeconfig = await lab.service_account_kubeconfig(NAMESPACE, account, server=server)
    return Component(
        name,
        [
            str(Path(sys.executable).with_name("davy")),
            "run",
            "--kubeconfig",
            str(kubeconfig),
            "--listen",
            listen,
            "--log-format",
            "text",
            *arguments,
        ],
        logs=lab.folder / "logs",
        ready=lambda: _is_ready(listen),
    )


async def _is_ready(listen: str) -> bool:
    return bool(await answer("/readyz", listen))


async def answer(path: str, listen: str = LISTEN) -> str:
    """What it answers to a GET; empty when that is no 200.

    Raises:
        OSError: no connection.
        TimeoutError: no answer within two seconds.
    """
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    with as_os_errors():
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{listen}{path}") as found,
        ):
            return await found.text() if found.ok else ""


async def metrics(listen: str = LISTEN) -> str:
    """The operator's own metrics, as Prometheus would scrape them."""
    return await answer("/metrics", listen)


@contextlib.asynccontextmanager
async def running(lab: Lab, *arguments: str) -> AsyncIterator[Component]:
    """Davy installed and ready; stopped after the block."""
    await install(lab)
    davy = await process(lab, *arguments)
    await davy.launch()
    try:
        await davy.wait_ready()
        yield davy
    finally:
        await davy.stop()
