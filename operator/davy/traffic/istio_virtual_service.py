"""VirtualService: which http routes are split, and between which of their destinations.

Owned: the two weights of each such route. Every other field, route and destination is the user's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from davy.api.errors import Finding
from davy.api.rollout import IstioVirtualService
from davy.traffic.base import Json, ObjectKey, RoleName
from davy.traffic.istio_hosts import qualified
from davy.traffic.leaves import Path, list_at, number_at, text_at, value_at
from davy.traffic.services import CANARY
from davy.traffic.split import FULL, Reading, Share, Split, together

PATH: Final = f"{CANARY}.trafficRouting.istio.virtualService"
_HTTP: Final[Path] = ("spec", "http")


@dataclass(frozen=True)
class Sides:
    """How stable's and canary's destinations are told from others."""

    role_of: Callable[[object], RoleName | None]
    """From a `destination`: whose it is; None: neither's."""
    stable: str
    """What stable's destination is, for a sentence: `host cart-stable`."""
    canary: str
    plural: str
    """What the two are: `services`."""
    host: str | None = None
    """The qualified host that both must have beside their subset; None: any."""

    def __str__(self) -> str:
        return f"{self.stable} and {self.canary}"


def read(key: ObjectKey, found: Json | None, spec: IstioVirtualService, sides: Sides) -> Reading:
    """The splits of the managed http routes, and all that is wrong with them."""
    if found is None:
        return _unreadable(
            "name", f"{key} doesn't exist; create it, with an http route to {sides}."
        )
    routes = list_at(found, _HTTP)
    if not routes:
        return _unreadable("name", _no_http_routes(key, found, sides))
    if spec.routes:
        return _named(key, routes, spec.routes, sides)
    if len(routes) == 1:
        return _route(key, routes, 0, "name", sides)
    return _ambiguous(key, routes, sides)


def _no_http_routes(key: ObjectKey, found: Json, sides: Sides) -> str:
    others = [kind for kind in ("tls", "tcp") if list_at(found, ("spec", kind))]
    if others:
        return (
            f"{key} has only {' and '.join(others)} routes; weights are written in http routes: "
            f"add one to {sides}."
        )
    return f"{key} has no http routes; add one to {sides}."


def _named(key: ObjectKey, routes: list[object], names: Sequence[str], sides: Sides) -> Reading:
    readings = []
    for position, name in enumerate(names):
        field = f"routes[{position}]"
        indices = [index for index, route in enumerate(routes) if _name(route) == name]
        if not indices:
            sentence = f"{key} has no http route named {name}; it has: {_names(routes)}."
            readings.append(_unreadable(field, sentence))
        if len(indices) > 1:
            sentence = f"{key} has {len(indices)} http routes named {name}; give each its own name."
            readings.append(Reading(problems=(Finding(f"{PATH}.{field}", sentence),)))
        readings += [_route(key, routes, index, field, sides) for index in indices]
    return together(readings)


def _ambiguous(key: ObjectKey, routes: list[object], sides: Sides) -> Reading:
    """Several routes and no names: only an abort is written, to each that has both (I3)."""
    splits = {index: _split(routes, index, sides) for index in range(len(routes))}
    both = {
        index: replace(split, ours=False)
        for index, split in splits.items()
        if isinstance(split, Split) and split.stable and split.canary
    }
    several = len(both) > 1
    meant = [routes[index] for index in both] if several else routes
    counted = f"{len(meant)} http routes" + (f" to both {sides.plural}" if several else "")
    sentence = (
        f"{key} has {counted}; name one in trafficRouting.istio.virtualService.routes: "
        f"{_names(meant)}."
    )
    return Reading(
        splits=tuple(both.values()),
        problems=(Finding(f"{PATH}.routes", sentence),),
        readable=bool(both),
    )


def _route(key: ObjectKey, routes: list[object], index: int, field: str, sides: Sides) -> Reading:
    subject = f"http route {_label(routes, index)} of {key}"
    split = _split(routes, index, sides)
    if isinstance(split, str):
        return _unreadable(field, f"{subject} {split}")
    flaws = _flaws(key, routes, index, split, sides)
    return Reading(
        splits=(split,),
        problems=tuple(Finding(f"{PATH}.{field}", f"{subject} {flaw}") for flaw in flaws),
        # A destination that isn't known may be the canary under another name.
        readable=bool(split.canary) or not split.others,
    )


