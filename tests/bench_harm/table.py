"""The tables of all results: a line per row, a column per figure, and which goals were met."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Final

from tests.bench_harm.result import Result
from tests.bench_harm.rows import ROWS, YES_OR_NO, Figure, Play

_TABLES: Final = (
    {Play.BAD, Play.KILL},
    {Play.BY_HAND},
    {Play.GOOD},
    {Play.NO_TRAFFIC, Play.NO_PROMETHEUS},
)
"""Plays whose rows have much the same figures."""


def markdown(results: Sequence[Result]) -> list[str]:
    """The lines: the machine, then a table for each group of rows that were played."""
    if not results:
        return ["No release was played."]
    lines = [_machine(results)]
    for plays in _TABLES:
        names = [name for name, row in ROWS.items() if row.play in plays]
        lines += _table([[each for each in results if each.row == name] for name in names])
    return lines


def _machine(results: Sequence[Result]) -> str:
    commits = ", ".join(dict.fromkeys(each.commit for each in results if each.commit))
    busy, late = [each.busy for each in results], [each.late_ms for each in results]
    return (
        f"Commit {commits or 'unknown'}. {results[0].cores} cores, {statistics.median(busy):.0%} "
        f"busy in the median release, {max(busy):.0%} in the busiest. Requests were sent up to "
        f"{statistics.median(late):g} ms late (99 % of a release's, median release; worst: "
        f"{max(late):g} ms)."
    )


def _table(rows: Sequence[Sequence[Result]]) -> Iterator[str]:
    played = [results for results in rows if results]
    had = {figure for results in played for each in results for figure in each.figures}
    if not had:
        return
    figures = [figure for figure in Figure if figure in had]
    yield ""
    yield f"| {' | '.join(['release', 'n', *figures])} |"
    yield f"|{'---|' * (2 + len(figures))}"
    for results in played:
        cells = (_cell(figure, results) for figure in figures)
        yield f"| {' | '.join([ROWS[results[0].row].title, str(len(results)), *cells])} |"


def _cell(figure: Figure, results: Sequence[Result]) -> str:
    """Least, median and most; and the goal with the releases that met it: it is of every one."""
    values = [each.figures[figure] for each in results if figure in each.figures]
    if not values:
        return ""
    goal = ROWS[results[0].row].goals.get(figure)
    if figure in YES_OR_NO:
        told = f"{sum(values):g} of {len(values)}"
    elif min(values) == max(values):
        told = _number(values[0])
    else:
        told = " / ".join(map(_number, (min(values), statistics.median(values), max(values))))
    if goal is None:
        return told
    met = sum(value <= goal for value in values)
    if met == len(values):
        return f"{told} (≤ {goal:g}: met)"
    return f"{told} (≤ {goal:g}: **missed** in {len(values) - met} of {len(values)})"


def _number(value: float) -> str:
    return f"{value:g}" if float(value).is_integer() else f"{value:.2f}"
