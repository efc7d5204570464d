"""What to expect of a release's steps: many releases played, bad ones and good ones.

Two things are played. Each step alone, with a judge that remembers nothing, as an `analysis` step
with `compare` has it: what does its traffic show? And all steps as one release, whose judge goes on
from step to step, as a rollout's `judge` does.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean
from typing import Final

from davy.analysis.compare import Asked, Outcome
from davy.api.harm_budget import HarmBudget
from davy.rehearsal.budget import LONGEST_SECONDS, Budgeted, budgeted
from davy.rehearsal.play import Leg, Moment, Play, Service, play

MOST: Final = 0.95
"""A step that aborts fewer of the bad releases is too short."""
PERCENT: Final = 100
"""The weight that is all traffic, where a route has no other."""
_POINTS: Final = 120


@dataclass(frozen=True)
class Step:
    """A weight that is held for a time."""

    weight: int
    """From 1 to `whole`."""
    seconds: float | None
    """Above 0; None: until somebody promotes."""
    whole: int = PERCENT
    """The weight that is all traffic."""

    @property
    def share(self) -> float:
        """Of the requests that go to canary."""
        return self.weight / self.whole

    @property
    def played_seconds(self) -> float:
        """So long it is played."""
        return LONGEST_SECONDS if self.seconds is None else self.seconds


@dataclass(frozen=True)
class Spread:
    """A number that differs from release to release."""

    median: float | None
    """None: half of the releases or more never have it."""
    most: float | None
    """Of 95 % of the releases it is no more; None: more than 5 % never have it."""


@dataclass(frozen=True)
class Harm:
    """Canary requests that fail in a bad release."""

    mean: float
    most: float
    """Of 95 % of the releases there are no more."""


@dataclass(frozen=True)
class Expected:
    """What to expect of one step alone."""

    step: Step
    requests: float | None
    """Of canary in the step; None: it is without end."""
    abort_requests: Spread
    """Canary requests until a bad release is aborted, were the step long enough."""
    abort_seconds: Spread
    """The same in time."""
    aborted: float
    """Share of the bad releases that the step aborts."""
    harm: Harm
    """Until the abort, or the end of the step."""
    good_aborted: float
    """Share of the good releases that it aborts."""
    good_passed: float
    """Share of the good releases that are shown not to be worse within it."""
    pass_seconds: Spread
    """How long that takes."""
    aborted_by_end: float
    """Share of the bad releases that were aborted by the end of this step, with all before."""

    @property
    def short(self) -> bool:
        """Its traffic doesn't show what is bad."""
        return self.aborted < MOST


@dataclass(frozen=True)
class Point:
    """All bad releases at one time."""

    seconds: float
    """Since the begin of the release."""
    aborted: float
    """Share of them, up to now."""
    harm: Harm
    """Up to now."""


@dataclass(frozen=True)
class Budget:
    """What a harm budget spares, and what it costs."""

    total_harm: Harm
    """Of a canary that always fails."""
    bad_harm: Harm
    bad_aborted: float
    """Share of the bad releases."""
    longer: Spread
    """Seconds for which the weights of a good release are below their steps'."""
    good_aborted: float


@dataclass(frozen=True)
class Plan:
    """What to expect of a release."""

    steps: tuple[Expected, ...]
    abort_seconds: Spread
    """Of a bad release, over all steps."""
    aborted: float
    harm: Harm
    good_aborted: float
    good_passed: float
    """Share of the good releases that are shown not to be worse at the end of the last step."""
    course: tuple[Point, ...]
    """From the begin to the end, or until all bad releases are aborted and a little longer."""
    budget: Budget | None
    """With a harm budget; None: there is none."""


