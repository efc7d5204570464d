"""From a kind's name, as a person types it for kubectl, to its path on the API server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.lab.kube_errors import NotFound


@dataclass(frozen=True)
class Kind:
    """One kind that the server serves."""

    group: str
    """Empty for the core group."""
    version: str
    kind: str
    plural: str
    namespaced: bool
    names: frozenset[str]
    """All lower-case names: plural, singular, kind, short names."""

    @property
    def api_version(self) -> str:
        """What objects of this kind have as `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """The URL's path of the collection, of an object or of its subresource.

        A namespaced kind without a namespace and name is the collection of all namespaces; with a
        name it is in `default`, as for kubectl.
        """
        parts = [f"/apis/{self.group}" if self.group else "/api", self.version]
        if self.namespaced and (namespace or name):
            parts += ["namespaces", namespace or "default"]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


class Kinds:
    """What the server serves, asked when first needed and again when a name isn't known."""

    def __init__(self, discover: Callable[[], Awaitable[list[dict[str, Any]]]]) -> None:
        """Remember how to ask: `discover` returns the items of an APIGroupDiscoveryList."""
        self._discover = discover
        self._kinds: list[Kind] = []

    async def exact(self, api_version: str, kind: str) -> Kind:
        """The kind of a document.

        Raises:
            NotFound: the server doesn't serve it.
        """
        for _ in range(2):
            for known in self._kinds:
                if known.kind == kind and known.api_version == api_version:
                    return known
            await self._ask()
        raise NotFound(404, "", f"the server has no kind {kind} in {api_version}")

    async def named(self, name: str) -> Kind:
        """The kind that a person means by `name`, which may end with its group: `gateways.GROUP`.

        Raises:
            NotFound: the server doesn't serve it.
            ValueError: several groups have it, and the core group doesn't; the text lists them.
        """
        wanted, _, group = name.lower().partition(".")
        for _ in range(2):
            found = [k for k in self._kinds if wanted in k.names and group in {"", k.group}]
            first_version = {k.group: k for k in reversed(found)}
            if len(first_version) == 1 or "" in first_version or "apps" in first_version:
                return found[0]
            if found:
                choices = ", ".join(f"{k.plural}.{k.group}" for k in first_version.values())
                raise ValueError(f"{name} is ambiguous: {choices}")
            await self._ask()
        raise NotFound(404, "", f"the server has no kind {name}")

    async def _ask(self) -> None:
        self._kinds = [
            kind
            for group in await self._discover()
            for version in group["versions"]
            for resource in version.get("resources") or []
            if (kind := _kind(group, version, resource))
        ]


def _kind(group: dict[str, Any], version: dict[str, Any], resource: dict[str, Any]) -> Kind | None:
    kind = resource.get("responseKind", {}).get("kind")
    if not kind:
        return None
    names = [resource["resource"], kind, resource.get("singularResource") or ""]
    names += resource.get("shortNames") or []
    return Kind(
        group=group["metadata"].get("name") or "",
        version=version["version"],
        kind=kind,
        plural=resource["resource"],
        namespaced=resource["scope"] == "Namespaced",
        names=frozenset(name.lower() for name in names if name),
    )
