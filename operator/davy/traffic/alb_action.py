"""The JSON of an action annotation: what it says, and what it says with another weight.

Names are read in any case, as the controller reads them (Argo Rollouts writes `ForwardConfig`), and
written as the controller documents them.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from davy.api import paths
from davy.api.routers import StickinessConfig
from davy.traffic.base import Json, RoleName
from davy.traffic.leaves import Path, holds
from davy.traffic.split import FULL, Share, Split

_LONGEST: Final = 10_000
"""Characters; an action of Davy's has some hundred."""
_LEVELS: Final = 8
_DEFAULT_WEIGHT: Final = 1


@dataclass(frozen=True)
class Asked:
    """What the rollout asks the action to be."""

    stable: str
    """Name of the Service."""
    canary: str
    port: int
    stickiness: StickinessConfig | None

    def action(self, weight: int) -> Json:
        """The action with this weight for the canary."""
        groups = [
            {"serviceName": name, "servicePort": str(self.port), "weight": share}
            for name, share in ((self.canary, weight), (self.stable, FULL - weight))
        ]
        config: Json = {"targetGroups": groups}
        if self.stickiness is not None:
            config["targetGroupStickinessConfig"] = self.stickiness.manifest()
        return {"type": "forward", "forwardConfig": config}


@dataclass(frozen=True)
class Action:
    """A forward action that could be read."""

    split: Split
    """Paths are of the JSON in the annotation."""
    found: Json
    asked: Asked
    flaws: tuple[str, ...] = ()
    stale: str = ""
    """What beside the weights isn't as the rollout asks; "": nothing."""

    def written(self, weight: int) -> str | None:
        """The annotation with this weight for the canary; None: it is so, or can't be written."""
        changes = self.split.changes(weight)
        if not self.stale and all(holds(self.found, change) for change in changes):
            return None
        if self.split.sound:
            return _dumped(self.asked.action(weight))
        made: Any = copy.deepcopy(self.found)
        for change in changes:
            group = made
            for name in change.path[:-1]:
                group = group[name]
            group[change.path[-1]] = change.value
        return _dumped(made)


def read(text: object, asked: Asked) -> Action | str:
    """What the annotation says; a string: why that can't be read.

    An annotation that isn't there is an action at weight 0 that must be written.

    Args:
        text: the annotation's value; None: there is none.
        asked: what the rollout asks for.
    """
    own = asked.action(0)
    found = own if text is None else _loaded(text)
    places = [*_groups(found)]
    kind = _get(found, "type")
    if not places or not isinstance(kind, str) or kind != "forward":
        return (
            "is no forward action with target groups; remove it: Davy writes one to "
            f"{asked.stable} and {asked.canary}."
        )
    shares: dict[RoleName | None, list[Share]] = {"stable": [], "canary": [], None: []}
    for path, group in places:
        weight = _get(group, "weight")
        weight = _DEFAULT_WEIGHT if weight is None else weight
        if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
            return f"has a weight that isn't a whole number from 0 ({path[-1]}); write 0."
        share = Share((*path, _spelled(group, "weight") or "weight"), weight, ())
        shares[_role(group, asked)].append(share)
    split = Split(tuple(shares["stable"]), tuple(shares["canary"]), tuple(shares[None]))
    stale = ""
    if text is None:
        stale = "has no action for the rollout yet"
    elif split.sound and _plain(found) != _plain(own):
        stale = "has an action with another port or stickiness"
    return Action(split, found, asked, tuple(_flaws(split, asked)), stale)


def _flaws(split: Split, asked: Asked) -> Iterator[str]:
    both = f"{asked.stable} and {asked.canary}"
    for shares, role, name in (
        (split.stable, "stable", asked.stable),
        (split.canary, "canary", asked.canary),
    ):
        if not shares:
            yield f"has no destination for {role}; remove it: Davy writes one to {both}."
        if len(shares) > 1:
            yield f"has {len(shares)} target groups of Service {name}; leave one."
    if split.others:
        yield f"has another target group beside {both}; remove it."


def _loaded(text: object) -> Any:
    """The JSON; None when it is none."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if paths.beyond(found, levels=_LEVELS, values=_LONGEST) else found


def _dumped(action: Json) -> str:
    return json.dumps(action, separators=(",", ":"))


def _groups(action: Any) -> Iterator[tuple[Path, Any]]:
    """The target groups with their paths."""
    config = _get(action, "forwardconfig")
    groups = _get(config, "targetgroups")
    above = (_spelled(action, "forwardconfig") or "", _spelled(config, "targetgroups") or "")
    for position, group in enumerate(groups if isinstance(groups, list) else ()):
        yield (*above, position), group


def _role(group: Any, asked: Asked) -> RoleName | None:
    name = _get(group, "servicename")
    if name == asked.stable:
        return "stable"
    return "canary" if name == asked.canary else None


def _plain(found: Any) -> Any:
    """Without weights, in one spelling and order."""
    if isinstance(found, dict):
        return {
            name.lower(): str(value) if name.lower() == "serviceport" else _plain(value)
            for name, value in found.items()
            if name.lower() != "weight"
        }
    if isinstance(found, list):
        return sorted((_plain(each) for each in found), key=str)
    return found


def _spelled(found: Any, name: str) -> str | None:
    """How a field's name is written there."""
    known = found if isinstance(found, dict) else ()
    return next((each for each in known if each.lower() == name), None)


def _get(found: Any, name: str) -> Any:
    spelled = _spelled(found, name)
    return None if spelled is None else found[spelled]
