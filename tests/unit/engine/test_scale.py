"""How many pods each revision has, and which go when: case by case (I2, I4)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.api.errors import Finding
from davy.engine import plan as plans
from davy.engine import scale, weights
from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage
from davy.engine.world import Answer, ReplicaSet, Route
from tests.unit.engine.cluster import SETTLE, START, spec
from tests.unit.engine.pieces import NEW, NOW, OLD, a_rollout, a_set, a_world, around, where

GONE = "0ld3r0ld3r"
PROBLEM = (Finding("spec", "is wrong"),)
SECOND = timedelta(seconds=1)
LONG_SINCE = NOW - timedelta(minutes=5)
OF_STABLE = Route(0, stable_hash=OLD, canary_hash=OLD)
Case = tuple[Surroundings, Position, int]


def a_case(
    *sets: ReplicaSet,
    route: Route | None = None,
    step: int = 50,
    settled: bool = True,
    deleting: bool = False,
    problems: tuple[Finding, ...] = (),
    now: datetime = NOW,
    spec_of: dict[str, Any] | None = None,
    canary: dict[str, Any] | None = None,
    **position: Any,
) -> Case:
    """At a step that asks for weight `step`, of 4 pods, stable's all there."""
    wanted = spec({"setWeight": step}, version="2", canary=canary or {}, **(spec_of or {}))
    rollout = replace(a_rollout(wanted=wanted), deleting=deleting)
    route = route or Route(step, stable_hash=OLD, canary_hash=NEW)
    world = a_world(route=route, replica_sets=sets, problems=problems)
    here = where(rollout, **position)
    asked = weights.of_step(here.steps, here.index, here.total)
    target = 0 if here.stage is Stage.ABORTED else asked
    return around(rollout, world, settled=settled, now=now), here, target


def wanted(*sets: ReplicaSet, **case: Any) -> list[str]:
    """What is done with the ReplicaSets, each in a few words."""
    return [_words(action) for action in scale.replica_sets(*a_case(*sets, **case))]


def _words(action: plans.Action) -> str:
    name = getattr(action, "name", "").removeprefix("cart-")
    name = {OLD: "stable", NEW: "new", GONE: "gone"}.get(name, name)
    match action:
        case plans.CreateReplicaSet(replicas=pods, revision=revision):
            return f"create {name} as {revision} with {pods}: {action.why}"
        case plans.ScaleReplicaSet(replicas=pods):
            return f"scale {name} to {pods}: {action.why}"
        case plans.SetMinReadySeconds(seconds=seconds):
            return f"patience of {name} {seconds}: {action.why}"
        case plans.MarkReplicaSet(revision=revision, scale_down_at=at):
            until = "no deadline" if at is None else f"{at:%H:%M:%S}"
            return f"mark {name} as {revision}, {until}: {action.why}"
        case plans.DeleteReplicaSet():
            return f"delete {name}: {action.why}"
        case _:
            raise AssertionError(action)


STABLE = a_set(OLD, 2)


# -- the new revision


def test_a_new_template_gets_a_replica_set_with_the_pods_of_its_step() -> None:
    """Its number follows the highest there is, whichever that is."""
    gone = a_set(GONE, 7, 0)
    words = "new template; 2 of 4 pods for weight 50"
    assert wanted(STABLE, gone, route=OF_STABLE) == [f"create new as 8 with 2: {words}"]
    none = ["create new as 3 with 0: new template; 0 of 4 pods for weight 0"]
    assert wanted(STABLE, route=OF_STABLE, step=0, settled=False) == none


@pytest.mark.parametrize("hindrance", [{"stage": Stage.ABORTED}, {"problems": PROBLEM}], ids=str)
def test_nothing_is_created_for_an_aborted_or_a_wrong_template(hindrance: dict[str, Any]) -> None:
    """I3: there is nothing to take back then."""
    assert wanted(STABLE, route=OF_STABLE, **hindrance) == []


def test_pods_come_with_the_step() -> None:
    """I2: before the weight; a problem keeps what there is."""
    assert wanted(STABLE, a_set(NEW, 3, 1)) == ["scale new to 2: 1 → 2 pods for weight 50"]
    assert wanted(STABLE, a_set(NEW, 3, 2)) == []
    assert wanted(STABLE, a_set(NEW, 3, 1), problems=PROBLEM) == []


@pytest.mark.parametrize(("stage", "stable"), [(Stage.FIRST, None), (Stage.DONE, NEW)])
def test_a_first_and_a_promoted_revision_have_all_their_pods(
    stage: Stage, stable: str | None
) -> None:
    """Whatever the steps ask for; asked for once."""
    change = ["scale new to 4: 1 → 4 pods for weight 50"]
    assert wanted(a_set(NEW, 3, 1), stage=stage, stable_hash=stable) == change


