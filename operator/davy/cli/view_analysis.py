"""AnalysisRuns measurement by measurement, from manifests to the data that is drawn. Pure."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from davy.analysis import compared, judge
from davy.api.analysis import ComparedValue, RunManifest, SideCounts
from davy.api.group import POD_TEMPLATE_HASH_LABEL
from davy.cli import view_history, view_runs
from davy.cli.manifest import Json, at, instant, name_of, objects, owned_by, text
from davy.cli.view_history import SideView
from davy.cli.view_workload import Mood
from davy.engine import history


@dataclass(frozen=True)
class ComparedView:
    """What a comparison's measurement says."""

    canary: SideView | None
    """Since the measurement before, of the first one since the run began; None: what was counted
    fell, which nobody can explain."""
    stable: SideView | None
    to_abort: float
    """Evidence over what an abort needs, from 1 on canary is worse."""
    to_pass: float
    """The same for a pass."""


@dataclass(frozen=True)
class MeasurementView:
    """One measurement that the status keeps."""

    at: datetime | None
    """When it was answered; while it is under way, when it began."""
    phase: str
    mood: Mood
    value: str
    """As the provider gave it; empty when nobody answered."""
    number: float | None
    """The value, where it is one number."""
    compared: ComparedView | None
    """None: it is no comparison, or nobody answered."""
    message: str


@dataclass(frozen=True)
class MeasuredView:
    """One metric and its measurements."""

    name: str
    dry_run: bool
    """It decides nothing."""
    compares: bool
    """Canary with stable."""
    phase: str
    mood: Mood
    measurements: tuple[MeasurementView, ...]
    """The oldest first."""


@dataclass(frozen=True)
class AnalysisView:
    """One AnalysisRun."""

    name: str
    what: str
    """`analysis of step 3`, `background analysis`; empty where no rollout made it."""
    phase: str
    mood: Mood
    verdict: str
    """What decided, or what is known so far, with its numbers; empty before the first answer."""
    started_at: datetime | None
    completed_at: datetime | None
    metrics: tuple[MeasuredView, ...]


@dataclass(frozen=True)
class AnalysesView:
    """What was asked for."""

    of: str
    """`rollout shop/cart`, `analysisrun shop/cart-5c9d7f8b6d-2`."""
    runs: tuple[AnalysisView, ...]
    """The oldest first."""
    notes: tuple[str, ...] = ()
    """Why some of it may be old."""


def of_run(manifest: Json, notes: Sequence[str] = ()) -> AnalysesView:
    """A run alone."""
    return AnalysesView(_named("analysisrun", manifest), (_run(manifest),), tuple(notes))


def of_rollout(rollout: Json, runs: Iterable[Json], notes: Sequence[str] = ()) -> AnalysesView:
    """The runs of a rollout's current update, or of its last one.

    Args:
        rollout: the Rollout's manifest.
        runs: AnalysisRuns of the namespace, any order.
        notes: why some of it may be old.
    """
    newest = text(rollout, "status", "currentPodHash")
    update = next(view_history.updates(rollout), None)
    started_at = update.started_at if update is not None and update.hash == newest else None
    found = [
        manifest
        for manifest in runs
        if owned_by(manifest, rollout)
        and text(manifest, "metadata", "labels", POD_TEMPLATE_HASH_LABEL) == newest
        and history.is_within(_created_at(manifest), started_at)
    ]
    found.sort(key=lambda manifest: (str(_created_at(manifest)), name_of(manifest)))
    return AnalysesView(_named("rollout", rollout), tuple(map(_run, found)), tuple(notes))


def _named(kind: str, manifest: Json) -> str:
    return f"{kind} {text(manifest, 'metadata', 'namespace') or ''}/{name_of(manifest)}"


def _created_at(manifest: Json) -> datetime | None:
    return instant(manifest, "metadata", "creationTimestamp")


def _run(manifest: Json) -> AnalysisView:
    phase = text(manifest, "status", "phase") or "Pending"
    compare = {
        text(metric, "name")
        for metric in objects(manifest, "spec", "metrics")
        if at(metric, "compare") is not None
    }
    return AnalysisView(
        name=name_of(manifest),
        what=view_runs.what(manifest),
        phase=phase,
        mood=_mood(phase),
        verdict=text(manifest, "status", "message") or _so_far(manifest),
        started_at=instant(manifest, "status", "startedAt"),
        completed_at=instant(manifest, "status", "completedAt"),
        metrics=tuple(
            _metric(result, compares=text(result, "name") in compare)
            for result in objects(manifest, "status", "metricResults")
        ),
    )


def _so_far(manifest: Json) -> str:
    """The judge's word on a run that goes on; none on one that it couldn't read."""
    try:
        return judge.verdict(RunManifest.model_validate(manifest))
    except ValidationError:
        return ""


def _mood(phase: str) -> Mood:
    return view_runs.MOODS.get(phase, Mood.BUSY)


def _metric(result: Json, *, compares: bool) -> MeasuredView:
    phase = text(result, "phase") or "Pending"
    return MeasuredView(
        name=text(result, "name") or "?",
        dry_run=result.get("dryRun") is True,
        compares=compares,
        phase=phase,
        mood=_mood(phase),
        measurements=tuple(_measurements(result, compares=compares)),
    )


def _measurements(result: Json, *, compares: bool) -> Iterator[MeasurementView]:
    before: ComparedValue | None = None
    for found in objects(result, "measurements"):
        phase = text(found, "phase") or "Pending"
        value = text(found, "value") or ""
        told = compared.read(value) if compares else None
        yield MeasurementView(
            at=instant(found, "finishedAt") or instant(found, "startedAt"),
            phase=phase,
            mood=_mood(phase),
            value=value,
            number=None if compares else _number(value),
            compared=None if told is None else _compared(told, before),
            message=text(found, "message") or "",
        )
        before = told or before


def _compared(now: ComparedValue, before: ComparedValue | None) -> ComparedView:
    nothing = SideCounts(requests=0, errors=0)
    return ComparedView(
        canary=_between(nothing if before is None else before.canary, now.canary),
        stable=_between(nothing if before is None else before.stable, now.stable),
        to_abort=now.to_abort,
        to_pass=now.to_pass,
    )


def _between(before: SideCounts, now: SideCounts) -> SideView | None:
    requests, errors = now.requests - before.requests, now.errors - before.errors
    return None if min(requests, errors) < 0 else SideView(requests, errors)


def _number(value: str) -> float | None:
    """The number of `0.97` or `[0.97]`; None: it is none, several, or not finite."""
    try:
        found = json.loads(value)
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        number = float(found)
    except (ValueError, OverflowError, RecursionError):
        return None
    return number if math.isfinite(number) else None
