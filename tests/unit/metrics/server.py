"""A small HTTP server that answers as a Prometheus would, or as badly as one can."""

import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Server:
    """One server on a port of its own: set what it does, read what it was asked."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.status = 200
        self.statuses: list[int] = []
        """Of the first answers, in place of `status`."""
        self.body = b""
        self.answers: Callable[[dict[str, str]], tuple[int, bytes]] | None = None
        """Status and body of each answer by what was asked, in place of `status` and `body`."""
        self.headers: dict[str, str] = {}
        self.wait = 0.0
        """Seconds before the answer."""
        self.drip = 0.0
        """Seconds between two bytes of the body; 0: all at once."""
        self.drip_headers = 0.0
        """Seconds between two bytes of a header that never ends; 0: a whole answer."""
        self.chunked = False
        """Send the body in chunks of seven bytes."""
        self.cut = False
        """Close the connection in the middle of the body."""
        self.keeps = False
        """Keep the connection for further requests, whatever the client says."""
        self.silent = False
        """Close the connection without an answer."""
        self.asked: list[dict[str, str]] = []
        """Queries, headers, path, method, body and the connection's port, in order; header names in
        lower case."""
        self.scheme = "http"
        self.port = 0
        self.stopping = threading.Event()

    @property
    def address(self) -> str:
        """Base URL."""
        return f"{self.scheme}://{self.host}:{self.port}"

    def gzipped(self) -> None:
        """Compress the body that is set."""
        self.body = gzip.compress(self.body)
        self.headers = {"Content-Encoding": "gzip"}


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, behaviour: Server) -> None:
        super().__init__((behaviour.host, 0), _Handler)
        self.behaviour = behaviour


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def do_GET(self) -> None:
        does, url = self.server.behaviour, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {name.lower(): value for name, value in self.headers.items()}
        asked |= {name: values[0] for name, values in parse_qs(url.query).items()}
        does.asked.append({**asked, "path": url.path, "method": self.command, "body": body})
        does.asked[-1]["port"] = str(self.client_address[1])
        self.close_connection = self.close_connection and not does.keeps
        if does.answers is not None:
            does.status, does.body = does.answers(does.asked[-1])
        does.stopping.wait(does.wait)
        with contextlib.suppress(OSError):
            self._answer(does)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def _answer(self, does: Server) -> None:
        if does.silent:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if does.drip_headers:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not does.stopping.wait(does.drip_headers):
                self.wfile.write(b"X")
        self.send_response(does.statuses.pop(0) if does.statuses else does.status)
        for name, value in does.headers.items():
            self.send_header(name, value)
        if does.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(does.body)))
        self.end_headers()
        self._body(does)

    def _body(self, does: Server) -> None:
        size = 7 if does.chunked else 1 if does.drip else len(does.body) or 1
        parts = [does.body[start : start + size] for start in range(0, len(does.body), size)]
        if does.cut:
            parts = [does.body[: len(does.body) // 2]]
            self.close_connection = True
        for part in parts:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if does.chunked else part)
            self.wfile.flush()
            if does.stopping.wait(does.drip):
                return
        if does.chunked and not does.cut:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1") -> Iterator[Server]:
    """A server at this address, until the block ends; with a certificate it speaks HTTPS."""
    server = Server(host)
    http = _Http(server)
    if tls is not None:
        server.scheme = "https"
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    server.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join(5)


def a_free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
