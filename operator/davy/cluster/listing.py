"""A list in batches, read while it comes in: it is never in memory as a whole.

The API server answers an unpaged list from its own cache. Every page of a list after the first one
comes from etcd, where a custom resource is decoded and defaulted anew: 5 000 Rollouts in pages of
250 took it 6.2 s, in one answer 1.1 s (Kubernetes 1.36, 2 cores).
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from davy.cluster import shallow

Json = dict[str, Any]

_BATCH: Final = 2**20
"""Bytes that are read before they are parsed: the loop never stalls for long."""
_ITEMS: Final = b'"items":['
_COMMON: Final = b'"metadata":'
"""As far as here all items of a list are alike; apiVersion and kind come before it, or nothing."""


@dataclass(frozen=True)
class Listing:
    """A list, or a batch of one."""

    items: tuple[Json, ...]
    resource_version: str
    """The list's; empty in every batch but the last."""


async def batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[Listing]:
    """The batches of a list's answer.

    Raises:
        ValueError: it is no list, or was cut off.
    """
    head = rest = b""
    due = _BATCH
    async for chunk in chunks:
        rest += chunk
        if not head and _ITEMS in rest:
            head, _, rest = rest.partition(_ITEMS)
        if head and len(rest) >= due:
            items, rest = _whole(rest)
            due = len(rest) + _BATCH
            yield Listing(items, "")
    last = shallow.loads_object(head + _ITEMS + rest if head else rest)
    if "items" not in last:
        message = "expected a list, got an object without items"
        raise ValueError(message)
    version = str((last.get("metadata") or {}).get("resourceVersion", ""))
    yield Listing(tuple(last["items"] or ()), version)


def _whole(text: bytes) -> tuple[tuple[Json, ...], bytes]:
    """The items that end in a text which begins with one, and what is left of it.

    Up to the last border between two of them, if it is one: within an item, the text up to it isn't
    JSON, and a tenant may write thousands of such borders into one. Then each item is looked for.
    """
    border = b"}," + text[: text.find(_COMMON) + len(_COMMON)]
    end = text.rfind(border)
    if end < 0:
        return (), text
    with suppress(ValueError):
        return tuple(shallow.loads(b"[%b]" % text[: end + 1])), text[end + 2 :]
    return _one_by_one(text)


def _one_by_one(text: bytes) -> tuple[tuple[Json, ...], bytes]:
    """The same in time that grows with the text alone, whatever is in it."""
    items, start = [], 0
    with suppress(ValueError):  # within a text that is cut off, brackets are taken for brackets
        while (end := shallow.end(text, start)) and text[end : end + 1] == b",":
            items.append(shallow.loads(text[start:end]))
            start = end + 1
    return tuple(items), text[start:]
