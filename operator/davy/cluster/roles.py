"""What Davy puts into a role's pods: compare with what is recorded, then write.

Each object says itself, in an annotation, what was added to it, so that just that is taken away
again. What is in the revision's own pod template stays, under whatever name.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from davy.api import anti_affinity, errors, group
from davy.api.metadata import Added, read, written
from davy.cluster import apply
from davy.cluster.cache import Json, uid_of, version_of
from davy.cluster.client import Api
from davy.cluster.kinds import POD, REPLICA_SET

_PARTS: Final = ("labels", "annotations")


def recorded(found: Json, api_group: group.ApiGroup) -> Added | None:
    """What was added to a ReplicaSet's template, or to a pod; None: nothing ever was."""
    held = (found["metadata"].get("annotations") or {}).get(api_group.role_annotation)
    return None if held is None else read(held)


async def whole(api: Api, found: Json) -> Json:
    """A ReplicaSet as it is on the server, with the pod template that the cache leaves out.

    Raises:
        errors.Conflict: another one has its name.
    """
    namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
    fresh = await api.get(REPLICA_SET, namespace, name)
    if uid_of(fresh) != uid_of(found):
        raise errors.Conflict(f"ReplicaSet {namespace}/{name} is another one than was observed.")
    return fresh


async def add_to_replica_set(
    api: Api, found: Json, added: Added, api_group: group.ApiGroup
) -> Json | None:
    """The ReplicaSet whose new pods get this and nothing else for their role; None: it was so.

    Args:
        api: to write with.
        found: from `whole`.
        added: what its pods should have.
        api_group: of the annotation's name.
    """
    before, text = recorded(found, api_group), written(added)
    if before == added:
        return None
    template = _patch(before or {}, added, _own(found, api_group), api_group)
    body = {
        "metadata": {
            "resourceVersion": version_of(found),
            "annotations": {api_group.role_annotation: text},
        },
        "spec": {"template": {"metadata": template}},
    }
    metadata = found["metadata"]
    return await api.patch_merge(REPLICA_SET, metadata["namespace"], metadata["name"], body)


def apart(found: Json, api_group: group.ApiGroup) -> anti_affinity.Apart | None:
    """Whom a ReplicaSet's new pods are scheduled apart from, as Davy recorded it."""
    held = (found["metadata"].get("annotations") or {}).get(api_group.anti_affinity_annotation)
    return None if held is None else anti_affinity.read(held)


async def set_apart(
    api: Api, found: Json, wanted: anti_affinity.Apart | None, api_group: group.ApiGroup
) -> Json | None:
    """The ReplicaSet whose new pods are scheduled apart from another's; None: it was so.

    Args:
        api: to write with.
        found: from `whole`.
        wanted: whose; None: nobody's.
        api_group: of the annotation's name.
    """
    before = apart(found, api_group)
    if before == wanted:
        return None
    pod_spec = found["spec"]["template"].get("spec") or {}
    held, affinity = pod_spec.get("affinity"), anti_affinity.changed(pod_spec, before, wanted)
    change = apply.difference(held or {}, affinity) if affinity else None
    metadata = found["metadata"]
    body: Json = {
        "metadata": {
            "resourceVersion": version_of(found),
            "annotations": {api_group.anti_affinity_annotation: str(wanted) if wanted else None},
        },
    }
    if (held or {}) != affinity:
        body["spec"] = {"template": {"spec": {"affinity": change}}}
    return await api.patch_merge(REPLICA_SET, metadata["namespace"], metadata["name"], body)


async def add_to_pod(
    api: Api, pod: Json, replica_set: Json, added: Added, api_group: group.ApiGroup
) -> Json | None:
    """The pod with this and nothing else for its role; None: it was so.

    Args:
        api: to write with.
        pod: as it was observed; one that follows under its name isn't touched.
        replica_set: its own, from `whole`.
        added: what it should have.
        api_group: of the annotation's name.
    """
    before = recorded(pod, api_group) or {}
    if before == added:
        return None
    patch = _patch(before, added, _own(replica_set, api_group), api_group)
    metadata = pod["metadata"]
    body = {"metadata": {"uid": uid_of(pod), **patch}}
    return await api.patch_merge(POD, metadata["namespace"], metadata["name"], body)


def _patch(
    before: Added, after: Added, own: Mapping[str, frozenset[str]], api_group: group.ApiGroup
) -> dict[str, dict[str, str | None]]:
    """The merge patch of a pod's metadata."""
    patch: dict[str, dict[str, str | None]] = {}
    for part in _PARTS:
        was, wanted = before.get(part, {}), after.get(part, {})
        gone: dict[str, str | None] = {key: None for key in was if key not in wanted}
        patch[part] = {
            key: value for key, value in {**gone, **wanted}.items() if key not in own[part]
        }
    patch["annotations"][api_group.role_annotation] = written(after) if after else None
    return patch


def _own(found: Json, api_group: group.ApiGroup) -> dict[str, frozenset[str]]:
    """Names of labels and annotations that the revision's template has of the user.

    Args:
        found: the ReplicaSet, from `whole`.
        api_group: of the annotations' names.
    """
    kept = (found["metadata"].get("annotations") or {}).get(api_group.template_annotation)
    metadata = _metadata(kept)
    if metadata is None:  # too long to be kept: all that isn't recorded as added
        before = recorded(found, api_group) or {}
        held = found["spec"]["template"].get("metadata") or {}
        metadata = {part: set(held.get(part) or {}) - set(before.get(part, {})) for part in _PARTS}
    return {part: frozenset(metadata.get(part) or ()) for part in _PARTS}


def _metadata(kept: str | None) -> Mapping[str, Any] | None:
    """Of the user's own template; None where it isn't kept."""
    try:
        found = json.loads(kept or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("metadata") or {}, dict):
        return None
    return found.get("metadata") or {}
