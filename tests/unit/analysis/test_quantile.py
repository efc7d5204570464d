"""A limit of latency that is stable's own quantile."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis import compared, comparisons, presets, quantile
from davy.analysis.compare import Outcome
from davy.analysis.compared import Memory
from davy.analysis.counters import Selectors
from davy.analysis.quantile import Histogram
from davy.api import compare_rules
from davy.api.compare import Compare, Judge, Latency, Side
from tests.unit.analysis.test_compared import after, result, told
from tests.unit.analysis.test_comparisons import run_of

NINETY_NINE = Latency(quantile=0.99)
BELOW = tuple(
    (Decimal(bound), requests)
    for bound, requests in (("0.1", 5000.0), ("0.5", 9900.0), ("1", 9990.0), ("Infinity", 10_000.0))
)


@pytest.mark.parametrize(
    ("share", "bound"), [(0.5, "0.1"), (0.51, "0.5"), (0.99, "0.5"), (0.991, "1"), (0.999, "1")]
)
def test_the_limit_is_the_lowest_bound_that_so_many_didnt_exceed(share: float, bound: str) -> None:
    """A bound of the buckets, so that each request is on one side of it."""
    assert quantile.limit(BELOW, share) == Decimal(bound)


@given(
    rises=st.lists(st.integers(0, 5000), min_size=1, max_size=12),
    above=st.integers(0, 3),
    share=st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_the_limit_fits_the_share_or_is_refused(rises: list[int], above: int, share: float) -> None:
    """Below it is the share, below the bound before isn't."""
    sums = [sum(rises[: at + 1]) for at in range(len(rises))]
    below = [(Decimal(at + 1), float(number)) for at, number in enumerate(sums)]
    below.append((Decimal("Infinity"), float(sums[-1] + above)))
    total = below[-1][1]
    try:
        found = quantile.limit(below, share)
    except ValueError:
        assert total < 10 / (1 - share) + 1 or sums[-1] < share * total
        return
    at = below.index((found, dict(below)[found]))
    assert below[at][1] >= share * total
    assert at == 0 or below[at - 1][1] < share * total


@pytest.mark.parametrize(
    ("below", "share", "says"),
    [
        (
            (),
            0.99,
            "about 0 requests in the hour before the run, and .* 0.99 needs 1000",
        ),
        (((Decimal("Infinity"), 999.0),), 0.99, "about 999 requests"),
        (BELOW, 0.9999, "needs 100000"),
        (
            ((Decimal("0.1"), 500.0), (Decimal("Infinity"), 10_000.0)),
            0.9,
            "lies above the last bound of its histogram",
        ),
    ],
)
def test_without_a_limit_it_says_what_to_do(below: Any, share: float, says: str) -> None:
    """I7: nothing is guessed."""
    with pytest.raises(ValueError, match=says) as caught:
        quantile.limit(below, share)
    assert "give latency.slowerThan" in str(caught.value)


def test_a_presets_run_has_all_buckets_until_the_limit_is_known() -> None:
    """Then both sides have the same one; stable's are asked for it."""
    (metric,) = run_of(Judge(preset="app", latency=NINETY_NINE)).metrics
    assert metric.compare is not None
    assert metric.compare.latency == NINETY_NINE
    open_ended = comparisons.sides(metric)
    assert "le=" not in open_ended.canary.good[0]
    assert quantile.histogram(open_ended.stable) == Histogram(open_ended.stable.good, native=False)
    chosen = comparisons.sides(metric, "0.5")
    slow = Latency(slower_than="500ms")
    (written,) = run_of(Judge(preset="app", latency=slow)).metrics
    assert chosen == comparisons.sides(written)


def test_a_native_histogram_gets_its_bound() -> None:
    """Whose series is asked for the limit, too."""
    latency = Latency(quantile=0.9, histogram="native")
    (metric,) = run_of(Judge(preset="app", latency=latency)).metrics
    stable = comparisons.sides(metric).stable
    assert quantile.histogram(stable) == Histogram(stable.requests, native=True)
    chosen = comparisons.sides(metric, "0.25")
    assert (chosen.canary.bound, chosen.stable.bound) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("selector", "narrowed"),
    [
        ("took_bucket", 'took_bucket{le=~"0[.]5"}'),
        ("took_bucket{}", 'took_bucket{le=~"0[.]5"}'),
        ('took_bucket{a="b"} ', 'took_bucket{a="b",le=~"0[.]5"}'),
        ('took_bucket{a="b", }', 'took_bucket{a="b",le=~"0[.]5"}'),
    ],
)
def test_a_limit_is_one_matcher_more(selector: str, narrowed: str) -> None:
    """Of any selector that PromQL reads."""
    found = presets.limited(Selectors(("took_count",), good=(selector,)), Decimal("0.5"))
    assert found.good[0].replace(r"0\\.5", "0[.]5") == narrowed


def test_the_limit_is_kept_with_the_evidence_and_told() -> None:
    """A killed operator goes on with the same one; another would be another question."""
    memory = Memory(told(Outcome.UNDECIDED).memory.tally, told(Outcome.UNDECIDED).memory.newest_at)
    chosen = Memory(memory.tally, memory.newest_at, (), "0.5")
    assert "limit" not in memory.metadata()
    assert chosen.metadata()["limit"] == "0.5"
    answer = told(Outcome.UNDECIDED)
    answer = compared.Compared(answer.comparison, chosen)
    run = after(told(Outcome.UNDECIDED), answer)
    assert compared.memory(result(run), memory.newest_at) == chosen
    (first, last) = result(run).measurements
    assert "limit" not in (first.metadata or {})
    assert "errors are requests above 0.5, stable's quantile before" in (last.message or "")


@pytest.mark.parametrize(
    ("compare", "path", "says"),
    [
        (Compare(preset="app", latency=Latency()), "c.latency", "has neither of slowerThan"),
        (
            Compare(preset="app", latency=Latency(slower_than="1s", quantile=0.9)),
            "c.latency",
            "has both of slowerThan",
        ),
        (
            Compare(
                canary=Side(requests=["a"], good=["b"]),
                stable=Side(requests=["a"], errors=["b"]),
                latency=NINETY_NINE,
            ),
            "c.stable",
            "needs good: all buckets of the histogram, without le",
        ),
        (
            Compare(
                canary=Side(requests=["a"]),
                stable=Side(requests=["a"], bound=0.5),
                latency=Latency(quantile=0.9, histogram="native"),
            ),
            "c.stable.bound",
            "stands beside a quantile, which says it",
        ),
    ],
)
def test_a_quantile_that_cant_be_meant_is_refused(compare: Compare, path: str, says: str) -> None:
    """At the field."""
    found = [*compare_rules.findings(compare, "c")]
    assert [(one.path, says in one.message) for one in found] == [(path, True)]
