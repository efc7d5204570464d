"""The arithmetic of an update without a router: how many pods each ReplicaSet should have now.

The weight is the ratio of pods. Two limits hold on the way to it: never more pods than `replicas` +
maxSurge, and no pod that can answer is taken away below `replicas` - maxUnavailable. The counts for
a weight are Argo Rollouts', to the last pod (`tests/unit/engine/golden/replica_counts.csv`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from davy.api.fields import part_of
from davy.api.rollout import RolloutSpec

_ALL: Final = 100


@dataclass(frozen=True)
class Pods:
    """One ReplicaSet in numbers."""

    desired: int
    """`spec.replicas`."""
    available: int = 0
    """Of these, those that can answer; 0 while the count is from before a scaling."""
    counted: bool = True
    """What isn't available isn't just unseen: the ReplicaSet controller knows `desired`, and says
    of the pods what they say themselves."""


@dataclass(frozen=True)
class Counts:
    """How many pods two revisions should have."""

    canary: int
    stable: int


@dataclass(frozen=True)
class Sizes:
    """How many pods each ReplicaSet should be asked to have now: a step on the way."""

    canary: int
    stable: int
    older: tuple[int, ...]
    """In the order in which they were given."""


@dataclass(frozen=True)
class Limits:
    """What an update may ask of a cluster."""

    most: int
    """Pods that all ReplicaSets together may be asked to have."""
    least: int
    """Available pods below which none of them is taken away."""
    surge: int
    """maxSurge as a number of pods."""


def may_be_missing(spec: RolloutSpec) -> int:
    """The pods that `maxUnavailable` stands for, rounded down."""
    return part_of(spec.strategy.canary.max_unavailable, spec.replicas, up=False)


def limits(spec: RolloutSpec) -> Limits:
    """How far an update may go: maxSurge rounded up, maxUnavailable down.

    Where both come to 0 one pod may be unavailable, or nothing could ever move: validation refuses
    two zeros, but 10 % of 3 pods, rounded down, are none.
    """
    full = spec.replicas
    surge = part_of(spec.strategy.canary.max_surge, full, up=True)
    unavailable = may_be_missing(spec)
    if surge == unavailable == 0:
        unavailable = 1
    return Limits(most=full + surge, least=max(0, full - unavailable), surge=surge)


def counts(weight: int, full: int, surge: int) -> Counts:
    """The pods that come nearest to a weight, as whole pods can.

    One pod more than `full` is taken where that comes nearer and may be. From 1 to 99 both sides
    have a pod, but with a single pod and no surge. At equal distance the earlier of the candidates
    is taken: `full` pods before one more, the canary rounded up before down. Without surge a few
    high weights (75 of 2 pods, 90 of 5, 95 of 10) have no candidate: the canary gets none, as in
    Argo.

    Args:
        weight: the canary's, 0 to 100.
        full: pods that carry all traffic, >= 0.
        surge: pods that may be added to them, >= 0.
    """
    if full == 0:
        return Counts(0, 0)
    canary, total = min(
        _near(weight, full, surge),
        key=lambda found: abs(Fraction(*found) - Fraction(weight, _ALL)),
        default=(0, full),
    )
    return Counts(canary, total - canary)


def _near(weight: int, full: int, surge: int) -> Iterator[tuple[int, int]]:
    """Candidates for the canary's pods, of how many."""
    up, down = -(-weight * full // _ALL), weight * full // _ALL
    none_may_be = weight in {0, _ALL} or (full == 1 and not surge)
    down_may_be = down > 0 or none_may_be
    for total in (full, full + 1) if surge else (full,):
        if up < total or none_may_be:
            yield up, total
        if down_may_be and not _is_tie(weight, total):
            yield down, total


def _is_tie(weight: int, total: int) -> bool:
    """Half a pod: rounded up."""
    return weight * total % _ALL == _ALL // 2


def sizes(
    wanted: Counts, canary: Pods, stable: Pods, older: Sequence[Pods], bounds: Limits
) -> Sizes:
    """The sizes to ask for now, on the way to `wanted` and none of the older.

    Growing comes first: stable, then the canary, as far as there is room below `bounds.most`. As
    long as an older ReplicaSet has pods only those go: the ones that can't answer at once, the
    others, newest revision first, as the rest can do without them. Then the canary shrinks, then
    stable; of the one that shrinks the pods that can't answer are taken to go first, as the
    ReplicaSet controller does.

    Args:
        wanted: what the weight asks for.
        canary: the new revision; no pods where it has no ReplicaSet yet.
        stable: the revision to fall back on; no pods where there is none.
        older: given up, newest revision first.
        bounds: of the update.
    """
    room = bounds.most - sum(found.desired for found in (canary, stable, *older))
    stable_grown = _grown(stable.desired, wanted.stable, room)
    room -= stable_grown - stable.desired
    canary_grown = _grown(canary.desired, wanted.canary, room)
    if any(found.desired for found in older):
        there = canary.available + stable.available
        gone = tuple(_given_up(older, there, bounds.least))
        return Sizes(canary_grown, stable_grown, gone)
    canary_now = _shrunk(canary_grown, wanted.canary, bounds.least - stable.available)
    left = min(canary.available, canary_now)
    stable_now = _shrunk(stable_grown, wanted.stable, bounds.least - left)
    return Sizes(canary_now, stable_now, (0,) * len(older))


def _grown(has: int, wants: int, room: int) -> int:
    return max(has, min(wants, has + max(0, room)))


def _shrunk(has: int, wants: int, needed: int) -> int:
    """As small as wanted, but for the pods that are needed of it."""
    return min(has, max(wants, needed))


def _given_up(older: Sequence[Pods], there: int, least: int) -> Iterator[int]:
    """What each older ReplicaSet keeps.

    Args:
        older: newest revision first.
        there: available pods of the others.
        least: available pods that must be left of all together.
    """
    able = [found.available if found.counted else found.desired for found in older]
    spare = max(0, there + sum(found.available for found in older) - least)
    for size in able:
        goes = min(size, spare)
        spare -= goes
        yield size - goes


def share(part: int, total: int) -> int:
    """The part of all pods in percent, 0 and 100 only for none and all of them."""
    if part in {0, total}:
        return _ALL if part else 0
    return min(_ALL - 1, max(1, round(Fraction(_ALL * part, total))))
