"""The public face of the condition language: a text and an answer in, a decision out."""

from dataclasses import dataclass

from davy.analysis.answer import Value
from davy.analysis.nodata import Missing


@dataclass(frozen=True)
class Decision:
    """What a condition says of an answer."""

    holds: bool | None
    """None: not decided, because what it reads is missing."""
    missing: Missing | None = None
    why: str = ""
    """What is missing, for people."""
    infinite: bool = False
    """It compared an infinity, and the condition never asks isInf."""
    note: str = ""
    """What a reader should know beside, e.g. that only the first of three series was read."""


def decide(source: str, answer: Value) -> Decision:
    """Whether the condition holds.

    Raises:
        ConditionError: it can't be parsed or evaluated, or is no yes or no.
    """
    raise NotImplementedError


def check(source: str) -> None:
    """Nothing, if the condition can be parsed.

    Raises:
        ConditionError: it can't; with the position.
    """
    raise NotImplementedError