def plan(
    steps: Sequence[Step],
    service: Service,
    bad: float,
    asked: Asked,
    *,
    plays: int,
    seed: int,
    budget: HarmBudget | None = None,
) -> Plan:
    """What to expect of steps; the same seed expects the same.

    Args:
        steps: at least one.
        service: what is released to.
        bad: share of errors of a bad canary.
        asked: what the judge is to show.
        plays: releases of each kind, from 1.
        seed: of all chance.
        budget: of the rollout, played beside the steps as they are.
    """

    def bads(legs: Sequence[Leg]) -> list[Play]:
        return [play(legs, service, bad, asked, _random(seed, f"bad/{at}")) for at in range(plays)]

    def goods(legs: Sequence[Leg], *, until_passed: bool) -> list[Play]:
        return [
            play(
                legs,
                service,
                service.baseline,
                asked,
                _random(seed, f"good/{at}"),
                until_passed=until_passed,
            )
            for at in range(plays)
        ]

    legs = [Leg(step.share, step.played_seconds) for step in steps]
    bad_ones, good_ones = bads(legs), goods(legs, until_passed=False)
    alone: dict[Step, tuple[list[Play], list[Play]]] = {}
    for step, leg in zip(steps, legs, strict=True):
        if step not in alone:
            longer = Leg(leg.share, max(LONGEST_SECONDS - leg.seconds, 1.0))
            alone[step] = bads([leg, longer]), goods([leg], until_passed=True)
    expected: list[Expected] = []
    end = 0.0
    for step in steps:
        end += step.played_seconds
        expected.append(_expected(step, service, *alone[step], by_end=_aborted(bad_ones, end)))
    return Plan(
        steps=tuple(expected),
        abort_seconds=_spread(one.aborted_seconds for one in bad_ones),
        aborted=_aborted(bad_ones, end),
        harm=_harm(bad_ones, end),
        good_aborted=_aborted(good_ones, end),
        good_passed=_part(good_ones, lambda one: one.outcome is Outcome.NOT_WORSE),
        course=_course(bad_ones, end),
        budget=None
        if budget is None
        else _budget(
            budgeted(
                legs,
                service,
                bad,
                asked,
                budget=budget,
                whole=steps[0].whole,
                chances=lambda kind: (_random(seed, f"{kind}/{at}") for at in range(plays)),
            )
        ),
    )


def _random(seed: int, what: str) -> Random:
    """The same for all steps, so that they differ by what they are and not by chance."""
    return Random(f"{seed}/{what}")  # noqa: S311  chance, no secret


def _expected(
    step: Step, service: Service, bads: Sequence[Play], goods: Sequence[Play], *, by_end: float
) -> Expected:
    length = step.played_seconds
    passed = [one.end.seconds if one.outcome is Outcome.NOT_WORSE else None for one in goods]
    return Expected(
        step=step,
        requests=None if step.seconds is None else service.rate * step.share * step.seconds,
        abort_requests=_spread(_at_abort(one, lambda end: end.requests) for one in bads),
        abort_seconds=_spread(one.aborted_seconds for one in bads),
        aborted=_aborted(bads, length),
        harm=_harm(bads, length),
        good_aborted=_aborted(goods, length),
        good_passed=_part(goods, lambda one: one.outcome is Outcome.NOT_WORSE),
        pass_seconds=_spread(passed),
        aborted_by_end=by_end,
    )


def _at_abort(one: Play, number: Callable[[Moment], float]) -> float | None:
    return number(one.end) if one.outcome is Outcome.WORSE else None


def _part(releases: Sequence[Play], which: Callable[[Play], bool]) -> float:
    return sum(map(which, releases)) / len(releases)


def _aborted(releases: Sequence[Play], seconds: float) -> float:
    """The share that was aborted by then."""
    at = [one.aborted_seconds for one in releases]
    return sum(one is not None and one <= seconds for one in at) / len(at)


def _harm(releases: Sequence[Play], seconds: float) -> Harm:
    return _harm_of([one.harmed(seconds) for one in releases])


def _harm_of(counts: Sequence[int]) -> Harm:
    return Harm(fmean(counts), sorted(counts)[_rank(MOST, len(counts))])


def _budget(found: Budgeted) -> Budget:
    return Budget(
        total_harm=_harm_of([one.harmed for one in found.total_failure]),
        bad_harm=_harm_of([one.harmed for one in found.bad]),
        bad_aborted=fmean(one.aborted for one in found.bad),
        longer=_spread(one.longer for one in found.good),
        good_aborted=fmean(one.aborted for one in found.good),
    )


def _spread(numbers: Iterable[float | None]) -> Spread:
    found = sorted(math.inf if one is None else one for one in numbers)
    median, most = (found[_rank(part, len(found))] for part in (0.5, MOST))
    return Spread(_finite(median), _finite(most))


def _rank(part: float, count: int) -> int:
    """The place, from 0, below or at which so large a part of sorted numbers stands."""
    return math.ceil(part * count) - 1


def _finite(number: float) -> float | None:
    return None if math.isinf(number) else number


def _course(bads: Sequence[Play], end: float) -> tuple[Point, ...]:
    last = max(one.end.seconds for one in bads)
    until = min(end, 1.25 * last)
    times = [until * at / _POINTS for at in range(_POINTS + 1)]
    return tuple(Point(at, _aborted(bads, at), _harm(bads, at)) for at in times)
