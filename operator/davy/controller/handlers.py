"""kopf: put what it sees into the cache, enqueue the keys; no more.

kopf lists, watches, reconnects and discovers late CRDs. It writes nothing: no annotation, no
finalizer, no event; so its storages are empty, which also saves a third of the CPU per event.
Settings and their reasons: the defaults keep 29 kB per object alive, stall the loop at large lists,
and take up to 21 s to come back after an outage of the API server.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

import aiohttp
import kopf
import structlog

from davy.cluster.cache import Json
from davy.cluster.kinds import Kind

_log = structlog.get_logger()

Seen = Callable[[Kind, str | None, Json], None]
"""Told of each event: kind, `ADDED`, `MODIFIED`, `DELETED` or None (of a list), object."""


UNUSED_FINALIZER: Final = "davy.invalid/unused-by-kopf"
"""No object ever has it. Where no handler needs its finalizer kopf removes it: that must be
neither Davy's own nor kopf's default, which other kopf operators set."""


class _NoDiff(kopf.DiffBaseStorage):
    """Nothing is compared, so nothing is kept or copied."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        """Nothing."""
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        """Nothing."""
        return None

    def store(self, **_: Any) -> None:
        """Nothing."""


class _NoProgress(kopf.ProgressStorage):
    """No handler has progress to keep."""

    def fetch(self, **_: Any) -> None:
        """Nothing."""

    def store(self, **_: Any) -> None:
        """Nothing."""

    def purge(self, **_: Any) -> None:
        """Nothing."""

    def touch(self, **_: Any) -> None:
        """Nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """The same."""
        return essence


def operator_settings(kinds: Collection[Kind], *, scanning: bool) -> kopf.OperatorSettings:
    """Settings of kopf for a watcher that writes nothing.

    Args:
        kinds: that are watched; those with a label selector are filtered by the server.
        scanning: CRDs may be watched, so that kinds which come later are picked up.
    """
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDiff()
    settings.persistence.progress_storage = _NoProgress()
    settings.persistence.finalizer = UNUSED_FINALIZER
    settings.queueing.idle_timeout = 0.1
    settings.queueing.exit_timeout = 0.2
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 120
    settings.watching.client_timeout = 130
    settings.networking.request_timeout = 15
    settings.networking.error_backoffs = [0.25, 0.5] + [1] * 10**6
    settings.scanning.disabled = not scanning
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = 10
    for kind in kinds:
        if kind.selector:
            key = (kind.group, kind.version, kind.plural)
            settings.watching.label_selectors[key] = kind.selector
    return settings


def operator_registry(
    kinds: Collection[Kind],
    seen: Seen,
    server: str,
    session: Callable[[], aiohttp.ClientSession],
) -> kopf.OperatorRegistry:
    """The handlers: one per kind, and a login with Davy's own session."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=server, aiohttp_session=session())

    for kind in kinds:
        _watch(kind, seen, registry)
    return registry


def _watch(kind: Kind, seen: Seen, registry: kopf.OperatorRegistry) -> None:
    """Events of one kind. The handler never raises: kopf would log the event and forget it."""

    @kopf.on.event(
        group=kind.group,
        version=kind.version,
        plural=kind.plural,
        id=kind.plural,
        registry=registry,
    )
    async def handle(event: kopf.RawEvent, **_: Any) -> None:
        try:
            seen(kind, event["type"], dict(event["object"]))
        except Exception:  # noqa: BLE001  # kopf would log it too; a resync heals what was missed
            _log.exception("event not taken", kind=kind.kind)
