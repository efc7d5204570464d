"""Events of a pass: told when the status that holds them is written, and true.

An event that says what an action did isn't told when the action failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from davy.api.conditions import EventReason
from davy.cluster.cache import Json
from davy.cluster.events import Recorder
from davy.cluster.kinds import Kinds
from davy.controller.act import Outcome
from davy.engine import plan, retold

_TELLS_OF: Final[Mapping[type, EventReason]] = {
    plan.SetWeights: EventReason.TRAFFIC_WEIGHT_UPDATED,
    plan.PointRole: EventReason.SWITCH_SERVICE,
    plan.CreateReplicaSet: EventReason.NEW_REPLICA_SET_CREATED,
    plan.ScaleReplicaSet: EventReason.SCALING_REPLICA_SET,
}
"""Actions and the event that tells of their success."""


@dataclass
class Teller:
    """Tells events of Rollouts."""

    kinds: Kinds
    recorder: Recorder

    def tell(
        self,
        rollout: Json,
        events: Sequence[plan.Event],
        outcome: Outcome,
        *,
        written: bool,
    ) -> None:
        """Post what happened in a pass, behind it.

        Args:
            rollout: that it happened to.
            events: of the Plan.
            outcome: of its actions.
            written: the status was; if not, the next pass tells anew what changed in it, but not
                what was done to ReplicaSets.
        """
        untrue = {_TELLS_OF.get(type(action)) for action, _ in outcome.failures}
        for event in events:
            if event.reason not in untrue and (written or event.reason in retold.DONE):
                self.recorder.emit(
                    self.kinds.rollout,
                    rollout,
                    event.reason.value,
                    event.message,
                    warning=event.warning,
                )
