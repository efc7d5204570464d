"""The states of a container, as data; `status` turns them into what the API shows."""

import datetime as dt
from dataclasses import dataclass, field


def now() -> dt.datetime:
    """The present instant, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Waiting:
    """No process: not yet, or not again before a back-off has passed."""

    reason: str = "ContainerCreating"
    message: str = ""


@dataclass(frozen=True)
class Running:
    """There is a process."""

    started_at: dt.datetime = field(default_factory=now)


@dataclass(frozen=True)
class Terminated:
    """The process ended."""

    exit_code: int
    """As a shell's: 128 + N if signal N ended it."""
    reason: str
    """`Completed`, `Error` or `StartError`."""
    started_at: dt.datetime
    finished_at: dt.datetime
    message: str = ""


State = Waiting | Running | Terminated


@dataclass
class Snapshot:
    """A container as it is now; only its runner writes it."""

    name: str
    image: str
    state: State = Waiting()
    last: Terminated | None = None
    """How it ended before the present state."""
    restarts: int = 0
    ready: bool = False
    """The answer of the readiness probe, or running when it has none."""
    started: bool = False
    """The startup probe succeeded, or there is none."""
    finished: bool = False
    """It ended and will not be started again."""
    sidecar: bool = False
    """An init container that runs on beside the others; how it ends says nothing of the pod."""
    sequence: int = 0
    """How many processes it has had."""
