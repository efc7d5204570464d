"""What a person wants to see when a test waited in vain: components, pods, events, logs."""

import json
from typing import TYPE_CHECKING

from tests.lab.kube import Json
from tests.lab.kube_errors import KubeError, NotFound

if TYPE_CHECKING:
    from tests.lab.lab import Lab

_EVENTS = 25
_LOG_LINES = 10


async def dump(lab: "Lab", namespace: str | None) -> str:
    """Dead components with their logs; of `namespace` the pods, events and logs."""
    lines = []
    for component in lab.components:
        if not component.running:
            lines += [f"{component.name} is not running", component.tail()]
    if namespace:
        try:
            lines += await _namespace(lab, namespace)
        except (KubeError, OSError, TimeoutError) as error:
            lines.append(f"the API server doesn't answer: {error!r}")
            lines.append(lab.apiserver.tail())
    return "\n".join(lines)


async def _namespace(lab: "Lab", namespace: str) -> list[str]:
    lines = []
    for pod in await lab.kube.list("pod", namespace=namespace):
        name = pod["metadata"]["name"]
        status = pod.get("status") or {}
        lines.append(f"pod {name}: {status.get('phase')}, ready {_ready(pod)}")
        for container in status.get("containerStatuses") or []:
            lines.append(
                f"  {container['name']}: restarts {container['restartCount']}, {container['state']}"
            )
            log = lab.pod_log(namespace, name, container["name"]).splitlines()[-_LOG_LINES:]
            lines += [f"    | {line}" for line in log]
    for kind in ("replicaset", "rollout", "analysisrun"):
        try:
            found = await lab.kube.list(kind, namespace=namespace)
        except (NotFound, ValueError):  # not installed, or by two groups
            continue
        lines += [
            f"{kind} {one['metadata']['name']}: {json.dumps(one.get('status') or {})}"
            for one in found
        ]
    events = await lab.kube.list("events.", namespace=namespace)
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    for event in events[-_EVENTS:]:
        about = event["involvedObject"]
        lines.append(
            f"event {about['kind']}/{about['name']} {event['type']} {event['reason']}: "
            f"{event.get('message')}"
        )
    return lines


def _ready(pod: Json) -> str:
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "Ready":
            return str(condition["status"])
    return "unknown"
