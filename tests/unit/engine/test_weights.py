"""The wanted weight, case by case."""

from dataclasses import replace
from typing import Any

import pytest

from davy.api.capacity import Capacity
from davy.api.errors import Finding
from davy.api.rollout import ReplicaProgressThreshold
from davy.engine import weights
from davy.engine.position import Stage
from davy.engine.world import Route
from tests.unit.engine.cluster import spec
from tests.unit.engine.pieces import NEW, OLD, a_rollout, a_set, a_world, around, where

PROBLEM = (Finding("spec", "is wrong"),)


def wanted(
    weight: int | None,
    target: int,
    *,
    new: int | None = 4,
    old: int = 4,
    settled: bool = True,
    deleting: bool = False,
    finalizer: bool = True,
    route: dict[str, Any] | None = None,
    observed: bool = True,
    problems: tuple[Finding, ...] = (),
    replicas: int = 4,
    canary: dict[str, Any] | None = None,
    **position: Any,
) -> int | None:
    """Of 4 pods, where the route says `weight` and the step asks for `target`."""
    rollout = a_rollout(
        wanted=spec({"setWeight": target}, version="2", replicas=replicas, canary=canary or {})
    )
    rollout = replace(rollout, deleting=deleting, finalizer=finalizer)
    here = Route(
        **{"canary_weight": weight, "stable_hash": OLD, "canary_hash": NEW, **(route or {})}
    )
    sets = [a_set(OLD, 1, old)]
    if new is not None:
        sets.append(a_set(NEW, 2, new, desired=4, observed=observed))
    world = a_world(route=here, replica_sets=tuple(sets), problems=problems)
    return weights.wanted(
        around(rollout, world, settled=settled), where(rollout, **position), target
    )


@pytest.mark.parametrize(
    ("available", "full", "weight"),
    [(0, 4, 0), (1, 3, 33), (2, 3, 66), (3, 5, 60), (4, 4, 100), (9, 4, 100), (0, 0, 100)],
)
def test_what_pods_carry_is_rounded_down(available: int, full: int, weight: int) -> None:
    """I2; a rollout of no pods at all carries any weight."""
    assert Capacity(full).carried(available) == weight


@pytest.mark.parametrize(("weight", "pods"), [(0, 0), (1, 1), (25, 1), (26, 2), (100, 4)])
def test_what_a_weight_needs_is_rounded_up(weight: int, pods: int) -> None:
    """I2."""
    assert Capacity(4).needed(weight) == pods


@pytest.mark.parametrize(
    ("weight", "floor", "pods"),
    [(0, 3, 0), (1, 3, 3), (75, 3, 3), (76, 3, 4), (1, 9, 4), (1, 0, 1)],
)
def test_any_weight_has_the_least_pods(weight: int, floor: int, pods: int) -> None:
    """minPodsPerReplicaSet: as far as the rollout has so many; weight 0 needs none."""
    assert Capacity(4, floor).needed(weight) == pods


@pytest.mark.parametrize(
    ("kind", "value", "enough"),
    [("Percent", 75, 4), ("Percent", 100, 5), ("Percent", 1, 1), ("Pods", 3, 3), ("Pod", 9, 5)],
)
def test_fewer_pods_may_be_enough(kind: str, value: int, enough: int) -> None:
    """replicaProgressThreshold: percent rounded up, a number at most all; of none, none."""
    given = ReplicaProgressThreshold.model_validate({"type": kind, "value": value})
    assert Capacity(10, threshold=given).enough(5) == enough
    assert Capacity(10, threshold=given).enough(0) == 0


def test_enough_pods_give_the_weight_that_they_carry() -> None:
    """I2: never more; a promoted revision that somebody lowered waits for all of them."""
    enough = {"replicaProgressThreshold": {"type": "Percent", "value": 75}}
    assert wanted(10, 100, new=3, canary=enough) == 75
    assert wanted(10, 100, new=2, canary=enough) == 10
    assert wanted(60, 0, new=3, stage=Stage.DONE, canary=enough) == 60


def test_the_weight_of_a_step_is_the_last_one_asked_for() -> None:
    """Before any it is 0, past the last step 100."""
    steps = where(
        a_rollout({"pause": {}}, {"setWeight": 30}, {"pause": {}}, {"setWeight": 0})
    ).steps
    assert [weights.of_step(steps, index, 100) for index in range(5)] == [0, 30, 30, 0, 100]


@pytest.mark.parametrize(
    ("part", "expected"), [(40, 0), (0, None), (None, None)], ids=["traffic", "none", "unknown"]
)
def test_of_a_route_that_is_partly_unreadable_the_rest_is_taken_back(
    part: int | None, expected: int | None
) -> None:
    """I3, I9: an abort or a deletion writes to all that can be written; nothing else does."""
    route = {"part_weight": part}
    assert wanted(None, 10, route=route, stage=Stage.ABORTED) == expected
    assert wanted(None, 10, route=route, deleting=True) == expected
    assert wanted(None, 10, route=route) is None


