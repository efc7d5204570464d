"""What a harm budget allows: by hand, and played with canaries that always fail."""

import itertools

import pytest

from davy.analysis.budget import REACTION, Allowance, allowance
from davy.analysis.compare import Asked, Outcome, compared
from davy.analysis.ledger import Ledger, Served, appended
from davy.api.harm_budget import HarmBudget

FIFTY = HarmBudget(requests=50)


def allowed(*served: Served, budget: HarmBudget = FIFTY, scrape: float = 1.0) -> Allowance | None:
    ledger: Ledger = ()
    for one in served:
        ledger = appended(ledger, one)
    return allowance(compared(ledger, Asked()), scrape, budget)


def test_before_the_first_request_nothing_is_known() -> None:
    """No rate, so no weight that is low enough."""
    assert allowed() is None
    assert allowed(Served(1.0)) is None


def test_before_canary_served_anything_it_may_fail_always() -> None:
    """200/s, seen within two scrapes and the reaction: 50 / (200 * 3); then 45 / (200 * 2)."""
    found = allowed(Served(20.0, 0, 0, 4000, 0))
    assert found is not None
    assert found.share == pytest.approx(50 / (200 * (2 + REACTION)))
    small = allowed(Served(20.0, 0, 0, 4000, 0), budget=HarmBudget(requests=8))
    assert small is not None
    assert small.share == pytest.approx(3 / (200 * (1 + REACTION)))  # five errors prove anything


def test_scrapes_that_are_rare_allow_less() -> None:
    """The failure is seen later."""
    shares = [
        found.share
        for scrape in (1.0, 5.0, 15.0, 60.0)
        if (found := allowed(Served(60.0, 0, 0, 12_000, 0), scrape=scrape))
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 20 * shares[-1]


def test_what_was_served_well_allows_more() -> None:
    """Twice the requests without an error, twice the weight, until all is allowed."""
    shares = [
        found.share
        for canary in (0, 20, 40, 80, 160, 400, 2000)
        if (found := allowed(Served(20.0, canary, 0, 4000 - canary, 0)))
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert 1.7 < shares[2] / shares[1] < 2.0


def test_as_many_errors_as_stable_has_cost_nothing() -> None:
    """A service that always errs a little is no reason to go slow for ever."""
    found = allowed(Served(20.0, 2000, 100, 2000, 100))
    assert found == Allowance(1.0, 0)


def test_what_surely_failed_is_spent_and_chance_isnt() -> None:
    """All of a canary that fails always; nothing of a few errors more than stable's."""
    bad = allowed(Served(20.0, 12, 12, 4000, 0))
    assert bad is not None
    assert bad.spent == 12
    unlucky = allowed(Served(20.0, 400, 6, 4000, 40))
    assert unlucky is not None
    assert unlucky.spent == 0


def test_a_budget_that_is_spent_allows_nothing() -> None:
    """As nothing could be seen within it any more."""
    found = allowed(Served(20.0, 60, 60, 4000, 0))
    assert found == Allowance(0.0, 60)


def test_a_share_is_of_all_requests() -> None:
    """1 % of all may fail: 1 % goes to a canary that may always fail, 2 % if half of it may."""
    found = allowed(Served(20.0, 0, 0, 4000, 0), budget=HarmBudget(share=0.01))
    assert found == Allowance(0.01, 0)
    found = allowed(Served(20.0, 4, 0, 4000, 0), budget=HarmBudget(share=0.01))
    assert found is not None
    assert found.share == pytest.approx(0.02)


@pytest.mark.parametrize("rate", [50, 200, 1000])
@pytest.mark.parametrize("requests", [10, 50, 200])
@pytest.mark.parametrize("scrape", [1.0, 5.0])
def test_a_total_failure_costs_no_more_than_the_budget(
    rate: int, requests: int, scrape: float
) -> None:
    """The real judge, at the weight that is allowed before anything is known, rounded down."""
    first = allowed(
        Served(20.0, 0, 0, 20 * rate, 0), budget=HarmBudget(requests=requests), scrape=scrape
    )
    assert first is not None
    weight = int(10_000 * first.share) / 10_000
    assert weight > 0
    ledger: Ledger = (Served(20.0, 0, 0, 20 * rate, 0),)
    per_scrape, sent = rate * scrape * weight, 0.0
    for _ in itertools.count():
        canary = int(sent + per_scrape) - int(sent)
        sent += per_scrape
        ledger = appended(ledger, Served(scrape, canary, canary, int(rate * scrape) - canary, 0))
        if compared(ledger, Asked()).outcome is Outcome.WORSE:
            break
    assert sent + rate * weight * REACTION <= requests + 1
