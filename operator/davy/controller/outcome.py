"""How a pass ends; `reconcile` has the table of what the queue does then."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from davy.api import errors


@dataclass(frozen=True)
class Done:
    """Nothing is left to do, before `wake_at` at least."""

    wake_at: datetime | None = None


@dataclass(frozen=True)
class Again:
    """Something was written: look at what it brought."""

    wake_at: datetime | None = None


@dataclass(frozen=True)
class Retry:
    """Something failed and may work later."""

    error: errors.DavyError
    wake_at: datetime | None = None


@dataclass(frozen=True)
class Gone:
    """The object isn't there any more."""


Result = Done | Again | Retry | Gone

_TERMINAL_SECONDS: Final = 30.0


def least_wait(error: errors.DavyError) -> float:
    """Seconds to wait at least before what failed so is tried again.

    What only a person can mend (a refusal) is tried seldom; a busy server is believed.
    """
    if isinstance(error, errors.ApiFailure) and error.retry_after is not None:
        return error.retry_after
    return 0.0 if isinstance(error, _PASSING) else _TERMINAL_SECONDS


_PASSING: Final = (
    errors.Conflict,
    errors.NotFound,
    errors.AlreadyExists,
    errors.Unreachable,
    errors.NotLeading,
)
