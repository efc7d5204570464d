"""A function per action: compare, then write.

Each looks at what the cache holds, sends nothing when the world already looks so, and may be
repeated after a crash at any point: names are deterministic, patches say the end and not the
difference, and a change is refused by the server when the object moved since it was read.

All return the object as the server now has it, or None when nothing was sent, and raise a subclass
of `errors.ApiFailure`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from davy.api import anti_affinity, errors, fields, group
from davy.api.anti_affinity import Apart
from davy.api.metadata import Added, written
from davy.cluster.cache import Json, controller_of, uid_of, version_of
from davy.cluster.client import Api
from davy.cluster.kinds import REPLICA_SET, Kind, Kinds

_LONGEST_ANNOTATION: Final = 128 * 1024
"""Bytes; the server takes 256 KiB for all of an object's annotations."""


@dataclass(frozen=True)
class Owner:
    """The Rollout that a created object belongs to."""

    kind: Kind
    namespace: str
    name: str
    uid: str

    def reference(self) -> Json:
        """The ownerReference: deleting the Rollout deletes the object, in the foreground too."""
        return {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


@dataclass(frozen=True)
class NewReplicaSet:
    """What a revision's ReplicaSet is made of."""

    name: str
    hash: str
    revision: int
    replicas: int
    desired: int
    """`spec.replicas` of the Rollout, pods."""
    min_ready_seconds: int
    selector: Mapping[str, Any]
    """`spec.selector` of the Rollout."""
    template: Mapping[str, Any]
    """`spec.template` as the user wrote it."""
    added: Added = field(default_factory=dict)
    """Labels and annotations of its pods for their role."""
    apart: Apart | None = None
    """The revision that its pods are scheduled apart from."""


def replica_set(owner: Owner, new: NewReplicaSet, api_group: group.ApiGroup) -> Json:
    """The manifest; selector, template and metadata carry the hash so that pods never mix."""
    label = {group.POD_TEMPLATE_HASH_LABEL: new.hash}
    template = dict(new.template)
    metadata = dict(template.get("metadata") or {})
    labels = {**(metadata.get("labels") or {}), **label}
    template["metadata"] = _with(new.added, {**metadata, "labels": labels}, api_group)
    if new.apart is not None:
        pod_spec = template["spec"]
        template["spec"] = {
            **pod_spec,
            "affinity": anti_affinity.changed(pod_spec, None, new.apart),
        }
    selector = dict(new.selector)
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **label}
    spec: Json = {"replicas": new.replicas, "selector": selector, "template": template}
    if new.min_ready_seconds:
        spec["minReadySeconds"] = new.min_ready_seconds
    return {
        "apiVersion": REPLICA_SET.api_version,
        "kind": REPLICA_SET.kind,
        "metadata": {
            "name": new.name,
            "namespace": owner.namespace,
            "labels": labels,
            "annotations": {
                api_group.revision_annotation: str(new.revision),
                api_group.desired_replicas_annotation: str(new.desired),
                **_kept(new.template, api_group),
                **({api_group.role_annotation: written(new.added)} if new.added else {}),
                **({api_group.anti_affinity_annotation: str(new.apart)} if new.apart else {}),
            },
            "ownerReferences": [owner.reference()],
        },
        "spec": spec,
    }


def _with(added: Added, metadata: Json, api_group: group.ApiGroup) -> Json:
    """The metadata of pods that have something for their role."""
    if not added:
        return metadata
    labels = {**metadata["labels"], **added.get("labels", {})}
    annotations = {
        **(metadata.get("annotations") or {}),
        **added.get("annotations", {}),
        api_group.role_annotation: written(added),
    }
    return {**metadata, "labels": labels, "annotations": annotations}


def _kept(template: Mapping[str, Any], api_group: group.ApiGroup) -> dict[str, str]:
    """The user's own template, to go back to: in `spec` the server adds its defaults to it.

    With these it would be another revision. One that is too long for an annotation is left out.
    """
    text = json.dumps(template, separators=(",", ":"), ensure_ascii=False)
    fits = len(text.encode()) <= _LONGEST_ANNOTATION
    return {api_group.template_annotation: text} if fits else {}


