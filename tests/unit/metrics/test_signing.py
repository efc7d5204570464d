"""Signature Version 4: AWS's own examples, and a server that computes each signature anew."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from davy.analysis.answer import HIDDEN, Answered, NotAnswered
from davy.api.analysis import Metric
from davy.metrics import login, signing
from davy.metrics.addresses import Addresses, Refused, Signed
from davy.metrics.aws_credentials import AwsCredentials, Credentials, NoCredentials
from davy.metrics.prometheus import Prometheus
from davy.metrics.signing import Scope, Signer
from davy.metrics.web import Web
from tests.unit.metrics.server import Server, a_free_port, serving
from tests.unit.metrics.test_login import Clock

KEY: Final = "AKIDEXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN: Final = "s3ssion/t0ken+="
EXAMPLE: Final = Scope("us-east-1", "service", datetime(2015, 8, 30, 12, 36, tzinfo=UTC))
KEYS: Final = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
LOOPBACK: Final = ["127.0.0.0/8"]


@pytest.fixture
def server() -> Iterator[Server]:
    """Whom the metric asks."""
    with serving() as made:
        made.body = b'{"ok": true}'
        yield made


@pytest.fixture
def clock() -> Clock:
    """Of the provider."""
    return Clock()


@pytest.mark.parametrize(
    ("method", "url", "body", "kind", "signature"),
    [
        ("GET", "/", b"", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            b"",
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("POST", "/", b"", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "POST",
            "/",
            b"Param1=value1",
            "application/x-www-form-urlencoded",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_aws_s_own_examples(method: str, url: str, body: bytes, kind: str, signature: str) -> None:
    """Of its test suite: get-vanilla, …-query-order-key-case, post-vanilla, …-x-www-form."""
    headers = signing.signed(
        method,
        signing.respelled(f"https://example.amazonaws.com{url}"),
        body,
        beside={"content-type": kind} if kind else {},
        credentials=Credentials(KEY, SECRET),
        scope=EXAMPLE,
    )
    assert headers["X-Amz-Date"] == "20150830T123600Z"
    assert headers["Authorization"].endswith(f"Signature={signature}")


def recomputed(asked: Mapping[str, str], queries: Mapping[str, str]) -> str:
    """The signature that a server expects of a request as it came, from nothing but its parts."""
    said = dict(
        part.split("=", 1)
        for part in asked["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    )
    _, day, region, service, _ = said["Credential"].split("/")
    names = said["SignedHeaders"].split(";")
    pairs = sorted((quote(name, safe=""), quote(text, safe="")) for name, text in queries.items())
    canonical = [
        asked["method"],
        quote(asked["path"]),
        "&".join(f"{name}={text}" for name, text in pairs),
        *(f"{name}:{asked[name].strip()}" for name in names),
        "",
        said["SignedHeaders"],
        hashlib.sha256(asked["body"].encode()).hexdigest(),
    ]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    scope = f"{day}/{region}/{service}/aws4_request"
    key = f"AWS4{SECRET}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    text = f"AWS4-HMAC-SHA256\n{asked['x-amz-date']}\n{scope}\n{digest}"
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def signature(asked: Mapping[str, str]) -> str:
    """The one that was sent."""
    return asked["authorization"].rpartition("Signature=")[2]


@asynccontextmanager
async def asking(
    kind: type[Web | Prometheus],
    clock: Clock,
    signed: list[str],
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Any]:
    """A provider in such an environment."""
    monkeypatch.setattr(login, "Signer", partial(Signer, environment=environment))
    made = kind(Addresses.of(LOOPBACK, signed=signed), clock.now)
    yield made
    await made.close()


def a_web_metric(url: str, **more: Any) -> Metric:
    asked = {"url": url, "authentication": {"sigv4": {"region": "eu-west-1"}}, **more}
    return Metric.model_validate({"name": "health", "provider": {"web": asked}})


async def test_a_query_of_prometheus_is_signed(
    server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blanks, pluses and brackets of PromQL too; for the service aps, at the metric's time."""
    server.body = b'{"data": {"resultType": "scalar", "result": [1, "0.5"]}}'
    query = 'sum(rate(errors{a="b c+d", e=~"/%.*"}[1m])) + 1 > 0'
    asked = {
        "address": f"{server.address}/workspaces/ws-1",
        "query": query,
        "authentication": {"sigv4": {"region": "eu-west-1"}},
    }
    metric = Metric.model_validate({"name": "errors", "provider": {"prometheus": asked}})
    environment = {**KEYS, "AWS_SESSION_TOKEN": TOKEN}
    allowed = [f"{server.address}/workspaces/ws-1"]
    async with asking(Prometheus, clock, allowed, environment, monkeypatch) as provider:
        assert await provider.measure(metric) == Answered(0.5, secret=True)
    (found,) = server.asked
    assert found["query"] == query
    assert (
        "/eu-west-1/aps/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token"
        in (found["authorization"])
    )
    assert found["x-amz-security-token"] == TOKEN
    assert found["x-amz-date"] == clock.instant.strftime("%Y%m%dT%H%M%SZ")
    queries = {name: found[name] for name in ("query", "timeout")}
    assert signature(found) == recomputed(found, queries)


