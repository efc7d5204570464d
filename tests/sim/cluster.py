"""An API server in memory: resourceVersion, conflicts, the /status split, patches, owner deletion.

Implements `davy.cluster.client.Api`. A verified fake, not a mock: `tests/conformance` holds it to
the real server with the same bodies. What it lacks, it refuses with AssertionError rather than
guess.

Objects are never changed in place: a write makes a new object that shares what stays the same, so
reads and watches hand out what is stored. Who reads one must not change it, as with Davy's cache.
"""

import copy
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from davy.api import errors
from davy.cluster.client import Json
from davy.cluster.kinds import EVENT, LEASE, POD, REPLICA_SET, Kind
from davy.cluster.listing import Listing
from tests.sim import validation

STATUS_KINDS = frozenset(
    {
        "Rollout",
        "AnalysisRun",
        "ReplicaSet",
        "Deployment",
        "Pod",
        "Service",
        "VirtualService",
        "DestinationRule",
        "HTTPRoute",
        "Ingress",
        "ApisixRoute",
        "Job",
        "HTTPProxy",
    }
)
"""Kinds with a /status of their own: a write elsewhere leaves it alone."""
SCALED_KINDS = frozenset({"Deployment", "ReplicaSet", "Rollout"})
"""Kinds with a /scale."""
UNCOUNTED = frozenset({"Service", "Event", "Lease"})
"""Kinds without a generation."""
GONE = "DELETED"
_Key = tuple[Kind, str, str]


@dataclass(frozen=True)
class Change:
    """One watch event."""

    type: str
    kind: Kind
    object: Json
    before: Json | None = None
    """The object before the change; None: there was none."""
    by: str = ""
    """`Cluster.actor` at the time."""


@dataclass(frozen=True)
class Call:
    """One request, as a fault rule and a test see it."""

    verb: str
    kind: Kind
    namespace: str | None
    name: str | None
    body: Any = None
    subresource: str = ""


Fault = Callable[[Call], Exception | None]
"""Returns what to raise before the call is served, or None."""


