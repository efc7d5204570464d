"""The contract of a metric provider: one question, one answer."""

from dataclasses import dataclass
from typing import Protocol

from davy.api.analysis import Metric

Value = float | str | None | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True)
class Answered:
    """The provider answered; what `result` is in a condition."""

    value: Value
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotAnswered:
    """No answer: refused, timed out, 4xx, 5xx, not understood."""

    why: str
    """A sentence without secrets: what happened, where."""


class Provider(Protocol):
    """Asks one kind of source."""

    async def measure(self, metric: Metric) -> Answered | NotAnswered:
        """One answer to a metric whose args are filled in. Never raises but on cancellation."""
