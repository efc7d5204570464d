"""No router: the ReplicaSets are the route, and the ratio of their pods is the weight.

There is no weight to write: the engine counts pods (`engine.basic`). What is left of a route are
the Services that the rollout may name, for people and metrics that want one revision alone; the
Service that users come in by selects both.
"""

from davy.api.managed_routes import Rule
from davy.traffic import services
from davy.traffic.base import (
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Unknown,
)


class ReplicaRatioRouter:
    """Leads canaryService and stableService, where the rollout names them; owns no weight."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The Services that are named."""
        return services.keys(rollout)

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """Where the Services lead; no object says a weight."""
        return RouteState(
            canary_weight=None,
            stable_hash=services.hash_of(rollout, objects, "stable"),
            canary_hash=services.hash_of(rollout, objects, "canary"),
            verification=Unknown("without a router the ratio of the pods is the weight"),
            problems=services.problems(rollout, objects),
        )

    def weights(
        self,
        rollout: RoutedRollout,  # noqa: ARG002 - the contract
        objects: Objects,  # noqa: ARG002
        canary_weight: int,  # noqa: ARG002
        rules: tuple[Rule, ...] = (),  # noqa: ARG002
    ) -> tuple[ObjectPatch, ...]:
        """Nothing: pods are scaled, no object is written."""
        return ()

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch that narrows the role's Service, if it has one."""
        return services.target(rollout, objects, role, template_hash)
