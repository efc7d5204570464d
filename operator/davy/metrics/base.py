"""The contract of a metric provider: one question, one answer."""

from typing import Protocol

from davy.analysis.answer import Answered, NotAnswered, Value
from davy.api.analysis import Metric

__all__ = ["Answered", "NotAnswered", "Provider", "Value"]


class Provider(Protocol):
    """Asks one kind of source."""

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """One answer to a metric whose args are filled in. Never raises but on cancellation."""

    async def close(self) -> None:
        """Lets go of connections and threads. No measurement may follow."""
