"""The generator against real sockets on loopback: what it sends, and what it says it sent."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.lab import http1
from tests.lab.app import App
from tests.lab.app_http import Request as Asked
from tests.lab.app_http import Response, Server
from tests.lab.app_settings import Behaviour, Latency, Settings
from tests.lab.load import ROOT, Load, LoadError
from tests.lab.load_records import MadeBy


@contextlib.asynccontextmanager
async def serving(handler: Callable[[Asked], Awaitable[Response]]) -> AsyncIterator[str]:
    """The url of a server on a free port of loopback."""
    server = Server(handler)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        await server.close(1.0)


async def test_every_request_is_told_of_with_its_version_and_rate() -> None:
    """200 requests a second for a second are about 200, all by the app, none missing."""
    app = App(Settings(version="v2", pod="web-1"))
    async with serving(app.answer) as url, Load.running(url, rate=200) as load:
        await load.until(200, version="v2")
    assert load.counts().sent == load.counts().ok == load.sent >= 200
    by_number = sorted(load.seen, key=lambda each: each.number)
    took = (by_number[-1].due_at - by_number[0].due_at).total_seconds()
    assert took == pytest.approx((load.sent - 1) / 200, abs=0.001)
    assert {each.pod for each in load.seen} == {"web-1"}
    assert load.share("v2").agrees(100)


async def test_the_apps_errors_and_a_proxys_are_told_apart() -> None:
    """The app's 500 carries its mark; the same status without it is the proxy's."""
    app = App(Settings(version="v2", behaviour=Behaviour(error_rate=1.0)))

    async def gateway(request: Asked) -> Response:
        return await app.answer(request) if gateway_up else Response(503, "no healthy upstream")

    gateway_up = True
    async with serving(gateway) as url, Load.running(url, rate=100) as load:
        await load.until(10)
        gateway_up = False
        down_at = datetime.now(UTC)
        await load.until(10, since=down_at)
    counts = load.counts()
    assert counts.app_errors >= 10
    assert counts.proxy_errors >= 10
    assert counts.sent == counts.app_errors + counts.proxy_errors
    assert len(load.failed(outside="v2")) == counts.proxy_errors


async def test_nobody_listening_is_counted_as_unanswered() -> None:
    """A refused connection is a failed request with the reason, not an exception or a gap."""
    async with serving(App(Settings()).answer) as url:
        pass
    async with Load.running(url, rate=100) as load:
        await load.until(20)
    assert load.counts().unanswered == load.sent
    assert "Connect call failed" in str(load.failed()[0])


async def test_a_broken_connection_is_not_hidden_by_sending_again() -> None:
    """The server sees each request once, and each one it drops is counted as failed."""
    seen = dropped = 0
    good, broken = Response(204).encoded(close=False, head_only=True), b"HTTP/1.1 2"

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen, dropped
        with contextlib.suppress(asyncio.IncompleteReadError):
            for answer in (good, broken):
                await http1.read_head(reader)
                seen += 1
                dropped += answer == broken
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, Load.running(url, rate=50) as load:
        await load.until(20)
    assert load.sent == seen
    assert load.counts().unanswered == dropped > 0
    errors = {each.error for each in load.seen if each.made_by is MadeBy.NONE}
    assert errors == {"connection closed in the middle of the answer"}


async def test_a_slow_service_gets_no_fewer_requests() -> None:
    """Open loop: before the first answer, which takes 0.5 s, requests go out all the same."""
    app = App(Settings(behaviour=Behaviour(latency=Latency("fixed", 0.5))))
    async with serving(app.answer) as url, Load.running(url, rate=100) as load:
        await load.until(50)
    first_answer_at = load.seen.requests[0].sent_at + timedelta(seconds=0.5)
    assert len(load.window(until=first_answer_at)) > 20
    assert load.seen.latency(0.5) >= 0.5
    assert load.counts().ok == load.sent


async def test_a_request_without_an_answer_fails_when_its_time_is_up() -> None:
    """It is counted, with the time it was given; the end of the load waits for it."""
    never = asyncio.Event()

    async def silent(_request: Asked) -> Response:
        await never.wait()
        return Response()

    async with serving(silent) as url:
        async with Load.running(url, rate=50, timeout_seconds=0.3) as load:
            await load.until(5)
        never.set()
    assert load.counts().unanswered == load.sent
    assert load.failed()[0].error == "no answer within 0.3 s"


async def test_a_generator_that_died_is_no_good_news() -> None:
    """Requests that nobody counted must not look like requests that went well."""
    async with serving(App(Settings()).answer) as url, contextlib.AsyncExitStack() as stack:
        load = await stack.enter_async_context(Load.running(url, rate=50))
        await load.until(5)
        load._process.kill()
        with pytest.raises(LoadError, match=r"died \(exit code -9\)"):
            await stack.aclose()


async def test_a_load_that_never_comes_says_what_came() -> None:
    """A wait that is over names what was seen until then."""
    async with serving(App(Settings(version="v1")).answer) as url:
        with pytest.raises(LoadError, match=r"fewer than 5 requests of v2 within 0\.3 s: .* sent"):
            async with Load.running(url, rate=50) as load:
                await load.until(5, version="v2", within_seconds=0.3)


async def test_an_address_that_is_none_is_refused_at_the_start(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The generator speaks plain http only, and says so."""
    with pytest.raises(LoadError, match="didn't start"):
        async with Load.running("https://127.0.0.1/"):
            pass
    assert capfd.readouterr().err == "load: 'https://127.0.0.1/' is no http:// address\n"


