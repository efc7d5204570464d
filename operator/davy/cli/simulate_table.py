"""Draws a release that was played: its course, and how it ended."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from davy.analysis.words import lasting
from davy.cli import render
from davy.rehearsal.release import Release
from davy.rehearsal.scenario import Scenario
from davy.rehearsal.simulate import End, Moment, Simulation

_STYLES = {End.PROMOTED: "green", End.ABORTED: "red", End.HELD: "yellow"}


def drawn(
    found: Simulation, release: Release, scenario: Scenario, notes: Sequence[str]
) -> RenderableType:
    """All of it."""
    return Group(
        Text(f"Rollout {release}, scenario {scenario.name}"),
        _course(found.moments),
        Text(),
        Text(ended(found), style=_STYLES[found.end]),
        *(Text(f"\n{note}") for note in notes),
    )


def ended(found: Simulation) -> str:
    """How it ended, in some sentences."""
    harm = f"{found.harmed} of {found.requests} canary requests were harmed"
    if found.end is End.HELD:
        still = found.seconds - found.moments[-1].seconds
        return f"Held: {found.why} Nothing changed in the last {lasting(still)}; {harm}."
    word = {End.PROMOTED: "Promoted", End.ABORTED: "Aborted"}[found.end]
    return f"{word} after {lasting(found.seconds)}; {harm}."


def _course(moments: Sequence[Moment]) -> Table:
    table = render.plain_table()
    for name in ("TIME", "STEP"):
        table.add_column(name, no_wrap=True)
    for name in ("WEIGHT", "SERVED", "HARMED"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("SAYS", overflow="fold")
    for one in moments:
        said = f"{one.metric}: {one.said}" if one.metric else one.said
        table.add_row(
            clock(one.seconds),
            one.step,
            "-" if one.wanted is None else str(one.wanted),
            f"{100 * one.served:.3g} %",
            str(one.harmed),
            Text(said, style="dim" if one.metric else ""),
        )
    return table


def clock(seconds: float) -> str:
    """`0:01:15`, `1 d 2:00:00`: as messages have the time of day, in whole seconds."""
    days, rest = divmod(int(seconds), 86_400)
    minutes, second = divmod(rest, 60)
    time = f"{minutes // 60}:{minutes % 60:02}:{second:02}"
    return f"{days} d {time}" if days else time
