"""kopf: lists, watches, reconnects and discovers late CRDs; no more.

What the watches say is read on its way (see `watches`): kopf sees no object, and so writes nothing.
With its default settings it takes up to 21 s to come back after an outage of the API server.
"""

from collections.abc import Callable, Collection
from typing import Any

import aiohttp
import kopf

from davy.cluster.kinds import Kind


def operator_settings(kinds: Collection[Kind], *, scanning: bool) -> kopf.OperatorSettings:
    """Settings of kopf for a watcher that writes nothing.

    Args:
        kinds: that are watched; those with a label selector are filtered by the server.
        scanning: CRDs may be watched, so that kinds which come later are picked up.
    """
    settings = kopf.OperatorSettings()
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
    server: str,
    session: Callable[[], aiohttp.ClientSession],
) -> kopf.OperatorRegistry:
    """The handlers: one per kind, and a login with Davy's own session."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(server=server, aiohttp_session=session())

    for kind in kinds:
        _watch(kind, registry)
    return registry


def _watch(kind: Kind, registry: kopf.OperatorRegistry) -> None:
    """A kind with a handler is watched; no event reaches it."""

    @kopf.on.event(
        group=kind.group,
        version=kind.version,
        plural=kind.plural,
        id=kind.plural,
        registry=registry,
    )
    async def handle(**_: Any) -> None:
        pass
