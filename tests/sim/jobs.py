"""The Job controller, and people who delete Jobs; a book of what every Job came to.

What a Job's pod does is in the setup: it ends soon, late, or never gets its image. One for a bad
revision fails.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Final

from davy.api.fields import format_instant
from davy.cluster.client import Json
from davy.cluster.kinds import JOB, POD
from davy.metrics.job import OF_JOB
from tests.sim.cluster import GONE, Change, Cluster
from tests.sim.loop import VirtualLoop
from tests.sim.manifests import ANALYSIS_RUN, NAMESPACE
from tests.sim.schedule import Setup
from tests.sim.shown import START

USER: Final = "user"
_ME: Final = "job controller"
_SECONDS: Final = {"soon": (0.3, 4.0), "late": (5.0, 40.0)}
_HANGING_SECONDS: Final = 7.0


class Jobs:
    """All Jobs there are and were."""

    def __init__(
        self,
        *,
        loop: VirtualLoop,
        cluster: Cluster,
        setup: Setup,
        chance: Random,
        bad: set[str],
        broken: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._cluster = cluster
        self._setup = setup
        self._chance = chance
        self._bad = bad
        self._broken = broken
        self.hanging = False
        """No Job ends."""
        self.ended: dict[str, str] = {}
        """By name, the condition with which a Job ended."""
        self.made: dict[str, int] = {}
        """By name, how often a Job was made."""
        self._deleted_by_user: set[str] = set()
        cluster.watch(self._told)

    def delete_all(self) -> None:
        """Somebody deletes every Job that hasn't ended."""
        self._cluster.actor = USER
        for found in self._cluster.held(JOB):
            if is_active(found):
                self._cluster.remove(JOB, NAMESPACE, found["metadata"]["name"])

    def is_there(self, name: str) -> bool:
        """The Job exists, and nobody deleted it before."""
        exists = self._cluster.look(JOB, NAMESPACE, name) is not None
        return exists and name not in self._deleted_by_user

    def _told(self, change: Change) -> None:
        if change.kind != JOB:
            return
        name = change.object["metadata"]["name"]
        if change.type == GONE and change.by == USER:
            self._deleted_by_user.add(name)
        elif change.type == "ADDED":
            self._added(name, change.object)

    def _added(self, name: str, found: Json) -> None:
        self.made[name] = self.made.get(name, 0) + 1
        deleted = name in self._deleted_by_user or self._has_ended(found)
        if self.made[name] > 1 and not deleted:
            self._broken(f"Job {name} is made a second time")
        beside = [
            other["metadata"]["name"]
            for other in self._cluster.held(JOB)
            if other["metadata"]["name"] != name and is_active(other) and _same(other, found)
        ]
        if beside:
            self._broken(f"Job {name} is made beside {beside}")
        if self._setup.job == "stuck":
            self._loop.later(0.2, self._pull, name)
        else:
            self._loop.later(self._chance.uniform(*_SECONDS[self._setup.job]), self._end, name)

    def _has_ended(self, found: Json) -> bool:
        """Its run: what lands after that is deleted again, as `job_rules.at_rest` sees to it."""
        owner = found["metadata"]["ownerReferences"][0]["name"]
        run = self._cluster.look(ANALYSIS_RUN, NAMESPACE, owner) or {}
        return (run.get("status") or {}).get("phase") not in {"Pending", "Running"}

    def _pull(self, name: str) -> None:
        """Its pod's image isn't there."""
        found = self._cluster.look(JOB, NAMESPACE, name)
        if found is None:
            return
        uid = found["metadata"]["uid"]
        owner = {"kind": "Job", "name": name, "uid": uid, "controller": True}
        metadata = {
            "namespace": NAMESPACE,
            "name": f"pod-of-{name}",
            "labels": {OF_JOB: uid},
            "ownerReferences": [owner],
            "creationTimestamp": format_instant(START + timedelta(seconds=self._loop.time())),
        }
        waiting = {"state": {"waiting": {"reason": "ImagePullBackOff"}}}
        self._cluster.actor = _ME
        self._cluster.put(POD, {"metadata": metadata, "status": {"containerStatuses": [waiting]}})
        self._cluster.put(JOB, {**found, "status": {"active": 1, "ready": 0}})

    def _end(self, name: str) -> None:
        found = self._cluster.look(JOB, NAMESPACE, name)
        if found is None or not is_active(found):
            return
        if self.hanging:
            self._loop.later(_HANGING_SECONDS, self._end, name)
            return
        [container] = found["spec"]["template"]["spec"]["containers"]
        kind = "Failed" if container["args"][0] in self._bad else "Complete"
        self.ended[name] = kind
        self._cluster.actor = _ME
        status = {"conditions": [{"type": kind, "status": "True"}]}
        self._cluster.put(JOB, {**found, "status": status})


def is_active(found: Json) -> bool:
    """The Job hasn't ended."""
    return not (found.get("status") or {}).get("conditions")


def _same(one: Json, other: Json) -> bool:
    """Of the same run and metric; the world has one such metric."""
    uids = {found["metadata"]["ownerReferences"][0]["uid"] for found in (one, other)}
    return len(uids) == 1
