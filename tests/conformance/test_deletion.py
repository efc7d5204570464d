"""Finalizers and owners: what stays after a deletion, until when, and what may still be done."""

from typing import Any

import pytest

from davy.api import errors
from davy.api.group import ApiGroup
from tests.conformance.samples import ROLLOUT, ROUTE, RUN, SETS, Sample
from tests.conformance.server import Server, create

MINE, OTHER, NEW = "davy.dev/mine", "example.com/other", "example.com/new"
HELD = pytest.mark.parametrize("sample", [ROLLOUT, ROUTE, SETS], ids=lambda s: s.kind.kind)


async def going(server: Server, sample: Sample, *finalizers: str) -> Any:
    """An object that was deleted and is held by finalizers."""
    made = await create(server, sample, "cart", finalizers=list(finalizers))
    uid = made["metadata"]["uid"]
    await server.api.delete(sample.kind, server.namespace, "cart", uid=uid)
    return await server.api.get(sample.kind, server.namespace, "cart")


async def keep(server: Server, sample: Sample, *finalizers: str) -> Any:
    operation = {"op": "replace", "path": "/metadata/finalizers", "value": list(finalizers)}
    return await server.api.patch_json(sample.kind, server.namespace, "cart", [operation])


@HELD
async def test_a_held_object_stays_and_says_that_it_goes(server: Server, sample: Sample) -> None:
    """With a deletionTimestamp; that is a new generation: everybody's wish has changed."""
    found = await going(server, sample, MINE)
    assert found["metadata"]["deletionTimestamp"]
    assert found["metadata"]["finalizers"] == [MINE]
    assert found["metadata"]["generation"] == 2


@HELD
async def test_a_second_deletion_changes_nothing(server: Server, sample: Sample) -> None:
    """It is going already."""
    await going(server, sample, MINE)
    found = await server.settled(sample, "cart")
    uid = found["metadata"]["uid"]
    await server.api.delete(sample.kind, server.namespace, "cart", uid=uid)
    assert await server.api.get(sample.kind, server.namespace, "cart") == found


@HELD
async def test_the_last_finalizer_takes_the_object_with_it(server: Server, sample: Sample) -> None:
    """Not the first of two."""
    await going(server, sample, MINE, OTHER)
    found = await keep(server, sample, OTHER)
    assert found["metadata"]["finalizers"] == [OTHER]
    assert found["metadata"]["deletionTimestamp"]
    await keep(server, sample)
    with pytest.raises(errors.NotFound):
        await server.api.get(sample.kind, server.namespace, "cart")


@HELD
async def test_an_object_that_goes_can_still_be_written(server: Server, sample: Sample) -> None:
    """Spec, labels and status, so that its owner can end what it began."""
    await going(server, sample, MINE)
    api, kind, namespace = server.api, sample.kind, server.namespace
    found = await api.patch_merge(kind, namespace, "cart", sample.change)
    assert found["metadata"]["generation"] == 3
    body = {"status": sample.status}
    found = await api.patch_merge(kind, namespace, "cart", body, subresource="status")
    assert found["status"]
    found = await api.patch_merge(kind, namespace, "cart", {"metadata": {"labels": {"a": "b"}}})
    assert found["metadata"]["labels"]["a"] == "b"
    assert found["metadata"]["deletionTimestamp"]


@HELD
async def test_who_goes_gets_no_new_finalizer(server: Server, sample: Sample) -> None:
    """Refused for good, not a Conflict: trying again doesn't help."""
    await going(server, sample, MINE)
    found = await server.settled(sample, "cart")
    with pytest.raises(errors.Rejected) as told:
        await keep(server, sample, MINE, NEW)
    assert told.value.status == 422
    assert await server.api.get(sample.kind, server.namespace, "cart") == found


async def test_a_deletion_timestamp_is_the_servers_to_set(server: Server) -> None:
    """Nobody deletes by a patch, nor takes a deletion back."""
    made = await create(server, ROUTE, "cart", finalizers=[MINE])
    stamp = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    kind, namespace = ROUTE.kind, server.namespace
    with pytest.raises(errors.Rejected):
        await server.api.patch_merge(kind, namespace, "cart", stamp)
    assert await server.api.get(kind, namespace, "cart") == made
    await server.api.delete(kind, namespace, "cart", uid=made["metadata"]["uid"])
    going = (await server.api.get(kind, namespace, "cart"))["metadata"]
    for body in (stamp, {"metadata": {"deletionTimestamp": None}}):
        found = await server.api.patch_merge(kind, namespace, "cart", body)
        assert found["metadata"]["deletionTimestamp"] == going["deletionTimestamp"]


