"""Writes need the lead: the check is the last thing before a request, the lead's end cuts it off.

Who was paused or cut off and is no longer the leader when he goes on, sends nothing: it is checked
first, and again when the request has its connection, after the last wait for anybody. What was
under way when the lead ended is given up long before another may lead, and what the server still
applies of it is guarded by the object's own resourceVersion, generation or `test`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from davy.api import errors
from davy.cluster.client import BEFORE_SENDING, Api, Json
from davy.cluster.kinds import Kind
from davy.cluster.listing import Listing

_Answer = TypeVar("_Answer")


class Fence:
    """`Api` that reads always and writes while `leads` says so.

    Args:
        api: the cluster.
        leads: whether this process leads, at this very moment.
    """

    def __init__(self, api: Api, leads: Callable[[], bool]) -> None:
        self._api = api
        self._leads = leads
        self._under_way: set[asyncio.Timeout] = set()

    def cut(self) -> None:
        """The lead is lost: no write stays under way."""
        now = asyncio.get_running_loop().time()
        for bound in self._under_way:
            bound.reschedule(now)

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """See `Api.get`."""
        return await self._api.get(kind, namespace, name)

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str | None = None
    ) -> Listing:
        """See `Api.list`."""
        return await self._api.list(kind, namespace, selector=selector)

    def batches(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Listing]:
        """See `Api.batches`."""
        return self._api.batches(kind, namespace)

    async def create(self, kind: Kind, namespace: str, body: Json, *, strict: bool = False) -> Json:
        """See `Api.create`."""
        name = f"create {kind} {namespace}/{body['metadata'].get('name', '')}"
        return await self._write(
            name, lambda: self._api.create(kind, namespace, body, strict=strict)
        )

    async def patch_json(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Json]
    ) -> Json:
        """See `Api.patch_json`."""
        return await self._write(
            f"patch {kind} {namespace}/{name}",
            lambda: self._api.patch_json(kind, namespace, name, operations),
        )

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """See `Api.patch_merge`."""
        return await self._write(
            f"patch {kind} {namespace}/{name}",
            lambda: self._api.patch_merge(kind, namespace, name, body, subresource=subresource),
        )

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str, version: str | None = None
    ) -> None:
        """See `Api.delete`."""
        await self._write(
            f"delete {kind} {namespace}/{name}",
            lambda: self._api.delete(kind, namespace, name, uid=uid, version=version),
        )

    async def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """See `Api.evict`."""
        await self._write(
            f"evict Pod {namespace}/{name}", lambda: self._api.evict(namespace, name, uid=uid)
        )

    async def served(self, group: str, version: str) -> frozenset[str]:
        """See `Api.served`."""
        return await self._api.served(group, version)

    async def allowed(
        self, verb: str, kind: Kind, namespace: str | None = None, *, subresource: str = ""
    ) -> bool:
        """See `Api.allowed`."""
        return await self._api.allowed(verb, kind, namespace, subresource=subresource)

    async def _write(self, what: str, send: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """One write.

        Raises:
            errors.NotLeading: not sent, or given up; the server may have applied it then.
        """

        def check() -> None:
            if not self._leads():
                raise errors.NotLeading(f"{what}: not sent, another replica may lead by now.")

        check()
        checked = BEFORE_SENDING.set(check)
        try:
            async with asyncio.timeout(None) as bound:
                self._under_way.add(bound)
                try:
                    return await send()
                finally:
                    self._under_way.discard(bound)
        except TimeoutError as error:
            raise errors.NotLeading(f"{what}: given up, the lead ended meanwhile.") from error
        finally:
            BEFORE_SENDING.reset(checked)
