"""A ReplicaSet's pods: why they aren't ready, in the fewest words, their age, their role."""

from collections.abc import Iterator
from typing import Final

from davy.api import fields
from davy.api.group import ApiGroup
from davy.cluster import roles
from davy.cluster.cache import Cache, Json, uid_of
from davy.cluster.kinds import POD
from davy.engine import world

_HARMLESS: Final = frozenset({"ContainerCreating", "PodInitializing", "Completed", ""})
"""Reasons that pass by themselves."""
_LOOP: Final = "CrashLoopBackOff"
_WORST_FIRST: Final = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    _LOOP,
    "OOMKilled",
    "Error",
    "Evicted",
    "Unschedulable",
)


def of(cache: Cache, replica_set: Json) -> Iterator[world.Pod]:
    """Its pods, by name; one without an age, which no API server makes, is left out."""
    for pod in cache.owned(POD, replica_set):
        metadata, status = pod["metadata"], pod.get("status") or {}
        unready = any(found.get("type") == "Ready" for found in status.get("conditions") or ())
        try:
            created_at = fields.parse_instant(metadata.get("creationTimestamp") or "")
        except ValueError:
            continue
        yield world.Pod(
            name=metadata["name"],
            uid=uid_of(pod),
            created_at=created_at,
            ready=status.get("phase") == "Running" and not unready,
            going="deletionTimestamp" in metadata,
        )


def added(cache: Cache, replica_set: Json, api_group: ApiGroup) -> Iterator[world.PodMetadata]:
    """What each of its pods has for its role, by name, but for pods that are going."""
    for pod in _staying(cache, replica_set):
        held = roles.recorded(pod, api_group) or {}
        yield world.PodMetadata(pod["metadata"]["name"], uid_of(pod), held)


def trouble(cache: Cache, replica_set: Json) -> str | None:
    """The worst trouble of a ReplicaSet's pods, of equals the first by name; None: none known."""
    found = [
        (reason, pod["metadata"]["name"])
        for pod in _staying(cache, replica_set)
        for reason in _reasons(pod)
    ]
    if not found:
        return None
    reason, name = min(found, key=lambda item: (_rank(item[0]), item[1]))
    return f"{name}: {reason}"


def crashing(cache: Cache, replica_set: Json) -> str | None:
    """The first of its pods, by name, that is restarted again and again; None: none is."""
    found = (
        pod["metadata"]["name"] for pod in _staying(cache, replica_set) if _LOOP in _reasons(pod)
    )
    return min(found, default=None)


def unready(cache: Cache, replica_set: Json) -> str | None:
    """The first of its pods, by name, where all run, none goes, and none is ready."""
    found = [*of(cache, replica_set)]
    phases = [(pod.get("status") or {}).get("phase") for pod in cache.owned(POD, replica_set)]
    down = all(not pod.ready and not pod.going for pod in found) and {*phases} == {"Running"}
    return min(pod.name for pod in found) if found and down else None


def _staying(cache: Cache, replica_set: Json) -> Iterator[Json]:
    for pod in cache.owned(POD, replica_set):
        if "deletionTimestamp" not in pod["metadata"]:
            yield pod


def _reasons(pod: Json) -> Iterator[str]:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and status.get("reason"):
        yield str(status["reason"])
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    for container in containers:
        state = container.get("state") or {}
        for part in (state.get("waiting"), state.get("terminated")):
            reason = str((part or {}).get("reason", ""))
            if reason not in _HARMLESS:
                yield reason
    for condition in status.get("conditions") or ():
        unplaced = condition.get("type") == "PodScheduled" and condition.get("status") == "False"
        if unplaced and condition.get("reason") == "Unschedulable":
            yield "Unschedulable"


def _rank(reason: str) -> int:
    return _WORST_FIRST.index(reason) if reason in _WORST_FIRST else len(_WORST_FIRST)
