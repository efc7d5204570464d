"""Finished AnalysisRuns whose `ttlStrategy` says so are deleted when they are due.

The queue wakes at that moment, nothing is polled. A run of a Rollout stays while the update that it
judged is the Rollout's current one and not promoted: its verdict may not be recorded yet, and a run
that goes too early would be made and measured again. The Rollout's next change wakes it.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from pydantic import ValidationError

from davy.analysis import schedule
from davy.api import errors, group
from davy.api.analysis import AnalysisRunStatus, TtlStrategy
from davy.cluster import apply
from davy.cluster.cache import Cache, Json, controller_of, uid_of
from davy.cluster.client import Api
from davy.cluster.kinds import Kinds
from davy.controller import observe
from davy.controller.clock import Clock
from davy.controller.interest import Interest
from davy.controller.outcome import Done, Result, Retry
from davy.controller.queue import Key

_log = structlog.get_logger()


@dataclass
class Expiry:
    """Passes over finished AnalysisRuns.

    Args:
        api: to delete with, and to be sure of a Rollout.
        cache: of the Rollouts.
        kinds: Davy's own kinds.
        clock: for the moment.
        interest: told which Rollout a due run waits for.
    """

    api: Api
    cache: Cache
    kinds: Kinds
    clock: Clock
    interest: Interest

    async def reconcile(self, key: Key, raw: Json) -> Result:
        """One pass over one finished run."""
        due = None if "deletionTimestamp" in raw["metadata"] else _due(raw)
        if due is None or due > self.clock.now():
            self.interest.refer(key, ())
            return Done(due)
        kind = self.kinds.analysis_run
        try:
            if await self._awaited(key, raw):
                return Done()
            await apply.delete(self.api, kind, raw)
        except errors.NotFound:
            self.cache.delete(kind, raw)
        except errors.ApiFailure as error:
            return Retry(error)
        else:
            _log.info("run deleted", why="its ttlStrategy", due=str(due))
        self.interest.refer(key, ())
        return Done()

    async def _awaited(self, key: Key, raw: Json) -> bool:
        """A Rollout's update may still rest on this run; its next change will tell.

        Raises:
            errors.ApiFailure: the Rollout can't be read.
        """
        kind, owner = self.kinds.rollout, controller_of(raw)
        if owner is None or not _made_by_rollout(raw, self.kinds):
            return False
        self.interest.refer(key, [(kind, key.namespace, owner["name"])])
        held = self.cache.get(kind, key.namespace, owner["name"])
        if held is not None and _rests_on(held, raw, owner["uid"]):
            return True
        try:  # a watch that lags may not know of the update
            found = await self.api.get(kind, key.namespace, owner["name"])
        except errors.NotFound:
            return False
        self.cache.put(kind, found)
        return _rests_on(found, raw, owner["uid"])


def _made_by_rollout(raw: Json, kinds: Kinds) -> bool:
    """A Rollout of Davy's controls this run."""
    owner = controller_of(raw)
    kind = kinds.rollout
    if owner is None or owner.get("kind") != kind.kind:
        return False
    return str(owner.get("apiVersion", "")).partition("/")[0] == kind.group


def _rests_on(rollout: Json, run: Json, uid: str) -> bool:
    """The run is of the update that is under way, or that may be, as the status is behind."""
    if uid_of(rollout) != uid:
        return False
    status = observe.parse_status(rollout)
    if status.observed_generation != str(rollout["metadata"].get("generation", 0)):
        return True
    template_hash = (run["metadata"].get("labels") or {}).get(group.POD_TEMPLATE_HASH_LABEL)
    return template_hash == status.current_pod_hash != status.stable_rs


def _due(raw: Json) -> datetime | None:
    """When the run may go; None: never, or its fields can't be read."""
    spec, held = raw.get("spec") or {}, raw.get("status") or {}
    try:
        wanted = TtlStrategy.model_validate(spec.get("ttlStrategy") or {})
        ended = {name: held[name] for name in ("phase", "completedAt") if name in held}
        return schedule.expires_at(wanted, AnalysisRunStatus.model_validate(ended))
    except ValidationError:
        return None
