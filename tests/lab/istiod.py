"""istiod, which turns routes into Envoy's configuration; without injection, mTLS or webhooks."""

import json
from pathlib import Path
from typing import Any, Final

from tests.lab import netlink
from tests.lab.assets import Assets
from tests.lab.component import Component
from tests.lab.control_plane import Files, answers_200

NAMESPACE: Final = "istio-system"
XDS_PORT: Final = 15010
_HTTP_PORT = 15011

DEBOUNCE: Final = "20ms"
"""How long istiod waits for more changes before it tells Envoy. Istio's default is 100 ms."""

_MESH: Final[dict[str, Any]] = {
    "defaultProviders": {},
    "enableAutoMtls": False,
    "enablePrometheusMerge": False,
    "accessLogFile": "",
}


def istiod(assets: Assets, folder: Path, files: Files) -> Component:
    """istiod, for one Envoy in plain text."""
    mesh = folder / "mesh.json"
    mesh.write_text(json.dumps(_MESH))
    address = netlink.CONTROL_PLANE
    return Component(
        "istiod",
        [
            assets["pilot-discovery"],
            "discovery",
            f"--kubeconfig={files.kubeconfig}",
            f"--meshConfig={mesh}",
            f"--grpcAddr={address}:{XDS_PORT}",
            f"--httpAddr={address}:{_HTTP_PORT}",
            f"--monitoringAddr={address}:15014",
            "--httpsAddr=",
            "--secureGRPCAddr=",
            "--ctrlz_port=0",
            "--kubernetesApiQPS=200",
            "--kubernetesApiBurst=400",
        ],
        logs=folder / "logs",
        folder=folder,
        environment={
            "POD_NAMESPACE": NAMESPACE,
            "POD_NAME": "istiod-0",
            "PILOT_ENABLE_METADATA_EXCHANGE": "false",  # stock Envoy lacks Istio's filters
            "PILOT_ENABLE_ALPN_FILTER": "false",
            "PILOT_ENABLE_ANALYSIS": "false",
            "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false",
            "PILOT_DEBOUNCE_AFTER": DEBOUNCE,
            "INJECTION_WEBHOOK_CONFIG_NAME": "",
            "VALIDATION_WEBHOOK_CONFIG_NAME": "",
        },
        ready=lambda: answers_200(f"http://{address}:{_HTTP_PORT}/ready"),
    )