@dataclass
class Cluster:
    """Objects, their versions, and who is told of changes."""

    faults: list[Fault] = field(default_factory=list)
    writes: list[Call] = field(default_factory=list)
    reads: list[Call] = field(default_factory=list)
    served_groups: dict[tuple[str, str], frozenset[str]] | None = None
    """None: every kind is served."""
    denied: set[tuple[str, str]] = field(default_factory=set)
    """(verb, plural or plural/subresource) that RBAC refuses."""
    actor: str = ""
    """Who writes; whoever calls may set it, watchers see it in each Change."""
    versions: dict[str, Json] = field(default_factory=dict)
    """Every state that any object ever had, by resourceVersion."""
    now: Callable[[], str] | None = None
    """For creationTimestamp; None: objects have none."""

    def __post_init__(self) -> None:
        """Start empty at version 1."""
        self._objects: dict[_Key, Json] = {}
        self._kinds: dict[Kind, dict[_Key, Json]] = defaultdict(dict)
        """The same objects, by kind."""
        self._versions = itertools.count(1)
        self._watchers: list[Callable[[Change], None]] = []
        self._version = 0

    # What tests and controllers of the simulation do.

    def watch(self, told: Callable[[Change], None]) -> None:
        """Every change from now on."""
        self._watchers.append(told)

    def peek(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The object, without a request."""
        return copy.deepcopy(self._objects.get((kind, namespace, name)))

    def look(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """The object itself, not to be changed."""
        return self._objects.get((kind, namespace, name))

    def held(self, kind: Kind) -> list[Json]:
        """All objects of a kind themselves, not to be changed."""
        return [*self._kinds[kind].values()]

    def objects(self) -> Iterable[Json]:
        """All objects of all kinds themselves, not to be changed."""
        return self._objects.values()

    def every(self, kind: Kind) -> list[Json]:
        """All objects of a kind, without a request."""
        return copy.deepcopy(self.held(kind))

    def put(self, kind: Kind, manifest: Mapping[str, Any]) -> Json:
        """A user's or another controller's whole write, status included, whatever was there."""
        made = copy.deepcopy(dict(manifest))
        made.setdefault("apiVersion", kind.api_version)
        made.setdefault("kind", kind.kind)
        metadata = made["metadata"] = dict(made["metadata"])
        namespace = metadata.get("namespace", "") if kind.namespaced else ""
        held = self._objects.get((kind, namespace, metadata["name"]))
        metadata["uid"] = held["metadata"]["uid"] if held else f"uid-{self._version + 1}"
        return self._store(kind, made, held)

    def edit(self, kind: Kind, namespace: str, name: str, change: Callable[[Json], None]) -> Json:
        """A change in place by somebody else."""
        made = copy.deepcopy(self._objects[kind, namespace, name])
        change(made)
        return self._store(kind, made, self._objects[kind, namespace, name])

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """A deletion: at once without finalizers, else a deletionTimestamp."""
        held = self._objects[kind, namespace, name]
        if held["metadata"].get("finalizers"):
            stamp = {"deletionTimestamp": self.now() if self.now else "2026-01-01T00:00:00Z"}
            self._store(kind, {**held, "metadata": {**stamp, **held["metadata"]}}, held)
            return
        del self._objects[kind, namespace, name]
        del self._kinds[kind][kind, namespace, name]
        metadata = {**held["metadata"], "resourceVersion": self._next()}
        gone = {**held, "metadata": metadata}
        self.versions[metadata["resourceVersion"]] = gone
        self._tell(Change(GONE, kind, gone, held, self.actor))
        self._collect(held["metadata"]["uid"])

    # The protocol.

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """See `Api.get`."""
        self._read(Call("get", kind, namespace, name))
        return self._found(kind, namespace, name)

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str | None = None
    ) -> Listing:
        """See `Api.list`; selectors: presence of a label, or `a=b`."""
        self._read(Call("list", kind, namespace, None))
        wanted = kind.selector if selector is None else selector
        items = tuple(
            found
            for (_, where, _), found in sorted(
                self._kinds[kind].items(), key=lambda item: item[0][1:]
            )
            if namespace in {None, where} and _selected(found, wanted)
        )
        return Listing(items, str(self._version))

    async def batches(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Listing]:
        """See `Api.batches`; all is one batch."""
        yield await self.list(kind, namespace)

    async def create(self, kind: Kind, namespace: str, body: Json, *, strict: bool = False) -> Json:
        """See `Api.create`; `strict` makes no difference, there is no schema."""
        del strict
        name = body["metadata"]["name"]
        self._write(Call("create", kind, namespace, name, body))
        if (kind, namespace, name) in self._objects:
            raise errors.AlreadyExists(f"{kind} {namespace}/{name} already exists", status=409)
        if "resourceVersion" in body["metadata"]:
            raise errors.Unreachable("resourceVersion should not be set", status=500)
        given = {"namespace": namespace, "uid": f"uid-{self._version + 1}"}
        if self.now:
            given["creationTimestamp"] = self.now()
        made = {**body, "metadata": {**body["metadata"], **given}}
        if kind.kind in STATUS_KINDS:
            made.pop("status", None)
        validation.check(kind, made, None)
        return self._store(kind, made, None)

    async def patch_json(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Json]
    ) -> Json:
        """See `Api.patch_json`."""
        self._write(Call("patch", kind, namespace, name, [*operations]))
        held = self._found(kind, namespace, name)
        made = held
        for operation in operations:
            made = operated(made, operation)
        return self._update(kind, made, held, "")

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """See `Api.patch_merge`."""
        self._write(Call("patch", kind, namespace, name, body, subresource))
        held = self._found(kind, namespace, name)
        kinds = SCALED_KINDS if subresource == "scale" else STATUS_KINDS
        if subresource and kind.kind not in kinds:
            raise errors.NotFound(f"{kind} has no /{subresource}", status=404)
        expected = (body.get("metadata") or {}).get("resourceVersion")
        if expected not in {None, held["metadata"]["resourceVersion"]}:
            raise errors.Conflict(f"{kind} {namespace}/{name} has been modified", status=409)
        if (body.get("metadata") or {}).get("uid") not in {None, held["metadata"]["uid"]}:
            raise errors.Rejected(f"{kind} {namespace}/{name} has another uid", status=422)
        made = self._update(kind, merged(held, body), held, subresource)
        return _scale(made) if subresource == "scale" else made

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str, version: str | None = None
    ) -> None:
        """See `Api.delete`."""
        self._write(Call("delete", kind, namespace, name))
        held = self._objects.get((kind, namespace, name))
        if held is None:
            return
        if held["metadata"]["uid"] != uid:
            raise errors.Conflict(f"{kind} {namespace}/{name} has another uid", status=409)
        if version not in {None, held["metadata"]["resourceVersion"]}:
            raise errors.Conflict(f"{kind} {namespace}/{name} has been modified", status=409)
        self.remove(kind, namespace, name)

    async def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """See `Api.evict`."""
        self._write(Call("create", POD, namespace, name, "eviction"))
        held = self._objects.get((POD, namespace, name))
        if held is not None and held["metadata"]["uid"] != uid:
            raise errors.Conflict(f"Pod {namespace}/{name} has another uid", status=409)
        if held is not None:
            self.remove(POD, namespace, name)

    async def served(self, group: str, version: str) -> frozenset[str]:
        """See `Api.served`."""
        if self.served_groups is not None:
            return self.served_groups.get((group, version), frozenset())
        return frozenset({"*"})

    async def allowed(
        self, verb: str, kind: Kind, namespace: str | None = None, *, subresource: str = ""
    ) -> bool:
        """See `Api.allowed`: everything but what `denied` names as (verb, resource)."""
        del namespace
        return (verb, _resource(kind, subresource)) not in self.denied

    # Inside.

    def _update(self, kind: Kind, made: Json, held: Json, subresource: str) -> Json:
        split = kind.kind in STATUS_KINDS
        if subresource == "status":
            made = {**held, "status": made.get("status") or {}}
        elif split:
            made = {name: value for name, value in made.items() if name != "status"}
            if "status" in held:
                made["status"] = held["status"]
        metadata = made["metadata"] = {**made["metadata"], "uid": held["metadata"]["uid"]}
        if "deletionTimestamp" in held["metadata"]:
            metadata["deletionTimestamp"] = held["metadata"]["deletionTimestamp"]
        validation.check(kind, made, held)
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            namespace, name = held["metadata"].get("namespace", ""), held["metadata"]["name"]
            self._hold((kind, namespace, name), made)
            self.remove(kind, namespace, name)
            return made
        return self._store(kind, made, held)

    def _store(self, kind: Kind, made: Json, held: Json | None) -> Json:
        metadata = validation.tidied(made["metadata"])
        namespace = metadata.get("namespace", "") if kind.namespaced else ""
        stamps: Json = {}
        if kind.kind not in UNCOUNTED:
            stamps["generation"] = held["metadata"]["generation"] if held else 1
        if held is not None:
            before = held["metadata"]
            same = {**metadata, "resourceVersion": before["resourceVersion"], **stamps}
            if same == before and {**made, "metadata": before} == held:
                return held
            if stamps and (
                any(made.get(part) != held.get(part) for part in ("spec", "template"))
                or ("deletionTimestamp" in metadata) != ("deletionTimestamp" in before)
            ):
                stamps["generation"] += 1
        version = stamps["resourceVersion"] = self._next()
        made = {**made, "metadata": {**metadata, **stamps}}
        self.versions[version] = made
        self._hold((kind, namespace, metadata["name"]), made)
        self._tell(Change("MODIFIED" if held else "ADDED", kind, made, held, self.actor))
        return made

    def _hold(self, key: _Key, made: Json) -> None:
        self._objects[key] = self._kinds[key[0]][key] = made

    def _collect(self, uid: str) -> None:
        for kind, namespace, name in [*self._objects]:
            found = self._objects.get((kind, namespace, name))
            if found is None:
                continue
            owners = found["metadata"].get("ownerReferences") or ()
            left = [owner for owner in owners if owner["uid"] != uid]
            if len(left) == len(owners):
                continue
            if left:
                metadata = {**found["metadata"], "ownerReferences": left}
                self._store(kind, {**found, "metadata": metadata}, found)
            else:
                self.remove(kind, namespace, name)

    def _found(self, kind: Kind, namespace: str, name: str) -> Json:
        found = self._objects.get((kind, namespace, name))
        if found is None:
            raise errors.NotFound(f"{kind} {namespace}/{name} not found", status=404)
        return found

    def _read(self, call: Call) -> None:
        self.reads.append(call)
        self._fail(call)

    def _write(self, call: Call) -> None:
        if call.kind not in {EVENT, LEASE}:
            self.writes.append(call)
        self._fail(call)

    def _fail(self, call: Call) -> None:
        if (call.verb, _resource(call.kind, call.subresource)) in self.denied:
            raise errors.Forbidden(f"{call.verb} {call.kind} isn't allowed", status=403)
        for fault in self.faults:
            error = fault(call)
            if error is not None:
                raise error

    def _tell(self, change: Change) -> None:
        for told in self._watchers:
            told(change)

    def _next(self) -> str:
        self._version = next(self._versions)
        return str(self._version)


def _scale(made: Json) -> Json:
    """What an object's /scale answers."""
    names = ("name", "namespace", "uid", "resourceVersion")
    replicas = made["spec"].get("replicas", 1)
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {name: made["metadata"][name] for name in names},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": (made.get("status") or {}).get("replicas", 0)},
    }


