"""Without a router: Services that are led, and no weight."""

from davy.traffic.base import RouteState, Unknown
from davy.traffic.replica_ratio import ReplicaRatioRouter
from tests.unit.traffic.routes import (
    CANARY,
    STABLE,
    a_cluster,
    a_service,
    applied,
    by_services,
    without_router,
)

ROUTER = ReplicaRatioRouter()


def test_a_rollout_that_names_no_service_has_no_object() -> None:
    """Nothing to watch, to read or to write."""
    rollout = without_router(stableService=None, canaryService=None)
    assert ROUTER.objects(rollout) == ()
    assert ROUTER.read(rollout, {}) == RouteState(
        canary_weight=None,
        stable_hash=None,
        canary_hash=None,
        verification=Unknown("without a router the ratio of the pods is the weight"),
    )
    assert ROUTER.target(rollout, {}, "stable", "abc") == ()


def test_named_services_are_read_and_narrowed_as_with_a_router() -> None:
    """By the same leaf."""
    rollout = without_router()
    before = a_cluster(a_service("cart-canary", "abc"))
    assert ROUTER.objects(rollout) == (STABLE, CANARY)
    assert ROUTER.read(rollout, before).canary_hash == "abc"
    after = applied(before, ROUTER.target(rollout, before, "stable", "abc"))
    assert ROUTER.read(rollout, after).stable_hash == "abc"


def test_a_service_that_is_named_must_be_there() -> None:
    """With the path in the spec and what to do."""
    [problem] = ROUTER.read(without_router(canaryService=None), {}).problems
    assert problem.path == "spec.strategy.canary.stableService"
    assert "doesn't exist" in problem.message


def test_no_weight_is_written_into_anything() -> None:
    """Whatever is asked."""
    assert ROUTER.weights(by_services(), a_cluster(), 50) == ()
