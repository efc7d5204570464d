"""The contract of a metric provider: one question, one answer."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from davy.analysis.answer import Answered, Decided, NotAnswered, Underway, Value
from davy.analysis.counters import Look, Sides, Tally
from davy.analysis.quantile import Histogram
from davy.api.analysis import Measurement, Metric

__all__ = ["Answered", "Counting", "NotAnswered", "Polled", "Provider", "Ranking", "Value"]


class Provider(Protocol):
    """Asks one kind of source."""

    async def measure(self, metric: Metric) -> Answered | NotAnswered | Underway:
        """One answer to a metric whose args are filled in. Never raises but on cancellation.

        Underway: it is `Polled`, and begun.
        """

    async def close(self) -> None:
        """Lets go of connections and threads. No measurement may follow."""


@runtime_checkable
class Polled(Protocol):
    """A provider whose measurements go on elsewhere and are looked at until they end."""

    async def resume(self, metric: Metric, held: Measurement) -> Underway | Decided | NotAnswered:
        """How the measurement under way stands. Never raises but on cancellation.

        Args:
            metric: whose args are filled in.
            held: with the metadata that its beginning gave it.
        """


@runtime_checkable
class Counting(Protocol):
    """A provider that has counters, so that canary and stable can be compared."""

    async def look(
        self, metric: Metric, sides: Sides, tally: Tally, now: datetime
    ) -> Look | NotAnswered:
        """What both sides counted and wasn't told yet. Never raises but on cancellation.

        Args:
            metric: whose args are filled in.
            sides: the counters.
            tally: of the look before; used again after a failure, so that nothing is lost.
            now: the present, UTC.
        """


@runtime_checkable
class Ranking(Protocol):
    """A provider that has histograms, so that a limit of latency can be stable's own."""

    async def below(
        self, metric: Metric, histogram: Histogram, at: datetime
    ) -> tuple[tuple[Decimal, float], ...] | NotAnswered:
        """How many requests of the time before were up to each bound, the bounds rising.

        Never raises but on cancellation.

        Args:
            metric: whose args are filled in.
            histogram: of which requests.
            at: the end of the time, which is `quantile.WINDOW` long.
        """
