"""The status of a pass that couldn't decide, or couldn't do all that it wanted."""

from dataclasses import replace
from datetime import timedelta

from davy.api.conditions import ConditionType, EventReason, RolloutPhase
from davy.api.errors import Finding
from davy.api.status import RolloutStatus
from davy.engine import plan as plans
from davy.engine import trouble
from davy.engine.decide import decide
from davy.engine.world import Role
from tests.unit.engine.pieces import NOW, a_rollout, a_world

FINDINGS = (Finding("spec.a", "is 1"), Finding("spec.b", "is missing"))
TEXT = "spec.a: is 1; spec.b: is missing"


def told(status: RolloutStatus) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of each condition."""
    return {
        found.type: (found.status, found.reason, found.message) for found in status.conditions or ()
    }


def test_a_spec_that_cant_be_read_is_degraded_and_all_stays() -> None:
    """I10: no action; what was known before is still known."""
    before = a_rollout({"setWeight": 10}).status
    plan = trouble.invalid(before, FINDINGS, 7, NOW)
    assert plan.actions == ()
    assert plan.status.phase is RolloutPhase.DEGRADED
    assert plan.status.message == f"InvalidSpec: {TEXT}"
    assert plan.status.observed_generation == "7"
    assert plan.status.stable_rs == before.stable_rs
    said = ("InvalidSpec", TEXT)
    assert told(plan.status) == {
        "InvalidSpec": ("True", *said),
        "Ready": ("False", *said),
        "Stalled": ("True", *said),
        "Reconciling": ("False", *said),
    }
    assert {found.observed_generation for found in plan.status.conditions or ()} == {7}
    assert plan.events == (plans.Event(EventReason.INVALID_SPEC, TEXT, warning=True),)


def test_the_same_spec_is_told_once() -> None:
    """And its conditions keep their times; another mistake is told anew."""
    first = trouble.invalid(RolloutStatus(), FINDINGS, 7, NOW).status
    again = trouble.invalid(first, FINDINGS, 7, NOW + timedelta(hours=1))
    assert (again.status, again.events) == (first, ())
    other = trouble.invalid(first, FINDINGS[:1], 8, NOW + timedelta(hours=1))
    assert len(other.events) == 1


def test_conditions_of_other_kinds_stay() -> None:
    """They say what was so when the spec could be read."""
    before = decide(a_rollout({"setWeight": 10}), a_world(), NOW).status
    after = trouble.invalid(before, FINDINGS, 7, NOW).status
    assert told(after).keys() == told(before).keys() | {"InvalidSpec"}
    assert told(after)["Available"] == told(before)["Available"]
    assert told(after)["Ready"] == ("False", "InvalidSpec", TEXT)


WEIGHTS = plans.SetWeights(50, 50, "go")
CREATE = plans.CreateReplicaSet("cart-1", "1", 2, 1, "new")
SCALE = plans.ScaleReplicaSet("cart-1", 2, "more")


def failed(*failures: tuple[plans.Action, str], before: RolloutStatus | None = None) -> plans.Plan:
    rollout = a_rollout({"setWeight": 10})
    plan = decide(rollout, a_world(), NOW)
    return trouble.with_failures(plan, before or rollout.status, failures, generation=1, now=NOW)


def test_without_failures_the_plan_is_as_it_was() -> None:
    """Nothing to add."""
    assert failed() == decide(a_rollout({"setWeight": 10}), a_world(), NOW)


def test_what_failed_comes_first_and_that_it_goes_on() -> None:
    """I10: the rest of the message follows; the first failure names the event."""
    plan = decide(a_rollout({"setWeight": 10}), a_world(), NOW)
    got = failed((WEIGHTS, "the route refused it."), (SCALE, "busy."))
    text = "the route refused it.; busy."
    assert got.status.message == (
        f"TrafficRoutingError: {text} Trying again. {plan.status.message}"
    )
    assert got.events == (
        *plan.events,
        plans.Event(EventReason.TRAFFIC_ROUTING_ERROR, text, warning=True),
    )
    assert got.actions == plan.actions
    assert got.status.conditions == plan.status.conditions


def test_each_kind_of_failure_has_its_reason() -> None:
    """Argo's."""
    point = plans.PointRole(role=Role.CANARY, hash="1", why="there")
    reasons = [failed((action, "no.")).events[-1].reason for action in (point, CREATE, SCALE)]
    assert reasons == [
        EventReason.TRAFFIC_ROUTING_ERROR,
        EventReason.REPLICA_SET_CREATE_ERROR,
        EventReason.RECONCILIATION_ERROR,
    ]


def test_a_replica_set_that_cant_be_created_is_a_condition() -> None:
    """As Deployments have it; not ready, whatever else is so."""
    got = told(failed((CREATE, "exceeded quota.")).status)
    before = told(failed().status)
    said = ("ReplicaSetCreateError", "exceeded quota.")
    assert got["ReplicaFailure"] == ("True", *said)
    assert got["Ready"] == ("False", *said)
    assert {got[kind] == before[kind] for kind in ("Stalled", "Reconciling")} == {True}


def test_a_failure_that_stays_has_the_times_of_its_beginning() -> None:
    """A pass that decides anew knows nothing of it; the status before does."""
    first = failed((CREATE, "exceeded quota.")).status
    later = NOW + timedelta(hours=1)
    plan = decide(a_rollout({"setWeight": 10}), a_world(), later)
    failures = [(CREATE, "exceeded quota.")]
    again = trouble.with_failures(plan, first, failures, generation=1, now=later).status
    for kind in (ConditionType.REPLICA_FAILURE, ConditionType.READY):
        assert again.condition(kind) == first.condition(kind)


def test_a_failure_without_a_message_to_follow_stands_alone() -> None:
    """No word is left of what isn't said."""
    plan = plans.Plan(actions=(SCALE,), status=RolloutStatus())
    failures = [(SCALE, "busy.")]
    told = trouble.with_failures(plan, RolloutStatus(), failures, generation=1, now=NOW)
    assert told.status.message == "ReconciliationError: busy. Trying again."
    assert [event.message for event in told.events] == ["busy."]


def test_a_failure_that_stays_is_told_once() -> None:
    """As long as the status says it."""
    first = failed((WEIGHTS, "the route refused it."))
    again = failed((WEIGHTS, "the route refused it."), before=first.status)
    assert again.events == first.events[:-1]
    kept = replace(first, events=())
    assert again.status.message == kept.status.message