async def test_a_web_question_is_signed_with_its_body(
    server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the service that the administrator wrote before the address."""
    metric = a_web_metric(f"{server.address}/prod/health", method="POST", jsonBody={"a": "ü"})
    allowed = [f"execute-api={server.address}"]
    async with asking(Web, clock, allowed, KEYS, monkeypatch) as provider:
        assert await provider.measure(metric) == Answered({"ok": True}, secret=True)
    (found,) = server.asked
    assert "/eu-west-1/execute-api/" in found["authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date," in found["authorization"]
    assert signature(found) == recomputed(found, {})


@pytest.mark.parametrize(
    ("allowed", "path"),
    [
        ([], "/"),
        (["/workspaces/ws-1"], "/workspaces/ws-2"),
        (["/workspaces/ws-1"], "/workspaces/ws-10"),
        (["/workspaces/ws-1"], "/workspaces/ws-1/../ws-2"),
        (["/workspaces/ws-1"], "/workspaces/ws-1/%2e%2e/ws-2"),
        (["/workspaces/ws-1"], "/workspaces/ws-1/..%2fws-2"),
        (["/workspaces/ws-1"], "/workspaces//ws-1"),
    ],
)
async def test_nothing_is_signed_for_an_address_that_is_not_listed(
    allowed: list[str], path: str, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials are Davy's own: nothing is even sent; the status names the setting."""
    listed = [f"{server.address}{entry}" for entry in allowed]
    async with asking(Web, clock, listed, KEYS, monkeypatch) as provider:
        answer = await provider.measure(a_web_metric(f"{server.address}{path}"))
    assert isinstance(answer, NotAnswered)
    assert "may not be asked with Davy's own AWS credentials (sigv4)" in answer.why
    assert "--sigv4-addresses" in answer.why
    assert server.asked == []


@pytest.mark.parametrize(
    "entry",
    [
        "aps-workspaces.eu-west-1.amazonaws.com",
        "https://",
        "https://*.amazonaws.com/a?b=c",
        "https://user@example.com",
        "https://example.com/a/../b",
        "https://example.com/%2e",
        "APS=https://example.com",
        "https://example.com:port",
    ],
)
def test_what_is_no_address_to_sign_for(entry: str) -> None:
    """An administrator is told at the start."""
    with pytest.raises(ValueError, match="is no address to sign for; write a URL, such as https"):
        Signed.of(entry)


def test_another_host_or_scheme_is_another_address() -> None:
    """The whole origin counts; the default port goes without saying."""
    allowed = Addresses.of([], signed=["lambda=https://example.com/fn/"])
    assert allowed.service("https://EXAMPLE.com:443/fn?x=1") == "lambda"
    for url in ("http://example.com/fn", "https://example.com.evil/fn", "https://example.com:8/fn"):
        with pytest.raises(Refused):
            allowed.service(url)


@pytest.mark.parametrize("region", ["eu west", "eu-west-1/x", "{{args.region}}"])
async def test_a_region_that_is_none_is_refused(
    region: str, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a part of the signature's scope."""
    metric = a_web_metric(server.address, authentication={"sigv4": {"region": region}})
    async with asking(Web, clock, [server.address], KEYS, monkeypatch) as provider:
        answer = await provider.measure(metric)
    assert isinstance(answer, NotAnswered)
    assert "region is no region of AWS" in answer.why


async def test_without_a_region_the_machine_s_own_is_asked(
    server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As AWS_REGION says it."""
    metric = a_web_metric(server.address, authentication={"sigv4": {}})
    environment = {**KEYS, "AWS_REGION": "eu-north-1"}
    async with asking(Web, clock, [server.address], environment, monkeypatch) as provider:
        await provider.measure(metric)
    assert "/eu-north-1/aps/" in server.asked[0]["authorization"]


async def test_nothing_of_what_came_is_told(
    server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS answers a wrong signature with what it had expected, the session's token in it."""
    server.status, server.body = 403, f"The Canonical String should have been {TOKEN}".encode()
    environment = {**KEYS, "AWS_SESSION_TOKEN": TOKEN}
    async with asking(Web, clock, [server.address], environment, monkeypatch) as provider:
        answer = await provider.measure(a_web_metric(server.address))
    assert answer == NotAnswered(f"{server.address} answered 403", HIDDEN)


def an_sts_answer(**fields: str) -> bytes:
    """What STS says to a service account's token."""
    known = {
        "AccessKeyId": KEY,
        "SecretAccessKey": SECRET,
        "SessionToken": TOKEN,
        "Expiration": "2026-01-01T13:00:00Z",
        **fields,
    }
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in known.items())
    return f"<AssumeRoleWithWebIdentityResult>{inner}</AssumeRoleWithWebIdentityResult>".encode()


def test_a_service_account_gets_keys_of_its_role(
    server: Server, clock: Clock, tmp_path: Path
) -> None:
    """By its token, read anew each time; kept until shortly before they expire."""
    clock.instant = datetime(2026, 1, 1, 12, tzinfo=UTC)
    file = tmp_path / "token"
    file.write_text("jwt-1\n", encoding="utf-8")
    known = AwsCredentials(
        clock.now,
        {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/davy",
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_STS": server.address,
        },
    )
    server.body = an_sts_answer()
    found = known.current()
    assert (found.key_id, found.secret, found.token) == (KEY, SECRET, TOKEN)
    assert known.current() is found
    clock.instant += timedelta(minutes=58)
    file.write_text("jwt-2", encoding="utf-8")
    server.body = an_sts_answer(AccessKeyId="AKID2", Expiration="2026-01-01T14:00:00Z")
    assert known.current().key_id == "AKID2"
    first, second = (asked["body"] for asked in server.asked)
    assert "Action=AssumeRoleWithWebIdentity&Version=2011-06-15" in first
    assert "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fdavy" in first
    assert ("WebIdentityToken=jwt-1" in first, "WebIdentityToken=jwt-2" in second) == (True, True)


def test_a_pod_gets_keys_of_its_role(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of EKS' or ECS' agent, by the token that stands in a file; no proxy learns of it."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{a_free_port()}")
    file = tmp_path / "token"
    file.write_text("pod-token", encoding="utf-8")
    answer = {"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": TOKEN}
    server.body = json.dumps({**answer, "Expiration": "2027-01-01T13:00:00Z"}).encode()
    variables = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{server.address}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
    }
    found = AwsCredentials(Clock().now, variables).current()
    assert (found.key_id, found.secret, found.token) == (KEY, SECRET, TOKEN)
    (asked,) = server.asked
    assert (asked["path"], asked["authorization"]) == ("/v1/credentials", "pod-token")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (403, b"<Error>jwt</Error>", "answered 403"),
        (200, b"nothing", "gave no keys"),
        (200, an_sts_answer(SecretAccessKey=""), "gave no keys"),
        (200, an_sts_answer(SecretAccessKey="\u00fc"), "gave keys that can't be read"),
        (200, an_sts_answer(Expiration="soon"), "gave keys with a life that can't be read"),
    ],
)
def test_keys_that_cant_be_had_are_a_sentence(
    status: int, body: bytes, why: str, server: Server, tmp_path: Path
) -> None:
    """Without a word of what was sent or answered."""
    file = tmp_path / "token"
    file.write_text("jwt", encoding="utf-8")
    server.status, server.body = status, body
    variables = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(file),
        "AWS_ENDPOINT_URL_STS": server.address,
    }
    with pytest.raises(NoCredentials) as raised:
        AwsCredentials(Clock().now, variables).current()
    assert str(raised.value) == f"{server.address} {why}"


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({}, "Davy has none; its service account needs a role of AWS"),
        ({"AWS_ACCESS_KEY_ID": KEY}, "the environment gave no keys"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/none"}, "the file of AWS_WEB_IDENTITY_TOKEN_FILE"),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{a_free_port()}"},
            "refused the connection",
        ),
    ],
)
async def test_without_credentials_the_status_says_so(
    variables: dict[str, str], why: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent unsigned."""
    async with asking(Web, Clock(), [server.address], variables, monkeypatch) as provider:
        answer = await provider.measure(a_web_metric(server.address))
    assert isinstance(answer, NotAnswered)
    assert f"{server.address} wasn't asked: no AWS credentials: " in answer.why
    assert why in answer.why
    assert server.asked == []


def test_credentials_hide_what_is_secret() -> None:
    """In whatever prints them."""
    shown = repr(Credentials(KEY, SECRET, TOKEN))
    assert KEY in shown
    assert SECRET not in shown
    assert TOKEN not in shown
