"""Which addresses metrics may call."""

import socket
from typing import Any

import pytest

from davy.analysis.answer import Answered, NotAnswered
from davy.metrics import line
from davy.metrics.addresses import Addresses, Refused, origin
from davy.metrics.prometheus import Prometheus
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import a_free_port, serving
from tests.unit.metrics.test_prometheus import a_metric, a_vector

Names = dict[str, list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What names resolve to, one address after the other; an address is itself."""
    known: Names = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in known:
            return real(host, port, *args, **kwargs)
        return [place for address in known[host] for place in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


INNER = [
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "0.0.0.0",
    "::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "fe80::1",
    "100.100.100.200",
    "224.0.0.1",
    "255.255.255.255",
    "2130706433",
    "0x7f.1",
]


@pytest.mark.parametrize("host", INNER)
def test_what_nobody_may_call_unless_it_is_listed(host: str) -> None:
    """In each of the ways in which an address can be written."""
    with pytest.raises(Refused, match=r"may not be called: .* is .*--metric-addresses"):
        Addresses().resolved(host, 80)
    with pytest.raises(Refused):
        Addresses.of(["*"]).resolved(host, 80)
    assert Addresses.of(["0.0.0.0/0", "::/0"]).resolved(host, 80)


@pytest.mark.parametrize("host", ["10.3.4.5", "192.168.0.9", "8.8.8.8", "2001:db8::1", "fd12::1"])
def test_everything_else_may_be_called_where_nothing_is_listed(host: str) -> None:
    """A Prometheus is somewhere in the cluster, or outside."""
    assert Addresses().resolved(host, 9090) == [host]


def test_a_name_is_what_it_resolves_to(names: Names) -> None:
    """One bad address among several is enough."""
    names["metadata.google.internal"] = ["169.254.169.254"]
    names["rebinding.example"] = ["10.0.0.7", "127.0.0.1"]
    names["prometheus.monitoring"] = ["10.0.0.7", "10.0.0.8"]
    for name in ("metadata.google.internal", "rebinding.example"):
        with pytest.raises(Refused, match="is l"):
            Addresses().resolved(name, 80)
    assert Addresses().resolved("prometheus.monitoring", 80) == ["10.0.0.7", "10.0.0.8"]


def test_the_api_server_is_refused_at_its_port_only(names: Names) -> None:
    """It knows Davy's network; a Prometheus on the same machine is another matter."""
    names["kubernetes.default.svc"] = ["10.96.0.1"]
    addresses = Addresses.of([], "https://kubernetes.default.svc:443")
    with pytest.raises(Refused, match=r"10\.96\.0\.1 is the API server"):
        addresses.resolved("10.96.0.1", 443)
    assert addresses.resolved("10.96.0.1", 9090)


def test_a_list_allows_what_is_in_it_and_nothing_else(names: Names) -> None:
    """Names as metrics write them, networks as names resolve."""
    names["prometheus.monitoring"] = ["10.0.0.7"]
    names["mimir.example.com"] = ["203.0.113.7"]
    names["elsewhere.example.org"] = ["203.0.113.8"]
    names["internal.example.org"] = ["192.168.7.7"]
    addresses = Addresses.of(["Prometheus.Monitoring.", "*.example.com", "192.168.0.0/16"])
    for name in ("prometheus.monitoring", "PROMETHEUS.monitoring.", "mimir.example.com"):
        names[name] = names.get(name, ["10.0.0.7"])
        assert addresses.resolved(name, 80)
    assert addresses.resolved("internal.example.org", 80)
    for name in ("elsewhere.example.org", "10.0.0.7", "example.com.evil.invalid"):
        names[name] = names.get(name, ["10.0.0.9"])
        with pytest.raises(Refused, match="not among the addresses that the administrator"):
            addresses.resolved(name, 80)


@pytest.mark.parametrize("entry", ["", "http://x", "x:9090", "10.0.0.1/8", "a b", "a/b"])
def test_an_entry_that_is_neither_name_nor_network_is_refused(entry: str) -> None:
    """At the start, not at the first measurement."""
    with pytest.raises(ValueError, match="neither a host name"):
        Addresses.of([entry])


async def test_a_refusal_is_a_sentence_that_names_the_setting() -> None:
    """And nothing was connected to."""
    with serving() as server:
        provider = Prometheus(Addresses(), lambda: NOW)
        answer = await provider.measure(a_metric(server.address))
        await provider.close()
    assert isinstance(answer, NotAnswered)
    assert answer.why == (
        f"{server.address} may not be called: 127.0.0.1 is loopback; an administrator can allow "
        "it by --metric-addresses 127.0.0.1"
    )
    assert server.asked == []


async def test_a_name_is_resolved_once(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was checked, whatever the name is a moment later."""
    names["prometheus.monitoring"] = ["10.255.255.1"]
    monkeypatch.setattr(Addresses, "resolved", lambda *_: ["127.0.0.1"])
    with serving() as server:
        server.body = a_vector("1")
        provider = Prometheus(Addresses(), lambda: NOW)
        address = f"http://prometheus.monitoring:{server.port}"
        assert await provider.measure(a_metric(address)) == Answered([1.0])
        await provider.close()
    assert server.asked[0]["host"] == f"prometheus.monitoring:{server.port}"


async def test_the_next_address_of_a_name_is_tried(names: Names) -> None:
    """One of two replicas may be down."""
    names["prometheus.monitoring"] = ["127.0.0.9", "127.0.0.1"]
    with serving() as server:
        server.body = a_vector("1")
        provider = Prometheus(Addresses.of(["127.0.0.0/8"]), lambda: NOW)
        address = f"http://prometheus.monitoring:{server.port}"
        assert await provider.measure(a_metric(address)) == Answered([1.0])
        await provider.close()


async def test_behind_a_proxy_only_what_is_listed_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy resolves the name, so nobody else can check what it is."""
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        proxy.body = a_vector("1")
        for listed in ([], ["10.0.0.0/8"]):
            provider = Prometheus(Addresses.of(listed), lambda: NOW)
            answer = await provider.measure(a_metric("http://mimir.example.com"))
            assert "is behind a proxy" in str(answer)
            await provider.close()
        assert proxy.asked == []
        provider = Prometheus(Addresses.of(["*.example.com"]), lambda: NOW)
        assert await provider.measure(a_metric("http://mimir.example.com")) == Answered([1.0])
        await provider.close()


async def test_a_netrc_is_nobodys(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What the operator's own home has is not for an address that a tenant wrote."""
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("default login operator password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving() as server:
        server.body = a_vector("1")
        provider = Prometheus(Addresses.of(["127.0.0.1"]), lambda: NOW)
        await provider.measure(a_metric(server.address))
        await provider.close()
    assert "authorization" not in server.asked[0]


def test_a_line_that_was_cut_connects_to_nothing() -> None:
    """A thread that comes too late, after a slow look-up, sends nothing."""
    cut = line.Line(Addresses.of(["127.0.0.1"]))
    cut.cut()
    with serving() as server:
        session = line.Session(server.address, Addresses(), cut, verify=True)
        with pytest.raises(line.Cut):
            session.request("GET", server.address)
        session.close()
    assert server.asked == []


@pytest.mark.parametrize(
    ("url", "means"),
    [
        ("http://Prometheus:9090/x?y", ("http", "prometheus", 9090)),
        ("https://u:p@prometheus.", ("https", "prometheus", 443)),
        ("ftp://prometheus", None),
        ("http://", None),
        ("http://a:b", None),
        (f"http://[::1]:{a_free_port()}x", None),
    ],
)
def test_origins(url: str, means: tuple[str, str, int] | None) -> None:
    """Two spellings of one place are the same."""
    assert origin(url) == means
