"""A release on paper: who wrote what when, as watch and audit log would have it."""

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.lab.audit import Write
from tests.lab.chaos.history import DAVY, Fault, History, Key, Lost, State, timeline
from tests.lab.chaos.routes import HASH

SHOP = "shop-1"
OLD, NEW = "aaaa", "bbbb"
START = datetime(2030, 1, 1, tzinfo=UTC)
ROLLOUT = Key(SHOP, "rollouts", "shop")
Json = dict[str, Any]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def template(version: str) -> Json:
    container = {"name": "shop", "env": [{"name": "VERSION", "value": version}]}
    return {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [container]}}


@dataclass
class Story:
    """Writes one after the other; each moves etcd's revision on by one."""

    second: float = 0.0
    version: int = 100
    objects: dict[Key, Json] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    seen: list[State] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.second += seconds

    def write(
        self, kind: str, name: str, found: Json, *, by: str = DAVY, body: Any = None, part: str = ""
    ) -> None:
        """The object is so from now on; recorded by the audit log."""
        key = Key(SHOP, kind, name)
        verb = "patch" if key in self.objects else "create"
        now = self._becomes(key, found)
        self.writes.append(
            Write(
                at(self.second), at(self.second), by, verb, kind, part, SHOP, name, 200, body, now
            )
        )

    def see(self, kind: str, name: str, found: Json | None) -> None:
        """The object is so from now on; only a watch saw it."""
        key = Key(SHOP, kind, name)
        now = self._becomes(key, found or {"metadata": {}})
        self.seen.append(State(key, self.version, at(self.second), now if found else None))

    def _becomes(self, key: Key, found: Json) -> Json:
        self.version += 1
        now = copy.deepcopy(found)
        now["metadata"] |= {"name": key.name, "resourceVersion": str(self.version)}
        self.objects[key] = now
        return now

    def history(self) -> History:
        return History(
            began=START,
            ended=at(self.second + 1),
            states=timeline(self.seen, self.writes),
            writes=self.writes,
            faults=self.faults,
            lost=self.lost,
            sent=1000,
        )

    # -- the parts of a release ---------------------------------------------------------------

    def rollout(self, version: str, *, by: str = "admin", **status: Any) -> None:
        spec = {
            "replicas": 4,
            "template": template(version),
            "strategy": {
                "canary": {
                    "scaleDownDelaySeconds": 10,
                    "abortScaleDownDelaySeconds": 20,
                    "trafficRouting": {
                        "istio": {
                            "virtualService": {"name": "shop"},
                            "destinationRule": {
                                "name": "shop",
                                "stableSubsetName": "stable",
                                "canarySubsetName": "canary",
                            },
                        }
                    },
                }
            },
        }
        self.write("rollouts", "shop", {"metadata": {}, "spec": spec, "status": status}, by=by)

    def status(self, **status: Any) -> None:
        """Davy's write of the status alone."""
        held = self.objects[ROLLOUT]
        self.write("rollouts", "shop", {**held, "status": status}, part="status")

    def weights(self, stable: int, canary: int, *, by: str = DAVY, timeout: str = "5s") -> None:
        destinations = [
            {"destination": {"host": "shop", "subset": name}, "weight": weight}
            for name, weight in (("stable", stable), ("canary", canary))
        ]
        rule = {"name": "primary", "route": destinations, "timeout": timeout}
        found = {"metadata": {}, "spec": {"hosts": ["shop.example"], "http": [rule]}}
        self.write("virtualservices", "shop", found, by=by, body=[{"op": "replace"}])

    def subsets(self, stable: str | None, canary: str | None, *, by: str = DAVY) -> None:
        subsets = [
            {"name": name, "labels": {"app": "shop", **({HASH: leads_to} if leads_to else {})}}
            for name, leads_to in (("stable", stable), ("canary", canary))
        ]
        found = {"metadata": {}, "spec": {"host": "shop", "subsets": subsets}}
        self.write("destinationrules", "shop", found, by=by, body=[{"op": "replace"}])

    def create(self, template_hash: str, version: str, revision: int) -> None:
        """Davy makes a revision's ReplicaSet."""
        made = template(version)
        made["metadata"]["labels"][HASH] = template_hash
        made["spec"]["restartPolicy"] = "Always"  # a default of the API server
        self.write(
            "replicasets",
            f"shop-{template_hash}",
            {
                "metadata": {
                    "labels": {HASH: template_hash},
                    "annotations": {"rollout.davy.dev/revision": str(revision)},
                    "ownerReferences": [{"name": "shop"}],
                },
                "spec": {"replicas": 4, "template": made},
            },
        )

    def pods(self, template_hash: str, available: int) -> None:
        """Its controller counts them."""
        name = f"shop-{template_hash}"
        held = self.objects[Key(SHOP, "replicasets", name)]
        self.see("replicasets", name, {**held, "status": {"availableReplicas": available}})

    def scale(self, template_hash: str, replicas: int) -> None:
        """Davy scales it."""
        name = f"shop-{template_hash}"
        held = copy.deepcopy(self.objects[Key(SHOP, "replicasets", name)])
        held["spec"]["replicas"] = replicas
        self.write("replicasets", name, held, body={"spec": {"replicas": replicas}})


def updating() -> Story:
    """OLD is stable with 4 pods; NEW was applied, has 2 pods and weight 50."""
    story = Story()
    story.rollout("v1")
    story.weights(100, 0, by="admin")
    story.subsets(OLD, OLD, by="admin")
    story.create(OLD, "v1", 1)
    story.pods(OLD, 4)
    story.status(stableRS=OLD, currentPodHash=OLD, currentStepIndex=3)
    story.rollout("v2", stableRS=OLD, currentPodHash=OLD, currentStepIndex=3)
    story.create(NEW, "v2", 2)
    story.status(stableRS=OLD, currentPodHash=NEW, currentStepIndex=0)
    story.pods(NEW, 2)
    story.subsets(OLD, NEW)
    story.wait(5)
    story.weights(50, 50)
    story.wait(5)
    story.status(stableRS=OLD, currentPodHash=NEW, currentStepIndex=1)
    return story


def promoted() -> Story:
    """NEW went on to 100 and is stable; OLD has no pods any more."""
    story = updating()
    story.pods(NEW, 4)
    story.weights(0, 100)
    story.wait(2)
    story.subsets(NEW, NEW)
    story.status(stableRS=NEW, currentPodHash=NEW, currentStepIndex=3)
    story.weights(100, 0)
    story.wait(12)
    story.scale(OLD, 0)
    return story


def aborted() -> Story:
    """NEW was aborted at 50 by hand, and drained."""
    story = updating()
    story.rollout("v2", stableRS=OLD, currentPodHash=NEW, abort=True)
    story.wait(0.1)
    story.weights(100, 0)
    story.subsets(OLD, OLD)
    story.wait(21)
    story.scale(NEW, 0)
    return story
