"""The node agent against the real control plane: pods behave as under a kubelet."""

import asyncio
from typing import Any

import pytest

from tests.lab.lab import Lab


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


async def terminated(lab: Lab, namespace: str, name: str) -> bool:
    """Whether the pod has succeeded."""
    found = await lab.kube.get("pod", name, namespace=namespace)
    return bool(found["status"]["phase"] == "Succeeded")


async def test_init_containers_run_in_order_beside_sidecars(lab: Lab, namespace: str) -> None:
    """Each init container ends before the next starts; a sidecar runs on and is ended last."""
    trace = lab.folder / "tmp" / f"{namespace}.txt"

    def step(word: str, then: str = "") -> dict[str, Any]:
        return {"image": "busybox", "command": ["sh", "-c", f"{then} echo {word} >> {trace}"]}

    sidecar = {
        "name": "sidecar",
        "image": "busybox",
        "restartPolicy": "Always",
        "command": ["sh", "-c", f"echo sidecar >> {trace}; exec sleep 1000"],
        "startupProbe": {"exec": {"command": ["grep", "-q", "sidecar", str(trace)]}},
    }
    pod = a_pod("ordered", **step("main"))
    pod["spec"]["restartPolicy"] = "Never"
    pod["spec"]["initContainers"] = [
        {"name": "first", **step("first", "sleep 0.3;")},
        sidecar,
        {"name": "second", **step("second")},
    ]
    await lab.apply(pod, namespace=namespace)
    await lab.until(
        lambda: terminated(lab, namespace, "ordered"), describe="Succeeded", namespace=namespace
    )
    assert trace.read_text().split() == ["first", "sidecar", "second", "main"]


async def test_a_failing_init_container_keeps_the_pod_pending(lab: Lab, namespace: str) -> None:
    """With restartPolicy Always it is tried again, and Initialized stays False."""
    pod = a_pod("stuck")
    pod["spec"]["initContainers"] = [
        {"name": "never", "image": "busybox", "command": ["sh", "-c", "exit 1"]}
    ]
    await lab.apply(pod, namespace=namespace)

    async def restarted() -> bool:
        found = await lab.kube.get("pod", "stuck", namespace=namespace)
        return bool(found["status"]["initContainerStatuses"][0]["restartCount"] >= 1)

    await lab.until(restarted, describe="a restart", namespace=namespace)
    found = await lab.kube.get("pod", "stuck", namespace=namespace)
    assert found["status"]["phase"] == "Pending"
    conditions = {c["type"]: c["status"] for c in found["status"]["conditions"]}
    assert conditions["Initialized"] == "False"


async def test_a_startup_probe_that_never_succeeds_restarts(lab: Lab, namespace: str) -> None:
    """After threshold times period the container is ended and started again; an event says why."""
    probe = {"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 1}
    await lab.apply(
        a_pod("slow", command=["sleep", "1000"], startupProbe=probe), namespace=namespace
    )

    async def restarted() -> bool:
        found = await lab.kube.get("pod", "slow", namespace=namespace)
        return bool(found["status"]["containerStatuses"][0]["restartCount"] >= 1)

    await lab.until(restarted, describe="a restart", namespace=namespace)
    events = await lab.kube.list("event", namespace=namespace, fields="reason=Unhealthy")
    assert "Startup probe failed" in events[0]["message"]


async def test_a_missing_secret_is_waited_for(lab: Lab, namespace: str) -> None:
    """A container starts by itself once the Secret it needs is there."""
    source = {"secretKeyRef": {"name": "late", "key": "word"}}
    pod = a_pod(
        "patient",
        command=["sh", "-c", "echo $WORD"],
        env=[{"name": "WORD", "valueFrom": source}],
        pod={"restartPolicy": "Never"},
    )
    await lab.apply(pod, namespace=namespace)

    async def refused() -> bool:
        return await waiting(lab, namespace, "patient") == "CreateContainerConfigError"

    await lab.until(refused, describe="CreateContainerConfigError", namespace=namespace)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "late"},
        "stringData": {"word": "sesame"},
    }
    await lab.apply(secret, namespace=namespace)
    await lab.until(
        lambda: terminated(lab, namespace, "patient"), describe="Succeeded", namespace=namespace
    )
    assert lab.pod_log(namespace, "patient", "app") == "sesame\n"


async def test_a_pod_removed_by_force_leaves_no_process(lab: Lab, namespace: str) -> None:
    """When the object vanishes, so does the process, though it ignores SIGTERM."""
    alive = lab.folder / "tmp" / f"{namespace}.alive"
    script = f'trap "" TERM; while :; do touch {alive}; sleep 0.05; done'
    await lab.apply(a_pod("stubborn", command=["bash", "-c", script]), namespace=namespace)

    async def is_alive() -> bool:
        found = alive.exists()
        alive.unlink(missing_ok=True)
        return found

    await lab.until(is_alive, describe="the process runs", namespace=namespace)
    await lab.kube.delete("pod", "stubborn", namespace=namespace, grace_seconds=0)

    async def is_dead() -> bool:
        await is_alive()
        await asyncio.sleep(0.3)
        return not alive.exists()

    await lab.until(is_dead, timeout=10, describe="the process is gone", namespace=namespace)
