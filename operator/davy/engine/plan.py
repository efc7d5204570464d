"""What `decide` wants: actions in the order to try them, the status, the wake-up. Data only."""

from dataclasses import dataclass, field
from datetime import datetime

from davy.api.analysis import AnalysisRef
from davy.api.anti_affinity import Apart
from davy.api.conditions import EventReason
from davy.api.managed_routes import Rule
from davy.api.metadata import Added
from davy.api.status import RolloutStatus
from davy.engine.world import PodMetadata, Role, RunKind


@dataclass(frozen=True)
class SetWeights:
    """Write these weights into the route; they sum to the weight that is all traffic (I1)."""

    canary: int
    stable: int
    why: str
    rules: tuple[Rule, ...] = ()
    """The managed routes that it has then, and no others."""


@dataclass(frozen=True)
class PointRole:
    """Narrow a destination (subset, Service selector) to one revision's pods."""

    role: Role
    hash: str | None
    """None: to no revision, so that it finds the pods of others too."""
    why: str


@dataclass(frozen=True)
class CreateReplicaSet:
    """Create the new revision's ReplicaSet from the rollout's template."""

    name: str
    hash: str
    revision: int
    replicas: int
    why: str
    added: Added = field(default_factory=dict)
    """Labels and annotations of its pods for their role."""
    apart: Apart | None = None
    """The revision that its pods are scheduled apart from."""


@dataclass(frozen=True)
class ScaleReplicaSet:
    """Set `spec.replicas`; a `scale-down-deadline` annotation is removed with it."""

    name: str
    replicas: int
    why: str


@dataclass(frozen=True)
class SetMinReadySeconds:
    """Set `spec.minReadySeconds`: the user wants pods to be ready longer, or less long."""

    name: str
    seconds: int
    why: str


@dataclass(frozen=True)
class MarkReplicaSet:
    """Write the deadline annotation (None removes it) and the revision annotation."""

    name: str
    revision: int
    scale_down_at: datetime | None
    why: str


@dataclass(frozen=True)
class DeleteReplicaSet:
    """Delete a scaled-down ReplicaSet beyond revisionHistoryLimit."""

    name: str
    why: str


@dataclass(frozen=True)
class CreateRun:
    """Create an AnalysisRun from templates and args."""

    name: str
    kind: RunKind
    analysis: AnalysisRef
    hash: str
    stable_hash: str
    revision: int
    step_index: int | None
    why: str


@dataclass(frozen=True)
class TerminateRun:
    """Set `spec.terminate`: the update it judged is over."""

    name: str
    why: str


@dataclass(frozen=True)
class DeleteRun:
    """Delete a finished run beyond the history limits."""

    name: str
    why: str


@dataclass(frozen=True)
class MarkRollout:
    """Write Davy's finalizer (set or removed) and its annotations, in one patch."""

    finalizer: bool
    revision: int | None
    why: str
    workload_generation: int | None = None
    """None: the annotation isn't there."""


@dataclass(frozen=True)
class EvictPod:
    """Evict a pod, as a drained node does: its disruption budget is kept."""

    name: str
    uid: str
    why: str


@dataclass(frozen=True)
class AddToReplicaSet:
    """New pods of a ReplicaSet get these labels and annotations, and no others for their role."""

    name: str
    added: Added
    why: str


@dataclass(frozen=True)
class SetApart:
    """New pods of a ReplicaSet are scheduled apart from another revision's, or no longer."""

    name: str
    apart: Apart | None
    why: str


@dataclass(frozen=True)
class AddToPods:
    """These pods of a ReplicaSet get these labels and annotations, and no others for their role."""

    name: str
    """Of the ReplicaSet."""
    pods: tuple[PodMetadata, ...]
    added: Added
    why: str


@dataclass(frozen=True)
class ScaleWorkload:
    """Set `spec.replicas` of the Deployment that the rollout takes over from."""

    name: str
    replicas: int
    why: str


Action = (
    SetWeights
    | PointRole
    | CreateReplicaSet
    | ScaleReplicaSet
    | SetMinReadySeconds
    | MarkReplicaSet
    | DeleteReplicaSet
    | CreateRun
    | TerminateRun
    | DeleteRun
    | MarkRollout
    | EvictPod
    | AddToReplicaSet
    | AddToPods
    | SetApart
    | ScaleWorkload
)


@dataclass(frozen=True)
class Event:
    """What changed, from what to what, why: one per change, never one per pass."""

    reason: EventReason
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Plan:
    """The outcome of a pass."""

    actions: tuple[Action, ...]
    """In the order to try them; an abort's weights come first (I3)."""
    status: RolloutStatus
    events: tuple[Event, ...] = ()
    wake_at: datetime | None = None
    """When to look again though nothing changed; None: only when something does."""
