"""The few calls Davy makes to the API server: JSON in, JSON out.

On `kubernetes.aio`'s configuration, authentication and TLS, without its model classes: an object is
a dict as the server wrote it, so that no field a user set is ever lost. Nothing is retried here;
the queue knows better when to try again.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

import davy
from davy.api import errors
from davy.cluster import listing, shallow
from davy.cluster.failures import Call, mapped, refused
from davy.cluster.kinds import POD, Kind
from davy.cluster.listing import Listing

Json = dict[str, Any]
_BAD_REQUEST: Final = 400
_LONG: Final = 8
"""Times a request's timeout that a whole list may take, while it comes in."""
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}
"""A list is made and read faster than it is compressed; it is processors that are scarce here."""
_DEFAULT: Final = "~/.kube/config"


class Api(Protocol):
    """The calls; the simulation's cluster makes the same ones in memory.

    Every method raises a subclass of `errors.ApiFailure`, and nothing else.
    """

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """One object."""

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str | None = None
    ) -> Listing:
        """All objects of a kind; `namespace` None: of all namespaces; selector None: the kind's."""

    def batches(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Listing]:
        """The same in batches: few objects are held. Raises after any number of them."""

    async def create(self, kind: Kind, namespace: str, body: Json, *, strict: bool = False) -> Json:
        """The created object. `strict`: unknown and double fields are refused, not dropped."""

    async def patch_json(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Json]
    ) -> Json:
        """The object after a JSON patch (RFC 6902); a failed `test` is a Conflict.

        A field that the kind doesn't have is refused: a route without it would mean another thing.
        """

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """The object after a merge patch (RFC 7386).

        With `metadata.resourceVersion` in the body, a change since that version is a Conflict.
        """

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str, version: str | None = None
    ) -> None:
        """The object of this uid, and no later one of the same name, is gone or going.

        With a version (its resourceVersion), a change since then is a Conflict.
        """

    async def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """The pod of this uid is gone or going; what its disruption budget forbids is refused."""

    async def served(self, group: str, version: str) -> frozenset[str]:
        """Plural names that the server has under a group and version; empty when it has none."""

    async def allowed(
        self, verb: str, kind: Kind, namespace: str | None = None, *, subresource: str = ""
    ) -> bool:
        """Whether RBAC grants Davy this verb; namespace None: in all of them."""


BEFORE_SENDING: Final = ContextVar[Callable[[], None] | None]("before sending", default=None)
"""Called when a request has its connection, as the last thing before it is written; may raise."""

Observer = Callable[[Call, str, float], None]
"""Told of each request: what was asked, HTTP status or "none", seconds."""


