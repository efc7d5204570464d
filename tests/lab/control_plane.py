"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler: how each is started.

As on a real cluster but for: etcd doesn't fsync; the ServiceAccount admission is off (pods need no
token volume); node life cycle is off, for our node agent sends no heartbeat; and there is no
kube-proxy, so a ClusterIP doesn't answer.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp

from tests.lab import certificates, kubeconfig, netlink
from tests.lab.assets import Assets
from tests.lab.component import Component
from tests.lab.connection import as_os_errors
from tests.lab.kube import Kube
from tests.lab.kubeconfig import Access

SERVER: Final = f"https://{netlink.CONTROL_PLANE}:6443"

_ETCD = "http://127.0.0.1:2379"
_HEALTH_SECONDS = 1.0


@dataclass(frozen=True)
class Files:
    """What the components read, written anew for each run."""

    certificate: Path
    certificate_key: Path
    token_key: Path
    tokens: Path
    kubeconfig: Path
    """The admin's (group system:masters)."""
    access: Access
    """The same as data."""


def write_files(folder: Path) -> Files:
    """Keys, tokens and the admin's kubeconfig in `folder`."""
    certificate, certificate_key = certificates.write_server(folder / "certs")
    token = secrets.token_urlsafe(24)
    tokens = folder / "certs" / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{token},admin,admin,system:masters\n")
    access = Access(SERVER, certificate, token, "admin")
    return Files(
        certificate=certificate,
        certificate_key=certificate_key,
        token_key=certificates.write_token_key(folder / "certs"),
        tokens=tokens,
        kubeconfig=kubeconfig.write(folder / "kubeconfig", access),
        access=access,
    )


def etcd(assets: Assets, folder: Path) -> Component:
    """The store; its data is in the run's folder and lost with it."""
    return Component(
        "etcd",
        [
            assets["etcd"],
            f"--data-dir={folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--log-level=warn",
        ],
        logs=folder / "logs",
        ready=lambda: answers_200(f"{_ETCD}/health"),
    )


def apiserver(
    assets: Assets, folder: Path, files: Files, admin: Kube, *, flags: Sequence[str] = ()
) -> Component:
    """The API server, with RBAC and ServiceAccount tokens, and further flags."""
    return Component(
        "kube-apiserver",
        [
            assets["kube-apiserver"],
            f"--etcd-servers={_ETCD}",
            f"--bind-address={netlink.CONTROL_PLANE}",
            f"--advertise-address={netlink.CONTROL_PLANE}",
            f"--cert-dir={folder / 'certs'}",
            f"--tls-cert-file={files.certificate}",
            f"--tls-private-key-file={files.certificate_key}",
            f"--service-account-key-file={files.token_key}",
            f"--service-account-signing-key-file={files.token_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={files.tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            # kubectl logs: no certificate authority here has signed the node agent's.
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
            *flags,
        ],
        logs=folder / "logs",
        ready=admin.ready,
        stop_seconds=1.0,  # it would wait for all watches to end
    )


def controller_manager(assets: Assets, folder: Path, files: Files) -> Component:
    """All controllers but those that want real nodes, volumes or a cloud."""
    absent = ("nodelifecycle", "nodeipam", "attachdetach", "persistentvolume-binder", "service")
    return Component(
        "kube-controller-manager",
        [
            assets["kube-controller-manager"],
            f"--kubeconfig={files.kubeconfig}",
            f"--bind-address={netlink.CONTROL_PLANE}",
            f"--cert-dir={folder / 'certs'}",
            f"--service-account-private-key-file={files.token_key}",
            f"--root-ca-file={files.certificate}",
            "--leader-elect=false",
            f"--controllers=*,{','.join(f'-{name}' for name in absent)}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--concurrent-deployment-syncs=10",
            "--horizontal-pod-autoscaler-sync-period=2s",
        ],
        logs=folder / "logs",
        ready=lambda: answers_200(f"https://{netlink.CONTROL_PLANE}:10257/healthz"),
    )


def scheduler(assets: Assets, folder: Path, files: Files) -> Component:
    """The scheduler; there is one node."""
    return Component(
        "kube-scheduler",
        [
            assets["kube-scheduler"],
            f"--kubeconfig={files.kubeconfig}",
            f"--bind-address={netlink.CONTROL_PLANE}",
            f"--cert-dir={folder / 'certs'}",
            "--leader-elect=false",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ],
        logs=folder / "logs",
        ready=lambda: answers_200(f"https://{netlink.CONTROL_PLANE}:10259/healthz"),
    )


async def answers_200(url: str) -> bool:
    """Whether a GET is answered with 200; certificates aren't checked, they are self-made.

    Raises:
        OSError: no connection.
        TimeoutError: no answer within a second.
    """
    timeout = aiohttp.ClientTimeout(total=_HEALTH_SECONDS)
    with as_os_errors():
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, ssl=False) as answer,
        ):
            return answer.status == HTTPStatus.OK
