"""The bench of the judge: its traffic has the shares it says, its rules count as theirs do."""

from random import Random

import pytest

from davy.analysis.ledger import Served, summed
from tests.bench_judge import table
from tests.bench_judge.play import scores
from tests.bench_judge.rules import Rule, Watch
from tests.bench_judge.traffic import Noise, Place, ticks


@pytest.mark.parametrize("noise", [Noise.PLAIN, Noise.RETRIES])
def test_both_sides_err_as_often_as_was_said(noise: Noise) -> None:
    """Retries come in bursts, but in all they are as many."""
    place = Place(0.01, 200, 50, noise)
    total = summed([each for seed in range(20) for each in ticks(place, 3, Random(seed))])
    assert total.stable_errors / total.stable == pytest.approx(0.01, rel=0.05)
    assert total.canary_errors / total.canary == pytest.approx(0.03, rel=0.05)
    assert total.canary == pytest.approx(total.stable, rel=0.01)


def test_an_outage_is_of_both_sides() -> None:
    place = Place(0.01, 5000, 50, Noise.OUTAGES)
    for each in ticks(place, 1, Random(1)):
        assert each.canary_errors / each.canary == pytest.approx(
            each.stable_errors / each.stable, rel=0.6
        )


def test_a_rule_aborts_at_the_failure_after_those_it_bears() -> None:
    """Intervals without canary requests are left out."""
    watch = Watch(Rule("", "", 0.01, 10, 1))
    bad, good = Served(5, 100, 2, 100, 0), Served(5, 100, 0, 100, 0)
    quiet = Served(5, 0, 0, 100, 0)
    looks = [bad, good, bad, bad, quiet, quiet, good, good, bad, bad]
    assert [watch.aborts(each) for each in looks] == [*[False] * 9, True]


def test_the_same_seed_tells_the_same() -> None:
    place = Place(0.01, 20, 10, Noise.RETRIES)
    rows = [
        {place: {ratio: scores(place, ratio, 3, 5) for ratio in (1, 2, 5, 50)}} for _ in range(2)
    ]
    first, second = ([*table.markdown(each)] for each in rows)
    assert first == second
    assert first[-1].startswith("| 1 % | 20 | 10 | retries | ")
