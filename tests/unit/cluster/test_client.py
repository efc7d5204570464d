"""The client against a server that answers what the test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from davy.api import errors
from davy.cluster.client import Client, connect
from davy.cluster.fence import Fence
from davy.cluster.kinds import POD, SERVICE, VIRTUAL_SERVICE
from tests.unit.serving import serving

Answer = Callable[[web.Request], Any]


@dataclass
class Server:
    """Notes requests, answers from a list; the last answer is given again."""

    client: Client
    answers: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        headers = dict(request.headers)
        self.requests.append(
            (request.method, request.path_qs, headers, json.loads(text) if text else None)
        )
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        made = answer(request)
        if asyncio.iscoroutine(made):
            made = await made
        return made if isinstance(made, web.StreamResponse) else web.json_response(made)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    app = web.Application()
    configuration = Configuration(host="http://127.0.0.1:1")
    configuration.retries = None
    configuration.api_key = {"BearerToken": "secret"}
    configuration.api_key_prefix = {"BearerToken": "Bearer"}
    told: list[tuple[str, str]] = []
    client = Client(
        configuration, timeout=0.5, observer=lambda call, code, _: told.append((call.verb, code))
    )
    served = Server(client, told=told)
    app.router.add_route("*", "/{path:.*}", served.serve)
    async with serving(app) as configuration.host:
        yield served
        await client.close()


def status(code: int, **fields: Any) -> Answer:
    return lambda _: web.json_response({"kind": "Status", **fields}, status=code)


async def test_objects_come_and_go_as_json(server: Server) -> None:
    """No model class in between: a field nobody knows isn't lost."""
    server.answers = [lambda _: {"metadata": {"name": "cart"}, "spec": {"unheardOf": 1}}]
    found = await server.client.get(VIRTUAL_SERVICE, "shop", "cart")
    assert found["spec"] == {"unheardOf": 1}
    method, path, headers, _ = server.requests[0]
    assert method == "GET"
    assert path == "/apis/networking.istio.io/v1/namespaces/shop/virtualservices/cart"
    assert headers["Authorization"] == "Bearer secret"
    assert headers["User-Agent"].startswith("davy/")


async def test_a_list_is_one_request_with_the_kinds_selector(server: Server) -> None:
    """Pods without the hash label are never asked for; further pages would come from etcd."""
    server.answers = [
        lambda _: {"items": [{"n": 1}, {"n": 2}], "metadata": {"resourceVersion": "7"}}
    ]
    listing = await server.client.list(POD)
    assert [item["n"] for item in listing.items] == [1, 2]
    assert listing.resource_version == "7"
    ((_, path, _, _),) = server.requests
    assert path == "/api/v1/pods?labelSelector=rollouts-pod-template-hash"


async def test_what_is_no_list_is_no_answer(server: Server) -> None:
    """Taken for an empty list, it would delete everything from the cache."""
    server.answers = [lambda _: {"kind": "Status", "status": "Success"}]
    with pytest.raises(errors.Unreachable, match="without items"):
        await server.client.list(POD)


async def test_a_list_that_breaks_off_is_no_answer(server: Server) -> None:
    """The connection ends within it: what came so far isn't all there is."""

    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b'{"items":[{"n":1}')
        return answer

    server.answers = [half]
    with pytest.raises(errors.Unreachable):
        await server.client.list(POD)


async def test_patches_say_what_kind_they_are(server: Server) -> None:
    """A JSON patch is a list, and drops no field; a merge patch of the status goes to /status."""
    server.answers = [lambda _: {"metadata": {}}]
    operations = [{"op": "test", "path": "/a", "value": 1}]
    await server.client.patch_json(SERVICE, "shop", "cart", operations)
    await server.client.patch_merge(SERVICE, "shop", "cart", {"status": {}}, subresource="status")
    (_, asked, first, body), (_, path, second, _) = server.requests
    assert asked.endswith("/services/cart?fieldValidation=Strict")
    assert first["Content-Type"] == "application/json-patch+json"
    assert body == operations
    assert second["Content-Type"] == "application/merge-patch+json"
    assert path.endswith("/services/cart/status")


