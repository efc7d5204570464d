"""Istio: the weights of VirtualServices' routes, between two Services or two subsets.

Owned: the two weights of each managed route, the hash in the two subsets' labels and the Services'
selectors, and the annotation beside the latter; in a VirtualService of another namespace (see
`elsewhere`) the weights and an annotation alone. Never touched: other routes, hosts, matches,
retries, time-outs, mirrors.

Istio says nothing of what its proxies took, so a weight is never verified here; errors of its
analysers, where they are switched on, are told.
"""

from collections.abc import Iterable
from typing import Final

from davy.api.errors import Finding, InvalidObject
from davy.api.managed_routes import Rule
from davy.api.mesh_routers import IstioRouting
from davy.traffic import elsewhere, narrowing, services
from davy.traffic.base import (
    NotYet,
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Unknown,
    Verification,
)
from davy.traffic.istio_destination_rule import Subsets
from davy.traffic.istio_hosts import full_name, is_service, namespace_of
from davy.traffic.istio_virtual_service import PATH, Sides, VirtualService
from davy.traffic.leaves import list_at, number_at, text_at, value_at
from davy.traffic.split import FULL, Reading, together, unsettled
from davy.traffic.twins import asked, rule_problems, written_rules

GROUP: Final = "networking.istio.io"
_ERROR: Final = 3
"""The number of level ERROR, where a client wrote enums as numbers."""
_DIGITS: Final = 19
"""A generation is an int64."""


class IstioRouter:
    """Weights in VirtualServices."""

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        """The VirtualServices, the DestinationRule and the Services that the rollout names."""
        subsets = _subsets(rollout, {})
        rule = (subsets.key,) if subsets else ()
        return (*_keys(rollout), *rule, *services.keys(rollout))

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        """The highest canary weight of all managed routes, and what is wrong."""
        objects = _open(rollout, objects)
        parts = [*_virtual_services(rollout, objects)]
        reading = together([found.read() for found in parts])
        twins = [(found.key, found.twins) for found in parts if not found.guest]
        return RouteState(
            canary_weight=reading.canary_weight,
            stable_hash=_hash(rollout, objects, "stable"),
            canary_hash=_hash(rollout, objects, "canary"),
            verification=unsettled(reading) or _verification(rollout, objects),
            problems=(
                *reading.problems,
                *_unreachable(rollout, reading),
                *rule_problems(rollout, twins, reading),
                *rules_elsewhere(rollout),
                *_target_problems(rollout, objects),
            ),
            uneven=reading.uneven,
            part_weight=reading.part_weight,
            rules=written_rules(rollout, twins),
        )

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),
    ) -> tuple[ObjectPatch, ...]:
        """A patch for each VirtualService; all its weights and managed routes in one."""
        return tuple(
            patch
            for virtual_service in _virtual_services(rollout, _open(rollout, objects))
            for patch in virtual_service.patch(canary_weight, rules)
        )

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        """Patches of the role's subset and of its Service, where the rollout names them."""
        subsets = _subsets(rollout, objects)
        return (
            *(subsets.target(rollout, role, template_hash) if subsets else ()),
            *services.target(rollout, objects, role, template_hash),
        )


def _routing(rollout: RoutedRollout) -> IstioRouting:
    routing = rollout.canary.routing.istio
    if routing is None:
        path = f"{services.CANARY}.trafficRouting.istio"
        raise InvalidObject([Finding(path, "isn't set; the Istio router needs it.")])
    return routing


def _keys(rollout: RoutedRollout) -> dict[ObjectKey, str]:
    """The VirtualServices, each once, with the field of the rollout that names it."""
    keys: dict[ObjectKey, str] = {}
    for field, spec in _routing(rollout).all_virtual_services.items():
        space, name = spec.place(rollout.namespace)
        keys.setdefault(ObjectKey(GROUP, "VirtualService", space, name), field)
    return keys


def _open(rollout: RoutedRollout, objects: Objects) -> Objects:
    """The objects that the rollout may know of: of other namespaces those that allow it."""
    return {
        key: found
        for key, found in objects.items()
        if (guest := elsewhere.guest(rollout, key)) is None or guest.may_look(found)
    }


def _subsets(rollout: RoutedRollout, objects: Objects) -> Subsets | None:
    """The DestinationRule; None: the split is between two Services."""
    spec = _routing(rollout).destination_rule
    if spec is None:
        return None
    key = ObjectKey(GROUP, "DestinationRule", rollout.namespace, spec.name)
    return Subsets(key, spec, objects.get(key))


def _virtual_services(rollout: RoutedRollout, objects: Objects) -> Iterable[VirtualService]:
    subsets, specs = _subsets(rollout, objects), _routing(rollout).all_virtual_services
    for key, field in _keys(rollout).items():
        space, guest = key.namespace, elsewhere.guest(rollout, key)
        sides = (
            _sides_by_subset(rollout, space, subsets)
            if subsets
            else _sides_by_service(rollout, space)
        )
        names = () if guest else rollout.rule_names
        yield VirtualService(key, field, specs[field], objects.get(key), sides, names, guest)


