"""VirtualService: which of its routes are split, and between which of their destinations.

Owned: the two weights of each such route, and routes named as managed ones; in one of another
namespace an annotation in their place. Every other field, route and destination is the user's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from davy.api.errors import Finding
from davy.api.managed_routes import Rule
from davy.api.mesh_routers import IstioTcpRoute, IstioTlsRoute, IstioVirtualService
from davy.traffic.base import Json, ObjectKey, ObjectPatch, RoleName
from davy.traffic.elsewhere import Guest
from davy.traffic.istio_hosts import qualified
from davy.traffic.istio_rules import DIALECT, HTTP
from davy.traffic.leaves import Change, Path, list_at, number_at, patch, text_at, value_at
from davy.traffic.services import CANARY
from davy.traffic.split import FULL, Reading, Share, Split, together
from davy.traffic.twins import Twins

PATH: Final = f"{CANARY}.trafficRouting.istio"
_KINDS: Final = ("http", "tls", "tcp")


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
    kept: frozenset[str] = field(default=frozenset())
    """Subsets whose destinations keep their weight beside the two."""

    def __str__(self) -> str:
        return f"{self.stable} and {self.canary}"


@dataclass(frozen=True, eq=False)
class _Route:
    """One route of a VirtualService."""

    kind: str
    """http, tls or tcp: the list it is in."""
    index: int
    found: object

    @property
    def path(self) -> Path:
        return ("spec", self.kind, self.index)

    @property
    def name(self) -> str | None:
        """Only http routes have one."""
        return text_at(self.found, ("name",)) if self.kind == "http" else None

    @property
    def destinations(self) -> list[object]:
        return list_at(self.found, ("route",))

    @property
    def port(self) -> int | None:
        """The one port of its matches; None: none, or several."""
        ports = {number_at(match, ("port",)) for match in list_at(self.found, ("match",))}
        return ports.pop() if len(ports) == 1 else None

    @property
    def sni_hosts(self) -> set[object]:
        lists = [list_at(match, ("sniHosts",)) for match in list_at(self.found, ("match",))]
        return {host if isinstance(host, str) else None for hosts in lists for host in hosts}

    @property
    def label(self) -> str:
        place = f"{self.kind}[{self.index}]"
        unnamed = f"{place} (without a name)" if self.kind == "http" else place
        return f"{self.kind} route {self.name or unnamed}"

    def is_meant(self, wanted: IstioTlsRoute | IstioTcpRoute) -> bool:
        """Whether the rollout names it by what it matches."""
        if wanted.port is not None and wanted.port != self.port:
            return False
        hosts = wanted.sni_hosts if isinstance(wanted, IstioTlsRoute) else None
        return not hosts or set(hosts) == self.sni_hosts


@dataclass(frozen=True)
class VirtualService:
    """A VirtualService as a rollout uses it."""

    key: ObjectKey
    field: str
    """Of the rollout's `istio` that names it: `virtualServices[1]`."""
    spec: IstioVirtualService
    found: Json | None
    """The object; None: it isn't there."""
    sides: Sides
    rule_names: tuple[str, ...] = ()
    """Names of managed routes: none of these is the user's."""
    guest: Guest | None = None
    """The rollout, where the VirtualService is of another namespace; found is None unless it may be
    looked at."""

    @cached_property
    def twins(self) -> Twins:
        """Its managed routes."""
        weighted = (split for split in self._weighted.splits if split.sound)
        http = tuple(split for split in weighted if split.canary[0].path[: len(HTTP)] == HTTP)
        return Twins(DIALECT, self.found, http, self.rule_names)

    def read(self) -> Reading:
        """The splits of the weighted routes and of their twins, and all that is wrong with them."""
        return together([self._withdrawn, self._weighted, Reading(splits=self._twin_splits())])

    def patch(self, canary_weight: int, rules: tuple[Rule, ...]) -> tuple[ObjectPatch, ...]:
        """Weights and managed routes in one; empty when all is so."""
        if self.guest:
            return self._patch_elsewhere(self.guest, canary_weight)
        weighted, twins = self._weighted.splits, self._twin_splits()
        return self.twins.patch(self.key, weighted, twins, canary_weight, rules)

    def _patch_elsewhere(self, guest: Guest, canary_weight: int) -> tuple[ObjectPatch, ...]:
        """Weights, and the rollout's name beside them; after a withdrawn permission only less."""
        if self.found is None:
            return ()
        may = guest.may_write(self.found)
        tested = (guest.permission,) if canary_weight else ()
        changes: list[Change] = []
        has_weight = False
        for split in self._weighted.splits:
            rises = canary_weight > split.canary_weight
            own = () if rises and not may else split.changes(canary_weight)
            changes += (replace(each, identity=(*each.identity, *tested)) for each in own)
            has_weight |= (canary_weight if own else split.canary_weight) > 0
        claim = guest.claim(self.found, has_weight=has_weight)
        return patch(self.key, self.found, [*changes, *claim])

    def _twin_splits(self) -> tuple[Split, ...]:
        http = list_at(self.found, HTTP)
        splits = [_split(_Route("http", at, http[at]), self.sides) for at in self.twins.ours]
        return tuple(found for found in splits if isinstance(found, Split) and found.sound)

    @property
    def _withdrawn(self) -> Reading:
        """Nothing but a problem, where the owner took the permission back."""
        guest = self.guest
        if guest is None or self.found is None or guest.may_write(self.found):
            return Reading()
        return self._flawed("name", guest.withdrawn(self.key))

    @cached_property
    def _weighted(self) -> Reading:
        key, sides = self.key, self.sides
        if self.found is None:
            missing = f"{key} doesn't exist; create it, with an http route to {sides}."
            sentence = self.guest.refusal(key) if self.guest else missing
            return self._unreadable("name", sentence)
        routes = [
            _Route(kind, index, found)
            for kind in _KINDS
            for index, found in enumerate(list_at(self.found, ("spec", kind)))
            if not (kind == "http" and text_at(found, ("name",)) in self.rule_names)
        ]
        if self.spec.routes or self.spec.tls_routes or self.spec.tcp_routes:
            return together([*self._named(routes), *self._matching(routes)])
        http = [route for route in routes if route.kind == "http"]
        candidates = http or routes
        if not candidates:
            return self._unreadable("name", f"{key} has no http routes; add one to {sides}.")
        if len(candidates) > 1:
            return self._ambiguous(candidates)
        lone = [self._route(route, "name") for route in candidates]
        return together([*lone, *(self._route(route, "name") for route in self._beside(routes))])

    def _named(self, routes: Sequence[_Route]) -> Iterator[Reading]:
        http = [route for route in routes if route.kind == "http"]
        for position, name in enumerate(self.spec.routes or ()):
            place = f"routes[{position}]"
            meant = [route for route in http if route.name == name]
            if not meant:
                has = f"it has: {_names(http)}" if http else "it has none"
                sentence = f"{self.key} has no http route named {name}; {has}."
                yield self._unreadable(place, sentence)
            if len(meant) > 1:
                count = f"{len(meant)} http routes named {name}"
                yield self._flawed(place, f"{self.key} has {count}; give each its own name.")
            yield from (self._route(route, place) for route in meant)

    def _matching(self, routes: Sequence[_Route]) -> Iterator[Reading]:
        """Routes that have no name, by what they match; each once, however often it is meant."""
        wanted: list[tuple[str, int, IstioTlsRoute | IstioTcpRoute]] = [
            *(("tls", index, route) for index, route in enumerate(self.spec.tls_routes or ())),
            *(("tcp", index, route) for index, route in enumerate(self.spec.tcp_routes or ())),
        ]
        read: set[Path] = set()
        for kind, position, route in wanted:
            place = f"{kind}Routes[{position}]"
            meant = [each for each in routes if each.kind == kind and each.is_meant(route)]
            if not meant:
                sentence = f"{self.key} has no {kind} route that matches exactly {route}; add it."
                yield self._unreadable(place, sentence)
            yield from (self._route(each, place) for each in meant if each.path not in read)
            read |= {each.path for each in meant}

    def _beside(self, routes: Sequence[_Route]) -> Iterator[_Route]:
        """The one tls and the one tcp route beside an http route, if they split the same way."""
        for kind in ("tls", "tcp"):
            of_kind = [route for route in routes if route.kind == kind]
            if len(of_kind) == 1 and any(route.kind == "http" for route in routes):
                split = _split(of_kind[0], self.sides)
                if isinstance(split, Split) and split.stable and split.canary:
                    yield of_kind[0]

    def _ambiguous(self, routes: Sequence[_Route]) -> Reading:
        """Several routes and no names: only an abort is written, to each that has both (I3)."""
        splits = {route: _split(route, self.sides) for route in routes}
        both = {
            route: replace(split, ours=False)
            for route, split in splits.items()
            if isinstance(split, Split) and split.stable and split.canary
        }
        several = len(both) > 1
        meant = [*both] if several else routes
        kinds = [kind for kind in _KINDS if any(route.kind == kind for route in meant)]
        counted = f"{len(meant)} {' and '.join(kinds)} routes" + (
            f" to both {self.sides.plural}" if several else ""
        )
        field = "routes" if kinds == ["http"] else f"{kinds[0]}Routes"
        sentence = (
            f"{self.key} has {counted}; name one in trafficRouting.istio.{self.field}.{field}: "
            f"{_names(meant)}."
        )
        return Reading(
            splits=tuple(both.values()),
            problems=(self._finding(field, sentence),),
            readable=bool(both),
        )

    def _route(self, route: _Route, field: str) -> Reading:
        subject = f"{route.label} of {self.key}"
        split = _split(route, self.sides)
        if isinstance(split, str):
            return self._unreadable(field, f"{subject} {split}")
        flaws = _flaws(self.key, route, split, self.sides)
        return Reading(
            splits=(split,),
            problems=tuple(self._finding(field, f"{subject} {flaw}") for flaw in flaws),
            # A destination that isn't known may be the canary under another name.
            readable=bool(split.canary) or not split.others,
        )

    def _finding(self, field: str, sentence: str) -> Finding:
        return Finding(f"{PATH}.{self.field}.{field}", sentence)

    def _flawed(self, field: str, sentence: str) -> Reading:
        return Reading(problems=(self._finding(field, sentence),))

    def _unreadable(self, field: str, sentence: str) -> Reading:
        return replace(self._flawed(field, sentence), readable=False)


