"""`setCanaryScale`: pods apart from the weight, and never fewer than the weight needs."""

from datetime import timedelta
from typing import Any

import pytest

from davy.api.conditions import EventReason, RolloutPhase
from davy.engine import canary_scale, steps
from tests.unit.engine.cluster import spec
from tests.unit.engine.pieces import a_rollout, a_world, around, where
from tests.unit.engine.play import phase, pods, reasons, updating

Steps = tuple[dict[str, Any], ...]
FIVE: Steps = ({"setCanaryScale": {"replicas": 5}}, {"pause": {}}, {"setWeight": 10}, {"pause": {}})


def test_the_canary_has_its_pods_before_it_has_any_traffic() -> None:
    """Five pods of ten at weight 0; they stay for weight 10, which needs one."""
    cluster = updating(*FIVE, replicas=10)
    assert (cluster.weight, pods(cluster)) == (0, {1: 10, 2: 5})
    assert cluster.status.current_step == "2/4"
    cluster.edit_status(pause_conditions=None)
    cluster.run(10)
    assert (cluster.weight, pods(cluster)) == (10, {1: 10, 2: 5})
    cluster.edit_status(pause_conditions=None)
    cluster.run(60)
    assert phase(cluster) is RolloutPhase.HEALTHY
    assert pods(cluster) == {1: 0, 2: 10}


def test_the_step_waits_for_its_pods_and_says_so() -> None:
    """I5, I10: asked for is not available; while they start the deadline runs."""
    cluster = updating(*FIVE, seconds=1, replicas=10)
    assert cluster.status.current_step_index == 0
    assert cluster.message == (
        "Step 1 of 4: weight held at 0: 0 of 5 pods of revision 2 are available, "
        "setCanaryScale asks for 5. Deadline 00:10:10."
    )
    assert [event.message for event in cluster.events if "ReplicaSet" in event.message] == [
        "Created ReplicaSet cart-" + (cluster.status.current_pod_hash or "") + " (revision 2) "
        "with 5 pods"
    ]
    cluster.run(5)
    assert EventReason.ROLLOUT_STEP_COMPLETED in reasons(cluster)
    assert "Step 1 of 4 completed: setCanaryScale" in [event.message for event in cluster.events]


def test_a_rollout_without_replicas_has_no_canary_pods() -> None:
    """Stable has none to take the requests back; a Service that isn't narrowed would find these."""
    cluster = updating(*FIVE, replicas=0)
    assert pods(cluster) == {1: 0, 2: 0}
    assert cluster.status.current_step == "2/4"


def test_a_scale_that_is_too_small_for_the_weight_is_no_limit() -> None:
    """I2: one pod, then weight 50 of ten: five pods come first, unlike in Argo Rollouts."""
    steps: Steps = ({"setCanaryScale": {"replicas": 1}}, {"setWeight": 50}, {"pause": {}})
    cluster = updating(*steps, seconds=4, replicas=10)
    assert (cluster.weight, pods(cluster)[2]) == (0, 5)
    cluster.run(10)
    assert (cluster.weight, pods(cluster)[2]) == (50, 5)


def test_more_pods_than_the_rollout_has_are_given_and_kept() -> None:
    """A number is the user's; a pause by hand and a problem leave them."""
    steps: Steps = ({"setCanaryScale": {"replicas": 7}}, {"pause": {}})
    cluster = updating(*steps)
    assert pods(cluster) == {1: 4, 2: 7}
    cluster.apply(spec(*steps, version="2", paused=True))
    cluster.run(60)
    assert pods(cluster) == {1: 4, 2: 7}


def test_a_pause_by_hand_adds_no_pods() -> None:
    """`spec.paused`: the scale of the step under way waits, too."""
    steps: Steps = ({"setWeight": 25}, {"pause": {}}, {"setCanaryScale": {"weight": 100}})
    cluster = updating(*steps)
    cluster.edit_status(pause_conditions=None, controller_pause=None, current_step_index=2)
    cluster.apply(spec(*steps, version="2", paused=True))
    cluster.run(60)
    assert pods(cluster)[2] == 1
    cluster.apply(spec(*steps, version="2"))
    cluster.run(1)
    assert pods(cluster)[2] == 4


def test_pods_that_a_smaller_scale_doesnt_need_go_like_those_of_a_lower_weight() -> None:
    """I4: weight 50 → 0 and one pod: the step is passed, the rest go after the drain delay."""
    steps: Steps = (
        {"setWeight": 50},
        {"setWeight": 0},
        {"setCanaryScale": {"replicas": 1}},
        {"pause": {}},
    )
    cluster = updating(*steps, seconds=12, replicas=10)
    assert (cluster.weight, cluster.status.current_step_index) == (0, 3)
    assert pods(cluster)[2] == 5
    cluster.run(30)
    assert pods(cluster)[2] == 1


def test_an_abort_takes_the_traffic_and_then_all_pods() -> None:
    """I3: the scale ends with the update; a retry begins with it again."""
    cluster = updating(*FIVE, replicas=10)
    cluster.edit_status(abort=True)
    cluster.run(60)
    assert pods(cluster) == {1: 10, 2: 0}
    cluster.edit_status(abort=False)
    cluster.run(1)
    assert pods(cluster) == {1: 10, 2: 5}


def test_pods_that_went_are_waited_for_when_the_step_is_under_way() -> None:
    """I5: four of five available is not the step's effect."""
    cluster = updating({"setCanaryScale": {"replicas": 5}}, seconds=0, replicas=10)
    cluster.start_delay = timedelta(seconds=60)
    cluster.run(2)
    cluster.kill_pods(cluster.status.current_pod_hash or "", 1)
    cluster.run(4)
    assert cluster.message.startswith("Step 1 of 1: weight held at 0: 4 of 5 pods")


@pytest.mark.parametrize(
    ("scale", "index", "pods_asked"),
    [
        ({"replicas": 7}, 1, 7),
        ({"replicas": 0}, 1, 0),
        ({"weight": 25}, 1, 1),
        ({"weight": 26}, 1, 2),
        ({"matchTrafficWeight": True}, 1, 0),
        ({"replicas": 7}, 0, 3),
        ({"replicas": 7}, 3, 0),
    ],
    ids=str,
)
def test_the_last_scale_up_to_the_current_step_is_in_force(
    scale: dict[str, Any], index: int, pods_asked: int
) -> None:
    """Of 4 pods; past the last step none is, nor one that is still to come."""
    steps: Steps = ({"setCanaryScale": {"replicas": 3}}, {"setCanaryScale": scale}, {"pause": {}})
    rollout = a_rollout(*steps)
    assert canary_scale.asked(rollout.spec, where(rollout, index=index)) == pods_asked


@pytest.mark.parametrize(("settled", "index"), [(True, 1), (False, 0)])
def test_the_step_waits_until_what_is_written_is_in_effect(*, settled: bool, index: int) -> None:
    """I10: a pass that wrote a weight and finds the pods there says nothing else in the same."""
    rollout = a_rollout({"setCanaryScale": {"replicas": 2}}, {"pause": {}})
    found = steps.advance(where(rollout), around(rollout, a_world(0), settled=settled))
    assert found.index == index
