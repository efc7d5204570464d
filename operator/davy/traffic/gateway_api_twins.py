"""Managed routes in Gateway API routes: their twins, and what the API's precedence says of them.

Here not the order of the rules but the most specific match decides. A twin asks for what its rule
asks for and more, so it always has its own requests; what it must not have are requests of another
rule, nor of a managed route that comes before its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from davy.api.errors import Finding
from davy.api.managed_routes import Rule, SetHeaderRoute, StringMatch, form
from davy.traffic.base import Json, ObjectKey, RoutedRollout
from davy.traffic.gateway_api_matches import Rank, are_apart, joined, rank
from davy.traffic.leaves import Path, list_at, text_at, value_at
from davy.traffic.twins import Dialect, Twins, Unjoined, place

RULES: Final[Path] = ("spec", "rules")
_MOST_RULES: Final = 16
_MOST_MATCHES: Final = 64
_MOST_IN_ALL: Final = 128
_TYPES: Final = {"exact": "Exact", "regex": "RegularExpression", "prefix": "PathPrefix"}
_REPLACED: Final = frozenset({"name", "matches", "backendRefs"})
_REFERENCE: Final = ("group", "kind", "name", "namespace", "port")


def _twin(rule: Json, canary: Json, managed: Rule) -> Json | Unjoined:
    pairs = _joined(_matches(rule), managed)
    if isinstance(pairs, Unjoined):
        return pairs
    matches = [match for _, match in pairs]
    if _rewrites(rule) and [each.get("path") for each in matches] != [
        each.get("path") for each in _matches(rule)
    ]:
        return Unjoined.REWRITTEN
    rest = {key: value for key, value in rule.items() if key not in _REPLACED}
    if isinstance(managed, SetHeaderRoute):
        alone = {key: value for key, value in canary.items() if key != "weight"}
        return {"matches": matches} | rest | {"backendRefs": [alone]}
    mirror: Json = {"backendRef": {key: canary[key] for key in _REFERENCE if key in canary}}
    if managed.percentage != 100:  # noqa: PLR2004  # all of them is what older versions know
        mirror["percent"] = managed.percentage
    filters = [*list_at(rule, ("filters",)), {"type": "RequestMirror", "requestMirror": mirror}]
    own = {"filters": filters, "backendRefs": rule["backendRefs"]}
    return {"matches": matches} | rest | own


DIALECT: Final = Dialect(
    RULES,
    "backendRefs",
    _twin,
    needs="a weighted rule of an HTTPRoute, or for a header of a GRPCRoute; in the configuration "
    "of Argo's plugin a header needs a route with useHeaderRoutes: true",
    numbered=True,
)


def precedence_problems(rollout: RoutedRollout, key: ObjectKey, twins: Twins) -> Iterator[Finding]:
    """Steps after which a rule would take requests that are another's, or no room is left."""
    latest: dict[str, Rule] = {}
    for index, step in enumerate(rollout.canary.steps or ()):
        if step.rule is None:
            continue
        latest[step.rule.name] = step.rule
        path = f"spec.strategy.canary.steps[{index}].{step.kinds[0]}"
        rules = [latest[name] for name in twins.names if name in latest and latest[name].match]
        if (step.rule.match or ()) and rules:
            entries = [*_entries(twins, rules)]
            sentence = _too_many(key, entries) or _disputed(key, entries)
            if sentence:
                yield Finding(f"{path}.match", sentence)


@dataclass(frozen=True)
class _Entry:
    """A match of a rule, as the route would have it."""

    rule: str
    """For a sentence; each rule has its own."""
    match: Json
    wanted: tuple[Rank, int, int]
    """Greater: it should have the requests that both match."""
    real: tuple[Rank, int, int]
    """Greater: it has them."""


def _entries(twins: Twins, rules: Sequence[Rule]) -> Iterator[_Entry]:
    """Every match of the user's rules and of the twins."""
    bases = {place(base) for base in twins.bases}
    numbers = [at for at in range(len(list_at(twins.found, RULES))) if at not in twins.ours]
    for at in numbers:
        rule = value_at(twins.found, (*RULES, at))
        for match in _matches(rule):
            last = (rank(match), -at, -len(rules))
            yield _Entry(f"rules[{at}]", match, last, last)
        for order, managed in enumerate(rules):
            pairs = _joined(_matches(rule), managed)
            if at in bases and isinstance(managed, twins.kinds) and isinstance(pairs, list):
                for held, match in pairs:
                    wanted = (rank(held), -at, -order)
                    real = (rank(match), -at, -order)
                    name = f"managed route {managed.name} before rules[{at}]"
                    yield _Entry(name, match, wanted, real)


def _too_many(key: ObjectKey, entries: Sequence[_Entry]) -> str | None:
    rules = {entry.rule: 0 for entry in entries}
    for entry in entries:
        rules[entry.rule] += 1
    for count, most, what in (
        (len(rules), _MOST_RULES, "rules"),
        (max(rules.values(), default=0), _MOST_MATCHES, "matches in one rule"),
        (len(entries), _MOST_IN_ALL, "matches"),
    ):
        if count > most:
            return (
                f"makes {count} {what} of {key}, which takes {most} at most; ask for fewer, or "
                "leave out some of the route's."
            )
    return None


def _disputed(key: ObjectKey, entries: Sequence[_Entry]) -> str | None:
    for pair in combinations(entries, 2):
        first, second = sorted(pair, key=lambda entry: entry.wanted, reverse=True)
        if (
            first.rule != second.rule
            and first.real < second.real
            and not are_apart(first.match, second.match)
        ):
            return (
                f"gives requests of {first.rule} of {key} to {second.rule}, as the Gateway API "
                "lets the more specific match have them; change one of the matches, or the order."
            )
    return None


def _matches(rule: object) -> list[Json]:
    """Of a rule; one that asks for nothing where it has none."""
    held = list_at(rule, ("matches",))
    return [match for match in held if isinstance(match, dict)] or [{}]


def _joined(matches: Sequence[Json], managed: Rule) -> list[tuple[Json, Json]] | Unjoined:
    """Each match of the rule that has a twin, with the twin's.

    Each of the managed route's beside each of the rule's: a request needs one of either.
    """
    pairs: list[tuple[Json, Json]] = []
    for wanted in _wanted(managed):
        for match in matches:
            both = joined(match, wanted)
            if both is Unjoined.UNCLEAR:
                return both
            if not isinstance(both, Unjoined):
                pairs.append((match, both))
    return pairs or Unjoined.NEVER


def _wanted(managed: Rule) -> Iterator[Json]:
    """Each match of a managed route as the Gateway API has it."""
    if isinstance(managed, SetHeaderRoute):
        for header in managed.match or ():
            yield {"headers": [_header(header.header_name, header.header_value)]}
        return
    for match in managed.match or ():
        wanted: Json = {
            "headers": [_header(name, value) for name, value in (match.headers or {}).items()]
        }
        if match.path:
            kind, value = form(match.path)
            wanted["path"] = {"type": _TYPES[kind], "value": value}
        if match.method:
            wanted["method"] = form(match.method)[1]
        yield wanted


def _header(name: str, match: StringMatch) -> Json:
    kind, value = form(match)
    return {"type": _TYPES[kind], "name": name.lower(), "value": value}


def _rewrites(rule: Json) -> bool:
    """Whether some filter replaces the prefix that the rule matches."""
    lists = (rule, *list_at(rule, ("backendRefs",)))
    return any(
        text_at(each, ("urlRewrite", "path", "type")) == "ReplacePrefixMatch"
        for holder in lists
        for each in list_at(holder, ("filters",))
    )
