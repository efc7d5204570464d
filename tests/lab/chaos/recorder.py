"""A watch of the lab's own over everything that a rollout consists of, through every outage.

It shares no code with the operator. After an outage it goes on from the last version it saw; where
that is too old it lists, and notes what has gone meanwhile.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from typing import Final, Self

from tests.lab.chaos.history import Json, Key, State
from tests.lab.kube import Kube
from tests.lab.kube_errors import Gone, KubeError

WATCHED: Final = (
    "rollouts.davy.dev",
    "analysisruns.davy.dev",
    "replicasets.apps",
    "pods",
    "services",
    "virtualservices.networking.istio.io",
    "destinationrules.networking.istio.io",
    "httproutes.gateway.networking.k8s.io",
)
"""Kinds, as for kubectl."""

_RETRY_SECONDS: Final = 0.1


class Recorder:
    """All states of all objects of some namespaces, and the newest of each."""

    def __init__(self, kube: Kube, namespaces: Iterable[str]) -> None:
        """Describe; `recording` starts it."""
        self.seen: list[State] = []
        """In the order in which they were seen."""
        self.now: dict[Key, Json] = {}
        """The newest state of each object that is there."""
        self._kube = kube
        self._namespaces = frozenset(namespaces)
        self._listed: set[str] = set()
        self._changed = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def recording(cls, kube: Kube, namespaces: Iterable[str]) -> AsyncIterator[Self]:
        """A recorder that has listed everything once, until the block ends."""
        recorder = cls(kube, namespaces)
        tasks = [asyncio.create_task(recorder._follow(kind)) for kind in WATCHED]
        try:
            await recorder.until(lambda: len(recorder._listed) == len(WATCHED))
            yield recorder
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def find(self, namespace: str, kind: str, name: str) -> Json | None:
        """The newest state of an object; None: there is none. The kind is its plural."""
        return self.now.get(Key(namespace, kind, name))

    def all(self, namespace: str, kind: str) -> list[Json]:
        """The newest states of all objects of a kind (its plural)."""
        return [
            found
            for key, found in self.now.items()
            if (key.namespace, key.kind) == (namespace, kind)
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when it is true; looked at after each change."""
        async with self._changed:
            await self._changed.wait_for(condition)

    async def changes(self, kinds: frozenset[str], count: int) -> None:
        """Return when objects of these kinds (plurals) have changed so often from now on."""
        place = len(self.seen)

        def enough() -> bool:
            return sum(each.key.kind in kinds for each in self.seen[place:]) >= count

        await self.until(enough)

    async def _follow(self, kind: str) -> None:
        since = ""
        while True:
            try:
                since = since or await self._list(kind)
                async for event, found in self._kube.watch(kind, since=since):
                    since = found["metadata"]["resourceVersion"]
                    if event != "BOOKMARK":
                        await self._note(kind, event, found)
            except Gone:
                since = ""
            except (KubeError, OSError, TimeoutError):
                await asyncio.sleep(_RETRY_SECONDS)

    async def _list(self, kind: str) -> str:
        plural = kind.partition(".")[0]
        listed = await self._kube.list_raw(kind)
        version: str = listed["metadata"]["resourceVersion"]
        present = set()
        for found in listed.get("items") or []:
            found["apiVersion"] = listed[
                "apiVersion"
            ]  # a list's items lack what each says of itself
            found["kind"] = listed["kind"].removesuffix("List")
            present.add(_key(plural, found))
            await self._note(kind, "LISTED", found)
        for key in [key for key in self.now if key.kind == plural and key not in present]:
            del self.now[key]
            self.seen.append(State(key, int(version), datetime.now(UTC), None))
        self._listed.add(kind)
        async with self._changed:
            self._changed.notify_all()
        return version

    async def _note(self, kind: str, event: str, found: Json) -> None:
        key = _key(kind.partition(".")[0], found)
        if key.namespace not in self._namespaces:
            return
        found["metadata"].pop("managedFields", None)
        version = int(found["metadata"]["resourceVersion"])
        held = self.now.get(key)
        if event == "LISTED" and held and held["metadata"]["resourceVersion"] == str(version):
            return
        gone = event == "DELETED"
        self.seen.append(State(key, version, datetime.now(UTC), None if gone else found))
        if gone:
            self.now.pop(key, None)
        else:
            self.now[key] = found
        async with self._changed:
            self._changed.notify_all()


def _key(plural: str, found: Json) -> Key:
    metadata = found["metadata"]
    return Key(metadata.get("namespace") or "", plural, metadata["name"])
