"""A small asynchronous client for the API server, for the lab and its tests.

Kinds are named as for kubectl: `deploy`, `Deployment`, `deployments.apps`. Objects are plain JSON.
The operator has its own client; this one shares no code with it, so a test that checks what the
operator wrote doesn't look through the operator's eyes.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp

from tests.lab import kubeconfig
from tests.lab.connection import as_os_errors
from tests.lab.kube_errors import KubeError, NotFound, from_status
from tests.lab.kube_kinds import Kind, Kinds

type_of_patch: Final = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
"""Names of patch types; a JSON patch is a list, the others are objects."""

MANAGER: Final = "davy-lab"
"""The field manager of everything this client applies."""

CALL_SECONDS: Final = 10.0
"""A call that takes longer raises `TimeoutError`, unless a client is told otherwise."""

Json = dict[str, Any]
Objects = list[Json]
PatchType = Literal["merge", "strategic", "json"]


class Kube:
    """One user's connection to one API server; use with `async with`, or call `close`."""

    def __init__(self, server: str, authority: bytes, token: str) -> None:
        """Remember how to connect; nothing is sent.

        Args:
            server: `https://ADDRESS:PORT`.
            authority: PEM of the certificate that signs the server's.
            token: the bearer token.
        """
        self._server = server
        self._tls = ssl.create_default_context(cadata=authority.decode())
        self._token = token
        self.call_seconds = CALL_SECONDS
        """After this long without an answer a call raises `TimeoutError`."""
        self._session: aiohttp.ClientSession | None = None
        self._kinds = Kinds(self._discover)

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """A client for the one context of a kubeconfig that the lab wrote."""
        return cls(*kubeconfig.read(path))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; calls after it open new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # -- one object ---------------------------------------------------------------------------

    async def get(
        self, kind: str, name: str, *, namespace: str | None = None, subresource: str = ""
    ) -> Json:
        """The object as the server has it now.

        Raises:
            NotFound: there is none.
            KubeError: any other refusal.
        """
        path = await self._path(kind, namespace, name, subresource)
        return await self.request("GET", path)

    async def find(self, kind: str, name: str, *, namespace: str | None = None) -> Json | None:
        """The object, or None when there is none."""
        try:
            return await self.get(kind, name, namespace=namespace)
        except NotFound:
            return None

    async def create(
        self, document: Json, *, namespace: str | None = None, dry_run: bool = False
    ) -> Json:
        """The object as created from a whole document.

        Raises:
            Conflict: it exists already.
            KubeError: refused; an admission's or a CRD's message is its text.
        """
        kind = await self._kind_of(document)
        path = kind.path(_namespace_of(document, namespace))
        query = {"dryRun": "All"} if dry_run else {}
        return await self.request("POST", path, document, query=query)

    async def apply(
        self, document: Json, *, namespace: str | None = None, manager: str = MANAGER
    ) -> Json:
        """The object after a server-side apply that takes over fields of other managers.

        Raises:
            KubeError: refused; an admission's or a CRD's message is its text.
        """
        kind = await self._kind_of(document)
        path = kind.path(_namespace_of(document, namespace), document["metadata"]["name"])
        return await self.request(
            "PATCH",
            path,
            document,
            query={"fieldManager": manager, "force": "true"},
            content_type="application/apply-patch+yaml",
        )

    async def replace(self, document: Json, *, subresource: str = "") -> Json:
        """The object after an update with the whole document and its resourceVersion.

        Raises:
            Conflict: somebody else wrote it meanwhile.
        """
        kind = await self._kind_of(document)
        metadata = document["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], subresource)
        return await self.request("PUT", path, document)

    async def patch(
        self,
        kind: str,
        name: str,
        change: Json | Objects,
        *,
        namespace: str | None = None,
        patch: PatchType = "merge",
        subresource: str = "",
    ) -> Json:
        """The object after a patch.

        Args:
            kind: as for kubectl.
            name: the object's.
            change: an object, or for `json` a list of operations.
            namespace: the object's; None for a cluster's.
            patch: `merge`, `strategic` or `json`.
            subresource: `status` or `scale`.

        Raises:
            NotFound: there is no such object.
            Conflict: a `uid` or `resourceVersion` in the patch is another's.
        """
        path = await self._path(kind, namespace, name, subresource)
        return await self.request("PATCH", path, change, content_type=type_of_patch[patch])

    async def delete(
        self,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        grace_seconds: int | None = None,
        uid: str | None = None,
        propagation: Literal["Background", "Foreground", "Orphan"] | None = None,
    ) -> None:
        """Ask for deletion; done when the object is gone already.

        Args:
            kind: as for kubectl.
            name: the object's.
            namespace: the object's; None for a cluster's.
            grace_seconds: 0 removes a pod at once; None keeps the object's own.
            uid: delete only this one.
            propagation: what happens to dependents; None is the kind's default.

        Raises:
            Conflict: the object has another uid.
        """
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if propagation is not None:
            options["propagationPolicy"] = propagation
        path = await self._path(kind, namespace, name)
        try:
            await self.request("DELETE", path, options)
        except NotFound:
            return

    # -- many objects -------------------------------------------------------------------------

    async def list(
        self, kind: str, *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> Objects:
        """All objects of a kind, of one namespace or of all.

        Args:
            kind: as for kubectl.
            namespace: None for all.
            labels: a label selector, `app=web,tier!=db`.
            fields: a field selector, `spec.nodeName=lab-0`.
        """
        listed = await self.list_raw(kind, namespace=namespace, labels=labels, fields=fields)
        items: list[Json] = listed.get("items") or []
        for item in items:  # a list's items lack what each says of itself
            item.setdefault("apiVersion", listed["apiVersion"])
            item.setdefault("kind", listed["kind"].removesuffix("List"))
        return items

    async def list_raw(
        self, kind: str, *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> Json:
        """The list itself; its `metadata.resourceVersion` is where a watch goes on."""
        path = await self._path(kind, namespace)
        return await self.request("GET", path, query=_selectors(labels, fields))

    async def watch(
        self,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        since: str = "",
    ) -> AsyncGenerator[tuple[str, Json], None]:
        """Changes as (ADDED | MODIFIED | DELETED | BOOKMARK, object) until the server ends it.

        Args:
            kind: as for kubectl.
            namespace: None for all.
            labels: a label selector.
            fields: a field selector.
            since: a resourceVersion; empty starts with an ADDED for each that exists.

        Raises:
            Gone: `since` is too old; list again.
            OSError: the connection broke.
        """
        query = {"watch": "1", "allowWatchBookmarks": "true", **_selectors(labels, fields)}
        if since:
            query["resourceVersion"] = since
        path = await self._path(kind, namespace)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CALL_SECONDS)
        session = self._connected()
        url = self._server + path
        with as_os_errors():
            async with session.get(url, params=query, timeout=timeout) as answer:
                if answer.status >= 400:
                    raise from_status(answer.status, await answer.json(content_type=None))
                async for line in _lines(answer.content):
                    event: Json = json.loads(line)
                    if event["type"] == "ERROR":
                        raise from_status(event["object"].get("code", 500), event["object"])
                    yield event["type"], event["object"]

    # -- beneath ------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Json:
        """The answer to any call of the API.

        Raises:
            KubeError: HTTP 400 or above; the subclass tells which.
            OSError: no connection.
            TimeoutError: no answer within `call_seconds`.
        """
        with as_os_errors():
            async with self._connected().request(
                method,
                self._server + path,
                params=query,
                data=None if body is None else json.dumps(body),
                headers={"Content-Type": content_type, "Accept": accept},
                timeout=aiohttp.ClientTimeout(total=self.call_seconds),
            ) as answer:
                text = await answer.text()
        try:
            content = json.loads(text)
        except ValueError:
            content = {"message": text}
        if answer.status >= 400:
            raise from_status(answer.status, content)
        return dict(content)

    async def text(self, path: str, *, query: Mapping[str, str] | None = None) -> str:
        """The answer to a GET that isn't JSON: `/readyz`, a pod's log.

        Raises:
            KubeError: HTTP 400 or above.
        """
        url = self._server + path
        timeout = aiohttp.ClientTimeout(total=self.call_seconds)
        with as_os_errors():
            async with self._connected().get(url, params=query, timeout=timeout) as answer:
                text = await answer.text()
        if answer.status >= 400:
            raise from_status(answer.status, {"message": text})
        return text

    async def ready(self) -> bool:
        """Whether the API server says that it is ready; False also when it doesn't answer."""
        try:
            return (await self.text("/readyz")).strip() == "ok"
        except (KubeError, OSError, TimeoutError):
            return False

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
                headers={"Authorization": f"Bearer {self._token}"},
            )
        return self._session

    async def _path(
        self, kind: str, namespace: str | None, name: str = "", subresource: str = ""
    ) -> str:
        return (await self._kinds.named(kind)).path(namespace, name, subresource)

    async def _kind_of(self, document: Json) -> Kind:
        return await self._kinds.exact(document["apiVersion"], document["kind"])

    async def _discover(self) -> Objects:
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        core, groups = await asyncio.gather(
            self.request("GET", "/api", accept=accept), self.request("GET", "/apis", accept=accept)
        )
        return [*core["items"], *groups["items"]]


def _namespace_of(document: Json, namespace: str | None) -> str | None:
    own: str | None = document.get("metadata", {}).get("namespace")
    return own or namespace


def _selectors(labels: str, fields: str) -> dict[str, str]:
    pairs: Iterable[tuple[str, str]] = (("labelSelector", labels), ("fieldSelector", fields))
    return {name: value for name, value in pairs if value}


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines of any length; `readline` has a limit that a big object passes."""
    rest = b""
    async for chunk in content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
