"""The lab itself: what the other lab tests take for granted."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.lab.kube import Kube
from tests.lab.kube_errors import Forbidden
from tests.lab.lab import Lab


def a_deployment(name: str, **pod: Any) -> dict[str, Any]:
    """Two pods of the demo app, scraped, with a readiness probe."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
                },
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [
                        {
                            "name": "app",
                            "image": "davy-demo:v1",
                            "env": [{"name": "VERSION", "value": "v1"}],
                            "ports": [{"name": "http", "containerPort": 8080}],
                            "readinessProbe": {
                                "httpGet": {"path": "/readyz", "port": "http"},
                                "periodSeconds": 1,
                            },
                        }
                    ],
                    **pod,
                },
            },
        },
    }


def a_service(name: str) -> dict[str, Any]:
    """A Service over the Deployment's pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80,
                                                       "targetPort": 8080}]},
    }  # fmt: skip


async def answer(url: str, host: str) -> tuple[int, str]:
    """Status and `x-version` of a GET through a gateway."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Host": host}) as response,
    ):
        await response.read()
        return response.status, response.headers.get("x-version", "")


async def test_a_request_passes_the_istio_gateway(lab: Lab, namespace: str) -> None:
    """A Deployment's pods get ready and answer through Envoy by a VirtualService."""
    host = f"{namespace}.example.com"
    route = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web"},
        "spec": {
            "hosts": [host],
            "gateways": ["istio-system/lab"],
            "http": [{"route": [{"destination": {"host": "web", "port": {"number": 80}}}]}],
        },
    }
    await lab.apply([a_deployment("web"), a_service("web"), route], namespace=namespace)

    async def answered() -> bool:
        return await answer(lab.istio_gateway_url, host) == (200, "v1")

    await lab.until(answered, describe="200 from v1 through Envoy", namespace=namespace)


async def test_a_failure_of_the_proxy_is_in_its_log(lab: Lab, namespace: str) -> None:
    """A 503 that Envoy makes is a line of its log with the flag that says why: no endpoints."""
    host = f"{namespace}.example.com"
    route = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web"},
        "spec": {
            "hosts": [host],
            "gateways": ["istio-system/lab"],
            "http": [{"route": [{"destination": {"host": "web", "port": {"number": 80}}}]}],
        },
    }
    await lab.apply([a_service("web"), route], namespace=namespace)

    async def refused() -> bool:
        return (await answer(lab.istio_gateway_url, host))[0] == 503

    async def logged() -> bool:
        lines = lab.envoy.log.read_text().splitlines()
        return any(host in line and " 503 UH " in line for line in lines)

    await lab.until(refused, describe="503 from Envoy", namespace=namespace)
    await lab.until(logged, timeout=15, describe="503 UH in envoy.log", namespace=namespace)


async def test_a_request_passes_the_gateway_api(lab: Lab, namespace: str) -> None:
    """The same by an HTTPRoute, whose parent reports it accepted."""
    host = f"{namespace}.example.com"
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web"},
        "spec": {
            "hostnames": [host],
            "parentRefs": [{"name": "gw", "namespace": "istio-system"}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
    }
    await lab.apply([a_deployment("web"), a_service("web"), route], namespace=namespace)

    async def answered() -> bool:
        return await answer(lab.gateway_api_url, host) == (200, "v1")

    await lab.until(answered, describe="200 from v1 through Envoy", namespace=namespace)
    written = await lab.kube.get("httproute", "web", namespace=namespace)
    conditions = written["status"]["parents"][0]["conditions"]
    assert {c["type"]: c["status"] for c in conditions}["Accepted"] == "True"


async def test_prometheus_scrapes_each_pod(lab: Lab, namespace: str) -> None:
    """Each annotated pod is a target within seconds, with its labels."""
    await lab.apply(a_deployment("web"), namespace=namespace)

    async def both_up() -> bool:
        series = await lab.query(f'up{{namespace="{namespace}",app="web"}} == 1')
        return len(series) == 2

    await lab.until(both_up, describe="two targets up", namespace=namespace)


async def test_rbac_refuses_a_service_account_without_a_role(lab: Lab, namespace: str) -> None:
    """A ServiceAccount's token works, and may do what its roles say and nothing else."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "stranger"}}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "stranger", "namespace": namespace}],
    }
    await lab.apply([account, role, binding], namespace=namespace)
    path = await lab.service_account_kubeconfig(namespace, "stranger")
    async with Kube.from_kubeconfig(path) as stranger:

        async def listed() -> bool:
            await stranger.list("configmap", namespace=namespace)
            return True

        await lab.until(listed, describe="the role is known", namespace=namespace)
        with pytest.raises(Forbidden, match="cannot list resource"):
            await stranger.list("secret", namespace=namespace)


async def test_pods_outlive_an_outage_of_the_api_server(lab: Lab, namespace: str) -> None:
    """A pod's process runs on while the API server is away, and is governed again after it."""
    await lab.apply(a_deployment("web"), namespace=namespace)

    async def ready_ips() -> list[str]:
        pods = await lab.kube.list("pod", namespace=namespace)
        return [
            pod["status"]["podIP"]
            for pod in pods
            if any(c["type"] == "Ready" and c["status"] == "True"
                   for c in pod["status"].get("conditions") or [])
        ]  # fmt: skip

    async def both_ready() -> list[str]:
        ips = await ready_ips()
        return ips if len(ips) == 2 else []

    before = await lab.until(both_ready, describe="two ready pods", namespace=namespace)
    async with lab.apiserver.stopped():
        assert await answer(f"http://{before[0]}:8080/", "web") == (200, "v1")
    await lab.kube.patch("deploy", "web", {"spec": {"replicas": 0}}, namespace=namespace)

    async def none_left() -> bool:
        return not await lab.kube.list("pod", namespace=namespace)

    await lab.until(none_left, describe="no pods", namespace=namespace)


async def test_a_frozen_prometheus_hangs_and_recovers(lab: Lab) -> None:
    """A frozen component keeps its port and doesn't answer; after the block it does."""
    async with lab.prometheus.frozen():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lab.query("up"), 0.5)
    assert await lab.query("up")


async def test_the_lab_is_small(lab: Lab) -> None:
    """All components together stay below 1.5 GB of resident memory."""
    assert lab.rss_bytes < 1_500_000_000