def owner(found: Any, sample: Sample = ROLLOUT, *, controller: bool = True) -> Any:
    return {
        "apiVersion": sample.kind.api_version,
        "kind": sample.kind.kind,
        "name": found["metadata"]["name"],
        "uid": found["metadata"]["uid"],
        "controller": controller,
        "blockOwnerDeletion": True,
    }


async def gone(server: Server, sample: Sample, name: str) -> bool:
    try:
        await server.api.get(sample.kind, server.namespace, name)
    except errors.NotFound:
        return True
    return False


async def test_what_an_object_owns_goes_after_it(server: Server) -> None:
    """And what that owns, in its turn; what others own stays."""
    rollout = await create(server, ROLLOUT, "cart")
    other = await create(server, ROLLOUT, "other")
    owned = await create(server, SETS, "cart-1", ownerReferences=[owner(rollout)])
    await create(server, RUN, "cart-1-run", ownerReferences=[owner(owned, SETS)])
    await create(server, SETS, "other-1", ownerReferences=[owner(other)])
    await server.api.delete(ROLLOUT.kind, server.namespace, "cart", uid=rollout["metadata"]["uid"])
    await server.until(lambda: gone(server, SETS, "cart-1"), "the ReplicaSet is collected")
    await server.until(lambda: gone(server, RUN, "cart-1-run"), "the run is collected")
    assert not await gone(server, SETS, "other-1")


async def test_nothing_is_collected_while_its_owner_is_held(server: Server) -> None:
    """A finalizer keeps the ReplicaSets too: traffic is put back on them first."""
    made = await create(server, ROLLOUT, "cart", finalizers=[ApiGroup().finalizer])
    await create(server, SETS, "cart-1", ownerReferences=[owner(made)])
    uid = made["metadata"]["uid"]
    await server.api.delete(ROLLOUT.kind, server.namespace, "cart", uid=uid)
    sure = await create(server, ROLLOUT, "sure")
    await create(server, SETS, "sure-1", ownerReferences=[owner(sure)])
    uid = sure["metadata"]["uid"]
    await server.api.delete(ROLLOUT.kind, server.namespace, "sure", uid=uid)
    await server.until(lambda: gone(server, SETS, "sure-1"), "the collector has come by")
    assert not await gone(server, SETS, "cart-1")
    await keep(server, ROLLOUT)
    await server.until(lambda: gone(server, SETS, "cart-1"), "the ReplicaSet is collected")


async def test_what_is_collected_may_be_held_as_well(server: Server) -> None:
    """An owned object with a finalizer says that it goes, and stays."""
    made = await create(server, ROLLOUT, "cart")
    await create(server, RUN, "run", ownerReferences=[owner(made)], finalizers=[OTHER])
    uid = made["metadata"]["uid"]
    await server.api.delete(ROLLOUT.kind, server.namespace, "cart", uid=uid)

    async def is_going() -> bool:
        found = await server.api.get(RUN.kind, server.namespace, "run")
        return "deletionTimestamp" in found["metadata"]

    await server.until(is_going, "the run is going")


async def test_an_object_of_two_owners_goes_with_the_last(server: Server) -> None:
    """The reference to the first is all that goes with it."""
    first, second = [await create(server, ROLLOUT, name) for name in ("a", "b")]
    both = [owner(first), owner(second, controller=False)]
    await create(server, SETS, "shared", ownerReferences=both)
    namespace = server.namespace
    await server.api.delete(ROLLOUT.kind, namespace, "a", uid=first["metadata"]["uid"])

    async def one_left() -> bool:
        found = await server.api.get(SETS.kind, namespace, "shared")
        return [each["name"] for each in found["metadata"]["ownerReferences"]] == ["b"]

    await server.until(one_left, "the first owner's reference is taken off")
    await server.api.delete(ROLLOUT.kind, namespace, "b", uid=second["metadata"]["uid"])
    await server.until(lambda: gone(server, SETS, "shared"), "the ReplicaSet is collected")
