"""A router, a metric provider and a step for Davy."""

from datetime import datetime

from davy.api.errors import Finding
from davy.api.managed_routes import Rule
from davy.plugins.contract import Answer, Asked, Config, Done, RouteKind, Wait
from davy.traffic.base import (
    ObjectKey,
    ObjectPatch,
    Objects,
    RoleName,
    RoutedRollout,
    RouteState,
    Verified,
)


class NotesRouter:
    """Writes the split into annotations of a ConfigMap, for a proxy that reads it there."""

    kinds = (RouteKind(group="", version="v1", kind="ConfigMap", plural="configmaps"),)

    def __init__(self, config: Config) -> None:
        self.name = config["configMap"]

    def objects(self, rollout: RoutedRollout) -> tuple[ObjectKey, ...]:
        return (ObjectKey("", "ConfigMap", rollout.namespace, self.name),)

    def read(self, rollout: RoutedRollout, objects: Objects) -> RouteState:
        (key,) = self.objects(rollout)
        if key not in objects:
            missing = Finding(
                "spec.strategy.canary.trafficRouting", f"{key} is missing; create it."
            )
            return RouteState(None, None, None, Verified(""), problems=(missing,))
        notes = objects[key]["metadata"].get("annotations", {})
        weight, stable = int(notes.get("weight", 0)), notes.get("stable")
        return RouteState(weight, stable, notes.get("canary"), Verified("it is noted"))

    def weights(
        self,
        rollout: RoutedRollout,
        objects: Objects,
        canary_weight: int,
        rules: tuple[Rule, ...] = (),
    ) -> tuple[ObjectPatch, ...]:
        return self._noted(rollout, objects, "weight", str(canary_weight))

    def target(
        self, rollout: RoutedRollout, objects: Objects, role: RoleName, template_hash: str | None
    ) -> tuple[ObjectPatch, ...]:
        return self._noted(rollout, objects, role, template_hash)

    def _noted(
        self, rollout: RoutedRollout, objects: Objects, name: str, value: str | None
    ) -> tuple[ObjectPatch, ...]:
        (key,) = self.objects(rollout)
        held = objects[key]["metadata"]
        notes = held.get("annotations", {})
        if notes.get(name) == value:
            return ()
        same = {"op": "test", "path": "/metadata/resourceVersion", "value": held["resourceVersion"]}
        others = {each: text for each, text in notes.items() if each != name}
        wanted = others if value is None else {**others, name: value}
        note = {"op": "add", "path": "/metadata/annotations", "value": wanted}
        return (ObjectPatch(key, (same, note)),)


def number(config: Config) -> float:
    """The metric's `result`; an exception says that there is no answer."""
    return float(config["number"])


def until(asked: Asked) -> Answer:
    """Waits for a moment."""
    at = datetime.fromisoformat(asked.config["at"])
    return Done() if asked.now >= at else Wait(f"it is not {at:%H:%M} yet", until=at)
