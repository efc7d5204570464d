"""Draws what `view` decided: tables, the tree, the weight bar. It chooses glyphs, nothing else.

Ages and countdowns are the one thing computed here, from the `now` that the caller hands in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from davy.analysis.words import percent
from davy.cli.view import Headline, RevisionView, RolloutView, WeightView
from davy.cli.view_history import PastView, SideView
from davy.cli.view_runs import MetricView, RunView
from davy.cli.view_steps import StepState, StepView
from davy.cli.view_workload import Mood, PodView, ReplicaSetView

BAR_CELLS: Final = 40
"""Width of the weight bar: 2.5 % of the traffic a cell."""


@dataclass(frozen=True)
class Glyphs:
    """The characters that drawings are made of."""

    moods: dict[Mood, str]
    done: str
    current: str
    branch: str
    last: str
    pipe: str
    bar: tuple[str, str, str, str]
    """Written and verified, on the way from one to the other, wanted beyond, the rest."""
    arrow: str
    dash: str
    spark: str
    """From the lowest value to the highest."""


UNICODE: Final = Glyphs(
    moods={Mood.GOOD: "✔", Mood.BUSY: "◌", Mood.PAUSED: "‖", Mood.BAD: "✘", Mood.IDLE: "·"},
    done="✔",
    current="▶",
    branch="├─ ",
    last="└─ ",
    pipe="│  ",
    bar=("█", "▓", "▒", "░"),
    arrow="→",
    spark="▁▂▃▄▅▆▇█",
    dash="–",  # noqa: RUF001 the dash of typesetters is meant
)
ASCII: Final = Glyphs(
    moods={Mood.GOOD: "+", Mood.BUSY: "o", Mood.PAUSED: "=", Mood.BAD: "x", Mood.IDLE: "."},
    done="+",
    current=">",
    branch="|- ",
    last="`- ",
    pipe="|  ",
    bar=("#", "=", "-", "."),
    arrow="->",
    dash="-",
    spark="_.-:=+*#",
)
"""For terminals that can't show more."""


def glyphs(console: Console) -> Glyphs:
    """What the console's encoding can show."""
    return UNICODE if console.encoding.lower().startswith("utf") else ASCII


_STYLES: Final = {
    Mood.GOOD: "green",
    Mood.BUSY: "cyan",
    Mood.PAUSED: "yellow",
    Mood.BAD: "bold red",
    Mood.IDLE: "dim",
}


def rollout(view: RolloutView, *, now: datetime, glyphs: Glyphs = UNICODE) -> RenderableType:
    """The whole picture of one rollout."""
    parts: list[RenderableType] = [_header(view, glyphs)]
    if view.revisions or view.older:
        parts += [Text(), _tree(view, now, glyphs)]
    if view.history:
        parts += [Text(), _history(view.history, now)]
    parts += [Text(f"Not shown: {note}", style="yellow") for note in view.notes]
    return Group(*parts)


def line(view: RolloutView) -> str:
    """What matters of a rollout on one line, for logs: it changes only when something happened."""
    head = view.headline
    pods = head.replicas
    parts = [
        head.phase,
        f"step {head.step}" if head.step else "",
        _weight_words(head.weight, "-"),
        f"pods {pods.available}/{max(pods.current, pods.desired)} available",
    ]
    return "  ".join([*(part for part in parts if part), head.message]).rstrip()


def rollouts(
    rows: Sequence[Headline], *, with_namespace: bool, glyphs: Glyphs = UNICODE
) -> RenderableType:
    """A table of rollouts, a line each."""
    table = plain_table()
    names = ["NAME", "STRATEGY", "PHASE", "STEP", "WEIGHT", "READY"]
    for name in ["NAMESPACE", *names] if with_namespace else names:
        table.add_column(name, no_wrap=True)
    table.add_column("MESSAGE", overflow="fold")
    for row in rows:
        pods = row.replicas
        cells = [
            Text(row.name),
            Text(row.strategy),
            Text(f"{glyphs.moods[row.mood]} {row.phase}", style=_STYLES[row.mood]),
            Text(row.step or glyphs.dash),
            Text(_weight_cell(row.weight, glyphs)),
            Text(f"{pods.ready}/{max(pods.current, pods.desired)}"),
            Text(row.message),
        ]
        table.add_row(*([Text(row.namespace), *cells] if with_namespace else cells))
    return table


def plain_table() -> Table:
    """A table without lines, as all commands draw theirs."""
    return Table(
        box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim"
    )


