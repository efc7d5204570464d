"""`maxTrafficWeight`: weights of another total than 100."""

from typing import Any

from davy.api.conditions import RolloutPhase
from davy.engine.world import Route
from tests.unit.engine.cluster import Cluster, spec
from tests.unit.engine.invariants import Watcher
from tests.unit.engine.play import phase, pods

CANARY: dict[str, Any] = {
    "stableService": "cart",
    "canaryService": "cart-canary",
    "trafficRouting": {"gatewayAPI": {"httpRoutes": [{"name": "cart"}]}, "maxTrafficWeight": 1000},
}
STEPS: tuple[dict[str, Any], ...] = (
    {"setWeight": 5},
    {"pause": {"duration": "30s"}},
    {"setWeight": 500},
    {"pause": {}},
    {"setWeight": 1000},
)


def updating(seconds: float, *steps: dict[str, Any], canary: dict[str, Any] = CANARY) -> Cluster:
    """Some seconds after version 2 of four pods was applied."""
    steps = steps or STEPS
    cluster = Cluster.of(spec(*steps, canary=canary), route=Route(0, total=1000))
    cluster.check = Watcher()
    cluster.run(10)
    cluster.apply(spec(*steps, canary=canary, version="2"))
    cluster.run(seconds)
    return cluster


def test_half_a_percent_is_a_weight() -> None:
    """I1: the watcher checks that both sum to 1000."""
    cluster = updating(10)
    assert (cluster.weight, pods(cluster)) == (5, {1: 4, 2: 1})
    assert cluster.status.canary is not None
    weights = cluster.status.canary.weights
    assert weights is not None
    assert (weights.canary.weight, weights.stable.weight) == (5, 995)


def test_the_pods_of_a_weight_are_counted_by_the_same_total() -> None:
    """I2: weight 500 of 1000 needs two of four; one of them carries 250."""
    cluster = updating(60)
    assert (cluster.weight, pods(cluster)[2]) == (500, 2)
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.settle()
    assert cluster.weight == 250
    assert "1 of 2 pods of revision 2 are available, weight 500 needs 2" in cluster.message


def test_copies_are_percent_of_all_requests_whatever_the_total() -> None:
    """I2: 250 of 1000 and half of all requests copied need three of four pods."""
    match = [{"method": {"exact": "GET"}}]
    copy = {"setMirrorRoute": {"name": "copy", "match": match, "percentage": 50}}
    routing = {**CANARY["trafficRouting"], "managedRoutes": [{"name": "copy"}]}
    canary = {**CANARY, "trafficRouting": routing}
    cluster = updating(20, {"setWeight": 250}, copy, {"pause": {}}, canary=canary)
    assert ([found.name for found in cluster.route.rules], pods(cluster)[2]) == (["copy"], 3)


def test_all_of_it_is_a_promotion_and_none_an_abort() -> None:
    """I3, I4: 1000 is all traffic; stable's destination moves there and nowhere before."""
    cluster = updating(60)
    cluster.edit_status(abort=True)
    cluster.settle()
    assert cluster.weight == 0
    cluster.edit_status(abort=False)
    cluster.run(60)
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {1: 0, 2: 4}
