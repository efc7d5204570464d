"""`minPodsPerReplicaSet`: a floor for a revision with any weight."""

from typing import Any

from tests.unit.engine.cluster import spec
from tests.unit.engine.play import STEPS, pods, updating

FLOOR: dict[str, Any] = {"replicas": 10, "canary": {"minPodsPerReplicaSet": 3}}


def test_the_first_weight_waits_for_the_least_pods() -> None:
    """Weight 10 of ten needs one pod, three are asked for; as in Argo all of them come first."""
    cluster = updating(*STEPS, seconds=2, **FLOOR)
    new = cluster.status.current_pod_hash or ""
    assert pods(cluster) == {1: 10, 2: 3}
    cluster.kill_pods(new, 1)
    cluster.run(2)
    assert cluster.weight == 0
    assert "2 of 3 pods of revision 2 are available, weight 10 needs 3" in cluster.message
    cluster.run(4)
    assert cluster.weight == 10


def test_a_lost_pod_above_what_the_weight_needs_takes_no_weight() -> None:
    """I2: two of three carry weight 10 as well; the pause lasts until the third is back."""
    cluster = updating({"setWeight": 10}, {"pause": {"duration": "10s"}}, **FLOOR)
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.run(1)
    assert (cluster.weight, cluster.status.current_step_index) == (10, 1)


def test_a_higher_weight_needs_more_than_the_floor() -> None:
    """And weight 0 none of it: the pods go when they were drained."""
    cluster = updating({"setWeight": 50}, {"setWeight": 0}, {"pause": {}}, **FLOOR)
    assert (cluster.weight, pods(cluster)[2]) == (0, 5)
    cluster.run(40)
    assert pods(cluster)[2] == 0


def test_the_floor_is_no_more_than_the_rollout() -> None:
    """A rollout that an autoscaler took down to two."""
    cluster = updating(*STEPS, **FLOOR)
    cluster.apply(spec(*STEPS, version="2", **FLOOR | {"replicas": 2}))
    cluster.run(10)
    assert pods(cluster) == {1: 2, 2: 2}


def test_a_scale_by_weight_has_the_floor_and_one_by_number_has_not() -> None:
    """`setCanaryScale`: a weight needs its floor, a number is meant."""
    for scale, wanted in (({"weight": 10}, 3), ({"replicas": 1}, 1)):
        cluster = updating({"setCanaryScale": scale}, {"pause": {}}, **FLOOR)
        assert pods(cluster)[2] == wanted
