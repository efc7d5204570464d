"""The API server's refusals as exceptions.

KubeError
├── NotFound       404
├── Conflict       409: exists already, or was written by another meanwhile
├── Gone           410: the resourceVersion of a watch is too old
├── Forbidden      403: RBAC
└── Invalid        422: schema, CEL rule or admission
"""

from typing import Any, Final


class KubeError(Exception):
    """The API server refused; the text is its message.

    Attributes:
        status: the HTTP status.
        reason: the machine-readable reason, `AlreadyExists`; may be empty.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}" if reason else f"{status}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class NotFound(KubeError):
    """There is no such object or kind."""


class Conflict(KubeError):
    """It exists already, or another wrote it meanwhile."""


class Gone(KubeError):
    """The resourceVersion is too old: list again."""


class Forbidden(KubeError):
    """RBAC doesn't allow it."""


class Invalid(KubeError):
    """A schema, a CEL rule or an admission plugin refuses the content."""


_BY_STATUS: Final[dict[int, type[KubeError]]] = {
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
}


def from_status(status: int, content: dict[str, Any]) -> KubeError:
    """The exception for an answer with HTTP `status` and a `Status` object as its content."""
    kind = _BY_STATUS.get(status, KubeError)
    return kind(status, content.get("reason") or "", content.get("message") or "no message")
