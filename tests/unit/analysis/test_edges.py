"""Bounds to the last item, and the sentences beside them."""

from davy.analysis import condition, judge, render
from davy.analysis.answer import Answered
from tests.unit.analysis.runs import a_metric


def test_a_text_is_cut_only_when_it_is_too_long() -> None:
    """The sign for the rest counts too."""
    assert render.cut("abcd", 4) == "abcd"
    assert render.cut("abcde", 4) == "abc…"


def test_a_whole_number_is_exact_below_a_trillion_millions() -> None:
    """From 10**18 on it is written as Prometheus writes it."""
    assert render.number(10**18 - 1) == "999999999999999999"
    assert render.number(10**18) == "1.000000e+18"
    assert render.number(-(10**18)) == "-1.000000e+18"


def test_a_range_of_ten_thousand_numbers_is_allowed() -> None:
    """One more is refused (`test_sentences`)."""
    assert condition.decide("len(1..10000) == 10000", None).holds


def test_a_failure_condition_that_isnt_met_is_named() -> None:
    """I10: where it is all that the metric has."""
    metric = a_metric(success_condition=None, failure_condition="result[0] > 0.5")
    judged = judge.measurement(metric, Answered([0.01]), limit=None)
    assert judged.message == "0.01, failure condition result[0] > 0.5"
