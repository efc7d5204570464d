"""When a plan asks to be looked at again though nothing changes: no instant that matters is missed.

The stories turn the clock themselves; here the wake-up is all there is.
"""

from datetime import timedelta

from davy.engine.world import Answer
from tests.unit.engine.cluster import SETTLE, START, answering, spec
from tests.unit.engine.play import STEPS, pods, running, updating


def test_when_the_settle_time_ends() -> None:
    """The weight just written is in effect then."""
    cluster = updating({"setWeight": 50}, {"pause": {}}, seconds=4)
    assert cluster.weight == 50
    assert cluster.settle().wake_at == cluster.now + SETTLE


def test_when_a_pause_ends() -> None:
    """Of two instants the earlier one."""
    cluster = updating(*STEPS, seconds=6)
    pauses = cluster.status.pause_conditions
    assert pauses
    assert cluster.settle().wake_at == pauses[0].start_time + timedelta(seconds=5)


def test_when_pods_may_go() -> None:
    """I4: the drain delay is over without anybody's doing."""
    cluster = updating(seconds=10)
    wake_at = cluster.settle().wake_at
    (goes_at,) = [found.scale_down_at for found in cluster.sets.values() if found.scale_down_at]
    assert wake_at is not None
    assert goes_at <= wake_at <= goes_at + 2 * SETTLE  # canary's destination moved meanwhile
    cluster.now = wake_at
    cluster.settle()
    assert pods(cluster) == {1: 0, 2: 4}


def test_when_the_progress_deadline_passes() -> None:
    """I10: a rollout that waits for pods for ever says so in time."""
    cluster = running({"setWeight": 50}, progressDeadlineSeconds=60)
    cluster.start_delay = timedelta(days=9)
    cluster.apply(spec({"setWeight": 50}, version="2", progressDeadlineSeconds=60))
    applied = cluster.now
    assert cluster.settle().wake_at == applied + timedelta(seconds=60)


def test_when_nothing_comes_by_itself_never() -> None:
    """A mesh that says "not yet" is heard of when it says something else; the deadline remains."""
    cluster = updating({"setWeight": 50}, {"pause": {}}, seconds=8)
    assert cluster.settle().wake_at is None
    answering(cluster, Answer.NOT_YET, "not yet")
    woken = cluster.settle().wake_at
    assert woken is not None
    assert woken - START > timedelta(seconds=600)
