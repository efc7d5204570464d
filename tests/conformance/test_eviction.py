"""Evictions: of this very pod and no later one; one that is gone is no error."""

import pytest

from davy.api import errors
from davy.cluster.kinds import POD
from tests.conformance.server import Server

_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "cart-1", "labels": {"rollouts-pod-template-hash": "abc"}},
    "spec": {"containers": [{"name": "app", "image": "shop/cart:1"}], "nodeName": "nowhere"},
}


async def test_a_pod_is_evicted_by_its_uid(server: Server) -> None:
    """Another's uid is a Conflict, and the pod stays; without a pod there is nothing to do."""
    made = await server.api.create(POD, server.namespace, _POD)
    with pytest.raises(errors.Conflict):
        await server.api.evict(server.namespace, "cart-1", uid="another")
    assert await server.api.get(POD, server.namespace, "cart-1")
    await server.api.evict(server.namespace, "cart-1", uid=made["metadata"]["uid"])
    left = await server.api.list(POD, server.namespace)
    assert all("deletionTimestamp" in found["metadata"] for found in left.items)
    await server.api.evict(server.namespace, "cart-2", uid="another")
