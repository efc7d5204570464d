"""What a metric's Job must hold; the API server checks the rest when it is made."""

import json
from collections.abc import Iterator
from typing import Any, Final

from davy.api import metadata, pod_template
from davy.api.arguments import has_placeholder
from davy.api.errors import Finding
from davy.api.findings import shown
from davy.api.providers import JobMetadata, JobMetric

LONGEST: Final = 32_768
"""Characters of a Job's spec as JSON."""
SHORTEST_TTL: Final = 60
"""Seconds: a Job that is gone before Davy looked at how it ended has said nothing."""
_POLICIES: Final = ("Never", "OnFailure")


def findings(job: JobMetric, path: str) -> Iterator[Finding]:
    """Everything wrong in the Job."""
    if job.metadata:
        yield from metadata.problems(_settled(job.metadata), f"{path}.metadata")
    at, spec = f"{path}.spec", job.spec
    try:
        length = len(json.dumps(spec, allow_nan=False))
    except (TypeError, ValueError):
        yield Finding(at, "has a value that JSON can't say, such as .nan")
        return
    if length > LONGEST:
        yield Finding(at, f"is {length} characters long as JSON; at most {LONGEST} fit")
    for field in ("selector", "manualSelector"):
        if spec.get(field):
            message = "could take other pods for the Job's own; remove it"
            yield Finding(f"{at}.{field}", message)
    yield from _stay(spec.get("ttlSecondsAfterFinished"), f"{at}.ttlSecondsAfterFinished")
    yield from _template(job, f"{at}.template")


def doubts(job: JobMetric, path: str) -> Iterator[Finding]:
    """What is allowed and yet looks like a slip."""
    field = "activeDeadlineSeconds"
    if not job.spec.get(field) and not pod_spec(job).get(field):
        message = "is unset, so a Job that hangs holds the rollout without end"
        yield Finding(f"{path}.spec.{field}", message)


def pod_spec(job: JobMetric) -> dict[str, Any]:
    """The spec of the Job's pods; {} where it is none."""
    template = job.spec.get("template")
    found = template.get("spec") if isinstance(template, dict) else None
    return found if isinstance(found, dict) else {}


def _settled(metadata: JobMetadata) -> JobMetadata:
    """Without the labels that arguments will fill in."""
    labels = metadata.labels or {}
    known = {key: value for key, value in labels.items() if not has_placeholder(value)}
    return metadata.model_copy(update={"labels": known})


def _stay(seconds: Any, path: str) -> Iterator[Finding]:
    if isinstance(seconds, int) and seconds < SHORTEST_TTL:
        yield Finding(
            path,
            f"is {shown(seconds)}, so the Job may go before it was seen how it ended; write "
            f"{SHORTEST_TTL} or more, or remove it: Davy deletes Jobs with their measurements",
        )


def _template(job: JobMetric, path: str) -> Iterator[Finding]:
    template = job.spec.get("template")
    if not isinstance(template, dict):
        yield Finding(path, "is missing; give the pod that the Job runs")
        return
    yield from pod_template.pod_problems(template, path)
    policy = pod_spec(job).get("restartPolicy")
    if isinstance(template.get("spec"), dict) and policy not in _POLICIES:
        what = "is missing" if policy is None else f"is {shown(policy)}"
        yield Finding(f"{path}.spec.restartPolicy", f"{what}; a Job's pods have Never or OnFailure")
