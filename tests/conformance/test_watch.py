"""What a watch tells of which change, in which order."""

from collections.abc import Awaitable, Callable

from tests.conformance.samples import EVENTS, LEASES, ROLLOUT, ROUTE, RUN, SETS
from tests.conformance.server import Server, Watch, create


def told(watch: Watch, name: str, count: int) -> Callable[[], Awaitable[bool]]:
    async def is_so() -> bool:
        return len(watch.of(name)) >= count

    return is_so


async def test_every_change_is_told_once_in_order(server: Server) -> None:
    """ADDED, MODIFIED, DELETED, each with the object as it was then and a growing version."""
    api, kind, namespace = server.api, ROLLOUT.kind, server.namespace
    async with server.watching(kind) as watch:
        made = await create(server, ROLLOUT, "cart")
        changed = await api.patch_merge(kind, namespace, "cart", ROLLOUT.change)
        body = {"status": ROLLOUT.status}
        last = await api.patch_merge(kind, namespace, "cart", body, subresource="status")
        await api.patch_merge(kind, namespace, "cart", ROLLOUT.change)  # which changes nothing
        await api.delete(kind, namespace, "cart", uid=made["metadata"]["uid"])
        await server.until(told(watch, "cart", 4), "four events")
    assert watch.types("cart") == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    *before, end = [found for _, found in watch.of("cart")]
    assert before == [made, changed, last]
    versions = [int(found["metadata"]["resourceVersion"]) for found in (*before, end)]
    assert versions == sorted(set(versions))
    end["metadata"]["resourceVersion"] = last["metadata"]["resourceVersion"]
    assert end == last


async def test_a_finalizer_is_told_as_a_change_and_its_end_as_a_deletion(server: Server) -> None:
    """The deletion is asked for: MODIFIED. The last one is taken: DELETED."""
    api, kind, namespace = server.api, ROUTE.kind, server.namespace
    async with server.watching(kind) as watch:
        made = await create(server, ROUTE, "cart", finalizers=["davy.dev/a"])
        await api.delete(kind, namespace, "cart", uid=made["metadata"]["uid"])
        none = {"op": "replace", "path": "/metadata/finalizers", "value": []}
        await api.patch_json(kind, namespace, "cart", [none])
        await server.until(told(watch, "cart", 3), "three events")
    assert watch.types("cart") == ["ADDED", "MODIFIED", "DELETED"]
    _, going, gone = [found["metadata"] for _, found in watch.of("cart")]
    assert gone["deletionTimestamp"] == going["deletionTimestamp"]
    assert int(gone["resourceVersion"]) > int(going["resourceVersion"])
    assert gone["uid"] == made["metadata"]["uid"]


async def test_an_object_made_anew_is_another(server: Server) -> None:
    """Its uid tells them apart, in one stream."""
    api, kind, namespace = server.api, ROUTE.kind, server.namespace
    async with server.watching(kind) as watch:
        first = await create(server, ROUTE, "cart")
        await api.delete(kind, namespace, "cart", uid=first["metadata"]["uid"])
        second = await create(server, ROUTE, "cart")
        await server.until(told(watch, "cart", 3), "three events")
    assert watch.types("cart") == ["ADDED", "DELETED", "ADDED"]
    uids = [found["metadata"]["uid"] for _, found in watch.of("cart")]
    assert uids == [first["metadata"]["uid"]] * 2 + [second["metadata"]["uid"]]


async def test_a_watch_tells_of_its_own_kind(server: Server) -> None:
    """Leases, events and owned objects are other streams."""
    async with server.watching(SETS.kind) as watch:
        for sample in (RUN, EVENTS, LEASES):
            await create(server, sample, "cart")
        await create(server, SETS, "mine")
        await server.until(told(watch, "mine", 1), "the ReplicaSet")
    assert {found["metadata"]["name"] for _, found in watch.events} == {"mine"}
