"""The table tells each figure with its spread, and each goal with the releases that missed it."""

import json
from dataclasses import replace

import pytest

from tests.bench_harm import table
from tests.bench_harm.result import Result
from tests.bench_harm.rows import ROWS, YES_OR_NO, Figure

RESULT = Result(
    row="fifth",
    commit="abc",
    at="2026-11-23T12:00:00+00:00",
    figures={Figure.MISSED: 0, Figure.HARMED: 9, Figure.LAST: 1.5},
    said="",
    busy=0.5,
    waiting=0.1,
    cores=2,
    late_ms=2.0,
)


def test_a_goal_is_of_every_release() -> None:
    """One release above it is a miss, and is said."""
    worse = replace(RESULT, figures={**RESULT.figures, Figure.HARMED: 13})
    _, _, *told = table.markdown([RESULT, worse, RESULT])
    harmed = "9 / 9 / 13 (≤ 12: **missed** in 1 of 3)"
    assert told == [
        f"| release | n | {Figure.MISSED} | {Figure.HARMED} | {Figure.LAST} |",
        "|---|---|---|---|---|",
        f"| 20 % of answers 5xx | 3 | 0 of 3 (≤ 0: met) | {harmed} | 1.50 (≤ 3: met) |",
    ]


def test_a_release_without_a_figure_doesnt_count_in_it() -> None:
    """A bad release that wasn't aborted has no seconds to its abort."""
    missed = replace(RESULT, figures={Figure.MISSED: 1, Figure.HARMED: 900})
    assert table.markdown([missed, RESULT])[-1] == (
        "| 20 % of answers 5xx | 2 | 1 of 2 (≤ 0: **missed** in 1 of 2) "
        "| 9 / 454.50 / 900 (≤ 12: **missed** in 1 of 2) | 1.50 (≤ 3: met) |"
    )


def test_rows_of_other_figures_have_a_table_of_their_own() -> None:
    """In the order of the rows, with the columns that they have."""
    told = table.markdown([replace(RESULT, row="alone", figures={Figure.API: 38}), RESULT])
    assert [line for line in told if line.startswith("| release")] == [
        f"| release | n | {Figure.MISSED} | {Figure.HARMED} | {Figure.LAST} |",
        f"| release | n | {Figure.API} |",
    ]
    assert told[-1] == "| a good release, one at a time | 1 | 38 (≤ 40: met) |"


def test_the_machine_is_told_beside_the_figures() -> None:
    """Without it nobody knows what they are worth."""
    first = table.markdown([RESULT, replace(RESULT, busy=0.9, late_ms=8.0, commit="def")])[0]
    assert first == (
        "Commit abc, def. 2 cores, 70% busy in the median release, 90% in the busiest. Requests "
        "were sent up to 5 ms late (99 % of a release's, median release; worst: 8 ms)."
    )


def test_a_result_comes_back_from_json() -> None:
    """A long series is run in pieces."""
    held = json.loads(json.dumps(RESULT.as_json()))
    assert Result.from_json(held) == RESULT


@pytest.mark.parametrize("name", ROWS)
def test_a_rows_goals_are_possible(name: str) -> None:
    """What is a yes or no has the goal no."""
    row = ROWS[name]
    assert row.goals
    assert all(goal == 0 for figure, goal in row.goals.items() if figure in YES_OR_NO)
    assert row.fields()["judge"]["preset"] == row.preset
