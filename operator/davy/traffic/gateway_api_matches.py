"""Matches of Gateway API rules: which requests two of them share, and whose such a request is.

Rules: Gateway API, `HTTPRouteRule.matches` and `GRPCRouteRule.matches`. A request is the most
specific match's: by path (exact before prefix, then the longer one) or gRPC service and method,
then by HTTP method, by the number of headers and of query parameters, at last by the order of the
rules.
"""

from typing import Final

from davy.traffic.base import Json
from davy.traffic.leaves import list_at, text_at, value_at
from davy.traffic.twins import Unjoined

Rank = tuple[int, int, int, int, int]
_EVERY_PATH: Final = ("PathPrefix", "/")
_KINDS: Final = {"PathPrefix": 0, "RegularExpression": 1, "Exact": 2}


def joined(held: Json, wanted: Json) -> Json | Unjoined:
    """A match of the requests that two matches share.

    Args:
        held: of a rule; its other fields (query parameters) stay.
        wanted: path, method and headers.
    """
    parts = {
        "path": _path(held.get("path"), wanted.get("path")),
        "method": _method(held.get("method"), wanted.get("method")),
        "headers": _headers(list_at(held, ("headers",)), list_at(wanted, ("headers",))),
    }
    found = [part for part in parts.values() if isinstance(part, Unjoined)]
    if found:
        return Unjoined.NEVER if Unjoined.NEVER in found else Unjoined.UNCLEAR
    return held | {name: part for name, part in parts.items() if part not in (None, [])}


def are_apart(one: Json, other: Json) -> bool:
    """Surely no request is as both say."""
    return joined(one, other) is Unjoined.NEVER


def rank(match: Json) -> Rank:
    """How specific a match is; of two that a request meets the greater one has it."""
    method = match.get("method")
    if isinstance(method, dict):
        first = (len(text_at(method, ("service",)) or ""), len(text_at(method, ("method",)) or ""))
        rest = 0
    else:
        kind, value = _path_of(match.get("path"))
        first = (_KINDS.get(kind, 0), len(value))
        rest = int(method is not None)
    counts = (len(list_at(match, (name,))) for name in ("headers", "queryParams"))
    return (*first, rest, *counts)  # type: ignore[return-value]  # mypy counts no generators


def _path(held: object, wanted: object) -> object:
    if wanted is None:
        return held
    (kind, text), (other_kind, other) = _path_of(held), _path_of(wanted)
    if (kind, text) == (other_kind, other):
        return wanted if held is None else held
    if kind == "PathPrefix" and (text == "/" or _is_within(other_kind, other, text)):
        return wanted
    if other_kind == "PathPrefix" and (other == "/" or _is_within(kind, text, other)):
        return held
    return Unjoined.UNCLEAR if "RegularExpression" in {kind, other_kind} else Unjoined.NEVER


def _path_of(found: object) -> tuple[str, str]:
    """Type and value, the defaults filled in."""
    kind, value = text_at(found, ("type",)), text_at(found, ("value",))
    return kind or _EVERY_PATH[0], value or _EVERY_PATH[1]


def _is_within(kind: str, path: str, prefix: str) -> bool:
    """By whole parts: `/api/v1` is within `/api`, `/apis` isn't."""
    start = prefix.rstrip("/")
    return kind != "RegularExpression" and (path == start or path.startswith(f"{start}/"))


def _method(held: object, wanted: object) -> object:
    if held is None or wanted is None or held == wanted:
        return held if wanted is None else wanted
    if not (isinstance(held, dict) and isinstance(wanted, dict)):
        return Unjoined.NEVER
    exact = all(text_at(each, ("type",)) in {None, "Exact"} for each in (held, wanted))
    texts = [(text_at(held, (part,)), text_at(wanted, (part,))) for part in ("service", "method")]
    differ = any(one and other and one != other for one, other in texts)
    return Unjoined.NEVER if exact and differ else Unjoined.UNCLEAR


def _headers(held: list[object], wanted: list[object]) -> list[object] | Unjoined:
    known = {(text_at(each, ("name",)) or "").lower(): each for each in reversed(held)}
    more: list[object] = []
    unclear = False
    for each in wanted:
        name = (text_at(each, ("name",)) or "").lower()
        if name not in known:
            more.append(each)
            continue
        (kind, text), (other_kind, other) = _header_of(known[name]), _header_of(each)
        if kind == other_kind == "Exact" and text != other:
            return Unjoined.NEVER
        unclear = unclear or (kind, text) != (other_kind, other)
    return Unjoined.UNCLEAR if unclear else [*held, *more]


def _header_of(found: object) -> tuple[str, object]:
    return text_at(found, ("type",)) or "Exact", value_at(found, ("value",))
