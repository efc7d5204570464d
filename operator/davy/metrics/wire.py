"""The HTTP edge of a provider: bounded reading, and failures as sentences.

A session here can't hang or fill memory: it reads each body itself, within a deadline, up to a
limit. Every exception of requests, urllib3 and prometheus-api-client has its sentence, once.
"""

import io
import json
import time
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from prometheus_api_client import exceptions as library
from urllib3.util import Retry

from davy.analysis.answer import NotAnswered

BODY_LIMIT: Final = 8 * 2**20
"""Bytes of an answer, decompressed; a longer one is no answer."""
BODY_SHOWN: Final = 300
"""Characters of a foreign text that a message carries."""
_CAUSES: Final = 16
CONNECT_SECONDS: Final = 10.0
NO_RETRY: Final = Retry(0, respect_retry_after_header=False)


class TooLong(Exception):
    """The body is longer than BODY_LIMIT."""


class TooSlow(Exception):
    """The body didn't end in time, though it kept coming."""


class Session(requests.Session):
    """Reads each body itself: within a deadline, up to a limit, and keeps it."""

    def __init__(self, *, verify: bool) -> None:
        super().__init__()
        self.verify = verify
        self.max_redirects = 3
        self.status: int | None = None
        """HTTP status of the latest response; None: none came."""
        self.body = b""
        self.socket_timeouts = (0.0, 0.0)
        """Seconds to connect, and between two bytes."""
        self._deadline = 0.0

    def start(self, seconds: float) -> None:
        """Forgets the latest response; the next one has this long."""
        self.status, self.body = None, b""
        self.socket_timeouts = (min(seconds, CONNECT_SECONDS), seconds)
        self._deadline = time.monotonic() + seconds

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As the parent's, with the whole body read."""
        response = super().request(*args, **{**kwargs, "stream": True})
        try:
            self.status, self.body = response.status_code, self._read(response)
        finally:
            response.close()
        response.raw = io.BytesIO(self.body)
        return response

    def _read(self, response: requests.Response) -> bytes:
        parts, length = [], 0
        while part := response.raw.read1(65_536, decode_content=True):
            length += len(part)
            if length > BODY_LIMIT:
                raise TooLong
            if time.monotonic() > self._deadline:
                raise TooSlow
            parts.append(part)
        return b"".join(parts)


def shown(address: str) -> str:
    """The address without user, password and query; what a message may carry."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address"
    return (
        urlunsplit((parts.scheme, f"{host}{port}", parts.path.rstrip("/"), "", "")) or "the address"
    )


def plain(text: str) -> str:
    """Foreign text fit for a message: one line, bounded."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= BODY_SHOWN else words[: BODY_SHOWN - 1] + "…"


SENTENCES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TooLong, "answered more than {limit} MiB"),
    (TooSlow, "did not answer within {seconds} s"),
    (requests.exceptions.ConnectTimeout, "could not be connected to within {connect} s"),
    (requests.exceptions.Timeout, "did not answer within {seconds} s"),
    (requests.exceptions.SSLError, "could not be trusted: {reason}"),
    (requests.exceptions.ProxyError, "could not be reached through the proxy"),
    (requests.exceptions.TooManyRedirects, "redirected more than 3 times"),
    (requests.exceptions.InvalidProxyURL, "can't be asked: the proxy's URL is invalid"),
    (requests.exceptions.MissingSchema, "is no URL; write http://host:port"),
    (requests.exceptions.InvalidSchema, "is no http or https URL"),
    (requests.exceptions.InvalidURL, "is no valid URL"),
    (requests.exceptions.URLRequired, "is no URL; write http://host:port"),
    (requests.exceptions.InvalidHeader, "can't be asked: a header has an invalid name or value"),
    (requests.exceptions.InvalidJSONError, "answered something that isn't JSON: {body}"),
    (requests.exceptions.ChunkedEncodingError, "broke off in the middle of the answer"),
    (requests.exceptions.ContentDecodingError, "answered with a broken compression"),
    (requests.exceptions.RetryError, "answered an error again and again"),
    (requests.exceptions.StreamConsumedError, "could not be read"),
    (requests.exceptions.UnrewindableBodyError, "could not be asked again after a redirect"),
    (requests.exceptions.ConnectionError, "{connection}"),
    (requests.exceptions.HTTPError, "answered {status}: {body}"),
    (requests.exceptions.RequestException, "could not be asked"),
    (library.PrometheusApiClientException, "answered {status}: {body}"),
    (library.MetricValueConversionError, "answered values that aren't numbers: {body}"),
    (urllib3.exceptions.ReadTimeoutError, "did not answer within {seconds} s"),
    (urllib3.exceptions.DecodeError, "answered with a broken compression"),
    (urllib3.exceptions.ProtocolError, "broke off in the middle of the answer"),
    (urllib3.exceptions.HTTPError, "could not be asked"),
    (RecursionError, "answered something nested too deeply"),
    (ValueError, "answered something that isn't Prometheus' JSON: {body}"),
    (KeyError, "answered something that isn't Prometheus' JSON: {body}"),
    (TypeError, "answered something that isn't Prometheus' JSON: {body}"),
)
"""What each failure means after the address; the first that fits, so subclasses come first."""


def sentence(
    error: Exception, session: Session | None, address: str, seconds: float
) -> NotAnswered:
    """The failure as a sentence; the error's own text, which may carry the query, is not in it."""
    template = next((text for kind, text in SENTENCES if isinstance(error, kind)), None)
    if session is None and isinstance(error, ValueError):
        template = "is no valid URL"
    if template is None:
        template = f"could not be asked ({type(error).__name__})"
    status = None if session is None else session.status
    said = template.format(
        limit=BODY_LIMIT // 2**20,
        seconds=f"{seconds:g}",
        connect=f"{min(seconds, CONNECT_SECONDS):g}",
        status=status,
        body=_said(b"" if session is None else session.body),
        reason=_reason(error),
        connection=_connection(error).format(seconds=f"{seconds:g}"),
    )
    return NotAnswered(f"{shown(address)} {said}")


def _said(body: bytes) -> str:
    """Prometheus' own error text, or the start of whatever came."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        return plain(document["error"])
    return plain(body[: BODY_SHOWN * 4].decode(errors="replace")) or "(no text)"


def _connection(error: Exception) -> str:
    causes = _causes(error)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "refused the connection"
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in causes):
        return "could not be found: its name doesn't resolve"
    if any(isinstance(cause, urllib3.exceptions.ReadTimeoutError) for cause in causes):
        return "did not answer within {seconds} s"
    if any(isinstance(cause, urllib3.exceptions.ProtocolError) for cause in causes):
        return "closed the connection without an answer"
    return "could not be reached"


def _reason(error: Exception) -> str:
    texts = [str(getattr(cause, "verify_message", "")) for cause in _causes(error)]
    return plain(next((text for text in texts if text), "the TLS handshake failed"))


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it was made from; urllib3 puts it in `reason` or in the arguments."""
    found: list[BaseException] = []
    todo: list[BaseException] = [error]
    while todo and len(found) < _CAUSES:
        cause = todo.pop()
        if cause in found:
            continue
        found.append(cause)
        near = (getattr(cause, "reason", None), cause.__cause__, cause.__context__, *cause.args)
        todo.extend(item for item in near if isinstance(item, BaseException))
    return found
