"""A canary in a Secret: sent where the Secret allows it, and found nowhere else.

The whole operator in memory, with the real Prometheus provider and a server that gives back what it
was sent in every form it can think of. Afterwards all objects, events and log lines are searched.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from davy.api import group
from davy.cluster.cache import Json
from davy.cluster.kinds import SECRET
from davy.metrics.addresses import Addresses
from davy.metrics.registry import Registry
from tests.unit.controller.stage import Stage, playing
from tests.unit.metrics.test_prometheus import a_metric
from tests.unit.serving import serving

CANARY = 'c4n4ry/"t0ken" 7391'
FORMS = {
    "plain": CANARY,
    "quoted": quote(CANARY, safe=""),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "json": json.dumps(CANARY)[1:-1],
    "reversed": CANARY[::-1],
    "hex": CANARY.encode().hex(),
}
HEADERS = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
ANNOTATION = group.ApiGroup().metric_addresses_annotation


def an_error(text: str) -> web.Response:
    return web.Response(status=401, text=text)


def a_json_error(text: str) -> web.Response:
    body = json.dumps({"status": "error", "errorType": "bad_data", "error": text})
    return web.Response(status=400, text=body)


def a_warning(text: str) -> web.Response:
    data = {"resultType": "vector", "result": [{"metric": {"__name__": text}, "value": [1, "1"]}]}
    return web.json_response({"status": "success", "data": data, "warnings": [text]})


def garbage(text: str) -> web.Response:
    return web.Response(text=text)


def no_numbers(text: str) -> web.Response:
    data = {"resultType": "vector", "result": [{"value": [1, text]}]}
    return web.json_response({"status": "success", "data": data})


def another_type(text: str) -> web.Response:
    return web.json_response({"data": {"resultType": text, "result": []}})


def a_redirect(text: str) -> web.Response:
    return web.Response(status=302, headers={"Location": f"http://elsewhere/{quote(text)}"})


def broken_headers(text: str) -> web.Response:
    return web.Response(status=500, reason="Error", headers={"X-Token": text})


ANSWERS = [
    an_error,
    a_json_error,
    a_warning,
    garbage,
    no_numbers,
    another_type,
    a_redirect,
    broken_headers,
]


@asynccontextmanager
async def echoing(answer: Callable[[str], web.Response]) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that answers with what its Authorization header had, and the headers it got."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "")
        seen.append(token)
        given = token.removeprefix("Bearer ")
        pad = "x" * (300 - len(given) // 2)  # the canary lies across the end of what is shown
        forms = [given, quote(given, safe=""), base64.b64encode(given.encode()).decode()]
        return answer(" ".join([*forms, given[::-1], given.encode().hex(), pad + given]))

    app = web.Application()
    for path in ("/api/v1/query", "/api/v1/query_range", "/api/v1/any"):
        app.router.add_route("*", path, handle)
    async with serving(app) as url:
        yield url, seen


def a_text(text: str) -> web.Response:
    return web.json_response({"value": text})


def a_key(text: str) -> web.Response:
    return web.json_response({"value": {text: [text, {text: text}]}})


def a_secret(stage: Stage, *, sent_to: str | None, value: str = CANARY) -> None:
    metadata: Json = {"namespace": "shop", "name": "prometheus"}
    if sent_to is not None:
        metadata["annotations"] = {ANNOTATION: sent_to}
    data = {"token": base64.b64encode(value.encode()).decode()}
    stage.cluster.put(SECRET, {"metadata": metadata, "data": data})


def a_run(stage: Stage, address: str, **asked: Any) -> None:
    """As a tenant writes it: by hand, no template and no schema in between."""
    provider = {"address": address, "query": "up", "headers": HEADERS, "timeout": 5, **asked}
    put_run(stage, {"prometheus": provider}, "result[0] > 0")


def a_web_run(stage: Stage, address: str, condition: str, **asked: Any) -> None:
    """The same for the other provider."""
    provider = {"url": f"{address}/api/v1/any", "headers": HEADERS, "timeoutSeconds": 5, **asked}
    put_run(stage, {"web": provider}, condition)


def put_run(stage: Stage, provider: Json, condition: str) -> None:
    metric = {"name": "m", "successCondition": condition, "provider": provider}
    reference = {"secretKeyRef": {"name": "prometheus", "key": "token"}}
    stage.cluster.put(
        stage.operator.kinds.analysis_run,
        {
            "metadata": {"namespace": "shop", "name": "run"},
            "spec": {"metrics": [metric], "args": [{"name": "token", "valueFrom": reference}]},
        },
    )


async def measured(stage: Stage) -> Json:
    """The run's first measurement; real threads ask, so real time passes."""
    for _ in range(500):
        await stage.turn(0.1)
        run = stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", "run") or {}
        results = (run.get("status") or {}).get("metricResults") or [{}]
        if results[0].get("measurements"):
            found: Json = results[0]["measurements"][0]
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("never measured")


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """An operator whose Prometheus provider is the real one."""
    async with playing() as stage:
        real = Registry(addresses=Addresses.of(["127.0.0.1"]))
        stage.operator.providers = stage.operator.measurer.providers = real
        try:
            yield stage
        finally:
            await real.close()


