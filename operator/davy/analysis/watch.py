"""A comparison between two measurements: looks at counters, kept until one is worth telling.

Each look is one question. What it counted goes into the ledger when it holds at least one scrape of
every target; else nothing is kept of it, and the next look counts it again. So whoever is killed
loses nothing: the next one goes on from the last measurement's tally and counts what came since.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from davy.analysis import compare, compared, ledger, limits, render, underway
from davy.analysis.answer import NotAnswered
from davy.analysis.budget import Allowance, allowance
from davy.analysis.compare import Comparison, Outcome
from davy.analysis.compared import Compared, Memory
from davy.analysis.counters import Look, Tally
from davy.analysis.ledger import Served
from davy.analysis.schedule import LONGEST_REST, retry_after
from davy.analysis.warmup import Warmup
from davy.api.analysis import Metric, RunManifest
from davy.api.compare import JUDGE
from davy.api.group import HARM_BUDGET
from davy.api.harm_budget import HarmBudget

_SHORTEST: Final = timedelta(seconds=0.15)
_LONGEST: Final = timedelta(seconds=5)
_PART: Final = 8
"""Looks in one scrape interval at most, while a scrape is late."""
_SCRAPED: Final = timedelta(seconds=0.1)
"""From a scrape's time, which is its begin, to when its samples can be asked for."""
_UNKNOWN: Final = timedelta(seconds=1)
"""Stands for the scrape interval while scrapes are too few to tell it."""
_UNSEEN: Final = timedelta(seconds=10)
"""Counters that have no sample at all are looked at again after so long at most."""
_AHEAD: Final = timedelta(seconds=30)
"""Clocks of Prometheus and Davy may differ by so much."""
_WHOLE: Final = 0.9
"""Of a scrape interval; in so long a time nearly every target was scraped."""


@dataclass
class Watch:
    """One comparison between two measurements.

    Args:
        memory: what the last measurement left.
        began_at: when it was told, or this watch began.
    """

    memory: Memory
    began_at: datetime
    measured: bool
    """Something was told of it, by this process or one before."""
    budget: HarmBudget | None = None
    """Of the rollout, where that has one."""
    allowed: float = 0.0
    """Share of all requests that was told to be allowed last."""
    outcome: Outcome | None = None
    """As it was told last by this process."""
    silent: bool = False
    """It was told that the canary gets no requests."""
    warming: bool = False
    """It was told that it warms up."""
    unanswered: bool = False
    """It was told that nobody answers."""
    interval: timedelta | None = None
    """From scrape to scrape, as it was seen last: a look just behind a scrape sees but one."""
    requests: int = field(init=False)
    """Of the canary, in all."""
    heard_at: datetime = field(init=False)
    """When they rose last."""
    counted_at: datetime = field(init=False)
    """Of the newest sample of a stretch that counts."""

    def __post_init__(self) -> None:
        """Count from the memory."""
        self.requests = ledger.summed(self.memory.ledger).canary
        self.heard_at = self.began_at
        self.counted_at = self.memory.newest_at

    @classmethod
    def of(cls, run: RunManifest, metric: str, now: datetime) -> "Watch":
        """The watch of a run's metric; it goes on from what the run's status says."""
        result = underway.result(run.status, metric)
        memory = compared.memory(result, run.status.started_at or now)
        measured = result is not None and bool(result.measurements)
        budget = _budget(run) if metric == JUDGE else None
        return cls(memory, now, measured, budget)

    def at(self, now: datetime) -> Memory:
        """What the look of this moment goes on from.

        After a clock was set back what was counted last lies ahead of it: counting begins anew.
        """
        self.began_at, self.heard_at = min(self.began_at, now), min(self.heard_at, now)
        self.counted_at = min(self.counted_at, now + _AHEAD)
        if max(self.memory.tally.since, self.memory.newest_at) > now + _AHEAD:
            self.memory = replace(self.memory, tally=Tally(now), newest_at=now)
        return self.memory

    def after(
        self,
        look: Look | NotAnswered,
        run: RunManifest,
        metric: Metric,
        now: datetime,
        warm: Warmup | None = None,
    ) -> tuple[Compared | None, datetime]:
        """What is to be recorded, None: nothing yet; and when to look again.

        Args:
            look: what came of this watch's tally.
            run: that the metric is of.
            metric: that compares.
            now: the present.
            warm: the metric's latest warm-up, whose requests don't count; None: it has none.
        """
        pause = compared.pause(metric, now - (run.status.started_at or now))
        due = now - self.began_at >= pause
        if isinstance(look, NotAnswered):
            again = now + max(retry_after(limits.of(metric)), min(look.rest, LONGEST_REST))
            if self.unanswered and not due:
                return None, again
            said = render.cut(str(look), render.VALUE_LENGTH)
            return self._told(Compared(None, self.memory, said), now), again
        self.interval = look.scrape_interval or self.interval
        look = replace(look, scrape_interval=self.interval)
        again = _next(look, now, now - (run.status.started_at or now))
        before, self.memory = self.memory, _kept(self.memory, look, warm)
        if self.memory.ledger is not before.ledger:
            self.counted_at = self.memory.newest_at
        comparison = compare.compared(self.memory.ledger, compared.asked(metric, run.spec))
        found = self._seen(comparison, look, now, warm)
        if not due and not self._is_news(found):
            return None, again
        return self._told(found, now), again

    def _seen(
        self, comparison: Comparison, look: Look, now: datetime, warm: Warmup | None
    ) -> Compared:
        """The comparison with what else is known of its requests.

        It warms up until something after that time was counted, or nothing comes any more.
        """
        warming = warm is not None and self.counted_at <= warm.ends_at
        if warm is not None and warming:
            self.heard_at = max(self.heard_at, min(now, warm.ends_at))
        silent = self._is_silent(comparison, look, now)
        warms = warm.said() if warm is not None and warming and not silent else ""
        allowed = self._allowance(comparison, look)
        return Compared(comparison, self.memory, silent=silent, warms=warms, allowance=allowed)

    def _allowance(self, comparison: Comparison, look: Look) -> Allowance | None:
        if self.budget is None or look.scrape_interval is None:
            return None
        return allowance(comparison, look.scrape_interval.total_seconds(), self.budget)

    def _is_silent(self, comparison: Comparison, look: Look, now: datetime) -> bool:
        """The canary got no request for some time, and for more than a scrape."""
        if comparison.total.canary > self.requests:
            self.requests, self.heard_at = comparison.total.canary, now
        return now - self.heard_at >= max(compared.EVERY, 2 * (look.scrape_interval or _UNKNOWN))

    def _is_news(self, found: Compared) -> bool:
        """It is worth telling at once: the first of all, what is decided, held, allowed, let go."""
        if not self.measured or self.unanswered or found.silent is not self.silent:
            return True
        outcome = found.comparison and found.comparison.outcome
        if bool(found.warms) is not self.warming:
            return True
        if found.allowance and self._moves(found.allowance.share):
            return True
        if outcome is self.outcome:
            return False
        waited = self.outcome in {Outcome.TOO_FEW, Outcome.STABLE_FAILS}
        return waited or outcome in {Outcome.WORSE, Outcome.NOT_WORSE}

    def _moves(self, share: float) -> bool:
        """The budget allows twice as much as was told, or all, or half of it."""
        grown = share > self.allowed and share >= min(1.0, 2 * self.allowed)
        return grown or (share < self.allowed and 2 * share <= self.allowed)

    def _told(self, told: Compared, now: datetime) -> Compared:
        """The same; the watch goes on after it."""
        self.began_at, self.measured = now, True
        self.outcome = told.comparison.outcome if told.comparison else None
        self.silent, self.unanswered = told.silent, told.comparison is None
        self.allowed = told.allowance.share if told.allowance else self.allowed
        self.warming = bool(told.warms)
        return told


