"""`scaleDownDelayRevisionLimit`: how many older revisions keep their pods for a long delay."""

from typing import Any

import pytest

from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.play import pods, running


def released(versions: int, limit: int | None, *, delay: int = 600) -> Cluster:
    """So many versions, each released when the one before was stable for ten seconds."""
    canary: dict[str, Any] = {"scaleDownDelaySeconds": delay}
    canary |= {} if limit is None else {"scaleDownDelayRevisionLimit": limit}
    cluster = running(canary=canary)
    for version in range(2, versions + 1):
        cluster.apply(spec(version=str(version), canary=canary))
        cluster.run(20)
    return cluster


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [
        (None, {1: 4, 2: 4, 3: 4, 4: 4}),
        (2, {1: 0, 2: 4, 3: 4, 4: 4}),
        (0, {1: 0, 2: 0, 3: 0, 4: 4}),
    ],
)
def test_the_newest_revisions_keep_their_pods(limit: int | None, sizes: dict[int, int]) -> None:
    """Those beyond the limit keep theirs for 30 seconds after their weight was 0."""
    cluster = released(4, limit)
    cluster.run(60)
    assert pods(cluster) == sizes
    cluster.run(600)
    assert pods(cluster) == {1: 0, 2: 0, 3: 0, 4: 4}


def test_beyond_the_limit_a_revision_is_drained_too() -> None:
    """I4: Argo takes those pods at once; here weight 0 is in effect for 30 seconds first."""
    cluster = released(2, 0)
    assert pods(cluster) == {1: 4, 2: 4}
    cluster.run(14)
    assert pods(cluster) == {1: 4, 2: 4}
    cluster.run(6)
    assert pods(cluster) == {1: 0, 2: 4}


def test_a_shorter_delay_is_no_longer_beyond_the_limit() -> None:
    """Five seconds stay five seconds."""
    cluster = released(2, 0, delay=5)
    assert pods(cluster) == {1: 0, 2: 4}


def test_an_aborted_revision_has_its_own_delay() -> None:
    """And counts for nobody's limit."""
    canary = {"scaleDownDelaySeconds": 600, "scaleDownDelayRevisionLimit": 1}
    canary["abortScaleDownDelaySeconds"] = 300
    cluster = running(canary=canary)
    cluster.apply(spec(version="2", canary=canary))
    cluster.run(20)
    cluster.apply(spec({"setWeight": 100}, {"pause": {}}, version="3", canary=canary))
    cluster.run(20)
    cluster.edit_status(abort=True)
    cluster.run(100)
    assert pods(cluster) == {1: 4, 2: 4, 3: 4}
    cluster.run(250)
    assert pods(cluster) == {1: 4, 2: 4, 3: 0}
