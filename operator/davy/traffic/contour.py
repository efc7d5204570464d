"""Contour: the weights of an HTTPProxy's `routes[].services`, between two Services.

Owned: the two weights of each route that has both Services, and the Services' selectors. Never
touched: routes that have one of them (a user's preview), services that get a mirror, conditions,
policies, includes.

A weight is verified by the condition Valid. It runs ahead of Envoy: a settle time follows.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from davy.api.errors import Finding
from davy.api.managed_routes import Rule
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
    Verification,
    Verified,
)
from davy.traffic.leaves import Path, list_at, number_at, patch, text_at, value_at
from davy.traffic.split import Reading, Share, Split, together

GROUP: Final = "projectcontour.io"
_ROUTES: Final[Path] = ("spec", "routes")
_FORM: Final = Form("services", "service", "name", default_weight=0)


class ContourRouter:
    """Weights in HTTPProxies."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The HTTPProxies and the two Services."""
        return (*_proxies(rollout), *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The highest canary weight of all routes of all HTTPProxies, and what is wrong."""
        proxies = _proxies(rollout)
        reading = together(
            [_read(rollout, key, objects.get(key), path) for key, path in proxies.items()]
        )
        answers = [_verification(key, objects.get(key)) for key in proxies]
        return services.state(rollout, objects, reading, conditions.all_of(answers))

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),  # noqa: ARG002 - refused by validation
    ) -> tuple[ObjectPatch, ...]:
        """A patch for each HTTPProxy; all its routes in one."""
        patches: list[ObjectPatch] = []
        for key, path in _proxies(rollout).items():
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


def _proxies(rollout: RoutedRollout) -> dict[ObjectKey, str]:
    """The HTTPProxies that a rollout names, each with the path of its name."""
    return {
        ObjectKey(GROUP, "HTTPProxy", rollout.namespace, name): (
            f"{services.CANARY}.trafficRouting.{field}"
        )
        for name, field in rollout.canary.contour_proxies.items()
    }


def _read(rollout: RoutedRollout, key: ObjectKey, found: Json | None, path: str) -> Reading:
    both = backends.both(rollout)
    if found is None:
        sentence = f"{key} doesn't exist; create it, with a route to {both}."
        return Reading(problems=(Finding(path, sentence),), readable=False)
    splits: list[Split] = []
    flaws: list[str] = []
    readable = True
    for index in range(len(list_at(found, _ROUTES))):
        split = _split(rollout, found, index)
        if isinstance(split, str):
            flaws.append(f"route {index} of {key} {split}")
            readable = False
        elif split.stable and split.canary:
            splits.append(split)
            wrong = backends.flaws(found, _FORM, split, rollout)
            flaws += [f"route {index} of {key} {flaw}" for flaw in wrong]
    if not splits and readable:
        flaws.append(f"{key} has no route to both {both}; add both to its services.")
    flaws += _beside(rollout, key, found)
    return Reading(
        splits=tuple(splits),
        problems=tuple(Finding(path, flaw) for flaw in flaws),
        readable=readable and bool(splits),
    )


def _split(rollout: RoutedRollout, found: Json, index: int) -> Split | str:
    """A route's services by role, those that get a mirror aside; a string says why not."""
    full = rollout.canary.all_traffic
    split = backends.split(found, (*_ROUTES, index), _FORM, partial(_role, rollout), full)
    if isinstance(split, str):
        return split
    weighed = tuple(
        share for share in split.others if not _is_mirror(value_at(found, share.path[:-1]))
    )
    split = replace(split, others=weighed)
    shares = (*split.stable, *split.canary, *split.others)
    return split if any(share.weight for share in shares) else _evenly(split)


def _evenly(split: Split) -> Split:
    """Where no service has a weight, Contour gives each the same."""

    def one(shares: tuple[Share, ...]) -> tuple[Share, ...]:
        return tuple(replace(share, weight=1) for share in shares)

    return replace(
        split, stable=one(split.stable), canary=one(split.canary), others=one(split.others)
    )


def _role(rollout: RoutedRollout, service: object) -> RoleName | None:
    """Whose service it is; the Services of an HTTPProxy are of its namespace."""
    if _is_mirror(service):
        return None
    key = ObjectKey("", "Service", rollout.namespace, text_at(service, ("name",)) or "")
    return next((role for role in services.ROLES if key == services.key(rollout, role)), None)


def _is_mirror(service: object) -> bool:
    return value_at(service, ("mirror",)) is True


def _beside(rollout: RoutedRollout, key: ObjectKey, found: Json) -> Iterator[str]:
    """What gives traffic to the canary beside the routes."""
    listed = list_at(found, ("spec", "tcpproxy", "services"))
    if any(_role(rollout, service) == "canary" for service in listed):
        yield (
            f"{key} sends its tcpproxy to the canary Service too, which Davy doesn't weight; "
            "remove it there."
        )


def _verification(key: ObjectKey, found: Json | None) -> Verification:
    """What Contour says of this generation."""
    generation = number_at(found, ("metadata", "generation"))
    if generation is None:
        return NotYet(f"{key} has no metadata.generation")
    condition = next(
        (
            each
            for each in list_at(found, ("status", "conditions"))
            if text_at(each, ("type",)) == "Valid"
        ),
        None,
    )
    if condition is None:
        return NotYet(f"{key}: Contour has not reported on it")
    lacks = conditions.behind(condition, "Valid", generation) or conditions.untrue(
        condition, "Valid"
    )
    if lacks:
        return NotYet(f"{key}: {lacks}")
    return Verified(f"{key}: generation {generation} is valid")
