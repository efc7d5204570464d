"""JSON of the API server, however deep a user nested it.

A pod template is open, so the API server stores ten thousand levels of it, and Python's parser
gives up after some hundred or thousand: one such object, and no list of its kind could be read any
more, by Davy or by kopf. So where the parser gives up, what lies deeper than DEEPEST is cut out of
the text; what is left is still too deep for validation, which says so.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp

DEEPEST: Final = 250
_READABLE: Final = 500
"""Levels that every parser takes."""
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def loads(text: str | bytes) -> Any:
    """The value; where it is too deep to be read, null stands for what lies below DEEPEST.

    Raises:
        ValueError: it is no JSON, or no text.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(cut(text))


def cut(text: str) -> str:
    """The JSON text with null for every value that is nested deeper than DEEPEST."""
    parts: list[str] = []
    depth = kept = 0
    for token in _TOKEN.finditer(text):
        sign = text[token.start()]
        if sign in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                parts += [text[kept : token.start()], "null"]
        elif sign in "]}":
            depth -= 1
            if depth == DEEPEST:
                kept = token.end()
    return "".join([*parts, text[kept:]])


class Response(aiohttp.ClientResponse):
    """An answer whose JSON is read by `loads`, as a whole and line by line.

    For kopf, which reads lists as a whole and watches as lines.
    """

    async def start(self, connection: Any) -> "Response":
        """As the parent's."""
        await super().start(connection)
        self.content = _Lines(self.content)  # type: ignore[assignment]
        return self

    async def json(self, **_: Any) -> Any:
        """The value of the whole answer."""
        return loads((await self.read()).decode(errors="replace"))


class _Lines:
    """A stream whose chunks are whole lines, each shallow enough to be parsed."""

    def __init__(self, stream: aiohttp.StreamReader) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Lines, and at the end what is left without one."""
        rest = b""
        async for chunk in self._stream.iter_chunked(size):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield _shallow(line) + b"\n"
        if rest:
            yield rest


def _shallow(line: bytes) -> bytes:
    """The line, cut where it could be too deep: that needs as many opening brackets at least."""
    if line.count(b"[") + line.count(b"{") <= _READABLE:
        return line
    return cut(line.decode()).encode()
