"""APISIX: the weights of an ApisixRoute's `http[].backends`, between two Services.

Owned: the two weights of each rule that the rollout names, and the Services' selectors. Never
touched: other rules, matches, plugins, time-outs.

A weight is verified by the route's conditions, where the controller writes them. They run ahead of
APISIX itself: a settle time follows.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from davy.api.errors import Finding, InvalidObject
from davy.api.managed_routes import Rule
from davy.api.routers import ApisixRoute
from davy.traffic import backends, conditions, services
from davy.traffic.backends import Form
from davy.traffic.base import (
    Json,
    NotYet,
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Unknown,
    Verification,
    Verified,
)
from davy.traffic.leaves import Path, list_at, number_at, patch, text_at, value_at
from davy.traffic.split import Reading, together

PATH: Final = f"{services.CANARY}.trafficRouting.apisix.route"
_GROUP: Final = "apisix.apache.org"
_HTTP: Final[Path] = ("spec", "http")
_FORM: Final = Form("backends", "backend", "serviceName", default_weight=100)
_REPORTED: Final = frozenset({"Accepted", "ResourcesAvailable"})
"""The condition that says whether the route was taken: of the controller's version 2, and 1."""


class ApisixRouter:
    """Weights in an ApisixRoute."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The ApisixRoute and the two Services."""
        return (_key(rollout), *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The highest canary weight of the rules that are split, and what is wrong."""
        key = _key(rollout)
        reported = _verification(key, objects.get(key))
        return services.state(rollout, objects, _reading(rollout, objects), reported)

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),  # noqa: ARG002 - refused by validation
    ) -> tuple[ObjectPatch, ...]:
        """One patch of the ApisixRoute with the weights of all rules that are split."""
        key = _key(rollout)
        splits = _reading(rollout, objects).splits
        changes = [change for split in splits for change in split.changes(canary_weight)]
        return patch(key, objects[key], changes) if changes else ()

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch of the role's Service."""
        return services.target(rollout, objects, role, template_hash)


def _route(rollout: RoutedRollout) -> ApisixRoute:
    routing = rollout.canary.routing.apisix
    if routing is None:
        raise InvalidObject([Finding(PATH, "isn't set; the APISIX router needs it.")])
    return routing.route


def _key(rollout: RoutedRollout) -> ObjectKey:
    return ObjectKey(_GROUP, "ApisixRoute", rollout.namespace, _route(rollout).name)


def _reading(rollout: RoutedRollout, objects: Objects) -> Reading:
    key, route = _key(rollout), _route(rollout)
    found = objects.get(key)
    if found is None:
        sentence = f"{key} doesn't exist; create it, with backends {backends.both(rollout)}."
        return Reading(problems=(Finding(f"{PATH}.name", sentence),), readable=False)
    return together(
        [
            _rule(rollout, key, found, name, f"{PATH}.rules[{at}]" if route.rules else PATH)
            for at, name in enumerate(route.split_rules)
        ]
    )


def _rule(rollout: RoutedRollout, key: ObjectKey, found: Json, name: str, field: str) -> Reading:
    rules = list_at(found, _HTTP)
    indices = [index for index, rule in enumerate(rules) if text_at(rule, ("name",)) == name]
    if not indices:
        names = ", ".join(text_at(rule, ("name",)) or "(one without a name)" for rule in rules)
        sentence = (
            f"{key} has no rule named {name} in spec.http; name those that are split in "
            f"trafficRouting.apisix.route.rules: {names or 'it has none'}."
        )
        return Reading(problems=(Finding(field, sentence),), readable=False)
    readings = [
        backends.reading(
            found,
            (*_HTTP, index),
            _FORM,
            partial(_role, rollout),
            rollout,
            subject=f"rule {name} of {key}",
            field=field,
        )
        for index in indices
    ]
    flaws = [flaw for index in indices for flaw in _flaws(rules[index])]
    if len(indices) > 1:
        flaws.append(f"is there {len(indices)} times; give each its own name.")
    problems = tuple(Finding(field, f"rule {name} of {key} {flaw}") for flaw in flaws)
    return together([*readings, Reading(problems=problems)])


def _role(rollout: RoutedRollout, backend: object) -> RoleName | None:
    """Whose backend it is; the Service of an ApisixRoute is of its namespace."""
    name = text_at(backend, ("serviceName",)) or ""
    key = ObjectKey("", "Service", rollout.namespace, name)
    return next((role for role in services.ROLES if key == services.key(rollout, role)), None)


def _flaws(rule: object) -> Iterator[str]:
    """What gives traffic away beside the backends."""
    if list_at(rule, ("upstreams",)):
        yield "has upstreams, which take a share of their own; remove them."
    for plugin in list_at(rule, ("plugins",)):
        is_on = value_at(plugin, ("enable",)) is not False
        if is_on and text_at(plugin, ("name",)) == "traffic-split":
            yield "has the plugin traffic-split, which overrides the backends' weights; remove it."


def _verification(key: ObjectKey, found: Json | None) -> Verification:
    """What the controller says of this generation."""
    reports = {
        number: condition
        for condition in list_at(found, ("status", "conditions"))
        if text_at(condition, ("type",)) in _REPORTED
        and (number := number_at(condition, ("observedGeneration",))) is not None
    }
    generation = number_at(found, ("metadata", "generation"))
    if not reports or generation is None:
        return Unknown("the controller of APISIX doesn't report on the route")
    condition = reports[max(reports)]
    name = text_at(condition, ("type",)) or ""
    lacks = conditions.behind(condition, name, generation) or conditions.untrue(condition, name)
    if lacks:
        return NotYet(f"{key}: {lacks}")
    return Verified(f"{key}: generation {generation} is accepted")
