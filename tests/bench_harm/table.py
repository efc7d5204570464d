"""The table of all results: a line per row and figure, and whether the goal was met."""

import statistics
from collections.abc import Iterator, Sequence
from typing import Final

from tests.bench_harm.result import Result
from tests.bench_harm.rows import ROWS, YES_OR_NO, Figure

_HEAD: Final = (
    "| release | figure | n | min | median | max | goal | met |",
    "|---|---|---|---|---|---|---|---|",
)


def markdown(results: Sequence[Result]) -> list[str]:
    """The lines: the machine, then the rows that were played in the order of `ROWS`."""
    if not results:
        return ["No release was played."]
    lines = [_machine(results), "", *_HEAD]
    for name in ROWS:
        lines += _row(name, [each for each in results if each.row == name])
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


def _row(name: str, results: Sequence[Result]) -> Iterator[str]:
    title = f"**{ROWS[name].title}**"
    for figure in Figure:
        values = [each.figures[figure] for each in results if figure in each.figures]
        if not values:
            continue
        goal = ROWS[name].goals.get(figure)
        cells = [title, figure, str(len(values)), *_values(figure, values), *_goal(goal, values)]
        yield f"| {' | '.join(cells)} |"
        title = ""


def _values(figure: Figure, values: Sequence[float]) -> list[str]:
    if figure in YES_OR_NO:
        return ["", f"{sum(values):g} of {len(values)}", ""]
    return [_number(value) for value in (min(values), statistics.median(values), max(values))]


def _number(value: float) -> str:
    return f"{value:g}" if float(value).is_integer() else f"{value:.2f}"


def _goal(goal: float | None, values: Sequence[float]) -> list[str]:
    """The goal, and of how many releases it is true; a goal is of every release."""
    if goal is None:
        return ["", ""]
    met = sum(value <= goal for value in values)
    if met == len(values):
        return [f"≤ {goal:g}", "met"]
    return [f"≤ {goal:g}", f"**missed** in {len(values) - met} of {len(values)}"]
