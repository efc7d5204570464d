"""resourceVersion and generation: what moves them, and what they protect."""

import pytest

from davy.api import errors
from davy.cluster.client import Json
from tests.conformance.samples import EACH, ROLLOUT, ROUTE, Sample
from tests.conformance.server import Server, create

LABEL = {"metadata": {"labels": {"seen": "yes"}}}


def version(found: Json) -> int:
    return int(found["metadata"]["resourceVersion"])


@EACH
async def test_a_change_of_the_spec_moves_both(server: Server, sample: Sample) -> None:
    """The answer to a patch is the object as it is from then on."""
    made = await create(server, sample, "cart")
    patched = await server.api.patch_merge(sample.kind, server.namespace, "cart", sample.change)
    assert version(patched) > version(made)
    assert patched["metadata"].get("generation") == (2 if sample.has_generation else None)
    for name, value in sample.change.items():
        changed = {**made[name], **value} if isinstance(value, dict) else value
        assert patched[name] == changed
    assert patched["metadata"]["uid"] == made["metadata"]["uid"]


@EACH
async def test_a_change_of_metadata_leaves_the_generation(server: Server, sample: Sample) -> None:
    """A label is nobody's wish for another state."""
    made = await create(server, sample, "cart")
    patched = await server.api.patch_merge(sample.kind, server.namespace, "cart", LABEL)
    assert version(patched) > version(made)
    assert patched["metadata"].get("generation") == made["metadata"].get("generation")


@EACH
@pytest.mark.parametrize("how", ["merge", "json", "status"])
async def test_what_changes_nothing_is_no_write(server: Server, sample: Sample, how: str) -> None:
    """The resourceVersion stays, so a write that was repeated wakes nobody."""
    await create(server, sample, "cart")
    api, kind, namespace = server.api, sample.kind, server.namespace
    await api.patch_merge(kind, namespace, "cart", sample.change)
    found = await server.settled(sample, "cart")
    match how:
        case "merge":
            again = await api.patch_merge(kind, namespace, "cart", sample.change)
        case "json":
            path, value = "/metadata/labels/app", found["metadata"]["labels"]["app"]
            operation = {"op": "replace", "path": path, "value": value}
            again = await api.patch_json(kind, namespace, "cart", [operation])
        case _:
            if sample.status is None:
                return
            body = {"status": sample.status}
            found = await api.patch_merge(kind, namespace, "cart", body, subresource="status")
            again = await api.patch_merge(kind, namespace, "cart", body, subresource="status")
    assert again == found
    assert await api.get(kind, namespace, "cart") == found


@EACH
async def test_a_merge_patch_of_an_old_version_is_a_conflict(
    server: Server, sample: Sample
) -> None:
    """And changes nothing; of the version of now it is taken."""
    made = await create(server, sample, "cart")
    now = await server.api.patch_merge(sample.kind, server.namespace, "cart", LABEL)
    for wrong in (version(made), version(now) + 1):
        body = {"metadata": {"resourceVersion": str(wrong)}, **sample.change}
        with pytest.raises(errors.Conflict) as told:
            await server.api.patch_merge(sample.kind, server.namespace, "cart", body)
        assert told.value.status == 409
    assert await server.api.get(sample.kind, server.namespace, "cart") == now
    body = {"metadata": {"resourceVersion": str(version(now))}, **sample.change}
    assert version(
        await server.api.patch_merge(sample.kind, server.namespace, "cart", body)
    ) > version(now)


async def test_an_old_version_is_a_conflict_though_nothing_would_change(server: Server) -> None:
    """What was decided from an old state isn't confirmed by chance."""
    made = await create(server, ROUTE, "cart")
    await server.api.patch_merge(ROUTE.kind, server.namespace, "cart", ROUTE.change)
    body = {"metadata": {"resourceVersion": str(version(made))}, **ROUTE.change}
    with pytest.raises(errors.Conflict):
        await server.api.patch_merge(ROUTE.kind, server.namespace, "cart", body)


async def test_a_write_of_the_status_conflicts_too(server: Server) -> None:
    """Spec and status share one resourceVersion."""
    made = await create(server, ROLLOUT, "cart")
    await server.api.patch_merge(ROLLOUT.kind, server.namespace, "cart", ROLLOUT.change)
    body = {"metadata": {"resourceVersion": str(version(made))}, "status": ROLLOUT.status}
    with pytest.raises(errors.Conflict):
        await server.api.patch_merge(
            ROLLOUT.kind, server.namespace, "cart", body, subresource="status"
        )


async def test_a_json_patch_tests_the_version(server: Server) -> None:
    """A failed `test` is a Conflict: the object moved since it was read."""
    made = await create(server, ROLLOUT, "cart")
    now = await server.api.patch_merge(ROLLOUT.kind, server.namespace, "cart", LABEL)
    change = {"op": "replace", "path": "/spec/replicas", "value": 7}
    for found, taken in ((made, False), (now, True)):
        path, value = "/metadata/resourceVersion", str(version(found))
        operations: list[Json] = [{"op": "test", "path": path, "value": value}, change]
        if taken:
            patched = await server.api.patch_json(
                ROLLOUT.kind, server.namespace, "cart", operations
            )
            assert patched["spec"]["replicas"] == 7
            continue
        with pytest.raises(errors.Conflict):
            await server.api.patch_json(ROLLOUT.kind, server.namespace, "cart", operations)
        assert await server.api.get(ROLLOUT.kind, server.namespace, "cart") == now


async def test_versions_are_one_sequence_over_all_kinds(server: Server) -> None:
    """Two writes of different objects can be put in order."""
    first = await create(server, ROLLOUT, "cart")
    second = await create(server, ROUTE, "cart")
    third = await server.api.patch_merge(ROLLOUT.kind, server.namespace, "cart", LABEL)
    assert version(first) < version(second) < version(third)
