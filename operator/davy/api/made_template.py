"""The pod template of a ReplicaSet as the server shows it, without what Davy added to it."""

from collections.abc import Mapping
from typing import Any

from davy.api import anti_affinity
from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup
from davy.api.metadata import read

Json = dict[str, Any]


def plain(found: Mapping[str, Any], template: Mapping[str, Any], api_group: ApiGroup) -> Json:
    """Without the hash, what the pods have for their role, and the rule that keeps them apart.

    Args:
        found: the ReplicaSet, whoever wrote into it.
        template: its pod template.
        api_group: of the annotations' names.
    """
    added = read(_recorded(found, api_group.role_annotation))
    metadata = dict(template.get("metadata") or {})
    for part, own in (
        ("labels", POD_TEMPLATE_HASH_LABEL),
        ("annotations", api_group.role_annotation),
    ):
        if isinstance(held := metadata.pop(part, None), dict):
            gone = {own, *added.get(part, {})}
            rest = {key: value for key, value in held.items() if key not in gone}
            metadata |= {part: rest} if rest else {}
    made = {**template, "metadata": metadata}
    apart = anti_affinity.read(_recorded(found, api_group.anti_affinity_annotation))
    pod_spec = template.get("spec")
    if isinstance(pod_spec, dict) and apart is not None:
        others = {name: value for name, value in pod_spec.items() if name != "affinity"}
        affinity = anti_affinity.changed(pod_spec, apart, None)
        made["spec"] = {**others, "affinity": affinity} if affinity else others
    return made


def _recorded(found: Mapping[str, Any], annotation: str) -> str:
    metadata = found.get("metadata")
    held = metadata.get("annotations") if isinstance(metadata, dict) else None
    text = held.get(annotation) if isinstance(held, dict) else None
    return text if isinstance(text, str) else ""
