"""One bounded HTTP question of a provider.

A session here is for one question, on a connection of its own, which goes to a checked address and
can be cut from outside at any moment; it asks nothing twice, follows no redirect, and reads the
body itself, up to a limit.
"""

import io
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import Retry

from davy.metrics.addresses import Addresses

BODY_LIMIT: Final = 2 * 2**20
"""Bytes of an answer, decompressed; a longer one is no answer."""
CONNECT_SECONDS: Final = 10.0
Timeout = tuple[float, int]
"""Seconds to connect, and to wait for each read."""
NO_RETRY: Final = Retry(0, redirect=False, respect_retry_after_header=False)


class TooLong(Exception):
    """The body is longer than BODY_LIMIT."""


class Cut(Exception):
    """Nobody waits for the answer any more."""


class Line:
    """The connection of one question: to a checked address, and cut when its time is over.

    A login goes before on a connection of its own; there is one at a time.

    A server that sends a byte now and then keeps every socket's own time-out quiet for ever, in
    its headers too; so whoever waits cuts the line, from another thread.
    """

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self._cut = False
        self.begun = False
        """A thread has taken the question up."""

    def connect(self, connection: HTTPConnection, to: Callable[[], socket.socket]) -> socket.socket:
        """A socket to the connection's host, to one of its allowed addresses.

        Args:
            connection: that wants the socket; a proxy's is the environment's, and not checked.
            to: connects to `connection.host` as it is then.

        Raises:
            addresses.Refused: the host may not be called.
            urllib3.exceptions.HTTPError: no address could be connected to.
        """
        if connection.proxy is not None:
            return self._hold(to())
        name = connection.host
        try:
            places = self._addresses.resolved(name, connection.port or 0)
        except (OSError, UnicodeError) as error:
            raise NameResolutionError(name, connection, socket.gaierror(str(error))) from error
        failure: Exception = NewConnectionError(connection, "no address")
        try:
            for place in places:
                connection.host = place
                try:
                    return self._hold(to())
                except (ConnectTimeoutError, NewConnectionError) as error:
                    failure = error
        finally:
            connection.host = name
        raise failure

    def cut(self) -> None:
        """Whoever reads or writes on it fails at once, now and later."""
        with self._lock:
            self._cut = True
            held, self._held = self._held, None
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
            held.close()

    def _hold(self, made: socket.socket) -> socket.socket:
        """The same connection under a second number, as TLS takes the first one over."""
        with self._lock:
            if self._cut:
                made.close()
                raise Cut
            before, self._held = self._held, made.dup()
        if before is not None:
            before.close()
        return made


class _Plain(HTTPConnection):
    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line = line

    def _new_conn(self) -> socket.socket:
        return self._line.connect(self, super()._new_conn)


class _Tls(HTTPSConnection):
    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line = line

    def _new_conn(self) -> socket.socket:
        return self._line.connect(self, super()._new_conn)


class _Adapter(HTTPAdapter):
    """Connections on a line."""

    def __init__(self, line: Line, ca_cert: str | None) -> None:
        super().__init__(max_retries=NO_RETRY)
        self._line = line
        self._trusted = {"ca_cert_data": ca_cert} if ca_cert else {}

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """As the parent's."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if pool.scheme == "https":
            pool.ConnectionCls = partial(_Tls, line=self._line, **self._trusted)
        else:
            pool.ConnectionCls = partial(_Plain, line=self._line)
        return pool


class Session(requests.Session):
    """One question on one line; keeps status and body of the last answer.

    Args:
        address: whose user and password are sent, unless there is an authorization.
        addresses: that may be called.
        line: for its connection.
        verify: the certificate.
        ca_cert: PEM of authorities that are trusted beside those of the machine.
        auth: logs each request in, in place of any other way; None: there is none.
    """

    def __init__(
        self,
        address: str,
        addresses: Addresses,
        line: Line,
        *,
        verify: bool,
        ca_cert: str | None = None,
        auth: "Auth | None" = None,
    ) -> None:
        super().__init__()
        self.verify = verify
        self._addresses = addresses
        self._adapter = _Adapter(line, ca_cert)
        self.headers["Connection"] = "close"
        given = requests.utils.get_auth_from_url(address)
        self.auth = auth or _only(given)
        self.status: int | None = None
        """HTTP status of the response; None: none came."""
        self.body = b""
        self.location = ""
        """Where a redirect leads."""
        self.retry_after = ""
        """When a server that is asked too often wants to be asked again, as it says it."""

    def get_adapter(self, url: str | bytes) -> HTTPAdapter:
        """The one with the line, whatever the client has mounted."""
        del url
        return self._adapter

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As the parent's, with the whole body read, and no redirect followed."""
        kwargs |= {"stream": True, "allow_redirects": False, "verify": self.verify}
        response = super().request(*args, **kwargs)
        try:
            self.status = response.status_code
            self.location = response.headers.get("Location", "")
            self.retry_after = response.headers.get("Retry-After", "")
            self.body = self._read(response)
        finally:
            response.close()
            self._adapter.close()  # a server may close the connection and not have said so
        response.raw = io.BytesIO(self.body)
        return response

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As the parent's, unless a proxy would look a host up that isn't listed."""
        if requests.utils.select_proxy(request.url or "", kwargs.get("proxies")):
            self._addresses.check_unresolved(urlsplit(request.url or "").hostname or "")
        return super().send(request, **kwargs)

    def close(self) -> None:
        """As the parent's, the line's connections too."""
        self._adapter.close()
        super().close()

    def _read(self, response: requests.Response) -> bytes:
        parts, length = [], 0
        while part := response.raw.read1(65_536, decode_content=True):
            length += len(part)
            if length > BODY_LIMIT:
                raise TooLong
            parts.append(part)
        return b"".join(parts)


Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]
"""Logs in the request that is about to be sent."""


def bearing(authorization: str) -> Auth:
    """Logs in by this value of the header."""

    def put(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = authorization
        return request

    return put


def _only(given: tuple[str, str]) -> Any:
    """User and password of the address, or none: what a .netrc has is not for strangers."""
    return given if any(given) else lambda request: request
