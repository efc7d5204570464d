"""Canary against stable: the verdict for each kind of service, traffic and failure."""

from collections.abc import Iterator, Sequence
from random import Random

import pytest

from davy.analysis.compare import Asked, Comparison, Outcome, compared
from davy.analysis.eprocess import WORSE, likelihoods, mixed, pooled
from davy.analysis.ledger import Ledger, Served, appended, read, summed, written
from davy.analysis.view import view

ASKED = Asked()


def binomial(random: Random, requests: int, share: float) -> int:
    return (
        sum(random.random() < share for _ in range(requests))
        if 0 < share < 1
        else int(requests * share)
    )


def seconds(
    number: int,
    *,
    canary: float,
    stable: float,
    weight: float = 0.1,
    rate: int = 200,
    seed: int = 0,
) -> Iterator[Served]:
    """So many seconds of traffic; canary and stable are the shares of errors."""
    random = Random(seed)
    for _ in range(number):
        requests = binomial(random, rate, weight)
        others = rate - requests
        yield Served(
            1.0,
            requests,
            binomial(random, requests, canary),
            others,
            binomial(random, others, stable),
        )


def kept(looks: Sequence[Served]) -> Ledger:
    found: Ledger = ()
    for each in looks:
        found = appended(found, each)
    return found


def decided(looks: Sequence[Served], asked: Asked = ASKED) -> tuple[int | None, int | None]:
    """After how many looks it is worse, and is first not worse; None: never."""
    ledger: Ledger = ()
    passed = None
    for at, each in enumerate(looks, 1):
        ledger = appended(ledger, each)
        outcome = compared(ledger, asked).outcome
        if outcome is Outcome.WORSE:
            return at, passed
        if outcome is Outcome.NOT_WORSE and passed is None:
            passed = at
    return None, passed


def said(*looks: Served, asked: Asked = ASKED) -> Comparison:
    return compared(kept(looks), asked)


@pytest.mark.parametrize("seed", range(20))
def test_a_fifth_of_errors_is_worse_within_a_few_scrapes(seed: int) -> None:
    """Ten users are harmed in the median."""
    worse, _ = decided([*seconds(30, canary=0.2, stable=0.005, seed=seed)])
    assert worse is not None
    assert worse <= 6


@pytest.mark.parametrize("seed", range(10))
def test_two_percent_against_a_tenth_is_worse_within_half_a_minute(seed: int) -> None:
    worse, passed = decided([*seconds(40, canary=0.02, stable=0.001, seed=seed)])
    assert worse is not None
    assert passed is None


def test_a_good_release_is_never_worse_and_passes() -> None:
    """A service that errs by half a percent, in four minutes; by chance a few need longer."""
    found = [decided([*seconds(240, canary=0.005, stable=0.005, seed=each)]) for each in range(8)]
    assert [worse for worse, _ in found] == [None] * 8
    assert sum(passed is not None for _, passed in found) >= 5


@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5])
def test_a_service_that_never_errs_passes_by_clean_requests(weight: float) -> None:
    """The ratio of nothing to nothing says nothing; a share that nobody minds is excluded."""
    looks = [*seconds(300, canary=0, stable=0, weight=weight)]
    worse, passed = decided(looks)
    assert worse is None
    assert passed is not None
    assert 300 <= summed(looks[:passed]).canary <= 460


def test_clean_enough_is_no_pass_for_a_canary_that_looks_worse() -> None:
    """Four errors of 1600 are less than one in a hundred, but stable errs nine times less."""
    looks = [Served(5, 100, 0, 900, 0), Served(5, 100, 1, 900, 1), *[Served(5, 100, 0, 900, 0)] * 2]
    seen = said(*looks * 4)
    assert seen.outcome is Outcome.UNDECIDED
    assert said(*looks * 4, asked=Asked(tolerate_ratio=10)).outcome is Outcome.NOT_WORSE


