"""What a provider's one answer can be: the judge takes it, `metrics` makes it."""

from dataclasses import dataclass
from datetime import datetime

Value = float | str | None | list["Value"] | dict[str, "Value"]
"""What `result` is in a condition: JSON, with NaN and the infinities as floats."""


@dataclass(frozen=True)
class Answered:
    """The provider answered; what `result` is in a condition."""

    value: Value
    warnings: tuple[str, ...] = ()
    """What the provider itself said against its answer, e.g. that a store is missing in it."""


@dataclass(frozen=True)
class NotAnswered:
    """No answer: refused, timed out, 4xx, 5xx, not understood."""

    why: str
    """A sentence in Davy's words, without secrets: what happened, where."""
    said: str = ""
    """What the other side said to it, in its words: it may hold anything that was sent there."""

    def __str__(self) -> str:
        return f"{self.why}: {self.said}" if self.said else self.why


@dataclass(frozen=True)
class Measured:
    """One question asked: when, and what came back."""

    answer: Answered | NotAnswered
    started_at: datetime
    """When the question was sent, UTC: intervals are counted from here."""
    finished_at: datetime
    """When the answer, or the lack of one, was known, UTC."""
