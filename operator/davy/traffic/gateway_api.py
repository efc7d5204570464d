"""Gateway API: the weights of the backendRefs of HTTPRoutes and GRPCRoutes, between two Services.

Owned: the two weights of each rule that refers to both Services, and the Services' selectors.
Never touched: rules that refer to one of them (a user's preview by header), filters, matches.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from davy.api.errors import Finding
from davy.api.managed_routes import Rule
from davy.traffic import backends, services
from davy.traffic import gateway_api_status as status
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
    Verification,
    Verified,
)
from davy.traffic.leaves import ABSENT, Path, list_at, patch, text_at, value_at
from davy.traffic.split import Reading, Split, together

GROUP: Final = "gateway.networking.k8s.io"
_RULES: Final[Path] = ("spec", "rules")
_FORM: Final = Form("backendRefs", "backendRef", "name", default_weight=1)


class GatewayApiRouter:
    """Weights in HTTPRoutes and GRPCRoutes, which say them alike."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The routes and the two Services."""
        return (*_routes(rollout), *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The highest canary weight of all rules of all routes, and what is wrong."""
        routes = _routes(rollout)
        reading = together(
            [_read(rollout, key, objects.get(key), path) for key, path in routes.items()]
        )
        return services.state(rollout, objects, reading, _verification(tuple(routes), objects))

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),  # noqa: ARG002 - refused by validation
    ) -> tuple[ObjectPatch, ...]:
        """A patch for each route; all its rules in one."""
        patches: list[ObjectPatch] = []
        for key, path in _routes(rollout).items():
            splits = _read(rollout, key, objects.get(key), path).splits
            changes = [change for split in splits for change in split.changes(canary_weight)]
            if changes:
                patches += patch(key, objects[key], changes)
        return tuple(patches)

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch of the role's Service."""
        return services.target(rollout, objects, role, template_hash)


def _routes(rollout: RoutedRollout) -> dict[ObjectKey, str]:
    """The routes that a rollout names, each with the path of its name."""
    return {
        ObjectKey(GROUP, kind, rollout.namespace, name): f"{services.CANARY}.trafficRouting.{field}"
        for (kind, name), field in rollout.canary.gateway_routes.items()
    }


def _read(rollout: RoutedRollout, key: ObjectKey, found: Json | None, path: str) -> Reading:
    both = backends.both(rollout)
    if found is None:
        sentence = f"{key} doesn't exist; create it, with a rule that refers to {both}."
        return Reading(problems=(Finding(path, sentence),), readable=False)
    splits: list[Split] = []
    flaws: list[str] = []
    readable = True
    for index in range(len(list_at(found, _RULES))):
        split = backends.split(
            found, (*_RULES, index), _FORM, partial(_role, rollout), rollout.canary.all_traffic
        )
        if isinstance(split, str):
            flaws.append(f"rule {index} of {key} {split}")
            readable = False
        elif split.stable and split.canary:
            splits.append(split)
            wrong = [*backends.flaws(found, _FORM, split, rollout), *_session(found, index)]
            flaws += [f"rule {index} of {key} {flaw}" for flaw in wrong]
    if not splits and readable:
        flaws.append(f"{key} has no rule that refers to both {both}; add both to its backendRefs.")
    if not list_at(found, ("spec", "parentRefs")):
        flaws.append(f"{key} has no parentRefs; name the Gateway or Service that it routes for.")
    return Reading(
        splits=tuple(splits),
        problems=tuple(Finding(path, flaw) for flaw in flaws),
        readable=readable and bool(splits),
    )


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
    if value_at(found, (*_RULES, index, "sessionPersistence")) not in (ABSENT, None):
        yield (
            "has sessionPersistence, which keeps a user on an aborted canary even at weight 0; "
            "remove it."
        )


def _verification(routes: tuple[ObjectKey, ...], objects: Objects) -> Verification:
    """The first route's answer that isn't Verified, else all of them."""
    answers = [status.verification(key, objects.get(key)) for key in routes]
    waiting = [answer for answer in answers if isinstance(answer, NotYet)]
    return waiting[0] if waiting else Verified("; ".join(answer.why for answer in answers))
