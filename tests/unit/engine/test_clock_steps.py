"""The wall clock was set back: what was recorded before lies in the future, and holds nobody up."""

from datetime import timedelta

from davy.api.conditions import RolloutPhase
from tests.unit.engine.cluster import Cluster
from tests.unit.engine.play import phase, pods, updating

HOUR = timedelta(hours=1)


def set_back(cluster: Cluster) -> None:
    """An hour; pods that are starting go on as they were."""
    cluster.now -= HOUR
    for started in cluster._pods.values():
        for pod in started:
            pod.ready_at -= HOUR


def test_a_settle_time_ends() -> None:
    """A weight that was written before takes effect within the settle time."""
    cluster = updating({"setWeight": 50}, {"pause": {}})
    while cluster.weight != 50:
        cluster.run(0.1)
    set_back(cluster)
    cluster.run(3)
    assert phase(cluster) is RolloutPhase.PAUSED


def test_a_pause_ends() -> None:
    """It counts from now."""
    cluster = updating({"setWeight": 50}, {"pause": {"duration": "20s"}}, seconds=8)
    assert phase(cluster) is RolloutPhase.PAUSED
    set_back(cluster)
    cluster.run(15)
    assert phase(cluster) is RolloutPhase.PAUSED
    cluster.run(40)
    assert phase(cluster) is RolloutPhase.HEALTHY


def test_drained_pods_go() -> None:
    """The drain delay counts from now."""
    cluster = updating(seconds=10)
    assert pods(cluster) == {1: 4, 2: 4}
    set_back(cluster)
    cluster.run(35)
    assert pods(cluster) == {1: 0, 2: 4}


def test_a_deadline_is_never_further_than_it_says() -> None:
    """Pods that never come: Degraded after progressDeadlineSeconds from now."""
    cluster = updating(seconds=0)
    cluster.broken = {cluster.status.current_pod_hash or ""}
    cluster.run(20)
    set_back(cluster)
    cluster.run(620)
    assert phase(cluster) is RolloutPhase.DEGRADED
