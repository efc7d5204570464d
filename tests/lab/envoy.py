"""Envoy as the mesh's gateway: one proxy for Istio's routes and for the Gateway API's.

Each API has its own port. Both are unusual ones: Envoy listens on all addresses, so a pod could not
have the same port on its own. Envoy is no pod, so the Service that the Gateway API's Gateway names
has a hand-made EndpointSlice.
"""

import json
from pathlib import Path
from typing import Any, Final

from tests.lab import istiod, netlink, paths, versions
from tests.lab.component import Component
from tests.lab.control_plane import answers_200
from tests.lab.kube import Json

ISTIO_PORT: Final = 15080
"""Serves VirtualServices with `gateways: [istio-system/lab]`."""

GATEWAY_API_PORT: Final = 15081
"""Serves HTTPRoutes with `parentRefs: [{name: gw, namespace: istio-system}]`."""

ADMIN_PORT: Final = 15000

_LABELS = {"istio": "ingressgateway"}
_HTTP2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def envoy(folder: Path) -> Component:
    """The proxy; to be started when istiod is ready, else it waits seconds before it retries."""
    config = folder / "envoy.json"
    config.write_text(json.dumps(_bootstrap()))
    return Component(
        "envoy",
        [
            str(paths.scripts() / "envoy"),
            "--disable-hot-restart",        # else two Envoys on one machine share a memory region
            "-c", str(config),
            "--concurrency", "1",
            "--file-flush-interval-msec",
            "200",
            "-l", "warning",
        ],
        logs=folder / "logs",
        ready=lambda: answers_200(f"http://{netlink.CONTROL_PLANE}:{ADMIN_PORT}/ready"),
    )  # fmt: skip


def objects() -> list[Json]:
    """The two Gateways and what makes the Gateway API's one count as programmed, in order."""
    metadata = {"name": "gw", "namespace": istiod.NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "selector": _LABELS,
                "ports": [{"name": "http", "port": 80, "targetPort": GATEWAY_API_PORT}],
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "gw-0",
                "namespace": istiod.NAMESPACE,
                "labels": {
                    "kubernetes.io/service-name": "gw",
                    "endpointslice.kubernetes.io/managed-by": "lab",
                },
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": GATEWAY_API_PORT}],
            "endpoints": [{"addresses": [netlink.CONTROL_PLANE], "conditions": {"ready": True}}],
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": metadata,
            "spec": {
                "gatewayClassName": "istio",
                # An address of one's own means: don't deploy a proxy for this Gateway.
                "addresses": [
                    {"type": "Hostname", "value": f"gw.{istiod.NAMESPACE}.svc.cluster.local"}
                ],
                "listeners": [
                    {
                        "name": "http",
                        "port": 80,
                        "protocol": "HTTP",
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
        },
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "lab", "namespace": istiod.NAMESPACE},
            "spec": {
                "selector": _LABELS,
                "servers": [
                    {
                        "port": {"number": ISTIO_PORT, "name": "http", "protocol": "HTTP"},
                        "hosts": ["*"],
                    }
                ],
            },
        },
        _log_of_failures(),
    ]


def _log_of_failures() -> Json:
    """Each answer from 500 on is a line of `envoy.log`, with Envoy's response flags.

    The flags (UH, UF, UC, NR …) say why a proxy answered for a pod; nothing else in the lab does.
    """
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": {"name": "failures", "namespace": istiod.NAMESPACE},
        "spec": {
            "accessLogging": [
                {
                    "providers": [{"name": "envoy"}],
                    "filter": {"expression": "response.code >= 500"},
                }
            ]
        },
    }


def _bootstrap() -> dict[str, Any]:
    ads = {"ads": {}, "resource_api_version": "V3"}
    domain = f"{istiod.NAMESPACE}.svc.cluster.local"
    return {
        "node": {
            "id": f"router~{netlink.CONTROL_PLANE}~gw-0.{istiod.NAMESPACE}~{domain}",
            "cluster": f"gw.{istiod.NAMESPACE}",
            "metadata": {
                "CLUSTER_ID": "Kubernetes",
                "NAMESPACE": istiod.NAMESPACE,
                "ISTIO_VERSION": versions.ISTIO,
                "LABELS": _LABELS,
            },
        },
        "admin": {"address": _address(ADMIN_PORT)},
        # Without these tags Envoy cuts names at their dots, and a cluster's name is full of dots.
        "stats_config": {
            "use_all_default_tags": False,
            "stats_tags": [
                {"tag_name": "cluster_name", "regex": r"^cluster(\.(.+);)"},
                {"tag_name": "subset", "regex": r"^cluster\.(outbound\|\d+\|(.*?)\|.+;)"},
                {"tag_name": "service", "regex": r"^cluster\.(outbound\|\d+\|.*?\|(.+);)"},
                {"tag_name": "listener", "regex": r"^http(\.(.+);)"},
                {"tag_name": "response_code", "regex": r"_rq(_(\d{3}))$"},
                {"tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$"},
            ],
        },
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "xds-grpc",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": {
                        _HTTP2: {
                            "@type": f"type.googleapis.com/{_HTTP2}",
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "xds-grpc",
                        "endpoints": [
                            {"lb_endpoints": [{"endpoint": {"address": _address(istiod.XDS_PORT)}}]}
                        ],
                    },
                }
            ]
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": netlink.CONTROL_PLANE, "port_value": port}}