def test_total_failure_is_worse_at_once() -> None:
    """Twenty requests, none good, while stable serves: no second interval is waited for."""
    bad = said(Served(1, 20, 20, 180, 1))
    assert bad.outcome is Outcome.WORSE
    assert bad.sentence() == (
        "worse: each of the newest 20 canary requests failed; "
        "canary 20 errors of 20 (100 %), stable 1 error of 180 (0.56 %)"
    )
    assert said(Served(1, 12, 0, 100, 1), Served(1, 19, 19, 180, 1)).outcome is Outcome.TOO_FEW


def test_a_canary_that_never_answered_well_is_worse_sooner() -> None:
    """Ten of ten, in one look; nine may be chance, and so may ten after one that was good."""
    bad = said(Served(0.5, 10, 10, 90, 0))
    assert bad.outcome is Outcome.WORSE
    assert bad.sentence().startswith("worse: each of the newest 10 canary requests failed; ")
    assert said(Served(0.5, 9, 9, 90, 0)).outcome is Outcome.TOO_FEW
    assert said(Served(0.5, 11, 10, 90, 0)).outcome is Outcome.TOO_FEW
    assert said(Served(0.5, 10, 10, 90, 45)).outcome is Outcome.TOO_FEW


def test_total_failure_after_a_good_while_is_worse_at_once() -> None:
    looks = [*seconds(60, canary=0, stable=0), Served(1, 22, 22, 180, 0)]
    assert said(*looks).outcome is Outcome.WORSE


def test_a_total_failure_of_both_sides_holds() -> None:
    """It is not the canary's fault; nothing is passed while users are without service."""
    both = said(*seconds(30, canary=1, stable=1))
    assert both.outcome is Outcome.STABLE_FAILS
    assert both.needs is not None or both.to_pass >= 1
    assert both.sentence().startswith("stable itself fails: ")
    assert "nothing is passed until it recovers" in both.sentence()


def test_stable_fails_no_longer_when_it_recovered_or_has_no_traffic() -> None:
    looks = [*seconds(30, canary=1, stable=1)]
    assert said(*looks, *seconds(60, canary=0, stable=0)).outcome is Outcome.NOT_WORSE
    alone = [*seconds(70, canary=0, stable=0, weight=1)]
    assert said(*looks, *alone).outcome is not Outcome.STABLE_FAILS


@pytest.mark.parametrize("seed", range(5))
def test_an_outage_of_both_sides_is_not_the_canarys_fault(seed: int) -> None:
    """Through a weight change, too, where sums over all of it would blame the canary."""
    looks = [
        *seconds(60, canary=0.005, stable=0.005, weight=0.1, seed=seed),
        *seconds(60, canary=0.4, stable=0.4, weight=0.5, seed=seed),
        *seconds(60, canary=0.005, stable=0.005, weight=0.5, seed=seed),
    ]
    assert decided(looks)[0] is None


@pytest.mark.parametrize("errors", [5, 10, 20])
def test_a_burst_in_one_look_is_never_worse(errors: int) -> None:
    """One client that retries aborts nobody: the evidence must hold without the loudest look."""
    for before in (0, 3, 60):
        looks = [*seconds(before, canary=0, stable=0), Served(1, 25, errors, 175, 0)]
        looks += [*seconds(60, canary=0, stable=0, seed=1)]
        assert decided(looks)[0] is None


def test_five_errors_in_two_looks_are_not_worse() -> None:
    """A client's five attempts, on a canary of one in ten requests."""
    looks = [Served(1, 20, 3, 180, 0), Served(1, 20, 2, 180, 0), *[Served(1, 20, 0, 180, 0)] * 9]
    assert decided(looks)[0] is None


