"""A closer look where the cache may be wrong, before anything is decided.

Two things look like a fresh start and may be a stale cache (I8): a ReplicaSet that the status
speaks of but that isn't there, and an object of a kind whose first list isn't in yet. A third one
is a workload's pod template in which an upgraded API server has filled in more than the one before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from davy.api import errors, replica_set_template
from davy.api.template_hash import template_hash
from davy.cluster.cache import Cache, Json, uid_of, version_of
from davy.cluster.client import Api
from davy.cluster.kinds import REPLICA_SET, Kind, Kinds
from davy.controller import workloads
from davy.controller.clock import Clock
from davy.controller.interest import Reference
from davy.controller.observe import Observation, Observer, Unreadable
from davy.controller.queue import Key
from davy.engine import position


@dataclass(frozen=True)
class _Compared:
    """A workload's template, and the one of the newest ReplicaSet."""

    version: str
    """resourceVersion of the workload."""
    newest: str
    """Hash of the ReplicaSet."""
    same: bool


@dataclass
class Closer:
    """Asks the cluster itself, seldom.

    Args:
        api: to ask.
        cache: gets what was missing.
        kinds: Davy's own kinds.
        clock: for the age of what isn't watched.
        observer: looks again at what the cache then has.
        synced: whether a kind is whole in the cache.
    """

    api: Api
    cache: Cache
    kinds: Kinds
    clock: Clock
    observer: Observer
    synced: Callable[[Kind], bool]
    _read_at: dict[Reference, float] = field(default_factory=dict)
    """When a workload that isn't watched was read last (monotonic)."""
    _missing: dict[Key, tuple[Reference, str, int]] = field(default_factory=dict)
    """Workloads that weren't there, with uid and generation of the Rollout: as long as that names
    the workload, the watch tells of one that comes."""
    _compared: dict[Key, _Compared] = field(default_factory=dict)
    """What was compared last."""

    def forget(self, key: Key) -> None:
        """The Rollout is gone."""
        self._missing.pop(key, None)
        self._compared.pop(key, None)

    async def learnt(self, key: Key, seen: Observation | Unreadable) -> bool:
        """True when something of the workload had to be read first: what was seen may be old now.

        Raises:
            errors.ApiFailure: nothing is known of it yet.
        """
        if seen.workload is None:
            return False
        if not self._is_known(key, seen, seen.workload):
            await self._read(key, seen, seen.workload)
            return True
        if isinstance(seen, Unreadable) or not self._is_other(seen):
            return False
        if self._is_compared(key, seen):
            return False
        self._compared[key] = await self._compare(seen)
        return True

    async def sure(self, key: Key, seen: Observation) -> Observation:
        """The observation, or a better one.

        Raises:
            errors.ApiFailure: nothing may be decided yet.
        """
        seen = await self._whole(seen)
        workload = seen.world.workload
        if workload is None or not self._is_compared(key, seen):
            return seen
        same = replace(workload, unchanged=self._compared[key].same)
        return replace(seen, world=replace(seen.world, workload=same))

    def _is_known(self, key: Key, seen: Observation | Unreadable, workload: Reference) -> bool:
        """The cache has the workload, or would have heard of it since it was found to be missing.

        One that nobody referred to until now isn't in it either.
        """
        if workloads.is_watched(workload):
            if not self.synced(workload[0]):
                raise errors.Unreachable(f"{workload[0]} objects haven't been listed yet.")
            missing = self._missing.get(key) == (workload, *_version(seen))
            return missing or self.cache.get(*workload) is not None
        read_at = self._read_at.get(workload)
        age = None if read_at is None else self.clock.monotonic() - read_at
        return age is not None and age < workloads.READ_AGAIN_SECONDS

    async def _read(self, key: Key, seen: Observation | Unreadable, workload: Reference) -> None:
        kind, namespace, name = workload
        held = self.cache.get(*workload)
        self._missing.pop(key, None)
        try:
            self.cache.put(kind, await self.api.get(kind, namespace, name))
        except errors.NotFound:
            if held is not None:  # not one that came while the answer was on its way
                self.cache.delete(kind, held)
            self._missing[key] = (workload, *_version(seen))
        if not workloads.is_watched(workload):
            now = self.clock.monotonic()
            recent = now - workloads.READ_AGAIN_SECONDS
            self._read_at = {read: at for read, at in self._read_at.items() if at > recent}
            self._read_at[workload] = now

    def _is_other(self, seen: Observation) -> bool:
        """The workload's template would start a release, though an update is there already."""
        workload, newest = seen.world.workload, seen.rollout.status.current_pod_hash
        if workload is None or seen.world.replica_set(newest) is None:
            return False
        return position.revision_hash(seen.rollout, workload) != newest

    def _is_compared(self, key: Key, seen: Observation) -> bool:
        known = self._compared.get(key)
        newest = seen.rollout.status.current_pod_hash
        return known is not None and (known.version, known.newest) == (
            seen.workload_version,
            newest,
        )

    async def _compare(self, seen: Observation) -> _Compared:
        """Before a workload's template starts a release: is it another one than the newest's?

        As a Deployment's controller does it: both are compared as the server shows them today.
        """
        newest = seen.world.replica_set(seen.rollout.status.current_pod_hash)
        assert seen.workload is not None  # noqa: S101  # its template is another one
        assert newest is not None  # noqa: S101
        kind, namespace, name = seen.workload
        made = await self.api.get(REPLICA_SET, namespace, newest.name)
        found = await self.api.get(kind, namespace, name)
        self.cache.put(kind, found)
        template = workloads.template(seen.rollout.spec, found)
        same = template_hash(template) == template_hash(replica_set_template.plain(made))
        return _Compared(version_of(found), newest.hash, same=same)

    async def _whole(self, seen: Observation) -> Observation:
        for key in seen.keys:
            kind = self.kinds.named(key.group, key.kind)
            if kind is not None and not self.synced(kind):
                raise errors.Unreachable(f"{kind.kind} objects haven't been listed yet.")
        if not missing_replica_sets(seen):
            return seen
        namespace, name = seen.rollout.namespace, seen.rollout.name
        await self.cache.compare(REPLICA_SET, self.api.batches(REPLICA_SET, namespace), namespace)
        held = self.cache.get(self.kinds.rollout, namespace, name)
        again = self.observer.observe(held) if held else None
        if not isinstance(again, Observation):
            raise errors.Conflict("the Rollout changed meanwhile.")
        return again

    async def still_routed(self, seen: Observation) -> None:
        """The route's objects are as they were observed: what is final rests on no late watch.

        Raises:
            errors.Conflict: one of them has changed.
            errors.ApiFailure: they can't be read.
        """
        changed = []
        for key, held in seen.objects.items():
            kind = self.kinds.named(key.group, key.kind)
            if kind is None:
                continue
            found = await self.api.get(kind, key.namespace, key.name)
            if version_of(found) != version_of(held):
                self.cache.put(kind, found)
                changed.append(str(key))
        if changed:
            raise errors.Conflict(f"{', '.join(changed)} changed since it was read.")

    async def refresh(self, held: Json) -> None:
        """A Rollout that changed since it was read is read again, so that the next pass sees it."""
        kind, metadata = self.kinds.rollout, held["metadata"]
        try:
            found = await self.api.get(kind, metadata["namespace"], metadata["name"])
        except errors.NotFound:
            self.cache.delete(kind, held)
        except errors.ApiFailure:
            return
        else:
            self.cache.put(kind, found)


def _version(seen: Observation | Unreadable) -> tuple[str, int]:
    """What names a Rollout's spec."""
    return uid_of(seen.raw), seen.raw["metadata"].get("generation", 0)


def missing_replica_sets(seen: Observation) -> frozenset[str]:
    """Hashes that the status speaks of but that no ReplicaSet in the cache has."""
    status = seen.rollout.status
    named = {name for name in (status.stable_rs, status.current_pod_hash) if name}
    return frozenset(name for name in named if seen.world.replica_set(name) is None)
