"""The wire format of HTTP/1.1 as far as the demo app and the load generator need it.

Both count and mark single requests, and both run beside a whole control plane on two cores; a
library that takes half a second to import, or that sends a request again behind the caller's back,
serves neither. Their other side is Envoy or each other, so the input is well-formed; what isn't is
refused with a sentence.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a first line and its headers; the limit of every stream reader."""

LARGEST_BODY: Final = 16 * 1024 * 1024
"""Bytes of a body."""


class BadMessageError(Exception):
    """The bytes aren't a message this file reads; the connection can't be trusted further."""


async def read_head(reader: asyncio.StreamReader) -> tuple[tuple[str, str, str], dict[str, str]]:
    """The three parts of the first line, and the headers by lower-case name.

    Raises:
        BadMessageError: it isn't HTTP, or too long.
        asyncio.IncompleteReadError: the other side hung up.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise BadMessageError(f"headers of more than {LARGEST_HEAD} bytes") from error
    line, *lines = head[:-4].decode("latin-1").split("\r\n")
    parts = line.split(" ", 2)
    if len(parts) == 2 and line.startswith("HTTP/"):
        parts.append("")  # an answer's phrase may be missing
    if len(parts) != 3:
        raise BadMessageError(f"{line[:80]!r} is no first line of HTTP")
    headers: dict[str, str] = {}
    for header in lines:
        name, colon, value = header.partition(":")
        if not colon:
            raise BadMessageError(f"the header {header[:80]!r} has no colon")
        headers[name.strip().lower()] = value.strip()
    return (parts[0], parts[1], parts[2]), headers


async def read_body(headers: Mapping[str, str], reader: asyncio.StreamReader) -> bytes:
    """The body, by its length or in chunks; empty when the headers name neither.

    Raises:
        BadMessageError: a length that isn't a number, or above LARGEST_BODY.
        asyncio.IncompleteReadError: the other side hung up.
    """
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await _read_chunks(reader)
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise BadMessageError("the body's length is no number") from None
    if not 0 <= length <= LARGEST_BODY:
        raise BadMessageError(f"a body of {length} bytes; at most {LARGEST_BODY}")
    return await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if size < 0 or len(body) + size > LARGEST_BODY:
            raise BadMessageError(f"a body of more than {LARGEST_BODY} bytes")
        body += await reader.readexactly(size)
        line = await reader.readuntil(b"\r\n")
        if size == 0:
            while line != b"\r\n":  # trailers
                line = await reader.readuntil(b"\r\n")
            return body


def keeps_alive(protocol: str, headers: Mapping[str, str]) -> bool:
    """Whether the connection may carry another message after this one."""
    wish = headers.get("connection", "").lower()
    return wish != "close" if protocol == "HTTP/1.1" else wish == "keep-alive"
