"""Comparisons between two measurements: looks at counters, in memory until one is worth telling.

Each look is one question. What it counted goes into the ledger when it holds at least one scrape of
every target; else nothing is kept of it, and the next look counts it again. So a killed operator
loses nothing: the next one goes on from the last measurement's tally and counts what came since.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from davy.analysis import compare, compared, ledger, limits, render, underway
from davy.analysis.answer import NotAnswered
from davy.analysis.compare import Comparison, Outcome
from davy.analysis.compared import Compared, Memory
from davy.analysis.counters import Look, Tally
from davy.analysis.ledger import Served
from davy.analysis.schedule import LONGEST_REST, retry_after
from davy.api.analysis import Metric, RunManifest
from davy.controller.queue import Key

_SHORTEST: Final = timedelta(seconds=0.15)
_LONGEST: Final = timedelta(seconds=5)
_PART: Final = 8
"""Looks in one scrape interval at most, while a scrape is late."""
_SCRAPED: Final = timedelta(seconds=0.1)
"""From a scrape's time, which is its begin, to when its samples can be asked for."""
_UNKNOWN: Final = timedelta(seconds=1)
"""Stands for the scrape interval while scrapes are too few to tell it."""
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
    outcome: Outcome | None = None
    """As it was told last by this process."""
    silent: bool = False
    """It was told that the canary gets no requests."""
    unanswered: bool = False
    """It was told that nobody answers."""
    requests: int = field(init=False)
    """Of the canary, in all."""
    heard_at: datetime = field(init=False)
    """When they rose last."""

    def __post_init__(self) -> None:
        """Count from the memory."""
        self.requests = ledger.summed(self.memory.ledger).canary
        self.heard_at = self.began_at

    def at(self, now: datetime) -> Memory:
        """What the look of this moment goes on from.

        After a clock was set back what was counted last lies ahead of it: counting begins anew.
        """
        self.began_at, self.heard_at = min(self.began_at, now), min(self.heard_at, now)
        if max(self.memory.tally.since, self.memory.newest_at) > now + _AHEAD:
            self.memory = replace(self.memory, tally=Tally(now), newest_at=now)
        return self.memory

    def after(
        self, look: Look | NotAnswered, run: RunManifest, metric: Metric, now: datetime
    ) -> tuple[Compared | None, datetime]:
        """What is to be recorded, None: nothing yet; and when to look again.

        Args:
            look: what came of this watch's tally.
            run: that the metric is of.
            metric: that compares.
            now: the present.
        """
        pause = compared.pause(metric, now - (run.status.started_at or now))
        due = now - self.began_at >= pause
        if isinstance(look, NotAnswered):
            again = now + max(retry_after(limits.of(metric)), min(look.rest, LONGEST_REST))
            if self.unanswered and not due:
                return None, again
            said = render.cut(str(look), render.VALUE_LENGTH)
            return self._told(Compared(None, self.memory, said), now), again
        again = _next(look, now)
        self.memory = _kept(self.memory, look)
        comparison = compare.compared(self.memory.ledger, compared.asked(metric, run.spec))
        silent = self._is_silent(comparison, look, now)
        if not due and not self._is_news(comparison.outcome, silent=silent):
            return None, again
        return self._told(Compared(comparison, self.memory, silent=silent), now), again

    def _is_silent(self, comparison: Comparison, look: Look, now: datetime) -> bool:
        """The canary got no request for some time, and for more than a scrape."""
        if comparison.total.canary > self.requests:
            self.requests, self.heard_at = comparison.total.canary, now
        return now - self.heard_at >= max(compared.EVERY, 2 * (look.scrape_interval or _UNKNOWN))

    def _is_news(self, outcome: Outcome, *, silent: bool) -> bool:
        """It is worth telling at once: the first of all, what is decided, held or let go."""
        if not self.measured or self.unanswered or silent is not self.silent:
            return True
        if outcome is self.outcome:
            return False
        waited = self.outcome in {Outcome.TOO_FEW, Outcome.STABLE_FAILS}
        return waited or outcome in {Outcome.WORSE, Outcome.NOT_WORSE}

    def _told(self, told: Compared, now: datetime) -> Compared:
        """The same; the watch goes on after it."""
        self.began_at, self.measured = now, True
        self.outcome = told.comparison.outcome if told.comparison else None
        self.silent, self.unanswered = told.silent, told.comparison is None
        return told


@dataclass
class Watches:
    """The comparisons of all runs, in memory only."""

    _watches: dict[tuple[Key, str, str], Watch] = field(default_factory=dict)

    def of(self, key: Key, run: RunManifest, metric: str, now: datetime) -> Watch:
        """The comparison of a metric; it goes on from what the run's status says."""
        known = key, str(run.metadata.get("uid", "")), metric
        if known not in self._watches:
            result = underway.result(run.status, metric)
            memory = compared.memory(result, run.status.started_at or now)
            measured = result is not None and bool(result.measurements)
            self._watches[known] = Watch(memory, now, measured)
        return self._watches[known]

    def forget(self, key: Key) -> None:
        """The run is gone, or over."""
        for known in [known for known in self._watches if known[0] == key]:
            del self._watches[known]


def _next(look: Look, now: datetime) -> datetime:
    """When the next scrape is likely to be there: one look for each, right after it."""
    if look.counted_to < now:  # it catches up after a long break
        return now + _SHORTEST
    interval = look.scrape_interval or _UNKNOWN
    soonest = now + min(max(interval / _PART, _SHORTEST), _LONGEST)
    return soonest if look.newest_at is None else max(look.newest_at + interval + _SCRAPED, soonest)


def _kept(memory: Memory, look: Look) -> Memory:
    """The memory with what the look counted, where that is a whole stretch."""
    if look.newest_at is None:
        return memory
    length, fresh = look.newest_at - memory.newest_at, look.fresh
    begins = not memory.ledger and fresh.canary > 0 and fresh.stable > 0
    if not begins and length < (look.scrape_interval or _UNKNOWN) * _WHOLE:
        return memory
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
