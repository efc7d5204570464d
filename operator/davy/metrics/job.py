"""A Kubernetes Job as a measurement: its name, its manifest, and what its state says. Pure.

One Job is one measurement. Its name is a function of run, metric and number, so that a creation
whose answer was lost finds the Job that is there. Argo's meaning: Complete is a success, Failed a
failure, and a Job whose pod can't start for want of an image or of its configuration is
Inconclusive. Other than Argo, which pauses the rollout at the first refusal of a registry, Davy
gives the pod `STUCK` to get over it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from davy.analysis.answer import Decided
from davy.api.analysis import Phase
from davy.api.fields import parse_instant
from davy.api.group import ApiGroup
from davy.api.providers import JobMetadata, JobMetric
from davy.metrics import wire

Json = dict[str, Any]

JOB_NAME: Final = "job-name"
JOB_NAMESPACE: Final = "job-namespace"
"""Keys of a measurement's metadata, as Argo writes them."""
OF_JOB: Final = "batch.kubernetes.io/controller-uid"
"""The label of a Job's pods: its uid."""
STUCK: Final = timedelta(seconds=30)
"""A pod without image or configuration for so long isn't waited for."""

_UNSTARTABLE: Final = frozenset(
    {
        "CreateContainerConfigError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
    }
)
"""Why a kubelet lets a container wait that it could not start."""
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_RUN_LENGTH: Final = 26
_METRIC_LENGTH: Final = 14
_DIGEST_LENGTH: Final = 10


def name(run_name: str, run_uid: str, metric: str, number: int) -> str:
    """The Job's name, a DNS label of at most 63 characters: `cart-7d9f-2-smoke-0a1b2c3d4e-1`.

    Args:
        run_name: for people.
        run_uid: with the metric's name it makes the name unique.
        metric: its name, any text.
        number: of the measurement in its metric, from 1.
    """
    digest = hashlib.sha256(f"{run_uid} {metric}".encode(errors="replace")).hexdigest()
    words = (_slug(run_name, _RUN_LENGTH), _slug(metric, _METRIC_LENGTH), digest[:_DIGEST_LENGTH])
    return "-".join([*filter(None, words), str(number)])


def _slug(text: str, length: int) -> str:
    return _NO_LETTER.sub("-", text.lower())[:length].strip("-")


def manifest(
    metric: str, job: JobMetric, *, run: Mapping[str, Any], name: str, api_group: ApiGroup
) -> Json:
    """The Job, but for its owner.

    Args:
        metric: its name.
        job: what the template wants.
        run: metadata of the AnalysisRun.
        name: of the Job.
        api_group: names labels and annotations.
    """
    given = job.metadata or JobMetadata()
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": run["namespace"],
            "labels": {**(given.labels or {}), api_group.run_uid_label: run["uid"]},
            "annotations": {
                **(given.annotations or {}),
                api_group.run_name_annotation: run["name"],
                api_group.metric_name_annotation: metric,
            },
        },
        "spec": job.spec,
    }


def decided(found: Json) -> Decided | None:
    """How the Job ended; None: it hasn't."""
    for condition in _items(found, "conditions"):
        if condition.get("status") != "True":
            continue
        if condition.get("type") == "Complete":
            return Decided(Phase.SUCCESSFUL, f"{_named(found)} completed")
        if condition.get("type") == "Failed":
            why = ": ".join(
                wire.plain(str(condition[field]))
                for field in ("reason", "message")
                if condition.get(field)
            )
            return Decided(Phase.FAILED, f"{_named(found)} failed" + (f": {why}" if why else ""))
    return None


def may_be_stuck(found: Json) -> bool:
    """None of the Job's pods is ready, so that they are worth a look."""
    return not _status(found).get("ready")


def stuck(found: Json, pods: Sequence[Json], now: datetime) -> Decided | None:
    """Inconclusive, if a pod has had no image or configuration for too long; None: it may start.

    Args:
        found: the Job.
        pods: its pods.
        now: the present, UTC.
    """
    for pod in pods:
        reason = next(_unstartable(pod), "")
        if reason and now - _born(pod, now) >= STUCK:
            where = f"pod {pod['metadata']['name']} of {_named(found)}"
            return Decided(Phase.INCONCLUSIVE, f"{where} can't start: {reason}")
    return None


def _unstartable(pod: Json) -> Iterator[str]:
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in _items(pod, field):
            state = container.get("state")
            waiting = state.get("waiting") if isinstance(state, dict) else None
            reason = waiting.get("reason") if isinstance(waiting, dict) else None
            if isinstance(reason, str) and reason in _UNSTARTABLE:
                yield reason


def _born(pod: Json, now: datetime) -> datetime:
    try:
        return parse_instant(str(pod["metadata"].get("creationTimestamp")))
    except ValueError:
        return now


def _named(found: Json) -> str:
    return f"Job {found['metadata'].get('namespace')}/{found['metadata']['name']}"


def _status(found: Json) -> Json:
    status = found.get("status")
    return status if isinstance(status, dict) else {}


def _items(found: Json, field: str) -> list[Json]:
    items = _status(found).get(field)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
