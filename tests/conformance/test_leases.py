"""Leases as a leader election uses them, and Events as a recorder posts them."""

import pytest

from davy.api import errors
from tests.conformance.samples import EVENTS, LEASES
from tests.conformance.server import Server, create


async def test_of_two_who_take_a_lease_one_succeeds(server: Server) -> None:
    """Both read it free; the second's write is of an old version."""
    free = await create(server, LEASES, "davy")
    takes = [
        {
            "metadata": {"resourceVersion": free["metadata"]["resourceVersion"]},
            "spec": {"holderIdentity": name},
        }
        for name in ("two", "three")
    ]
    taken = await server.api.patch_merge(LEASES.kind, server.namespace, "davy", takes[0])
    with pytest.raises(errors.Conflict):
        await server.api.patch_merge(LEASES.kind, server.namespace, "davy", takes[1])
    assert await server.api.get(LEASES.kind, server.namespace, "davy") == taken
    assert taken["spec"]["holderIdentity"] == "two"


async def test_of_two_who_make_a_lease_one_succeeds(server: Server) -> None:
    """The second is told that it exists already."""
    await create(server, LEASES, "davy")
    with pytest.raises(errors.AlreadyExists):
        await create(server, LEASES, "davy")


async def test_a_renewal_is_a_write(server: Server) -> None:
    """Even a microsecond later: followers see that the holder lives by the version that moves."""
    made = await create(server, LEASES, "davy")
    body = {"spec": {"renewTime": "2026-01-01T00:00:00.000002Z"}}
    renewed = await server.api.patch_merge(LEASES.kind, server.namespace, "davy", body)
    assert renewed["spec"] == made["spec"] | body["spec"]
    assert renewed["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    again = await server.api.patch_merge(LEASES.kind, server.namespace, "davy", body)
    assert again == renewed


async def test_a_lease_held_by_nobody_is_valid(server: Server) -> None:
    """How a leader gives it back."""
    await create(server, LEASES, "davy")
    body = {"spec": {"holderIdentity": ""}}
    found = await server.api.patch_merge(LEASES.kind, server.namespace, "davy", body)
    assert found["spec"]["holderIdentity"] == ""


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"renewTime": "2026-01-01T00:00:00Z"}, id="whole seconds"),
        pytest.param({"acquireTime": "2026-01-01T00:00:00.5Z"}, id="one digit"),
        pytest.param({"renewTime": "2026-01-01 00:00:00.000001"}, id="no time zone"),
        pytest.param({"leaseDurationSeconds": 0}, id="no duration"),
        pytest.param({"leaseDurationSeconds": 2.5}, id="half a second"),
        pytest.param({"leaseTransitions": -1}, id="fewer than no transitions"),
    ],
)
async def test_a_lease_has_microseconds_and_whole_durations(
    server: Server, spec: dict[str, object]
) -> None:
    """Times with exactly six digits; a duration of at least a second."""
    made = await create(server, LEASES, "davy")
    with pytest.raises(errors.ApiFailure):
        await server.api.patch_merge(LEASES.kind, server.namespace, "davy", {"spec": spec})
    assert await server.api.get(LEASES.kind, server.namespace, "davy") == made


async def test_an_event_is_counted_up(server: Server) -> None:
    """The same words again: the count of the first, not another object."""
    made = await create(server, EVENTS, "cart.1")
    found = await server.api.patch_merge(
        EVENTS.kind, server.namespace, "cart.1", {"count": 2, "lastTimestamp": None}
    )
    assert (found["count"], found["message"]) == (2, made["message"])
    assert found.get("lastTimestamp") is None


async def test_an_event_is_about_something_in_its_own_namespace(server: Server) -> None:
    """Refused otherwise."""
    manifest = EVENTS.manifest("elsewhere", "cart.1")
    with pytest.raises(errors.Rejected):
        await server.api.create(EVENTS.kind, server.namespace, manifest)
