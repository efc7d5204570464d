"""AnalysisRuns as a person wants to see them: per metric the counts and the latest answer. Pure."""

from dataclasses import dataclass
from datetime import datetime

from davy.api.group import POD_TEMPLATE_HASH_LABEL, RUN_TYPE_LABEL, STEP_INDEX_LABEL
from davy.cli.manifest import Json, instant, name_of, number, objects, text
from davy.cli.view_workload import Mood

MOODS = {
    "Successful": Mood.GOOD,
    "Failed": Mood.BAD,
    "Error": Mood.BAD,
    "Inconclusive": Mood.PAUSED,
}


@dataclass(frozen=True)
class MetricView:
    """What came of one metric so far."""

    name: str
    dry_run: bool
    """It decides nothing."""
    phase: str
    mood: Mood
    successful: int
    failed: int
    inconclusive: int
    error: int
    value: str
    """The latest answer as the provider gave it; empty when there is none."""
    message: str
    """What the judge says of it; empty when nothing."""


@dataclass(frozen=True)
class RunView:
    """One AnalysisRun."""

    name: str
    what: str
    """`analysis of step 3`, `background analysis`."""
    hash: str
    phase: str
    mood: Mood
    message: str
    created_at: datetime | None
    metrics: tuple[MetricView, ...]


def run(manifest: Json) -> RunView:
    """The run, its metrics in the order of its spec."""
    phase = text(manifest, "status", "phase") or "Pending"
    return RunView(
        name=name_of(manifest),
        what=what(manifest),
        hash=text(manifest, "metadata", "labels", POD_TEMPLATE_HASH_LABEL) or "",
        phase=phase,
        mood=MOODS.get(phase, Mood.BUSY),
        message=text(manifest, "status", "message") or "",
        created_at=instant(manifest, "metadata", "creationTimestamp"),
        metrics=tuple(_metric(result) for result in objects(manifest, "status", "metricResults")),
    )


def what(manifest: Json) -> str:
    """The analysis that a run is of, in words."""
    labels = ("metadata", "labels")
    kind = text(manifest, *labels, RUN_TYPE_LABEL) or ""
    index = text(manifest, *labels, STEP_INDEX_LABEL)
    if kind == "Step" and index is not None and index.isdecimal():
        return f"analysis of step {int(index) + 1}"
    return f"{kind.lower()} analysis".strip()


def _metric(result: Json) -> MetricView:
    latest: Json = (objects(result, "measurements") or [{}])[-1]
    phase = text(result, "phase") or "Pending"
    return MetricView(
        name=text(result, "name") or "?",
        dry_run=result.get("dryRun") is True,
        phase=phase,
        mood=MOODS.get(phase, Mood.BUSY),
        successful=number(result, "successful") or 0,
        failed=number(result, "failed") or 0,
        inconclusive=number(result, "inconclusive") or 0,
        error=number(result, "error") or 0,
        value=text(latest, "value") or "",
        message=text(result, "message") or text(latest, "message") or "",
    )
