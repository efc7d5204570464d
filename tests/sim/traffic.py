"""What a route's objects mean: the simulation's own reading, independent of Davy's routers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.cluster.client import Json
from davy.cluster.kinds import DESTINATION_RULE, HTTP_ROUTE, SERVICE, VIRTUAL_SERVICE
from tests.sim import ingresses, manifests
from tests.sim.ingresses import ROUTES, Get
from tests.sim.schedule import PODS


@dataclass(frozen=True)
class Side:
    """One destination of a rule."""

    role: str
    """stable or canary."""
    hash: str | None
    """The revision it is narrowed to; None: any pod of the rollout."""
    weight: int


@dataclass(frozen=True)
class Traffic:
    """Where requests go; rules in the order of the route. No rules: nothing can be said."""

    rules: tuple[tuple[Side, ...], ...] = ()
    aside: tuple[Side, ...] = ()
    """Where managed routes send requests beside the weights: name instead of role, the percent that
    they copy, or 100."""

    @property
    def canary(self) -> int | None:
        """The canary's highest weight."""
        found = [side.weight for rule in self.rules for side in rule if side.role == "canary"]
        return max(found, default=None)

    def share(self, template_hash: str) -> float:
        """The highest percentage of a revision in any rule, destinations for any pod aside."""
        shares = (
            (sum(side.weight for side in rule if side.hash == template_hash), total)
            for rule, total in zip(self.rules, self.sums, strict=True)
        )
        return max((100 * weight / total for weight, total in shares if total), default=0)

    def reaches(self, template_hash: str) -> bool:
        """Some request may meet a pod of this revision."""
        return any(
            side.weight > 0 and side.hash in {template_hash, None}
            for rule in (*self.rules, self.aside)
            for side in rule
        )

    def leads(self, role: str) -> str | None:
        """The revision that a role is narrowed to."""
        return next((side.hash for rule in self.rules for side in rule if side.role == role), None)

    @property
    def sums(self) -> list[int]:
        """The sum of each rule's weights (I1)."""
        return [sum(side.weight for side in rule) for rule in self.rules]

    def told_by(self, rollout: Json | None) -> "Traffic":
        """With the roles as the Rollout's status has them; read, they are those of the start."""
        strategy = rollout["spec"]["strategy"]["canary"] if rollout else {}
        status = (rollout or {}).get("status") or {}
        side = (status.get("canary") or {}).get("stablePingPong")
        if "pingPong" not in strategy or side != "pong":
            return self
        other = {"stable": "canary", "canary": "stable"}
        return replace(
            self,
            rules=tuple(
                tuple(replace(side, role=other[side.role]) for side in rule) for rule in self.rules
            ),
        )

    def __str__(self) -> str:
        if not self.rules:
            return "no route"
        return "; ".join(
            ", ".join(f"{side.role} {side.weight} to {side.hash or 'any pod'}" for side in rule)
            for rule in dict.fromkeys((*self.rules, *([self.aside] if self.aside else [])))
        )


def read(router: str, name: str, get: Get) -> Traffic:
    """The traffic of one rollout's route; without rules where a part of the route is missing.

    Roles are those of the start. None where there is no router: the pods tell (`pod_rules`).
    """
    if router == PODS:
        return Traffic()
    aside: list[tuple[str, str, int]] = []
    if router in ROUTES:
        names = [
            [(f"{name}-{role}", weight) for role, weight in rule]
            for rule in ingresses.read(ROUTES[router], name, get)
        ]
    elif router == "httproute":
        route = get(HTTP_ROUTE, name)
        rules = route["spec"]["rules"] if route else []
        aside = [*_aside_of_rules(rules)]
        names = [
            [(each["name"], each["weight"]) for each in rule["backendRefs"]]
            for rule in rules
            if manifests.managed_name(rule) != "beta"
        ]
    else:
        route = get(VIRTUAL_SERVICE, name)
        routes = route["spec"]["http"] if route else []
        aside = [*_aside(routes)]
        names = [
            [(_destination(each["destination"]), each["weight"]) for each in rule["route"]]
            for rule in routes
            if rule["name"] in {"primary", "copy"}
        ]
    if router == "subsets":
        hashes = _subset_hashes(get(DESTINATION_RULE, name))
    else:
        hashes = {
            role: _service_hash(get(SERVICE, f"{name}-{role}")) for role in ("stable", "canary")
        }
    return Traffic(
        tuple(
            tuple(
                Side(role, hashes.get(role), weight)
                for full, weight in rule
                for role in (full.rpartition("-")[2],)
            )
            for rule in names
        ),
        tuple(
            Side(managed, hashes.get(full.rpartition("-")[2]), percent)
            for managed, full, percent in aside
        ),
    )


def _aside(routes: list[Json]) -> Iterator[tuple[str, str, int]]:
    for route in routes:
        if route["name"] == "beta":
            yield "beta", _destination(route["route"][0]["destination"]), 100
        elif route["name"] == "copy":
            yield "copy", _destination(route["mirror"]), route["mirrorPercentage"]["value"]


def _aside_of_rules(rules: list[Json]) -> Iterator[tuple[str, str, int]]:
    for rule in rules:
        if manifests.managed_name(rule) == "beta":
            yield "beta", rule["backendRefs"][0]["name"], 100
        for each in rule.get("filters", ()):
            mirror = each["requestMirror"]
            yield "copy", mirror["backendRef"]["name"], mirror.get("percent", 100)


def _destination(found: Json) -> str:
    return str(found.get("subset") or found["host"]).partition(".")[0]


def _subset_hashes(rule: Json | None) -> dict[str, str | None]:
    subsets = rule["spec"]["subsets"] if rule else []
    return {subset["name"]: subset["labels"].get(POD_TEMPLATE_HASH_LABEL) for subset in subsets}


def _service_hash(service: Json | None) -> str | None:
    found = service["spec"]["selector"].get(POD_TEMPLATE_HASH_LABEL) if service else None
    return None if found is None else str(found)
