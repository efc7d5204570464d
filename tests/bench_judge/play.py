"""Releases that Davy and the rules judge side by side, and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean, median
from typing import Final

from davy.analysis.compare import Asked, Outcome, compared
from davy.analysis.ledger import Ledger, Served, appended
from tests.bench_judge.rules import RULES, Watch
from tests.bench_judge.traffic import TICK_SECONDS, Place, ticks

_ASKED: Final = Asked()


@dataclass(frozen=True)
class End:
    """What a judge made of a release."""

    harmed: int
    """Canary requests that failed until it was aborted, or until the end."""
    aborted_seconds: int | None
    passed_seconds: int | None = None


@dataclass(frozen=True)
class Score:
    """What a judge made of many."""

    aborted: float
    """Share of the releases."""
    harms: tuple[int, ...]
    """Requests harmed in each."""
    abort_seconds: float | None
    """Median of those that it aborted."""
    passed: float = 0.0
    """Share that was passed at some time and not aborted later."""
    pass_seconds: float | None = None

    @property
    def harmed(self) -> float:
        """Requests harmed by a release, on average."""
        return fmean(self.harms)

    @classmethod
    def of(cls, ends: Sequence[End]) -> "Score":
        """The score of some releases."""
        aborted = [end.aborted_seconds for end in ends if end.aborted_seconds is not None]
        passed = [end.passed_seconds for end in ends if end.passed_seconds is not None]
        kept = sum(end.passed_seconds is not None and end.aborted_seconds is None for end in ends)
        return cls(
            len(aborted) / len(ends),
            tuple(end.harmed for end in ends),
            median(aborted) if aborted else None,
            kept / len(ends),
            median(passed) if passed else None,
        )


@dataclass(frozen=True)
class Scores:
    """Davy's score and each rule's, on the same requests."""

    davy: Score
    rules: tuple[Score, ...]


def scores(place: Place, ratio: float, releases: int, seed: int) -> Scores:
    """Of so many releases of a canary that errs so many times as often as stable."""
    davy: list[End] = []
    rules: list[list[End]] = [[] for _ in RULES]
    for number in range(releases):
        random = Random(f"{seed}/{place}/{ratio}/{number}")
        stream = [*ticks(place, ratio, random)]
        davy.append(_by_davy(stream))
        for ends, rule in zip(rules, RULES, strict=True):
            ends.append(_by_rule(stream, Watch(rule)))
    return Scores(Score.of(davy), tuple(Score.of(ends) for ends in rules))


def _by_davy(stream: Sequence[Served]) -> End:
    ledger: Ledger = ()
    harmed = 0
    passed = None
    for at, served in enumerate(stream, 1):
        ledger = appended(ledger, served)
        harmed += served.canary_errors
        outcome = compared(ledger, _ASKED).outcome
        if outcome is Outcome.WORSE:
            return End(harmed, at * TICK_SECONDS, passed)
        if outcome is Outcome.NOT_WORSE and passed is None:
            passed = at * TICK_SECONDS
    return End(harmed, None, passed)


def _by_rule(stream: Sequence[Served], watch: Watch) -> End:
    harmed = 0
    for at, served in enumerate(stream, 1):
        harmed += served.canary_errors
        if watch.aborts(served):
            return End(harmed, at * TICK_SECONDS)
    return End(harmed, None)
