"""A canary in a login: a password, a client's secret, and the token that it buys."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from davy.analysis.answer import HIDDEN
from davy.cluster.cache import Json
from tests.unit.security.test_secrets import (
    ANSWERS,
    CANARY,
    FORMS,
    a_key,
    a_run,
    a_secret,
    a_text,
    a_web_run,
    assert_untold,
    echoing,
    everything,
    measured,
    staged,
)
from tests.unit.serving import serving


def a_matrix(text: str) -> web.Response:
    series = [{"metric": {"__name__": text}, "values": [[1, "1"], [2, text]]}]
    return web.json_response({"data": {"resultType": "matrix", "result": series}})


@pytest.mark.parametrize("kind", ["prometheus", "web"])
@pytest.mark.parametrize("answer", [a_text, a_matrix, *ANSWERS], ids=lambda answer: answer.__name__)
async def test_a_password_is_told_in_no_form(
    answer: Callable[[str], web.Response], kind: str, told: Callable[[], str]
) -> None:
    """It goes where the Secret allows it, as a header does."""
    login = {"basicAuth": {"username": "{{args.token}}", "password": "{{args.token}}"}}
    async with staged() as stage, echoing(answer) as (address, seen):
        a_secret(stage, sent_to=address)
        if kind == "web":
            a_web_run(stage, address, "result != nil", authentication=login, headers=[])
        else:
            times = {"start": "now()", "end": "now()", "step": "1m"}
            a_run(stage, address, authentication=login, headers=[], rangeQuery=times)
        await measured(stage)
        (basic,) = seen
        assert base64.b64decode(basic.removeprefix("Basic ")).decode() == f"{CANARY}:{CANARY}"
        text = everything(stage) + told()
        assert basic.removeprefix("Basic ")[:12] not in text
        assert_untold(text)


@asynccontextmanager
async def giving(token: str, *, echo: bool = False) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives tokens, or tells what it was sent in place of one."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(f"{request.headers.get('Authorization')} {await request.text()}")
        if echo:
            return web.Response(status=400, text=" ".join([*FORMS.values(), *seen]))
        return web.json_response({"access_token": token, "expires_in": 60})

    app = web.Application()
    app.router.add_post("/token", handle)
    async with serving(app) as url:
        yield url, seen


def an_oauth2(tokens: str) -> Json:
    client = {"clientId": "davy", "clientSecret": "{{args.token}}"}
    return {"oauth2": {"tokenUrl": f"{tokens}/token", **client}}


@pytest.mark.parametrize("kind", ["prometheus", "web"])
@pytest.mark.parametrize("answer", [a_text, a_key, *ANSWERS], ids=lambda answer: answer.__name__)
async def test_a_token_is_told_in_no_form(
    answer: Callable[[str], web.Response], kind: str, told: Callable[[], str]
) -> None:
    """Neither the client's secret nor the token that it buys."""
    bought = "b0ught.t0ken-4711"
    async with staged() as stage, giving(bought) as (tokens, _), echoing(answer) as (address, seen):
        a_secret(stage, sent_to=f"{address} {tokens}")
        login = an_oauth2(tokens)
        if kind == "web":
            a_web_run(stage, address, "result != nil", authentication=login, headers=[])
        else:
            a_run(stage, address, authentication=login, headers=[])
        await measured(stage)
        assert seen == [f"Bearer {bought}"]
        text = everything(stage) + told()
    assert_untold(text)
    for form in (
        bought,
        bought[::-1],
        bought.encode().hex()[:12],
        base64.b64encode(b"b0ught").decode(),
    ):
        assert form not in text


async def test_a_token_server_that_echoes_is_not_told(told: Callable[[], str]) -> None:
    """Its error text may hold the client's secret."""
    async with (
        staged() as stage,
        giving("", echo=True) as (tokens, seen),
        echoing(a_text) as (address, asked),
    ):
        a_secret(stage, sent_to=f"{address} {tokens}")
        a_web_run(stage, address, "true", authentication=an_oauth2(tokens), headers=[])
        found = await measured(stage)
        assert found["message"] == (
            f"authentication.oauth2.tokenUrl: {tokens}/token answered 400: {HIDDEN}"
        )
        assert (len(seen), asked) == (2, [])
        assert_untold(everything(stage) + told())


async def test_a_clients_secret_must_be_allowed_at_both_ends() -> None:
    """The token that it buys is as good: who names the address must not get it elsewhere."""
    async with (
        staged() as stage,
        giving("t0ken") as (tokens, seen),
        echoing(a_text) as (address, asked),
    ):
        for allowed, refused in (
            (address, f"{tokens}/token"),
            (tokens, f"{address}/api/v1/any"),
        ):
            a_secret(stage, sent_to=allowed)
            a_web_run(stage, address, "true", authentication=an_oauth2(tokens), headers=[])
            found = await measured(stage)
            assert f"may not be sent to {refused};" in found["message"]
            stage.cluster.remove(stage.operator.kinds.analysis_run, "shop", "run")
        assert (seen, asked) == ([], [])
