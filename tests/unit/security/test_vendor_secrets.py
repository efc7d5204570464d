"""The Secret that a vendor's provider logs in by: whose it is, where it goes, what is told of it.

The whole operator in memory, as in `test_secrets`, with the real providers.
"""

import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from davy.cluster.cache import Json
from davy.cluster.kinds import SECRET
from tests.unit.controller.stage import Stage
from tests.unit.security.test_secrets import everything, measured, staged
from tests.unit.serving import serving

CANARY = "c4n4ry-t0ken-7391"
NUMBER: Json = {"status": "ok", "series": [{"pointlist": [[1, 0.5]]}]}


@asynccontextmanager
async def a_vendor(
    answer: Callable[[str], web.Response],
) -> AsyncIterator[tuple[str, list[Mapping[str, str]]]]:
    """A server that answers by the key that it was sent, and the headers it got."""
    seen: list[Mapping[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return answer(request.headers.get("DD-APPLICATION-KEY", ""))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with serving(app) as url:
        yield url, seen


def a_secret(stage: Stage, *, namespace: str = "shop", name: str = "datadog", **data: str) -> None:
    """A Secret with these values; `_` stands for `-` in the keys."""
    values = {
        key.replace("_", "-"): base64.b64encode(value.encode()).decode()
        for key, value in data.items()
    }
    stage.cluster.put(SECRET, {"metadata": {"namespace": namespace, "name": name}, "data": values})


def a_run(stage: Stage, **asked: Any) -> None:
    """A run of one Datadog metric."""
    provider = {"datadog": {"query": "avg:errors{*}", **asked}}
    metric = {"name": "m", "successCondition": "result < 1", "provider": provider}
    run = {"metadata": {"namespace": "shop", "name": "run"}, "spec": {"metrics": [metric]}}
    stage.cluster.put(stage.operator.kinds.analysis_run, run)


def good(_: str) -> web.Response:
    return web.json_response(NUMBER)


async def test_the_secret_of_the_runs_namespace_logs_in(told: Callable[[], str]) -> None:
    """Sent to where the Secret says, without the line's end that it may have; told nowhere."""
    async with staged() as stage, a_vendor(good) as (address, seen):
        a_secret(stage, api_key="a-key\n", app_key=CANARY, address=address)
        a_run(stage)
        found = await measured(stage)
        assert (found["phase"], found["value"]) == ("Successful", "0.5")
        assert seen[0]["DD-API-KEY"] == "a-key"
        assert seen[0]["DD-APPLICATION-KEY"] == CANARY
        assert CANARY not in everything(stage) + told()


@pytest.mark.parametrize(
    "answer",
    [
        lambda key: web.Response(status=403, text=f"no rights: {key}"),
        lambda key: web.json_response({"errors": [f"no rights: {key}"]}, status=400),
        lambda key: web.json_response({"status": "error", "error": f"no rights: {key}"}),
        lambda key: web.Response(text=f"no rights: {key}"),
    ],
    ids=["text", "json", "status 200", "garbage"],
)
async def test_an_error_is_told_without_the_credentials(
    answer: Callable[[str], web.Response], told: Callable[[], str]
) -> None:
    """Its words are of use; who owns the Secret chose the server."""
    async with staged() as stage, a_vendor(answer) as (address, _):
        a_secret(stage, api_key="a-key-of-theirs", app_key=CANARY, address=address)
        a_run(stage)
        found = await measured(stage)
        assert found["phase"] == "Error"
        assert address in found["message"]
        assert "no rights: ***" in found["message"]
        assert CANARY not in everything(stage) + told()


async def test_a_secret_of_another_namespace_isnt_read() -> None:
    """Argo's controller has one for all tenants; here nobody asks with another's."""
    async with staged() as stage, a_vendor(good) as (address, seen):
        for namespace in ("davy-system", "argo-rollouts", "other"):
            keys = {"api_key": "k", "app_key": CANARY, "address": address}
            a_secret(stage, namespace=namespace, **keys)
        a_run(stage)
        found = await measured(stage)
        assert found["message"] == (
            "Secret shop/datadog isn't there; make it in this namespace, with the keys api-key, "
            "app-key."
        )
        assert seen == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"api_key": "k"}, "Secret shop/mine has no key app-key."),
        ({"api_key": "k", "app_key": " \n"}, "Secret shop/mine: key app-key is empty."),
    ],
)
async def test_a_secret_that_lacks_a_key(data: dict[str, str], says: str) -> None:
    """The sentence names Secret and key, and nobody is asked."""
    async with staged() as stage, a_vendor(good) as (address, seen):
        a_secret(stage, name="mine", address=address, **data)
        a_run(stage, secretRef={"name": "mine", "namespaced": True})
        assert (await measured(stage))["message"] == says
        assert seen == []


async def test_the_operators_own_secret_cant_be_named() -> None:
    """`namespaced: false` is Argo's controller's namespace."""
    async with staged() as stage:
        a_run(stage, secretRef={"name": "datadog"})
        await stage.turn(1)
        found = stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", "run") or {}
        assert found["status"]["phase"] == "Error"
        assert "secretRef.namespaced: must be true" in found["status"]["message"]


async def test_a_texts_answer_is_told_without_the_credentials() -> None:
    """Of a map, keys too."""

    def echo(_: str) -> web.Response:
        result = {f"facet {CANARY}": f"name {CANARY}", "bad": 0.5}
        account = {"account": {"nrql": {"results": [result]}}}
        return web.json_response({"data": {"actor": account}})

    async with staged() as stage, a_vendor(echo) as (address, _):
        secret = {"personal-api-key": CANARY, "account-id": "1", "base-url-nerdgraph": address}
        a_secret(stage, name="newrelic", **secret)
        provider = {"newRelic": {"query": "SELECT bad FROM Transaction"}}
        metric = {"name": "m", "successCondition": "result.bad < 1", "provider": provider}
        run = {"metadata": {"namespace": "shop", "name": "run"}, "spec": {"metrics": [metric]}}
        stage.cluster.put(stage.operator.kinds.analysis_run, run)
        found = await measured(stage)
        assert found["phase"] == "Successful"
        assert "name ***" in found["value"]
        assert CANARY not in everything(stage)
