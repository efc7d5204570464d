"""The contract of a router: pure functions over the objects that make a route.

The controller fetches the objects that `objects()` names, calls `read`, and sends what `weights`
and `target` return. A router never writes by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from davy.api.errors import Finding
from davy.api.group import ApiGroup
from davy.api.managed_routes import Rule
from davy.api.rollout import CanaryStrategy

Json = dict[str, Any]


@dataclass(frozen=True)
class RoutedRollout:
    """The rollout whose route is meant: all that a router may know of it."""

    namespace: str
    name: str
    canary: CanaryStrategy
    template_labels: Mapping[str, str]
    """Labels of the pod template: what a Service or subset must select to find the pods."""
    group: ApiGroup
    """Names the managed-by annotation."""
    left_rules: tuple[str, ...] = ()
    """Managed routes that the route had last, whatever `canary` names now."""

    @property
    def rule_names(self) -> tuple[str, ...]:
        """Every managed route that the rollout may have made, by precedence."""
        return tuple(dict.fromkeys((*self.canary.rule_names, *self.left_rules)))


@dataclass(frozen=True, order=True)
class ObjectKey:
    """One object of the cluster."""

    group: str
    """API group; "" is core."""
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class ObjectPatch:
    """A JSON patch (RFC 6902) of one object; a `test` beside every leaf it changes (I9)."""

    key: ObjectKey
    operations: tuple[Json, ...]


@dataclass(frozen=True)
class NewObject:
    """An object that the route lacks; the Rollout becomes its owner, so it goes with it."""

    key: ObjectKey
    manifest: Json
    """Without ownerReferences; `metadata.name` and `namespace` are the key's."""


Write = ObjectPatch | NewObject


@dataclass(frozen=True)
class Verified:
    """The mesh said that it took what is written."""

    why: str


@dataclass(frozen=True)
class NotYet:
    """The mesh has not taken it, or refused it."""

    why: str


@dataclass(frozen=True)
class Unknown:
    """This router has no way to tell; a settle time must do."""

    why: str


Verification = Verified | NotYet | Unknown


@dataclass(frozen=True)
class WrittenRule:
    """A managed route that is in the route."""

    name: str
    rules: tuple[Rule, ...]
    """The steps that ask for it just as it is; none: it must be written anew, or go."""


@dataclass(frozen=True)
class RouteState:
    """What the route's objects say."""

    canary_weight: int | None
    """0 to 100 or maxTrafficWeight, stable has the rest; None: it can't be read, `problems` says
    why."""
    stable_hash: str | None
    """The revision that every stable destination (subset, Service) is narrowed to; None: none, or
    they disagree."""
    canary_hash: str | None
    verification: Verification
    problems: tuple[Finding, ...] = ()
    """What is wrong: path in the Rollout's spec, and a sentence that names the object and what
    would be right."""
    uneven: bool = False
    """Some rule's share isn't exactly `canary_weight`: rules disagree (then it is the highest), or
    a share was rounded. `weights` with that very number mends it; until then `verification` is
    NotYet."""
    part_weight: int | None = None
    """The highest weight in the parts that can be read, whatever others say; None: none can."""
    rules: tuple[WrittenRule, ...] = ()
    """Managed routes before the weighted one, by precedence."""


Objects = Mapping[ObjectKey, Json]
"""The objects found; one that `objects()` named and that isn't here doesn't exist."""

RoleName = Literal["stable", "canary"]


@runtime_checkable
class Router(Protocol):
    """One kind of route."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The objects this route is made of: the controller watches and hands in exactly these."""

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """What is written now, and whether the mesh took it. Never raises on a strange object."""

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),
    ) -> tuple[Write, ...]:
        """What makes the canary's weight `canary_weight`, stable's the rest (I1).

        And what leaves no managed route but `rules`. Empty when it is so. Nothing is made anew for
        0: what isn't there carries no traffic. Parts of a route that can't be written (missing,
        malformed) are left out, the others are written: one broken route never keeps an abort from
        the rest (I3). Where a user put a third destination into a rule, only 0 is written, by
        giving the canary's weight to stable. Never raises on a strange object.
        """

    def target(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        role: RoleName,
        template_hash: str | None,
    ) -> tuple[ObjectPatch, ...]:
        """Patches that narrow a role to one revision's pods; empty when it is so.

        None: it isn't narrowed any more, and isn't claimed by the rollout.

        An object that has a problem (managed by another rollout, wrong selector) is left out. Never
        raises on a strange object.
        """
