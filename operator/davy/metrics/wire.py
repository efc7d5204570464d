"""Failures of an HTTP question as sentences: every exception of the libraries has its own, once."""

import json
import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from prometheus_api_client import exceptions as library

from davy.analysis import words
from davy.analysis.answer import NotAnswered
from davy.metrics.addresses import Refused
from davy.metrics.line import BODY_LIMIT, CONNECT_SECONDS, Cut, Session, TooLong

BODY_SHOWN: Final = 300
"""Characters of a foreign text that a message carries."""
_CAUSES: Final = 16
_REDIRECTS: Final = range(300, 400)
_TOO_MANY: Final = 429
_SECONDS: Final = re.compile(r"[0-9]{1,6}")
_QUOTES: Final = " [said]"
"""At the end of a template: what came is told as well."""


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
    line = " ".join(words.printable(text).split())
    return line if len(line) <= BODY_SHOWN else line[: BODY_SHOWN - 1] + "…"


_ERROR_TEXTS: Final = ("error", "message", "errors")
"""Where servers have the text of an error, in JSON."""

SENTENCES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (TooLong, "answered more than {limit} MiB"),
    (Cut, "did not answer within {seconds} s"),
    (Refused, "{refusal}"),
    (requests.exceptions.ConnectTimeout, "could not be connected to within {connect} s"),
    (requests.exceptions.Timeout, "did not answer within {seconds} s"),
    (requests.exceptions.SSLError, "could not be trusted: {reason}"),
    (requests.exceptions.ProxyError, "could not be reached through the proxy"),
    (requests.exceptions.TooManyRedirects, "redirected again and again"),
    (requests.exceptions.InvalidProxyURL, "can't be asked: the proxy's URL is invalid"),
    (requests.exceptions.MissingSchema, "is no URL; write http://host:port"),
    (requests.exceptions.InvalidSchema, "is no http or https URL"),
    (requests.exceptions.InvalidURL, "is no valid URL"),
    (requests.exceptions.URLRequired, "is no URL; write http://host:port"),
    (requests.exceptions.InvalidHeader, "can't be asked: a header has an invalid name or value"),
    (requests.exceptions.InvalidJSONError, "answered something that isn't JSON [said]"),
    (requests.exceptions.ChunkedEncodingError, "broke off in the middle of the answer"),
    (requests.exceptions.ContentDecodingError, "answered with a broken compression"),
    (requests.exceptions.RetryError, "answered an error again and again"),
    (requests.exceptions.StreamConsumedError, "could not be read"),
    (requests.exceptions.UnrewindableBodyError, "could not be asked again after a redirect"),
    (requests.exceptions.ConnectionError, "{connection}"),
    (requests.exceptions.HTTPError, "answered {status} [said]"),
    (requests.exceptions.RequestException, "could not be asked"),
    (library.PrometheusApiClientException, "answered {status} [said]"),
    (library.MetricValueConversionError, "answered values that aren't numbers [said]"),
    (urllib3.exceptions.ReadTimeoutError, "did not answer within {seconds} s"),
    (urllib3.exceptions.DecodeError, "answered with a broken compression"),
    (urllib3.exceptions.ProtocolError, "broke off in the middle of the answer"),
    (urllib3.exceptions.HTTPError, "could not be asked"),
    (UnicodeEncodeError, "can't be asked: a header has a character that can't be sent"),
    (RecursionError, "answered something nested too deeply"),
    (ValueError, "answered something that isn't Prometheus' JSON [said]"),
    (KeyError, "answered something that isn't Prometheus' JSON [said]"),
    (TypeError, "answered something that isn't Prometheus' JSON [said]"),
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
    if session is not None and status in _REDIRECTS and session.location:
        where = f"{shown(address)} answered {status}, and redirects aren't followed"
        return NotAnswered(f"{where}; write the address that it leads to", plain(session.location))
    why = template.removesuffix(_QUOTES).format(
        limit=BODY_LIMIT // 2**20,
        seconds=f"{seconds:g}",
        connect=f"{min(seconds, CONNECT_SECONDS):g}",
        status=status,
        reason=_reason(error),
        refusal=error,
        connection=_connection(error).format(seconds=f"{seconds:g}"),
    )
    rest = ""
    if status == _TOO_MANY and session is not None:
        rest = session.retry_after if _SECONDS.fullmatch(session.retry_after) else ""
        wanted = f", and wants to be left alone for {rest} s" if rest else ""
        why += f": it is asked too often{wanted}; give the metric a longer interval"
    said = _said(b"" if session is None else session.body) if template.endswith(_QUOTES) else ""
    return NotAnswered(f"{shown(address)} {why}", said, timedelta(seconds=int(rest or 0)))


def start(body: bytes) -> str:
    """The beginning of a body, fit for a message."""
    return plain(body[: BODY_SHOWN * 4].decode(errors="replace"))


def _said(body: bytes) -> str:
    """The provider's own error text, or the start of whatever came."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        for name in _ERROR_TEXTS:
            found = document.get(name)
            told = found[0] if isinstance(found, list) and found else found
            if isinstance(told, str) and told:
                return plain(told)
    return start(body) or "(no text)"


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
