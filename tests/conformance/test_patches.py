"""Merge patches (RFC 7386) and JSON patches (RFC 6902)."""

from typing import Any

import pytest

from davy.api import errors
from tests.conformance.samples import HTTP, ROLLOUT, ROUTE, SETS
from tests.conformance.server import Server, create

WEIGHT = "/spec/http/0/route/{}/weight"


async def test_null_removes_and_the_rest_stays(server: Server) -> None:
    """A null for what isn't there is no change; null inside what is new is dropped."""
    await create(server, ROUTE, "cart", annotations={"a": "1", "b": "2"})
    api, kind, namespace = server.api, ROUTE.kind, server.namespace
    body: dict[str, Any] = {"metadata": {"annotations": {"a": None, "c": "3", "x": None}}}
    found = await api.patch_merge(kind, namespace, "cart", body)
    assert found["metadata"]["annotations"] == {"b": "2", "c": "3"}
    assert found["metadata"]["labels"]
    again = await api.patch_merge(kind, namespace, "cart", body)
    assert again == found


async def test_a_list_is_replaced_as_a_whole(server: Server) -> None:
    """Merge patches know no lists."""
    await create(server, ROUTE, "cart")
    hosts = {"spec": {"hosts": ["a.example", "b.example"]}}
    found = await server.api.patch_merge(ROUTE.kind, server.namespace, "cart", hosts)
    assert found["spec"] == {**ROUTE.body["spec"], **hosts["spec"]}


@pytest.mark.parametrize("sample", [ROUTE, SETS], ids=lambda sample: sample.kind.kind)
@pytest.mark.parametrize("field", ["annotations", "labels"])
async def test_the_last_one_takes_the_map_with_it(server: Server, sample: Any, field: str) -> None:
    """An empty map is none: JSON patches must make it before they add to it."""
    await create(server, sample, "cart", annotations={"a": "1"})
    kind, namespace = sample.kind, server.namespace
    held = (await server.api.get(kind, namespace, "cart"))["metadata"][field]
    gone = {"metadata": {field: dict.fromkeys(held)}}
    found = await server.api.patch_merge(kind, namespace, "cart", gone)
    assert field not in found["metadata"]
    add = {"op": "add", "path": f"/metadata/{field}/b", "value": "2"}
    with pytest.raises(errors.Conflict):
        await server.api.patch_json(kind, namespace, "cart", [add])
    made = {"op": "add", "path": f"/metadata/{field}", "value": {}}
    found = await server.api.patch_json(kind, namespace, "cart", [made, add])
    assert found["metadata"][field] == {"b": "2"}


async def test_a_merge_patch_for_another_uid_is_refused(server: Server) -> None:
    """One that was recreated under the name since isn't changed."""
    made = await create(server, SETS, "cart")
    api, kind, namespace = server.api, SETS.kind, server.namespace
    labels = {"labels": {"a": "1"}}
    with pytest.raises(errors.Rejected):
        await api.patch_merge(kind, namespace, "cart", {"metadata": {"uid": "other", **labels}})
    mine = {"metadata": {"uid": made["metadata"]["uid"], **labels}}
    found = await api.patch_merge(kind, namespace, "cart", mine)
    assert found["metadata"]["labels"]["a"] == "1"


async def test_no_finalizers_are_none(server: Server) -> None:
    """An empty list of finalizers isn't kept."""
    await create(server, ROUTE, "cart", finalizers=["davy.dev/a"])
    operation = {"op": "replace", "path": "/metadata/finalizers", "value": []}
    found = await server.api.patch_json(ROUTE.kind, server.namespace, "cart", [operation])
    assert "finalizers" not in found["metadata"]