def test_more_pods_than_the_rollout_has_are_never_kept() -> None:
    """Somebody scaled it by hand, or the autoscaler asks for fewer."""
    change = ["scale new to 4: 6 → 4 pods for weight 50"]
    assert wanted(STABLE, a_set(NEW, 3, 6), settled=False) == change
    assert wanted(STABLE, a_set(NEW, 3, 6), problems=PROBLEM) == change
    assert wanted(STABLE, a_set(NEW, 3, 6)) == ["scale new to 2: 6 → 2 pods for weight 50"]


def lowered(seconds: float, *, weight: int = 10, step: int = 10, canary: str = NEW) -> list[str]:
    """Three pods for a weight that was lowered, so long after that took effect; the delay is 30."""
    now = START + SETTLE + seconds * SECOND
    route = Route(weight, stable_hash=OLD, canary_hash=canary)
    return wanted(STABLE, a_set(NEW, 3, 3), route=route, step=step, now=now)


def test_pods_that_a_lower_weight_doesnt_need_go_after_the_delay() -> None:
    """I4: that very instant included; not while the route still says more."""
    fewer = ["scale new to 1: 3 → 1 pods for weight 10"]
    assert lowered(30) == fewer
    assert lowered(29.9) == []
    assert lowered(60, weight=11) == []
    assert lowered(60, weight=5) == fewer


def test_the_last_pods_stay_while_anything_may_reach_them() -> None:
    """I4: the delay has passed, but a destination is wide, or stable's side leads to them."""
    none = ["scale new to 0: 3 → 0 pods for weight 0"]
    assert lowered(60, weight=0, step=0) == none
    wide = Route(0, stable_hash=None, canary_hash=OLD)
    assert wanted(STABLE, a_set(NEW, 3, 3), route=wide, step=0) == []
    astray = Route(0, stable_hash=NEW, canary_hash=OLD)
    assert wanted(STABLE, a_set(NEW, 3, 3), route=astray, step=0) == []


def test_a_weight_that_the_mesh_didnt_take_frees_no_pods() -> None:
    """I5: however long ago it was written."""
    refused = Route(10, stable_hash=OLD, canary_hash=NEW, answer=Answer.NOT_YET)
    assert wanted(STABLE, a_set(NEW, 3, 3), route=refused, step=10) == []


def test_a_template_that_is_back_gets_the_newest_number() -> None:
    """A rollback, too; an aborted one's is left as it is."""
    back = ["mark new as 4, no deadline: revision 1's template is back"]
    assert wanted(a_set(OLD, 3), a_set(NEW, 1, 2)) == back
    assert wanted(a_set(OLD, 3), a_set(NEW, 1, 0), stage=Stage.ABORTED, route=OF_STABLE) == []


def test_a_deadline_on_pods_that_are_needed_again_is_taken_away() -> None:
    """Scaling does it, to the number that they have already if need be."""
    leaving = a_set(NEW, 3, 2, scale_down_at=NOW)
    kept = ["scale new to 2: keeps its 2 pods for weight 50"]
    assert wanted(STABLE, leaving) == kept
    more = a_set(NEW, 3, 1, scale_down_at=NOW)
    assert wanted(STABLE, more) == ["scale new to 2: 1 → 2 pods for weight 50"]


# -- the stable revision


def test_stable_has_all_its_pods_during_an_update() -> None:
    """A deadline on them goes; more than that many come down last."""
    full = ["scale stable to 4: stable: 3 → 4 pods"]
    assert wanted(a_set(OLD, 2, 3), a_set(NEW, 3, 2)) == full
    leaving = a_set(OLD, 2, 4, scale_down_at=NOW)
    assert wanted(leaving, a_set(NEW, 3, 2)) == ["scale stable to 4: stable: 4 → 4 pods"]
    assert wanted(a_set(OLD, 2, 3), a_set(NEW, 3, 2), stage=Stage.ABORTED, route=OF_STABLE)[0] == (
        "scale stable to 4: stable: 3 → 4 pods"
    )
    many = a_set(OLD, 2, 5)
    assert wanted(many, a_set(NEW, 3, 1)) == [
        "scale new to 2: 1 → 2 pods for weight 50",
        "scale stable to 4: stable: 5 → 4 pods",
    ]


