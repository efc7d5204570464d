"""Questions signed for AWS by Signature Version 4, with Davy's own credentials.

Whoever writes a metric would ask as Davy: so only what the administrator lists is signed, looked at
as it is about to be sent. The signature covers method, path, query, body, host, content type and
AWS's own headers, and is worth nothing after some minutes.

AWS describes it in "Signature Version 4 for API requests" of its IAM user guide.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import requests

from davy.api.providers import SigV4
from davy.metrics.addresses import Addresses, Refused, origin
from davy.metrics.aws_credentials import REGION, AwsCredentials, Credentials, NoCredentials
from davy.metrics.clock import Now
from davy.metrics.line import Auth

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_OF_AWS: Final = "x-amz-"
_PLAIN: Final = "-_.~"
"""What is never escaped beside letters and digits."""
_DEFAULT_PORTS: Final = {("http", 80), ("https", 443)}


@dataclass(frozen=True)
class Scope:
    """For whom a signature is good, and when."""

    region: str
    service: str
    at: datetime

    @property
    def instant(self) -> str:
        """As X-Amz-Date has it."""
        return self.at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")

    @property
    def text(self) -> str:
        """The credential scope."""
        return f"{self.instant[:8]}/{self.region}/{self.service}/aws4_request"


class Signer:
    """Signs the questions of one provider; used from many threads.

    Args:
        addresses: that may be signed for.
        now: the present.
        environment: of the process; the credentials are in it.
    """

    def __init__(
        self, addresses: Addresses, now: Now, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._addresses = addresses
        self._now = now
        self._credentials = AwsCredentials(now, environment)

    def auth(self, login: SigV4) -> Auth:
        """What signs a request that is about to be sent; raises Refused where it may not be."""

        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            url = respelled(request.url or "")
            service = self._addresses.service(url)
            region = login.region or self._credentials.region
            if not REGION.fullmatch(region):
                raise Refused(
                    "wasn't asked: authentication.sigv4.region is no region of AWS; write one such "
                    "as eu-west-1"
                )
            try:
                credentials = self._credentials.current()
            except NoCredentials as error:
                raise Refused(f"wasn't asked: no AWS credentials: {error}") from None
            body = request.body or b""
            headers = signed(
                request.method or "GET",
                url,
                body.encode() if isinstance(body, str) else body,
                beside=_beside(request),
                credentials=credentials,
                scope=Scope(region, service, self._now()),
            )
            request.url = url
            request.headers.update(headers)
            return request

        return sign


def respelled(url: str) -> str:
    """The same URL with its query escaped as it is signed: a blank is %20, not +."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode(pairs, quote_via=quote, safe=_PLAIN)
    return urlunsplit(parts._replace(query=query))


def signed(
    method: str,
    url: str,
    body: bytes,
    *,
    beside: Mapping[str, str],
    credentials: Credentials,
    scope: Scope,
) -> dict[str, str]:
    """The headers that sign a request.

    Args:
        method: of HTTP.
        url: respelled.
        body: as it is sent.
        beside: further headers that are signed, by their names in lower case.
        credentials: to sign with.
        scope: what for.
    """
    headers = {name: " ".join(text.split()) for name, text in beside.items()}
    headers |= {"host": _host(url), "x-amz-date": scope.instant}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(headers))
    parts = urlsplit(url)
    asked = "\n".join(
        (
            method.upper(),
            quote(parts.path or "/", safe=f"/{_PLAIN}"),
            "&".join(sorted(parts.query.split("&"), key=lambda pair: pair.partition("="))),
            *(f"{name}:{value}" for name, value in sorted(headers.items())),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    text = "\n".join(
        (_ALGORITHM, scope.instant, scope.text, hashlib.sha256(asked.encode()).hexdigest())
    )
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.text.split("/"):
        key = _keyed(key, part)
    sent = {"X-Amz-Date": scope.instant}
    if credentials.token:
        sent["X-Amz-Security-Token"] = credentials.token
    sent["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.key_id}/{scope.text}, SignedHeaders={names}, "
        f"Signature={_keyed(key, text).hex()}"
    )
    return sent


def _beside(request: requests.PreparedRequest) -> dict[str, str]:
    """The content type, and what AWS wants to have signed: each header of its own."""
    names = {name.lower(): text for name, text in request.headers.items() if text}
    return {
        name: str(text)
        for name, text in names.items()
        if name == "content-type" or name.startswith(_OF_AWS)
    }


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _host(url: str) -> str:
    """As the Host header has it: without a port that goes without saying."""
    place = origin(url)
    if place is None:
        return ""
    scheme, host, port = place
    shown = f"[{host}]" if ":" in host else host
    return shown if (scheme, port) in _DEFAULT_PORTS else f"{shown}:{port}"
