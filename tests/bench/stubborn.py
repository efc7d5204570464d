"""Calls that go on after a busy API server turned them away: the bench measures Davy, not those."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from tests.lab.kube import Json, Kube
from tests.lab.kube_errors import Conflict, KubeError, NotFound

_RETRY_SECONDS: Final = 0.5


async def call(send: Callable[[], Awaitable[object]]) -> None:
    """Sent until the server answers; what is done already, or has no object any more, is done."""
    while True:
        try:
            await send()
        except (NotFound, Conflict):
            return
        except KubeError as error:
            if error.status not in {429, 500, 503, 504}:
                raise
        except (OSError, TimeoutError):
            pass
        else:
            return
        await asyncio.sleep(_RETRY_SECONDS)


async def watch(kube: Kube, kind: str) -> AsyncIterator[tuple[str, Json]]:
    """Every object of a kind, then every change, for ever; a broken watch begins anew."""
    while True:
        try:
            async for event, found in kube.watch(kind):
                if event != "BOOKMARK":
                    yield event, found
        except (KubeError, OSError, TimeoutError):
            await asyncio.sleep(_RETRY_SECONDS)
