"""Without a router: the limits of an update on each write, and what a weight of pods means."""

import csv
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.judge import Judge

from davy.cluster.client import Json
from tests.sim.cluster import GONE, Change
from tests.sim.shown import Ledger, Shown, hash_of, rollout_hash

_GOLDEN = Path(__file__).parents[1] / "unit/engine/golden/replica_counts.csv"


@cache
def _argos() -> dict[tuple[int, int, bool], tuple[int, int]]:
    """The canary's and stable's pods by replicas, weight, and whether there may be one more."""
    with _GOLDEN.open(encoding="utf-8", newline="") as file:
        rows = [[int(text) for text in row] for row in [*csv.reader(file)][1:]]
    return {(row[0], row[1], row[3] > 0): (row[4], row[5]) for row in rows}


def _part(value: int | str, full: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    exact = Fraction(int(value.removesuffix("%")) * full, 100)
    return -(-exact.numerator // exact.denominator) if up else int(exact)


def _limits(shown: Shown) -> tuple[int, int, int]:
    """The most pods, the least available ones, the surge."""
    canary, full = shown.rollout["spec"]["strategy"]["canary"], shown.full
    surge = _part(canary["maxSurge"], full, up=True)
    return full + surge, max(0, full - max(may_be_missing(shown), not surge)), surge


def may_be_missing(shown: Shown) -> int:
    """What maxUnavailable comes to, by default a quarter."""
    canary = shown.rollout["spec"]["strategy"]["canary"]
    return _part(canary.get("maxUnavailable", "25%"), shown.full, up=False)


def _size(found: Json | None) -> int:
    return 0 if found is None else int(found["spec"].get("replicas", 1))


def sized(judge: "Judge", ledger: Ledger, shown: Shown, change: Change) -> None:
    """Together with what the same pass wrote before, and on the pods that it was shown."""
    if ledger.asked[0] is not shown:
        ledger.asked = (shown, {name: _size(found) for name, found in shown.sets.items()})
    sizes, template_hash = ledger.asked[1], hash_of(change.object)
    was, had = sum(sizes.values()), _standing(shown, sizes)
    size = 0 if change.type == GONE else _size(change.object)
    grows = size > sizes.get(template_hash, 0)
    sizes[template_hash] = size
    held = judge.world.rollout(ledger.name)
    owner = change.object["metadata"]["ownerReferences"][0]["uid"]
    if shown.deleting or held is None or held["metadata"]["uid"] != owner:
        return  # the garbage collector takes it
    most, least, _ = _limits(shown)
    total = sum(sizes.values())
    judge.check(
        "surge", not grows or total <= max(most, was), f"{total} pods are asked for, not {most}"
    )
    left = _standing(shown, sizes)
    judge.check(
        "availability",
        left >= min(had, least),
        f"{left} of {had} available pods are left, {least} must be: {template_hash} has {size}",
    )
    if shown.aborted and template_hash == shown.status.get("currentPodHash"):
        judge.check("I3", not grows, f"{template_hash} is aborted, and gets {size} pods")
    if shown.paused and shown.status.get("stableRS") not in {None, template_hash}:
        alone = shown.status["stableRS"] not in shown.sets
        judge.check("I6", alone or not grows, f"{template_hash} gets {size} pods, though paused")


def _standing(shown: Shown, sizes: dict[str, int]) -> int:
    return sum(min(shown.available(name), size) for name, size in sizes.items())


def in_place(judge: "Judge", shown: Shown, weight: int, what: str) -> None:
    """The ReplicaSets are as Argo would have them for this weight."""
    status = shown.status
    new = str(rollout_hash(shown) or status.get("currentPodHash"))
    stable = str(status.get("stableRS"))
    if stable not in shown.sets:
        return
    canary, rest = _argos()[shown.full, weight, _limits(shown)[2] > 0]
    others = {name: _size(found) for name, found in shown.sets.items() if name not in {new, stable}}
    judge.check(
        "I5",
        shown.enough(canary) <= shown.available(new) <= canary
        and _size(shown.sets[stable]) == rest,
        lambda: (
            f"{what} at {weight}: {shown.available(new)} pods beside "
            f"{_size(shown.sets[stable])}, not {canary} beside {rest}"
        ),
    )
    judge.check("I5", not any(others.values()), f"{what} at {weight}, beside others: {others}")


def explains(judge: "Judge", shown: Shown, status: Json) -> None:
    """I10: no weight of a route is told; Healthy is said when only stable has pods, and all."""
    judge.check("I10", "weights" not in (status.get("canary") or {}), "there is no route")
    if status.get("phase") != "Healthy":
        return
    stable = status.get("stableRS")
    judge.check("I10", stable == status.get("currentPodHash"), "Healthy in the middle of it")
    pods = shown.standing(stable)
    judge.check("I10", pods >= shown.full, f"Healthy with {pods} of {shown.full} pods")
    others = {name: _size(found) for name, found in shown.sets.items() if name != stable}
    judge.check("I10", not any(others.values()), f"Healthy beside others: {others}")
