"""Releases with a harm budget: what they cost in requests and in time."""

from collections.abc import Iterator
from random import Random
from statistics import fmean

from davy.analysis.compare import Asked
from davy.api.harm_budget import HarmBudget
from davy.rehearsal.budget import Budgeted, budgeted
from davy.rehearsal.play import Leg, Service

LEGS = [Leg(0.1, 30.0), Leg(0.5, 30.0)]
PLAYS = 20


def chances(kind: str) -> Iterator[Random]:
    return (Random(f"{kind}/{at}") for at in range(PLAYS))


def played(budget: HarmBudget, *, rate: float = 200.0, baseline: float = 0.001) -> Budgeted:
    service = Service(rate, baseline, 1.0)
    return budgeted(LEGS, service, 0.2, Asked(), budget=budget, whole=100, chances=chances)


def test_a_total_failure_costs_the_budget_at_most() -> None:
    """On average; chance sends some requests more, or fewer."""
    for requests in (10, 50, 200):
        found = played(HarmBudget(requests=requests)).total_failure
        assert all(one.aborted for one in found)
        assert fmean(one.harmed for one in found) <= requests


def test_a_smaller_budget_harms_fewer_and_takes_longer() -> None:
    small, large = (played(HarmBudget(requests=requests)) for requests in (10, 100))
    harmed = [fmean(one.harmed for one in found.total_failure) for found in (small, large)]
    longer = [fmean(one.longer or 0 for one in found.good) for found in (small, large)]
    assert harmed[0] < harmed[1] / 3
    assert longer[0] > longer[1]
    assert not any(one.aborted for one in small.good)


def test_a_budget_that_allows_all_costs_no_time() -> None:
    """But for the first look, before which nothing is known."""
    found = played(HarmBudget(requests=100_000))
    assert {one.longer for one in found.good} == {1.0}


def test_a_weight_that_is_never_allowed_is_given_up() -> None:
    """A service whose errors nothing tells from a failure, and hardly any traffic."""
    found = played(HarmBudget(share=0.000001), rate=0.01)
    assert {one.longer for one in found.good} == {None}
