"""How many pods without a router: Argo's own numbers, row by row, and what holds for any state."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.engine import basic
from davy.engine.basic import Counts, Limits, Pods, Sizes
from tests.unit.engine.cluster import spec

GOLDEN = Path(__file__).parent / "golden" / "replica_counts.csv"
FULL = st.integers(0, 30)


def test_the_counts_for_a_weight_are_argos() -> None:
    """All 10 302 rows that its replica function printed; users' pods mustn't change in number."""
    with GOLDEN.open(encoding="utf-8", newline="") as file:
        rows = [{name: int(text) for name, text in row.items()} for row in csv.DictReader(file)]
    wrong = [
        row
        for row in rows
        if basic.counts(row["weight"], row["spec_replicas"], row["max_surge"])
        != Counts(row["canary"], row["stable"])
    ]
    assert len(rows) == 10302
    assert {row["max_weight"] for row in rows} == {100}
    assert wrong == []


@pytest.mark.parametrize(
    ("replicas", "canary", "wanted"),
    [
        (10, {}, Limits(most=13, least=8, surge=3)),
        (3, {}, Limits(most=4, least=3, surge=1)),
        (3, {"maxSurge": 0, "maxUnavailable": "25%"}, Limits(most=3, least=2, surge=0)),
        (5, {"maxSurge": 2, "maxUnavailable": 0}, Limits(most=7, least=5, surge=2)),
        (5, {"maxSurge": "200%", "maxUnavailable": 9}, Limits(most=15, least=0, surge=10)),
        (0, {}, Limits(most=0, least=0, surge=0)),
    ],
)
def test_the_limits_of_an_update(
    replicas: int, canary: dict[str, int | str], wanted: Limits
) -> None:
    """Surge is rounded up, the unavailable down; where both are none, one may be unavailable."""
    assert basic.limits(spec(replicas=replicas, canary=canary)) == wanted


def limits(full: int, surge: int, unavailable: int) -> Limits:
    """Of so many pods."""
    return Limits(full + surge, max(0, full - (unavailable or (not surge))), surge)


@pytest.mark.parametrize(
    ("weight", "surge", "unavailable", "wanted"),
    [
        (10, 1, 1, Sizes(1, 9, ())),
        (30, 3, 0, Sizes(3, 10, ())),
        (30, 0, 5, Sizes(0, 7, ())),
    ],
)
def test_the_first_move_of_ten_pods(
    weight: int, surge: int, unavailable: int, wanted: Sizes
) -> None:
    """The examples of Argo's own documentation."""
    target = basic.counts(weight, 10, surge)
    found = basic.sizes(target, Pods(0), Pods(10, 10), [], limits(10, surge, unavailable))
    assert found == wanted


def test_pods_that_cant_answer_go_first_with_what_was_given_up() -> None:
    """Six of eight pods of a bad revision give way at once; the others as they can be spared."""
    bad, counting = Pods(8, 2), Pods(8, 0, counted=False)
    bounds = limits(10, 1, 1)
    assert basic.sizes(Counts(10, 0), Pods(3, 3), Pods(0), [bad], bounds) == Sizes(3, 0, (2,))
    assert basic.sizes(Counts(10, 0), Pods(9, 9), Pods(0), [bad], bounds) == Sizes(9, 0, (0,))
    assert basic.sizes(Counts(3, 7), Pods(3, 3), Pods(0), [counting], bounds) == Sizes(3, 0, (8,))


@st.composite
def pods(draw: st.DrawFn) -> Pods:
    """A ReplicaSet in any condition."""
    desired = draw(st.integers(0, 30))
    counted = draw(st.booleans())
    return Pods(desired, draw(st.integers(0, desired)), counted)


@st.composite
def bounds(draw: st.DrawFn, full: int) -> Limits:
    """Limits that validation lets pass."""
    return limits(full, draw(st.integers(0, full + 2)), draw(st.integers(0, full)))


@given(st.data())
def test_no_state_breaks_a_limit_by_davys_doing(data: st.DataObject) -> None:
    """Nothing grows above the most; nobody who can answer goes below the least."""
    full = data.draw(FULL)
    limit = data.draw(bounds(full))
    wanted = basic.counts(data.draw(st.integers(0, 100)), full, limit.surge)
    canary, stable = data.draw(pods()), data.draw(pods())
    older = data.draw(st.lists(pods(), max_size=3))
    before = (canary, stable, *older)
    found = basic.sizes(wanted, canary, stable, older, limit)
    after = (found.canary, found.stable, *found.older)
    assert min(after) >= 0
    grown = any(now > was.desired for now, was in zip(after, before, strict=True))
    assert not grown or sum(max(pair) for pair in zip(
        after, (was.desired for was in before), strict=True)) <= limit.most  # fmt: skip
    left = sum(min(was.available, now) for was, now in zip(before, after, strict=True))
    had = sum(was.available for was in before)
    assert left >= min(had, limit.least)


@given(st.data())
def test_an_update_comes_to_its_end_when_pods_get_ready(data: st.DataObject) -> None:
    """From any sizes to any weight, whatever the limits: some step is always left to take."""
    full = data.draw(FULL)
    limit = data.draw(bounds(full))
    wanted = basic.counts(data.draw(st.integers(0, 100)), full, limit.surge)
    sizes = [data.draw(st.integers(0, 30)) for _ in range(4)]
    for _ in range(200):
        all_ready = [Pods(size, size) for size in sizes]
        found = basic.sizes(wanted, all_ready[0], all_ready[1], all_ready[2:], limit)
        sizes = [found.canary, found.stable, *found.older]
    assert sizes == [wanted.canary, wanted.stable, 0, 0]


@given(st.data())
def test_an_abort_needs_no_pod_of_the_canary(data: st.DataObject) -> None:
    """I3: stable gets all its pods back though none of the canary's, or of older, ever answers."""
    full = data.draw(FULL)
    limit = data.draw(bounds(full))
    stable, older = data.draw(st.integers(0, full)), [data.draw(st.integers(0, 30))]
    for _ in range(60):
        dead = [Pods(size, 0) for size in older]
        found = basic.sizes(Counts(0, full), Pods(0), Pods(stable, stable), dead, limit)
        stable, older = found.stable, [*found.older]
    assert (stable, older) == (full, [0])


@pytest.mark.parametrize(
    ("available", "total", "wanted"),
    [(0, 0, 0), (0, 5, 0), (5, 5, 100), (1, 5, 20), (1, 1000, 1), (999, 1000, 99), (1, 3, 33)],
)
def test_the_share_of_the_pods(available: int, total: int, wanted: int) -> None:
    """Neither a canary nor a stable that still has users is ever said to have none."""
    assert basic.share(available, total) == wanted