def test_what_comes_is_done_before_what_goes() -> None:
    """Create and grow, then patience and drain, then shrink, then forget."""
    sets = (
        a_set(OLD, 2, 5, min_ready_seconds=1),
        a_set(NEW, 9, 1),
        a_set(GONE, 3, 1, scale_down_at=LONG_SINCE),
        *(a_set(f"idle-{number}", number, 0) for number in (4, 5)),
    )
    assert wanted(*sets, spec_of={"revisionHistoryLimit": 1}) == [
        "scale new to 2: 1 → 2 pods for weight 50",
        "patience of stable 0: minReadySeconds 1 → 0",
        "scale gone to 0: weight 0 and drained: 1 → 0 pods",
        "scale stable to 4: stable: 5 → 4 pods",
        "delete idle-4: more than 1 revisions are kept",
    ]
    leaving = a_set(OLD, 2, 4, scale_down_at=NOW)
    assert wanted(leaving, a_set(NEW, 9, 2), sets[2]) == [
        "scale stable to 4: stable: 4 → 4 pods",
        "scale gone to 0: weight 0 and drained: 1 → 0 pods",
    ]


def test_an_aborted_updates_stable_pods_stay_wherever_the_route_leads() -> None:
    """I4: somebody led both sides to the canary; they are led back to these pods."""
    astray = Route(0, stable_hash=NEW, canary_hash=NEW)
    assert wanted(STABLE, a_set(NEW, 3, 2), stage=Stage.ABORTED, route=astray) == []


def test_nothing_is_scaled_for_a_rollout_that_goes() -> None:
    """Its ReplicaSets go with it."""
    assert wanted(a_set(OLD, 2, 3), deleting=True) == []


def test_both_revisions_count_by_the_specs_patience() -> None:
    """Those that were given up keep theirs: their pods are going."""
    sets = [a_set(OLD, 2), a_set(NEW, 3, 2), a_set(GONE, 1, 0)]
    assert wanted(*sets, spec_of={"minReadySeconds": 5}) == [
        "patience of stable 5: minReadySeconds 0 → 5",
        "patience of new 5: minReadySeconds 0 → 5",
    ]


# -- revisions that were given up


def drained(found: ReplicaSet, **case: Any) -> list[str]:
    return wanted(STABLE, a_set(NEW, 3, 2), found, **case)


def test_a_revision_without_weight_gets_a_deadline_and_goes_when_it_has_passed() -> None:
    """I4: from the moment its weight was 0 in effect."""
    marked = "weight 0 in effect since 00:00:00; its pods go in 30 s"
    assert drained(a_set(GONE, 1)) == [f"mark gone as 1, 01:00:30: {marked}"]
    assert drained(a_set(GONE, 1), settled=False) == []
    assert drained(a_set(GONE, 1, scale_down_at=NOW + SECOND)) == []
    down = ["scale gone to 0: weight 0 and drained: 4 → 0 pods"]
    assert drained(a_set(GONE, 1, scale_down_at=NOW)) == down
    assert drained(a_set(GONE, 1, 0, scale_down_at=NOW)) == []


@pytest.mark.parametrize("route", [Route(0), Route(50, stable_hash=OLD, canary_hash=GONE)], ids=str)
def test_without_replicas_no_given_up_pod_stays(route: Route) -> None:
    """A Service that isn't narrowed leads to it for ever, and nobody is to answer."""
    none = spec({"setWeight": 50}, version="2", replicas=0)
    rollout, world = a_rollout(wanted=none), a_world(replica_sets=(a_set(GONE, 1, 2),), route=route)
    here = where(rollout, stage=Stage.ABORTED)
    found = scale.replica_sets(around(rollout, world), here, 0)
    assert plans.ScaleReplicaSet(f"cart-{GONE}", 0, "replicas 0: 2 → 0 pods") in found
    paused = replace(rollout, spec=none.model_copy(update={"paused": True}))
    assert not scale.replica_sets(around(paused, world), here, 0)


def test_a_deadline_further_than_the_delay_is_set_anew() -> None:
    """The clock was set back, or the user asks for less."""
    at_most = NOW + 30 * SECOND
    assert drained(a_set(GONE, 1, scale_down_at=at_most)) == []
    anew = drained(a_set(GONE, 1, scale_down_at=at_most + SECOND))
    assert [words.partition(":")[0] for words in anew] == ["mark gone as 1, 01"]


def test_a_deadline_from_before_the_route_last_changed_is_too_early() -> None:
    """I4: requests could reach the pods in between; the delay counts from that change on."""
    early = a_set(GONE, 1, scale_down_at=START)
    took = START + SETTLE
    assert drained(early, now=took + 29.9 * SECOND) == []
    assert len(drained(early, now=took + 30 * SECOND)) == 1


def test_pods_that_traffic_may_reach_again_lose_their_deadline() -> None:
    """I4: somebody put an old route back."""
    old = Route(50, stable_hash=OLD, canary_hash=GONE)
    again = ["mark gone as 1, no deadline: traffic may reach it again"]
    assert drained(a_set(GONE, 1, scale_down_at=NOW), route=old) == again
    assert drained(a_set(GONE, 1), route=old) == []


