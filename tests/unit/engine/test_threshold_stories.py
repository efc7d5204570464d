"""`replicaProgressThreshold`: a step goes on with fewer pods, at the weight that these carry."""

from datetime import timedelta
from typing import Any

from davy.api.conditions import RolloutPhase
from tests.unit.engine.cluster import Cluster
from tests.unit.engine.play import phase, pods, updating

ENOUGH = {"replicaProgressThreshold": {"type": "Percent", "value": 75}}
STEPS: tuple[dict[str, Any], ...] = ({"setWeight": 50}, {"pause": {}})


def lacking(count: int, *steps: dict[str, Any], **canary: Any) -> Cluster:
    """Version 2 of ten pods, of whose first ones so many take ten minutes to start."""
    cluster = updating(*steps, seconds=0, replicas=10, canary=ENOUGH | canary)
    cluster.settle()
    new = cluster.status.current_pod_hash or ""
    delay, cluster.start_delay = cluster.start_delay, timedelta(minutes=10)
    cluster.kill_pods(new, count)
    cluster.start_delay = delay
    cluster.run(20)
    return cluster


def test_four_of_five_pods_are_enough_for_the_step_and_carry_what_they_can() -> None:
    """I2: the step for weight 50 is passed at 40; the fifth pod brings the rest."""
    cluster = lacking(1, *STEPS)
    assert (cluster.weight, cluster.status.current_step_index) == (40, 1)
    assert cluster.message == (
        "Step 2 of 2: paused at weight 40 until somebody promotes; "
        "4 of 5 pods of revision 2 are available, weight 50 needs 5, 4 are enough."
    )
    cluster.run(600)
    assert (cluster.weight, cluster.status.current_step_index) == (50, 1)


def test_three_of_five_pods_are_not_enough() -> None:
    """I5, I10: 75 % of five, rounded up, are four."""
    cluster = lacking(2, *STEPS)
    assert (cluster.weight, cluster.status.current_step_index) == (0, 0)
    assert "3 of 5 pods of revision 2 are available, weight 50 needs 5, 4 are enough" in (
        cluster.message
    )


def test_a_promotion_by_a_route_takes_every_pod() -> None:
    """I2: weight 100 on nine of ten pods would be more than they carry, unlike in Argo."""
    cluster = lacking(1, {"setWeight": 100})
    assert (cluster.weight, cluster.status.current_step) == (90, "1/1")
    assert cluster.message.startswith(
        "All steps passed: weight held at 90: 9 of 10 pods of revision 2 are available, "
        "weight 100 needs 10. Deadline"
    )
    cluster.run(640)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_a_promotion_by_pods_goes_on_with_enough() -> None:
    """Without a router nothing is weighted: maxUnavailable is what limits it."""
    cluster = lacking(2, trafficRouting=None)
    assert pods(cluster) == {1: 0, 2: 10}
    assert cluster.status.stable_rs == cluster.status.current_pod_hash
    assert cluster.message.startswith("Revision 2 is stable: 8 of 10 pods of revision 2")
    assert phase(cluster) is RolloutPhase.PROGRESSING
    cluster.run(600)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_a_number_of_pods_is_enough_for_a_scale_too() -> None:
    """`Pods`: three of the scale's eight; the step has no weight."""
    cluster = lacking(
        5,
        {"setCanaryScale": {"replicas": 8}},
        {"pause": {}},
        replicaProgressThreshold={"type": "Pods", "value": 3},
    )
    assert cluster.status.current_step_index == 1
    assert pods(cluster)[2] == 8
