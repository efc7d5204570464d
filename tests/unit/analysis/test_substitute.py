"""Placeholders in a metric: found, filled in, and told when they can't be."""

from typing import Any

import pytest

from davy.analysis import substitute
from davy.api.analysis import Metric
from tests.unit.analysis.runs import a_metric


def wrong(metric: Metric, **values: str) -> list[str]:
    """What is wrong once these values are filled in."""
    _, found = substitute.filled(metric, values, (), "AnalysisTemplate t")
    return [str(finding) for finding in found]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("{{args.a}} and {{ args.b }}, {{args.a}}", {"a", "b"}),
        ("{{a}} {{ $labels.job }} {args.b} {{arguments.c}}", set()),
        ({"x": ["{{args.a}}", {"y": "{{args.b}}"}], "{{args.c}}": 7}, {"a", "b"}),
        (["{{args.a}}", 1, None, True], {"a"}),
        (7, set()),
    ],
)
def test_the_arguments_that_a_value_asks_for(value: Any, names: set[str]) -> None:
    """In every text, however deep; not in names of fields."""
    assert substitute.names(value) == names


def test_a_text_is_filled_in_as_far_as_is_known() -> None:
    """The rest stays as it stands."""
    text = "{{args.a}}/{{ args.b }}/{{args.c}}/{{d}}"
    assert (
        substitute.replaced(text, {"a": "1", "b": "{{args.c}}"}) == "1/{{args.c}}/{{args.c}}/{{d}}"
    )


def test_each_placeholder_of_a_text_is_looked_at() -> None:
    """After one that is known, too."""
    metric = a_metric("result[0] > {{args.a}} + {{args.b}} + {{c}}")
    where = "AnalysisTemplate t: metrics[error-rate].successCondition"
    assert wrong(metric, a="1") == [
        f"{where}: uses {{{{args.b}}}}; no template declares the argument b",
        f"{where}: has {{{{c}}}}; only {{{{args.NAME}}}} is filled in",
    ]


@pytest.mark.parametrize(
    ("fields", "value", "says"),
    [
        ({"interval": "{{args.a}}"}, "x" * 65, "interval: is 65 characters long; at most 64 fit"),
        (
            {"success": "{{args.a}} > 1"},
            "x" * 2045,
            "successCondition: is 2049 characters long; at most 2048 fit",
        ),
    ],
)
def test_a_metric_must_be_one_once_it_is_filled_in(
    fields: dict[str, Any], value: str, says: str
) -> None:
    """In the words of admission."""
    (told,) = wrong(a_metric(**fields), a=value)
    assert told.startswith(f"AnalysisTemplate t: metrics[error-rate].{says}")


@pytest.mark.parametrize("text", ["3", " 3 ", "+3", "003"])
def test_a_whole_number_may_have_blanks_and_a_sign(text: str) -> None:
    """As people write it."""
    filled, found = substitute.filled(a_metric(count="{{args.a}}"), {"a": text}, (), "t")
    assert found == []
    assert filled is not None
    assert filled.count == 3
