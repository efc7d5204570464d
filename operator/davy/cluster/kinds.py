"""The kinds Davy reads and writes: where the API server serves them.

Versions are data: a router for a newer version of a route changes one line here.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote

from davy.api import errors, group

ISTIO: Final = "networking.istio.io"
GATEWAY: Final = "gateway.networking.k8s.io"
NETWORKING: Final = "networking.k8s.io"
TRAEFIK: Final = "traefik.io"
APISIX: Final = "apisix.apache.org"
CONTOUR: Final = "projectcontour.io"


@dataclass(frozen=True)
class Kind:
    """One kind: its address in the API and its name in sentences."""

    group: str
    """API group; "" is core."""
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    optional: bool = False
    """Its CRD may be absent: not everyone runs every mesh."""
    creates: bool = False
    """Of a plugin's router, which makes objects of it."""
    selector: str = ""
    """Label selector of the watch and the list: objects without the label are never seen."""
    referred: bool = False
    """Watched once a Rollout refers to one by name, and only those that one refers to are kept."""

    @property
    def api_version(self) -> str:
        """`group/version` as manifests write it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """`plural.group`, as RBAC rules and `kubectl` name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of one object (name given) or of the collection; None: all namespaces.

        Raises:
            errors.Rejected: namespace or name would lead elsewhere.
        """
        parts = [f"/apis/{self.group}" if self.group else "/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", _part(namespace)]
        parts.append(self.plural)
        if name:
            parts.append(_part(name))
        return "/".join(parts)

    def __str__(self) -> str:
        return self.kind

    def __hash__(self) -> int:
        return hash(self.kind)  # a key of every look into the cache


REPLICA_SET: Final = Kind(
    "apps", "v1", "ReplicaSet", "replicasets", selector=group.POD_TEMPLATE_HASH_LABEL
)
POD: Final = Kind("", "v1", "Pod", "pods", selector=group.POD_TEMPLATE_HASH_LABEL)
SERVICE: Final = Kind("", "v1", "Service", "services")
DEPLOYMENT: Final = Kind("apps", "v1", "Deployment", "deployments", referred=True)
POD_TEMPLATE: Final = Kind("", "v1", "PodTemplate", "podtemplates", referred=True)
FOREIGN_REPLICA_SET: Final = Kind("apps", "v1", "ReplicaSet", "replicasets", referred=True)
"""One that a Rollout refers to. It isn't watched, as the watch of ReplicaSets leaves out those
without Davy's label; it is read now and then."""
WORKLOADS: Final = {kind.kind: kind for kind in (DEPLOYMENT, POD_TEMPLATE, FOREIGN_REPLICA_SET)}
"""By the names that `workloadRef.kind` may have."""
SECRET: Final = Kind("", "v1", "Secret", "secrets")
EVENT: Final = Kind("", "v1", "Event", "events")
JOB: Final = Kind("batch", "v1", "Job", "jobs")
LEASE: Final = Kind("coordination.k8s.io", "v1", "Lease", "leases")
CRD: Final = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
NAMESPACE: Final = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
VIRTUAL_SERVICE: Final = Kind(ISTIO, "v1", "VirtualService", "virtualservices", optional=True)
DESTINATION_RULE: Final = Kind(ISTIO, "v1", "DestinationRule", "destinationrules", optional=True)
HTTP_ROUTE: Final = Kind(GATEWAY, "v1", "HTTPRoute", "httproutes", optional=True)
GRPC_ROUTE: Final = Kind(GATEWAY, "v1", "GRPCRoute", "grpcroutes", optional=True)
TCP_ROUTE: Final = Kind(GATEWAY, "v1", "TCPRoute", "tcproutes", optional=True)
TLS_ROUTE: Final = Kind(GATEWAY, "v1", "TLSRoute", "tlsroutes", optional=True)
OLDER: Final = {TCP_ROUTE: ("v1alpha2",), TLS_ROUTE: ("v1alpha3", "v1alpha2")}
"""Earlier versions of a kind that say the same, the newest first."""
INGRESS: Final = Kind(NETWORKING, "v1", "Ingress", "ingresses", optional=True)
TRAEFIK_SERVICE: Final = Kind(
    TRAEFIK, "v1alpha1", "TraefikService", "traefikservices", optional=True
)
APISIX_ROUTE: Final = Kind(APISIX, "v2", "ApisixRoute", "apisixroutes", optional=True)
HTTP_PROXY: Final = Kind(CONTOUR, "v1", "HTTPProxy", "httpproxies", optional=True)


def _part(name: str) -> str:
    """One part of a path, whatever a user wrote for a name."""
    if name in {".", ".."}:
        raise errors.Rejected(f"{name!r} is no name of an object.")
    return quote(name, safe="")


@dataclass(frozen=True)
class Kinds:
    """Every kind, with Davy's own under one API group."""

    api_group: group.ApiGroup
    others: tuple[Kind, ...] = ()
    """What routers of other packages are made of; those that Davy watches anyway among them."""
    older: tuple[Kind, ...] = ()
    """Kinds that the cluster serves in an earlier version, in that version."""

    @cached_property
    def rollout(self) -> Kind:
        """The Rollout."""
        return self._own("Rollout", "rollouts")

    @cached_property
    def analysis_run(self) -> Kind:
        """The AnalysisRun."""
        return self._own("AnalysisRun", "analysisruns")

    @cached_property
    def analysis_template(self) -> Kind:
        """The AnalysisTemplate of a namespace."""
        return self._own("AnalysisTemplate", "analysistemplates")

    @cached_property
    def cluster_analysis_template(self) -> Kind:
        """The AnalysisTemplate of the whole cluster."""
        return self._own("ClusterAnalysisTemplate", "clusteranalysistemplates", namespaced=False)

    @cached_property
    def watched(self) -> tuple[Kind, ...]:
        """What the cache holds. Secrets are never among them."""
        older = {kind.resource: kind for kind in self.older}
        own = (older.get(kind.resource, kind) for kind in self._of_davy)
        return (*own, *self.of_plugins)

    @cached_property
    def of_plugins(self) -> tuple[Kind, ...]:
        """What the cache holds for plugins alone, each kind once, whatever its version."""
        known = {(kind.group, kind.kind) for kind in self._of_davy}
        added = {(kind.group, kind.kind): kind for kind in reversed(self.others)}
        return tuple(kind for place, kind in added.items() if place not in known)

    @cached_property
    def _of_davy(self) -> tuple[Kind, ...]:
        return (
            self.rollout,
            REPLICA_SET,
            POD,
            self.analysis_run,
            self.analysis_template,
            self.cluster_analysis_template,
            SERVICE,
            DEPLOYMENT,
            POD_TEMPLATE,
            VIRTUAL_SERVICE,
            DESTINATION_RULE,
            HTTP_ROUTE,
            GRPC_ROUTE,
            TCP_ROUTE,
            TLS_ROUTE,
            INGRESS,
            TRAEFIK_SERVICE,
            APISIX_ROUTE,
            HTTP_PROXY,
        )

    def named(self, api_group: str, kind: str) -> Kind | None:
        """The watched kind of this group and name."""
        return self._named.get((api_group, kind))

    @cached_property
    def _named(self) -> dict[tuple[str, str], Kind]:
        return {(kind.group, kind.kind): kind for kind in self.watched}

    def _own(self, kind: str, plural: str, *, namespaced: bool = True) -> Kind:
        return Kind(self.api_group.name, group.VERSION, kind, plural, namespaced=namespaced)
