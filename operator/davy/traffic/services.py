"""The Services of the two roles: Davy narrows their selectors to one revision's pods."""

from typing import Final

from davy.api.errors import Finding
from davy.traffic import narrowing
from davy.traffic.base import (
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Verification,
)
from davy.traffic.leaves import Path, list_at, patch, text_at, value_at
from davy.traffic.split import Reading, unsettled

ROLES: Final[tuple[RoleName, RoleName]] = ("stable", "canary")
CANARY: Final = "spec.strategy.canary"
_SELECTOR: Final[Path] = ("spec", "selector")


def key(rollout: RoutedRollout, role: RoleName) -> ObjectKey | None:
    """The role's Service; None when the rollout names none."""
    name = rollout.canary.stable_service if role == "stable" else rollout.canary.canary_service
    return None if name is None else ObjectKey("", "Service", rollout.namespace, name)


def keys(rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
    """The Services that the rollout names, each once."""
    named = [found for role in ROLES if (found := key(rollout, role)) is not None]
    return tuple(dict.fromkeys(named))


def unnamed(rollout: RoutedRollout, why: str) -> tuple[Finding, ...]:
    """A finding for each role without a Service, for routers that split between Services.

    Args:
        rollout: that may name the Services.
        why: ends the sentence, e.g. "weights are split between two Services".
    """
    return tuple(
        Finding(_path(rollout, role), f"isn't set; {why}: name the Service of the {role} pods.")
        for role in ROLES
        if key(rollout, role) is None
    )


def state(
    rollout: RoutedRollout, objects: Objects, reading: Reading, reported: Verification
) -> RouteState:
    """What a route says that is split between the two Services and nothing else.

    Args:
        rollout: whose route it is.
        objects: of the route, the Services among them.
        reading: the route's splits.
        reported: what its controller says of the spec that is written.
    """
    return RouteState(
        canary_weight=reading.canary_weight,
        stable_hash=hash_of(rollout, objects, "stable"),
        canary_hash=hash_of(rollout, objects, "canary"),
        verification=unsettled(reading) or reported,
        problems=(
            *reading.problems,
            *unnamed(rollout, "weights are split between two Services"),
            *problems(rollout, objects),
        ),
        uneven=reading.uneven,
        part_weight=reading.part_weight,
    )


def lacks_port(
    rollout: RoutedRollout, objects: Objects, role: RoleName, port: int | str
) -> str | None:
    """A sentence when the role's Service is there and hasn't this port (a number, or a name)."""
    found = key(rollout, role)
    if found is None or found not in objects:
        return None
    field = "port" if isinstance(port, int) else "name"
    ports = list_at(objects[found], ("spec", "ports"))
    if any(value_at(each, (field,)) == port for each in ports):
        return None
    return f"{found} has no port {port}, to which its traffic is sent; add it."


def problems(rollout: RoutedRollout, objects: Objects) -> tuple[Finding, ...]:
    """What keeps the named Services from being narrowed."""
    return tuple(
        Finding(_path(rollout, role), sentence)
        for role in ROLES
        if (sentence := _problem(rollout, objects, role)) is not None
    )


def hash_of(rollout: RoutedRollout, objects: Objects, role: RoleName) -> str | None:
    """The revision that the role's Service is narrowed to; None when it isn't, or isn't there."""
    found = key(rollout, role)
    return None if found is None else narrowing.hash_in(objects.get(found, {}), _SELECTOR)


def target(
    rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
) -> tuple[ObjectPatch, ...]:
    """The patch that narrows the role's Service; none when it is so, or has a problem.

    It is opened (None) whatever it selects: a label that leads nowhere keeps nothing waiting.
    """
    found = key(rollout, role)
    if found is None or found not in objects:
        return ()
    if template_hash is None:
        problem = narrowing.owner_problem(rollout, found, objects[found])
    else:
        problem = _problem(rollout, objects, role)
    if problem is not None:
        return ()
    changes = narrowing.changes(rollout, _SELECTOR, (), template_hash)
    return patch(found, objects[found], changes)


def _path(rollout: RoutedRollout, role: RoleName) -> str:
    named, swaps = key(rollout, role), rollout.canary.ping_pong
    side = swaps.side(named.name) if swaps and named else None
    return f"{CANARY}.pingPong.{side}Service" if side else f"{CANARY}.{role}Service"


def _problem(rollout: RoutedRollout, objects: Objects, role: RoleName) -> str | None:
    found = key(rollout, role)
    if found is None:
        return None
    if role == "canary" and found == key(rollout, "stable"):
        return f"{found} is stableService too; weights need two Services."
    if found not in objects:
        return (
            f"{found} doesn't exist; create it, with a selector that finds the pods "
            f"({narrowing.template_text(rollout)})."
        )
    service = objects[found]
    if text_at(service, ("spec", "type")) == "ExternalName":
        return f"{found} is of type ExternalName; only a Service with a selector can be narrowed."
    selector = value_at(service, _SELECTOR)
    if not selector or not isinstance(selector, dict):
        return (
            f"{found} has no selector; give it one that finds the pods "
            f"({narrowing.template_text(rollout)})."
        )
    return narrowing.owner_problem(rollout, found, service) or narrowing.labels_problem(
        rollout, str(found), selector
    )
