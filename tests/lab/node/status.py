"""What the API shows of a pod: phase, conditions and container statuses, as a kubelet writes them.

Pure: from the containers' states to JSON.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.lab.node.states import Running, Snapshot, State, Terminated, Waiting

Json = dict[str, Any]


@dataclass
class Conditions:
    """The conditions the node owns, each with the moment its status last changed.

    `lastTransitionTime` moves only when the status does: `minReadySeconds` counts from it.
    """

    _known: dict[str, Json] = field(default_factory=dict)

    def set(
        self, kind: str, *, true: bool, at: dt.datetime, reason: str = "", message: str = ""
    ) -> None:
        """Set a condition; keeps its transition time when the status is the same."""
        status = "True" if true else "False"
        before = self._known.get(kind)
        moved = before is None or before["status"] != status
        self._known[kind] = {
            "type": kind,
            "status": status,
            "lastTransitionTime": timestamp(at)
            if moved or not before
            else before["lastTransitionTime"],
            # null removes the field in a strategic merge; leaving it out would keep the old one
            "reason": reason or None,
            "message": message or None,
        }

    def all(self) -> list[Json]:
        """All conditions, in the order they were first set."""
        return [dict(condition) for condition in self._known.values()]


@dataclass(frozen=True)
class PodState:
    """Everything that a pod's status is made from."""

    pod: Json
    pod_ip: str
    node_ip: str
    started_at: dt.datetime
    init: Sequence[Snapshot]
    main: Sequence[Snapshot]


def status(state: PodState, conditions: Conditions, at: dt.datetime) -> Json:
    """The pod's status for a strategic merge patch; updates `conditions`."""
    reached = phase(state)
    _set_conditions(state, reached, conditions, at)
    return {
        "phase": reached,
        "hostIP": state.node_ip,
        "hostIPs": [{"ip": state.node_ip}],
        "podIP": state.pod_ip,
        "podIPs": [{"ip": state.pod_ip}],
        "startTime": timestamp(state.started_at),
        "conditions": conditions.all(),
        "containerStatuses": [container_status(c, state.pod) for c in state.main],
        **(
            {"initContainerStatuses": [container_status(c, state.pod) for c in state.init]}
            if state.init
            else {}
        ),
    }


def phase(state: PodState) -> str:
    """`Pending`, `Running`, `Succeeded` or `Failed`."""
    if any(_failed(container) for container in state.init):
        return "Failed"
    if all(c.finished for c in state.main):
        codes = [c.state.exit_code for c in state.main if isinstance(c.state, Terminated)]
        return "Failed" if any(codes) or len(codes) < len(state.main) else "Succeeded"
    never_ran = [c for c in state.main if isinstance(c.state, Waiting) and c.last is None]
    return "Pending" if never_ran else "Running"


def _set_conditions(state: PodState, reached: str, conditions: Conditions, at: dt.datetime) -> None:
    done = reached in {"Succeeded", "Failed"}
    waiting = [c.name for c in state.init if not _initialized(c)]
    conditions.set("PodReadyToStartContainers", true=not done, at=at)
    if waiting:
        conditions.set(
            "Initialized", true=False, at=at, reason="ContainersNotInitialized",
            message=f"containers with incomplete status: [{' '.join(waiting)}]",
        )  # fmt: skip
    else:
        conditions.set("Initialized", true=True, at=at)
    if done:
        reason = "PodCompleted" if reached == "Succeeded" else "PodFailed"
        conditions.set("ContainersReady", true=False, at=at, reason=reason)
        conditions.set("Ready", true=False, at=at, reason=reason)
        return
    unready = [c.name for c in state.main if not c.ready]
    if unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        for kind in ("ContainersReady", "Ready"):
            conditions.set(kind, true=False, at=at, reason="ContainersNotReady", message=message)
        return
    conditions.set("ContainersReady", true=True, at=at)
    closed = closed_gates(state.pod)
    if closed:
        conditions.set(
            "Ready", true=False, at=at, reason="ReadinessGatesNotReady",
            message="; ".join(f'corresponding condition of pod readiness gate "{gate}" '
                              f"is not true" for gate in closed),
        )  # fmt: skip
        return
    conditions.set("Ready", true=True, at=at)


def closed_gates(pod: Json) -> list[str]:
    """The pod's readiness gates whose condition isn't True."""
    true = {
        condition["type"]
        for condition in pod.get("status", {}).get("conditions") or []
        if condition["status"] == "True"
    }
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]
    return [gate for gate in gates if gate not in true]


def _failed(container: Snapshot) -> bool:
    """Whether this init container ended badly for good."""
    if container.sidecar or not container.finished:
        return False
    return isinstance(container.state, Terminated) and container.state.exit_code != 0


def _initialized(container: Snapshot) -> bool:
    if container.sidecar:
        return container.started or container.finished
    if not container.finished:
        return False
    return isinstance(container.state, Terminated) and container.state.exit_code == 0


def container_status(container: Snapshot, pod: Json) -> Json:
    """One entry of `containerStatuses`."""
    has_run = not isinstance(container.state, Waiting) or container.last is not None
    identity = f"lab://{pod['metadata'].get('uid', '')}/{container.name}/{container.sequence}"
    return {
        "name": container.name,
        "image": container.image,
        "imageID": f"lab://{container.image}" if has_run else "",
        "containerID": identity if has_run else "",
        "ready": container.ready,
        "started": container.started,
        "restartCount": container.restarts,
        "state": _state(container.state),
        "lastState": _state(container.last) if container.last else {},
    }


def _state(state: State) -> Json:
    if isinstance(state, Waiting):
        message = {"message": state.message} if state.message else {}
        return {"waiting": {"reason": state.reason, **message}}
    if isinstance(state, Running):
        return {"running": {"startedAt": timestamp(state.started_at)}}
    message = {"message": state.message} if state.message else {}
    return {
        "terminated": {
            "exitCode": state.exit_code,
            "reason": state.reason,
            "startedAt": timestamp(state.started_at),
            "finishedAt": timestamp(state.finished_at),
            **message,
        }
    }


def timestamp(at: dt.datetime) -> str:
    """An instant as the API writes it: UTC, whole seconds."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
