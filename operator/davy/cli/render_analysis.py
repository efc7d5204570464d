"""Draws measurements: a row each, and a line of bars for a metric."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from davy.analysis.words import percent, printable
from davy.cli import render
from davy.cli.render import UNICODE, Glyphs
from davy.cli.view_analysis import AnalysesView, AnalysisView, ComparedView, MeasuredView
from davy.cli.view_history import SideView

_BARS: Final = 60
"""Of the newest measurements, a bar each."""
_AROUND_RUN: Final = 4
"""Lines of a run beside its metrics."""
_AROUND_METRIC: Final = 6
"""Lines of a metric beside its rows."""


def analyses(
    view: AnalysesView, *, now: datetime, height: int | None = None, glyphs: Glyphs = UNICODE
) -> RenderableType:
    """Runs with all their measurements.

    Args:
        view: what is drawn.
        now: times of its day go without a date.
        height: lines that there are: as many of the newest rows as fit, each on one line; None: all
            rows, whole.
        glyphs: what it is drawn with.
    """
    if not view.runs:
        return Text(f"No analysis of the current update of {view.of}.")
    rows = None if height is None else _room(view, height)
    parts: list[RenderableType] = []
    for run in view.runs:
        parts += [*_run(run, now, glyphs, rows), Text()]
    parts += [Text(f"Not shown: {note}", style="yellow") for note in view.notes]
    return Group(*parts if view.notes else parts[:-1])


def lines(view: AnalysesView) -> Iterator[str]:
    """A line for each measurement, and one for the verdict of a run that is over, for logs."""
    for run in view.runs:
        for metric in run.metrics:
            for found in metric.measurements:
                stamp = f"{found.at:%Y-%m-%dT%H:%M:%SZ}" if found.at else "-"
                said = "  ".join(part for part in (found.phase, found.message) if part)
                yield printable(f"{stamp}  {run.name}  {metric.name}  {said}")
        if run.completed_at is not None:
            over = f"{run.completed_at:%Y-%m-%dT%H:%M:%SZ}  {run.name}"
            yield printable(f"{over}  {run.phase}: {run.verdict}".rstrip(": "))
    for note in view.notes:
        yield printable(f"Not shown: {note}")


def _room(view: AnalysesView, height: int) -> int:
    """Rows of each metric that fit."""
    count = sum(len(run.metrics) for run in view.runs)
    left = height - _AROUND_RUN * len(view.runs) - _AROUND_METRIC * count
    return max(1, left // max(1, count))


def _run(
    run: AnalysisView, now: datetime, glyphs: Glyphs, rows: int | None
) -> Iterator[RenderableType]:
    title = Text().append(f"AnalysisRun {run.name}", style="bold")
    title.append(f"  {run.what}" if run.what else "")
    yield title
    for metric in run.metrics:
        yield _title(metric, glyphs)
        if metric.measurements:
            yield _rows(metric, now, glyphs, rows)
            yield _bars(metric, glyphs)
    verdict = Text("Verdict  ").append_text(render.status(run.mood, run.phase, glyphs))
    yield verdict.append(printable(f": {run.verdict}") if run.verdict else "")


def _title(metric: MeasuredView, glyphs: Glyphs) -> Text:
    name = f"metric {metric.name}" + (" (dry run)" if metric.dry_run else "")
    title = Text(printable(name), style="bold").append("  ")
    return title.append_text(render.status(metric.mood, metric.phase, glyphs))


def _rows(metric: MeasuredView, now: datetime, glyphs: Glyphs, rows: int | None) -> Table:
    table = render.plain_table()
    named = ("CANARY ERRORS", "STABLE ERRORS") if metric.compares else ()
    for name in ("WHEN", "RESULT", *named):
        table.add_column(name, no_wrap=True)
    for name in ("ABORT", "PASS") if metric.compares else ():
        table.add_column(name, no_wrap=True, justify="right")
    for name in ("MESSAGE",) if metric.compares else ("VALUE", "MESSAGE"):
        table.add_column(name, overflow="fold")
    for found in metric.measurements[-rows if rows else None :]:
        cells = [Text(_when(found.at, now)), render.status(found.mood, found.phase, glyphs)]
        if metric.compares:
            cells += map(Text, _compared(found.compared))
        else:
            cells.append(_words(found.value, one_line=rows is not None))
        table.add_row(*cells, _words(found.message, one_line=rows is not None))
    return table


def _words(told: str, *, one_line: bool) -> Text:
    """Of a cell: whole, or as much as fits on a line."""
    return (
        Text(printable(told), no_wrap=True, overflow="ellipsis")
        if one_line
        else Text(printable(told))
    )


def _compared(found: ComparedView | None) -> tuple[str, ...]:
    if found is None:
        return ("",) * 4
    return (
        render.side(found.canary),
        render.side(found.stable),
        _near(found.to_abort),
        _near(found.to_pass),
    )


def _near(evidence: float) -> str:
    """`37 %` of what is needed; rounded down, so that 100 % is all of it."""
    return f"{math.floor(round(min(evidence, 1.0) * 100, 6))} %"


def _when(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%m-%d %H:%M:%S}"


def _bars(metric: MeasuredView, glyphs: Glyphs) -> RenderableType:
    """Error rates of both sides on one scale from 0, or values from the lowest to the highest."""
    newest = metric.measurements[-_BARS:]
    grid = Table.grid(padding=(0, 2, 0, 0))
    if not metric.compares:
        numbers = [found.number for found in newest]
        known = [number for number in numbers if number is not None]
        if known:
            words = f"last {known[-1]:g}, {min(known):g} to {max(known):g}"
            spark = _spark(numbers, min(known), max(known), glyphs)
            grid.add_row(Text("value"), spark, Text(words))
        return grid
    told = [found.compared for found in newest]
    sides = {
        "canary": [None if found is None else found.canary for found in told],
        "stable": [None if found is None else found.stable for found in told],
    }
    rates = {name: [_rate(side) for side in each] for name, each in sides.items()}
    highest = max((rate for each in rates.values() for rate in each if rate), default=0.0)
    for name, each in sides.items():
        served = [side for side in each if side is not None and side.requests]
        if served:
            worst = max(served, key=lambda side: side.errors / side.requests)
            words = f"last {_share(served[-1])}, highest {_share(worst)}"
            spark = _spark(rates[name], 0.0, highest, glyphs)
            grid.add_row(Text(name), spark, Text(words))
    return grid


def _rate(side: SideView | None) -> float | None:
    return side.errors / side.requests if side is not None and side.requests else None


def _share(side: SideView) -> str:
    return percent(side.errors, side.requests)


def _spark(numbers: Sequence[float | None], low: float, high: float, glyphs: Glyphs) -> Text:
    """A bar for each number; a blank where there is none."""
    top = len(glyphs.spark) - 1
    reach = high / 2 - low / 2  # halves: the difference of two finite numbers may not be finite

    def bar(number: float | None) -> str:
        if number is None:
            return " "
        share = (number / 2 - low / 2) / reach if reach else 0.0
        return glyphs.spark[round(top * share)]

    return Text("".join(map(bar, numbers)))