async def create(
    api: Api, owner: Owner, kind: Kind, manifest: Json, *, strict: bool = False
) -> Json:
    """The object of this name, created now or by an earlier try; it belongs to the owner.

    Raises:
        errors.Rejected: an object of that name is there and isn't this owner's.
    """
    name = manifest["metadata"]["name"]
    try:
        return await api.create(kind, owner.namespace, manifest, strict=strict)
    except errors.AlreadyExists:
        found = await api.get(kind, owner.namespace, name)
    controller = controller_of(found)
    if controller is None or controller.get("uid") != owner.uid:
        whose = (
            f"it is controlled by {controller.get('kind')} {controller.get('name')} "
            f"(uid {controller.get('uid')})"
            if controller
            else "nothing controls it"
        )
        raise errors.Rejected(
            f"{kind.kind} {owner.namespace}/{name} exists but isn't of {owner.kind.kind} "
            f"{owner.name} (uid {owner.uid}): {whose}. Delete or rename it."
        )
    return found


async def scale_replica_set(
    api: Api, found: Json, *, replicas: int, desired: int, api_group: group.ApiGroup
) -> Json | None:
    """`spec.replicas` is `replicas`; a deadline for scaling down is off with it."""
    wanted = {
        api_group.desired_replicas_annotation: str(desired),
        group.SCALE_DOWN_DEADLINE: None,
    }
    if found["spec"].get("replicas") == replicas:
        return await _annotate(api, found, {group.SCALE_DOWN_DEADLINE: None})
    return await _patch_replica_set(
        api, found, {"spec": {"replicas": replicas}}, _changed(found, wanted)
    )


async def scale_workload(api: Api, kind: Kind, found: Json, replicas: int) -> Json | None:
    """The workload as it is after its `spec.replicas` was made `replicas`, if nobody changed it.

    Through its scale: the right to it is no right to change the workload.
    """
    if found["spec"].get("replicas") == replicas:
        return None
    namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
    body = {
        "metadata": {"resourceVersion": version_of(found)},
        "spec": {"replicas": replicas},
    }
    await api.patch_merge(kind, namespace, name, body, subresource="scale")
    return await api.get(kind, namespace, name)


async def set_min_ready_seconds(api: Api, found: Json, seconds: int) -> Json | None:
    """`spec.minReadySeconds` is `seconds`."""
    if (found["spec"].get("minReadySeconds") or 0) == seconds:
        return None
    return await _patch_replica_set(api, found, {"spec": {"minReadySeconds": seconds}}, {})


async def mark_replica_set(
    api: Api,
    found: Json,
    *,
    revision: int,
    scale_down_at: datetime | None,
    api_group: group.ApiGroup,
) -> Json | None:
    """Annotations say the revision, and when the pods may go (None: not waiting to)."""
    deadline = None if scale_down_at is None else fields.format_instant(scale_down_at)
    return await _annotate(
        api,
        found,
        {api_group.revision_annotation: str(revision), group.SCALE_DOWN_DEADLINE: deadline},
    )


async def delete_replica_set(api: Api, found: Json) -> None:
    """A ReplicaSet without pods is gone; as it was read, so that none is that gets pods meanwhile.

    Raises:
        errors.Conflict: it still has or wants pods, or was changed.
    """
    metadata = found["metadata"]
    pods = max(found["spec"].get("replicas", 1), (found.get("status") or {}).get("replicas") or 0)
    if pods:
        raise errors.Conflict(
            f"ReplicaSet {metadata['namespace']}/{metadata['name']} isn't deleted: "
            f"it has or wants {pods} pods."
        )
    uid, version = uid_of(found), version_of(found)
    await api.delete(REPLICA_SET, metadata["namespace"], metadata["name"], uid=uid, version=version)


async def terminate_run(api: Api, kinds: Kinds, found: Json) -> Json | None:
    """The AnalysisRun, as it was read, is told to stop measuring."""
    if (found.get("spec") or {}).get("terminate"):
        return None
    metadata = found["metadata"]
    body = {"metadata": {"resourceVersion": version_of(found)}, "spec": {"terminate": True}}
    return await api.patch_merge(kinds.analysis_run, metadata["namespace"], metadata["name"], body)


