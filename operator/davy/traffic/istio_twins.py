"""Managed routes over all VirtualServices of a rollout: which are written, and what keeps them."""

from collections.abc import Iterable, Iterator, Sequence

from davy.api.errors import Finding
from davy.api.managed_routes import Rule
from davy.traffic.base import RoutedRollout, WrittenRule
from davy.traffic.istio_rules import Unjoined
from davy.traffic.istio_virtual_service import VirtualService
from davy.traffic.services import CANARY
from davy.traffic.split import Reading


def written_rules(
    rollout: RoutedRollout, parts: Sequence[VirtualService]
) -> tuple[WrittenRule, ...]:
    """The managed routes that some VirtualService has, each with the steps that ask for just it."""
    twins = [part.twins for part in parts if part.found is not None]
    orderly = all(found.is_orderly for found in twins)
    there = [name for name in rollout.rule_names if any(found.has(name) for found in twins)]
    steps = [rule for _, rule in _asked(rollout)]
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


def rule_problems(
    rollout: RoutedRollout, parts: Sequence[VirtualService], reading: Reading
) -> Iterable[Finding]:
    """Rules that no http route can have a twin by."""
    bases = [(part, part.twins) for part in parts if part.twins.bases]
    for path, rule in _asked(rollout):
        if not bases:
            if not reading.problems:
                sentence = "needs an http route that is weighted; tls and tcp have no headers."
                yield Finding(path, sentence)
            continue
        apart = [(part, index, why) for part, twins in bases for index, why in twins.unjoined(rule)]
        for part, index, why in apart:
            if why is Unjoined.UNCLEAR:
                yield Finding(
                    f"{path}.match",
                    f"asks for a text that http[{index}] of {part.key} matches too, and the two "
                    "patterns can't be joined; write one that implies the other.",
                )
        if len(apart) == sum(len(twins.bases) for _, twins in bases) and not any(
            why is Unjoined.UNCLEAR for _, _, why in apart
        ):
            named = ", ".join(str(part.key) for part, _ in bases)
            yield Finding(f"{path}.match", f"matches no request that {named} weights; change it.")


def _asked(rollout: RoutedRollout) -> Iterator[tuple[str, Rule]]:
    """Each step that sets a managed route, with its path."""
    for index, step in enumerate(rollout.canary.steps or ()):
        if step.rule and step.rule.match:
            yield f"{CANARY}.steps[{index}].{step.kinds[0]}", step.rule
