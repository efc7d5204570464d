"""The demo app and the load generator behind a real Envoy: what every traffic test relies on."""

from datetime import UTC, datetime
from typing import Any, Final

from tests.lab.lab import Lab
from tests.lab.load import Load

RATE: Final = 200


def a_version(version: str) -> dict[str, Any]:
    """Two pods of the demo app that answer as this version."""
    labels = {"app": "web", "version": version}
    container = {
        "name": "app",
        "image": "davy-demo:1",
        "env": [{"name": "VERSION", "value": version}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": version},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def a_service(version: str) -> dict[str, Any]:
    """A Service over one version's pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": version},
        "spec": {
            "selector": {"app": "web", "version": version},
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    }


def a_route(host: str, v2: int) -> dict[str, Any]:
    """Both versions behind the gateway. No retries: they would hide what the load looks for."""
    weights = [
        {"destination": {"host": "v1"}, "weight": 100 - v2},
        {"destination": {"host": "v2"}, "weight": v2},
    ]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web"},
        "spec": {
            "hosts": [host],
            "gateways": ["istio-system/lab"],
            "http": [{"route": weights, "retries": {"attempts": 0}}],
        },
    }


async def serve(lab: Lab, namespace: str, weight: int) -> str:
    """The host by which both versions answer, v2 at this weight."""
    host = f"{namespace}.example.com"
    objects = [a_service("v1"), a_service("v2"), a_version("v1"), a_version("v2")]
    await lab.apply([*objects, a_route(host, weight)], namespace=namespace)
    for version in ("v1", "v2"):
        await lab.kubectl("rollout", "status", f"deployment/{version}", "-n", namespace)

    async def routed() -> bool:
        async with Load.running(lab.istio_gateway_url, host, 50) as probe:
            return (await probe.until(10)).counts().failed == 0

    await lab.until(routed, describe="ten answers in a row through Envoy", namespace=namespace)
    return host


async def test_the_observed_share_is_the_weight(lab: Lab, namespace: str) -> None:
    """At weight 10, 3 000 requests split within the 99.9 % interval, and none is lost."""
    host = await serve(lab, namespace, 10)
    async with Load.running(lab.istio_gateway_url, host, RATE) as load:
        window = await load.until(3000)
    assert window.share("v2").agrees(10), window.share("v2")
    assert load.failed() == ()
    assert load.seen.lateness(0.99) < 0.1


async def test_replacing_every_pod_loses_no_request(lab: Lab, namespace: str) -> None:
    """Pods that drain and proxies that learn of it late: not one failed request."""
    host = await serve(lab, namespace, 50)
    async with Load.running(lab.istio_gateway_url, host, RATE) as load:
        before = {each.pod for each in await load.until(200)}
        for version in ("v1", "v2"):
            await lab.kubectl("rollout", "restart", f"deployment/{version}", "-n", namespace)
        for version in ("v1", "v2"):
            await lab.kubectl("rollout", "status", f"deployment/{version}", "-n", namespace)

        async def gone() -> bool:
            pods = await lab.kube.list("pod", namespace=namespace)
            return not before & {pod["metadata"]["name"] for pod in pods}

        await lab.until(gone, describe="the old pods gone", namespace=namespace)
        await load.until(200, since=datetime.now(UTC))
    assert load.failed() == ()


async def test_a_version_without_pods_is_the_proxys_error(lab: Lab, namespace: str) -> None:
    """Envoy's own 503 isn't counted as an answer of any version."""
    host = await serve(lab, namespace, 50)
    await lab.kubectl("scale", "deployment/v2", "--replicas=0", "-n", namespace)

    async def gone() -> bool:
        pods = await lab.kube.list("pod", namespace=namespace, labels="version=v2")
        return not pods

    await lab.until(gone, describe="no pod of v2", namespace=namespace)
    async with Load.running(lab.istio_gateway_url, host, RATE) as load:
        await load.until(400)
    counts = load.counts()
    assert set(load.seen.versions()) == {"v1"}
    assert counts.proxy_errors == counts.failed > 100
    assert {each.status for each in load.failed()} == {503}
