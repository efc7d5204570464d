"""How a question logs in: basic, by a token of OAuth 2 client credentials, or signed for AWS.

A token is kept until shortly before it expires, or until an address doesn't take it, in memory
only. The client shows its secret as RFC 6749 wants it, in a header, and where the server doesn't
take that, in the form; tokenUrl is checked like any address, and its certificate always.
"""

import hashlib
import json
import math
import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from urllib.parse import quote_plus

import requests

from davy.analysis.answer import HIDDEN, NotAnswered
from davy.api.providers import Authentication, OAuth2
from davy.metrics import wire
from davy.metrics.addresses import Addresses
from davy.metrics.clock import Now
from davy.metrics.line import Auth, Line, Session, Timeout, bearing
from davy.metrics.signing import Signer

MOST_TOKENS: Final = 1024
"""Kept at the same time; the one that expires first goes first."""
EARLY: Final = timedelta(seconds=10)
"""So long before it expires a token isn't used any more: the question takes its time."""
LONGEST: Final = timedelta(days=1)
"""A token is kept for so long at most, whatever the server promises."""
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")
_ANOTHER_WAY: Final = frozenset({400, 401, 403})
_OK: Final = 200


class NoToken(Exception):
    """The login failed."""

    def __init__(self, why: str, *, said: bool = False) -> None:
        super().__init__(why)
        self.answer = NotAnswered(f"authentication.oauth2.tokenUrl: {why}", HIDDEN if said else "")


@dataclass(frozen=True)
class _Token:
    text: str
    until: datetime
    """Not used from here on."""


class Login:
    """The logins of one provider; used from many threads.

    Args:
        addresses: that may be called.
        now: the present.
    """

    def __init__(self, addresses: Addresses, now: Now) -> None:
        self._addresses = addresses
        self._now = now
        self._lock = Lock()
        self._tokens: dict[bytes, _Token] = {}
        self._signer = Signer(addresses, now)

    def auth(self, authentication: Authentication, line: Line, timeout: Timeout) -> Auth | None:
        """What logs the question in; None: the metric has no login.

        Raises:
            NoToken: no token could be had.
        """
        if basic := authentication.basic_auth:
            return bearing(_basic(basic.username, basic.password))
        if authentication.sigv4 is not None:
            return self._signer.auth(authentication.sigv4)
        if authentication.oauth2 is None:
            return None
        return bearing(f"Bearer {self._token(authentication.oauth2, line, timeout)}")

    def forget(self, authentication: Authentication) -> None:
        """The token wasn't taken: the next question asks for another."""
        if authentication.oauth2 is not None:
            with self._lock:
                self._tokens.pop(_key(authentication.oauth2), None)

    def _token(self, client: OAuth2, line: Line, timeout: Timeout) -> str:
        key, now = _key(client), self._now()
        with self._lock:
            kept = self._tokens.get(key)
        if kept is not None and now < kept.until:
            return kept.text
        text, lasts = self._fetched(client, line, timeout)
        with self._lock:
            self._tokens = {known: one for known, one in self._tokens.items() if now < one.until}
            if len(self._tokens) >= MOST_TOKENS:
                del self._tokens[min(self._tokens, key=lambda known: self._tokens[known].until)]
            self._tokens[key] = _Token(text, now + lasts - EARLY)
        return text

    def _fetched(self, client: OAuth2, line: Line, timeout: Timeout) -> tuple[str, timedelta]:
        form = {"grant_type": "client_credentials"}
        if client.scopes:
            form["scope"] = " ".join(client.scopes)
        shown = _basic(quote_plus(client.client_id), quote_plus(client.client_secret))
        session = self._posted(client.token_url, line, timeout, form, shown)
        if session.status in _ANOTHER_WAY:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
            session = self._posted(client.token_url, line, timeout, form, "")
        if session.status != _OK:
            raise _refused(requests.HTTPError(), session, client.token_url, timeout)
        return _read(session.body, wire.shown(client.token_url))

    def _posted(
        self, url: str, line: Line, timeout: Timeout, form: dict[str, str], shown: str
    ) -> Session:
        session: Session | None = None
        try:
            auth = bearing(shown) if shown else None
            session = Session(url, self._addresses, line, verify=True, auth=auth)
            headers = {"Accept": "application/json"}
            session.request("POST", url, data=form, headers=headers, timeout=timeout)
        except Exception as error:  # noqa: BLE001 - every failure is a sentence
            raise _refused(error, session, url, timeout) from None
        finally:
            if session is not None:
                session.close()
        return session


def _refused(error: Exception, session: Session | None, url: str, timeout: Timeout) -> NoToken:
    told = wire.sentence(error, session, url, timeout[1])
    return NoToken(told.why, said=bool(told.said))


def _read(body: bytes, where: str) -> tuple[str, timedelta]:
    """Token and life of a 200; without `expires_in` it is used once."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NoToken(f"{where} answered something that isn't JSON", said=True)
    token, kind = found.get("access_token"), found.get("token_type", "Bearer")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise NoToken(f"{where} answered without an access_token that can be sent", said=True)
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise NoToken(f"{where} answered a token that is no bearer token", said=True)
    return token, _lasts(found.get("expires_in"))


def _lasts(given: Any) -> timedelta:
    try:
        seconds = float(given)
    except (TypeError, ValueError, OverflowError):
        return timedelta()
    if not math.isfinite(seconds):
        return timedelta()
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST.total_seconds()))


def _key(client: OAuth2) -> bytes:
    """A name for the token that tells nothing of the secret."""
    parts = (client.token_url, client.client_id, client.client_secret, client.scopes)
    return hashlib.sha256(repr(parts).encode(errors="surrogatepass")).digest()


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode(errors="replace")).decode()
