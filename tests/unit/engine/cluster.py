"""A cluster on one page that does what plans say, on a virtual clock, for the engine's own tests.

It knows nothing of Kubernetes: pods become available some seconds after they were asked for, the
route takes a patch at once, runs end when the test says so. Every state is checked by `invariants`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from davy.api.analysis import Phase
from davy.api.metadata import Added
from davy.api.rollout import RolloutSpec
from davy.api.status import RolloutStatus
from davy.engine import plan as plans
from davy.engine import restart
from davy.engine.decide import EngineSettings, decide
from davy.engine.world import (
    Allowance,
    Answer,
    Pod,
    PodMetadata,
    ReplicaSet,
    Role,
    Rollout,
    Route,
    Run,
    Workload,
    World,
    WrittenRule,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTLE = timedelta(seconds=1)


def template(version: str) -> dict[str, Any]:
    """A pod template whose only difference is its version."""
    container = {"name": "app", "image": f"shop/cart:{version}"}
    return {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [container]}}


def spec(*steps: dict[str, Any], replicas: int = 4, version: str = "1", **more: Any) -> RolloutSpec:
    """A spec with Istio subsets; `more` are its fields, `canary` those of its strategy."""
    canary = {
        "steps": list(steps),
        "trafficRouting": {
            "istio": {
                "virtualService": {"name": "cart"},
                "destinationRule": {
                    "name": "cart",
                    "canarySubsetName": "canary",
                    "stableSubsetName": "stable",
                },
            },
            "managedRoutes": [{"name": "beta"}, {"name": "copy"}],
        },
        **more.pop("canary", {}),
    }
    return RolloutSpec.model_validate(
        {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "cart"}},
            "template": template(version),
            "strategy": {"canary": canary},
            **more,
        }
    )


@dataclass
class _Started:
    """A pod."""

    name: str
    made_at: datetime
    ready_at: datetime
    added: Added


@dataclass
class Cluster:
    """What a rollout lives in."""

    rollout: Rollout
    now: datetime = START
    route: Route = field(default_factory=lambda: Route(canary_weight=0))
    sets: dict[str, ReplicaSet] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    problems: tuple[Any, ...] = ()
    workload: Workload | None = None
    """The Deployment that the template is taken from."""
    events: list[plans.Event] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    start_delay: timedelta = timedelta(seconds=3)
    broken: set[str] = field(default_factory=set)
    """Hashes whose pods never become available."""
    lacks: str = ""
    """The evidence that runs wait for."""
    allowance: Allowance | None = None
    """What a harm budget allows by the runs."""
    writes: int = 0
    check: Callable[["Cluster", plans.Plan], None] | None = None
    _pods: dict[str, list[_Started]] = field(default_factory=dict)
    """By hash."""
    _workload_pods: list[datetime] = field(default_factory=list)
    """When each pod of the Deployment is or was available."""
    made: int = 0
    """Pods so far."""

    @classmethod
    def of(cls, wanted: RolloutSpec, **more: Any) -> "Cluster":
        """A cluster in which the rollout was just created."""
        rollout = Rollout("shop", "cart", "uid-1", 1, wanted, RolloutStatus())
        return cls(rollout, **more)

    @property
    def status(self) -> RolloutStatus:
        """The rollout's status."""
        return self.rollout.status

    @property
    def message(self) -> str:
        """The rollout's message."""
        return self.status.message or ""

    @property
    def weight(self) -> int | None:
        """The canary's weight in the route."""
        return self.route.canary_weight

    def apply(self, wanted: RolloutSpec) -> None:
        """The user applies another spec."""
        self.rollout = replace(self.rollout, spec=wanted, generation=self.rollout.generation + 1)

    def edit_status(self, **fields: Any) -> None:
        """A verb writes into the status."""
        self.rollout = replace(self.rollout, status=self.status.model_copy(update=fields))

    def world(self) -> World:
        """What would be observed now."""
        self._start_pods()
        return World(
            replica_sets=tuple(self.sets.values()),
            route=self.route,
            runs=tuple(self.runs.values()),
            problems=self.problems,
            workload=self.workload_now(),
        )

    def once(self, *, acts: bool = True, writes_status: bool = True) -> plans.Plan:
        """One pass; a controller that is killed may have acted without writing the status."""
        wanted = decide(self.rollout, self.world(), self.now, EngineSettings(SETTLE))
        if self.check:
            self.check(self, wanted)
        if acts:
            for action in wanted.actions:
                self._act(action)
        if acts and writes_status:
            self.writes += wanted.status != self.status
            self.rollout = replace(self.rollout, status=wanted.status)
            self.events += wanted.events
        return wanted

    def settle(self, passes: int = 30) -> plans.Plan:
        """Passes until nothing changes at this moment."""
        for _ in range(passes):
            before = self.status
            wanted = self.once()
            if not wanted.actions and wanted.status == before:
                return wanted
        message = f"{passes} passes at {self.now} and still busy: {wanted.actions}"
        raise AssertionError(message)

    def run(self, seconds: float) -> None:
        """Lets time pass, waking when the plan or the pods say so."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            wanted = self.settle()
            times = (pod.ready_at for pods in self._pods.values() for pod in pods)
            pods = [at for at in (*times, *self._workload_pods) if at > self.now]
            wakes = [at for at in (wanted.wake_at, *pods) if at is not None and at > self.now]
            upcoming = min(wakes, default=end)
            if upcoming >= end:
                self.now = end
                self.settle()
                return
            self.now = upcoming

    def finish(self, kind: str, phase: Phase, message: str = "") -> None:
        """The run of this kind that is under way ends."""
        for name, run in self.runs.items():
            if run.kind.value == kind and not run.phase.completed:
                self.runs[name] = replace(run, phase=phase, message=message)

    def starve(self, lacks: str) -> None:
        """Runs wait for evidence, those to come too; "": they have some again."""
        self.lacks = lacks
        for name, run in self.runs.items():
            self.runs[name] = replace(run, lacks=lacks)

    def allow(self, share: float, spent: int = 0) -> None:
        """A harm budget allows this share of all requests, by each run and those to come."""
        self.allowance = Allowance(share, spent)
        for name, run in self.runs.items():
            self.runs[name] = replace(run, allowance=self.allowance)

    def kill_pods(self, template_hash: str, count: int) -> None:
        """Some pods of a revision become unavailable and come back after the start delay."""
        for pod in self._pods[template_hash][:count]:
            pod.ready_at = self.now + self.start_delay

    def scale_workload(self, replicas: int) -> None:
        """The Deployment has so many pods; new ones are available after the start delay."""
        assert self.workload is not None
        kept = sorted(self._workload_pods)[:replicas]
        new = [self.now + self.start_delay] * (replicas - len(kept))
        self._workload_pods = [*kept, *new]
        generation = self.workload.generation + 1
        self.workload = replace(self.workload, desired=replicas, generation=generation)

    def workload_now(self) -> Workload | None:
        """The Deployment with the pods that are available now."""
        if self.workload is None or not self._workload_pods:
            return self.workload
        available = sum(at <= self.now for at in self._workload_pods)
        return replace(self.workload, available=available)

    def _start_pods(self) -> None:
        for name, found in self.sets.items():
            pods = self._pods.setdefault(name, [])
            pods.sort(key=lambda pod: pod.ready_at)  # those that aren't ready go first
            del pods[found.desired :]
            pods += [self._starts(name) for _ in range(found.desired - len(pods))]
            seen = tuple(
                Pod(
                    name=pod.name,
                    uid=pod.name,
                    created_at=pod.made_at,
                    ready=pod.ready_at <= self.now and name not in self.broken,
                )
                for pod in pods
            )
            ready = sum(pod.ready for pod in seen)
            self.sets[name] = replace(
                found,
                current=found.desired,
                ready=ready,
                available=ready,
                observed=True,
                pods=seen if restart.pending(self.rollout) else None,
                pods_added=tuple(PodMetadata(pod.name, pod.name, pod.added) for pod in pods)
                if found.added is not None
                else (),
            )

    def _starts(self, template_hash: str) -> _Started:
        self.made += 1
        added = self.sets[template_hash].added or {}
        name, ready_at = f"{template_hash}-{self.made}", self.now + self.start_delay
        return _Started(name, self.now, ready_at, added)

    def _evict(self, name: str) -> None:
        """Another pod follows at once."""
        for template_hash, pods in self._pods.items():
            if any(pod.name == name for pod in pods):
                kept = [pod for pod in pods if pod.name != name]
                self._pods[template_hash] = [*kept, self._starts(template_hash)]

    def _act(self, action: plans.Action) -> None:  # noqa: C901, PLR0912 - a case per kind of action
        self.log.append(f"{(self.now - START).total_seconds():g} {type(action).__name__}")
        match action:
            case plans.SetWeights(canary=canary):
                rules = tuple(WrittenRule(rule.name, (rule,)) for rule in action.rules)
                self.route = replace(self.route, canary_weight=canary, uneven=False, rules=rules)
            case plans.PointRole(role=Role.STABLE, hash=template_hash):
                self.route = replace(self.route, stable_hash=template_hash)
            case plans.PointRole(hash=template_hash):
                self.route = replace(self.route, canary_hash=template_hash)
            case plans.CreateReplicaSet():
                self.sets[action.hash] = ReplicaSet(
                    action.name,
                    action.hash,
                    action.revision,
                    action.replicas,
                    created_at=self.now,
                    added=action.added or None,
                    apart=action.apart,
                )
            case plans.ScaleReplicaSet(name=name, replicas=replicas):
                self._change(name, desired=replicas, scale_down_at=None)
            case plans.SetMinReadySeconds(name=name, seconds=seconds):
                self._change(name, min_ready_seconds=seconds)
            case plans.MarkReplicaSet(name=name, revision=revision, scale_down_at=at):
                self._change(name, revision=revision, scale_down_at=at)
            case plans.DeleteReplicaSet(name=name):
                self.sets = {key: rs for key, rs in self.sets.items() if rs.name != name}
            case plans.CreateRun():
                self.runs[action.name] = Run(
                    action.name,
                    action.kind,
                    action.hash,
                    action.revision,
                    Phase.RUNNING,
                    action.step_index,
                    lacks=self.lacks,
                    allowance=self.allowance,
                    created_at=self.now,
                )
            case plans.TerminateRun(name=name):
                self.runs[name] = replace(self.runs[name], terminating=True, phase=Phase.SUCCESSFUL)
            case plans.DeleteRun(name=name):
                del self.runs[name]
            case plans.AddToReplicaSet(name=name, added=added):
                self._change(name, added=added)
            case plans.SetApart(name=name, apart=apart):
                self._change(name, apart=apart)
            case plans.AddToPods(pods=pods, added=added):
                changed = {pod.name for pod in pods}
                for pod in (pod for held in self._pods.values() for pod in held):
                    pod.added = added if pod.name in changed else pod.added
            case plans.EvictPod(name=name):
                self._evict(name)
            case plans.MarkRollout():
                self.rollout = replace(
                    self.rollout,
                    finalizer=action.finalizer,
                    revision=action.revision,
                    workload_generation=action.workload_generation,
                )
            case plans.ScaleWorkload(replicas=replicas):
                assert self.workload is not None
                self.scale_workload(replicas)

    def _change(self, name: str, **changes: Any) -> None:
        key = next(key for key, found in self.sets.items() if found.name == name)
        self.sets[key] = replace(self.sets[key], **changes)


def answering(cluster: Cluster, answer: Answer, why: str = "") -> None:
    """The router answers so from now on."""
    cluster.route = replace(cluster.route, answer=answer, why=why)
