"""What an update by a route and an update by counting pods have each its own answer to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from davy.api.rollout import RolloutSpec
from davy.api.status import RolloutStatus
from davy.engine.plan import Action
from davy.engine.position import Position
from davy.engine.world import ReplicaSet, Role, Route, World

if TYPE_CHECKING:
    from davy.engine.describe import Scene
    from davy.engine.effect import Effect, Surroundings

Move = tuple[Role, str | None]
"""A destination, and the hash of the revision that it should lead to; None: to all pods."""


class Way(Protocol):
    """How a revision gets its weight."""

    @property
    def has_route(self) -> bool:
        """There is a route whose weight is written, reported, and taken back before deletion."""

    def seen(self, world: World, position: Position) -> World:
        """The world, whose route says the canary's weight."""

    def took(
        self, route: Route, status: RolloutStatus, now: datetime, settle: timedelta
    ) -> "Effect":
        """What the route says, and whether it is in effect."""

    def needed(self, spec: RolloutSpec, weight: int) -> int:
        """The pods that the new revision needs for a weight."""

    def in_place(self, weight: int, position: Position, around: "Surroundings") -> bool:
        """The canary has this weight in effect and the pods for it (I2, I5)."""

    def given(self, around: "Surroundings", position: Position) -> int | None:
        """The weight that the new revision was given so far; None: the route can't be read."""

    def wanted(self, around: "Surroundings", position: Position, target: int) -> int | None:
        """The canary's weight that the route should say now; None: leave it alone."""

    def moves(self, around: "Surroundings", position: Position, target: int) -> Sequence[Move]:
        """The destinations that should lead to another revision now, and to which."""

    def replica_sets(
        self, around: "Surroundings", position: Position, target: int
    ) -> tuple[Action, ...]:
        """The ReplicaSets that are made, scaled, marked and forgotten."""

    def lacking(self, around: "Surroundings", turn: ReplicaSet, there: int) -> int:
        """Pods that are missing, of all that there should be while a ReplicaSet is restarted.

        Args:
            around: what else there is.
            turn: the ReplicaSet.
            there: its pods that can answer.
        """

    def drains_until(
        self, around: "Surroundings", position: Position, target: int
    ) -> tuple[datetime, ...]:
        """When pods that wait out their drain delay may go."""

    def is_settled(self, scene: "Scene") -> bool:
        """The stable revision is complete, has all traffic, and nothing is left to do."""

    def moving(self, scene: "Scene") -> str:
        """What the update waits for on the way to the step's weight: the rest of a sentence."""

    def done(self, scene: "Scene", name: str) -> str:
        """What is left to do for a promoted revision, in a sentence.

        Args:
            scene: not settled, its new revision complete.
            name: of the revision, e.g. `Revision 2`.
        """
