"""Logging in: basic, and tokens of an OAuth 2 server that answers well or badly."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from davy.analysis.answer import HIDDEN, Answered, NotAnswered
from davy.api.analysis import Metric
from davy.metrics import login
from davy.metrics.addresses import Addresses
from davy.metrics.web import Web
from tests.unit.analysis.runs import NOW
from tests.unit.metrics.server import Server, a_free_port, serving

SECRET = "s3cret/ü"


@dataclass
class Clock:
    """Turned by hand."""

    instant: datetime = NOW

    def now(self) -> datetime:
        """The present."""
        return self.instant


@pytest.fixture
def server() -> Iterator[Server]:
    """Whom the metric asks."""
    with serving() as made:
        made.body = b'{"ok": true}'
        yield made


@pytest.fixture
def tokens() -> Iterator[Server]:
    """Who gives tokens."""
    with serving() as made:
        made.body = a_token()
        yield made


@pytest.fixture
def clock() -> Clock:
    """Of the provider."""
    return Clock()


@pytest.fixture
async def provider(clock: Clock) -> AsyncIterator[Web]:
    """A provider that may call the loopback."""
    made = Web(Addresses.of(["127.0.0.0/8"]), clock.now)
    yield made
    await made.close()


def a_token(**fields: Any) -> bytes:
    """What a server answers."""
    good = {"access_token": "t0ken-1", "token_type": "bearer", "expires_in": 3600}
    return json.dumps({**good, **fields}).encode()


def a_metric(server: Server, tokens: Server | None = None, **oauth2: Any) -> Metric:
    """A web metric; with a token, or with user and password."""
    login: Any = {"basicAuth": {"username": "dävy", "password": SECRET}}
    if tokens is not None:
        client = {"clientId": "da vy", "clientSecret": SECRET, "scopes": ["a", "b"], **oauth2}
        login = {"oauth2": {"tokenUrl": f"{tokens.address}/token", **client}}
    asked = {"url": server.address, "authentication": login, "timeoutSeconds": 30}
    return Metric.model_validate({"name": "health", "provider": {"web": asked}})


def decoded(header: str) -> str:
    """User and password of a basic header."""
    kind, _, text = header.partition(" ")
    assert kind == "Basic"
    return base64.b64decode(text).decode()


async def test_basic(server: Server, provider: Web) -> None:
    """User and password as UTF-8; no text of the answer is told."""
    answer = await provider.measure(a_metric(server))
    assert answer == Answered({"ok": True}, secret=True)
    assert decoded(server.asked[0]["authorization"]) == f"dävy:{SECRET}"


async def test_a_token(server: Server, tokens: Server, provider: Web) -> None:
    """As RFC 6749 has it: the client in a header, the grant in a form; the token is sent on."""
    answer = await provider.measure(a_metric(server, tokens))
    assert answer == Answered({"ok": True}, secret=True)
    (asked,) = tokens.asked
    assert (asked["method"], asked["path"]) == ("POST", "/token")
    assert asked["body"] == "grant_type=client_credentials&scope=a+b"
    assert decoded(asked["authorization"]) == "da+vy:s3cret%2F%C3%BC"
    assert server.asked[0]["authorization"] == "Bearer t0ken-1"


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_server_that_wants_the_client_in_the_form(
    server: Server, tokens: Server, provider: Web, status: int
) -> None:
    """Some take nothing else."""
    tokens.statuses = [status]
    assert await provider.measure(a_metric(server, tokens)) == Answered({"ok": True}, secret=True)
    first, second = tokens.asked
    assert "client_secret" not in first["body"]
    assert "client_id=da+vy&client_secret=s3cret%2F%C3%BC" in second["body"]
    assert "authorization" not in second


async def test_a_token_is_kept_until_it_expires(
    server: Server, tokens: Server, provider: Web, clock: Clock
) -> None:
    """And not in its last ten seconds, which a question may take."""
    for _ in range(3):
        await provider.measure(a_metric(server, tokens))
    assert len(tokens.asked) == 1
    clock.instant += timedelta(seconds=3589)
    await provider.measure(a_metric(server, tokens))
    assert len(tokens.asked) == 1
    clock.instant += timedelta(seconds=1)
    tokens.body = a_token(access_token="t0ken-2")
    await provider.measure(a_metric(server, tokens))
    assert len(tokens.asked) == 2
    assert server.asked[-1]["authorization"] == "Bearer t0ken-2"


@pytest.mark.parametrize("given", [None, "soon", -5, 0, "NaN", [], 10**400, 1e308])
async def test_a_token_without_a_life_is_used_once(
    server: Server, tokens: Server, provider: Web, clock: Clock, given: Any
) -> None:
    """A day is the most that is believed."""
    tokens.body = a_token(expires_in=given)
    await provider.measure(a_metric(server, tokens))
    clock.instant += timedelta(days=1)
    await provider.measure(a_metric(server, tokens))
    assert len(tokens.asked) == 2


async def test_another_client_gets_another_token(
    server: Server, tokens: Server, provider: Web
) -> None:
    """Who doesn't know the secret gets nothing out of the store."""
    await provider.measure(a_metric(server, tokens))
    for other in ({"clientSecret": "x"}, {"clientId": "x"}, {"scopes": ["a"]}):
        await provider.measure(a_metric(server, tokens, **other))
    assert len(tokens.asked) == 4


