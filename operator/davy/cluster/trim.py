"""What the cache keeps of an object: what somebody reads.

A cluster's objects are the operator's memory. Keys and short values of them are shared by the
decoder, see `shallow`. Of an object whose `generation` stayed, the held `spec` is kept, and with it
whatever refers to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from davy.cluster.kinds import Kind

Json = dict[str, Any]

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def trimmed(kind: Kind, seen: Json, held: Json | None) -> Json:
    """The object as the cache keeps it; `held` is what it kept of the state before."""
    trim = _TRIMS.get((kind.group, kind.kind), _plain)
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
    """Name, owner, and why containers don't run."""
    metadata, status = seen["metadata"], seen.get("status") or {}
    kept = {name: status[name] for name in ("phase", "reason") if name in status}
    for name in ("containerStatuses", "initContainerStatuses"):
        if troubled := [*_troubled(status.get(name) or ())]:
            kept[name] = troubled
    if unplaced := [found for found in status.get("conditions") or () if _is_unplaced(found)]:
        kept["conditions"] = unplaced
    return {
        "metadata": {name: metadata[name] for name in _OF_A_POD if name in metadata},
        "status": kept,
    }


def _troubled(containers: Iterable[Json]) -> Iterator[Json]:
    """The containers that wait or ended, and why."""
    for container in containers:
        state = container.get("state") or {}
        why = {name: state[name] for name in ("waiting", "terminated") if state.get(name)}
        if why:
            yield {"state": {name: {"reason": of.get("reason", "")} for name, of in why.items()}}


def _is_unplaced(condition: Mapping[str, Any]) -> bool:
    return condition.get("type") == "PodScheduled" and condition.get("status") == "False"


def _replica_set(seen: Json) -> Json:
    """All but the pod template: its hash says enough."""
    spec = {name: value for name, value in (seen.get("spec") or {}).items() if name != "template"}
    return {**_plain(seen), "spec": spec}


_OF_A_POD: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "ownerReferences",
    "deletionTimestamp",
)
_TRIMS: Final[dict[tuple[str, str], Callable[[Json], Json]]] = {
    ("", "Pod"): _pod,
    ("apps", "ReplicaSet"): _replica_set,
}
