"""What the watches saw, by key and by owner; it never goes back in resourceVersion.

Three sources write here: the watches' events, the lists of the resync, and the answers to Davy's
own writes. They arrive in any order, so every one is compared with what is held: an older state of
an object never replaces a newer one, and a deleted object never comes back. Without that rule a
slow event puts the past over an abort that was just seen.

Objects are shared, not copied: who reads one must not change it.
"""

from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, TypeVar

from davy.cluster.kinds import Kind
from davy.cluster.listing import Listing
from davy.cluster.trim import trimmed

Json = dict[str, Any]
ObjectId = tuple[str, str]
"""Namespace ("" for cluster-wide kinds) and name."""

_Made = TypeVar("_Made")
_TOMBSTONES: Final = 10_000
"""Deleted uids remembered: far more than events that can still be under way."""
_MADE: Final = 600
"""Parsed objects remembered, of those that were asked for last: idle ones needn't be."""


class Cache:
    """Objects of the watched kinds.

    Args:
        told: called with kind and object for every piece of news, wherever it came from: an own
            write must wake whoever depends on the object, as its event later will be no news.
        keeps: whether an object is anybody's business; of others nothing is known.
    """

    def __init__(
        self,
        told: Callable[[Kind, Json], None] = lambda _kind, _object: None,
        keeps: Callable[[Kind, Json], bool] = lambda _kind, _object: True,
    ) -> None:
        self._told = told
        self._keeps = keeps
        self._objects: dict[Kind, dict[ObjectId, Json]] = defaultdict(dict)
        self._owned: dict[Kind, dict[tuple[str, str], dict[ObjectId, Json]]] = defaultdict(dict)
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._made: OrderedDict[tuple[object, str], tuple[object, Any]] = OrderedDict()

    def made(self, make: Callable[[Json], _Made], found: Json, version: object) -> _Made:
        """What `make` makes of an object, made once as long as its version is the same.

        Of those that were asked for last; what `make` raises is raised each time.

        Args:
            make: a function of nothing but the object.
            found: the object.
            version: what tells its states apart, of all that `make` reads: its resourceVersion, or
                its generation where only the spec is read.
        """
        key = (make, uid_of(found))
        if not key[1]:
            return make(found)
        known = self._made.get(key)
        if known is None or known[0] != version:
            known = self._made[key] = (version, make(found))
        self._made.move_to_end(key)
        while len(self._made) > _MADE:
            self._made.popitem(last=False)
        made: _Made = known[1]
        return made

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The object as last seen; None: it isn't there, as far as is known."""
        return self._objects[kind].get((namespace if kind.namespaced else "", name))

    def all(self, kind: Kind) -> Iterator[Json]:
        """Every object of a kind; the cache may change while it is walked."""
        return iter([*self._objects[kind].values()])

    def owned(self, kind: Kind, owner: Json) -> tuple[Json, ...]:
        """Objects of a kind in the owner's namespace that it controls, by name."""
        found = self._owned[kind].get(_place(owner["metadata"].get("namespace"), uid_of(owner)), {})
        return tuple(found[identity] for identity in sorted(found))

    def count(self, kind: Kind) -> int:
        """How many objects of a kind are held."""
        return len(self._objects[kind])

    def put(self, kind: Kind, seen: Json) -> bool:
        """True when it is news; False when this, something newer or its deletion was known."""
        identity = identify(seen)
        uid = uid_of(seen)
        held = self._objects[kind].get(identity)
        if uid in self._deleted:
            return False
        if held is not None and not newer(seen, held):
            return False
        if not self._keeps(kind, seen):
            if held is not None:
                self._drop(kind, identity, held)
            return False
        if held is not None:
            self._unlink(kind, identity, held)
        kept = trimmed(kind, seen, held)
        self._objects[kind][identity] = kept
        owner = controller_of(kept)
        if owner:
            self._owned[kind].setdefault(_place(identity[0], owner["uid"]), {})[identity] = kept
        self._told(kind, kept)
        return True

    def delete(self, kind: Kind, gone: Json) -> bool:
        """True when it was held; its uid never comes back. A later namesake stays."""
        uid = uid_of(gone)
        if uid:
            self._deleted[uid] = None
            while len(self._deleted) > _TOMBSTONES:
                self._deleted.popitem(last=False)
        identity = identify(gone)
        held = self._objects[kind].get(identity)
        if held is None or (uid and uid_of(held) != uid):
            return False
        self._drop(kind, identity, held)
        self._told(kind, held)
        return True

    async def compare(
        self, kind: Kind, batches: AsyncIterator[Listing], namespace: str | None = None
    ) -> int:
        """How much a list shows that the cache didn't have: news, and deletions nobody reported.

        Objects are taken batch by batch, so that a list is never in memory beside the cache. An
        object that isn't in the list but changed after it (an own write, a fast event) is kept.

        Args:
            kind: of the list.
            batches: of all of its objects; what they raise is raised, and no object is deleted.
            namespace: that was listed; None: all.
        """
        news = 0
        present = set()
        version = ""
        async for batch in batches:
            version = batch.resource_version
            for seen in batch.items:
                present.add(identify(seen))
                news += self.put(kind, seen)
        for identity, held in [*self._objects[kind].items()]:
            listed = identity in present or namespace not in {None, identity[0]}
            if not listed and not _after(version_of(held), version):
                self.delete(kind, held)
                news += 1
        return news

    def forget(self, kind: Kind) -> None:
        """Nothing is known of a kind any more: its CRD went away."""
        self._objects.pop(kind, None)
        self._owned.pop(kind, None)

    def _drop(self, kind: Kind, identity: ObjectId, held: Json) -> None:
        self._unlink(kind, identity, held)
        del self._objects[kind][identity]

    def _unlink(self, kind: Kind, identity: ObjectId, held: Json) -> None:
        owner = controller_of(held)
        if owner:
            place = _place(identity[0], owner["uid"])
            siblings = self._owned[kind].get(place, {})
            siblings.pop(identity, None)
            if not siblings:
                self._owned[kind].pop(place, None)


def _place(namespace: str | None, uid: str) -> tuple[str, str]:
    """Where an owner's objects are found.

    A reference is only good within its namespace: anybody may write another's uid into it.
    """
    return (namespace or "", uid)


def identify(seen: Json) -> ObjectId:
    """Namespace and name."""
    metadata = seen["metadata"]
    return (metadata.get("namespace") or "", metadata["name"])


def uid_of(seen: Json) -> str:
    """The object's uid."""
    return str(seen["metadata"].get("uid", ""))


def version_of(seen: Json) -> str:
    """The object's resourceVersion."""
    return str(seen["metadata"].get("resourceVersion", ""))


def controller_of(seen: Json) -> Json | None:
    """The ownerReference that controls an object, if one does."""
    references = seen["metadata"].get("ownerReferences") or ()
    return next((found for found in references if found.get("controller")), None)


def newer(seen: Json, held: Json) -> bool:
    """True when `seen` is a later state than `held`.

    Versions are compared as numbers when both are: API servers promise an order within a resource
    since 1.35, and etcd's revisions always had it. Others are opaque: what differs, came later.
    """
    ours, theirs = version_of(held), version_of(seen)
    if ours.isdecimal() and theirs.isdecimal():
        return int(theirs) > int(ours)
    return ours != theirs


def _after(version: str, listed: str) -> bool:
    """True when a version is certainly later than a list's."""
    return version.isdecimal() and listed.isdecimal() and int(version) > int(listed)
