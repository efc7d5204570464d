"""ReplicaSets and pods as a person wants to see them. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from davy.api.group import POD_TEMPLATE_HASH_LABEL, SCALE_DOWN_DEADLINE
from davy.cli.manifest import Json, at, flag, instant, name_of, number, objects, owned_by, text


class Mood(StrEnum):
    """How a thing is doing: drawing turns it into a glyph and a colour."""

    GOOD = "good"
    BUSY = "busy"
    PAUSED = "paused"
    BAD = "bad"
    IDLE = "idle"


@dataclass(frozen=True)
class PodView:
    """One pod."""

    name: str
    state: str
    """As `kubectl get pods` says it: Running, ContainerCreating, CrashLoopBackOff …"""
    mood: Mood
    ready: str
    """Ready containers of all: `1/1`."""
    restarts: int
    message: str
    """Why it isn't running, when Kubernetes says so; else empty."""
    created_at: datetime | None


@dataclass(frozen=True)
class ReplicaSetView:
    """One revision's ReplicaSet and its pods."""

    name: str
    hash: str
    desired: int
    current: int
    ready: int
    available: int
    mood: Mood
    images: tuple[str, ...]
    scale_down_at: datetime | None
    """When its pods may go; None: not waiting to."""
    message: str
    """Why pods can't be created, when Kubernetes says so; else empty."""
    created_at: datetime | None
    pods: tuple[PodView, ...]


def replica_set(manifest: Json, pods: list[Json]) -> ReplicaSetView:
    """The ReplicaSet and those of the pods that are its own, oldest first."""
    desired = number(manifest, "spec", "replicas") or 0
    current = number(manifest, "status", "replicas") or 0
    available = number(manifest, "status", "availableReplicas") or 0
    failure = next(
        (
            condition
            for condition in objects(manifest, "status", "conditions")
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True"
        ),
        None,
    )
    own = [pod(found) for found in pods if owned_by(found, manifest)]
    return ReplicaSetView(
        name=name_of(manifest),
        hash=text(manifest, "metadata", "labels", POD_TEMPLATE_HASH_LABEL) or "",
        desired=desired,
        current=current,
        ready=number(manifest, "status", "readyReplicas") or 0,
        available=available,
        mood=_replica_set_mood(desired, current, available, failed=failure is not None),
        images=tuple(
            image
            for container in objects(manifest, "spec", "template", "spec", "containers")
            if (image := text(container, "image"))
        ),
        scale_down_at=instant(manifest, "metadata", "annotations", SCALE_DOWN_DEADLINE),
        message=(text(failure, "message") or "") if failure else "",
        created_at=instant(manifest, "metadata", "creationTimestamp"),
        pods=tuple(sorted(own, key=lambda found: (str(found.created_at), found.name))),
    )


def _replica_set_mood(desired: int, current: int, available: int, *, failed: bool) -> Mood:
    if failed:
        return Mood.BAD
    if desired == 0 and current == 0:
        return Mood.IDLE
    return Mood.GOOD if available >= desired > 0 else Mood.BUSY


def pod(manifest: Json) -> PodView:
    """One pod, its state in the words of `kubectl get pods`."""
    containers = objects(manifest, "status", "containerStatuses")
    wanted = objects(manifest, "spec", "containers")
    ready = sum(flag(container, "ready") for container in containers)
    state, message, mood = _state(manifest)
    total = max(len(wanted), len(containers))
    if mood is Mood.GOOD and ready < total:
        mood = Mood.BUSY
    return PodView(
        name=name_of(manifest),
        state=state,
        mood=mood,
        ready=f"{ready}/{total}",
        restarts=sum(number(container, "restartCount") or 0 for container in containers),
        message=message,
        created_at=instant(manifest, "metadata", "creationTimestamp"),
    )


_HARMLESS = frozenset({"ContainerCreating", "PodInitializing"})


def _state(manifest: Json) -> tuple[str, str, Mood]:
    """The state, what Kubernetes says about it, and how bad it is."""
    if at(manifest, "metadata", "deletionTimestamp"):
        return "Terminating", "", Mood.IDLE
    phase = text(manifest, "status", "phase") or "Pending"
    reason = text(manifest, "status", "reason")
    if reason:
        return reason, text(manifest, "status", "message") or "", Mood.BAD
    for prefix, key in (("Init:", "initContainerStatuses"), ("", "containerStatuses")):
        for container in objects(manifest, "status", key):
            stuck = _stuck(container)
            if stuck is not None and not (prefix and stuck[0] == "Completed"):
                word, message = stuck
                return f"{prefix}{word}", message, Mood.BUSY if word in _HARMLESS else Mood.BAD
    if phase == "Pending":
        unscheduled = next(
            (
                condition
                for condition in objects(manifest, "status", "conditions")
                if condition.get("type") == "PodScheduled" and condition.get("status") == "False"
            ),
            None,
        )
        if unscheduled is not None:
            word = text(unscheduled, "reason") or phase
            return word, text(unscheduled, "message") or "", Mood.BAD
    moods = {"Running": Mood.GOOD, "Succeeded": Mood.IDLE, "Failed": Mood.BAD}
    return phase, "", moods.get(phase, Mood.BUSY)


def _stuck(container: Json) -> tuple[str, str] | None:
    """Reason and message of a container that waits or has ended; None for one that runs."""
    waiting = at(container, "state", "waiting")
    if waiting:
        return text(waiting, "reason") or "Waiting", text(waiting, "message") or ""
    ended = at(container, "state", "terminated")
    if ended:
        code = number(ended, "exitCode")
        word = text(ended, "reason") or ("Completed" if code == 0 else "Error")
        message = text(ended, "message") or ("" if code == 0 else f"exit code {code}")
        return word, message
    return None
