"""Which destination moves to which revision, and what it waits for: case by case (I2, I4, I5)."""

from dataclasses import replace
from typing import Any

import pytest

from davy.engine import destinations
from davy.engine.position import Stage
from davy.engine.way import Move
from davy.engine.world import Role, Route
from tests.unit.engine.cluster import spec
from tests.unit.engine.pieces import NEW, OLD, a_rollout, a_set, a_world, around, where

OTHER = "0ld3r0ld3r"
STABLE, CANARY = Role.STABLE, Role.CANARY


def moves(
    weight: int | None,
    stable: str | None,
    canary: str | None,
    *,
    target: int = 50,
    old: int = 4,
    new: int | None = 4,
    settled: bool = True,
    deleting: bool = False,
    replicas: int = 4,
    recorded: str | None = OLD,
    **position: Any,
) -> list[Move]:
    """Of a route like this, with so many pods of either revision; the status names `recorded`."""
    wanted = spec({"setWeight": target}, version="2", replicas=replicas)
    rollout = replace(a_rollout(wanted=wanted, status={"stable_rs": recorded}), deleting=deleting)
    sets = [a_set(OLD, 2, old), a_set(OTHER, 1, 0)]
    if new is not None:
        sets.append(a_set(NEW, 3, new))
    route = Route(weight, stable_hash=stable, canary_hash=canary)
    world = a_world(route=route, replica_sets=tuple(sets))
    here = where(rollout, **position)
    return [*destinations.moves(around(rollout, world, settled=settled), here, target)]


# -- an update


def test_the_canary_is_led_to_the_new_revision_before_its_first_weight() -> None:
    """Not while there is weight on it, or was until just now; never to too few pods."""
    assert moves(0, OLD, OLD) == [(CANARY, NEW)]
    assert moves(0, OLD, OLD, new=2) == [(CANARY, NEW)]
    assert moves(0, OLD, OLD, new=1) == []
    assert moves(0, OLD, OLD, new=None) == []
    assert moves(0, OLD, OLD, settled=False) == []
    assert moves(10, OLD, OLD) == []
    assert moves(0, OLD, NEW) == []


def test_the_canary_is_led_to_stable_before_its_rollout_goes() -> None:
    """I9: a weight that a stopped leader had sent may still arrive, and nobody takes it back.

    Whatever stable's pods; a side that isn't narrowed stays as the user had it. Found by simulation
    4432.
    """
    assert moves(0, OLD, NEW, deleting=True) == [(CANARY, OLD)]
    assert moves(0, OLD, NEW, deleting=True, old=0) == [(CANARY, OLD)]
    assert moves(0, OLD, OTHER, deleting=True, stage=Stage.ABORTED, old=0) == [(CANARY, OLD)]
    assert promoted(0, NEW, OLD, new=0, deleting=True) == [(CANARY, NEW)]
    assert moves(10, OLD, NEW, deleting=True) == []
    assert moves(0, OLD, NEW, deleting=True, settled=False) == []
    assert moves(0, OLD, OLD, deleting=True) == []
    assert moves(0, OLD, None, deleting=True) == []


def test_the_canary_of_a_step_without_weight_leads_anywhere() -> None:
    """The first weight of a later step leads it; one per cent is such a weight."""
    assert moves(0, OLD, OLD, target=0) == []
    assert moves(0, OLD, OLD, target=1, new=1) == [(CANARY, NEW)]
    assert moves(0, OLD, OLD, target=1, new=0) == []


def test_a_wide_canary_is_narrowed_under_weight_to_pods_that_carry_it() -> None:
    """I2: any pod answered before; the weight that it has counts, not only the step's."""
    assert moves(80, OLD, None, new=4) == [(CANARY, NEW)]
    assert moves(80, OLD, None, new=3) == []
    assert moves(10, OLD, None, new=2, settled=False) == [(CANARY, NEW)]


def test_a_rollout_of_no_pods_leads_its_canary_to_none() -> None:
    """Nothing could answer there; it needs the ReplicaSet all the same."""
    assert moves(0, OLD, OLD, replicas=0, new=0) == [(CANARY, NEW)]
    assert moves(0, OLD, OLD, replicas=0, new=None) == []


@pytest.mark.parametrize("stage", [Stage.UPDATING, Stage.ABORTED])
@pytest.mark.parametrize("astray", [None, OTHER, NEW])
def test_stables_destination_is_put_back_first(stage: Stage, astray: str | None) -> None:
    """Whoever moved it: the users go to stable's pods, if there are any."""
    assert moves(30, astray, OLD, stage=stage) == [(STABLE, OLD)]
    assert moves(30, astray, OLD, stage=stage, settled=False) == [(STABLE, OLD)]
    assert moves(30, astray, OLD, stage=stage, old=0) == []


