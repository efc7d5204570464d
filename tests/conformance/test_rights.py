"""What RBAC refuses, and what one asks it beforehand."""

import pytest

from davy.api import errors
from davy.cluster.client import Api, Json
from tests.conformance.samples import ROLLOUT
from tests.conformance.server import Server, create


async def calls(api: Api, server: Server, uid: str) -> dict[str, int | None]:
    """The calls that are refused, with the HTTP status."""
    kind, namespace = ROLLOUT.kind, server.namespace
    label: Json = {"op": "add", "path": "/metadata/labels/a", "value": "b"}
    status = {"status": ROLLOUT.status}
    every = {
        "get": api.get(kind, namespace, "cart"),
        "list": api.list(kind, namespace),
        "create": api.create(kind, namespace, ROLLOUT.manifest(namespace, "second")),
        "patch": api.patch_json(kind, namespace, "cart", [label]),
        "merge": api.patch_merge(kind, namespace, "cart", ROLLOUT.change),
        "status": api.patch_merge(kind, namespace, "cart", status, subresource="status"),
        "delete": api.delete(kind, namespace, "cart", uid=uid),
    }
    refused = {}
    for name, call in every.items():
        try:
            await call
        except errors.Forbidden as error:
            refused[name] = error.status
    return refused


@pytest.mark.parametrize(
    ("resource", "verbs", "refused"),
    [
        ("rollouts", ["get", "list"], ["create", "patch", "merge", "status", "delete"]),
        ("rollouts", ["patch"], ["get", "list", "create", "status", "delete"]),
        ("rollouts", ["create", "delete"], ["get", "list", "patch", "merge", "status"]),
        ("rollouts/status", ["patch"], ["get", "list", "create", "patch", "merge", "delete"]),
    ],
)
async def test_a_verb_is_refused_unless_it_is_granted(
    server: Server, resource: str, verbs: list[str], refused: list[str]
) -> None:
    """By kind and subresource: who may patch a Rollout may not write its status, nor reversed."""
    uid = (await create(server, ROLLOUT, "cart"))["metadata"]["uid"]
    async with server.account(resource, *verbs) as api:
        assert await calls(api, server, uid) == dict.fromkeys(refused, 403)
        subresource = resource.partition("/")[2]
        for verb in ("get", "list", "create", "patch", "delete"):
            told = await api.allowed(verb, ROLLOUT.kind, server.namespace, subresource=subresource)
            assert told == (verb in verbs), verb
