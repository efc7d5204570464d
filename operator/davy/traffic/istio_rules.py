"""Managed routes in a VirtualService: twins of each weighted http route, right before it.

A twin is what its route is (time-outs, retries, rewrites), for fewer requests: those that the rule
matches too. So it takes no request of another route, and what becomes of a request differs in the
destination alone. Owned: every http route whose name is one of managedRoutes, whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from davy.api.managed_routes import Rule, SetHeaderRoute, StringMatch, form
from davy.traffic.base import Json
from davy.traffic.leaves import Path, Relist, list_at, text_at, value_at
from davy.traffic.split import Split

HTTP: Final[Path] = ("spec", "http")
_REPLACED: Final = frozenset({"name", "match", "route"})
_MIRRORS: Final = frozenset({"mirror", "mirrors", "mirrorPercentage", "mirrorPercent"})


class Unjoined(Enum):
    """Why a rule and a route have no twin."""

    NEVER = auto()
    """No request matches both."""
    UNCLEAR = auto()
    """Which requests match both can't be written, as two patterns for one text would be needed."""


@dataclass(frozen=True)
class Twins:
    """The managed routes of one VirtualService."""

    found: object
    """The object; None: it isn't there."""
    bases: tuple[Split, ...]
    """Splits of the weighted http routes that twins can be made of."""
    names: tuple[str, ...]
    """Of managedRoutes, by precedence."""

    @property
    def ours(self) -> list[int]:
        """Where managed routes are in the list."""
        return [index for index, route in enumerate(self._http) if _name(route) in self.names]

    @property
    def is_orderly(self) -> bool:
        """Each is right before a weighted route, and those of one are in the right order."""
        blocks = [self._block(base) for base in self.bases]
        ranks = [[self.names.index(_name(self._http[i]) or "") for i in block] for block in blocks]
        inside = sum(len(block) for block in blocks)
        return inside == len(self.ours) and all(rank == sorted(rank) for rank in ranks)

    def has(self, name: str) -> bool:
        """Some route has this name."""
        return any(_name(self._http[index]) == name for index in self.ours)

    def is_as(self, rule: Rule) -> bool:
        """Its routes are just those that the rule asks for; weights don't matter here."""
        there = [index for index in self.ours if _name(self._http[index]) == rule.name]
        wanted: list[Json] = []
        held: list[Json] = []
        for base in self.bases:
            made = self._twin(base, rule)
            wanted += [] if isinstance(made, Unjoined) else [_weightless(made)]
            block = self._block(base)
            held += [_weightless(self._http[index]) for index in block if index in there]
        return held == wanted and len(there) == len(wanted)

    def unjoined(self, rule: Rule) -> list[tuple[int, Unjoined]]:
        """The weighted routes that have no twin by this rule, by their place in the list."""
        made = ((_place(base), self._twin(base, rule)) for base in self.bases)
        return [(index, twin) for index, twin in made if isinstance(twin, Unjoined)]

    def relist(self, rules: Sequence[Rule], canary_weight: int) -> Relist:
        """All managed routes go, those of the rules come, with this weight where they mirror."""
        come: list[tuple[int, Json]] = []
        for base in self.bases:
            for rule in rules:
                made = self._twin(base, rule)
                if not isinstance(made, Unjoined):
                    weighed = made if isinstance(rule, SetHeaderRoute) else _weighed(
                        made, base, canary_weight
                    )  # fmt: skip
                    come.append((_place(base), weighed))
        return Relist(HTTP, tuple(self.ours), tuple(come))

    @property
    def _http(self) -> list[object]:
        return list_at(self.found, HTTP)

    def _block(self, base: Split) -> list[int]:
        """The managed routes right before a weighted one."""
        ours, first = set(self.ours), _place(base)
        while first - 1 in ours:
            first -= 1
        return [*range(first, _place(base))]

    def _twin(self, base: Split, rule: Rule) -> Json | Unjoined:
        route = self._http[_place(base)]
        assert isinstance(route, dict)  # noqa: S101  # it was split
        matches = _joined(list_at(route, ("match",)), rule)
        if isinstance(matches, Unjoined):
            return matches
        canary = value_at(self.found, base.canary[0].path[:-1])
        assert isinstance(canary, dict)  # noqa: S101
        made = {"name": rule.name, "match": matches}
        if isinstance(rule, SetHeaderRoute):
            rest = {key: value for key, value in route.items() if key not in _REPLACED}
            alone = {key: value for key, value in canary.items() if key != "weight"}
            return made | rest | {"route": [alone]}
        gone = _REPLACED | _MIRRORS
        rest = {key: value for key, value in route.items() if key not in gone}
        mirror = {
            "mirror": canary["destination"],
            "mirrorPercentage": {"value": rule.percentage},
        }
        return made | rest | {"route": route["route"]} | mirror


def _name(route: object) -> str | None:
    return text_at(route, ("name",))


def _place(base: Split) -> int:
    place = base.canary[0].path[len(HTTP)]
    assert isinstance(place, int)  # noqa: S101  # of a list
    return place


def _weightless(route: object) -> Json:
    assert isinstance(route, dict)  # noqa: S101  # it has a name
    destinations = [
        {key: value for key, value in found.items() if key != "weight"}
        if isinstance(found, dict)
        else found
        for found in list_at(route, ("route",))
    ]
    return {**route, "route": destinations}


def _weighed(twin: Json, base: Split, canary_weight: int) -> Json:
    weights = {change.path[-2]: change.value for change in base.changes(canary_weight)}
    return twin | {
        "route": [
            {**found, "weight": weights[position]} if position in weights else found
            for position, found in enumerate(twin["route"])
        ]
    }


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
