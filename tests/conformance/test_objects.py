"""Get, list, create, delete, and what each says when it can't."""

import pytest

from davy.api import errors
from davy.api.group import POD_TEMPLATE_HASH_LABEL
from tests.conformance.samples import EACH, LEASES, ROLLOUT, ROUTE, SETS, Sample
from tests.conformance.server import Server, create


@EACH
async def test_a_created_object_is_got_as_it_was_created(server: Server, sample: Sample) -> None:
    """With a uid, a resourceVersion and its namespace; reading it changes nothing."""
    made = await create(server, sample, "cart")
    found = await server.api.get(sample.kind, server.namespace, "cart")
    assert found == made
    metadata = found["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("cart", server.namespace)
    assert metadata["uid"]
    assert int(metadata["resourceVersion"]) > 0
    assert metadata["labels"] == sample.manifest("", "")["metadata"]["labels"]
    assert (found["apiVersion"], found["kind"]) == (sample.kind.api_version, sample.kind.kind)


@EACH
async def test_a_generation_starts_at_one_or_there_is_none(server: Server, sample: Sample) -> None:
    """Services, Events and Leases have none."""
    made = await create(server, sample, "cart")
    assert made["metadata"].get("generation") == (1 if sample.has_generation else None)


@EACH
async def test_a_name_is_given_once(server: Server, sample: Sample) -> None:
    """AlreadyExists, which isn't a Conflict: nobody changed what was read."""
    await create(server, sample, "cart")
    with pytest.raises(errors.AlreadyExists) as told:
        await server.api.create(
            sample.kind, server.namespace, sample.manifest(server.namespace, "cart")
        )
    assert told.value.status == 409


@EACH
async def test_what_is_not_there_is_not_found(server: Server, sample: Sample) -> None:
    """By get and by both patches; a deletion has nothing left to do."""
    kind, namespace = sample.kind, server.namespace
    with pytest.raises(errors.NotFound):
        await server.api.get(kind, namespace, "cart")
    with pytest.raises(errors.NotFound):
        await server.api.patch_merge(kind, namespace, "cart", sample.change)
    with pytest.raises(errors.NotFound):
        await server.api.patch_json(
            kind, namespace, "cart", [{"op": "add", "path": "/metadata/labels", "value": {}}]
        )
    await server.api.delete(kind, namespace, "cart", uid="4711")


async def test_a_version_is_the_servers_to_give(server: Server) -> None:
    """An object with a resourceVersion can't be created."""
    with pytest.raises(errors.ApiFailure):
        await create(server, ROLLOUT, "cart", resourceVersion="7")


async def test_another_objects_uid_protects_from_deletion(server: Server) -> None:
    """The deletion of an earlier object of that name leaves the later one alone."""
    made = await create(server, ROUTE, "cart")
    with pytest.raises(errors.Conflict) as told:
        await server.api.delete(ROUTE.kind, server.namespace, "cart", uid="4711")
    assert told.value.status == 409
    assert await server.api.get(ROUTE.kind, server.namespace, "cart") == made


async def test_a_version_protects_from_deletion_too(server: Server) -> None:
    """What was decided from an old state; of the version of now it is done."""
    made = await create(server, ROUTE, "cart")
    api, kind, namespace = server.api, ROUTE.kind, server.namespace
    now = await api.patch_merge(kind, namespace, "cart", ROUTE.change)
    uid, old = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    with pytest.raises(errors.Conflict) as told:
        await api.delete(kind, namespace, "cart", uid=uid, version=old)
    assert told.value.status == 409
    assert await api.get(kind, namespace, "cart") == now
    await api.delete(kind, namespace, "cart", uid=uid, version=now["metadata"]["resourceVersion"])
    with pytest.raises(errors.NotFound):
        await api.get(kind, namespace, "cart")


async def test_a_deleted_object_is_gone_and_its_name_is_free(server: Server) -> None:
    """The next one of that name is another: new uid, generation 1, a later resourceVersion."""
    made = await create(server, ROUTE, "cart")
    await server.api.patch_merge(ROUTE.kind, server.namespace, "cart", ROUTE.change)
    await server.api.delete(ROUTE.kind, server.namespace, "cart", uid=made["metadata"]["uid"])
    with pytest.raises(errors.NotFound):
        await server.api.get(ROUTE.kind, server.namespace, "cart")
    again = (await create(server, ROUTE, "cart"))["metadata"]
    assert again["uid"] != made["metadata"]["uid"]
    assert again["generation"] == 1
    assert int(again["resourceVersion"]) > int(made["metadata"]["resourceVersion"]) + 1


async def test_a_list_has_the_namespaces_objects_by_name(server: Server) -> None:
    """And a resourceVersion, not before that of any of them."""
    made = {name: await create(server, ROUTE, name) for name in ("b", "a", "c")}
    await create(server, LEASES, "d")
    listing = await server.api.list(ROUTE.kind, server.namespace)
    assert [item["metadata"]["name"] for item in listing.items] == ["a", "b", "c"]
    assert [item["spec"] for item in listing.items] == [made["a"]["spec"]] * 3
    newest = max(int(item["metadata"]["resourceVersion"]) for item in listing.items)
    assert int(listing.resource_version) >= newest


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", ["a", "b", "c"]),
        ("tier", ["a", "b"]),
        ("tier=web", ["a"]),
        ("tier,app=shop", ["b"]),
    ],
)
async def test_a_list_is_narrowed_by_labels(
    server: Server, selector: str, names: list[str]
) -> None:
    """Presence, equality, and several at once."""
    await create(server, ROUTE, "a", labels={"tier": "web"})
    await create(server, ROUTE, "b", labels={"tier": "db", "app": "shop"})
    await create(server, ROUTE, "c")
    listing = await server.api.list(ROUTE.kind, server.namespace, selector=selector)
    assert [item["metadata"]["name"] for item in listing.items] == names


async def test_a_kinds_own_selector_narrows_its_list(server: Server) -> None:
    """ReplicaSets without the pod template hash are nobody's business."""
    assert SETS.kind.selector == POD_TEMPLATE_HASH_LABEL
    await create(server, SETS, "mine")
    await create(server, SETS, "other")
    without = {"metadata": {"labels": {POD_TEMPLATE_HASH_LABEL: None}}}
    await server.api.patch_merge(SETS.kind, server.namespace, "other", without)
    listing = await server.api.list(SETS.kind, server.namespace)
    assert [item["metadata"]["name"] for item in listing.items] == ["mine"]
