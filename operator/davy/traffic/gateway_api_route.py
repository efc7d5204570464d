"""One route of the Gateway API: which of its rules are split, and what keeps them from a weight."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from davy.api.errors import Finding
from davy.api.managed_routes import Rule
from davy.traffic import backends, services
from davy.traffic.backends import Form
from davy.traffic.base import Json, ObjectKey, ObjectPatch, RoleName, RoutedRollout
from davy.traffic.gateway_api_twins import DIALECT, RULES
from davy.traffic.leaves import ABSENT, list_at, text_at, value_at
from davy.traffic.split import Reading, Split, together
from davy.traffic.twins import RULE_KINDS, Twins

_FORM: Final = Form("backendRefs", "backendRef", "name", default_weight=1)


@dataclass(frozen=True)
class GatewayRoute:
    """A route as a rollout uses it."""

    rollout: RoutedRollout
    key: ObjectKey
    path: str
    """In the Rollout, of its name."""
    found: Json | None
    """The object; None: it isn't there."""
    kinds: tuple[type[Rule], ...] = RULE_KINDS
    """Of managed routes that are made in it."""

    @property
    def twins(self) -> Twins:
        """Its managed routes."""
        bases = tuple(split for split in self._weighted().splits if split.sound)
        return Twins(DIALECT, self.found, bases, self.rollout.rule_names, self.kinds)

    def read(self) -> Reading:
        """The splits of the weighted rules and of their twins, and all that is wrong with them."""
        return together([self._weighted(), Reading(splits=self._twin_splits())])

    def patch(self, canary_weight: int, rules: tuple[Rule, ...]) -> tuple[ObjectPatch, ...]:
        """Weights and managed routes in one; empty when all is so."""
        weighted, twins = self._weighted().splits, self._twin_splits()
        return self.twins.patch(self.key, weighted, twins, canary_weight, rules)

    def _twin_splits(self) -> tuple[Split, ...]:
        splits = [self._split(index) for index in self.twins.ours]
        return tuple(found for found in splits if isinstance(found, Split) and found.sound)

    def _weighted(self) -> Reading:
        both, key = backends.both(self.rollout), self.key
        if self.found is None:
            sentence = f"{key} doesn't exist; create it, with a rule that refers to {both}."
            return Reading(problems=(Finding(self.path, sentence),), readable=False)
        splits: list[Split] = []
        flaws: list[str] = []
        readable = True
        ours = Twins(DIALECT, self.found, (), self.rollout.rule_names).ours
        for index in range(len(list_at(self.found, RULES))):
            split = self._split(index)
            if index in ours:
                continue
            if isinstance(split, str):
                flaws.append(f"rule {index} of {key} {split}")
                readable = False
            elif split.stable and split.canary:
                splits.append(split)
                wrong = [
                    *backends.flaws(self.found, _FORM, split, self.rollout),
                    *_session(self.found, index),
                ]
                flaws += [f"rule {index} of {key} {flaw}" for flaw in wrong]
        if not splits and readable:
            flaws.append(
                f"{key} has no rule that refers to both {both}; add both to its backendRefs."
            )
        if not list_at(self.found, ("spec", "parentRefs")):
            flaws.append(
                f"{key} has no parentRefs; name the Gateway or Service that it routes for."
            )
        return Reading(
            splits=tuple(splits),
            problems=tuple(Finding(self.path, flaw) for flaw in flaws),
            readable=readable and bool(splits),
        )

    def _split(self, index: int) -> Split | str:
        """A rule's backends by role; a string says why they can't be read."""
        role_of, full = partial(_role, self.rollout), self.rollout.canary.all_traffic
        return backends.split(self.found, (*RULES, index), _FORM, role_of, full)


def _role(rollout: RoutedRollout, reference: object) -> RoleName | None:
    """Whose backend it is; a Service of that name elsewhere, or another kind, is neither's."""
    name = text_at(reference, ("name",))
    key = ObjectKey(
        _text_or(reference, "group", ""),
        _text_or(reference, "kind", "Service"),
        _text_or(reference, "namespace", rollout.namespace),
        name or "",
    )
    return next((role for role in services.ROLES if key == services.key(rollout, role)), None)


def _text_or(found: object, name: str, default: str) -> str:
    text = text_at(found, (name,))
    return default if text is None else text


def _session(found: Json, index: int) -> Iterable[str]:
    if value_at(found, (*RULES, index, "sessionPersistence")) not in (ABSENT, None):
        yield (
            "has sessionPersistence, which keeps a user on an aborted canary even at weight 0; "
            "remove it."
        )
