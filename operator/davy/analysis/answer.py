"""What a provider's one answer can be: the judge takes it, `metrics` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from davy.analysis.compared import Compared
from davy.analysis.nodata import Missing
from davy.api.analysis import Phase

Value = float | str | None | list["Value"] | dict[str, "Value"]
"""What `result` is in a condition: JSON, with NaN and the infinities as floats."""

HIDDEN: Final = "(not shown: the question carried a secret)"
"""Stands for texts that the other side wrote, and that may hold what was sent there."""
_TEXT: Final = "***"
_LEVELS: Final = 64
"""Of nesting that are told; a status shows fewer."""


@dataclass(frozen=True)
class Answered:
    """The provider answered; what `result` is in a condition."""

    value: Value
    warnings: tuple[str, ...] = ()
    """What the provider itself said against its answer, e.g. that a store is missing in it."""
    secret: bool = False
    """The question carried a secret, and the server may echo it: no text of the value is told."""

    @property
    def shown(self) -> Value:
        """What may be told of the value: numbers, true, false and how much there is."""
        return _without_texts(self.value) if self.secret else self.value


@dataclass(frozen=True)
class NotAnswered:
    """No answer: refused, timed out, 4xx, 5xx, not understood."""

    why: str
    """A sentence in Davy's words, without secrets: what happened, where."""
    said: str = ""
    """What the other side said to it, in its words: it may hold anything that was sent there."""
    rest: timedelta = timedelta()
    """For how long it wants to be left alone; no time: it doesn't say."""

    def __str__(self) -> str:
        return f"{self.why}: {self.said}" if self.said else self.why


Unfinished = Literal[Phase.PENDING, Phase.RUNNING]


@dataclass(frozen=True)
class Underway:
    """No answer yet: the measurement goes on outside Davy, and is looked at again."""

    phase: Unfinished
    """Pending: the Job is named and may not exist. Running: it was there."""
    message: str
    """What it waits for, in Davy's words."""
    metadata: Mapping[str, str]
    """Of the measurement: which Job, or which judgement, it is."""


@dataclass(frozen=True)
class Decided:
    """What was measured has decided by itself, and no condition is asked: a Job, or a judge."""

    phase: Literal[Phase.SUCCESSFUL, Phase.FAILED, Phase.INCONCLUSIVE]
    message: str
    value: str | None = None
    """What the measurement has as its value; None: none."""


@dataclass(frozen=True)
class Held:
    """Nobody was asked, as the answer would be no evidence."""

    missing: Missing
    message: str
    """What is waited for, in Davy's words."""


Answer = Answered | NotAnswered | Underway | Decided | Held | Compared


@dataclass(frozen=True)
class Measured:
    """One question asked: when, and what came back."""

    answer: Answer
    started_at: datetime
    """When the question was sent, UTC: intervals are counted from here."""
    finished_at: datetime
    """When the answer, or the lack of one, was known, UTC."""


def hidden(answer: Answered | NotAnswered) -> Answered | NotAnswered:
    """The answer to a question that carried a secret: judged as it is, told without its texts."""
    if isinstance(answer, NotAnswered):
        return replace(answer, said=HIDDEN if answer.said else "")
    warnings = (f"warnings {HIDDEN}",) if answer.warnings else ()
    return Answered(answer.value, warnings, secret=True)


def _without_texts(value: Value, levels: int = _LEVELS) -> Value:
    if isinstance(value, str) or not levels:
        return _TEXT
    if isinstance(value, list):
        return [_without_texts(item, levels - 1) for item in value]
    if isinstance(value, dict):
        inner = (_without_texts(item, levels - 1) for item in value.values())
        return {f"{_TEXT}{place}": item for place, item in enumerate(inner)}
    return value
