"""The last updates of a rollout, as its status keeps them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from davy.api.analysis import SideCounts
from davy.cli.manifest import Json, instant, number, objects, text


@dataclass(frozen=True)
class SideView:
    """What one side served while it was compared."""

    requests: int
    errors: int


@dataclass(frozen=True)
class PastView:
    """One update."""

    revision: int | None
    hash: str
    """The pod-template-hash of what it brought."""
    outcome: str
    """`Promoted`, `Aborted` …; empty while it isn't over."""
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    canary: SideView | None = None
    """None: nothing was compared."""
    stable: SideView | None = None


def updates(rollout: Json) -> Iterator[PastView]:
    """The newest first; none where another controller wrote the status."""
    for found in objects(rollout, "status", "history"):
        yield PastView(
            revision=number(found, "revision"),
            hash=text(found, "podTemplateHash") or "",
            outcome=text(found, "outcome") or "",
            message=text(found, "message") or "",
            started_at=instant(found, "startedAt"),
            finished_at=instant(found, "finishedAt"),
            canary=_side(found, "canary"),
            stable=_side(found, "stable"),
        )


def _side(entry: Json, name: str) -> SideView | None:
    try:
        counts = SideCounts.model_validate(entry.get(name))
    except ValidationError:
        return None
    return SideView(counts.requests, counts.errors)