def test_stables_destination_waits_for_a_weight_that_just_left_it() -> None:
    """All traffic is on the canary's side, which carries stable: pods or not, it settles first."""
    assert moves(100, OTHER, OLD, old=0) == [(STABLE, OLD)]
    assert moves(100, OTHER, OLD, settled=False) == []


@pytest.mark.parametrize("stage", [Stage.FIRST, Stage.UPDATING, Stage.ABORTED, Stage.DONE])
def test_nothing_moves_on_a_route_that_cant_be_read(stage: Stage) -> None:
    """Nobody knows what is where."""
    assert moves(None, None, None, stage=stage, recorded=NEW) == []


def test_nothing_moves_for_a_first_revision_that_isnt_stable_yet() -> None:
    """Users are served by whatever was there before."""
    assert moves(0, None, None, stage=Stage.FIRST, recorded=None) == []


# -- an aborted update


def test_an_aborted_updates_canary_is_led_to_stable() -> None:
    """When its weight is 0 in effect, and stable has pods."""
    assert moves(0, OLD, NEW, stage=Stage.ABORTED) == [(CANARY, OLD)]
    assert moves(0, OLD, None, stage=Stage.ABORTED) == [(CANARY, OLD)]
    assert moves(0, OLD, OLD, stage=Stage.ABORTED) == []
    assert moves(10, OLD, NEW, stage=Stage.ABORTED) == []
    assert moves(0, OLD, NEW, stage=Stage.ABORTED, settled=False) == []
    assert moves(0, OLD, NEW, stage=Stage.ABORTED, old=0) == []


# -- a promoted revision


def promoted(weight: int, stable: str | None, canary: str | None, **more: Any) -> list[Move]:
    fields: dict[str, Any] = {"stage": Stage.DONE, "stable_hash": NEW, "recorded": NEW} | more
    return moves(weight, stable, canary, **fields)


def test_stables_destination_moves_when_the_canary_has_all_weight_in_effect() -> None:
    """And all its pods; not before the status says who is stable (I3, I6)."""
    assert promoted(100, OLD, NEW) == [(STABLE, NEW)]
    assert promoted(100, OLD, NEW, recorded=None) == [(STABLE, NEW)]
    assert promoted(100, OLD, NEW, recorded=OLD) == []
    assert promoted(100, OLD, NEW, new=3) == []
    assert promoted(100, OLD, NEW, new=None) == []
    assert promoted(100, OLD, NEW, settled=False) == []
    assert promoted(60, OLD, NEW) == []


def test_stables_destination_moves_where_no_canary_stands_in_for_it() -> None:
    """A rollback, a namesake's route: its users are where they shouldn't be, or nowhere."""
    assert promoted(60, OLD, OTHER) == [(STABLE, NEW)]
    assert promoted(60, OTHER, NEW) == [(STABLE, NEW)]
    assert promoted(60, OTHER, NEW, new=3) == []


def test_a_deleted_rollout_leads_stables_destination_home_without_pods() -> None:
    """Nothing must keep the Rollout; weight on the other side still comes first."""
    assert promoted(100, OLD, NEW, new=0, deleting=True) == [(STABLE, NEW)]
    assert promoted(60, OLD, NEW, new=0, deleting=True) == []


def test_the_canary_follows_when_it_has_nothing_to_carry() -> None:
    """To a revision with any pod; a wide one at once."""
    assert promoted(0, NEW, OLD) == [(CANARY, NEW)]
    assert promoted(0, NEW, OLD, new=1) == [(CANARY, NEW)]
    assert promoted(0, NEW, OLD, new=0) == []
    assert promoted(0, NEW, OLD, settled=False) == []
    assert promoted(10, NEW, OLD) == []
    assert promoted(10, NEW, None) == [(CANARY, NEW)]
    assert promoted(0, NEW, None, settled=False) == [(CANARY, NEW)]
    assert promoted(0, NEW, NEW) == []


def test_a_route_that_was_never_narrowed_is_led_to_the_first_revision_at_once() -> None:
    """Any of its pods answered for either side; with none of them only by deletion, one side."""
    assert promoted(0, None, None) == [(STABLE, NEW), (CANARY, NEW)]
    assert promoted(0, None, OLD) == [(STABLE, NEW)]
    assert promoted(0, None, None, new=0, deleting=True) == [(STABLE, NEW)]


def test_an_update_on_a_route_that_was_never_narrowed_moves_one_side_at_a_time() -> None:
    """Stable's first, to stable's pods."""
    assert moves(0, None, None) == [(STABLE, OLD)]
