"""Events are told when they are true, and once."""

from datetime import UTC, datetime

from davy.api import errors
from davy.api.conditions import EventReason
from davy.api.group import ApiGroup
from davy.cluster.events import Recorder
from davy.cluster.kinds import EVENT, Kinds
from davy.controller.act import Outcome
from davy.controller.tell import Teller
from davy.engine import plan
from tests.sim.cluster import Cluster

ROLLOUT = {"metadata": {"namespace": "shop", "name": "cart", "uid": "uid-1"}}
WEIGHT = plan.Event(EventReason.TRAFFIC_WEIGHT_UPDATED, "Canary weight 10 → 50")
SCALED = plan.Event(EventReason.SCALING_REPLICA_SET, "ReplicaSet cart-1: 0 → 2 pods")


async def told(outcome: Outcome, *, written: bool) -> list[str]:
    """The reasons of the events that reach the cluster."""
    cluster = Cluster()
    recorder = Recorder(
        cluster,
        component="davy",
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        monotonic=lambda: 0.0,
    )
    Teller(Kinds(ApiGroup()), recorder).tell(ROLLOUT, [WEIGHT, SCALED], outcome, written=written)
    while not recorder._queue.empty():
        await recorder._queue.get_nowait()()
    return [event["reason"] for event in cluster.every(EVENT)]


async def test_what_the_status_holds_is_told_when_it_was_written() -> None:
    """After a conflict the next pass finds it again and tells it; what was done it doesn't find."""
    assert await told(Outcome(ROLLOUT), written=True) == ["TrafficWeightUpdated", SCALED.reason]
    assert await told(Outcome(ROLLOUT), written=False) == [SCALED.reason]


async def test_what_failed_isnt_told_as_done() -> None:
    """A route that refused the weight must not be read of as weighted."""
    failed = (plan.SetWeights(50, 50, "go"), errors.Forbidden("no", status=403))
    assert await told(Outcome(ROLLOUT, failures=[failed]), written=True) == [SCALED.reason]
