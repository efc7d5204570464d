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


def a_pod(name: str, **spec: Any) -> dict[str, Any]:
    """A pod whose one container is given by `spec`; pod fields go in `pod`."""
    pod = spec.pop("pod", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **pod.pop("metadata", {})},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "app", "image": "busybox:1.36", **spec}],
            **pod,
        },
    }


async def waiting(lab: Lab, namespace: str, name: str) -> str:
    """The reason for which the pod's container waits; empty when it doesn't."""
    pod = await lab.kube.get("pod", name, namespace=namespace)
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    return str(statuses[0].get("state", {}).get("waiting", {}).get("reason", ""))


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"image": "davy-demo:missing"}, "ErrImagePull"),
        ({"image": "davy-demo:missing"}, "ImagePullBackOff"),
        ({"command": ["sh", "-c", "exit 3"]}, "CrashLoopBackOff"),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]},
            "CreateContainerConfigError",
        ),
        ({"command": ["/no/such/program"]}, "CrashLoopBackOff"),
    ],
)
async def test_a_broken_pod_says_why(
    lab: Lab, namespace: str, container: dict[str, Any], reason: str
) -> None:
    """A pod that can't run waits with a kubelet's reason."""
    await lab.apply(a_pod("broken", **container), namespace=namespace)

    async def reached() -> bool:
        return await waiting(lab, namespace, "broken") == reason

    await lab.until(reached, timeout=15, describe=reason, namespace=namespace)


async def test_a_job_completes(lab: Lab, namespace: str) -> None:
    """A Job's pod ends with code 0, and the Job is Complete; its output is kept."""
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [
                        {
                            "name": "app",
                            "image": "busybox",
                            "command": ["sh", "-c", "echo $(GREETING) from $POD_NAME"],
                            "env": [
                                {"name": "WHO", "value": "lab"},
                                {"name": "GREETING", "value": "hello $(WHO)"},
                                {
                                    "name": "POD_NAME",
                                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
                                },
                            ],
                        }
                    ],
                }
            }
        },
    }
    await lab.apply(job, namespace=namespace)

    async def complete() -> bool:
        found = await lab.kube.get("job", "once", namespace=namespace)
        conditions = found.get("status", {}).get("conditions") or []
        return any(c["type"] == "Complete" and c["status"] == "True" for c in conditions)

    await lab.until(complete, describe="the Job is Complete", namespace=namespace)
    [pod] = await lab.kube.list("pod", namespace=namespace)
    name = pod["metadata"]["name"]
    assert pod["status"]["phase"] == "Succeeded"
    assert await lab.kubectl("logs", "-n", namespace, name) == f"hello lab from {name}\n"


async def test_a_failed_job_is_failed(lab: Lab, namespace: str) -> None:
    """A pod that ends with another code is Failed, with the code in its status."""
    pod = a_pod("fails", command=["sh", "-c", "exit 7"], pod={"restartPolicy": "Never"})
    await lab.apply(pod, namespace=namespace)

    async def failed() -> bool:
        found = await lab.kube.get("pod", "fails", namespace=namespace)
        return bool(found["status"]["phase"] == "Failed")

    await lab.until(failed, describe="phase Failed", namespace=namespace)
    found = await lab.kube.get("pod", "fails", namespace=namespace)
    assert found["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 7


async def test_liveness_restarts_and_readiness_withdraws(lab: Lab, namespace: str) -> None:
    """A failing liveness probe restarts the container; a failing readiness probe only unreadies."""
    trouble = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    await lab.apply(
        [
            a_pod("dying", command=["sleep", "1000"], livenessProbe=trouble),
            a_pod("unready", command=["sleep", "1000"], readinessProbe=trouble),
        ],
        namespace=namespace,
    )

    async def restarted() -> bool:
        found = await lab.kube.get("pod", "dying", namespace=namespace)
        return bool(found["status"]["containerStatuses"][0]["restartCount"] >= 1)

    await lab.until(restarted, describe="a restart", namespace=namespace)
    unready = await lab.kube.get("pod", "unready", namespace=namespace)
    [container] = unready["status"]["containerStatuses"]
    assert (container["ready"], container["restartCount"]) == (False, 0)
    assert unready["status"]["phase"] == "Running"


async def test_deletion_runs_the_hook_and_waits_for_the_process(lab: Lab, namespace: str) -> None:
    """PreStop runs before SIGTERM, and the object stays until the process has ended."""
    script = 'trap "echo term; sleep 0.5; echo bye; exit 0" TERM; while :; do sleep 0.05; done'
    hook = {"exec": {"command": ["sh", "-c", "echo hook > hook.txt; sleep 0.3"]}}
    pod = a_pod(
        "polite",
        command=["bash", "-c", script],
        lifecycle={"preStop": hook},
        workingDir=str(lab.folder),
        pod={"terminationGracePeriodSeconds": 10},
    )
    await lab.apply(pod, namespace=namespace)

    async def running() -> bool:
        found = await lab.kube.get("pod", "polite", namespace=namespace)
        return bool(found["status"]["phase"] == "Running")

    await lab.until(running, describe="phase Running", namespace=namespace)
    await lab.kube.delete("pod", "polite", namespace=namespace)

    async def gone() -> bool:
        return await lab.kube.find("pod", "polite", namespace=namespace) is None

    await lab.until(gone, timeout=8, describe="the pod is gone", namespace=namespace)
    assert lab.pod_log(namespace, "polite", "app").split() == ["term", "bye"]
    assert (lab.folder / "hook.txt").read_text() == "hook\n"


async def test_a_readiness_gate_holds_ready_back(lab: Lab, namespace: str) -> None:
    """Ready waits for the gate's condition while ContainersReady doesn't."""
    gate = "example.com/go"
    pod = a_pod("gated", pod={"readinessGates": [{"conditionType": gate}]})
    await lab.apply(pod, namespace=namespace)

    async def conditions() -> dict[str, str]:
        found = await lab.kube.get("pod", "gated", namespace=namespace)
        return {c["type"]: c["status"] for c in found["status"].get("conditions") or []}

    async def containers_ready() -> bool:
        return (await conditions()).get("ContainersReady") == "True"

    async def ready() -> bool:
        return (await conditions()).get("Ready") == "True"

    await lab.until(containers_ready, describe="ContainersReady", namespace=namespace)
    assert not await ready()
    opened = {"status": {"conditions": [{"type": gate, "status": "True"}]}}
    await lab.kube.patch(
        "pod", "gated", opened, namespace=namespace, patch="strategic", subresource="status"
    )
    await lab.until(ready, describe="Ready", namespace=namespace)


async def test_thousands_are_simulated(lab: Lab, namespace: str) -> None:
    """A simulated pod is ready without a process, whatever its image and command."""
    annotations = {"lab/simulate": "true", "lab/ready-after-seconds": "0.1"}
    pod = a_pod(
        "none", command=["/no/such/program"], pod={"metadata": {"annotations": annotations}}
    )
    await lab.apply(pod, namespace=namespace)

    async def ready() -> bool:
        found = await lab.kube.get("pod", "none", namespace=namespace)
        return bool(found["status"]["containerStatuses"][0]["ready"])

    await lab.until(ready, describe="ready", namespace=namespace)


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
