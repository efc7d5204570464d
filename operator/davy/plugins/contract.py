"""What a package of somebody else's writes against, beside `davy.traffic.base` for a router."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Config = Mapping[str, Any]
"""The plugin's object in the user's spec: JSON, of any shape; a copy."""


@dataclass(frozen=True)
class RouteKind:
    """A kind of object that a router is made of: Davy watches it and may patch it."""

    group: str
    """API group; "" is core."""
    version: str
    kind: str
    plural: str
    creates: bool = False
    """The router also makes objects of it."""


@dataclass(frozen=True)
class Asked:
    """What a step may know; whoever asks twice with the same gets the same answer."""

    config: Config
    namespace: str
    rollout: str
    revision: int
    """Of the canary."""
    weight: int | None
    """The canary's, as the route has it; None: it can't be read."""
    since: datetime
    """Since when the step is under way, UTC."""
    now: datetime
    """The present, UTC."""


@dataclass(frozen=True)
class Done:
    """The rollout goes on with the next step."""


@dataclass(frozen=True)
class Wait:
    """The step isn't done."""

    message: str
    """What it waits for; the Rollout's status tells it."""
    until: datetime | None = None
    """When to ask again, with a time zone; None: in 30 seconds."""


@dataclass(frozen=True)
class Failed:
    """The update is aborted."""

    message: str
    """Why; the Rollout's status tells it."""


Answer = Done | Wait | Failed
