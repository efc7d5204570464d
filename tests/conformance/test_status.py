"""The /status split: two doors to one object, and neither opens the other's room."""

from typing import Any

import pytest

from davy.api import errors
from tests.conformance.samples import EVENTS, LEASES, ROLLOUT, TEMPLATE, WITH_STATUS, Sample
from tests.conformance.server import Server, create


async def write_status(server: Server, sample: Sample, **more: Any) -> Any:
    return await server.api.patch_merge(
        sample.kind,
        server.namespace,
        "cart",
        {"status": sample.status, **more},
        subresource="status",
    )


def has(found: Any, sample: Sample) -> bool:
    """The sample's status is in it, defaults of the server apart."""
    return bool(_within(sample.status, found.get("status") or {}))


def _within(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and _within(value, found[name]) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(wanted) == len(found) and all(map(_within, wanted, found))
    return bool(wanted == found)


@WITH_STATUS
async def test_a_status_is_written_through_its_own_door(server: Server, sample: Sample) -> None:
    """The generation stays: nobody wishes for another state."""
    made = await create(server, sample, "cart")
    assert not has(made, sample)
    found = await write_status(server, sample)
    assert has(found, sample)
    assert found["spec"] == made["spec"]
    assert found["metadata"].get("generation") == made["metadata"].get("generation")
    assert int(found["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert await server.api.get(sample.kind, server.namespace, "cart") == found


@WITH_STATUS
async def test_a_spec_through_the_status_door_is_ignored(server: Server, sample: Sample) -> None:
    """Silently."""
    made = await create(server, sample, "cart")
    found = await write_status(server, sample, **sample.change)
    assert has(found, sample)
    assert found["spec"] == made["spec"]


@WITH_STATUS
async def test_a_status_through_the_main_door_is_ignored(server: Server, sample: Sample) -> None:
    """Silently, by a merge patch, a JSON patch and at creation; the rest of the patch is done."""
    await create(server, sample, "cart")
    held = (await write_status(server, sample))["status"]
    api, kind, namespace = server.api, sample.kind, server.namespace
    operation = {"op": "add", "path": "/status", "value": {}}
    found = await api.patch_json(kind, namespace, "cart", [operation])
    assert found["status"] == held
    body = {"status": None, **sample.change}
    found = await api.patch_merge(kind, namespace, "cart", body)
    assert found["status"] == held
    assert _within(sample.change["spec"], found["spec"])
    manifest = sample.manifest(namespace, "born") | {"status": sample.status}
    assert not has(await api.create(kind, namespace, manifest), sample)


async def test_metadata_through_the_status_door_is_ignored(server: Server) -> None:
    """Labels, annotations and finalizers of a custom resource are not its status."""
    made = await create(server, ROLLOUT, "cart")
    metadata = {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["davy.dev/a"]}
    found = await write_status(server, ROLLOUT, metadata=metadata)
    for name in ("labels", "annotations", "finalizers"):
        assert found["metadata"].get(name) == made["metadata"].get(name)


async def test_a_status_is_merged_not_replaced(server: Server) -> None:
    """Fields that a patch doesn't name stay; null removes one; null for all removes all."""
    await create(server, ROLLOUT, "cart")
    api, kind, namespace = server.api, ROLLOUT.kind, server.namespace

    async def after(status: Any) -> Any:
        body = {"status": status}
        found = await api.patch_merge(kind, namespace, "cart", body, subresource="status")
        return found.get("status") or {}

    assert await after({"phase": "Paused", "message": "waits"}) == {
        "phase": "Paused",
        "message": "waits",
    }
    assert await after({"phase": None, "currentStepIndex": 2}) == {
        "message": "waits",
        "currentStepIndex": 2,
    }
    assert await after(None) == {}


@pytest.mark.parametrize("sample", [TEMPLATE, EVENTS, LEASES], ids=lambda sample: sample.kind.kind)
async def test_a_kind_without_the_door_has_no_such_path(server: Server, sample: Sample) -> None:
    """Writing there finds nothing."""
    await create(server, sample, "cart")
    with pytest.raises(errors.NotFound):
        await server.api.patch_merge(
            sample.kind, server.namespace, "cart", {"status": {"a": 1}}, subresource="status"
        )
