"""A closer look where the cache may be wrong, before anything is decided.

Two things look like a fresh start and may be a stale cache (I8): a ReplicaSet that the status
speaks of but that isn't there, and a route object of a kind whose first list isn't in yet.
"""

from collections.abc import Callable
from dataclasses import dataclass

from davy.api import errors
from davy.cluster.cache import Cache, Json, version_of
from davy.cluster.client import Api
from davy.cluster.kinds import REPLICA_SET, Kind, Kinds
from davy.controller.observe import Observation, Observer


@dataclass
class Closer:
    """Asks the cluster itself, seldom.

    Args:
        api: to ask.
        cache: gets what was missing.
        kinds: Davy's own kinds.
        observer: looks again at what the cache then has.
        synced: whether a kind is whole in the cache.
    """

    api: Api
    cache: Cache
    kinds: Kinds
    observer: Observer
    synced: Callable[[Kind], bool]

    async def sure(self, seen: Observation) -> Observation:
        """The observation, or a better one.

        Raises:
            errors.ApiFailure: nothing may be decided yet.
        """
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


def missing_replica_sets(seen: Observation) -> frozenset[str]:
    """Hashes that the status speaks of but that no ReplicaSet in the cache has."""
    status = seen.rollout.status
    named = {name for name in (status.stable_rs, status.current_pod_hash) if name}
    return frozenset(name for name in named if seen.world.replica_set(name) is None)
