"""Fields of Argo Rollouts' v1alpha1 that Davy doesn't build yet: one table, none is ignored.

From it come the CRDs' refusals (each field is declared, with a CEL rule that forbids it) and the
findings of validation for objects that come in under Argo's own CRDs. A field leaves the table in
the commit that builds it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from davy.api import paths
from davy.api.errors import Finding

Json = dict[str, Any]

_OBJECT: Final[Json] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_OBJECTS: Final[Json] = {"type": "array", "items": _OBJECT, "maxItems": 1024}
_TEXT: Final[Json] = {"type": "string", "maxLength": 1024}
_FLAG: Final[Json] = {"type": "boolean"}


@dataclass(frozen=True)
class Unbuilt:
    """One field that is refused, and what to do instead."""

    at: str
    """Pattern of the object that has the field, see `paths`."""
    field: str
    schema: Json
    """Typed, because CEL doesn't see a field of unknown type."""
    what: str
    """Subject and verb: "blue-green updates are"."""
    instead: str
    """An order: "use …", "remove it: …"."""
    neutral: tuple[Any, ...] = ()
    """Values that ask for what Davy does anyway; accepted, since they promise nothing more."""
    never: str = ""
    """Why it will never be built: "its project is archived"; "": it may be."""

    @property
    def message(self) -> str:
        """The sentence after the path, the same from the API server and from `davy lint`."""
        state = f"refused for good, {self.never}" if self.never else "not built yet"
        return f"{self.what} {state}; {self.instead}"


class Table(tuple[Unbuilt, ...]):  # noqa: SLOT001  # its tree is kept
    """The fields of one kind that aren't built."""

    @cached_property
    def tree(self) -> Json:
        """Their paths by name, lists left out; an empty dict at a path's end."""
        tree: Json = {}
        for entry in self:
            branch = tree
            for name in [*entry.at.replace("[]", "").split("."), entry.field]:
                branch = branch.setdefault(name, {})
        return tree


_CANARY: Final = "spec.strategy.canary"
_STEP: Final = f"{_CANARY}.steps[]"
_ROUTING: Final = f"{_CANARY}.trafficRouting"
_PLUGIN: Final = f"{_ROUTING}.plugins.argoproj-labs/gatewayAPI"


def _dead_router(field: str, instead: str, why: str) -> Unbuilt:
    return Unbuilt(_ROUTING, field, _OBJECT, f"the router {field} is", instead, never=why)


_SPEC: Final = (
    Unbuilt(
        "spec.strategy",
        "blueGreen",
        _OBJECT,
        "blue-green updates are",
        "use strategy.canary with a setWeight 0, an analysis and a setWeight 100 step",
    ),
)

_STEPS: Final = (
    Unbuilt(
        _STEP, "experiment", _OBJECT, "experiments are", "use an analysis step at a small setWeight"
    ),
)

_ROUTERS: Final = (
    _dead_router(
        "smi",
        "use an HTTPRoute, as Linkerd does now: trafficRouting.gatewayAPI",
        "its project, the Service Mesh Interface, was archived in 2023",
    ),
    _dead_router(
        "ambassador",
        "use an HTTPRoute: trafficRouting.gatewayAPI",
        "its project, now Emissary-ingress, is hardly maintained any more",
    ),
    _dead_router(
        "appMesh",
        "use an HTTPRoute, with VPC Lattice or another mesh: trafficRouting.gatewayAPI",
        "AWS ended App Mesh in September 2026",
    ),
    Unbuilt(
        f"{_ROUTING}.alb",
        "servicePorts",
        _OBJECTS,
        "forwarding to several ports is",
        "name one in servicePort",
    ),
)

_PLUGIN_FIELDS: Final = (
    *(
        Unbuilt(
            _PLUGIN,
            f"{name}RouteSelector",
            _OBJECT,
            "finding routes by label is",
            f"name them in {name}Routes",
        )
        for name in ("http", "grpc", "tcp", "tls")
    ),
    Unbuilt(
        _PLUGIN,
        "configMap",
        _TEXT,
        "keeping header routes in a ConfigMap is",
        "remove it: Davy knows its routes by their names",
    ),
    Unbuilt(
        _PLUGIN,
        "disableInProgressLabel",
        _FLAG,
        "labelling routes during an update is",
        "set it to true or remove it: Davy sets no such label",
        neutral=(True,),
    ),
    *(
        Unbuilt(
            _PLUGIN,
            field,
            _TEXT,
            "labelling routes during an update is",
            "remove it: Davy sets no such label",
        )
        for field in ("inProgressLabelKey", "inProgressLabelValue")
    ),
)

ROLLOUT: Final = Table((*_SPEC, *_STEPS, *_ROUTERS, *_PLUGIN_FIELDS))

_PROVIDER: Final = "spec.metrics[].provider"

_METRICS: Final = tuple(
    Unbuilt(
        f"{_PROVIDER}.{provider}.authentication.sigv4",
        field,
        _TEXT,
        f"another AWS identity than Davy's own (sigv4.{field}) is",
        "leave it out, and give Davy's service account a role that may ask",
    )
    for provider in ("prometheus", "web")
    for field in ("profile", "roleArn")
)

ANALYSIS_TEMPLATE: Final = Table(_METRICS)

ANALYSIS_RUN: Final = Table(_METRICS)


def split(document: Json, table: Table) -> tuple[Json, list[Finding]]:
    """The document without every field of the table, and a finding for each that asked for more.

    The rest can then be read as if those fields weren't there. The given document isn't changed; it
    is its own rest where none of them is in it.
    """
    if not _within(document, table.tree):
        return document, []
    rest = paths.copied(document)
    return rest, [*_taken(rest, table)]


def _within(value: Any, tree: Json) -> bool:
    """Whether a field that the tree ends at may be in the value."""
    if isinstance(value, list):
        return any(_within(item, tree) for item in value)
    if not isinstance(value, dict):
        return False
    return any(
        name in value and (not inner or _within(value[name], inner)) for name, inner in tree.items()
    )


def _taken(rest: Json, table: Table) -> Iterator[Finding]:
    """The findings; the fields are taken out."""
    for entry in table:
        for path, parent in paths.objects(rest, entry.at):
            value = parent.pop(entry.field, None)
            if value is not None and not any(_same(value, allowed) for allowed in entry.neutral):
                yield Finding(paths.child(path, entry.field), entry.message)


def _same(value: Any, allowed: Any) -> bool:
    """Equal and of the same type: `0` is not `false`."""
    return type(value) is type(allowed) and bool(value == allowed)
