"""What the cache keeps of an object: what somebody reads.

A cluster's objects are the operator's memory. Keys and short values of them are shared by the
decoder, see `shallow`. Of an object whose `generation` stayed, the held `spec` is kept, and with it
whatever refers to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from davy.api import group, replica_set_template
from davy.api.template_hash import template_hash
from davy.cluster.kinds import DEPLOYMENT, POD, REPLICA_SET, Kind

Json = dict[str, Any]

TEMPLATE_HASH: Final = "templateHash"
"""In the `spec` of a kept ReplicaSet that Davy didn't make: its template's hash, as Davy's go."""
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def trimmed(kind: Kind, seen: Json, held: Json | None) -> Json:
    """The object as the cache keeps it; `held` is what it kept of the state before."""
    trim = _TRIMS.get(kind, _plain)
    kept = trim(seen)
    spec = _same_spec(seen, held) if held is not None else None
    return kept if spec is None else {**kept, "spec": spec}


def _same_spec(seen: Json, held: Json) -> Any:
    """The spec that is held, where the server says that it is the same; else None."""
    ours, theirs = held["metadata"], seen["metadata"]
    generation = theirs.get("generation")
    same = generation is not None and generation == ours.get("generation")
    return held.get("spec") if same and ours.get("uid") == theirs.get("uid") else None


def _plain(seen: Json) -> Json:
    """All but who manages which field, and what was applied last."""
    metadata = dict(seen["metadata"])
    metadata.pop("managedFields", None)
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:
        metadata["annotations"] = {
            name: value for name, value in annotations.items() if name != _LAST_APPLIED
        }
    return {**seen, "metadata": metadata}


def _pod(seen: Json) -> Json:
    """Name, owner, age, what it has for its role, and why it isn't ready."""
    metadata, status = seen["metadata"], seen.get("status") or {}
    kept = {name: status[name] for name in ("phase", "reason") if name in status}
    for name in ("containerStatuses", "initContainerStatuses"):
        if troubled := [*_troubled(status.get(name) or ())]:
            kept[name] = troubled
    if lacking := [found for found in status.get("conditions") or () if _is_lacking(found)]:
        kept["conditions"] = lacking
    own = {name: metadata[name] for name in _OF_A_POD if name in metadata}
    for name, value in (metadata.get("annotations") or {}).items():
        if group.is_role_annotation(name):
            own["annotations"] = {name: value}
    return {"metadata": own, "status": kept}


def _troubled(containers: Iterable[Json]) -> Iterator[Json]:
    """The containers that wait or ended, and why."""
    for container in containers:
        state = container.get("state") or {}
        why = {name: state[name] for name in ("waiting", "terminated") if state.get(name)}
        if why:
            yield {"state": {name: {"reason": of.get("reason", "")} for name, of in why.items()}}


def _is_lacking(condition: Mapping[str, Any]) -> bool:
    """It isn't placed, or not ready: of a pod that is well nothing is kept."""
    kind, status = condition.get("type"), condition.get("status")
    return (kind == "PodScheduled" and status == "False") or (kind == "Ready" and status != "True")


def _replica_set(seen: Json) -> Json:
    """All but the pod template, in both its forms: its hash says enough.

    A Rollout's without Davy's annotation was made by another, whose hash says nothing: it gets one.
    """
    spec = {name: value for name, value in (seen.get("spec") or {}).items() if name != "template"}
    kept = _plain(seen)
    annotations = kept["metadata"].get("annotations") or {}
    small = {
        name: value for name, value in annotations.items() if not group.is_template_annotation(name)
    }
    owners = kept["metadata"].get("ownerReferences") or ()
    is_known = len(small) < len(annotations)
    if not is_known and any(owner.get("kind") == "Rollout" for owner in owners):
        spec[TEMPLATE_HASH] = template_hash(replica_set_template.plain(seen))
    metadata = {**kept["metadata"], "annotations": small} if is_known else kept["metadata"]
    return {**kept, "metadata": metadata, "spec": spec}


def _deployment(seen: Json) -> Json:
    """All but what its controller says of it in words."""
    kept, status = _plain(seen), seen.get("status") or {}
    return {**kept, "status": {name: status[name] for name in _COUNTS if name in status}}


_COUNTS: Final = ("observedGeneration", "replicas", "updatedReplicas", "availableReplicas")
_OF_A_POD: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
_TRIMS: Final[dict[Kind, Callable[[Json], Json]]] = {
    POD: _pod,
    REPLICA_SET: _replica_set,
    DEPLOYMENT: _deployment,
}
