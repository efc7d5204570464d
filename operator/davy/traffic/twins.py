"""Managed routes in a route's object: twins of each weighted rule, right before it.

A twin is what its rule is (time-outs, retries, rewrites), for fewer requests: those that the
managed route matches too. So it takes no request of another rule, and what becomes of a request
differs in the destination alone. Owned: every rule that is named as one of managedRoutes, whole.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from davy.api.errors import Finding
from davy.api.managed_routes import Rule, SetHeaderRoute, SetMirrorRoute
from davy.traffic.base import Json, ObjectKey, ObjectPatch, RoutedRollout, WrittenRule
from davy.traffic.leaves import Path, Relist, list_at, patch, text_at, value_at
from davy.traffic.services import CANARY
from davy.traffic.split import Reading, Split

_NUMBER: Final = re.compile(r"\.[0-9]+$")
RULE_KINDS: Final[tuple[type[Rule], ...]] = (SetHeaderRoute, SetMirrorRoute)


class Unjoined(Enum):
    """Why a managed route and a rule have no twin; the value is a sentence, "" where it's none."""

    NEVER = ""
    """No request matches both."""
    UNCLEAR = (
        "asks for a text that {} matches too, and the two patterns can't be joined; write one that "
        "implies the other."
    )
    """Which requests match both can't be written, as two patterns for one text would be needed."""
    REWRITTEN = (
        "can't be joined with {}, which rewrites the prefix of its path: that takes one match with "
        "that very path; ask for one header."
    )


@dataclass(frozen=True)
class Dialect:
    """How a kind of route writes its rules."""

    rules: Path
    """Of the list of rules."""
    destinations: str
    """Name of the list in a rule that has the weights."""
    twin: Callable[[Json, Json, Rule], Json | Unjoined]
    """From a rule, its canary's destination and a managed route: the twin, without a name."""
    needs: str
    """What a managed route can be made from, after "needs"."""
    numbered: bool = False
    """No two rules may have one name: from the second twin on a number follows it, `beta.2`."""

    def name_of(self, rule: object) -> str | None:
        """The managed route that a rule may be a twin by."""
        name = text_at(rule, ("name",))
        return _NUMBER.sub("", name) if name and self.numbered else name


@dataclass(frozen=True)
class Twins:
    """The managed routes of one object."""

    dialect: Dialect
    found: object
    """The object; None: it isn't there."""
    bases: tuple[Split, ...]
    """Splits of the weighted rules that twins can be made of, in their order."""
    names: tuple[str, ...]
    """Of managedRoutes, by precedence."""
    kinds: tuple[type[Rule], ...] = RULE_KINDS
    """Of managed routes that it has twins by."""

    @property
    def ours(self) -> list[int]:
        """Where managed routes are in the list."""
        return [index for index, rule in enumerate(self._rules) if self._name(rule) in self.names]

    @property
    def is_orderly(self) -> bool:
        """Each is right before a weighted rule, and those of one are in the right order."""
        blocks = [self._block(base) for base in self.bases]
        ranks = [
            [self.names.index(self._name(self._rules[i]) or "") for i in block] for block in blocks
        ]
        inside = sum(len(block) for block in blocks)
        return inside == len(self.ours) and all(rank == sorted(rank) for rank in ranks)

    def has(self, name: str) -> bool:
        """Some rule is a twin by this one."""
        return any(self._name(self._rules[index]) == name for index in self.ours)

    def is_as(self, rule: Rule) -> bool:
        """Its twins are just those that the managed route asks for; weights don't matter here."""
        there = [index for index in self.ours if self._name(self._rules[index]) == rule.name]
        wanted = [self._weightless(made) for _, made in self.made(rule)]
        held = [
            self._weightless(self._rules[index])
            for base in self.bases
            for index in self._block(base)
            if index in there
        ]
        return held == wanted and len(there) == len(wanted)

    def bases_for(self, rule: Rule) -> tuple[Split, ...]:
        """The weighted rules that may have a twin by a managed route."""
        return self.bases if isinstance(rule, self.kinds) else ()

    def made(self, rule: Rule) -> Iterator[tuple[Split, Json]]:
        """Each twin by a managed route, with the weighted rule that it stands before."""
        for number, base in enumerate(self.bases_for(rule), start=1):
            twin = self._twin(base, rule)
            if not isinstance(twin, Unjoined):
                numbered = self.dialect.numbered and number > 1
                name = f"{rule.name}.{number}" if numbered else rule.name
                yield base, {"name": name} | twin

    def unjoined(self, rule: Rule) -> list[tuple[int, Unjoined]]:
        """The weighted rules that have no twin by a managed route, by their place in the list."""
        made = ((place(base), self._twin(base, rule)) for base in self.bases_for(rule))
        return [(index, twin) for index, twin in made if isinstance(twin, Unjoined)]

    def patch(
        self,
        key: ObjectKey,
        weighted: Sequence[Split],
        twins: Sequence[Split],
        canary_weight: int,
        rules: Sequence[Rule],
    ) -> tuple[ObjectPatch, ...]:
        """Weights and managed routes in one; empty when all is so.

        Args:
            key: of the object.
            weighted: the splits that carry the weight.
            twins: those of the managed routes that are there.
            canary_weight: to write.
            rules: the managed routes that there should be.
        """
        if not isinstance(self.found, dict):
            return ()
        changes = [change for split in weighted for change in split.changes(canary_weight)]
        asked = {rule.name for rule in rules}
        as_is = self.is_orderly and all(self.is_as(rule) for rule in rules)
        if as_is and all(name in asked or not self.has(name) for name in self.names):
            changes += [change for split in twins for change in split.changes(canary_weight)]
            return patch(key, self.found, changes)
        return patch(key, self.found, changes, self._relist(rules, canary_weight))

    def _relist(self, rules: Sequence[Rule], canary_weight: int) -> Relist:
        """All managed routes go, those of the rules come, with this weight where they mirror."""
        come = [
            (place(base), twin if isinstance(rule, SetHeaderRoute) else weighed)
            for rule in rules
            for base, twin in self.made(rule)
            for weighed in (self._weighed(twin, base, canary_weight),)
        ]
        return Relist(
            self.dialect.rules, tuple(self.ours), tuple(sorted(come, key=lambda item: item[0]))
        )

    @property
    def _rules(self) -> list[object]:
        return list_at(self.found, self.dialect.rules)

    def _name(self, rule: object) -> str | None:
        name = self.dialect.name_of(rule)
        return text_at(rule, ("name",)) if name not in self.names else name

    def _block(self, base: Split) -> list[int]:
        """The managed routes right before a weighted rule."""
        ours, first = set(self.ours), place(base)
        while first - 1 in ours:
            first -= 1
        return [*range(first, place(base))]

    def _twin(self, base: Split, rule: Rule) -> Json | Unjoined:
        around = self._rules[place(base)]
        canary = value_at(self.found, base.canary[0].path[:-1])
        assert isinstance(around, dict)  # noqa: S101  # it was split
        assert isinstance(canary, dict)  # noqa: S101
        return self.dialect.twin(around, canary, rule)

    def _weightless(self, rule: object) -> Json:
        assert isinstance(rule, dict)  # noqa: S101  # it has a name
        name = self.dialect.destinations
        destinations = [
            {key: value for key, value in found.items() if key != "weight"}
            if isinstance(found, dict)
            else found
            for found in list_at(rule, (name,))
        ]
        return {**rule, name: destinations}

    def _weighed(self, twin: Json, base: Split, canary_weight: int) -> Json:
        name = self.dialect.destinations
        weights = {change.path[-2]: change.value for change in base.changes(canary_weight)}
        return twin | {
            name: [
                {**found, "weight": weights[position]} if position in weights else found
                for position, found in enumerate(twin[name])
            ]
        }


