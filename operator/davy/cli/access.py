"""The reads: a rollout with all that belongs to it, once or again at each change.

Pods, ReplicaSets and AnalysisRuns that a person may not see are left out, and a note says so: a
rollout's own status is worth showing without them.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import aiohttp

from davy.api.errors import ApiFailure, Forbidden, NotFound, Unreachable
from davy.api.group import ApiGroup
from davy.cli.manifest import Json, name_of, text
from davy.cli.view import RolloutView, rollout_view
from davy.cluster.kinds import POD, REPLICA_SET, Kind, Kinds

if TYPE_CHECKING:  # the client imports `kubernetes`, which takes a second
    from davy.cluster.client import Api, Client

_SETTLE_SECONDS: Final = 0.1
"""Changes that come together are shown together."""
_RETRY_SECONDS: Final = 2.0
T = TypeVar("T")


class Connection(Protocol):
    """The API server, as far as the commands need it."""

    @property
    def api(self) -> "Api":
        """Single calls."""

    def changes(
        self, kind: Kind, namespace: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """Type and object of each change after a version, until the server ends the watch.

        Raises:
            ApiFailure: the watch can't be had, or broke off.
        """


@dataclass(frozen=True)
class ClusterConnection:
    """`Connection` on a real API server."""

    client: "Client"

    @property
    def api(self) -> "Api":
        """See `Connection.api`."""
        return self.client

    async def changes(
        self, kind: Kind, namespace: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """See `Connection.changes`."""
        query = {
            "watch": "1",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
        } | ({"labelSelector": kind.selector} if kind.selector else {})
        url = f"{self.client.server}{kind.path(namespace)}"
        endless = aiohttp.ClientTimeout(total=None, sock_connect=15)
        what = f"watch {kind.plural} in namespace {namespace}"
        try:
            async with (
                self.client.session(aiohttp.TraceConfig()) as session,
                session.get(url, params=query, timeout=endless) as answer,
            ):
                if answer.status >= 400:  # noqa: PLR2004 an HTTP error
                    raise _refused(what, answer.status)
                async for line in answer.content:
                    event = json.loads(line)
                    yield str(event.get("type")), event.get("object") or {}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(f"{what}: {str(error) or type(error).__name__}.") from error


def _refused(what: str, status: int) -> ApiFailure:
    if status in {401, 403}:
        return Forbidden(f"{what}: not allowed (HTTP {status}).", status=status)
    if status == 404:  # noqa: PLR2004 HTTP's number for it
        return NotFound(f"{what}: the server has no such kind.", status=status)
    return Unreachable(f"{what}: HTTP {status}.", status=status)


async def rollout(api: "Api", group: ApiGroup, namespace: str, name: str) -> dict[str, Any]:
    """The Rollout's manifest.

    Raises:
        NotFound: no such rollout, or no such kind; the sentence says which.
        ApiFailure: the server said no, or can't be reached.
    """
    try:
        return await api.get(Kinds(group).rollout, namespace, name)
    except NotFound as error:
        raise await _explained(api, group, namespace, name) or error from error


async def rollouts(api: "Api", group: ApiGroup, namespace: str | None) -> list[dict[str, Any]]:
    """Every Rollout of a namespace (None: of all), by namespace and name.

    Raises:
        NotFound: the server has no such kind.
        ApiFailure: the server said no, or can't be reached.
    """
    try:
        listing = await api.list(Kinds(group).rollout, namespace)
    except NotFound as error:
        raise await _explained(api, group, namespace or "", None) or error from error
    return sorted(
        listing.items,
        key=lambda found: (text(found, "metadata", "namespace") or "", name_of(found)),
    )


async def _explained(
    api: "Api", group: ApiGroup, namespace: str, name: str | None
) -> NotFound | None:
    """What a 404 means; None when the server won't tell its kinds."""
    kind = Kinds(group).rollout
    try:
        served = await api.served(kind.group, kind.version)
    except ApiFailure:
        return None
    if kind.plural not in served:
        return NotFound(
            f"The API server has no {kind.resource} ({kind.version}): install the CRDs "
            f"(davy crds | kubectl apply -f -), or name another group with --api-group."
        )
    if name is None:
        return None
    return NotFound(
        f"rollout {namespace}/{name} isn't there; `davy list -n {namespace}` shows those that are."
    )


async def view(connection: Connection, group: ApiGroup, namespace: str, name: str) -> RolloutView:
    """The rollout and all that belongs to it, now.

    Raises:
        NotFound: no such rollout, or no such kind.
        ApiFailure: the server said no, or can't be reached.
    """
    found = await rollout(connection.api, group, namespace, name)
    mirrors = _mirrors(group)
    await asyncio.gather(*(mirror.fill(connection.api, namespace) for mirror in mirrors))
    return _view(group, found, mirrors, "")


