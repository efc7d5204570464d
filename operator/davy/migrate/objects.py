"""The manifests by kind and name, and their metadata without what machines wrote into it."""

from collections.abc import Sequence
from typing import Any, Final

from davy.api import paths
from davy.api.group import ARGO, SCALE_DOWN_DEADLINE, ApiGroup
from davy.migrate.result import Json, Manifest, Notes

_MACHINES: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
    "autoscaling.alpha.kubernetes.io/",
    "flagger.kubernetes.app/",
    "rollout.argoproj.io/",
    SCALE_DOWN_DEADLINE,
    ApiGroup(ARGO).managed_by_annotation,
)
"""Beginnings of annotations that a controller or kubectl wrote, for itself."""
_TOLD: Final = {
    "notifications.argoproj.io/": "asks for notifications, which are not built yet; forward the "
    "Rollout's events, whose reasons are Argo's",
    "argo-rollouts.argoproj.io/controller-instance-id": "picks one of several controllers, which "
    "is not built yet; run one Davy, or one per namespace",
}
"""Beginnings of labels and annotations that a user wrote for Argo Rollouts, and their loss."""


def mapping(found: Any, *keys: str) -> Json:
    """The object at a path of keys; empty where there is none."""
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def items(found: Any) -> list[Any]:
    """The list; empty where it is none."""
    return found if isinstance(found, list) else []


def api_group(manifest: Manifest) -> str:
    """The group of its apiVersion; "" is core."""
    version = str(manifest.get("apiVersion") or "")
    return version.rpartition("/")[0]


def name(manifest: Manifest) -> str:
    """Its name; "" when it has none."""
    return str(mapping(manifest.get("metadata")).get("name") or "")


def namespace(manifest: Manifest) -> str | None:
    """Its namespace; None when it is left to whoever applies it."""
    found = mapping(manifest.get("metadata")).get("namespace")
    return str(found) if found else None


def same_namespace(one: str | None, other: str | None) -> bool:
    """Whether the two may be one: a file that names none is applied where its neighbours are."""
    return None in {one, other} or one == other


def find(
    manifests: Sequence[Manifest], group: str, kind: str, where: str | None, called: str
) -> Manifest | None:
    """The object of that name in that namespace; the first if there are several."""
    for manifest in manifests:
        if (
            (api_group(manifest), manifest.get("kind"), name(manifest)) == (group, kind, called)
            and called
            and same_namespace(namespace(manifest), where)
        ):
            return manifest
    return None


def metadata(manifest: Manifest, notes: Notes) -> Json:
    """Name, namespace, labels and annotations as a user would write them."""
    found = mapping(manifest.get("metadata"))
    made: Json = {key: found[key] for key in ("name", "namespace") if found.get(key)}
    for field in ("labels", "annotations"):
        kept = _kept(mapping(found, field), f"metadata.{field}", notes)
        if kept:
            made[field] = kept
    if found.get("finalizers"):
        notes.note("metadata.finalizers", "stays behind; who set it may set it again")
    return made


def _kept(found: Json, path: str, notes: Notes) -> Json:
    kept = {}
    for key, value in found.items():
        text = str(key)
        loss = next((said for start, said in _TOLD.items() if text.startswith(start)), None)
        if loss:
            notes.lost(paths.child(path, text), loss)
        elif not text.startswith(_MACHINES):
            kept[text] = value
    return kept