def test_an_aborted_revision_has_a_delay_of_its_own() -> None:
    """A delay of 0 keeps its pods for ever; others that were given up have the usual one."""
    aborted: dict[str, Any] = {"stage": Stage.ABORTED, "route": OF_STABLE}
    both = (STABLE, a_set(NEW, 3, 2), a_set(GONE, 1))
    told = [words.rpartition("; ")[2] for words in wanted(*both, **aborted)]
    assert told == ["its pods go in 30 s", "its pods go in 30 s"]
    delays = {"abortScaleDownDelaySeconds": 7, "scaleDownDelaySeconds": 5}
    told = [words.rpartition("; ")[2] for words in wanted(*both, **aborted, canary=delays)]
    assert told == ["its pods go in 7 s", "its pods go in 5 s"]
    never = {"abortScaleDownDelaySeconds": 0}
    assert wanted(STABLE, a_set(NEW, 3, 2), **aborted, canary=never) == []


def test_an_old_revisions_number_is_history_beyond_its_limit() -> None:
    """The oldest go; none with pods, none that a destination leads to, neither of the two."""
    limit: dict[str, Any] = {"spec_of": {"revisionHistoryLimit": 1}}
    idle = [a_set(f"idle-{number}", number, 0) for number in (6, 4, 5)]
    both = [a_set(OLD, 2), a_set(NEW, 9, 2)]
    told = ["delete idle-4", "delete idle-5"]
    forgotten = [words.partition(":")[0] for words in wanted(*both, *idle, **limit)]
    assert forgotten == told
    assert wanted(*both, *idle[:1], **limit) == []
    going = [a_set(f"idle-{number}", number, 0, current=1) for number in (4, 5)]
    assert wanted(*both, *going, **limit) == []
    reached = Route(50, stable_hash=OLD, canary_hash="idle-4")
    assert wanted(*both, *idle[:2], route=reached, **limit) == []


def test_the_two_revisions_are_no_history() -> None:
    """A rollout of no pods has them idle, and its route may lead to neither."""
    none: dict[str, Any] = {"spec_of": {"replicas": 0, "revisionHistoryLimit": 0}}
    elsewhere = Route(0, stable_hash=GONE, canary_hash=GONE)
    assert wanted(a_set(OLD, 2, 0), a_set(NEW, 3, 0), route=elsewhere, **none) == []


# -- when to look again


def until(*sets: ReplicaSet, **case: Any) -> list[str]:
    return [f"{at:%H:%M:%S}" for at in scale.drains_until(*a_case(*sets, **case))]


def test_when_pods_of_a_given_up_revision_may_go() -> None:
    """Their deadline, or later where the route changed since; nothing for those without pods."""
    leaving = a_set(GONE, 1, scale_down_at=NOW + 20 * SECOND)
    assert until(STABLE, leaving) == ["01:00:20"]
    assert until(STABLE, leaving, settled=False) == ["01:00:31"]
    assert until(STABLE, replace(leaving, desired=0)) == []
    assert until(STABLE, a_set(GONE, 1)) == []
    assert until(STABLE, replace(leaving, scale_down_at=NOW)) == []


def test_a_deadline_of_pods_that_stay_for_ever_is_no_later_than_it_says() -> None:
    """Somebody set the abort's delay to 0 after it was written."""
    left = a_set(NEW, 3, 2, scale_down_at=NOW + SECOND)
    never = {"abortScaleDownDelaySeconds": 0}
    case: dict[str, Any] = {"stage": Stage.ABORTED, "route": OF_STABLE, "canary": never}
    assert until(STABLE, left, **case) == ["01:00:01"]
    assert until(STABLE, left, **case, settled=False) == ["01:00:01"]


def test_when_pods_that_a_lower_weight_doesnt_need_may_go() -> None:
    """A delay after it took effect; none for a weight that isn't lower yet, or pods that fit."""
    now = START + 10 * SECOND
    assert until(STABLE, a_set(NEW, 3, 3), now=now) == ["00:00:31"]
    assert until(STABLE, a_set(NEW, 3, 2), now=now) == []
    assert until(STABLE, now=now) == []
    higher = Route(60, stable_hash=OLD, canary_hash=NEW)
    assert until(STABLE, a_set(NEW, 3, 3), now=now, route=higher) == []
    assert until(a_set(NEW, 3, 3), now=now, stage=Stage.DONE) == []
    assert until(STABLE, a_set(NEW, 3, 3), now=START + 31 * SECOND) == []
