"""Managed routes: which the route should have, and what the canary needs for them (I2, I4, I5).

They follow from the steps that are passed, as the weight does: nothing of them is remembered. The
share of the requests that a header sends to the canary isn't known, so one pod at least is there
before; of mirrored requests it is known, and they come beside the canary's own.
"""

from typing import Final

from davy.api import capacity
from davy.api.managed_routes import Rule, SetMirrorRoute
from davy.api.rollout import RolloutSpec
from davy.engine.position import Position, Stage
from davy.engine.world import Route

_LEAST: Final = 1
"""The weight whose pods a header needs."""


def is_written(route: Route, rules: tuple[Rule, ...]) -> bool:
    """The route has just these."""
    there = [found.name for found in route.rules]
    exact = all(_is_there(route, rule) for rule in rules)
    return exact and there == [rule.name for rule in rules]


def asked(spec: RolloutSpec, route: Route, position: Position) -> tuple[Rule, ...]:
    """The managed routes that the steps so far ask for, by precedence.

    Past the last step, and while `spec.paused` is true, no more than lead to the new revision by
    now; none once the canary has all weight past the last step.
    """
    names = spec.strategy.canary.rule_names
    over = position.step is None and route.canary_weight == route.total
    if not names or position.stage is not Stage.UPDATING or over:
        return ()
    rules = (step.rule for step in position.steps[: position.index + 1])
    latest = {rule.name: rule for rule in rules if rule is not None}
    known = (latest.get(name) for name in names)
    rules_now = tuple(rule for rule in known if rule is not None and rule.match)
    if not spec.paused and position.step is not None:
        return rules_now
    return held(route, rules_now) if route.canary_hash == position.new_hash else ()


def held(route: Route, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Those of the rules that the route has already."""
    return tuple(rule for rule in rules if _is_there(route, rule))


def load(spec: RolloutSpec, route: Route, position: Position, target: int) -> int:
    """The weight whose pods the canary needs for its weight and its managed routes.

    From 0 to the weight that is all traffic.
    """
    rules = asked(spec, route, position)
    if not rules:
        return target
    copied = -(-_copied(rules) * position.total // 100)
    return min(position.total, max(_LEAST, target + copied))


def enough(spec: RolloutSpec, route: Route, position: Position, pods: int) -> int:
    """Of so many pods, those that a step waits for: all where it mirrors, as copies come whole."""
    return pods if _copied(asked(spec, route, position)) else capacity.of(spec).enough(pods)


def pods(spec: RolloutSpec, route: Route, position: Position, target: int) -> int:
    """The pods that are available before a weight and its managed routes come (I2)."""
    needed = capacity.of(spec).needed(load(spec, route, position, target))
    return enough(spec, route, position, needed)


def _copied(rules: tuple[Rule, ...]) -> int:
    """The most percent of all requests that a rule mirrors."""
    return max((rule.percentage for rule in rules if isinstance(rule, SetMirrorRoute)), default=0)


def _is_there(route: Route, rule: Rule) -> bool:
    return any(found.name == rule.name and rule in found.rules for found in route.rules)