@pytest.mark.parametrize("seed", range(5))
def test_errors_that_come_in_threes_abort_no_good_release(seed: int) -> None:
    random = Random(seed)
    looks = []
    for each in seconds(240, canary=0.002, stable=0.002, seed=seed):
        tripled = [
            min(each.canary, 3 * each.canary_errors),
            min(each.stable, 3 * each.stable_errors),
        ]
        looks.append(Served(1, each.canary, tripled[0], each.stable, tripled[1]))
    random.shuffle(looks)
    assert decided(looks)[0] is None


def test_fifteen_bursts_prove_less_than_as_many_errors_one_by_one() -> None:
    """Of six errors each, twelve on canary and three on stable; the sums are the same."""
    quiet = Served(5, 500, 0, 500, 0)
    mine, theirs = Served(5, 500, 6, 500, 0), Served(5, 500, 0, 500, 6)
    bursts = [each for one in [theirs, *[mine] * 4] * 3 for each in (one, *[quiet] * 4)]
    singles = [Served(5, 500, 1, 500, at % 4 == 0) for at in range(72)] + [quiet] * 3
    together, apart = said(*bursts), said(*singles)
    assert (together.total.canary_errors, together.total.stable_errors) == (72, 18)
    assert together.total == apart.total
    assert apart.outcome is Outcome.WORSE
    assert together.outcome is Outcome.UNDECIDED


@pytest.mark.parametrize("seed", range(5))
def test_a_canary_that_goes_bad_late_is_worse_soon(seed: int) -> None:
    """Its good past doesn't shelter it."""
    good = [*seconds(180, canary=0.005, stable=0.005, seed=seed)]
    bad = [*seconds(30, canary=0.2, stable=0.005, seed=seed + 100)]
    worse, _ = decided(good + bad)
    assert worse is not None
    assert 180 < worse <= 195


@pytest.mark.parametrize(
    ("canary", "outcome"),
    [(0.0, Outcome.NOT_WORSE), (0.002, Outcome.NOT_WORSE), (0.2, Outcome.WORSE)],
)
def test_without_stable_traffic_a_share_of_errors_decides(canary: float, outcome: Outcome) -> None:
    """Weight 100, or everything moved at once."""
    seen = said(*seconds(30, canary=canary, stable=0, weight=1))
    assert seen.outcome is outcome
    assert "stable no requests" in seen.sentence()


def test_at_weight_100_no_more_is_asked_than_stable_did() -> None:
    """A service that always errs by 3 % isn't worse because nobody is left to compare with."""
    looks = [*seconds(60, canary=0.03, stable=0.03, weight=0.5)]
    looks += [*seconds(60, canary=0.03, stable=0, weight=1, seed=1)]
    assert decided(looks)[0] is None
    looks += [*seconds(30, canary=0.3, stable=0, weight=1, seed=2)]
    assert decided(looks)[0] is not None


def test_a_pass_needs_so_many_canary_requests() -> None:
    looks = [*seconds(60, canary=0, stable=0)]
    requests = summed(looks).canary
    assert said(*looks, asked=Asked(least=requests)).outcome is Outcome.NOT_WORSE
    few = said(*looks, asked=Asked(least=requests + 1))
    assert few.outcome is Outcome.TOO_FEW
    assert few.needs is not None
    assert few.needs.requests == 1


def test_nothing_shows_nothing() -> None:
    nothing = compared((), ASKED)
    assert nothing.outcome is Outcome.TOO_FEW
    assert nothing.sentence() == (
        "too few canary requests: canary no requests, stable no requests; "
        "needs about 50 more canary requests, and canary gets none now"
    )
    assert said(Served(0.0)).outcome is Outcome.TOO_FEW
    assert said(*[Served(5.0, 0, 0, 1000, 3)] * 70).outcome is Outcome.TOO_FEW


def test_an_undecided_comparison_says_what_it_needs() -> None:
    seen = said(*[Served(5.0, 100, 0, 900, 1), Served(5.0, 100, 1, 900, 0)] * 3)
    assert seen.outcome is Outcome.UNDECIDED
    assert seen.sentence() == (
        "undecided: canary 3 errors of 600 (0.5 %), stable 3 errors of 5400 (0.056 %); "
        "needs about 32000 more canary requests, about 27 min at the present rate"
    )


