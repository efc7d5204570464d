"""ingress-nginx: the weight of a canary Ingress of Davy's own beside each stable Ingress.

Owned: the canary Ingress `<rollout>-<stableIngress>-canary`: its rules, which follow the stable
Ingress, and all annotations with ingress-nginx's prefix. Never touched: the stable Ingress.

It is made with the first weight above 0 and stays, at weight 0, until the Rollout goes. A canary
Ingress that isn't there carries nothing. ingress-nginx reports nothing of what it took: a weight
is never verified here.
"""

from typing import Final

from davy.api.errors import Finding, InvalidObject
from davy.api.managed_routes import Rule
from davy.api.routers import NginxRouting
from davy.traffic import nginx_canary, services
from davy.traffic.base import (
    Json,
    NewObject,
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Unknown,
    Write,
)
from davy.traffic.leaves import list_at, text_at, value_at
from davy.traffic.nginx_canary import Wanted
from davy.traffic.split import FULL, Reading, Share, Split, together

PATH: Final = f"{services.CANARY}.trafficRouting.nginx"
_GROUP: Final = "networking.k8s.io"
_LONGEST_NAME: Final = 253
_SUFFIX: Final = "-canary"


class NginxRouter:
    """Weights in canary Ingresses."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The stable Ingresses, their canary Ingresses and the two Services."""
        names = _routing(rollout).ingresses
        stable = [_key(rollout, name) for name in names]
        canary = [_canary_key(rollout, name) for name in names]
        return (*stable, *canary, *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The highest weight of the canary Ingresses, and what is wrong."""
        names = _routing(rollout).ingresses
        reading = together(
            [
                *(_read(rollout, objects, name, field) for name, field in names.items()),
                _collisions(rollout, objects),
            ]
        )
        why = "ingress-nginx doesn't report which weights it took"
        return services.state(rollout, objects, reading, Unknown(why))

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),  # noqa: ARG002 - refused by validation
    ) -> tuple[Write, ...]:
        """The canary Ingresses, made or mended."""
        return tuple(
            write
            for name in _routing(rollout).ingresses
            for write in _written(rollout, objects, name, canary_weight)
        )

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """The patch of the role's Service."""
        return services.target(rollout, objects, role, template_hash)


def _routing(rollout: RoutedRollout) -> NginxRouting:
    routing = rollout.canary.routing.nginx
    if routing is None:
        raise InvalidObject([Finding(PATH, "isn't set; the NGINX router needs it.")])
    return routing


def _key(rollout: RoutedRollout, name: str) -> ObjectKey:
    return ObjectKey(_GROUP, "Ingress", rollout.namespace, name)


def _canary_key(rollout: RoutedRollout, name: str) -> ObjectKey:
    """As Argo Rollouts calls it, so that an Ingress it made is found again."""
    stem = f"{rollout.name}-{name}"[: _LONGEST_NAME - len(_SUFFIX)]
    return _key(rollout, f"{stem}{_SUFFIX}")


def _wanted(rollout: RoutedRollout, key: ObjectKey, stable: Json | None) -> Wanted | str:
    """What the canary Ingress should be, or why that can't be said."""
    stable_service, canary_service = rollout.canary.stable_service, rollout.canary.canary_service
    if stable_service is None or canary_service is None:
        return f"{key} can't be followed without stableService and canaryService; name both."
    if stable is None:
        return f"{key} doesn't exist; create it, with a path to Service {stable_service}."
    routing = _routing(rollout)
    return nginx_canary.wanted(routing, str(key), stable, stable_service, canary_service)


def _read(rollout: RoutedRollout, objects: Objects, name: str, field: str) -> Reading:
    key, canary_key = _key(rollout, name), _canary_key(rollout, name)
    stable, canary = objects.get(key), objects.get(canary_key)
    wanted = _wanted(rollout, key, stable)
    flaws = [wanted] if isinstance(wanted, str) else []
    if stable is not None:
        canary_service = rollout.canary.canary_service
        flaws += nginx_canary.flaws(_routing(rollout), str(key), stable, canary_service)
        flaws += [
            flaw
            for port in nginx_canary.ports(stable, rollout.canary.stable_service or "")
            if (flaw := services.lacks_port(rollout, objects, "canary", port)) is not None
        ]
    weight, stale = 0, ""
    if canary is not None:
        if not _is_ours(rollout, canary):
            sentence = (
                f"{canary_key} exists but isn't of Rollout {rollout.name}; delete or rename it."
            )
            return Reading(problems=(Finding(f"{PATH}.{field}", sentence),), readable=False)
        weight, stale = nginx_canary.state(_routing(rollout), canary, wanted)
    return Reading(
        splits=(_split(weight),),
        problems=tuple(Finding(f"{PATH}.{field}", flaw) for flaw in flaws),
        stale=f"{canary_key} {stale}" if stale else "",
        readable=canary is not None or not isinstance(wanted, str),
    )


def _split(weight: int) -> Split:
    """The canary Ingress takes its weight, of 100; the stable Ingress gets what is left."""
    return Split((Share((), FULL - weight, ()),), (Share((), weight, ()),))


def _written(rollout: RoutedRollout, objects: Objects, name: str, weight: int) -> tuple[Write, ...]:
    key, canary_key = _key(rollout, name), _canary_key(rollout, name)
    wanted = _wanted(rollout, key, objects.get(key))
    canary = objects.get(canary_key)
    if canary is None:
        if not weight or isinstance(wanted, str):
            return ()
        made = nginx_canary.manifest(_routing(rollout), canary_key, wanted, weight)
        return (NewObject(canary_key, made),)
    if not _is_ours(rollout, canary):
        return ()
    return nginx_canary.patches(_routing(rollout), canary_key, canary, wanted, weight)


def _is_ours(rollout: RoutedRollout, found: Json) -> bool:
    return any(
        value_at(owner, ("controller",)) is True
        and (text_at(owner, ("apiVersion",)) or "").partition("/")[0] == rollout.group.name
        and text_at(owner, ("kind",)) == "Rollout"
        and text_at(owner, ("name",)) == rollout.name
        for owner in list_at(found, ("metadata", "ownerReferences"))
    )


def _collisions(rollout: RoutedRollout, objects: Objects) -> Reading:
    """Two stable Ingresses with one host and path: ingress-nginx weights one canary for it."""
    first: dict[tuple[str, str], str] = {}
    problems = []
    for name, field in _routing(rollout).ingresses.items():
        service = rollout.canary.stable_service or ""
        for place in nginx_canary.places(objects.get(_key(rollout, name)), service):
            other = first.setdefault(place, name)
            if other != name:
                sentence = (
                    f"Ingresses {other} and {name} both route {place[0] or 'any host'}"
                    f"{place[1]} to Service {service}; ingress-nginx takes one canary for a host "
                    f"and path: leave it in one of them."
                )
                problems.append(Finding(f"{PATH}.{field}", sentence))
    return Reading(problems=tuple(problems))
