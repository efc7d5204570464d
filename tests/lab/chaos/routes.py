"""Which revision gets how much, read from a route's objects without Davy's own eyes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tests.lab.chaos.history import History, Json, Key

HASH: Final = "rollouts-pod-template-hash"
WEIGHTED: Final = frozenset({"virtualservices", "httproutes"})
"""Kinds that hold the weights."""

NARROWED: Final = frozenset({"destinationrules", "services"})
"""Kinds that say which pods a side leads to."""

ALL: Final = 100


@dataclass(frozen=True)
class Split:
    """The two sides of a route at one moment."""

    canary_weight: int
    stable_hash: str | None
    """None: it isn't narrowed to a revision."""
    canary_hash: str | None

    def share(self, template_hash: str) -> int:
        """The weight that leads to exactly this revision, 0 to 100."""
        return sum(
            weight
            for leads_to, weight in (
                (self.canary_hash, self.canary_weight),
                (self.stable_hash, ALL - self.canary_weight),
            )
            if leads_to == template_hash
        )

    def reaches(self, template_hash: str) -> bool:
        """Whether any request may reach its pods: a side that isn't narrowed reaches all."""
        return self.share(template_hash) > 0 or (
            (self.canary_weight > 0 and self.canary_hash is None)
            or (self.canary_weight < ALL and self.stable_hash is None)
        )


def weights(found: Json) -> tuple[tuple[int, ...], ...]:
    """The weights of each rule of a VirtualService or HTTPRoute, destinations in their order."""
    spec = found["spec"]
    if "http" in spec:
        return tuple(
            tuple(destination.get("weight", 0) for destination in rule["route"])
            for rule in spec["http"]
        )
    return tuple(
        tuple(backend.get("weight", 1) for backend in rule["backendRefs"]) for rule in spec["rules"]
    )


def split(history: History, rollout: Key, version: int) -> Split | None:
    """The route of a rollout at an etcd revision; None where an object of it is missing.

    Stable is the first destination and canary the second, as in `manifests/examples/`.
    """
    owner = history.found(rollout, version)
    if owner is None:
        return None
    canary = owner["spec"]["strategy"]["canary"]
    routing = canary["trafficRouting"]
    where = rollout.namespace
    if "gatewayAPI" in routing:
        route = Key(where, "httproutes", routing["gatewayAPI"]["httpRoutes"][0]["name"])
        rule = None
    else:
        route = Key(where, "virtualservices", routing["istio"]["virtualService"]["name"])
        rule = routing["istio"].get("destinationRule")
    found = history.found(route, version)
    if found is None:
        return None
    if rule is None:
        labels = [
            _selector(history.found(Key(where, "services", canary[name]), version))
            for name in ("stableService", "canaryService")
        ]
    else:
        named = history.found(Key(where, "destinationrules", rule["name"]), version)
        labels = [_subset(named, rule[name]) for name in ("stableSubsetName", "canarySubsetName")]
    stable, canary_side = labels
    if stable is None or canary_side is None:
        return None
    return Split(weights(found)[0][1], stable.get(HASH), canary_side.get(HASH))


def _selector(service: Json | None) -> dict[str, str] | None:
    return None if service is None else dict(service["spec"].get("selector") or {})


def _subset(rule: Json | None, name: str) -> dict[str, str] | None:
    subsets = rule["spec"]["subsets"] if rule else ()
    return next((dict(each.get("labels") or {}) for each in subsets if each["name"] == name), None)


@dataclass(frozen=True)
class Moment:
    """A route from one version on."""

    version: int
    at: datetime
    by: str
    """Who wrote it; empty where only a watch saw it."""
    split: Split | None


def moments(history: History, rollout: Key) -> list[Moment]:
    """Each version at which the route's objects changed, in order, and the route from then on."""
    changes = sorted(
        (state.version, state.at, state.by)
        for key, states in history.states.items()
        if key.namespace == rollout.namespace and key.kind in WEIGHTED | NARROWED
        for state in states
    )
    return [
        Moment(version, at, by, split(history, rollout, version)) for version, at, by in changes
    ]
