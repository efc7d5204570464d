"""JSON of the API server, however deep a user nested it.

A pod template is open, so the API server stores ten thousand levels of it, and every parser gives
up after some hundred or thousand: one such object, and no list of its kind could be read any more.
So where the parser gives up, what lies deeper than DEEPEST is cut out of the text; what is left is
still too deep for validation, which says so.

The parser makes a short text that comes again once for all objects, a list's few keys above all:
that is half of the cache's memory.
"""

import json
import re
from typing import Any, Final

from pydantic_core import from_json

DEEPEST: Final = 250
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_TOKEN_IN_BYTES: Final = re.compile(_TOKEN.pattern.encode())


def loads(text: str | bytes) -> Any:
    """The value; where it is too deep to be read, null stands for what lies below DEEPEST.

    Raises:
        ValueError: it is no JSON, or no text.
    """
    try:
        return from_json(text)
    except ValueError:  # no JSON, or too deep: the standard parser knows which
        text = text.decode() if isinstance(text, bytes) else text
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(cut(text))


def loads_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object, read in the same way.

    Raises:
        ValueError: it is something else.
    """
    found = loads(text)
    if not isinstance(found, dict):
        message = f"expected an object, got {type(found).__name__}"
        raise ValueError(message)  # noqa: TRY004  # the text is wrong, no caller's type
    return found


def end(text: bytes, start: int) -> int | None:
    """Where the object or list that begins at `start` ends; None: not in this text."""
    depth = 0
    for token in _TOKEN_IN_BYTES.finditer(text, start):
        sign = text[token.start() : token.start() + 1]
        depth += (sign in b"[{") - (sign in b"]}")
        if depth == 0:
            return token.end()
    return None


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
