"""A cluster in memory, as far as the commands need one, and a way to run a command line on it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from davy.api.errors import ApiFailure, Conflict, NotFound
from davy.cli import main
from davy.cli.access import Connection
from davy.cli.session import Session
from davy.cluster.kinds import Kind

if TYPE_CHECKING:
    from davy.cluster.client import Api

Json = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """A whole list."""

    items: tuple[Json, ...]
    resource_version: str = "1"


class FakeCluster:
    """Objects by kind; merge patches are applied as RFC 7386 has it.

    Args:
        objects: by plural name.
        failures: what reading a kind raises, by plural name.
        meddle: called with the object before each patch, as another writer would change it.
    """

    def __init__(
        self,
        objects: dict[str, list[Json]],
        *,
        failures: dict[str, ApiFailure] | None = None,
        meddle: Callable[[Json], None] = lambda _: None,
        events: Iterable[tuple[str, str, Json]] = (),
    ) -> None:
        self.objects = objects
        self.failures = failures or {}
        self.patches: list[tuple[str, Json]] = []
        """Subresource and body of each patch that was accepted."""
        self.reads = 0
        self._meddle = meddle
        self._events = list(events)

    @property
    def api(self) -> "Api":
        """Itself, in the shape that commands expect."""
        return cast("Api", self)

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """A copy of the object."""
        self._fail(kind)
        self.reads += 1
        return deepcopy(self._find(kind, namespace, name))

    async def list(self, kind: Kind, namespace: str | None = None) -> Listing:
        """Copies of the namespace's objects."""
        self._fail(kind)
        if kind.plural not in self.objects:
            raise NotFound(f"list {kind.plural}: HTTP 404", status=404)
        return Listing(
            tuple(
                deepcopy(found)
                for found in self.objects[kind.plural]
                if namespace in {None, found["metadata"]["namespace"]}
            )
        )

    async def served(self, group: str, version: str) -> frozenset[str]:
        """What there is, in any group."""
        del group, version
        return frozenset(self.objects)

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """The object after the patch; another version than the body's is a Conflict."""
        found = self._find(kind, namespace, name)
        self._meddle(found)
        version = found["metadata"]["resourceVersion"]
        if body.get("metadata", {}).get("resourceVersion", version) != version:
            raise Conflict(f"patch {name}: HTTP 409", status=409)
        self.patches.append((subresource, {k: v for k, v in body.items() if k != "metadata"}))
        _merge(found, body)
        changed(found)
        return deepcopy(found)

    async def create(self, kind: Kind, namespace: str, body: Json, *, strict: bool = False) -> Json:
        """The object, with a name made up where it asks for one."""
        assert strict
        metadata = {"name": f"{body['metadata'].get('generateName')}x7k2p", **body["metadata"]}
        made = {**body, "metadata": {**metadata, "namespace": namespace, "resourceVersion": "1"}}
        self.objects.setdefault(kind.plural, []).append(made)
        return deepcopy(made)

    async def changes(
        self, kind: Kind, namespace: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, Json], None]:
        """The scripted events of this kind, then silence."""
        del namespace, resource_version
        for event, plural, found in [item for item in self._events if item[1] == kind.plural]:
            self._events.remove((event, plural, found))
            yield event, found
        await asyncio.Event().wait()

    def _fail(self, kind: Kind) -> None:
        if kind.plural in self.failures:
            raise self.failures[kind.plural]

    def _find(self, kind: Kind, namespace: str, name: str) -> Json:
        for found in self.objects.get(kind.plural, []):
            there = found["metadata"].get("namespace", namespace)
            if (there, found["metadata"]["name"]) == (namespace, name):
                return found
        raise NotFound(f"get {kind.kind} {namespace}/{name}: HTTP 404", status=404)


def changed(manifest: Json) -> None:
    """Give the object a later version, as each write does."""
    metadata = manifest["metadata"]
    metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)


def _merge(target: Json, patch: Json) -> None:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


def session(cluster: FakeCluster) -> Session:
    """Global options that lead to this cluster, namespace `shop`."""

    @asynccontextmanager
    async def connect(_: Session) -> AsyncIterator[Connection]:
        yield cluster

    opened: Callable[[Session], AbstractAsyncContextManager[Connection]] = connect
    return Session(chosen_namespace="shop", connect=opened)


@dataclass(frozen=True)
class Outcome:
    """What a command line did."""

    code: int
    out: str
    err: str


class Shell:
    """Runs command lines on a cluster."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def __call__(self, cluster: FakeCluster, *arguments: str) -> Outcome:
        """The outcome of `davy ARGUMENTS`."""
        self._capture.readouterr()
        code = main.run(arguments, session=session(cluster))
        said = self._capture.readouterr()
        return Outcome(code, said.out, said.err)
