"""Autoscalers that name the workload they scale: they must name the Rollout of the new group."""

from collections.abc import Collection
from typing import Final, NamedTuple

from davy.api import paths
from davy.api.group import ARGO, ApiGroup
from davy.migrate import objects
from davy.migrate.result import Json, Manifest, Notes


class _Scaler(NamedTuple):
    group: str
    kind: str
    field: str
    """The reference in its spec."""


_SCALERS: Final = (
    _Scaler("autoscaling", "HorizontalPodAutoscaler", "scaleTargetRef"),
    _Scaler("keda.sh", "ScaledObject", "scaleTargetRef"),
    _Scaler("autoscaling.k8s.io", "VerticalPodAutoscaler", "targetRef"),
)

Target = tuple[str | None, str]
"""Namespace and name of a workload that becomes a Rollout."""


def is_scaler(manifest: Manifest) -> bool:
    """Whether it is an autoscaler of a known kind."""
    return _scaler(manifest) is not None


def scaler(
    manifest: Manifest, group: ApiGroup, deployments: Collection[Target], notes: Notes
) -> Json | None:
    """The autoscaler with its reference changed; None: it scales something else.

    Args:
        manifest: of an autoscaler.
        group: of the Rollouts that are made.
        deployments: that become Rollouts of the same name.
        notes: of this manifest.
    """
    found = _scaler(manifest)
    if found is None:
        return None
    spec = paths.copied(objects.mapping(manifest.get("spec")))
    reference = objects.mapping(spec, found.field)
    kind = reference.get("kind") or "Deployment"  # KEDA's default
    named = str(reference.get("name") or "")
    argo = kind == "Rollout" and objects.api_group(reference) == ARGO != group.name
    flagger = kind == "Deployment" and any(
        named == called and objects.same_namespace(where, objects.namespace(manifest))
        for where, called in deployments
    )
    if not (argo or flagger):
        return None
    spec[found.field] = {**reference, "apiVersion": group.api_version, "kind": "Rollout"}
    return {
        "apiVersion": manifest.get("apiVersion"),
        "kind": manifest.get("kind"),
        "metadata": objects.metadata(manifest, notes),
        "spec": spec,
    }


def _scaler(manifest: Manifest) -> _Scaler | None:
    group, kind = objects.api_group(manifest), manifest.get("kind")
    return next((one for one in _SCALERS if (one.group, one.kind) == (group, kind)), None)
