"""Draws what was judged of the past: each look as a row, and what would have followed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from davy.analysis import judge
from davy.api.analysis import Phase, RunManifest
from davy.api.group import STEP_INDEX_LABEL
from davy.cli import render_analysis, view_analysis
from davy.cli.backtest_subject import Part, Subject
from davy.cli.render import Glyphs
from davy.cli.view_analysis import AnalysisView
from davy.rehearsal.replay import Replay


@dataclass(frozen=True)
class Conclusion:
    """What would have followed of an analysis."""

    run: str
    """`analysis of step 3`, `background analysis`; the template's name where it has no rollout."""
    phase: str
    at: datetime | None
    """None: it wasn't decided by the end."""
    sentence: str


@dataclass(frozen=True)
class Past:
    """All of it."""

    of: str
    begin: datetime
    end: datetime
    runs: tuple[AnalysisView, ...]
    conclusions: tuple[Conclusion, ...]
    """As many."""
    notes: tuple[str, ...]


def past(subject: Subject, replays: Sequence[Replay], begin: datetime, end: datetime) -> Past:
    """What the replays of a subject's parts come to."""
    runs = [_run(*each) for each in zip(subject.parts, replays, strict=True)]
    conclusions = [
        _conclusion(part, replay, run, end)
        for part, replay, run in zip(subject.parts, replays, runs, strict=True)
    ]
    return Past(subject.of, begin, end, tuple(runs), tuple(conclusions), subject.notes)


def drawn(found: Past, glyphs: Glyphs) -> RenderableType:
    """Tables as `davy analysis` has them, and a sentence for each."""
    title = f"Backtest of {found.of}, {found.begin:%Y-%m-%d %H:%M:%S} to {found.end:%H:%M:%S} UTC"
    view = view_analysis.AnalysesView(found.of, found.runs)
    return Group(
        Text(title, style="bold"),
        render_analysis.analyses(view, now=found.end, glyphs=glyphs),
        Text(),
        *(Text(one.sentence) for one in found.conclusions),
        *(Text(f"Left out: {note}", style="yellow") for note in found.notes),
    )


def _run(part: Part, replay: Replay) -> AnalysisView:
    manifest = {
        "metadata": {"name": part.name, "labels": dict(part.labels)},
        "spec": replay.spec.manifest(),
        "status": replay.status.manifest(),
    }
    [found] = view_analysis.of_run(manifest).runs
    return found


def _conclusion(part: Part, replay: Replay, run: AnalysisView, end: datetime) -> Conclusion:
    phase, at = replay.status.phase, replay.ended_at
    what = run.what if part.labels else f"template {part.name}"
    told = " ".join(_sentence(part, replay, end))
    return Conclusion(what, phase.value, at, f"{what[:1].upper()}{what[1:]}: {told}")


def _sentence(part: Part, replay: Replay, end: datetime) -> Iterator[str]:
    phase, at = replay.status.phase, replay.ended_at
    if at is None:
        waits = STEP_INDEX_LABEL in part.labels
        yield f"not decided by {end:%H:%M:%S};"
        yield "the release would have waited." if waits else "nothing would have been aborted."
        known = judge.verdict(RunManifest(metadata={}, spec=replay.spec, status=replay.status))
        if known:
            yield f"{known}."
        return
    yield {
        Phase.SUCCESSFUL: f"passed at {at:%H:%M:%S}.",
        Phase.INCONCLUSIVE: f"inconclusive at {at:%H:%M:%S}; the release would have paused.",
    }.get(phase, f"would have aborted the release at {at:%H:%M:%S}.")
    yield (replay.status.message or "").strip()
