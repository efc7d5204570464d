"""Kubeconfig files: which API server, whose certificate, which token."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Access:
    """How one user reaches the API server."""

    server: str
    """`https://ADDRESS:PORT`."""
    certificate: Path
    """The API server's certificate, which is its own authority."""
    token: str
    """The bearer token."""
    user: str
    """The name of the user in the file; for a reader only."""
    namespace: str = "default"
    """What kubectl takes without `-n`."""


def write(path: Path, access: Access) -> Path:
    """`path`, now a kubeconfig for `access`; readable by its owner only."""
    authority = base64.b64encode(access.certificate.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [
            {
                "name": "lab",
                "cluster": {"server": access.server, "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": access.user, "user": {"token": access.token}}],
        "contexts": [
            {
                "name": "lab",
                "context": {"cluster": "lab", "user": access.user, "namespace": access.namespace},
            }
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=1))
    return path


def read(path: Path) -> tuple[str, bytes, str]:
    """Server, certificate authority (PEM) and token of a kubeconfig that `write` wrote."""
    content: dict[str, Any] = json.loads(path.read_text())
    cluster = content["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"])
    return cluster["server"], authority, content["users"][0]["user"]["token"]
