"""Prometheus, scraping Envoy and every annotated pod each second."""

import json
from pathlib import Path
from typing import Any, Final

from tests.lab import envoy, netlink
from tests.lab.assets import Assets
from tests.lab.component import Component
from tests.lab.control_plane import Files, answers_200

PORT: Final = 9090
URL: Final = f"http://{netlink.CONTROL_PLANE}:{PORT}"

_ENVOY_SERIES = "envoy_(cluster_upstream_(rq|cx)_?.*|http_(downstream_rq.*|no_route|no_cluster))"
_ANNOTATION = "__meta_kubernetes_pod_annotation_prometheus_io"


def prometheus(assets: Assets, folder: Path, files: Files) -> Component:
    """Prometheus; its data is in the run's folder and lost with it."""
    config = folder / "prometheus.json"  # JSON is YAML
    config.write_text(json.dumps(_config(files.kubeconfig)))
    return Component(
        "prometheus",
        [
            assets["prometheus"],
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address={netlink.CONTROL_PLANE}:{PORT}",
            "--scrape.discovery-reload-interval=1s",
            "--log.level=warn",
        ],
        logs=folder / "logs",
        ready=lambda: answers_200(f"{URL}/-/ready"),
    )


def _config(kubeconfig: Path) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "envoy",
                "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [f"{netlink.CONTROL_PLANE}:{envoy.ADMIN_PORT}"]}],
                "metric_relabel_configs": [  # of about 3000 series
                    {"source_labels": ["__name__"], "regex": _ENVOY_SERIES, "action": "keep"}
                ],
            },
            {
                "job_name": "pods",
                "fallback_scrape_protocol": "PrometheusText0.0.4",  # for apps without Content-Type
                "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": str(kubeconfig)}],
                "relabel_configs": [
                    _keep(f"{_ANNOTATION}_scrape", "true"),
                    _keep("__meta_kubernetes_pod_phase", "Running"),
                    {
                        "source_labels": ["__meta_kubernetes_pod_ip", f"{_ANNOTATION}_port"],
                        "separator": ":",
                        "target_label": "__address__",
                    },
                    {
                        "source_labels": [f"{_ANNOTATION}_path"],
                        "regex": "(.+)",
                        "target_label": "__metrics_path__",
                    },
                    _copy("__meta_kubernetes_namespace", "namespace"),
                    _copy("__meta_kubernetes_pod_name", "pod"),
                    {"regex": "__meta_kubernetes_pod_label_(.+)", "action": "labelmap"},
                ],
            },
        ],
    }


def _keep(label: str, regex: str) -> dict[str, Any]:
    return {"source_labels": [label], "regex": regex, "action": "keep"}


def _copy(source: str, target: str) -> dict[str, Any]:
    return {"source_labels": [source], "target_label": target}
