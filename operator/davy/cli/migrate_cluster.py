"""What `davy migrate --cluster` reads: Argo's and Flagger's objects and the workloads they name."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from davy.api.errors import ApiFailure, NotFound
from davy.api.group import ARGO, ApiGroup
from davy.cli.documents import Document
from davy.cluster.kinds import Kind, Kinds

if TYPE_CHECKING:  # the client imports `kubernetes`, which takes a second
    from davy.cluster.client import Api

_FLAGGER: Final = "flagger.app"
_ARGO: Final = Kinds(ApiGroup(ARGO))
_KINDS: Final = (
    _ARGO.rollout,
    _ARGO.analysis_template,
    _ARGO.cluster_analysis_template,
    Kind(_FLAGGER, "v1beta1", "Canary", "canaries"),
    Kind(_FLAGGER, "v1beta1", "MetricTemplate", "metrictemplates"),
    Kind(_FLAGGER, "v1beta1", "AlertProvider", "alertproviders"),
)
_NEIGHBOURS: Final = (
    Kind("apps", "v1", "Deployment", "deployments"),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
    Kind("autoscaling.k8s.io", "v1", "VerticalPodAutoscaler", "verticalpodautoscalers"),
)
"""What those name; read only where there are any."""


@dataclass(frozen=True)
class Sources:
    """The objects to translate, and what couldn't be read."""

    documents: list[Document]
    errors: list[str] = field(default_factory=list)


async def sources(api: "Api", namespace: str | None) -> Sources:
    """Every object of these kinds in a namespace (None: in all); kinds not served are passed over.

    Only lists are asked for. A kind that may not be read is an error of its own, and the others
    are read all the same.
    """
    found = Sources([])
    for kind in _KINDS:
        await _read(api, kind, namespace, found)
    if found.documents:
        for kind in _NEIGHBOURS:
            await _read(api, kind, namespace, found)
    return found


async def _read(api: "Api", kind: Kind, namespace: str | None, found: Sources) -> None:
    try:
        listing = await api.list(kind, namespace if kind.namespaced else None)
    except NotFound:
        return
    except ApiFailure as error:
        found.errors.append(str(error))
        return
    of_kind = {"apiVersion": kind.api_version, "kind": kind.kind}  # a list's items don't say it
    found.documents.extend(
        Document("cluster", {**of_kind, **item}, {"": 0}) for item in listing.items
    )
