"""Objects of other namespaces: a rollout writes into one only where its owner allows that.

Two annotations of the object say so, and nobody but who may write that object can write them. The
owner's lists the namespaces whose rollouts are allowed. Davy's own names the rollout while its
canary has weight there: a permission that is withdrawn meanwhile ends all but the way back (I3), as
the traffic would be stranded on a canary that nobody may take out of it. Then the name stays, so
that the rollout still sees that its canary has no weight, and drains its pods (I4).
"""

from dataclasses import dataclass
from typing import Final

from davy.api.group import ApiGroup
from davy.traffic.base import ObjectKey, RoutedRollout
from davy.traffic.leaves import Change, Path, text_at

_ANNOTATIONS: Final[Path] = ("metadata", "annotations")


@dataclass(frozen=True)
class Guest:
    """A rollout, as objects of other namespaces know it."""

    namespace: str
    name: str
    group: ApiGroup

    @property
    def permission(self) -> Path:
        """Of the annotation that lists the namespaces whose rollouts are allowed."""
        return (*_ANNOTATIONS, self.group.allowed_from_annotation)

    def may_write(self, found: object) -> bool:
        """The owner allows rollouts of this namespace; a `*` is no namespace."""
        return self.namespace in _listed(found, self.permission)

    def may_look(self, found: object) -> bool:
        """It is allowed, or was when it last gave its canary weight there."""
        return self.may_write(found) or str(self) in _listed(found, self._claim)

    def claim(self, found: object, *, has_weight: bool) -> tuple[Change, ...]:
        """The change that names the rollout while its canary has weight; none when it is so."""
        held = _listed(found, self._claim)
        if (str(self) in held) == has_weight or not self.may_write(found):
            return ()
        others = [name for name in held if name != str(self)]
        names = [*others, str(self)] if has_weight else others
        return (Change(self._claim, ", ".join(names) or None),)

    def refusal(self, key: ObjectKey) -> str:
        """The sentence for an object that isn't there, as far as this rollout may know."""
        return (
            f"{key} doesn't exist or doesn't allow rollouts of namespace {self.namespace}; "
            f"{self.remedy}."
        )

    def withdrawn(self, key: ObjectKey) -> str:
        """The sentence for an object that was open when its weight was written."""
        return (
            f"{key} doesn't allow rollouts of namespace {self.namespace} any more, so the canary's "
            f"weight can only fall; {self.remedy}."
        )

    @property
    def remedy(self) -> str:
        """What makes an object open, as the end of a sentence."""
        return (
            f"its owner allows them by the annotation {self.group.allowed_from_annotation}: "
            f'"{self.namespace}" on it, a list of namespaces apart by commas'
        )

    @property
    def _claim(self) -> Path:
        return (*_ANNOTATIONS, self.group.managed_by_annotation)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def guest(rollout: RoutedRollout, key: ObjectKey) -> Guest | None:
    """The rollout as this object knows it; None: the object is of its own namespace."""
    if key.namespace == rollout.namespace:
        return None
    return Guest(rollout.namespace, rollout.name, rollout.group)


def _listed(found: object, path: Path) -> list[str]:
    parts = (part.strip() for part in (text_at(found, path) or "").split(","))
    return [part for part in parts if part]
