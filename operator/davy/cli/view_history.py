"""The last updates of a rollout, as its status keeps them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from davy.cli.manifest import Json, instant, number, objects, text


@dataclass(frozen=True)
class PastView:
    """One update."""

    revision: int | None
    outcome: str
    """`Promoted`, `Aborted` …; empty while it isn't over."""
    message: str
    started_at: datetime | None
    finished_at: datetime | None


def updates(rollout: Json) -> Iterator[PastView]:
    """The newest first; none where another controller wrote the status."""
    for found in objects(rollout, "status", "history"):
        yield PastView(
            revision=number(found, "revision"),
            outcome=text(found, "outcome") or "",
            message=text(found, "message") or "",
            started_at=instant(found, "startedAt"),
            finished_at=instant(found, "finishedAt"),
        )