async def test_a_token_that_is_not_taken_is_forgotten(
    server: Server, tokens: Server, provider: Web
) -> None:
    """It was revoked; the next question asks for another."""
    await provider.measure(a_metric(server, tokens))
    server.statuses, server.body = [401], b"who is t0ken-1?"
    answer = await provider.measure(a_metric(server, tokens))
    assert answer == NotAnswered(f"{server.address} answered 401", HIDDEN)
    await provider.measure(a_metric(server, tokens))
    assert len(tokens.asked) == 2


async def test_the_store_is_bounded(
    server: Server,
    tokens: Server,
    provider: Web,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tenants name clients without end; what expires first goes first, what has expired at once."""
    monkeypatch.setattr(login, "MOST_TOKENS", 2)
    tokens.body = a_token(expires_in=100)
    await provider.measure(a_metric(server, tokens, clientId="a"))
    tokens.body = a_token()
    for client in ("b", "c", "b", "c", "a"):
        await provider.measure(a_metric(server, tokens, clientId=client))
    assert len(tokens.asked) == 4
    clock.instant += timedelta(days=2)
    await provider.measure(a_metric(server, tokens, clientId="d"))
    assert len(provider._asker._login._tokens) == 1


REFUSALS = {
    "401": (401, b"who is s3cret?", "answered 401"),
    "500": (500, b"", "answered 500"),
    "html": (200, b"<html>s3cret", "answered something that isn't JSON"),
    "too deep": (200, b"[" * 200_000, "answered something that isn't JSON"),
    "a list": (200, b"[]", "answered something that isn't JSON"),
    "no token": (200, b"{}", "answered without an access_token that can be sent"),
    "a number": (200, a_token(access_token=5), "without an access_token that can be sent"),
    "a line break": (200, a_token(access_token="a\r\nX: y"), "without an access_token"),
    "a long one": (200, a_token(access_token="a" * 20_000), "without an access_token"),
    "a mac": (200, a_token(token_type="mac"), "answered a token that is no bearer token"),
    "too long": (200, b" " * (2**21 + 1), "answered more than 2 MiB"),
    "elsewhere": (302, b"", "answered 302"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_no_token(server: Server, tokens: Server, provider: Web, case: str) -> None:
    """A sentence with the field and the address; nothing of what came; the metric isn't asked."""
    tokens.status, tokens.body, says = REFUSALS[case]
    answer = await provider.measure(a_metric(server, tokens))
    assert isinstance(answer, NotAnswered)
    where = f"authentication.oauth2.tokenUrl: {tokens.address}/token "
    assert answer.why.startswith(where)
    assert says in answer.why
    assert answer.said in {"", HIDDEN}
    assert server.asked == []


async def test_a_redirect_takes_no_client_along(
    server: Server, tokens: Server, provider: Web
) -> None:
    """It isn't followed, as none is."""
    tokens.status, tokens.headers = 307, {"Location": server.address}
    answer = await provider.measure(a_metric(server, tokens))
    assert "redirects aren't followed" in str(answer)
    assert server.asked == []


async def test_token_addresses_are_checked(server: Server, tokens: Server, clock: Clock) -> None:
    """The administrator's list holds for tokenUrl as for any address."""
    provider = Web(Addresses.of(["127.0.0.1"]), clock.now)
    metric = a_metric(server, tokens, tokenUrl="http://127.0.0.2:1/token")
    answer = await provider.measure(metric)
    await provider.close()
    assert "tokenUrl: http://127.0.0.2:1/token may not be called: 127.0.0.2 is" in str(answer)
    assert server.asked == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"http://127.0.0.1:{a_free_port()}/token", "refused the connection"),
        ("http://login.invalid/token", "its name doesn't resolve"),
        ("http://[", "is no valid URL"),
        ("login", "is no URL"),
    ],
)
async def test_token_addresses_that_lead_nowhere(
    server: Server, tokens: Server, provider: Web, url: str, says: str
) -> None:
    """A sentence, whatever was written."""
    answer = await provider.measure(a_metric(server, tokens, tokenUrl=url))
    assert says in str(answer)


async def test_the_login_is_part_of_the_time(server: Server, tokens: Server, provider: Web) -> None:
    """A server that hangs is cut off with the metric's own time-out."""
    tokens.wait = 30
    metric = a_metric(server, tokens)
    assert metric.provider.web is not None
    short = metric.provider.web.model_copy(update={"timeout_seconds": 1})
    hurried = metric.provider.model_copy(update={"web": short})
    answer = await provider.measure(metric.model_copy(update={"provider": hurried}))
    assert answer == NotAnswered(f"{server.address} did not answer within 1 s")


async def test_an_authentication_stands_above_headers(server: Server, provider: Web) -> None:
    """A run that nobody checked may have both; a user in the address gives way, too."""
    metric = a_metric(server)
    assert metric.provider.web is not None
    headers = [{"key": "authorization", "value": "mine"}]
    web = {**metric.provider.web.manifest(), "headers": headers}
    web["url"] = server.address.replace("http://", "http://other:one@")
    await provider.measure(Metric.model_validate({"name": "m", "provider": {"web": web}}))
    assert decoded(server.asked[0]["authorization"]) == f"dävy:{SECRET}"
