"""Answers as people read them: short, exact where it matters, bounded."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import nodata, render
from davy.api.analysis import Measurement, MetricResult, Phase
from tests.unit.analysis.runs import NOW, a_metric


@pytest.mark.parametrize(
    ("answer", "value", "short"),
    [
        ([0.97], "[0.97]", "0.97"),
        ([0.1 + 0.2], "[0.30000000000000004]", "0.3"),
        ([1.0], "[1]", "1"),
        ([], "[]", "[]"),
        ([1.0, math.nan], "[1,NaN]", "[1,NaN]"),
        (math.inf, "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf"),
        (3, "3", "3"),
        (10**30, "1.000000e+30", "1.000000e+30"),
        (True, "true", "true"),
        (None, "null", "null"),
        ("ok", "ok", "ok"),
        ({"a": [1, "b", None]}, '{"a":[1,"b",null]}', '{"a":[1,"b",null]}'),
    ],
)
def test_answers(answer: Any, value: str, short: str) -> None:
    """The value reads back the same; the short form is for sentences."""
    assert (render.value(answer), render.short(answer)) == (value, short)


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=50) | st.dictionaries(st.text(), inner),
)


@given(ANSWERS)
def test_bounded(answer: Any) -> None:
    """A status stays small, whatever a provider sends."""
    assert len(render.value(answer)) <= render.VALUE_LENGTH
    assert len(render.short(answer)) <= render.SHORT_LENGTH


def test_a_huge_answer_is_cut_early() -> None:
    """A hundred thousand series cost no more than the few that are shown."""
    assert render.value([0.5] * 100_000).endswith("…")
    deep: Any = 1.0
    for _ in range(900):
        deep = [deep]
    assert render.value(deep).endswith("…" + "]" * 64)
    assert render.value({str(key): 1.0 for key in range(100_000)}).endswith("…")


@pytest.mark.parametrize(
    ("answer", "short"),
    [
        ([0.12345678], "0.123457"),
        ([0.5, 0.12345678], "[0.5,0.123457]"),
        ("two\nlines\tand \u200b", "two lines and  "),
        (["two\nlines"], "two lines"),
        ([False, True], "[false,true]"),
        ([[], {}, [{}]], "[[],{},[{}]]"),
        ({"a": 1, "b": [2, "c"]}, '{"a":1,"b":[2,"c"]}'),
        ({"ä": "日"}, '{"ä":"日"}'),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_an_answer_within_a_sentence(answer: Any, short: str) -> None:
    """Six digits, one line, 80 characters."""
    assert render.short(answer) == short


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (["x" * 1020], '["' + "x" * 1020 + '"]'),
        (["x" * 1021], '["' + "x" * 1021 + "…"),
        ([1] * 511, "[" + ",".join(["1"] * 511) + "]"),
        ([1] * 512, "[" + ",".join(["1"] * 511) + ",…"),
        ({"k" * 1018: 1}, '{"' + "k" * 1018 + '":1}'),
        ({"k" * 1019: 1}, '{"' + "k" * 1019 + '":…'),
    ],
    ids=["text", "text+1", "list", "list+1", "map", "map+1"],
)
def test_a_value_has_1024_characters_at_most(answer: Any, value: str) -> None:
    """The rest is cut, with its sign."""
    assert len(value) in {1023, 1024}
    assert render.value(answer) == value


def test_64_levels_are_shown() -> None:
    """Of lists and maps alike; a number doesn't count."""
    lists: Any = 1
    maps: Any = 1
    for _ in range(64):
        lists, maps = [lists], {"a": maps}
    assert render.value(lists) == "[" * 64 + "1" + "]" * 64
    assert render.value([lists]) == "[" * 64 + "…" + "]" * 64
    assert render.value(maps) == '{"a":' * 64 + "1" + "}" * 64
    assert render.value({"a": maps}) == '{"a":' * 64 + "…" + "}" * 64


class Counted(list[Any]):
    """A list that counts who takes its items."""

    taken = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.taken += 1
            yield item


def test_what_is_cut_isnt_looked_at() -> None:
    """A hundred thousand series cost no more than the few that are shown."""
    series = Counted([1] * 100_000)
    assert render.value(series).endswith("1,…")
    assert series.taken < 600


def a_result(*measurements: Measurement, **fields: Any) -> MetricResult:
    """Of the metric error-rate, with these measurements."""
    given = {"name": "error-rate", "phase": Phase.RUNNING, **fields}
    return MetricResult(measurements=list(measurements), **given)


def measured(phase: Phase, message: str, **fields: Any) -> Measurement:
    """At 14:00."""
    return Measurement(phase=phase, message=message, **{"started_at": NOW, **fields})


GOOD = measured(Phase.SUCCESSFUL, "0.01, limit result[0] <= 0.05")
REFUSED = measured(Phase.ERROR, "http://x refused the connection")


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (a_result(REFUSED, error=1, consecutive_error=1), "since 2026-05-04T14:00:00.000Z: {}."),
        (
            a_result(REFUSED, error=3, consecutive_error=2),
            "since 2026-05-04T14:00:00.000Z: {} (error 2 in a row).",
        ),
        (
            a_result(REFUSED.model_copy(update={"metadata": {nodata.SINCE: "noon"}})),
            "since noon: {}.",
        ),
        (a_result(REFUSED.model_copy(update={"started_at": None})), "since the start: {}."),
    ],
    ids=["once", "twice", "marked", "without times"],
)
def test_what_a_metric_without_evidence_waits_for(result: MetricResult, says: str) -> None:
    """I7, I10: since when, what happened, how often; also where another program wrote it."""
    expected = f"Metric error-rate: no evidence {says.format(REFUSED.message)}"
    assert render.waits(result) == expected
    assert f"Metric {render.verdict(result, None)}." == expected


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (
            a_result(GOOD, count=3, failed=1),
            f"error-rate {GOOD.message} (measurement 3, failed 1 of at most 2)",
        ),
        (
            a_result(GOOD, REFUSED, count=3, error=1, phase=Phase.SUCCESSFUL, message="terminated"),
            f"error-rate {GOOD.message} (measurement 3, terminated)",
        ),
        (
            a_result(REFUSED, error=4, phase=Phase.SUCCESSFUL, message="terminated"),
            f"error-rate {REFUSED.message} (measurement 4, terminated)",
        ),
        (
            a_result(GOOD, REFUSED, count=3, error=5, phase=Phase.ERROR, message="5 errors"),
            f"error-rate {REFUSED.message} (measurement 5, 5 errors)",
        ),
        (
            a_result(GOOD, count=3, phase=Phase.SUCCESSFUL),
            f"error-rate {GOOD.message} (measurement 3, failed 0 of at most 2)",
        ),
    ],
    ids=["runs", "terminated in a gap", "never answered", "an error", "of another program"],
)
def test_a_verdict(result: MetricResult, says: str) -> None:
    """I10: the latest with evidence (of an Error, the last), its number, what decided."""
    assert render.verdict(result, a_metric(failure_limit=2)) == says


@pytest.mark.parametrize("limit", [-1, "-1", None], ids=["a number", "a text", "no metric"])
def test_a_verdict_where_any_number_of_failures_is_allowed(limit: int | str | None) -> None:
    """-1 is no number that a person counts to."""
    metric = None if limit is None else a_metric(failure_limit=limit)
    assert render.verdict(a_result(GOOD, count=3, failed=2), metric) == (
        f"error-rate {GOOD.message} (measurement 3, failed 2, any number allowed)"
    )
