"""Davy's own AWS credentials, as its machine's environment offers them to any program.

| variables | what |
|---|---|
| `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | keys |
| `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN` | a role of the service account (EKS: IRSA) |
| `AWS_CONTAINER_CREDENTIALS_FULL_URI` or `…_RELATIVE_URI` | a role of the pod (Pod Identity, ECS) |

The first that is there counts. Roles' keys are kept in memory until shortly before they expire. The
node's own role is never used: it is the node's.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final

from davy.api.fields import parse_instant
from davy.metrics import wire
from davy.metrics.addresses import Addresses
from davy.metrics.clock import Now
from davy.metrics.line import Line, Session, Timeout, bearing

EARLY: Final = timedelta(minutes=2)
"""So long before keys expire they aren't used any more."""
REGION: Final = re.compile(r"[a-z0-9-]{1,64}")
_TIMEOUT: Final[Timeout] = (3.0, 5)
_ANYWHERE: Final = Addresses.of(["*", "0.0.0.0/0", "::/0"])
"""What the environment names is the administrator's word."""
_CONTAINER: Final = "http://169.254.170.2"
"""Where relative URIs lie, on ECS."""
_SESSION: Final = "davy"
_OK: Final = 200


class NoCredentials(Exception):
    """There are none; the message is the end of a sentence, without anything that was answered."""


@dataclass(frozen=True)
class Credentials:
    """What requests are signed with."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    """Of a role; "": keys have none."""
    until: datetime | None = None
    """When they expire; None: never, as far as is known."""


def region(environment: Mapping[str, str]) -> str:
    """The region that a machine with these variables is in; "": it doesn't say."""
    given = environment.get("AWS_REGION", "") or environment.get("AWS_DEFAULT_REGION", "")
    return given.strip()


class AwsCredentials:
    """The credentials of this process; used from many threads.

    Args:
        now: the present.
        environment: variables, by name.
    """

    def __init__(self, now: Now, environment: Mapping[str, str]) -> None:
        self._now = now
        self._variables = environment
        self._lock = Lock()
        self._kept: Credentials | None = None

    @property
    def region(self) -> str:
        """The region that the machine is in; "": it doesn't say."""
        return region(self._variables)

    def current(self) -> Credentials:
        """Credentials that are good for a while.

        Raises:
            NoCredentials: none could be had.
        """
        with self._lock:
            kept = self._kept
            if kept is None or (kept.until is not None and self._now() >= kept.until - EARLY):
                kept = self._kept = self._had()
            return kept

    def _had(self) -> Credentials:
        if key := self._of("AWS_ACCESS_KEY_ID"):
            secret, token = self._of("AWS_SECRET_ACCESS_KEY"), self._of("AWS_SESSION_TOKEN")
            return _checked((key, secret, token, None), "the environment")
        if self._of("AWS_WEB_IDENTITY_TOKEN_FILE"):
            return self._of_service_account()
        if self._of("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            return self._of_container(self._of("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        if relative := self._of("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            return self._of_container(_CONTAINER + relative)
        raise NoCredentials("Davy has none; its service account needs a role of AWS")

    def _of_service_account(self) -> Credentials:
        """By STS: who has the service account's token, gets keys of its role."""
        form = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": self._of("AWS_ROLE_ARN"),
            "RoleSessionName": self._of("AWS_ROLE_SESSION_NAME") or _SESSION,
            "WebIdentityToken": self._file("AWS_WEB_IDENTITY_TOKEN_FILE"),
        }
        domain = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        host = f"sts.{self.region}.{domain}" if self.region else f"sts.{domain}"
        url = self._of("AWS_ENDPOINT_URL_STS") or f"https://{host}/"
        text = self._asked("POST", url, form=form).decode(errors="replace")
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        return _checked([_tagged(text, name) for name in names], wire.shown(url))

    def _of_container(self, url: str) -> Credentials:
        shown = self._of("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        if self._of("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
            shown = self._file("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        try:
            found = json.loads(self._asked("GET", url, shown=shown, direct=True))
        except (ValueError, RecursionError):
            found = None
        known = found if isinstance(found, dict) else {}
        names = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
        return _checked([known.get(name) for name in names], wire.shown(url))

    def _asked(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        shown: str = "",
        direct: bool = False,
    ) -> bytes:
        """The answer; a direct question goes through no proxy, as the pod's agent is beside it."""
        session: Session | None = None
        line = Line(_ANYWHERE)
        try:
            auth = bearing(shown) if shown else None
            session = Session(url, _ANYWHERE, line, verify=True, auth=auth)
            session.trust_env = not direct
            session.request(method, url, data=form, timeout=_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - every failure is a sentence
            told = wire.sentence(error, session, url, _TIMEOUT[1])
            raise NoCredentials(told.why) from None
        finally:
            line.cut()
            if session is not None:
                session.close()
        if session.status != _OK:
            raise NoCredentials(f"{wire.shown(url)} answered {session.status}")
        return session.body

    def _of(self, variable: str) -> str:
        return self._variables.get(variable, "").strip()

    def _file(self, variable: str) -> str:
        try:
            return Path(self._of(variable)).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            raise NoCredentials(f"the file of {variable} can't be read") from None


def _tagged(text: str, name: str) -> str:
    found = re.search(f"<{name}>([^<]*)</{name}>", text)
    return html.unescape(found[1]) if found else ""


def _checked(found: Sequence[Any], where: str) -> Credentials:
    """The credentials of key, secret, token and expiry."""
    key, secret, token, until = found
    given = (key, secret, token or "")
    if not all(isinstance(part, str) and part.isascii() and part.isprintable() for part in given):
        raise NoCredentials(f"{where} gave keys that can't be read")
    if not key or not secret:
        raise NoCredentials(f"{where} gave no keys")
    try:
        expires = parse_instant(until) if until else None
    except (ValueError, TypeError):
        raise NoCredentials(f"{where} gave keys with a life that can't be read") from None
    return Credentials(*given, until=expires)
