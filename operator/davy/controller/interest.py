"""Which keys an object concerns: whose pass may come out differently because it changed.

Rollouts refer to routes, Services and templates by name, and a run that is due to be deleted to the
Rollout that it waits for, so a reverse index of those names is kept; it is renewed by each pass in
the same breath as the objects are read, so no change falls between.

The workload that a Rollout takes its template from is known as soon as the Rollout is: the cache
keeps no others, on a replica that doesn't lead either.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from davy.cluster import kinds
from davy.cluster.cache import Cache, Json, controller_of, identify
from davy.cluster.kinds import Kind, Kinds
from davy.controller.queue import Key

Reference = tuple[Kind, str, str]
"""Kind, namespace ("" for cluster-wide kinds) and name of an object that a rollout refers to."""


class Interest:
    """Keys by the objects they depend on.

    Args:
        known: Davy's own kinds.
        cache: to find owners in.
        needs: told of each kind of workload that somebody refers to.
    """

    def __init__(
        self, known: Kinds, cache: Cache, needs: Callable[[Kind], None] = lambda _: None
    ) -> None:
        self._kinds = known
        self._cache = cache
        self._needs = needs
        self._referred: dict[Key, frozenset[Reference]] = {}
        self._referring: dict[Reference, set[Key]] = defaultdict(set)
        self._workloads: dict[Key, Reference] = {}

    def refer(self, key: Key, references: Iterable[Reference]) -> None:
        """A key depends on exactly these objects from now on."""
        wanted = frozenset(references)
        held = self._referred.get(key, frozenset())
        if wanted == held:
            return
        for gone in held - wanted:
            self._unrefer(gone, key)
        for new in wanted - held:
            self._referring[new].add(key)
        if wanted:
            self._referred[key] = wanted
        else:
            self._referred.pop(key, None)

    def follow(self, rollout: Json, *, there: bool) -> None:
        """A Rollout depends on the workload that it names now, as long as it is there."""
        namespace, name = identify(rollout)
        key = Key(namespace, "Rollout", name)
        wanted = _workload(rollout) if there else None
        held = self._workloads.pop(key, None)
        if wanted is not None:
            self._workloads[key] = wanted
        if wanted == held:
            return
        if held is not None:
            self._unrefer(held, key)
        if wanted is not None:
            self._referring[wanted].add(key)
            self._needs(wanted[0])

    def keys(self, kind: Kind, seen: Json) -> Iterator[Key]:
        """The keys to look at when this object appears, changes or goes."""
        namespace, name = identify(seen)
        if kind == self._kinds.rollout:
            yield Key(namespace, "Rollout", name)
            yield from self._waiting(kind, namespace, name)
        elif kind == self._kinds.analysis_run:
            yield Key(namespace, "AnalysisRun", name)
            yield from self._owner(seen)
        elif kind == kinds.REPLICA_SET:
            yield from self._owner(seen)
        elif kind == kinds.POD:
            owner = controller_of(seen)
            parent = owner and self._cache.get(kinds.REPLICA_SET, namespace, owner["name"])
            if parent:
                yield from self._owner(parent)
        else:
            yield from self._waiting(kind, namespace, name)

    def referring_to(self, kind: Kind) -> frozenset[Key]:
        """Every key that depends on some object of a kind."""
        return frozenset(
            key
            for reference, keys in self._referring.items()
            if reference[0] == kind
            for key in keys
        )

    def keeps(self, kind: Kind, seen: Json) -> bool:
        """Somebody refers to this object, or its kind is kept as a whole."""
        return not kind.referred or bool(self._waiting(kind, *identify(seen)))

    def _unrefer(self, gone: Reference, key: Key) -> None:
        self._referring[gone].discard(key)
        if not self._referring[gone]:
            del self._referring[gone]

    def _waiting(self, kind: Kind, namespace: str, name: str) -> tuple[Key, ...]:
        return tuple(self._referring.get((kind, namespace, name), ()))

    def _owner(self, seen: Json) -> Iterator[Key]:
        owner = controller_of(seen)
        mine = self._kinds.rollout
        if owner is None or owner.get("kind") != mine.kind:
            return
        if str(owner.get("apiVersion", "")).partition("/")[0] == mine.group:
            yield Key(identify(seen)[0], "Rollout", owner["name"])


def _workload(rollout: Json) -> Reference | None:
    """What its spec names, valid or not; None: nothing that Davy knows."""
    spec = rollout.get("spec")
    referred = spec.get("workloadRef") if isinstance(spec, dict) else None
    if not isinstance(referred, dict):
        return None
    kind, name = referred.get("kind"), referred.get("name")
    known = kinds.WORKLOADS.get(kind) if isinstance(kind, str) else None
    return (known, identify(rollout)[0], name) if known and isinstance(name, str) else None
