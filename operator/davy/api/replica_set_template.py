"""The pod template that a ReplicaSet was made of, without what a controller put into it since."""

from collections.abc import Callable, Mapping
from typing import Any

from davy.api import anti_affinity, group, metadata
from davy.api.metadata import Added

Json = dict[str, Any]


def plain(replica_set: Mapping[str, Any]) -> Json:
    """Its template without the hash label and what its pods have for their role.

    With the API server's defaults in it. One made by Argo Rollouts is read like Davy's own, but for
    a rule of `antiAffinity`, which Argo doesn't record and which therefore stays.

    Args:
        replica_set: as the API server has it; of any of the API groups.
    """
    template: Json = (replica_set.get("spec") or {}).get("template") or {}
    annotations = replica_set["metadata"].get("annotations") or {}
    added = metadata.read(_held(annotations, group.is_role_annotation))
    found = {**template, "metadata": _without(template.get("metadata") or {}, added)}
    apart = anti_affinity.read(_held(annotations, group.is_anti_affinity_annotation))
    pod_spec = template.get("spec")
    if isinstance(pod_spec, dict) and apart is not None:
        rest = {name: value for name, value in pod_spec.items() if name != "affinity"}
        affinity = anti_affinity.changed(pod_spec, apart, None)
        found["spec"] = {**rest, "affinity": affinity} if affinity else rest
    return found


def _held(annotations: Mapping[str, Any], wanted: Callable[[str], bool]) -> str:
    return next((str(value) for name, value in annotations.items() if wanted(name)), "")


def _without(held: Mapping[str, Any], added: Added) -> Json:
    found = dict(held)
    for part in ("labels", "annotations"):
        if isinstance(values := found.pop(part, None), dict):
            rest = {
                key: value
                for key, value in values.items()
                if key != group.POD_TEMPLATE_HASH_LABEL
                and not group.is_role_annotation(key)
                and key not in added.get(part, {})
            }
            found |= {part: rest} if rest else {}
    return found
