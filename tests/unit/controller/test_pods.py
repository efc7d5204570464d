"""What is seen of a ReplicaSet's pods that don't serve."""

from typing import Any

import pytest

from davy.cluster import trim
from davy.cluster.cache import Cache, Json
from davy.cluster.kinds import POD
from davy.controller import pods

OWNER: Json = {"metadata": {"namespace": "shop", "name": "cart-1", "uid": "uid-rs"}}
UNREADY = {"type": "Ready", "status": "False"}
RUNS: Json = {"phase": "Running", "conditions": [UNREADY]}
STARTS: Json = {"phase": "Pending", "conditions": [UNREADY]}
READY: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def loops(reason: str = "CrashLoopBackOff") -> Json:
    """A pod whose container waits for this reason."""
    return {**RUNS, "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}


def a_cache(*statuses: Json, going: tuple[int, ...] = ()) -> Cache:
    """Pods `cart-1-0`, `cart-1-1` … of one ReplicaSet, as they are kept."""
    cache = Cache()
    for at, status in enumerate(statuses):
        metadata: dict[str, Any] = {
            "namespace": "shop",
            "name": f"cart-1-{at}",
            "uid": f"uid-{at}",
            "resourceVersion": str(at + 1),
            "creationTimestamp": "2026-05-04T12:00:00Z",
            "ownerReferences": [{"kind": "ReplicaSet", "uid": "uid-rs", "controller": True}],
        }
        if at in going:
            metadata["deletionTimestamp"] = "2026-05-04T12:01:00Z"
        cache.put(POD, trim.trimmed(POD, {"metadata": metadata, "status": status}, None))
    return cache


@pytest.mark.parametrize(
    ("cache", "found"),
    [
        (a_cache(loops(), loops()), "cart-1-0"),
        (a_cache(RUNS, loops()), "cart-1-1"),
        (a_cache(loops("ErrImagePull")), None),
        (a_cache(loops("ContainerCreating")), None),
        (a_cache(loops(), going=(0,)), None),
        (a_cache(), None),
    ],
)
def test_a_pod_that_is_restarted_again_and_again_crashes(cache: Cache, found: str | None) -> None:
    """An image that isn't there may come; a pod that goes is nobody's any more."""
    assert pods.crashing(cache, OWNER) == found


@pytest.mark.parametrize(
    ("cache", "found"),
    [
        (a_cache(RUNS, RUNS), "cart-1-0"),
        (a_cache(RUNS, READY), None),
        (a_cache(RUNS, STARTS), None),
        (a_cache(RUNS, RUNS, going=(1,)), None),
        (a_cache(), None),
    ],
)
def test_pods_that_all_run_and_aren_t_ready_are_down(cache: Cache, found: str | None) -> None:
    """One that starts, or goes, tells of a node or an eviction."""
    assert pods.unready(cache, OWNER) == found