def place(base: Split) -> int:
    """Where a split's rule is in its list."""
    found = base.canary[0].path[-4]
    assert isinstance(found, int)  # noqa: S101  # of a list
    return found


Parts = Sequence[tuple[ObjectKey, Twins]]
"""The objects of a route."""


def written_rules(rollout: RoutedRollout, parts: Parts) -> tuple[WrittenRule, ...]:
    """The managed routes that some object has, each with the steps that ask for just it."""
    twins = [found for _, found in parts if found.found is not None]
    orderly = all(found.is_orderly for found in twins)
    there = [name for name in rollout.rule_names if any(found.has(name) for found in twins)]
    steps = [rule for _, rule in asked(rollout)]
    return tuple(
        WrittenRule(
            name,
            tuple(
                rule
                for rule in steps
                if rule.name == name and orderly and all(found.is_as(rule) for found in twins)
            ),
        )
        for name in there
    )


def rule_problems(rollout: RoutedRollout, parts: Parts, reading: Reading) -> Iterable[Finding]:
    """Managed routes that no weighted rule can have a twin by."""
    for path, rule in asked(rollout):
        bases = [(key, twins) for key, twins in parts if twins.bases_for(rule)]
        if not bases:
            if parts and not reading.problems:
                yield Finding(path, f"needs {parts[0][1].dialect.needs}.")
            continue
        apart = [
            (f"{twins.dialect.rules[-1]}[{index}] of {key}", why)
            for key, twins in bases
            for index, why in twins.unjoined(rule)
        ]
        told = [(where, why.value) for where, why in apart if why.value]
        yield from (Finding(f"{path}.match", why.format(where)) for where, why in told)
        if len(apart) == sum(len(twins.bases) for _, twins in bases) and not told:
            named = ", ".join(str(key) for key, _ in bases)
            yield Finding(f"{path}.match", f"matches no request that {named} weights; change it.")


def asked(rollout: RoutedRollout) -> Iterator[tuple[str, Rule]]:
    """Each step that sets a managed route, with its path."""
    for index, step in enumerate(rollout.canary.steps or ()):
        if step.rule and step.rule.match:
            yield f"{CANARY}.steps[{index}].{step.kinds[0]}", step.rule