def everything(stage: Stage) -> str:
    """Every object but the Secret itself, as text; events are among them."""
    known = stage.cluster._objects
    return json.dumps([found for key, found in known.items() if key[0] != SECRET])


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
async def test_a_canary_is_told_in_no_form(
    answer: Callable[[str], web.Response], told: Callable[[], str]
) -> None:
    """It was sent, and neither status, event nor log line has it, whole or in parts."""
    async with staged() as stage, echoing(answer) as (address, seen):
        a_secret(stage, sent_to=address)
        a_run(stage, address)
        await measured(stage)
        assert seen == [f"Bearer {CANARY}"]
        text = everything(stage) + told()
    assert_untold(text)


def assert_untold(text: str) -> None:
    """The canary isn't in it, in no form and no part."""
    assert "started" in text or "leads" in text  # the log was heard
    for form in FORMS.values():
        parts = [form[start : start + 8] for start in range(0, len(form), 8)]
        assert [part for part in parts if len(part) > 5 and part in text] == []


@pytest.mark.parametrize("condition", ["result.value != nil", "asInt(result.value) > 1"])
@pytest.mark.parametrize("path", ["{$}", "{$.value}", "{$.nope}", "{$..*}"])
@pytest.mark.parametrize("answer", [a_text, a_key, *ANSWERS], ids=lambda answer: answer.__name__)
async def test_a_web_answer_tells_no_secret(
    answer: Callable[[str], web.Response], path: str, condition: str, told: Callable[[], str]
) -> None:
    """Its texts are judged, and told by nobody: not as value, as key, or in a condition's error."""
    async with staged() as stage, echoing(answer) as (address, seen):
        a_secret(stage, sent_to=address)
        a_web_run(stage, address, condition, jsonPath=path)
        await measured(stage)
        assert seen == [f"Bearer {CANARY}"]
        assert_untold(everything(stage) + told())


@pytest.mark.parametrize("allowed", [None, "", "http://elsewhere", "http://127.0.0.1", "http://["])
async def test_a_secret_goes_only_where_it_says(allowed: str | None) -> None:
    """Who names the address isn't who owns the Secret: a rollout's argument may be an address."""
    async with staged() as stage, echoing(an_error) as (address, seen):
        a_secret(stage, sent_to=allowed)
        a_run(stage, address)
        found = await measured(stage)
        assert found["message"] == (
            f"Secret shop/prometheus may not be sent to {address}; who owns it can allow that in "
            f"its annotation {ANNOTATION}."
        )
        assert seen == []


async def test_a_redirect_takes_no_secret_along() -> None:
    """It isn't followed, not even to where the Secret may go."""
    async with staged() as stage, echoing(an_error) as (elsewhere, leaked):

        def redirect(_: str) -> web.Response:
            return web.Response(status=307, headers={"Location": elsewhere})

        async with echoing(redirect) as (address, seen):
            a_secret(stage, sent_to=f"https://other {address}, {elsewhere}")
            a_run(stage, address)
            await measured(stage)
            assert (len(seen), leaked) == (1, [])


@pytest.mark.parametrize(
    "asked",
    [
        {"query": "vector({{args.token}})"},
        {"query": "{{args.token}}"},
        {"headers": [{"key": "{{args.token}}", "value": "x"}]},
    ],
)
async def test_a_secret_is_no_part_of_a_question(asked: Json) -> None:
    """A number asked for with `vector(…)` would come back as the measurement's value."""
    async with staged() as stage, echoing(a_warning) as (address, seen):
        a_secret(stage, sent_to=address, value="739182645")
        a_run(stage, address, **asked)
        await stage.turn(1)
        found = stage.cluster.peek(stage.operator.kinds.analysis_run, "shop", "run") or {}
        assert found["status"]["phase"] == "Error"
        assert "only values of headers and of authentication may" in found["status"]["message"]
        assert seen == []
        assert "739182645" not in everything(stage)


async def test_a_secret_is_no_part_of_a_question_by_a_detour() -> None:
    """An argument whose text is another's placeholder: arguments are filled in once."""
    async with staged() as stage, echoing(a_warning) as (address, _):
        a_secret(stage, sent_to=address, value="739182645")
        a_run(stage, address, query="vector({{args.detour}})")
        stage.cluster.edit(
            stage.operator.kinds.analysis_run,
            "shop",
            "run",
            lambda run: run["spec"]["args"].append({"name": "detour", "value": "{{args.token}}"}),
        )
        await measured(stage)
        assert "739182645" not in everything(stage)


async def test_a_secret_that_cannot_be_a_header_is_not_told() -> None:
    """A value that is too long, or has a line break, would be quoted by whoever refuses it."""
    async with staged() as stage, echoing(an_error) as (address, _):
        for value in (CANARY + "\n" + CANARY, CANARY * 4000):
            a_secret(stage, sent_to=address, value=value)
            a_run(stage, address)
            await measured(stage)
            assert "c4n4ry" not in everything(stage)
            stage.cluster.remove(stage.operator.kinds.analysis_run, "shop", "run")


async def test_a_provider_that_raises_tells_no_secret(told: Callable[[], str]) -> None:
    """A third party's exception may quote the header; the log has its trace without it."""
    async with staged() as stage:

        async def broken(metric: Any) -> None:
            raise ValueError(metric.provider.prometheus.headers[0].value)

        provider = stage.operator.providers.provider_for(a_metric("http://prometheus:9090"))
        provider.measure = broken  # type: ignore[method-assign,assignment]
        a_secret(stage, sent_to="http://prometheus:9090")
        a_run(stage, "http://prometheus:9090")
        found = await measured(stage)
        assert "the provider failed: ValueError" in found["message"]
        logged = told()
        assert "provider failed" in logged
        assert "c4n4ry" not in everything(stage) + logged
