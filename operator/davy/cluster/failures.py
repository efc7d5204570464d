"""Everything that can go wrong on the wire becomes one of `davy.api.errors`, in one place.

A sentence names the verb, the object and what the server said; for a refusal by RBAC, which verb on
which resource must be granted.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from kubernetes.aio.client.exceptions import OpenApiException
from kubernetes.aio.config import ConfigException

from davy.api import errors
from davy.cluster.kinds import Kind

WIRE_ERRORS: Final = (aiohttp.ClientError, TimeoutError, OSError, RuntimeError)
"""No answer, or half of one. RuntimeError is how aiohttp says that its session is closed."""
LIBRARY_ERRORS: Final = (OpenApiException, ConfigException)
ANSWER_ERRORS: Final = (ValueError,)
"""An answer that isn't JSON, or isn't text."""

_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_GONE: Final = 410
_UNPROCESSABLE: Final = 422
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_UNFITTING: Final = (
    "the server rejected our request due to an error in our request",
    "testing value",
    "testing path",
    "test failed",
)
_BODY_SHOWN: Final = 300
"""Characters of an answer that isn't a Status object which a sentence shows."""


@dataclass(frozen=True)
class Call:
    """What was asked, for sentences and metrics."""

    verb: str
    """As RBAC names it: get, list, create, patch, delete."""
    kind: Kind
    namespace: str | None = None
    name: str | None = None
    subresource: str = ""

    @property
    def resource(self) -> str:
        """`rollouts.davy.dev/status`: what an RBAC rule must name."""
        plain = self.kind.resource
        if not self.subresource:
            return plain
        return (
            f"{self.kind.plural}/{self.subresource}.{self.kind.group}"
            if self.kind.group
            else f"{self.kind.plural}/{self.subresource}"
        )

    def __str__(self) -> str:
        place = "/".join(part for part in (self.namespace, self.name) if part)
        part = f"the {self.subresource} of " if self.subresource else ""
        what = f"{self.kind.kind} {place}" if self.name else f"{self.kind.plural}"
        if not self.name:
            what += f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {part}{what}"


@contextmanager
def mapped(call: Call, server: str = "the API server") -> Iterator[None]:
    """Every wire error inside becomes an `errors.ApiFailure` with a sentence.

    Raises:
        errors.Unreachable: no answer, a broken one, or one that isn't JSON.
    """
    try:
        yield
    except errors.DavyError:
        raise
    except TimeoutError as error:
        raise errors.Unreachable(f"{call}: {server} didn't answer in time.") from error
    except aiohttp.ClientConnectorError as error:
        raise errors.Unreachable(
            f"{call}: no connection to {server}: {error.strerror or error.os_error}."
        ) from error
    except (*WIRE_ERRORS, *LIBRARY_ERRORS) as error:
        raise errors.Unreachable(f"{call}: {server} broke off: {_said(error)}.") from error
    except ANSWER_ERRORS as error:
        raise errors.Unreachable(f"{call}: {server} answered no JSON: {_said(error)}.") from error


def refused(call: Call, status: int, body: bytes, headers: Mapping[str, str]) -> errors.ApiFailure:
    """The error of an answer with a status of 400 or more."""
    answer = _status_object(body)
    said = answer.get("message") or body[:_BODY_SHOWN].decode(errors="replace").strip()
    sentence = f"{call}: {said or 'no reason given'} (HTTP {status})."
    if status == _FORBIDDEN:
        sentence = (
            f"{call}: RBAC doesn't allow it: grant the verb {call.verb} on {call.resource} "
            f"to this account ({said})."
        )
    return _error_class(status, answer)(
        sentence, status=status, retry_after=_retry_after(headers, answer)
    )


def _error_class(status: int, answer: Mapping[str, Any]) -> type[errors.ApiFailure]:
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return errors.Forbidden
    if status == _NOT_FOUND:
        return errors.NotFound
    if status == _CONFLICT:
        exists = answer.get("reason") == "AlreadyExists"
        return errors.AlreadyExists if exists else errors.Conflict
    if status == _UNPROCESSABLE and _failed_test(answer):
        return errors.Conflict
    if status in {_TOO_MANY, _GONE, 408} or status >= _SERVER_ERROR:
        return errors.Unreachable
    return errors.Rejected


def _failed_test(answer: Mapping[str, Any]) -> bool:
    """True when a JSON patch didn't fit, by a `test` or a path: the object isn't as it was read.

    API servers hide which operation it was; a refusal of what a patch made has another message.
    """
    said = str(answer.get("message", "")).lower()
    return any(words in said for words in _UNFITTING)


def _retry_after(headers: Mapping[str, str], answer: Mapping[str, Any]) -> float | None:
    """Seconds; the header's HTTP-date form isn't used by API servers and counts as unsaid."""
    details = answer.get("details")
    for value in (
        headers.get("Retry-After"),
        details.get("retryAfterSeconds") if isinstance(details, dict) else None,
    ):
        try:
            if value is not None:
                return max(0.0, float(value))
        except (TypeError, ValueError):
            continue
    return None


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _said(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
