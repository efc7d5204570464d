"""A split: where in an object stable and canary share traffic, and the leaves of their shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from davy.api.errors import Finding
from davy.traffic.base import NotYet
from davy.traffic.leaves import Change, Path

FULL: Final = 100
"""The weight that is all traffic, where the rollout says no other."""


@dataclass(frozen=True)
class Share:
    """One destination of a split."""

    path: Path
    """Of its weight."""
    weight: int
    """As the mesh takes it, >= 0; the API's default where the leaf is absent."""
    identity: tuple[Path, ...]
    """Leaves that say which destination it is."""


@dataclass(frozen=True)
class Split:
    """The destinations of one rule."""

    stable: tuple[Share, ...]
    canary: tuple[Share, ...]
    others: tuple[Share, ...] = ()
    """Destinations that belong to neither."""
    full: int = FULL
    """The weight that is all traffic, in every rule that Davy writes (I1)."""
    kept: tuple[Share, ...] = ()
    """Destinations that the user named as others': they keep their weight, and what the canary has
    is of `full` still."""
    ours: bool = True
    """False: it isn't sure that this one is meant; Davy may only take the canary's traffic away."""

    @property
    def sound(self) -> bool:
        """Exactly one stable and one canary destination: any weight can be written."""
        lone = (len(self.stable), len(self.canary), len(self.others)) == (1, 1, 0)
        return self.ours and lone and self.shared > 0

    @property
    def shared(self) -> int:
        """What stable and canary have together; `full` where they have all."""
        return self.full - sum(share.weight for share in self.kept)

    @property
    def canary_weight(self) -> int:
        """The canary's share of `full`, rounded up, but all of it only when it has all.

        So neither a canary nor a stable that still gets traffic is ever said to have none (I4). All
        is what the kept leave.
        """
        canary, total = self._canary, self._total
        if canary in {0, total - sum(share.weight for share in self.kept)}:
            return self.full if canary else 0
        return min(self.full - 1, -(-self.full * canary // total))

    def shares_exactly(self, canary_weight: int) -> bool:
        """Whether the canary's share is this weight, to the last request; in whatever scale.

        Beside kept destinations: as near as what they leave comes to it.
        """
        if self.kept and self.sound:
            held = {share.path: share.weight for share in (*self.stable, *self.canary)}
            return all(held[change.path] == change.value for change in self.changes(canary_weight))
        return self._total > 0 and self.full * self._canary == canary_weight * self._total

    @property
    def text(self) -> str:
        """The canary's share as it is written, e.g. `1 of 3`."""
        return f"{self._canary} of {self._total}"

    def changes(self, canary_weight: int) -> tuple[Change, ...]:
        """Leaves that give the canary this weight and stable the rest; none where that can't be."""
        if self.sound:
            all_of_it = canary_weight == self.full
            canary = self.shared if all_of_it else min(canary_weight, self.shared - 1)
            return (
                _change(self.stable[0], self.shared - canary),
                _change(self.canary[0], canary),
            )
        if canary_weight or not self.stable or not self._canary:
            return ()
        first = self.stable[0]
        return (
            _change(first, first.weight + self._canary),
            *(_change(share, 0) for share in self.canary),
        )

    @property
    def _canary(self) -> int:
        return sum(share.weight for share in self.canary)

    @property
    def _total(self) -> int:
        every = (*self.stable, *self.canary, *self.others, *self.kept)
        return sum(share.weight for share in every)


@dataclass(frozen=True)
class Reading:
    """The splits of one or several objects."""

    splits: tuple[Split, ...] = ()
    problems: tuple[Finding, ...] = ()
    stale: str = ""
    """What beside the weights isn't as it should be and is mended with them; "": nothing."""
    readable: bool = True
    """False: some rule that should be split is missing or malformed; the canary may have traffic
    there."""

    @property
    def canary_weight(self) -> int | None:
        """The highest of the splits, 0 only when none has traffic; None when one can't be read."""
        return self.part_weight if self.readable else None

    @property
    def part_weight(self) -> int | None:
        """The highest of the splits that can be read, whatever the others have; None: none can."""
        return max((split.canary_weight for split in self.splits), default=None)

    @property
    def uneven(self) -> bool:
        """Whether some split's share isn't exactly `canary_weight`, or something is stale."""
        weight = self.canary_weight
        if weight is None:
            return False
        return bool(self.stale) or not all(split.shares_exactly(weight) for split in self.splits)


def together(readings: Sequence[Reading]) -> Reading:
    """Several objects' splits as one route's."""
    return Reading(
        splits=tuple(split for reading in readings for split in reading.splits),
        problems=tuple(problem for reading in readings for problem in reading.problems),
        stale="; ".join(reading.stale for reading in readings if reading.stale),
        readable=all(reading.readable for reading in readings),
    )


def unsettled(reading: Reading) -> NotYet | None:
    """Why no mesh could have taken one weight: the objects don't say one; None: they do."""
    if reading.canary_weight is None:
        first = reading.problems[0].message if reading.problems else "there is nothing to split"
        return NotYet(f"the weight can't be read: {first}")
    if reading.stale:
        return NotYet(reading.stale)
    if reading.uneven:
        shares = ", ".join(dict.fromkeys(split.text for split in reading.splits))
        return NotYet(f"not every rule gives the canary exactly {reading.canary_weight}: {shares}")
    return None


def _change(share: Share, weight: int) -> Change:
    return Change(share.path, weight, share.identity)
