"""What the simulation's streams take for granted, asked of the real server alone.

`tests/sim/streams.py` has no versions to go on from: a broken stream goes on where it was, or is
listed anew as after 410. Bookmarks there are none: kopf asks for none, and opens its watches anew
every two minutes instead.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from davy.cluster import client
from davy.cluster.client import Json
from tests.conformance.samples import ROUTE, SETS
from tests.conformance.server import Real, create
from tests.lab.kube_errors import Gone
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


@pytest_asyncio.fixture(loop_scope="session")
async def real(installed: Lab, namespace: str) -> AsyncIterator[Real]:
    """The lab's server."""
    api = await client.connect(str(installed.kubeconfig), timeout=15)
    try:
        yield Real(api, namespace, installed)
    finally:
        await api.close()


async def told(
    real: Real, since: str, *, labels: str = "", count: int = 1
) -> list[tuple[str, Json]]:
    """The first events of a watch of the sample route or ReplicaSet."""
    events = []
    kind = SETS.kind if labels else ROUTE.kind
    async for event in real.lab.kube.watch(
        kind.resource, namespace=real.namespace, labels=labels, since=since
    ):
        events.append(event)
        if len(events) == count:
            break
    return events


async def test_a_watch_goes_on_where_it_broke(real: Real) -> None:
    """All that happened meanwhile is told, deletions too, once and in order."""
    since = (await create(real, ROUTE, "a"))["metadata"]["resourceVersion"]
    made = await create(real, ROUTE, "b")
    await real.api.patch_merge(ROUTE.kind, real.namespace, "a", ROUTE.change)
    await real.api.delete(ROUTE.kind, real.namespace, "b", uid=made["metadata"]["uid"])
    events = await told(real, since, count=3)
    assert [(type_, found["metadata"]["name"]) for type_, found in events] == [
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
    ]


async def test_a_version_of_long_ago_is_gone(real: Real) -> None:
    """410: only a new list can say what is there now."""
    with pytest.raises(Gone):
        await told(real, "1")


async def test_who_loses_the_label_is_deleted_for_a_narrowed_watch(real: Real) -> None:
    """Told as DELETED, with the version of the change; and as ADDED when it comes back."""
    made = await create(real, SETS, "mine")
    label = SETS.kind.selector
    for value in (None, "abc"):
        await real.api.patch_merge(
            SETS.kind, real.namespace, "mine", {"metadata": {"labels": {label: value}}}
        )
    events = await told(real, made["metadata"]["resourceVersion"], labels=label, count=2)
    assert [type_ for type_, _ in events] == ["DELETED", "ADDED"]
    assert label in events[1][1]["metadata"]["labels"]
    assert await real.api.get(SETS.kind, real.namespace, "mine")