async def test_strict_creation_asks_the_server_to_refuse_unknown_fields(server: Server) -> None:
    """A typing error in a pod template is told, not dropped."""
    server.answers = [lambda _: {"metadata": {}}]
    await server.client.create(SERVICE, "shop", {"metadata": {"name": "cart"}}, strict=True)
    assert server.requests[0][1].endswith("/services?fieldValidation=Strict")


async def test_a_deletion_names_the_uid_and_forgives_what_is_gone(server: Server) -> None:
    """A later object of the same name is never hit."""
    server.answers = [status(404, reason="NotFound")]
    await server.client.delete(SERVICE, "shop", "cart", uid="u")
    assert server.requests[0][3]["preconditions"] == {"uid": "u"}


async def test_a_lead_that_ends_while_it_connects_sends_nothing(server: Server) -> None:
    """The last check is behind the connection: a process may be stopped while it waits for one."""
    server.answers = [lambda _: {"metadata": {}}]
    answers = iter([True, False])
    fence = Fence(server.client, lambda: next(answers))
    with pytest.raises(errors.NotLeading, match="not sent"):
        await fence.patch_merge(SERVICE, "shop", "cart", {})
    assert server.requests == []
    assert await server.client.get(SERVICE, "shop", "cart") == {"metadata": {}}


async def test_a_server_that_doesnt_answer_is_given_up(server: Server) -> None:
    """After the time-out, with a sentence."""

    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(2)
        return web.Response()

    server.answers = [never]
    with pytest.raises(
        errors.Unreachable, match=r"get Service shop/cart: .* didn't answer in time"
    ):
        await server.client.get(SERVICE, "shop", "cart")
    assert server.told == [("get", "none")]


async def test_no_connection_is_said_so(server: Server) -> None:
    """The address is in the sentence."""
    server.client._configuration.host = "http://127.0.0.1:1"
    with pytest.raises(errors.Unreachable, match=r"no connection to the API server at http://127"):
        await server.client.get(SERVICE, "shop", "cart")


async def test_an_answer_that_is_no_json_is_a_failure_to_answer(server: Server) -> None:
    """A proxy's page with status 200."""
    server.answers = [lambda _: web.Response(text="<html>")]
    with pytest.raises(errors.Unreachable, match="answered no JSON"):
        await server.client.get(SERVICE, "shop", "cart")


async def test_requests_are_counted_by_verb_and_status(server: Server) -> None:
    """As RBAC names the verb."""
    server.answers = [status(409, reason="Conflict", message="modified")]
    with pytest.raises(errors.Conflict):
        await server.client.patch_merge(SERVICE, "shop", "cart", {})
    assert server.told == [("patch", "409")]


async def test_what_isnt_served_is_empty(server: Server) -> None:
    """A mesh that isn't installed."""
    server.answers = [status(404, reason="NotFound")]
    assert await server.client.served("networking.istio.io", "v1") == frozenset()


async def test_a_kubeconfig_that_isnt_there_is_named() -> None:
    """One clear sentence at the start."""
    with pytest.raises(errors.Unreachable, match="kubeconfig: /nowhere doesn't exist"):
        await connect("/nowhere", timeout=1)


async def test_a_proxy_of_the_environment_is_used_and_asked_for_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says of proxies holds; it isn't looked up before each request."""
    server.answers = [lambda _: {"metadata": {}}]
    target = server.client.server
    monkeypatch.setenv("http_proxy", target)
    monkeypatch.setenv("no_proxy", "")
    far = Client(Configuration(host="http://cluster.example.invalid"), timeout=5)
    await far.get(POD, "shop", "x")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    await far.get(POD, "shop", "x")
    await far.close()
    asked = [headers["Host"] for _, _, headers, _ in server.requests]
    assert asked == ["cluster.example.invalid", "cluster.example.invalid"]


async def test_hosts_without_a_proxy_are_asked_themselves(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`no_proxy` wins."""
    server.answers = [lambda _: {"metadata": {}}]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    await server.client.get(POD, "shop", "x")
    assert len(server.requests) == 1