async def test_a_leaving_app_loses_no_request() -> None:
    """After SIGTERM the app turns unready, answers all that still comes, and leaves with 0.

    The load stops when readiness is gone, as a proxy's would, though half a second late.
    """
    env = {**os.environ, "PORT": "0", "HOST": "127.0.0.1", "LATENCY": "0.05"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.lab.app", cwd=ROOT, env=env, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    port = (await process.stdout.readline()).decode().rsplit(":", 1)[1].strip()
    url = f"http://127.0.0.1:{port}"
    async with Load.running(f"{url}/", rate=100) as load:
        await load.until(20)
        process.send_signal(signal.SIGTERM)
        left_at = datetime.now(UTC)
        async with Load.running(f"{url}/readyz", rate=20) as probe:
            await probe.until(2)
        await asyncio.sleep(0.5)
    assert await process.wait() == 0
    assert {each.status for each in probe.seen} == {503}
    assert load.failed() == ()
    assert load.counts(since=left_at).ok > 30


async def test_settings_change_while_it_runs() -> None:
    """PUT /-/settings takes effect with the next request; a wrong one changes nothing."""
    app = App(Settings())

    def put(body: bytes) -> Asked:
        return Asked("PUT", "/-/settings", body, keep_alive=True)

    assert (await app.answer(put(b'{"error_rate": 1}'))).status == 200
    assert (await app.answer(Asked("GET", "/", b"", keep_alive=True))).status == 500
    refused = await app.answer(put(b'{"error_rate": 0, "ready": 1}'))
    assert (refused.status, refused.text) == (400, "ready is 1; true or false.\n")
    assert app.behaviour.error_rate == 1
    assert (await app.answer(put(b"[]"))).status == 400
    assert (await app.answer(put(b"{"))).status == 400
    assert (await app.answer(put(b'{"ready": false}'))).status == 200
    assert (await app.answer(Asked("GET", "/readyz", b"", keep_alive=True))).status == 503


async def test_the_apps_own_paths_are_not_counted() -> None:
    """Probes and scrapes must not dilute an error rate."""
    app = App(Settings(behaviour=Behaviour(error_rate=1.0)))
    for path in ("/healthz", "/readyz", "/metrics", "/shop"):
        answer = await app.answer(Asked("GET", path, b"", keep_alive=True))
    assert answer.status == 500
    metrics = (await app.answer(Asked("GET", "/metrics", b"", keep_alive=True))).text
    assert 'http_requests_total{code="500"} 1.0' in metrics
    assert 'http_requests_total{code="200"} 0.0' in metrics
    assert "http_request_duration_seconds_count 1.0" in metrics