async def test_weights_change_together_when_every_test_holds(server: Server) -> None:
    """The leaves that are named, and nothing else."""
    await create(server, ROUTE, "cart")
    operations = [
        {"op": "test", "path": WEIGHT.format(0), "value": 90},
        {"op": "test", "path": WEIGHT.format(1), "value": 10},
        {"op": "replace", "path": WEIGHT.format(0), "value": 50},
        {"op": "replace", "path": WEIGHT.format(1), "value": 50},
    ]
    found = await server.api.patch_json(ROUTE.kind, server.namespace, "cart", operations)
    route = found["spec"]["http"][0]["route"]
    assert [entry["weight"] for entry in route] == [50, 50]
    for entry in route:
        entry["weight"] = 0
    assert [entry["destination"]["host"] for entry in route] == ["cart", "cart-canary"]
    assert found["spec"]["hosts"] == ["cart.example"]


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "test", "path": WEIGHT.format(1), "value": 11}, id="another value"),
        pytest.param({"op": "test", "path": WEIGHT.format(1), "value": "10"}, id="another type"),
        pytest.param({"op": "test", "path": "/spec/hosts", "value": ["x"]}, id="another list"),
        pytest.param({"op": "test", "path": "/spec/tcp", "value": []}, id="test of no field"),
        pytest.param(
            {"op": "test", "path": WEIGHT.format(2), "value": 10}, id="test beyond the list"
        ),
        pytest.param({"op": "remove", "path": "/spec/tcp"}, id="remove of no field"),
        pytest.param({"op": "remove", "path": "/spec/http/1"}, id="remove beyond the list"),
        pytest.param(
            {"op": "replace", "path": WEIGHT.format(2), "value": 1}, id="replace beyond the list"
        ),
        pytest.param({"op": "add", "path": "/spec/tcp/0", "value": {}}, id="add to no list"),
        pytest.param({"op": "add", "path": "/spec/http/7", "value": {}}, id="add beyond the list"),
    ],
)
async def test_one_that_does_not_fit_undoes_all(server: Server, operation: dict[str, Any]) -> None:
    """The object isn't what was observed: a Conflict, and no operation before it is applied."""
    made = await create(server, ROUTE, "cart")
    first = {"op": "replace", "path": "/spec/hosts", "value": ["elsewhere.example"]}
    with pytest.raises(errors.Conflict):
        await server.api.patch_json(ROUTE.kind, server.namespace, "cart", [first, operation])
    assert await server.api.get(ROUTE.kind, server.namespace, "cart") == made


async def test_a_test_sees_the_operations_before_it(server: Server) -> None:
    """Operations are applied one by one."""
    await create(server, ROUTE, "cart")
    operations = [
        {"op": "replace", "path": WEIGHT.format(0), "value": 1},
        {"op": "test", "path": WEIGHT.format(0), "value": 1},
    ]
    found = await server.api.patch_json(ROUTE.kind, server.namespace, "cart", operations)
    assert found["spec"]["http"][0]["route"][0]["weight"] == 1


async def test_a_test_for_null_means_absent(server: Server) -> None:
    """The guard against a field that somebody else has just set."""
    await create(server, ROUTE, "cart")
    guard = {"op": "test", "path": "/spec/tcp", "value": None}
    change = {"op": "replace", "path": "/spec/hosts", "value": ["b.example"]}
    found = await server.api.patch_json(ROUTE.kind, server.namespace, "cart", [guard, change])
    assert found["spec"]["hosts"] == ["b.example"]


async def test_replacing_a_field_that_is_not_there_adds_it(server: Server) -> None:
    """Against RFC 6902: whoever means to change a field must test it."""
    await create(server, ROUTE, "cart")
    operation = {"op": "replace", "path": "/spec/exportTo", "value": ["."]}
    found = await server.api.patch_json(ROUTE.kind, server.namespace, "cart", [operation])
    assert found["spec"]["exportTo"] == ["."]


async def test_lists_grow_and_shrink_at_an_index(server: Server) -> None:
    """`-` is the end."""
    await create(server, HTTP, "cart")
    path = "/spec/hostnames"
    operations = [
        {"op": "add", "path": f"{path}/-", "value": "c.example"},
        {"op": "add", "path": f"{path}/0", "value": "a.example"},
        {"op": "remove", "path": f"{path}/1"},
    ]
    found = await server.api.patch_json(HTTP.kind, server.namespace, "cart", operations)
    assert found["spec"]["hostnames"] == ["a.example", "c.example"]


async def test_a_name_with_a_slash_is_escaped(server: Server) -> None:
    """`~1` is a slash, `~0` a tilde (RFC 6901)."""
    await create(server, ROLLOUT, "cart", annotations={"davy.dev/revision": "1"})
    path = "/metadata/annotations/davy.dev~1revision"
    operations = [
        {"op": "test", "path": path, "value": "1"},
        {"op": "add", "path": path, "value": "2"},
    ]
    found = await server.api.patch_json(ROLLOUT.kind, server.namespace, "cart", operations)
    assert found["metadata"]["annotations"] == {"davy.dev/revision": "2"}


async def test_a_scale_is_a_view_of_its_object(server: Server) -> None:
    """Its answer is a Scale; written with an older version of the object it is a Conflict."""
    made = await create(server, SETS, "cart")
    api, kind, namespace = server.api, SETS.kind, server.namespace
    wanted: dict[str, Any] = {"spec": {"replicas": 1}}
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, **wanted}
    await api.patch_merge(kind, namespace, "cart", {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(errors.Conflict):
        await api.patch_merge(kind, namespace, "cart", stale, subresource="scale")
    found = await api.patch_merge(kind, namespace, "cart", wanted, subresource="scale")
    assert (found["kind"], found["spec"]) == ("Scale", {"replicas": 1})
    after = await api.get(kind, namespace, "cart")
    assert after["spec"]["replicas"] == 1
    assert after["spec"]["template"] == made["spec"]["template"]
