"""Traefik: the weights of a TraefikService's `weighted.services`, between two Services.

Owned: the two weights and the Services' selectors. Never touched: ports, sticky cookies, health
checks, mirrors.

Traefik reports nothing of a TraefikService: a weight is never verified here. A service at weight 0
gets nothing, sticky cookies or not.
"""

from functools import partial
from typing import Final

from davy.api.errors import Finding, InvalidObject
from davy.api.managed_routes import Rule
from davy.traffic import backends, services
from davy.traffic.backends import Form
from davy.traffic.base import (
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Unknown,
)
from davy.traffic.leaves import Path, patch, text_at, value_at
from davy.traffic.split import Reading

PATH: Final = f"{services.CANARY}.trafficRouting.traefik"
_NAME: Final = f"{PATH}.weightedTraefikServiceName"
_GROUP: Final = "traefik.io"
_WEIGHTED: Final[Path] = ("spec", "weighted")
_FORM: Final = Form("services", "service", "name", default_weight=1)


class TraefikRouter:
    """Weights in a TraefikService."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The TraefikService and the two Services."""
        return (_key(rollout), *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The canary's share of the weights, and what is wrong."""
        why = "Traefik doesn't report which weights it took"
        return services.state(rollout, objects, _reading(rollout, objects), Unknown(why))

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),  # noqa: ARG002 - refused by validation
    ) -> tuple[ObjectPatch, ...]:
        """A patch of the TraefikService."""
        key = _key(rollout)
        splits = _reading(rollout, objects).splits
        changes = [change for split in splits for change in split.changes(canary_weight)]
        return patch(key, objects[key], changes) if changes else ()

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch of the role's Service."""
        return services.target(rollout, objects, role, template_hash)


def _key(rollout: RoutedRollout) -> ObjectKey:
    routing = rollout.canary.routing.traefik
    if routing is None:
        raise InvalidObject([Finding(PATH, "isn't set; the Traefik router needs it.")])
    name = routing.weighted_traefik_service_name
    return ObjectKey(_GROUP, "TraefikService", rollout.namespace, name)


def _reading(rollout: RoutedRollout, objects: Objects) -> Reading:
    key = _key(rollout)
    found = objects.get(key)
    both = backends.both(rollout)
    if found is None:
        sentence = f"{key} doesn't exist; create it, with {both} in spec.weighted.services."
        return Reading(problems=(Finding(_NAME, sentence),), readable=False)
    if not isinstance(value_at(found, _WEIGHTED), dict):
        sentence = f"{key} isn't weighted; give it spec.weighted.services with {both}."
        return Reading(problems=(Finding(_NAME, sentence),), readable=False)
    return backends.reading(
        found,
        _WEIGHTED,
        _FORM,
        partial(_role, rollout),
        rollout,
        subject=str(key),
        field=_NAME,
    )


def _role(rollout: RoutedRollout, service: object) -> RoleName | None:
    """Whose service it is; one of that name elsewhere, or another TraefikService, is neither's."""
    kind = text_at(service, ("kind",)) or "Service"
    namespace = text_at(service, ("namespace",)) or rollout.namespace
    key = ObjectKey("", kind, namespace, text_at(service, ("name",)) or "")
    return next((role for role in services.ROLES if key == services.key(rollout, role)), None)