def _split(route: _Route, sides: Sides) -> Split | str:
    """The route's destinations by role; a string says why there are none to read."""
    delegate = value_at(route.found, ("delegate",))
    if isinstance(delegate, dict):
        names = (text_at(delegate, (field,)) for field in ("name", "namespace"))
        name = ".".join(found for found in names if found)
        return f"delegates to another VirtualService; name that one in virtualService.name: {name}."
    destinations = route.destinations
    if not destinations:
        return f"has no destinations; it must send its traffic to {sides}."
    shares: dict[str, list[Share]] = {"stable": [], "canary": [], "other": [], "kept": []}
    for position, destination in enumerate(destinations):
        if text_at(destination, ("destination", "host")) is None:
            return f"has a destination without a host (route[{position}]); write {sides}."
        weight = _weight(destination, alone=len(destinations) == 1)
        if weight is None:
            return f"has a weight that isn't a whole number from 0 (route[{position}]); write 0."
        path: Path = (*route.path, "route", position)
        identity = (
            (*route.path, "name"),
            (*path, "destination", "host"),
            (*path, "destination", "subset"),
        )
        kept = text_at(destination, ("destination", "subset")) in sides.kept
        role = sides.role_of(value_at(destination, ("destination",)))
        share = Share((*path, "weight"), weight, identity)
        shares["kept" if kept else role or "other"].append(share)
    return Split(
        tuple(shares["stable"]),
        tuple(shares["canary"]),
        tuple(shares["other"]),
        kept=tuple(shares["kept"]),
    )


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


def _flaws(key: ObjectKey, route: _Route, split: Split, sides: Sides) -> Iterable[str]:
    destinations = route.destinations
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
    if split.shared <= 0:
        yield "leaves nothing of 100 beside additionalSubsetNames; lower their weights."
    weights = [share.weight for share in (*split.stable, *split.canary)]
    if (
        split.sound
        and sum(weights) != split.shared
        and any(_has(found, "weight") for found in destinations)
    ):
        total = f"has weights {weights[0]} and {weights[1]}, in sum {sum(weights)}"
        yield f"{total}; write {split.shared} and 0."


def _destination(found: object) -> str:
    host = text_at(found, ("destination", "host"))
    subset = text_at(found, ("destination", "subset"))
    return f"host {host}" if subset is None else f"subset {subset} of host {host}"


def _names(routes: Sequence[_Route]) -> str:
    """The routes' names for a sentence; an http route that has none must be given one."""
    return ", ".join(
        (route.name or "(one without a name: give it one)") if route.kind == "http" else route.label
        for route in routes
    )
