"""Manifests as an API server returns them, in the middle of an update of `shop/cart`.

Revision 6 (hash `aaa`) is stable, revision 7 (hash `bbb`) is the canary at step 3 of 5.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from davy.api.group import POD_TEMPLATE_HASH_LABEL, ApiGroup

Json = dict[str, Any]

NOW = datetime(2031, 5, 4, 14, 0, 0, tzinfo=UTC)
STEPS: list[Json] = [
    {"setWeight": 10},
    {"pause": {"duration": "30s"}},
    {"setWeight": 50},
    {"analysis": {"templates": [{"templateName": "error-rate"}]}},
    {"pause": {}},
]
CANARY = "bbb"
STABLE = "aaa"


def ago(seconds: int) -> str:
    """RFC 3339, so many seconds before NOW."""
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def a_rollout(*, group: ApiGroup | None = None, index: int = 2, **status: Any) -> Json:
    """The Rollout; a status field given as None is left out, others are put over the usual ones."""
    group = group or ApiGroup()
    usual: Json = {
        "phase": "Progressing",
        "message": "Step 3 of 5: weight 10 → 50; the mesh gets until 14:00:03 to take it.",
        "currentStepIndex": index,
        "currentPodHash": CANARY,
        "stableRS": STABLE,
        "observedGeneration": "7",
        "traffic": {"wanted": 50, "written": 50, "verified": 10},
        "replicas": 6,
        "updatedReplicas": 2,
        "readyReplicas": 6,
        "availableReplicas": 6,
        "conditions": [],
    }
    return {
        "apiVersion": group.api_version,
        "kind": "Rollout",
        "metadata": {
            "namespace": "shop",
            "name": "cart",
            "uid": "uid-cart",
            "generation": 7,
            "resourceVersion": "100",
            "creationTimestamp": ago(86400),
            "annotations": {group.revision_annotation: "7"},
        },
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "cart"}},
            "strategy": {
                "canary": {
                    "steps": STEPS,
                    "trafficRouting": {"istio": {"virtualService": {"name": "cart"}}},
                }
            },
        },
        "status": {key: value for key, value in (usual | status).items() if value is not None},
    }


def a_finished_rollout(**status: Any) -> Json:
    """Revision 7 was promoted."""
    usual: Json = {
        "phase": "Healthy",
        "message": "Revision 7 is stable and has all traffic.",
        "stableRS": CANARY,
        "traffic": {"wanted": 0, "written": 0, "verified": 0},
    }
    return a_rollout(index=len(STEPS), **(usual | status))


def a_paused_rollout(reason: str = "CanaryPauseStep", *, index: int = 4, **status: Any) -> Json:
    """Paused at its last step until somebody promotes."""
    usual: Json = {
        "phase": "Paused",
        "message": "Step 5 of 5: paused at weight 50 until somebody promotes.",
        "controllerPause": True,
        "pauseConditions": [{"reason": reason, "startTime": ago(10)}],
    }
    return a_rollout(index=index, **(usual | status))


def an_aborted_rollout(**status: Any) -> Json:
    """Given up at weight 50."""
    usual: Json = {
        "phase": "Degraded",
        "message": "RolloutAborted: Revision 7 aborted at weight 50: by hand. "
        "All weight to revision 6.",
        "abort": True,
        "abortedAt": ago(5),
        "traffic": {"wanted": 0, "written": 0, "verified": 0},
    }
    return a_rollout(index=0, **(usual | status))


def owned(kind: str, uid: str) -> list[Json]:
    """The owner references of an object."""
    return [{"kind": kind, "uid": uid, "controller": True}]


def a_replica_set(
    template_hash: str, revision: int, *, desired: int, available: int, **annotations: str
) -> Json:
    """A ReplicaSet of the rollout."""
    return {
        "metadata": {
            "namespace": "shop",
            "name": f"cart-{template_hash}",
            "uid": f"uid-{template_hash}",
            "creationTimestamp": ago(3600 if template_hash == STABLE else 90),
            "labels": {POD_TEMPLATE_HASH_LABEL: template_hash},
            "annotations": {ApiGroup().revision_annotation: str(revision)}
            | {key.replace("_", "-"): value for key, value in annotations.items()},
            "ownerReferences": owned("Rollout", "uid-cart"),
        },
        "spec": {
            "replicas": desired,
            "template": {"spec": {"containers": [{"image": f"shop/cart:{revision}.0"}]}},
        },
        "status": {
            "replicas": desired,
            "readyReplicas": available,
            "availableReplicas": available,
        },
    }


def a_pod(name: str, template_hash: str, **status: Any) -> Json:
    """A running pod of one container, unless its status says otherwise."""
    usual: Json = {
        "phase": "Running",
        "containerStatuses": [{"ready": True, "restartCount": 0, "state": {"running": {}}}],
    }
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-{name}",
            "creationTimestamp": ago(80),
            "labels": {POD_TEMPLATE_HASH_LABEL: template_hash},
            "ownerReferences": owned("ReplicaSet", f"uid-{template_hash}"),
        },
        "spec": {"containers": [{"name": "cart"}]},
        "status": usual | status,
    }


def a_container(*, ready: bool = False, restarts: int = 0, **state: Json) -> list[Json]:
    """The status of one container."""
    return [{"ready": ready, "restartCount": restarts, "state": state}]


def a_run(name: str, *, step: int | None, phase: str, results: list[Json]) -> Json:
    """An AnalysisRun of revision 7; `step` None: the background's."""
    kind = {"rollout-type": "Background"}
    if step is not None:
        kind = {"rollout-type": "Step", "step-index": str(step)}
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-{name}",
            "creationTimestamp": ago(20),
            "labels": {POD_TEMPLATE_HASH_LABEL: CANARY, **kind},
            "ownerReferences": owned("Rollout", "uid-cart"),
        },
        "status": {"phase": phase, "metricResults": results},
    }
