"""What was observed of one rollout, frozen. "Not known" is a value (None), never 0."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property

from davy.api.analysis import ComparedValue, Phase, SideCounts
from davy.api.anti_affinity import Apart
from davy.api.errors import Finding
from davy.api.managed_routes import Rule
from davy.api.metadata import Added
from davy.api.rollout import RolloutSpec
from davy.api.status import RolloutStatus


class Role(Enum):
    """The two sides of the split."""

    STABLE = "stable"
    CANARY = "canary"


@dataclass(frozen=True)
class Rollout:
    """The user's object as the cache has it."""

    namespace: str
    name: str
    uid: str
    generation: int
    spec: RolloutSpec
    """With the template and the selector of the workload that it refers to; without them where that
    isn't there or is of no use (see World.problems)."""
    status: RolloutStatus
    deleting: bool = False
    """It has a deletionTimestamp."""
    finalizer: bool = False
    """Davy's finalizer is set."""
    revision: int | None = None
    """The revision annotation; None before the first."""
    hash: str | None = None
    """Of its template's revision, where it was looked up: somebody else, or an earlier Davy, may
    have made it under another than `template_hash`; None: it is that."""
    steps_hash: str | None = None
    """`revision.steps_hash`, where it was kept since the spec changed last."""
    workload_generation: int | None = None
    """The workload-generation annotation, for Argo's health check; None: it isn't there."""


@dataclass(frozen=True)
class Pod:
    """One pod of a ReplicaSet."""

    name: str
    uid: str
    created_at: datetime
    ready: bool
    going: bool = False
    """It has a deletionTimestamp."""


@dataclass(frozen=True)
class PodMetadata:
    """What one pod has for its role."""

    name: str
    uid: str
    added: Added


@dataclass(frozen=True)
class ReplicaSet:
    """One revision's ReplicaSet."""

    name: str
    hash: str
    """Value of its pod-template-hash label."""
    revision: int
    """From 1; the highest is the newest template."""
    desired: int
    """`spec.replicas`, pods."""
    current: int = 0
    """`status.replicas`, pods that exist."""
    ready: int = 0
    available: int = 0
    """Pods ready for minReadySeconds."""
    min_ready_seconds: int = 0
    """`spec.minReadySeconds`, seconds."""
    observed: bool = True
    """The ReplicaSet controller has seen the newest spec: the counts belong to `desired`."""
    scale_down_at: datetime | None = None
    """When its pods may go; None: not waiting to."""
    trouble: str | None = None
    """Why a pod isn't ready, e.g. `cart-7d9f-x2k: ErrImagePull`; None: nothing known."""
    crashing: str | None = None
    """The pod that is restarted again and again while none is ready; None: there is none such."""
    unready: str | None = None
    """A pod, where all of them run and none is ready: nothing but themselves keeps them from it."""
    failure: str | None = None
    """Why pods can't be created (quota, admission): the ReplicaFailure condition's message."""
    created_at: datetime | None = None
    pods: tuple[Pod, ...] | None = None
    """None: nobody asked; they are looked at while a restart is pending."""
    added: Added | None = None
    """What its template has for a role, beside the user's own; None: it never had anything."""
    apart: Apart | None = None
    """The revision that its new pods are scheduled apart from."""
    pods_added: tuple[PodMetadata, ...] = ()
    """Its pods, but for those that are going; none while `added` is None."""

    @property
    def standing(self) -> int:
        """Available pods that are there to stay, as far as is known.

        By the count and by the pods themselves: the two are watched apart, and whichever has heard
        of an eviction later is not believed.
        """
        counted = min(self.available, self.desired)
        if self.pods is None:
            return counted
        return min(counted, sum(pod.ready and not pod.going for pod in self.pods))


class Answer(Enum):
    """What a router says of the weight in its object."""

    VERIFIED = "verified"
    NOT_YET = "not yet"
    UNKNOWN = "unknown"
    """The router has no way to tell: the settle time decides."""


@dataclass(frozen=True)
class WrittenRule:
    """A managed route that the route has."""

    name: str
    rules: tuple[Rule, ...] = ()
    """The steps that ask for it just as it is; none: no step does."""


