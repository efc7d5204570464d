"""Twins in a VirtualService: http routes for the requests that a managed route matches too."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from davy.api.managed_routes import Rule, SetHeaderRoute, StringMatch, form
from davy.traffic.base import Json
from davy.traffic.leaves import Path, list_at
from davy.traffic.twins import Dialect, Unjoined

HTTP: Final[Path] = ("spec", "http")
_REPLACED: Final = frozenset({"name", "match", "route"})
_MIRRORS: Final = frozenset({"mirror", "mirrors", "mirrorPercentage", "mirrorPercent"})


def _twin(route: Json, canary: Json, rule: Rule) -> Json | Unjoined:
    matches = _joined(list_at(route, ("match",)), rule)
    if isinstance(matches, Unjoined):
        return matches
    if isinstance(rule, SetHeaderRoute):
        rest = {key: value for key, value in route.items() if key not in _REPLACED}
        alone = {key: value for key, value in canary.items() if key != "weight"}
        return {"match": matches} | rest | {"route": [alone]}
    gone = _REPLACED | _MIRRORS
    rest = {key: value for key, value in route.items() if key not in gone}
    mirror = {
        "mirror": canary["destination"],
        "mirrorPercentage": {"value": rule.percentage},
    }
    return {"match": matches} | rest | {"route": route["route"]} | mirror


DIALECT: Final = Dialect(
    HTTP,
    "route",
    _twin,
    needs="an http route that is weighted; tls and tcp have no headers",
)


def _joined(matches: Sequence[object], rule: Rule) -> list[Json] | Unjoined:
    """The matches of requests that both the route and the rule match.

    Each of the rule's beside each of the route's: a request needs one of either.
    """
    held = [match for match in matches if isinstance(match, dict)] or [{}]
    joined: list[Json] = []
    for parts in _parts(rule):
        for match in held:
            both = _with(match, parts)
            if both is Unjoined.UNCLEAR:
                return both
            if not isinstance(both, Unjoined):
                joined.append(both)
    return joined or Unjoined.NEVER


def _parts(rule: Rule) -> Iterator[dict[str, Mapping[str, Json]]]:
    """Each match of a rule as Istio has it; header names in lower case, as Istio wants them."""
    if isinstance(rule, SetHeaderRoute):
        for header in rule.match or ():
            yield {"headers": {header.header_name.lower(): _text(header.header_value)}}
        return
    for match in rule.match or ():
        headers = {name.lower(): _text(value) for name, value in (match.headers or {}).items()}
        whole = {"method": match.method, "uri": match.path}
        yield {
            "": {name: _text(value) for name, value in whole.items() if value},
            "headers": headers,
        }


def _text(match: StringMatch) -> Json:
    kind, value = form(match)
    return {kind: value}


def _with(match: Json, parts: Mapping[str, Mapping[str, Json]]) -> Json | Unjoined:
    """A match of the route that asks for the parts too."""
    made = dict(match)
    for place, wanted in parts.items():
        around = made.get(place) if place else made
        held = dict(around) if isinstance(around, dict) else {}
        known = {str(name).lower() if place else str(name): name for name in held}
        for name, value in wanted.items():
            both = _narrower(held.get(known.get(name)), value) if name in known else value
            if isinstance(both, Unjoined):
                return both
            held[known.get(name, name)] = both
        if not place:
            made = held
        elif held:
            made[place] = held
    return made


def _narrower(held: object, wanted: Json) -> Json | Unjoined:
    """What a text must be that is as both say."""
    if held == wanted:
        return wanted
    if not isinstance(held, dict) or len(held) != 1:
        return Unjoined.UNCLEAR
    [(kind, text)], [(form_of, asked)] = held.items(), wanted.items()
    if not isinstance(text, str) or "regex" in {kind, form_of}:
        return Unjoined.UNCLEAR
    if kind == "prefix" and asked.startswith(text):
        return wanted
    if form_of == "prefix" and text.startswith(asked):
        return {kind: text}
    return Unjoined.NEVER
