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
from davy.engine import plan

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

    def tell(self, rollout: Json, events: Sequence[plan.Event], outcome: Outcome) -> None:
        """Post what happened in a pass, behind it."""
        untrue = {_TELLS_OF.get(type(action)) for action, _ in outcome.failures}
        for event in events:
            if event.reason not in untrue:
                self.recorder.emit(
                    self.kinds.rollout,
                    rollout,
                    event.reason.value,
                    event.message,
                    warning=event.warning,
                )