def _header(view: RolloutView, glyphs: Glyphs) -> RenderableType:
    head = view.headline
    pods = head.replicas
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    title = Text().append(f"{head.namespace}/{head.name}", style="bold")
    title.append(f"  {glyphs.moods[head.mood]} {head.phase}", style=_STYLES[head.mood])
    grid.add_row("Rollout", title)
    if head.message:
        grid.add_row("Message", Text(head.message))
    strategy = f"{head.strategy} by {view.router}" if view.router else head.strategy
    grid.add_row("Strategy", Text(strategy))
    if view.steps:
        grid.add_row("Steps", _steps(view.steps, head.step, glyphs))
    if head.weight.is_known:
        grid.add_row("Weight", _bar(head.weight, glyphs))
        grid.add_row("", Text(_weight_words(head.weight, glyphs.dash)))
    if view.verdict:
        grid.add_row("Verdict", Text(view.verdict))
    counts = (
        f"{pods.desired} desired, {pods.current} running, {pods.updated} of the newest revision, "
        f"{pods.available} available"
    )
    grid.add_row("Pods", Text(counts))
    for index, condition in enumerate(view.conditions):
        words = Text(f"{condition.type}={condition.status}", style=_STYLES[condition.mood])
        words.append(f" {condition.reason}: {condition.message}".rstrip(": "), style="default")
        grid.add_row("" if index else "Conditions", words)
    return grid


def _steps(steps: Iterable[StepView], position: str, glyphs: Glyphs) -> Text:
    drawn = Text()
    for index, step in enumerate(steps):
        if index:
            drawn.append(f" {glyphs.arrow} ", style="dim")
        match step.state:
            case StepState.DONE:
                drawn.append(f"{glyphs.done} {step.text}", style="green")
            case StepState.CURRENT:
                drawn.append(f"{glyphs.current} {step.text}", style="bold cyan")
            case StepState.TODO:
                drawn.append(step.text)
    return drawn.append(f"  ({position})", style="dim")


def _bar(weight: WeightView, glyphs: Glyphs) -> Text:
    """Cells that are written and verified, those between the two, those wanted beyond, the rest."""
    reached = 0
    drawn = Text()
    styles = ("green", "yellow", "dim yellow")
    low, high = sorted((weight.verified or 0, weight.written or 0))
    shares = (low, high, weight.wanted)
    for share, glyph, style in zip(shares, glyphs.bar[:3], styles, strict=True):
        cells = round(BAR_CELLS * (share or 0) / weight.total)
        drawn.append(glyph * max(cells - reached, 0), style=style)
        reached = max(reached, cells)
    return drawn.append(glyphs.bar[3] * (BAR_CELLS - reached), style="dim")


def _weight_words(weight: WeightView, dash: str) -> str:
    """`canary 50 wanted, 50 written, 10 verified`; a dash is "not known"; `, of 1000` if it is."""
    if not weight.is_known:
        return ""

    def word(share: int | None) -> str:
        return dash if share is None else str(share)

    of = "" if weight.total == WeightView.total else f", of {weight.total}"
    return (
        f"canary {word(weight.wanted)} wanted, {word(weight.written)} written, "
        f"{word(weight.verified)} verified{of}"
    )


def _weight_cell(weight: WeightView, glyphs: Glyphs) -> str:
    """The written weight, and the wanted one when they differ: `10→50`."""
    if weight.written is None and weight.wanted is None:
        return glyphs.dash
    written = glyphs.dash if weight.written is None else str(weight.written)
    if weight.wanted is None or weight.wanted == weight.written:
        return written
    return f"{written}{glyphs.arrow}{weight.wanted}"


@dataclass(frozen=True)
class _Row:
    """A line of the tree and what hangs below it."""

    name: Text
    status: Text
    ready: str = ""
    age: str = ""
    info: str = ""
    below: tuple["_Row", ...] = ()


def _tree(view: RolloutView, now: datetime, glyphs: Glyphs) -> Table:
    table = plain_table()
    for name in ("NAME", "STATUS", "READY", "AGE"):
        table.add_column(name, no_wrap=True)
    table.add_column("INFO", overflow="fold")
    for revision in view.revisions:
        _hang(table, _revision_row(revision, now, glyphs), "", "", glyphs)
    if view.older:
        numbers = ", ".join(str(number) for number in view.older)
        label = "revision" if len(view.older) == 1 else "revisions"
        table.add_row(Text(f"{label} {numbers}", style="dim"), Text("scaled down", style="dim"))
    return table


def _hang(table: Table, row: _Row, lead: str, below: str, glyphs: Glyphs) -> None:
    """Add the row and all below it: `lead` before its name, `below` before its children's."""
    name = Text().append(lead, style="dim").append_text(row.name)
    table.add_row(name, row.status, Text(row.ready), Text(row.age), Text(row.info))
    for index, child in enumerate(row.below):
        final = index == len(row.below) - 1
        edge = glyphs.last if final else glyphs.branch
        further = " " * len(glyphs.pipe) if final else glyphs.pipe
        _hang(table, child, below + edge, below + further, glyphs)


