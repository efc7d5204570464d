"""Which addresses metrics may call: the administrator's list, checked where the connection is made.

A metric's address is a tenant's text, and Davy stands inside the cluster: without a check it would
ask the cloud's metadata service or its own node for anybody. So the host is resolved first, each
address that it resolves to is checked, and the connection goes to one of those: a name that
resolves otherwise a moment later (rebinding) changes nothing.

| the administrator lists | may be called |
|---|---|
| nothing | everything but `NEVER` and the API server |
| a network, `10.0.0.0/8` or `127.0.0.1` | addresses in it, those in `NEVER` too |
| a name, `prometheus.monitoring` or `*.example.com` | that name as a metric has it, not `NEVER` |
| anything at all | nothing else |
"""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self
from urllib.parse import urlsplit

SETTING: Final = "--metric-addresses"
SIGNING: Final = "--sigv4-addresses"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAME: Final = re.compile(r"[a-z0-9*_.-]+")
_MOST_PLACES: Final = 8
"""Addresses of one name that are tried."""
_SIGNED: Final = re.compile(r"(?:([a-z0-9-]+)=)?(https?://[^\s/?#@%\\]+)((?:/[^\s/?#%\\]+)*)/?")
_PROMETHEUS: Final = "aps"
"""The service of an address that names none: Amazon's Prometheus."""
_PORTS: Final = {"http": 80, "https": 443}
_WELL_KNOWN_NAT64: Final = IPv6Network("64:ff9b::/96")

NEVER: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("127.0.0.0/8", "loopback"),
        ("::1/128", "loopback"),
        ("0.0.0.0/8", "this very host"),
        ("::/128", "this very host"),
        ("169.254.0.0/16", "link-local, where metadata services are"),
        ("fe80::/10", "link-local"),
        ("fd00:ec2::/32", "a metadata service"),
        ("fd20:ce::254/128", "a metadata service"),
        ("100.100.100.200/32", "a metadata service"),
        ("168.63.129.16/32", "a metadata service"),
        ("192.0.0.192/32", "a metadata service"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
"""Networks that no metric may call unless the administrator lists them, and what they are."""


class Refused(Exception):
    """The address may not be called; the message is what follows the address in a sentence."""


@dataclass(frozen=True)
class Signed:
    """Questions that may be signed with Davy's own AWS credentials."""

    service: str
    """The service of AWS that they are for."""
    origin: tuple[str, str, int]
    """Scheme, host and port."""
    path: str
    """What the path begins with, in whole parts; "": any."""

    @classmethod
    def of(cls, entry: str) -> Self:
        """The entry as it was written, `[SERVICE=]URL`.

        Raises:
            ValueError: it is none; the message says why.
        """
        found = _SIGNED.fullmatch(entry)
        place = found and origin(found[2])
        if found is None or place is None or _strays(found[3]):
            raise ValueError(
                f"{entry!r} is no address to sign for; write a URL, such as "
                "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1, after SERVICE= "
                f"where it isn't {_PROMETHEUS}"
            )
        return cls(found[1] or _PROMETHEUS, place, found[3])

    def has(self, url: str) -> bool:
        """Whether the URL is one of these."""
        path = urlsplit(url).path
        below = path == self.path or path.startswith(f"{self.path}/")
        return origin(url) == self.origin and below and not _strays(path)


@dataclass(frozen=True)
class Addresses:
    """What the administrator allows."""

    names: tuple[str, ...] = ()
    """Patterns of host names in lower case, `*` for any text."""
    networks: tuple[Network, ...] = ()
    api_server: tuple[str, int] | None = None
    """Host and port that Davy itself has rights on."""
    signed: tuple[Signed, ...] = ()
    """Where questions go that are signed with Davy's own AWS credentials."""

    @classmethod
    def of(cls, listed: Iterable[str], api_server: str = "", signed: Iterable[str] = ()) -> Self:
        """The list as it was written.

        Args:
            listed: networks, addresses, and patterns of names.
            api_server: its URL; "" for none.
            signed: see `Signed.of`.

        Raises:
            ValueError: an entry is none of these; the message says which.
        """
        names: list[str] = []
        networks: list[Network] = []
        for entry in listed:
            try:
                networks.append(ip_network(entry))
            except ValueError:
                names.append(_name(entry))
        places = tuple(Signed.of(entry) for entry in signed)
        return cls(tuple(names), tuple(networks), _host_and_port(api_server), places)

    def service(self, url: str) -> str:
        """The service of AWS that a question to this URL is signed for.

        Raises:
            Refused: it may not be signed.
        """
        for entry in self.signed:
            if entry.has(url):
                return entry.service
        raise Refused(
            "may not be asked with Davy's own AWS credentials (sigv4); an administrator can allow "
            f"an address by {SIGNING}"
        )

    def resolved(self, host: str, port: int) -> list[str]:
        """The addresses to connect to, all of them allowed.

        Raises:
            Refused: one of them isn't.
            OSError: the name doesn't resolve.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        places = [str(place[4][0]) for place in found]
        for place in places:
            self._check(host, place, port)
        return list(dict.fromkeys(places))[:_MOST_PLACES]

    def check_unresolved(self, host: str) -> None:
        """Nothing, if a host may be called whose address a proxy finds out, and not Davy.

        Raises:
            Refused: it isn't listed.
        """
        if self._listed_name(host):
            return
        try:
            listed = self._listed_address(_plain(host))
        except ValueError:
            listed = False
        if not listed:
            raise Refused(
                "is behind a proxy, where Davy can't see what it resolves to; an administrator "
                f"can allow it by {SETTING}"
            )

    def _check(self, host: str, place: str, port: int) -> None:
        address = _plain(place)
        if self._listed_address(address):
            return
        what = next((what for network, what in NEVER if address in network), None)
        if what is None and (address, port) in self._api_server():
            what = "the API server"
        if what is not None:
            raise Refused(
                f"may not be called: {address} is {what}; an administrator can allow it by "
                f"{SETTING} {address}"
            )
        if (self.names or self.networks) and not self._listed_name(host):
            raise Refused(
                "may not be called: it is not among the addresses that the administrator allows "
                f"({SETTING})"
            )

    def _listed_name(self, host: str) -> bool:
        plain = host.lower().rstrip(".")
        return any(fnmatchcase(plain, pattern) for pattern in self.names)

    def _listed_address(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def _api_server(self) -> set[tuple[Address, int]]:
        if self.api_server is None:
            return set()
        host, port = self.api_server
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return set()
        return {(_plain(str(place[4][0])), port) for place in found}


def _strays(path: str) -> bool:
    """Whether another path than it looks may be meant: a server may resolve dots and escapes."""
    parts = path.split("/")[1:-1]
    return "%" in path or "\\" in path or "" in parts or not {".", ".."}.isdisjoint(path.split("/"))


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a URL, their defaults filled in; None: it is no such URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname.rstrip("."), port) if parts.hostname else None


def _host_and_port(url: str) -> tuple[str, int] | None:
    found = origin(url)
    return found[1:] if found else None


def _name(entry: str) -> str:
    plain = entry.lower().rstrip(".")
    if not _NAME.fullmatch(plain):
        raise ValueError(
            f"{entry!r} is neither a host name (prometheus.monitoring, *.example.com) nor an "
            "address or network (10.0.0.0/8)"
        )
    return plain


def _plain(text: str) -> Address:
    """The address that is meant: an IPv4 one is the same in each of its IPv6 disguises.

    Raises:
        ValueError: it is no address.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    if address in _WELL_KNOWN_NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
