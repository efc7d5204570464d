"""Threshold rules as Argo Rollouts' and Flagger's users write them, on the canary alone."""

from dataclasses import dataclass
from itertools import product
from typing import Final

from davy.analysis.ledger import NOTHING, Served


@dataclass(frozen=True)
class Rule:
    """Failed when the success rate of an interval is below a limit; so many failures are borne.

    An interval without canary requests is left out, which flatters the rule: in Argo NaN fails the
    condition, in Flagger it is a failed check.
    """

    name: str
    code: str
    """For a table."""
    limit: float
    """Share of errors above which an interval is a failure."""
    interval_seconds: int
    failures: int


def _argo() -> tuple[Rule, ...]:
    grid = product((99, 95), (10, 30, 60), (0, 1, 3))
    return tuple(
        Rule(
            f"Argo {percent} %, {seconds} s, failureLimit {most}",
            f"A{percent}/{seconds}/{most}",
            1 - percent / 100,
            seconds,
            most,
        )
        for percent, seconds, most in grid
    )


RULES: Final = (*_argo(), Rule("Flagger 99 %, 60 s, threshold 5", "F", 0.01, 60, 4))


class Watch:
    """A rule over one release."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._window = NOTHING
        self._failures = 0

    def aborts(self, served: Served) -> bool:
        """Whether the release is aborted after this tick, too."""
        self._window += served
        if self._window.seconds >= self._rule.interval_seconds:
            limit = self._window.canary * self._rule.limit
            self._failures += self._window.canary_errors > limit
            self._window = NOTHING
        return self._failures > self._rule.failures