def _split(routes: list[object], index: int, sides: Sides) -> Split | str:
    """The route's destinations by role; a string says why there are none to read."""
    route = routes[index]
    delegate = value_at(route, ("delegate",))
    if isinstance(delegate, dict):
        name = text_at(delegate, ("name",))
        return f"delegates to VirtualService {name}; name that one in virtualService.name."
    destinations = list_at(route, ("route",))
    if not destinations:
        return f"has no destinations; it must send its traffic to {sides}."
    shares: dict[RoleName | None, list[Share]] = {"stable": [], "canary": [], None: []}
    for position, destination in enumerate(destinations):
        if text_at(destination, ("destination", "host")) is None:
            return f"has a destination without a host (route[{position}]); write {sides}."
        weight = _weight(destination, alone=len(destinations) == 1)
        if weight is None:
            return f"has a weight that isn't a whole number from 0 (route[{position}]); write 0."
        path: Path = (*_HTTP, index, "route", position)
        identity = (
            (*_HTTP, index, "name"),
            (*path, "destination", "host"),
            (*path, "destination", "subset"),
        )
        role = sides.role_of(value_at(destination, ("destination",)))
        shares[role].append(Share((*path, "weight"), weight, identity))
    return Split(tuple(shares["stable"]), tuple(shares["canary"]), tuple(shares[None]))


def _weight(destination: object, *, alone: bool) -> int | None:
    """The weight as Istio takes it: 0 when absent, all when there is no other; None: malformed."""
    if alone:
        return FULL
    if value_at(destination, ("weight",)) is None or not _has(destination, "weight"):
        return 0
    weight = number_at(destination, ("weight",))
    return weight if weight is not None and weight >= 0 else None


def _has(found: object, name: str) -> bool:
    return isinstance(found, dict) and name in found


def _flaws(
    key: ObjectKey, routes: list[object], index: int, split: Split, sides: Sides
) -> Iterable[str]:
    destinations = list_at(routes[index], ("route",))
    has = ", ".join(_destination(found) for found in destinations)
    for shares, role, meant in (
        (split.stable, "stable", sides.stable),
        (split.canary, "canary", sides.canary),
    ):
        if not shares:
            yield f"has no destination for {role} ({meant}); it has: {has}."
        if len(shares) > 1:
            yield f"has {len(shares)} destinations for {role} ({meant}); leave one."
    for share in split.others:
        position = share.path[-2]
        other = _destination(value_at(destinations, (position,)))
        neither = f"neither {sides.stable} nor {sides.canary}"
        yield f"has a destination that is {neither}: {other}; remove it."
    for found in destinations:
        host = text_at(found, ("destination", "host")) or ""
        known = sides.role_of(value_at(found, ("destination",))) is not None
        if known and sides.host not in {None, qualified(host, key.namespace)}:
            yield (
                f"sends {_destination(found)}, but the DestinationRule is for host {sides.host}; "
                f"make the hosts the same."
            )
    weights = [share.weight for share in (*split.stable, *split.canary)]
    if (
        split.sound
        and sum(weights) != FULL
        and any(_has(found, "weight") for found in destinations)
    ):
        yield f"has weights {weights[0]} and {weights[1]}, in sum {sum(weights)}; write 100 and 0."


def _destination(found: object) -> str:
    host = text_at(found, ("destination", "host"))
    subset = text_at(found, ("destination", "subset"))
    return f"host {host}" if subset is None else f"subset {subset} of host {host}"


def _name(route: object) -> str | None:
    return text_at(route, ("name",))


def _label(routes: list[object], index: int) -> str:
    return _name(routes[index]) or f"http[{index}] (without a name)"


def _names(routes: Sequence[object]) -> str:
    """The routes' names for a sentence; one that has none must be given one."""
    return ", ".join(_name(route) or "(one without a name: give it one)" for route in routes)


def _unreadable(field: str, sentence: str) -> Reading:
    return Reading(problems=(Finding(f"{PATH}.{field}", sentence),), readable=False)
