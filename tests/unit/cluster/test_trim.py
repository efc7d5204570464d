"""What is kept is equal to what came, but for what nobody reads."""

from typing import Any

from davy.api.group import ApiGroup
from davy.cluster.cache import Cache, Json
from davy.cluster.kinds import DEPLOYMENT, FOREIGN_REPLICA_SET, POD, REPLICA_SET, Kinds
from davy.cluster.trim import trimmed
from davy.controller import pods

ROLLOUT = Kinds(ApiGroup()).rollout


def an_object(version: str, generation: int, uid: str = "a", **fields: Any) -> Json:
    metadata = {"namespace": "shop", "name": "cart", "uid": uid}
    numbers = {"resourceVersion": version, "generation": generation}
    return {"metadata": {**metadata, **numbers}, **fields}


def test_an_object_of_the_same_generation_keeps_its_spec() -> None:
    """A status write doesn't double the pod template in memory."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("1", 1, spec={"template": {}}))
    before = cache.get(ROLLOUT, "shop", "cart")
    cache.put(ROLLOUT, an_object("2", 1, spec={"template": {}}, status={"phase": "Healthy"}))
    after = cache.get(ROLLOUT, "shop", "cart")
    assert before is not None
    assert after is not None
    assert after["spec"] is before["spec"]
    assert after["status"] == {"phase": "Healthy"}


def test_a_new_generation_or_a_namesake_brings_its_own_spec() -> None:
    """The server says which spec is which; nothing else does."""
    cache = Cache()
    cache.put(ROLLOUT, an_object("1", 1, spec={"replicas": 1}))
    cache.put(ROLLOUT, an_object("2", 2, spec={"replicas": 2}))
    found = cache.get(ROLLOUT, "shop", "cart")
    assert found is not None
    assert found["spec"] == {"replicas": 2}
    cache.put(ROLLOUT, an_object("3", 2, uid="b", spec={"replicas": 3}))
    found = cache.get(ROLLOUT, "shop", "cart")
    assert found is not None
    assert found["spec"] == {"replicas": 3}


def test_of_a_pod_what_keeps_it_from_running_is_kept() -> None:
    """Why it waits, why it ended, that no node takes it; not what runs well."""
    cache = Cache()
    states: list[Json] = [
        {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        {"waiting": {"reason": "ErrImagePull", "message": "no such image"}},
    ]
    ready = {"type": "Ready", "status": "True"}
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    status = {
        "phase": "Pending",
        "containerStatuses": [{"name": "app", "state": state} for state in states],
        "conditions": [ready, unplaced],
    }
    owners = [{"kind": "ReplicaSet", "name": "cart-1", "uid": "r", "controller": True}]
    pod = an_object("1", 1, uid="p", status=status, spec={"containers": []})
    pod["metadata"]["ownerReferences"] = owners
    cache.put(POD, pod)
    kept = cache.get(POD, "shop", "cart")
    assert kept is not None
    assert kept["status"] == {
        "phase": "Pending",
        "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}],
        "conditions": [unplaced],
    }
    replica_set = {"metadata": {"namespace": "shop", "name": "cart-1", "uid": "r"}}
    assert pods.trouble(cache, replica_set) == "cart: ErrImagePull"


def test_of_a_replica_set_the_template_is_kept_in_neither_form() -> None:
    """It is read by the command line alone, from the server."""
    annotations = {ApiGroup(group).template_annotation: "{}" for group in ("davy.dev", "x.io")}
    found = an_object("1", 1, spec={"replicas": 1, "template": {}})
    found["metadata"]["annotations"] = {**annotations, "rollout.davy.dev/revision": "1"}
    kept = trimmed(REPLICA_SET, found, None)
    assert kept["spec"] == {"replicas": 1}
    assert kept["metadata"]["annotations"] == {"rollout.davy.dev/revision": "1"}
    assert len(found["metadata"]["annotations"]) == 3


def test_of_a_pod_its_age_and_what_a_restart_needs_are_kept() -> None:
    """Ready is what runs and doesn't say otherwise; a pod that is well costs nothing for it."""
    cache = Cache()
    owners = [{"kind": "ReplicaSet", "name": "cart-1", "uid": "r", "controller": True}]
    for name, phase, ready, more in (
        ("a", "Running", "True", {}),
        ("b", "Running", "False", {}),
        ("c", "Pending", "True", {"deletionTimestamp": "2026-01-01T00:00:09Z"}),
        ("d", "Running", "True", {"creationTimestamp": "never"}),
    ):
        status = {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}
        pod = an_object("1", 1, uid=name, status=status)
        own = {"name": name, "ownerReferences": owners, "creationTimestamp": "2026-01-01T00:00:00Z"}
        pod["metadata"] |= own | more
        cache.put(POD, pod)
    kept = cache.get(POD, "shop", "a")
    assert kept is not None
    assert kept["status"] == {"phase": "Running"}
    replica_set = {"metadata": {"namespace": "shop", "name": "cart-1", "uid": "r"}}
    seen = [(pod.name, pod.uid, pod.ready, pod.going) for pod in pods.of(cache, replica_set)]
    assert seen == [("a", "a", True, False), ("b", "b", False, False), ("c", "c", False, True)]


def test_of_a_deployment_its_template_and_counts_are_kept() -> None:
    """Its conditions change with each pod, in words that nobody reads here."""
    counts = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2}
    spec = {"replicas": 2, "template": {"spec": {}}}
    seen = an_object("1", 3, spec=spec, status={**counts, "conditions": [{"type": "Available"}]})
    assert trimmed(DEPLOYMENT, seen, None) == an_object("1", 3, spec=spec, status=counts)


def test_a_replica_set_that_is_referred_to_keeps_its_template() -> None:
    """It is what it is read for; Davy's own ones have theirs in their hash."""
    seen = an_object("1", 1, spec={"template": {"spec": {}}})
    assert trimmed(FOREIGN_REPLICA_SET, seen, None)["spec"] == {"template": {"spec": {}}}
    assert trimmed(REPLICA_SET, seen, None)["spec"] == {}