async def delete(api: Api, kind: Kind, found: Json) -> None:
    """This very object is gone or going."""
    metadata = found["metadata"]
    await api.delete(kind, metadata["namespace"], metadata["name"], uid=uid_of(found))


async def mark_rollout(
    api: Api, kinds: Kinds, found: Json, *, finalizer: bool, annotations: Mapping[str, str | None]
) -> Json | None:
    """Davy's finalizer is there or not, the annotations say so (None: they aren't there).

    A JSON patch with a `test` on the resourceVersion: other controllers' finalizers stay.
    """
    metadata = found["metadata"]
    operations: list[Json] = []
    finalizers = metadata.get("finalizers") or []
    mine = kinds.api_group.finalizer
    if finalizer and mine not in finalizers:
        operations.append(
            {"op": "add", "path": "/metadata/finalizers", "value": [*finalizers, mine]}
        )
    if not finalizer and mine in finalizers:
        kept = [name for name in finalizers if name != mine]
        operations.append({"op": "replace", "path": "/metadata/finalizers", "value": kept})
    changes = _changed(found, annotations)
    if changes and "annotations" not in metadata:
        operations.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    for name, value in changes.items():
        path = f"/metadata/annotations/{_escaped(name)}"
        gone = {"op": "remove", "path": path}
        operations.append(gone if value is None else {"op": "add", "path": path, "value": value})
    if not operations:
        return None
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": version_of(found)}
    return await api.patch_json(
        kinds.rollout, metadata["namespace"], metadata["name"], [test, *operations]
    )


async def patch_object(
    api: Api, kind: Kind, namespace: str, name: str, operations: Sequence[Json]
) -> Json | None:
    """The object after a router's patch, whose `test`s guard what it changes."""
    if not operations:
        return None
    return await api.patch_json(kind, namespace, name, operations)


async def write_status(
    api: Api, kind: Kind, found: Json, *, before: Json, after: Json
) -> Json | None:
    """The object's status is `after`: what differs from `before` is sent, removed fields as null.

    None when nothing changed; so too when the server drops all that differed, as Argo's own CRDs
    do with the fields that are Davy's: taken for a change, it would be sent again for ever.

    With the resourceVersion it was decided from: who wrote in between is seen first (Conflict).

    Args:
        api: to write with.
        kind: of the object.
        found: the object that was observed.
        before: its status as far as Davy knows the fields; what it doesn't know is left alone.
        after: the status that is wanted.
    """
    patch = difference(before, after)
    if not patch:
        return None
    metadata = found["metadata"]
    body = {"metadata": {"resourceVersion": version_of(found)}, "status": patch}
    made = await api.patch_merge(
        kind, metadata["namespace"], metadata["name"], body, subresource="status"
    )
    return None if version_of(made) == version_of(found) else made


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Json:
    """The merge patch (RFC 7386) that makes `wanted` of `found`; {} when they are equal."""
    patch: Json = {name: None for name in found if name not in wanted}
    for name, value in wanted.items():
        held = found.get(name)
        if isinstance(value, dict) and isinstance(held, dict):
            inner = difference(held, value)
            if inner:
                patch[name] = inner
        elif (
            name not in found or held != value or isinstance(held, bool) != isinstance(value, bool)
        ):
            patch[name] = value
    return patch


async def _annotate(api: Api, found: Json, wanted: Mapping[str, str | None]) -> Json | None:
    changes = _changed(found, wanted)
    return await _patch_replica_set(api, found, {}, changes) if changes else None


def _changed(found: Json, wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    held = found["metadata"].get("annotations") or {}
    return {name: value for name, value in wanted.items() if held.get(name) != value}


async def _patch_replica_set(
    api: Api, found: Json, body: Json, annotations: Mapping[str, str | None]
) -> Json:
    metadata = found["metadata"]
    patch: Json = {**body, "metadata": {"resourceVersion": version_of(found)}}
    if annotations:
        patch["metadata"]["annotations"] = dict(annotations)
    return await api.patch_merge(REPLICA_SET, metadata["namespace"], metadata["name"], patch)


def _escaped(name: str) -> str:
    """A JSON pointer's token (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
