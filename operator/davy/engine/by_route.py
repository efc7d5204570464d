"""An update by a route: a router writes the weight, the pods are there before it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from davy.api import capacity
from davy.api.rollout import RolloutSpec
from davy.api.status import RolloutStatus
from davy.engine import describe, destinations, managed, scale, swap, weights
from davy.engine.describe import Scene
from davy.engine.effect import Effect, Surroundings, effect
from davy.engine.plan import Action
from davy.engine.position import Position, Stage
from davy.engine.way import Move
from davy.engine.world import ReplicaSet, Route, World


class ByRoute:
    """The way of rollouts with `trafficRouting`."""

    has_route = True

    def seen(self, world: World, position: Position) -> World:
        """As the route's objects say it; a promotion swaps the roles of Services that swap."""
        route = swap.after(world.route, position)
        return world if route is world.route else replace(world, route=route)

    def took(self, route: Route, status: RolloutStatus, now: datetime, settle: timedelta) -> Effect:
        """By the router's answer and the settle time."""
        return effect(route, status, now, settle)

    def needed(self, spec: RolloutSpec, weight: int) -> int:
        """Beside a stable that keeps all of its own."""
        return capacity.of(spec).needed(weight)

    def in_place(self, weight: int, position: Position, around: Surroundings) -> bool:
        """The route says so, the mesh does so, and the pods for it are available.

        Where fewer pods are enough for the step, so is the weight that they carry (I2); none is
        never enough.
        """
        route, spec = around.world.route, around.rollout.spec
        return (
            around.world.replica_set(position.new_hash) is not None
            and around.proven(position.new_hash) >= managed.pods(spec, route, position, weight)
            and route.canary_weight == min(weight, max(1, around.carried(position.new_hash)))
            and managed.is_written(route, managed.asked(spec, route, position))
            and around.took.in_effect
            and (
                route.canary_hash == position.new_hash
                or not managed.load(spec, route, position, weight)
            )
        )

    def given(self, around: Surroundings, position: Position) -> int | None:
        """What the route says of the new revision: 0 while it leads to another one."""
        route = around.world.route
        leads = route.canary_weight is None or route.canary_hash in {position.new_hash, None}
        return route.canary_weight if leads else 0

    def wanted(self, around: Surroundings, position: Position, target: int) -> int | None:
        """Under capacity."""
        return weights.wanted(around, position, target)

    def moves(self, around: Surroundings, position: Position, target: int) -> Sequence[Move]:
        """While their weight is 0."""
        return destinations.moves(around, position, target)

    def replica_sets(
        self, around: Surroundings, position: Position, target: int
    ) -> tuple[Action, ...]:
        """Grown before they get weight, drained after they had it."""
        return scale.replica_sets(around, position, target)

    def lacking(
        self,
        around: Surroundings,  # noqa: ARG002 - the contract
        turn: ReplicaSet,
        there: int,
    ) -> int:
        """Its own: each revision has the pods for its weight."""
        return turn.desired - there

    def drains_until(
        self, around: Surroundings, position: Position, target: int
    ) -> tuple[datetime, ...]:
        """Deadlines of given up revisions, and of pods that a lower weight doesn't need."""
        return scale.drains_until(around, position, target)

    def is_settled(self, scene: Scene) -> bool:
        """The route leads all traffic to the stable revision, in effect.

        Its canary side too: Healthy is said once, when nothing is left to do.
        """
        route, new = scene.world.route, scene.new
        both = {route.stable_hash, route.canary_hash} == {scene.position.new_hash}
        return (
            scene.position.stage is Stage.DONE
            and new is not None
            and new.standing >= scene.rollout.spec.replicas
            and route.canary_weight == 0
            and not route.rules
            and (both or scene.rollout.spec.replicas == 0)
            and scene.took.in_effect
        )

    def moving(self, scene: Scene) -> str:
        """Pods, a destination, a weight, the mesh."""
        return describe.moving(scene)

    def done(self, scene: Scene, name: str) -> str:
        """The destinations' turn."""
        return describe.promoted(scene, name)