def test_what_is_taken_back_in_part_waits_for_the_pods_of_a_dynamic_stable() -> None:
    """I2, I3: one of four pods takes 25 of 100 at once, more when more of them are there."""
    back: dict[str, Any] = {
        "route": {"part_weight": 80},
        "stage": Stage.ABORTED,
        "canary": {"dynamicStableScale": True},
    }
    assert wanted(None, 80, old=1, new=3, **back) == 75
    assert wanted(None, 80, old=4, new=3, **back) == 0
    back["route"] = {"part_weight": 75}
    assert wanted(None, 80, old=1, new=3, **back) is None


def test_raising_waits_for_everything() -> None:
    """I2, I5, I9: pods, counted since the last scaling; effect; the finalizer; no problem."""
    assert wanted(10, 50) == 50
    assert wanted(10, 50, new=2) == 50
    assert wanted(10, 50, new=1) == 10
    assert wanted(10, 50, observed=False) == 10
    assert wanted(10, 50, settled=False) == 10
    assert wanted(10, 50, finalizer=False) == 10
    assert wanted(10, 50, problems=PROBLEM) == 10
    assert wanted(10, 50, route={"canary_hash": None}) == 10


def test_a_rollout_of_no_pods_raises_its_weight_when_it_has_its_replica_set() -> None:
    """Its revision is there then, though none of its pods."""
    assert wanted(10, 50, replicas=0, new=0) == 50
    assert wanted(10, 50, replicas=0, new=None) == 10


def test_lowering_waits_for_nothing() -> None:
    """I2, I3: fewer pods, a step down, a deletion, another revision behind the canary's side."""
    hindered: dict[str, Any] = {"settled": False, "problems": PROBLEM, "finalizer": False}
    assert wanted(50, 10, **hindered) == 10
    assert wanted(50, 50, new=1, **hindered) == 25
    assert wanted(50, 50, stage=Stage.ABORTED, **hindered) == 0
    assert wanted(50, 50, deleting=True, **hindered) == 0
    assert wanted(50, 50, route={"canary_hash": OLD}, **hindered) == 0


def test_a_weight_that_is_right_stays() -> None:
    """Whatever holds back a higher one."""
    assert wanted(50, 50, settled=False, problems=PROBLEM) == 50
    assert wanted(50, 50, route={"canary_hash": None}) == 50


def test_the_route_is_left_alone() -> None:
    """Where it can't be read, and before there is a stable revision."""
    assert wanted(None, 50) is None
    assert wanted(50, 50, stage=Stage.FIRST) is None


def test_a_promoted_revision_moves_when_stables_side_leads_to_it_and_settled() -> None:
    """I5: 100 on the canary's side until then."""
    both = {"stable_hash": NEW}
    assert wanted(100, 0, stage=Stage.DONE) == 100
    assert wanted(100, 0, stage=Stage.DONE, route=both) == 0
    assert wanted(100, 0, stage=Stage.DONE, route=both, settled=False) == 100
    assert wanted(0, 0, stage=Stage.DONE, route=both) == 0


def test_a_promoted_revision_that_somebody_lowered_rises_with_its_pods_alone() -> None:
    """I2: back to 100 with all pods; with one of four not even what it has."""
    assert wanted(60, 0, stage=Stage.DONE) == 100
    assert wanted(60, 0, stage=Stage.DONE, new=3) == 60
    assert wanted(100, 0, stage=Stage.DONE, new=3) == 100
    assert wanted(60, 0, stage=Stage.DONE, new=1) == 25


def test_a_promoted_revision_that_the_canary_doesnt_lead_to_gets_no_weight_there() -> None:
    """A rollback: all to stable's side, at once."""
    assert wanted(40, 0, stage=Stage.DONE, route={"canary_hash": OLD}, settled=False) == 0


UNLED = {"stable_hash": "0ld3r0ld3r", "canary_hash": OLD}
"""All traffic is on the canary's side, which carries stable."""


def unled(weight: int, stable: str | None, canary: str | None, **changes: Any) -> bool:
    rollout = a_rollout({"setWeight": 50})
    world = a_world(route=Route(weight, stable_hash=stable, canary_hash=canary))
    return weights.is_unled(around(rollout, world), where(rollout, **changes))


def test_no_weight_moves_before_stables_side_leads_to_the_stable_revision() -> None:
    """I4: it would go to pods that are about to be drained; an abort's neither (I3)."""
    assert wanted(100, 50, route=UNLED) == 100
    assert wanted(100, 50, route=UNLED, stage=Stage.ABORTED) == 100
    assert wanted(99, 50, route=UNLED) == 0
    assert wanted(100, 50, route=UNLED | {"stable_hash": None}) == 0
    assert wanted(100, 50, route=UNLED | {"canary_hash": NEW}) == 50


def test_stable_is_unled_while_the_canarys_side_alone_carries_it() -> None:
    """During an update or an abort; a promoted revision's turn comes with its promotion."""
    older = UNLED["stable_hash"]
    assert unled(100, older, OLD) is True
    assert unled(100, older, OLD, stage=Stage.ABORTED) is True
    assert unled(100, older, NEW, stage=Stage.DONE, stable_hash=NEW) is False
    assert unled(100, older, None, stage=Stage.FIRST, stable_hash=None) is False
    assert unled(100, OLD, OLD) is False
    assert unled(100, None, OLD) is False
    assert unled(99, older, OLD) is False