def _revision_row(revision: RevisionView, now: datetime, glyphs: Glyphs) -> _Row:
    title = "earlier analysis" if revision.number is None else f"revision {revision.number}"
    if revision.replica_set is not None and revision.number is None:
        title = "revision ?"
    name = Text(title, style="bold")
    if revision.role:
        name.append(f" ({revision.role})", style="bold")
    held = revision.replica_set
    rows = [_replica_set_row(held, now, glyphs)] if held is not None else []
    rows += [_run_row(run, now, glyphs) for run in revision.runs]
    images = ", ".join(held.images) if held is not None else ""
    return _Row(name=name, status=Text(), info=images, below=tuple(rows))


def _replica_set_row(held: ReplicaSetView, now: datetime, glyphs: Glyphs) -> _Row:
    words = "scaled down" if held.mood is Mood.IDLE else "available"
    if held.mood is Mood.BUSY:
        words = f"{held.available} available" if held.desired else "scaling down"
    if held.mood is Mood.BAD:
        words = "no pods"
    info = held.message
    if held.scale_down_at is not None and held.mood is not Mood.IDLE:
        left = held.scale_down_at - now
        wait = f"in {_length(left)}" if left > timedelta() else "now"
        info = f"scales down {wait}{'; ' if info else ''}{info}"
    return _Row(
        name=Text(f"ReplicaSet {held.name}"),
        status=status(held.mood, words, glyphs),
        ready=f"{held.ready}/{held.desired}",
        age=_age(held.created_at, now),
        info=info,
        below=tuple(_pod_row(pod, now, glyphs) for pod in held.pods),
    )


def _pod_row(pod: PodView, now: datetime, glyphs: Glyphs) -> _Row:
    restarts = f"restarts: {pod.restarts}" if pod.restarts else ""
    return _Row(
        name=Text(f"Pod {pod.name}"),
        status=status(pod.mood, pod.state, glyphs),
        ready=pod.ready,
        age=_age(pod.created_at, now),
        info="; ".join(part for part in (restarts, pod.message) if part),
    )


def _run_row(run: RunView, now: datetime, glyphs: Glyphs) -> _Row:
    info = "; ".join(part for part in (run.what, run.message) if part)
    return _Row(
        name=Text(f"AnalysisRun {run.name}"),
        status=status(run.mood, run.phase, glyphs),
        age=_age(run.created_at, now),
        info=info,
        below=tuple(_metric_row(metric, glyphs) for metric in run.metrics),
    )


def _metric_row(metric: MetricView, glyphs: Glyphs) -> _Row:
    counts = (
        (metric.successful, "good"),
        (metric.failed, "bad"),
        (metric.inconclusive, "undecided"),
        (metric.error, "without an answer"),
    )
    said = ", ".join(f"{count} {word}" for count, word in counts if count) or "none yet"
    value = f"last {metric.value}" if metric.value else ""
    return _Row(
        name=Text(f"metric {metric.name}" + (" (dry run)" if metric.dry_run else "")),
        status=status(metric.mood, metric.phase, glyphs),
        info="; ".join(part for part in (f"measurements: {said}", value, metric.message) if part),
    )


def _history(updates: Sequence[PastView], now: datetime) -> Table:
    table = plain_table()
    compared = any(found.canary or found.stable for found in updates)
    sides = ("CANARY ERRORS", "STABLE ERRORS") if compared else ()
    for name in ("HISTORY", "OUTCOME", "TOOK", "AGO", *sides):
        table.add_column(name, no_wrap=True)
    table.add_column("WHY", overflow="fold")
    for found in updates:
        begun, ended = found.started_at, found.finished_at
        took = _length(ended - begun) if begun and ended else ""
        number = "?" if found.revision is None else str(found.revision)
        served = (side(found.canary), side(found.stable)) if compared else ()
        cells = (f"revision {number}", found.outcome, took, _age(ended, now), *served)
        table.add_row(*(Text(cell) for cell in (*cells, found.message)))
    return table


def side(served: SideView | None) -> str:
    """Errors of requests: `3/120 2.5 %`."""
    if served is None:
        return ""
    share = f" {percent(served.errors, served.requests)}" if served.requests else ""
    return f"{served.errors}/{served.requests}{share}"


def status(mood: Mood, words: str, glyphs: Glyphs) -> Text:
    """A phase with its sign and colour."""
    return Text(f"{glyphs.moods[mood]} {words}", style=_STYLES[mood])


def _age(since: datetime | None, now: datetime) -> str:
    return "" if since is None else _length(max(now - since, timedelta()))


def _length(length: timedelta) -> str:
    """`45s`, `12m`, `3h`, `5d`: in the largest unit of which there are at least two."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