def guests(rollout: RoutedRollout) -> Iterable[tuple[str, ObjectKey, elsewhere.Guest]]:
    """The VirtualServices of other namespaces, each with the path that names it."""
    for key, field in _keys(rollout).items():
        if guest := elsewhere.guest(rollout, key):
            yield f"{PATH}.{field}.name", key, guest


def rules_elsewhere(rollout: RoutedRollout) -> Iterable[Finding]:
    """Managed routes are routes of Davy's own: no permission for weights allows those."""
    foreign = [key for _, key, _ in guests(rollout)]
    for path, rule in asked(rollout) if foreign else ():
        sentence = (
            f"makes the route {rule.name}, and {foreign[0]} is of another namespace, where Davy "
            f"writes weights only; let it delegate to a VirtualService of namespace "
            f"{rollout.namespace}, and name that one."
        )
        yield Finding(path, sentence)


def _unreachable(rollout: RoutedRollout, reading: Reading) -> Iterable[Finding]:
    """Steps whose weight the additional subsets don't leave room for, beside a bit for stable."""
    least = min((split.shared for split in reading.splits if split.kept), default=FULL)
    for index, step in enumerate(rollout.canary.steps or ()):
        weight = step.set_weight or 0
        if 0 < least <= weight < FULL:
            sentence = (
                f"is {weight}, but destinations of additionalSubsetNames have {FULL - least} of "
                f"100; write less than {least}, or 100 for all that they leave."
            )
            yield Finding(f"{services.CANARY}.steps[{index}].setWeight", sentence)


def _sides_by_service(rollout: RoutedRollout, space: str) -> Sides:
    """For a VirtualService of a namespace, in which its short host names lie."""
    keys = {role: services.key(rollout, role) for role in services.ROLES}

    def role_of(destination: object) -> RoleName | None:
        host = text_at(destination, ("host",)) or ""
        for role, key in keys.items():
            if key is not None and is_service(host, space, key):
                return role
        return None

    stable, canary = keys["stable"], keys["canary"]
    return Sides(
        role_of,
        stable=f"host {full_name(stable, space) if stable else 'of stableService'}",
        canary=f"host {full_name(canary, space) if canary else 'of canaryService'}",
        plural="services",
    )


def _sides_by_subset(rollout: RoutedRollout, space: str, subsets: Subsets) -> Sides:
    """By the subset's name alone: an abort is written though the DestinationRule is gone (I3).

    In a VirtualService of another namespace by its host too: others have subsets of those names.
    """

    def role_of(destination: object) -> RoleName | None:
        name, host = text_at(destination, ("subset",)), text_at(destination, ("host",)) or ""
        if space != rollout.namespace and namespace_of(host, space) != rollout.namespace:
            return None
        return next((role for role in services.ROLES if name == subsets.name(role)), None)

    return Sides(
        role_of,
        stable=f"subset {subsets.name('stable')}",
        canary=f"subset {subsets.name('canary')}",
        plural="subsets",
        host=subsets.host,
        kept=frozenset(subsets.spec.additional_subset_names or ()),
    )


def _target_problems(rollout: RoutedRollout, objects: Objects) -> tuple[Finding, ...]:
    subsets = _subsets(rollout, objects)
    why = "without istio.destinationRule the weights are split between two Services"
    own = subsets.problems(rollout) if subsets else services.unnamed(rollout, why)
    return (*own, *services.problems(rollout, objects))


def _hash(rollout: RoutedRollout, objects: Objects, role: RoleName) -> str | None:
    subsets = _subsets(rollout, objects)
    hashes = [subsets.hash_of(role)] if subsets else []
    if services.key(rollout, role) is not None:
        hashes.append(services.hash_of(rollout, objects, role))
    return narrowing.agreed(hashes)


def _verification(rollout: RoutedRollout, objects: Objects) -> Verification:
    subsets = _subsets(rollout, objects)
    keys = (*_keys(rollout), *((subsets.key,) if subsets else ()))
    complaints = [text for key in keys for text in _complaints(key, objects.get(key))]
    if complaints:
        return NotYet("; ".join(complaints))
    return Unknown("Istio doesn't report which weights its proxies took")


def _complaints(key: ObjectKey, found: object) -> Iterable[str]:
    """Errors of Istio's analysers (`status.validationMessages`), unless of an older spec."""
    observed = _whole(value_at(found, ("status", "observedGeneration")))
    generation = number_at(found, ("metadata", "generation"))
    if observed and generation and observed < generation:
        return
    for message in list_at(found, ("status", "validationMessages")):
        if value_at(message, ("level",)) in ("ERROR", _ERROR):
            code, name, link = (
                text_at(message, path) or ""
                for path in (("type", "code"), ("type", "name"), ("documentationUrl",))
            )
            yield f"{key}: Istio reports {' '.join(part for part in (code, name, link) if part)}"


def _whole(value: object) -> int | None:
    """A generation: Istio's schema has it as a number or as a string of digits."""
    if isinstance(value, str) and value.isdecimal() and len(value) < _DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