class Client:
    """`Api` on a real API server."""

    def __init__(
        self, configuration: Configuration, *, timeout: float, observer: Observer | None = None
    ) -> None:
        self._tls = RESTClientObject(configuration).ssl_context
        self._configuration = configuration
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._observer = observer
        self._opened: aiohttp.ClientSession | None = None

    @property
    def server(self) -> str:
        """The server's URL, e.g. `https://10.0.0.1:443`."""
        return str(self._configuration.host)

    async def close(self) -> None:
        """Close every connection; a call after it fails."""
        await self._session().close()

    def session(
        self,
        *traces: aiohttp.TraceConfig,
        middlewares: Sequence[aiohttp.ClientMiddlewareType] = (),
    ) -> aiohttp.ClientSession:
        """A session with the same credentials, fresh on each request, for the watches."""

        async def authorized(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            for name, value in (await self._credentials()).items():
                request.headers[name] = value
            return await handler(request)

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            headers={"User-Agent": f"davy/{davy.__version__}"},
            middlewares=(*middlewares, authorized),
            trace_configs=[*traces],
            proxy=_proxy(self._configuration),
            read_bufsize=2**21,
        )

    def _session(self) -> aiohttp.ClientSession:
        """The session of all calls, opened by the first one: it needs a running loop."""
        if self._opened is None:
            last = aiohttp.TraceConfig()
            last.on_request_headers_sent.append(_last_check)
            self._opened = self.session(last)
        return self._opened

    async def _credentials(self) -> dict[str, str]:
        """The Authorization header, with a rotated token when there is one."""
        settings = await self._configuration.auth_settings()
        token = settings.get("BearerToken", {}).get("value")
        return {"Authorization": str(token)} if token else {}

    async def get(self, kind: Kind, namespace: str, name: str) -> Json:
        """See `Api.get`."""
        call = Call("get", kind, namespace, name)
        return await self._send(call, "GET", kind.path(namespace, name))

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str | None = None
    ) -> Listing:
        """See `Api.list`. An expired page token starts the list anew, once."""
        labels = kind.selector if selector is None else selector
        found = [batch async for batch in self._batches(kind, namespace, labels)]
        items = tuple(item for batch in found for item in batch.items)
        return Listing(items, found[-1].resource_version)

    def batches(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Listing]:
        """See `Api.batches`."""
        return self._batches(kind, namespace, kind.selector)

    async def _batches(
        self, kind: Kind, namespace: str | None, labels: str
    ) -> AsyncIterator[Listing]:
        query = [("labelSelector", labels)] if labels else []
        seconds = self._timeout.total or 0
        timeout = aiohttp.ClientTimeout(total=_LONG * seconds, sock_read=seconds)
        path, call = kind.path(namespace), Call("list", kind, namespace)
        async with self._answer(call, "GET", path, query, timeout=timeout) as answer:
            async for batch in listing.batches(answer.content.iter_any()):
                yield batch

    async def create(self, kind: Kind, namespace: str, body: Json, *, strict: bool = False) -> Json:
        """See `Api.create`."""
        name = body.get("metadata", {}).get("name")
        call = Call("create", kind, namespace, name)
        query = [("fieldValidation", "Strict")] if strict else []
        return await self._send(call, "POST", kind.path(namespace), query, body=body)

    async def patch_json(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Json]
    ) -> Json:
        """See `Api.patch_json`."""
        call = Call("patch", kind, namespace, name)
        path = kind.path(namespace, name)
        return await self._send(
            call,
            "PATCH",
            path,
            [("fieldValidation", "Strict")],
            body=[*operations],
            content="application/json-patch+json",
        )

    async def patch_merge(
        self, kind: Kind, namespace: str, name: str, body: Json, *, subresource: str = ""
    ) -> Json:
        """See `Api.patch_merge`."""
        call = Call("patch", kind, namespace, name, subresource)
        path = "/".join(part for part in (kind.path(namespace, name), subresource) if part)
        return await self._send(
            call, "PATCH", path, body=body, content="application/merge-patch+json"
        )

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str, version: str | None = None
    ) -> None:
        """See `Api.delete`."""
        call = Call("delete", kind, namespace, name)
        preconditions = {"uid": uid} | ({"resourceVersion": version} if version else {})
        body = {"propagationPolicy": "Background", "preconditions": preconditions}
        with suppress(errors.NotFound):
            await self._send(call, "DELETE", kind.path(namespace, name), body=body)

    async def evict(self, namespace: str, name: str, *, uid: str) -> None:
        """See `Api.evict`."""
        call = Call("create", POD, namespace, name, "eviction")
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        with suppress(errors.NotFound):
            await self._send(call, "POST", f"{POD.path(namespace, name)}/eviction", body=body)

    async def served(self, group: str, version: str) -> frozenset[str]:
        """See `Api.served`."""
        kind = Kind(group, version, "APIResourceList", "")
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        try:
            answer = await self._send(Call("discover", kind), "GET", path)
        except errors.NotFound:
            return frozenset()
        return frozenset(str(found["name"]) for found in answer.get("resources") or [])

    async def allowed(
        self, verb: str, kind: Kind, namespace: str | None = None, *, subresource: str = ""
    ) -> bool:
        """See `Api.allowed`."""
        review = Kind(
            "authorization.k8s.io",
            "v1",
            "SelfSubjectAccessReview",
            "selfsubjectaccessreviews",
            namespaced=False,
        )
        attributes = {
            "verb": verb,
            "group": kind.group,
            "resource": kind.plural,
            "subresource": subresource,
            "namespace": namespace or "",
        }
        body = {
            "apiVersion": review.api_version,
            "kind": review.kind,
            "spec": {"resourceAttributes": attributes},
        }
        answer = await self._send(Call("create", review), "POST", review.path(), body=body)
        return bool((answer.get("status") or {}).get("allowed"))

    async def _send(
        self,
        call: Call,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        body: Json | Sequence[Json] | None = None,
        content: str = "application/json",
    ) -> Json:
        """One request; its answer decoded.

        Raises:
            errors.ApiFailure: the most specific class of it.
        """
        async with self._answer(call, method, path, query, body=body, content=content) as answer:
            return shallow.loads_object(await answer.read())

    @asynccontextmanager
    async def _answer(
        self,
        call: Call,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        body: Json | Sequence[Json] | None = None,
        content: str = "application/json",
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109  # of the request
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; its answer, which isn't a refusal, to be read inside.

        Raises:
            errors.ApiFailure: the most specific class of it, of what fails inside too.
        """
        started = time.monotonic()
        status = "none"
        try:
            with mapped(call, f"the API server at {self.server}"):
                async with self._session().request(
                    method,
                    self.server + path,
                    params=query,
                    data=None if body is None else json.dumps(body),
                    headers={**_HEADERS, "Content-Type": content},
                    timeout=timeout or self._timeout,
                    server_hostname=self._configuration.tls_server_name,
                ) as answer:
                    status = str(answer.status)
                    if answer.status >= _BAD_REQUEST:
                        raise refused(call, answer.status, await answer.read(), answer.headers)
                    yield answer
        finally:
            if self._observer:
                self._observer(call, status, time.monotonic() - started)


async def _last_check(*_: object) -> None:
    """The connection is there, no byte was written: whoever was stopped meanwhile finds out now."""
    check = BEFORE_SENDING.get()
    if check:
        check()


def _proxy(configuration: Configuration) -> str | None:
    """The kubeconfig's proxy, else the environment's; looked up once, not before each request."""
    server = urlsplit(str(configuration.host))
    if configuration.proxy:
        return str(configuration.proxy)
    if not server.hostname or proxy_bypass(server.hostname):
        return None
    return getproxies().get(server.scheme)


async def connect(
    kubeconfig: str | None,
    *,
    timeout: float,  # noqa: ASYNC109  # of each request later, not of this call
    observer: Observer | None = None,
) -> Client:
    """A client: of this kubeconfig, else $KUBECONFIG, else the pod's, else the default one.

    Args:
        kubeconfig: path of a file; None looks around.
        timeout: seconds that one request may take in all.
        observer: told of each request.

    Raises:
        errors.ApiFailure: no usable configuration was found; the sentence says where it was looked
        for.
    """
    configuration = Configuration()
    configuration.retries = None
    attempts: Mapping[str, Callable[[], Awaitable[None]]] = {
        "in-cluster service account": lambda: _in_cluster(configuration),
        "kubeconfig": lambda: _kubeconfig(None, configuration),
    }
    if not kubeconfig and os.environ.get("KUBECONFIG"):
        attempts = {"$KUBECONFIG": lambda: _kubeconfig(None, configuration)}
    if kubeconfig:
        attempts = {"kubeconfig": lambda: _kubeconfig(kubeconfig, configuration)}
    refusals = []
    for what, attempt in attempts.items():
        try:
            await attempt()
        except Exception as error:  # noqa: BLE001  # plug-ins raise anything; all is said
            refusals.append(f"{what}: {str(error).strip().rstrip('.') or type(error).__name__}")
        else:
            return Client(configuration, timeout=timeout, observer=observer)
    raise errors.Unreachable(f"No way to reach a cluster: {'; '.join(refusals)}.")


async def _in_cluster(configuration: Configuration) -> None:
    load: Any = kubernetes_config.load_incluster_config
    load(client_configuration=configuration)


async def _kubeconfig(path: str | None, configuration: Configuration) -> None:
    places = [path] if path else (os.environ.get("KUBECONFIG") or _DEFAULT).split(os.pathsep)
    if not await asyncio.to_thread(lambda: any(Path(p).expanduser().is_file() for p in places)):
        raise FileNotFoundError(f"{', '.join(places)} doesn't exist")
    load: Any = kubernetes_config.load_kube_config
    await load(config_file=path, client_configuration=configuration, persist_config=False)