async def follow(
    connection: Connection, group: ApiGroup, namespace: str, name: str, *, with_parts: bool = True
) -> AsyncGenerator[RolloutView, None]:
    """The same at each change, beginning with now; a lost connection is taken up again and noted.

    Without its parts (ReplicaSets, pods, AnalysisRuns) nothing but the Rollout is read.

    Raises:
        NotFound: no such rollout or kind, or it was deleted meanwhile.
        ApiFailure: the first read failed.
    """
    await rollout(connection.api, group, namespace, name)  # its 404 is the better sentence
    own = Mirror(Kinds(group).rollout, required=True)
    mirrors = _mirrors(group)
    kept = (own, *mirrors) if with_parts else (own,)

    def shown() -> RolloutView:
        current = own.named(name)
        if current is None:
            raise NotFound(f"rollout {namespace}/{name} was deleted.")
        return _view(group, current, mirrors, own.note)

    async with aclosing(kept_up(connection, namespace, kept, shown)) as views:
        async for found in views:
            yield found


async def kept_up(
    connection: Connection, namespace: str, mirrors: Sequence["Mirror"], show: Callable[[], T]
) -> AsyncGenerator[T, None]:
    """What is shown of some kinds' objects: now, and whenever it is another.

    Raises:
        ApiFailure: the first read failed, or what `show` raises.
    """
    await asyncio.gather(*(mirror.fill(connection.api, namespace) for mirror in mirrors))
    changed = asyncio.Event()
    tasks = [asyncio.create_task(mirror.keep(connection, namespace, changed)) for mirror in mirrors]
    before: T | None = None
    try:
        while True:
            shown = show()
            if shown != before:
                yield shown
            before = shown
            await changed.wait()
            await asyncio.sleep(_SETTLE_SECONDS)
            changed.clear()
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Mirror:
    """The objects of one kind in one namespace, kept up to date by a watch."""

    kind: Kind
    required: bool = False
    """Without it there is nothing to show: a refusal is an error, not a note."""
    items: dict[str, Json] = field(default_factory=dict)
    """By uid."""
    version: str = ""
    note: str = ""
    """Why the objects are missing or old; empty: they are fresh."""

    def named(self, name: str) -> Json | None:
        """The object of this name."""
        return next((found for found in self.items.values() if name_of(found) == name), None)

    async def fill(self, api: "Api", namespace: str) -> bool:
        """Whether the kind can be read; a refusal becomes a note.

        Raises:
            ApiFailure: the server can't be reached, or refuses a required kind.
        """
        try:
            listing = await api.list(self.kind, namespace)
        except (Forbidden, NotFound) as error:
            if self.required:
                raise
            why = "not allowed" if isinstance(error, Forbidden) else "the server has no such kind"
            self.note = f"{self.kind.plural} ({why})"
            return False
        self.items = {_uid(found): found for found in listing.items}
        self.version = listing.resource_version
        self.note = ""
        return True

    async def keep(self, connection: Connection, namespace: str, changed: asyncio.Event) -> None:
        """Follow the changes for ever; over when the kind may not be read."""
        try:
            await self._keep(connection, namespace, changed)
        finally:
            changed.set()

    async def _keep(self, connection: Connection, namespace: str, changed: asyncio.Event) -> None:
        fresh = not self.note
        while True:
            try:
                if not fresh and not await self.fill(connection.api, namespace):
                    return
                changed.set()
                async with aclosing(self._events(connection, namespace)) as events:
                    async for _ in events:
                        changed.set()
            except Unreachable as error:
                self.note = f"changes since the connection was lost ({str(error).rstrip('.')})"
                changed.set()
                await asyncio.sleep(_RETRY_SECONDS)
            except (Forbidden, NotFound) as error:
                self.note = f"changes of {self.kind.plural} ({str(error).rstrip('.')})"
                return
            fresh = False
            await asyncio.sleep(_SETTLE_SECONDS)

    async def _events(self, connection: Connection, namespace: str) -> AsyncGenerator[None, None]:
        """One tick per change taken in, until the watch ends or its version is too old."""
        async for kind, found in connection.changes(self.kind, namespace, self.version):
            match kind:
                case "ADDED" | "MODIFIED":
                    self.items[_uid(found)] = found
                    yield
                case "DELETED":
                    self.items.pop(_uid(found), None)
                    yield
                case "ERROR":
                    return


def _mirrors(group: ApiGroup) -> tuple[Mirror, Mirror, Mirror]:
    return Mirror(REPLICA_SET), Mirror(POD), Mirror(Kinds(group).analysis_run)


def _view(
    group: ApiGroup, found: Json, mirrors: tuple[Mirror, Mirror, Mirror], note: str
) -> RolloutView:
    replica_sets, pods, runs = mirrors
    notes = [said for said in dict.fromkeys([note, *(mirror.note for mirror in mirrors)]) if said]
    return rollout_view(
        found,
        revision_annotation=group.revision_annotation,
        replica_sets=list(replica_sets.items.values()),
        pods=list(pods.items.values()),
        runs=list(runs.items.values()),
        notes=notes,
    )


def _uid(manifest: Json) -> str:
    return text(manifest, "metadata", "uid") or name_of(manifest)