@dataclass(frozen=True)
class Route:
    """What the route's objects say."""

    canary_weight: int | None
    """0 to `total`, stable has the rest; None: it can't be read (see World.problems)."""
    stable_hash: str | None = None
    """The revision that stable's side is narrowed to; None: not narrowed, or its parts disagree."""
    canary_hash: str | None = None
    answer: Answer = Answer.UNKNOWN
    why: str = ""
    """What the router said, for people."""
    uneven: bool = False
    """Its rules don't all say `canary_weight` exactly: writing the same weight repairs them."""
    stable_service: str | None = None
    canary_service: str | None = None
    swaps: bool = False
    """The two Services swap their roles when the canary's revision becomes stable."""
    total: int = 100
    """The weight that is all traffic."""
    part_weight: int | None = None
    """The highest weight in the parts that can be read, whatever others say; None: none can."""
    rules: tuple[WrittenRule, ...] = ()
    """Managed routes, by precedence: by them too requests reach the canary."""
    written_at: datetime | None = None
    """When this process wrote into it last, or tried to; None: not that it knows."""

    @property
    def reaches_canary(self) -> bool:
        """By a weight, if only in some part, or by a managed route."""
        return bool(self.canary_weight or self.part_weight or self.rules)


class RunKind(Enum):
    """Value of the run's `rollout-type` label."""

    STEP = "Step"
    BACKGROUND = "Background"


@dataclass(frozen=True)
class Counted:
    """What a run's comparison of both sides counted since the run began."""

    canary: SideCounts
    stable: SideCounts

    @classmethod
    def of(cls, value: ComparedValue | None) -> "Counted | None":
        """By a measurement's value."""
        return None if value is None else cls(value.canary, value.stable)


@dataclass(frozen=True)
class Allowance:
    """What the harm budget allows by a run's latest counts."""

    share: float
    """Of all requests that the canary may have, from 0 to 1."""
    spent: int
    """Requests of the budget that surely failed for the canary's sake."""

    @classmethod
    def of(cls, value: ComparedValue | None) -> "Allowance | None":
        """By a measurement's value."""
        if value is None or value.allowed is None:
            return None
        return cls(value.allowed, value.spent or 0)


@dataclass(frozen=True)
class Run:
    """An AnalysisRun that this rollout owns."""

    name: str
    kind: RunKind
    hash: str
    """The pod-template-hash label."""
    revision: int
    phase: Phase
    step_index: int | None = None
    message: str = ""
    verdict: str = ""
    """The latest measurement of the worst metric, with numbers."""
    lacks: str = ""
    """The evidence that a metric waits for, in a sentence; "": it has some, or the run is over."""
    terminating: bool = False
    created_at: datetime | None = None
    """In whole seconds."""
    counted: Counted | None = None
    """By its latest measurement that has counts; None: it compares nothing, or hasn't any yet."""
    allowance: Allowance | None = None
    """By its latest measurement that has one; None: no budget, or nothing is known yet."""


class StepSays(Enum):
    """What a step of a plugin's came to."""

    DONE = "done"
    WAIT = "wait"
    FAILED = "failed"


@dataclass(frozen=True)
class StepAnswer:
    """What a plugin said last of the step that the status has begun."""

    says: StepSays
    message: str = ""


@dataclass(frozen=True)
class Workload:
    """The object that `spec.workloadRef` names."""

    kind: str
    """Deployment, ReplicaSet or PodTemplate."""
    name: str
    uid: str
    generation: int
    """Grows with each change of its spec, of the template or not."""
    unchanged: bool = False
    """Its template was compared with that of `status.currentPodHash`, and is the same."""
    desired: int = 0
    """Pods that a Deployment is asked to have; 0 for other kinds, whose pods are nobody's matter
    here."""
    available: int = 0
    observed: bool = True
    """The Deployment's controller has seen the newest spec: the counts belong to `desired`."""
    updating: bool = False
    """Some of its pods are of an older template: it replaces them by itself."""

    def __str__(self) -> str:
        """As sentences name it."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class World:
    """Everything `decide` may know beside the Rollout."""

    replica_sets: tuple[ReplicaSet, ...] = ()
    """All that the rollout owns, any order."""
    route: Route = field(default_factory=lambda: Route(canary_weight=None))
    runs: tuple[Run, ...] = ()
    problems: tuple[Finding, ...] = ()
    """What is wrong in the spec or in what it refers to; steps wait while there is one."""
    step: StepAnswer | None = None
    """None: no plugin has to be asked, or it hasn't answered yet."""
    again_at: datetime | None = None
    """When a plugin is asked again, though nothing else changes."""
    workload: Workload | None = None
    """What the pod template is taken from; None: the rollout has its own, or it isn't there."""

    def replica_set(self, template_hash: str | None) -> ReplicaSet | None:
        """The ReplicaSet of this hash, if there is one."""
        return self._by_hash.get(template_hash)

    @cached_property
    def _by_hash(self) -> dict[str | None, ReplicaSet]:
        return {found.hash: found for found in reversed(self.replica_sets)}
