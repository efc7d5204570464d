"""What a release that is played meets."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Scenario:
    """How the canary answers, and what happens beside it; without more it is as good as stable."""

    name: str
    """As it was asked for."""
    errors: float | None = None
    """Share of the canary's requests that fail, from 0 to 1; None: as many as stable's."""
    slower: float = 1.0
    """The canary's answers take so many times as long as stable's; 1 or more."""
    silent: bool = False
    """Nobody sends a request."""
    outage: timedelta | None = None
    """So long Prometheus doesn't answer, from the middle of the release on; None: it does."""


def slow_share(usual: float, slower: float) -> float:
    """The share of requests beyond a limit, once all take `slower` times as long.

    As for exponential times: P(T > limit) = p becomes P(T > limit / slower) = p ** (1 / slower).
    """
    return float(usual ** (1 / slower))
