"""Every exception that Davy raises, one tree.

DavyError
├── InvalidObject        a user's object says something impossible: path and message of each finding
├── ApiFailure           the API server said no, or couldn't be asked
│   ├── Conflict         the object changed since it was read: observe again
│   ├── NotFound         it isn't there
│   ├── AlreadyExists    it is there already
│   ├── Forbidden        RBAC refuses the verb: say which
│   ├── Rejected         admission or validation refused the object (400, 422)
│   ├── Unreachable      refused, timed out, 429, 5xx: try again later
│   └── NotLeading       another replica may lead by now: nothing was sent, or it was given up
├── ConditionError       a metric's condition or time can't be parsed or evaluated: where
├── JsonPathError        a metric's jsonPath can't be parsed, or finds nothing in an answer
└── BrokenPlugIn         a third party's router, provider or step fails: the message names it
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_TOLD: Final = 20
"""Findings in one message: an object may have thousands, a status has other things to say."""


class DavyError(Exception):
    """The root: catch it where one rollout's trouble must not stop the others."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong in an object: where, and what would be right."""

    path: str
    """Dotted path in the object, e.g. `spec.strategy.canary.steps[2].setWeight`."""
    message: str
    """A sentence without the path: what is, what would be right."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def together(findings: Sequence[Finding]) -> str:
    """What a status says of them: the first ones, and how many more there are."""
    told = [str(finding) for finding in findings[:_TOLD]]
    more = len(findings) - len(told)
    return "; ".join([*told, f"and {more} more; `davy lint` tells them all"] if more else told)


class InvalidObject(DavyError):
    """A user's object says something impossible; all findings are raised together."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(together(findings))
        self.findings = tuple(findings)


class ApiFailure(DavyError):
    """The API server said no, or couldn't be asked: the message names verb, object and answer."""

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status; None when there was no answer."""
        self.retry_after = retry_after
        """Seconds the server asked to wait; None when it didn't say."""


class Conflict(ApiFailure):
    """The object changed since it was read (409), or a JSON patch's `test` failed."""


class NotFound(ApiFailure):
    """The object isn't there (404)."""


class AlreadyExists(ApiFailure):
    """An object of that name is there already (409 on create)."""


class Forbidden(ApiFailure):
    """RBAC or authentication refuses the verb (401, 403)."""


class Rejected(ApiFailure):
    """Validation or admission refused the object (400, 422): trying again changes nothing."""


class Unreachable(ApiFailure):
    """No answer, 429 or 5xx: the same call may succeed later."""


class NotLeading(ApiFailure):
    """This replica doesn't lead: the write wasn't sent, or was given up half-way."""


class ConditionError(DavyError):
    """A metric's condition, or a time of its range query, can't be parsed or evaluated."""

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position
        """Offset in characters from the start of the expression; None when it has none."""


class JsonPathError(DavyError):
    """A metric's jsonPath can't be parsed, or finds nothing in an answer.

    The message is what follows `jsonPath` in a sentence, and holds no text of the answer.
    """


class BrokenPlugIn(DavyError):
    """A plugin isn't installed, can't be loaded, raised, was late or answered what it must not."""