@pytest.mark.parametrize(("stable", "early"), [(0, 2), (4, 6), (4, 10)])
def test_what_is_needed_is_about_what_it_takes(stable: int, early: int) -> None:
    """Canary passes when it was said to, if it errs as often as stable does, or nobody does."""
    errs = bool(stable)
    looks = [Served(5, 100, 0, 900, stable), Served(5, 100, errs, 900, stable)] * 60
    _, passed = decided(looks)
    needs = compared(kept(looks[:early]), ASKED).needs
    assert passed is not None
    assert needs is not None
    assert needs.seconds is not None
    assert 5 * early + needs.seconds == pytest.approx(5 * passed, rel=0.15)


def test_a_share_that_nobody_excludes_is_said_to_be_out_of_reach() -> None:
    """At weight 100 from the start, with more errors than are accepted, though not shown yet."""
    seen = said(Served(5, 60, 1, 0, 0))
    assert seen.outcome is Outcome.UNDECIDED
    assert seen.needs is None
    assert "no number of canary requests will decide it" in seen.sentence()


@pytest.mark.parametrize(("canary", "stable"), [(0.005, 0.005), (0.03, 0.005), (0.0, 0.0)])
@pytest.mark.parametrize("rate", [10, 200])
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_the_evidence_does_not_depend_on_how_looks_are_cut(
    canary: float, stable: float, rate: int, weight: float
) -> None:
    """One look of three minutes or 180 of a second: the same, before it is divided by dispersion.

    What varies from block to block is seen by looks that are shorter than the time only: see below.
    """
    fine = [*seconds(180, canary=canary, stable=stable, rate=rate, weight=weight, seed=3)]
    evidence = []
    for size in (1, 5, 15, 60, 180):
        ledger = kept([summed(fine[at : at + size]) for at in range(0, 180, size)])
        seen = view(ledger)
        evidence.append(mixed(likelihoods(pooled(seen.strata), 1.25, WORSE)))
    assert evidence == pytest.approx([evidence[0]] * 5, rel=1e-9)


@pytest.mark.parametrize(("canary", "outcome"), [(0.004, Outcome.NOT_WORSE), (0.03, Outcome.WORSE)])
def test_the_verdict_does_not_depend_on_how_looks_are_cut(canary: float, outcome: Outcome) -> None:
    """Of looks of 1, 5, 15 and 60 s; the evidence is a few times what is enough.

    Longer looks show dispersion less finely: between 1 s and 15 s evidence may differ by a factor
    of two; fewer than five blocks with errors need that of `PLAIN`, about three times as much.
    """
    fine = [*seconds(300, canary=canary, stable=0.005, seed=3)]
    for size in (1, 5, 15, 60):
        ledger = kept([summed(fine[at : at + size]) for at in range(0, 300, size)])
        assert compared(ledger, ASKED).outcome is outcome


def test_a_ledger_that_was_written_and_read_shows_the_same() -> None:
    """A restart between two looks changes nothing."""
    ledger = kept([*seconds(100, canary=0.01, stable=0.005)])
    assert compared(read(written(ledger)), ASKED) == compared(ledger, ASKED)


def test_numbers_that_nobody_expects_are_borne() -> None:
    huge = Served(1, 10**14, 10**13, 10**14, 10**12)
    assert said(huge, huge, huge).outcome is Outcome.WORSE
    assert said(*[Served(0.001, 1, 0, 1, 0)] * 100).sentence()
    for asked in (Asked(accept=0), Asked(alpha=1e-9), Asked(least=0), Asked(abort_ratio=1)):
        for looks in ([huge], [Served(1, 5, 5, 0, 0)] * 3, [Served(1, 0, 0, 9, 9)] * 30):
            assert said(*looks, asked=asked).sentence()
