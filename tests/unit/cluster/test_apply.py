from datetime import UTC, datetime
from typing import Any

import pytest

from davy.api import errors
from davy.api.group import ApiGroup
from davy.cluster import apply
from davy.cluster.cache import Json
from davy.cluster.kinds import REPLICA_SET, Kind, Kinds
from tests.sim.cluster import Cluster

KINDS = Kinds(ApiGroup())
GROUP = KINDS.api_group
FIRST = {GROUP.revision_annotation: "1"}
OWNER = apply.Owner(KINDS.rollout, "shop", "cart", "uid-cart")
WHEN = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


def a_new_one(**fields: Any) -> apply.NewReplicaSet:
    values: dict[str, Any] = {
        "name": "cart-abc",
        "hash": "abc",
        "revision": 2,
        "replicas": 1,
        "desired": 4,
        "min_ready_seconds": 0,
        "selector": {"matchLabels": {"app": "cart"}},
        "template": {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": []}},
    }
    return apply.NewReplicaSet(**values | fields)


TEMPLATE = {
    "rollout.davy.dev/template": '{"metadata":{"labels":{"app":"cart"}},"spec":{"containers":[]}}'
}


async def a_replica_set(cluster: Cluster, **fields: Any) -> Json:
    body = apply.replica_set(OWNER, a_new_one(**fields), GROUP)
    return await apply.create(cluster, OWNER, REPLICA_SET, body, strict=True)


def a_rollout(cluster: Cluster, **metadata: Any) -> Json:
    return cluster.put(
        KINDS.rollout,
        {"metadata": {"namespace": "shop", "name": "cart", **metadata}, "spec": {}},
    )


def test_selector_template_and_labels_carry_the_hash() -> None:
    """Pods of two revisions are never one ReplicaSet's; the user's template isn't changed."""
    new = a_new_one(min_ready_seconds=3)
    made = apply.replica_set(OWNER, new, GROUP)
    labels = {"app": "cart", "rollouts-pod-template-hash": "abc"}
    assert made["spec"]["selector"]["matchLabels"] == labels
    assert made["spec"]["template"]["metadata"]["labels"] == labels
    assert made["metadata"]["labels"] == labels
    assert made["spec"]["minReadySeconds"] == 3
    assert made["metadata"]["annotations"] == {
        "rollout.davy.dev/revision": "2",
        "rollout.davy.dev/desired-replicas": "4",
        **TEMPLATE,
    }
    (owner,) = made["metadata"]["ownerReferences"]
    assert owner["controller"]
    assert owner["blockOwnerDeletion"]
    assert new.template["metadata"]["labels"] == {"app": "cart"}


def test_a_template_that_is_too_long_for_an_annotation_isnt_kept() -> None:
    """The server would refuse the whole ReplicaSet."""
    long = {"metadata": {"labels": {"app": "cart"}}, "spec": {"hostname": "é" * 70_000}}
    made = apply.replica_set(OWNER, a_new_one(template=long), GROUP)
    assert GROUP.template_annotation not in made["metadata"]["annotations"]
    assert made["spec"]["template"]["spec"] == long["spec"]


async def test_creating_twice_is_creating_once() -> None:
    """After a crash between the creation and its record the same object is found."""
    cluster = Cluster()
    first = await a_replica_set(cluster)
    assert await a_replica_set(cluster) == first
    assert len(cluster.every(REPLICA_SET)) == 1


async def test_somebody_elses_object_of_that_name_is_refused() -> None:
    """Neither taken over nor overwritten: a sentence says whose it is."""
    cluster = Cluster()
    other = {"kind": "Deployment", "name": "x", "uid": "uid-x", "controller": True}
    cluster.put(
        REPLICA_SET,
        {"metadata": {"namespace": "shop", "name": "cart-abc", "ownerReferences": [other]}},
    )
    with pytest.raises(errors.Rejected, match=r"controlled by Deployment x .* Delete or rename it"):
        await a_replica_set(cluster)


async def test_an_orphan_of_that_name_is_refused() -> None:
    """Nor is one that nobody controls."""
    cluster = Cluster()
    cluster.put(REPLICA_SET, {"metadata": {"namespace": "shop", "name": "cart-abc"}})
    with pytest.raises(errors.Rejected, match="nothing controls it"):
        await a_replica_set(cluster)


async def test_scaling_to_what_is_sends_nothing() -> None:
    """An action that is repeated costs no write."""
    cluster = Cluster()
    found = await a_replica_set(cluster)
    cluster.writes.clear()
    sent = await apply.scale_replica_set(cluster, found, replicas=1, desired=4, api_group=GROUP)
    assert sent is None
    assert cluster.writes == []


async def test_scaling_takes_the_deadline_away() -> None:
    """One patch: replicas, the desired count, no deadline any more."""
    cluster = Cluster()
    found = await a_replica_set(cluster)
    marked = await apply.mark_replica_set(
        cluster, found, revision=2, scale_down_at=WHEN, api_group=GROUP
    )
    assert marked is not None
    assert marked["metadata"]["annotations"]["scale-down-deadline"] == "2026-01-01T12:00:30.000Z"
    cluster.writes.clear()
    made = await apply.scale_replica_set(cluster, marked, replicas=3, desired=6, api_group=GROUP)
    assert made is not None
    assert made["spec"]["replicas"] == 3
    assert made["metadata"]["annotations"] == {
        "rollout.davy.dev/revision": "2",
        "rollout.davy.dev/desired-replicas": "6",
        **TEMPLATE,
    }
    assert len(cluster.writes) == 1


async def test_a_replica_set_that_changed_meanwhile_isnt_scaled() -> None:
    """An HPA or a person was faster: look again first."""
    cluster = Cluster()
    found = await a_replica_set(cluster)
    cluster.edit(REPLICA_SET, "shop", "cart-abc", lambda o: o["spec"].update(replicas=9))
    with pytest.raises(errors.Conflict):
        await apply.scale_replica_set(cluster, found, replicas=3, desired=4, api_group=GROUP)


async def test_a_replica_set_with_pods_isnt_deleted() -> None:
    """Whatever the plan said."""
    cluster = Cluster()
    found = await a_replica_set(cluster)
    with pytest.raises(errors.Conflict, match="has or wants 1 pods"):
        await apply.delete_replica_set(cluster, found)
    empty = await apply.scale_replica_set(cluster, found, replicas=0, desired=4, api_group=GROUP)
    assert empty is not None
    await apply.delete_replica_set(cluster, empty)
    assert cluster.every(REPLICA_SET) == []


async def test_a_replica_set_that_was_scaled_up_meanwhile_isnt_deleted() -> None:
    """I4: the one who decided it was asleep since, or his watch lags."""
    cluster = Cluster()
    found = await a_replica_set(cluster)
    empty = await apply.scale_replica_set(cluster, found, replicas=0, desired=4, api_group=GROUP)
    assert empty is not None
    await apply.scale_replica_set(cluster, empty, replicas=4, desired=4, api_group=GROUP)
    with pytest.raises(errors.Conflict):
        await apply.delete_replica_set(cluster, empty)
    assert [each["spec"]["replicas"] for each in cluster.every(REPLICA_SET)] == [4]


async def test_other_finalizers_stay() -> None:
    """Davy's comes and goes, everybody else's is left alone (I9)."""
    cluster = Cluster()
    found = a_rollout(cluster, finalizers=["theirs"])
    made = await apply.mark_rollout(cluster, KINDS, found, finalizer=True, annotations=FIRST)
    assert made is not None
    assert made["metadata"]["finalizers"] == ["theirs", GROUP.finalizer]
    assert made["metadata"]["annotations"] == {"rollout.davy.dev/revision": "1"}
    gone = await apply.mark_rollout(cluster, KINDS, made, finalizer=False, annotations=FIRST)
    assert gone is not None
    assert gone["metadata"]["finalizers"] == ["theirs"]
    assert await apply.mark_rollout(cluster, KINDS, gone, finalizer=False, annotations={}) is None


async def test_a_rollout_that_changed_meanwhile_isnt_marked() -> None:
    """The patch tests the resourceVersion."""
    cluster = Cluster()
    found = a_rollout(cluster)
    a_rollout(cluster, labels={"new": "1"})
    with pytest.raises(errors.Conflict):
        await apply.mark_rollout(cluster, KINDS, found, finalizer=True, annotations=FIRST)


async def test_a_status_that_is_so_already_isnt_written() -> None:
    """Compared first: every write of Davy's comes back as an event to all who watch."""
    cluster = Cluster()
    found = a_rollout(cluster)
    same = {"phase": "Healthy"}
    assert await apply.write_status(cluster, KINDS.rollout, found, before=same, after=same) is None
    assert cluster.writes == []


class Pruning(Cluster):
    """A server whose CRD knows none of the fields that are sent."""

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """The object as it was."""
        assert subresource == "status", body
        return await self.get(kind, namespace, name)


async def test_a_status_that_the_server_drops_is_no_change() -> None:
    """Argo's own CRDs prune Davy's fields: a pass that took that for news would never end."""
    cluster = Pruning()
    found = a_rollout(cluster)
    made = await apply.write_status(
        cluster, KINDS.rollout, found, before={}, after={"traffic": {"wanted": 10}}
    )
    assert made is None


async def test_a_verb_between_reading_and_writing_is_never_lost() -> None:
    """H7: an abort written meanwhile makes the status write a Conflict."""
    cluster = Cluster()
    found = a_rollout(cluster)
    cluster.edit(KINDS.rollout, "shop", "cart", lambda o: o.update(status={"abort": True}))
    with pytest.raises(errors.Conflict):
        await apply.write_status(
            cluster, KINDS.rollout, found, before={}, after={"phase": "Progressing"}
        )
    held = cluster.peek(KINDS.rollout, "shop", "cart")
    assert held is not None
    assert held["status"] == {"abort": True}


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"a": None}),
        ({"a": 1}, {"a": 1, "b": 2}, {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": 1}, {"a": True}, {"a": True}),
        ({"a": 0}, {"a": False}, {"a": False}),
        ({"a": {"b": 1}}, {"a": 3}, {"a": 3}),
    ],
)
def test_only_what_differs_is_sent(before: Json, after: Json, patch: Json) -> None:
    """A merge patch (RFC 7386): null removes, lists are whole."""
    assert apply.difference(before, after) == patch


async def test_a_run_is_terminated_once() -> None:
    """And never again."""
    cluster = Cluster()
    kind = KINDS.analysis_run
    found = cluster.put(kind, {"metadata": {"namespace": "shop", "name": "r"}, "spec": {}})
    made = await apply.terminate_run(cluster, KINDS, found)
    assert made is not None
    assert made["spec"]["terminate"] is True
    assert await apply.terminate_run(cluster, KINDS, made) is None


async def test_a_run_that_went_on_meanwhile_isnt_terminated() -> None:
    """What it measured since is looked at first."""
    cluster = Cluster()
    manifest = {"metadata": {"namespace": "shop", "name": "run"}, "spec": {}}
    found = cluster.put(KINDS.analysis_run, manifest)
    cluster.put(KINDS.analysis_run, {**found, "status": {"phase": "Successful"}})
    with pytest.raises(errors.Conflict):
        await apply.terminate_run(cluster, KINDS, found)
