"""What Davy had been shown when it decided, and what is known of a rollout over time."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from davy.api.fields import parse_instant
from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.api.rollout import CanaryStep
from davy.cluster.client import Json
from davy.cluster.kinds import Kind
from davy.engine.revision import steps_hash
from tests.sim import manifests
from tests.sim.traffic import Traffic

START = parse_instant("2026-01-01T12:00:00Z")
ROUNDING = 0.01
"""Instants in objects are rounded to milliseconds."""


@dataclass(frozen=True)
class Break:
    """An invariant that doesn't hold."""

    invariant: str
    at: float
    why: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at:.3f} s: {self.why}"


@dataclass(frozen=True)
class Shown:
    """What a process had been shown of a rollout when it decided, and what was so then."""

    at: float
    """Virtual seconds."""
    wall: datetime
    """What the clock said, right or wrong."""
    rollout: Json
    sets: dict[str, Json]
    """ReplicaSets by hash."""
    ready: frozenset[str]
    """Names of the pods that were ready; while a restart is asked for."""
    versions: dict[tuple[Kind, str], int]
    """The route's objects' resourceVersions; 0: not there."""
    seen: Traffic
    """The route as shown, by the roles of the start."""
    carries: Traffic
    """What the proxies really did at that moment, by the roles of the start."""
    older: bool
    """The process is of an older version."""
    workload: Json | None = None
    """The Deployment that the template is taken from."""
    lacks: bool = False
    """Its background analysis had measured last, and got no evidence."""
    allowed: float = 0.0
    """The share of all requests that its background analysis says a harm budget allows."""
    may_look: bool = True
    """The route's owner lets Davy see what is in it, or did when the canary got its weight."""

    @cached_property
    def written(self) -> Traffic:
        """The route as shown."""
        return self.seen.told_by(self.rollout)

    @cached_property
    def carried(self) -> Traffic:
        """What the proxies really did at that moment."""
        return self.carries.told_by(self.rollout)

    @property
    def status(self) -> Json:
        """The Rollout's status, {} before the first."""
        return self.rollout.get("status") or {}

    @property
    def template(self) -> Json | None:
        """The user's pod template; None: it is in a Deployment that isn't there."""
        spec = self.rollout["spec"]
        if "workloadRef" in spec and self.workload is None:
            return None
        holder = self.workload["spec"] if self.workload and "workloadRef" in spec else spec
        return manifests.in_plain_words(holder["template"])

    @property
    def full(self) -> int:
        """Pods for weight 100."""
        return int(self.rollout["spec"]["replicas"])

    @property
    def total(self) -> int:
        """The weight that is all traffic."""
        routing = self.rollout["spec"]["strategy"]["canary"].get("trafficRouting") or {}
        return int(routing.get("maxTrafficWeight", 100))

    @property
    def dynamic(self) -> bool:
        """Stable has the pods for its own weight."""
        return bool(self.rollout["spec"]["strategy"]["canary"].get("dynamicStableScale"))

    def takes(self, template_hash: str | None) -> float:
        """The percentage that a revision's pods can take, rounded up to a weight."""
        if not self.full:
            return 100
        return (
            100
            * min(self.total, -(-self.total * self.standing(template_hash) // self.full))
            / (self.total)
        )

    def needs(self, weight: int) -> int:
        """The pods for a weight, minPodsPerReplicaSet among them: the definition."""
        floor = self.rollout["spec"]["strategy"]["canary"].get("minPodsPerReplicaSet", 1)
        return max(-(-weight * self.full // self.total), min(floor, self.full)) if weight else 0

    def enough(self, pods: int) -> int:
        """Of so many pods those that a step waits for: replicaProgressThreshold."""
        canary = self.rollout["spec"]["strategy"]["canary"]
        percent = canary.get("replicaProgressThreshold", {}).get("value", 100)
        return -(-pods * int(percent) // 100)

    @property
    def steps(self) -> list[Json]:
        """The steps of the spec."""
        return list(self.rollout["spec"]["strategy"]["canary"]["steps"])

    def weight_after(self, index: int) -> int:
        """The weight that the steps up to this one ask for; past the last all of it."""
        if index >= len(self.steps):
            return self.total
        asked = [step["setWeight"] for step in self.steps[: index + 1] if "setWeight" in step]
        return int(asked[-1]) if asked else 0

    @property
    def paused(self) -> bool:
        """`spec.paused`."""
        return bool(self.rollout["spec"].get("paused"))

    @property
    def held(self) -> int:
        """The most weight that a pause by hand may hold: what was recorded, or is written."""
        recorded = (self.status.get("traffic") or {}).get("held")
        return max(recorded or 0, self.written.canary or 0)

    @property
    def deleting(self) -> bool:
        """The Rollout is on its way out."""
        return "deletionTimestamp" in self.rollout["metadata"]

    @property
    def aborted(self) -> bool:
        """This update is given up; an abort of the revision before is not one of this.

        Nor is one that was recorded before the user gave the update other steps: it starts over.
        """
        status, new = self.status, rollout_hash(self)
        aborted = bool(status.get("abort")) and new == status.get("currentPodHash")
        if not aborted or status.get("stableRS") in {None, new}:
            return False
        steps = [CanaryStep.model_validate(step) for step in self.steps]
        return "abortedAt" not in status or steps_hash(steps) == status.get("currentStepHash")

    @property
    def strays(self) -> bool:
        """The canary's side has weight, and carries another revision than the stable one."""
        stable = self.status.get("stableRS")
        sides = [side for rule in self.written.rules for side in rule if side.role == "canary"]
        sides += self.written.aside
        return any(side.weight > 0 and side.hash != stable for side in sides)

    def standing(self, template_hash: str | None) -> int:
        """Available pods that are there to stay."""
        found = self.sets.get(template_hash or "")
        if found is None:
            return 0
        available = (found.get("status") or {}).get("availableReplicas") or 0
        return int(min(available, found["spec"].get("replicas", 1)))

    def surely(self, template_hash: str | None) -> int:
        """Of `standing` those that say so themselves, where pods are shown."""
        found = self.sets.get(template_hash or "")
        if found is None or "restartAt" not in self.rollout["spec"]:
            return self.standing(template_hash)
        mine = f"{found['metadata']['name']}-"
        return min(self.standing(template_hash), sum(name.startswith(mine) for name in self.ready))

    def available(self, template_hash: str | None) -> int:
        """Pods that a weight may be built on: 0 while the count is from before a scaling."""
        found = self.sets.get(template_hash or "") or {"metadata": {"generation": 0}}
        observed = (found.get("status") or {}).get("observedGeneration", 0)
        return self.standing(template_hash) if observed >= found["metadata"]["generation"] else 0


@dataclass(frozen=True)
class Pass:
    """What a write rests on."""

    decided: Shown
    """For what is done."""
    told: Shown
    """For what the status says: the look after the actions."""


@dataclass
class Ledger:
    """What is known of one rollout over time."""

    name: str
    carries: Traffic = field(default_factory=Traffic)
    carried_until: dict[str, float] = field(default_factory=dict)
    """By hash: when requests could reach its pods for the last time; absent: never, or still."""
    open_until: float | None = None
    """When a request could reach any pod of the rollout's labels for the last time; None: never."""
    foreign: dict[tuple[Kind, str], int] = field(default_factory=dict)
    """resourceVersion of the last change of a route object by somebody else."""
    templates: list[Json] = field(default_factory=list)
    """Every template that a user applied, in order."""
    aborts: int = 0
    """Counts the aborts, so that a check of one isn't taken for another's."""
    is_aborted: bool = False
    asked: tuple["Shown | None", dict[str, int]] = (None, {})
    """Sizes of the ReplicaSets, by hash, as a pass was shown them and with what it wrote since."""
    evicted: tuple["Shown | None", list[str]] = (None, [])
    """Names of the ready pods that a pass evicted."""


def carried(available: int, full: int) -> float:
    """The percentage of all traffic that pods can carry (I2): the definition, not Davy's code."""
    return 100 if available >= full else 100 * available / full


def rollout_hash(shown: Shown) -> str | None:
    """The hash of the newest template, as far as a ReplicaSet of it is there."""
    wanted = shown.template
    if wanted is None:  # as it was known last
        newest: str | None = shown.status.get("currentPodHash")
        return newest
    return next(
        (name for name, found in shown.sets.items() if user_template(found) == wanted), None
    )


def hash_of(found: Json) -> str:
    return str((found["metadata"].get("labels") or {}).get(POD_TEMPLATE_HASH_LABEL, ""))


def owner_of(found: Json) -> str:
    return str(found["metadata"]["name"]).partition("-")[0]


def user_template(replica_set: Json) -> Json:
    """The template in plain words, without the hash among its labels, and without a role."""
    template = manifests.in_plain_words(replica_set["spec"]["template"])
    labels = template["metadata"]["labels"]
    own = {POD_TEMPLATE_HASH_LABEL, *manifests.role_metadata("")["labels"]}
    plain = {key: value for key, value in labels.items() if key not in own}
    spec = {name: value for name, value in template["spec"].items() if name != "affinity"}
    return {"metadata": {"labels": plain}, "spec": spec}