def _resource(kind: Kind, subresource: str) -> str:
    return f"{kind.plural}/{subresource}" if subresource else kind.plural


def merged(held: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(held) if isinstance(held, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def operated(found: Any, operation: Json) -> Any:
    """The document after one operation of RFC 6902: test, add, replace, remove.

    As the real server has it, a `replace` of a field that isn't there adds it.
    """
    path = operation["path"]
    tokens = [t.replace("~1", "/").replace("~0", "~") for t in path.split("/")[1:]]
    try:
        return _at(found, tokens, operation)
    except (KeyError, IndexError) as error:
        raise errors.Conflict(f"testing path {path} failed", status=422) from error


def _at(found: Any, tokens: list[str], operation: Json) -> Any:
    """A copy of the containers on the way to the leaf, with the leaf operated on."""
    first, made = _opened(found, tokens[0])
    if tokens[1:]:
        made[first] = _at(made[first], tokens[1:], operation)
        return made
    match operation["op"]:
        case "test":
            is_now = made.get(first) if isinstance(made, dict) else made[first]
            if is_now != operation["value"]:
                raise errors.Conflict(f"testing value {operation['path']} failed", status=422)
            return found
        case "add" if isinstance(made, list):
            made.insert(first, operation["value"])
        case "add" | "replace":
            made[first] = operation["value"]
        case "remove":
            del made[first]
        case other:
            raise AssertionError(f"JSON patch operation {other}")
    return made


def _opened(found: Any, token: str) -> tuple[Any, Any]:
    """The key or index that a token means in a container, and a copy of the container.

    Raises:
        KeyError: this is no container.
        IndexError: the list isn't so long.
    """
    if isinstance(found, dict):
        return token, dict(found)
    if not isinstance(found, list):
        raise KeyError(token)
    index = len(found) if token == "-" else int(token)
    if index > len(found):
        raise IndexError(index)
    return index, [*found]


def _selected(found: Json, selector: str) -> bool:
    labels = found["metadata"].get("labels") or {}
    for part in filter(None, selector.split(",")):
        name, is_equal, value = part.partition("=")
        if name not in labels or (is_equal and labels[name] != value):
            return False
    return True


def ready(cluster: Cluster) -> Iterator[Json]:
    """Every ReplicaSet's pods become available at once; yields the ReplicaSets that changed."""
    for found in cluster.every(REPLICA_SET):
        replicas = found["spec"].get("replicas", 1)
        status = {
            "replicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
            "observedGeneration": found["metadata"]["generation"],
        }
        if found.get("status") != status:
            yield cluster.put(REPLICA_SET, {**found, "status": status})
