"""The data plane: it follows what is written with a lag; some controllers report."""

from collections.abc import Callable
from random import Random
from typing import Final

from davy.cluster.client import Json
from davy.cluster.kinds import APISIX_ROUTE, HTTP_PROXY, HTTP_ROUTE, Kind
from tests.sim import manifests, traffic
from tests.sim.cluster import GONE, Change, Cluster
from tests.sim.loop import NEXT, VirtualLoop
from tests.sim.manifests import NAMESPACE, ROUTE_KINDS
from tests.sim.schedule import Setup
from tests.sim.traffic import Traffic

_REPORTED: Final = (HTTP_ROUTE, APISIX_ROUTE, HTTP_PROXY)
"""Kinds on which a controller reports."""


class Mesh:
    """Proxies that carry the traffic.

    Args:
        moved: told of a rollout whose traffic changed.
    """

    def __init__(
        self,
        *,
        loop: VirtualLoop,
        cluster: Cluster,
        setup: Setup,
        chance: Random,
        moved: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._cluster = cluster
        self._setup = setup
        self._chance = chance
        self._moved = moved
        self._seen: dict[tuple[Kind, str], Json] = {}
        self._last: dict[tuple[Kind, str], float] = {}
        self.gateway = ""
        """What is wrong with the controller that reports: it refuses routes, takes them `partly`
        (and goes on with what it had), or is `late` to say that it took them."""
        cluster.watch(self._told)

    def carries(self, name: str) -> Traffic:
        """Where the proxies send a rollout's requests at this moment."""
        return traffic.read(self._setup.router, name, lambda kind, n: self._seen.get((kind, n)))

    def calm(self) -> None:
        """Everything that was refused is taken."""
        self.gateway = ""
        for kind in _REPORTED:
            for found in self._cluster.held(kind):
                self._program(kind, found)

    def _told(self, change: Change) -> None:
        if change.kind not in ROUTE_KINDS:
            return
        if change.kind in _REPORTED and change.type != GONE:
            before = change.before or {"metadata": {}}
            if before["metadata"].get("generation") != change.object["metadata"]["generation"]:
                self._program(change.kind, change.object)
            return
        self._propagate(change.kind, change.object, gone=change.type == GONE)

    def _program(self, kind: Kind, found: Json) -> None:
        """The controller's verdict: in the route's status; in the proxies if it is good."""
        name, generation = found["metadata"]["name"], found["metadata"]["generation"]
        if self.gateway not in {"refuses", "partly"}:
            self._propagate(kind, found, gone=False)
        delay = self._chance.uniform(0.01, self._setup.mesh_lag)
        delay += self._chance.uniform(0, 20) if self.gateway == "late" else 0
        self._loop.later(delay, self._report, kind, name, generation, self.gateway)

    def _report(self, kind: Kind, route: str, generation: int, gateway: str) -> None:
        held = self._cluster.look(kind, NAMESPACE, route)
        if held is None or held["metadata"]["generation"] != generation:
            return
        self._cluster.actor = "gateway"
        if kind == HTTP_ROUTE:
            status = _of_gateway(generation, gateway)
        else:
            status = _of_one("Valid" if kind == HTTP_PROXY else "Accepted", generation, gateway)
        self._cluster.put(kind, {**held, "status": status})

    def _propagate(self, kind: Kind, found: Json, *, gone: bool) -> None:
        key = (kind, found["metadata"]["name"])
        lag = self._chance.uniform(0, self._setup.mesh_lag)
        at = max(self._last.get(key, 0.0) + NEXT, self._loop.time() + lag)
        self._last[key] = at
        self._loop.call_at(at, self._take, key, None if gone else found)

    def _take(self, key: tuple[Kind, str], found: Json | None) -> None:
        """A deleted route stays in the proxies as it was: what they do then is nobody's promise.

        A canary Ingress that is gone takes nothing any more.
        """
        name = key[1].partition("-")[0]
        if found is not None:
            self._seen[key] = found
        elif key != manifests.own(self._setup, name) or self._seen.pop(key, None) is None:
            return
        self._moved(name)


def _of_gateway(generation: int, gateway: str) -> Json:
    kinds = ("Accepted", "ResolvedRefs", *["PartiallyInvalid"] * (gateway == "partly"))
    conditions = [_condition(kind, generation, refused=gateway == "refuses") for kind in kinds]
    return {"parents": [{"parentRef": {"name": "gateway"}, "conditions": conditions}]}


def _of_one(condition: str, generation: int, gateway: str) -> Json:
    refused = gateway in {"refuses", "partly"}
    return {"conditions": [_condition(condition, generation, refused=refused)]}


def _condition(kind: str, generation: int, *, refused: bool) -> Json:
    return {
        "type": kind,
        "status": "False" if refused else "True",
        "reason": "Invalid" if refused else kind,
        "message": "the gateway is out of order" if refused else "",
        "observedGeneration": generation,
    }