def _budget(run: RunManifest) -> HarmBudget | None:
    """Of the rollout that the run was made for; None: it has none, or none that can be read."""
    try:
        return HarmBudget.model_validate_json(run.metadata["annotations"][HARM_BUDGET])
    except (KeyError, TypeError, ValidationError):
        return None


def _next(look: Look, now: datetime, age: timedelta) -> datetime:
    """When the next scrape is likely to be there: one look for each, right after it.

    Who waits for a first one asks often at the run's begin, and seldom when none has come.
    """
    if look.counted_to < now:  # it catches up after a long break
        return now + _SHORTEST
    if look.newest_at is None and look.scrape_interval is None:
        return now + min(max(age / _PART, _SHORTEST), _UNSEEN)
    interval = look.scrape_interval or _UNKNOWN
    soonest = now + min(max(interval / _PART, _SHORTEST), _LONGEST)
    return soonest if look.newest_at is None else max(look.newest_at + interval + _SCRAPED, soonest)


def _kept(memory: Memory, look: Look, warm: Warmup | None) -> Memory:
    """The memory with what the look counted, where that is a whole stretch.

    What holds some of a warm-up is told, so that it isn't counted again, and is no evidence.
    """
    if look.newest_at is None:
        return memory
    length, fresh = look.newest_at - memory.newest_at, look.fresh
    begins = not memory.ledger and fresh.canary > 0 and fresh.stable > 0
    if not begins and length < (look.scrape_interval or _UNKNOWN) * _WHOLE:
        return memory
    if warm is not None and warm.covers(memory.newest_at, look.newest_at):
        return replace(memory, tally=look.tally, newest_at=look.newest_at)
    served = Served(
        max(length.total_seconds(), 0.0),
        fresh.canary,
        fresh.canary_errors,
        fresh.stable,
        fresh.stable_errors,
    )
    return replace(
        memory,
        tally=look.tally,
        newest_at=look.newest_at,
        ledger=ledger.appended(memory.ledger, served),
    )
