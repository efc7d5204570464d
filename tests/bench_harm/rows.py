"""What is played: a row is a kind of release, what is done to it, and what we want of it.

A new row is an entry of `ROWS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.lab import prometheus

RATE: Final = 200.0
"""Requests a second."""
STEPS: Final[tuple[dict[str, Any], ...]] = (
    {"setWeight": 10},
    {"pause": {"duration": "30s"}},
    {"setWeight": 50},
    {"pause": {"duration": "30s"}},
    {"setWeight": 100},
)
PAUSES_SECONDS: Final = 60.0
"""Of the steps above, together."""
SLOW_SECONDS: Final = 0.05
"""A bound of Envoy's histogram and of the demo app's; slower answers are bad in rows of latency."""


class Figure(StrEnum):
    """What is measured; the value is its name in the table. Of each the least is the best."""

    MISSED = "bad release not aborted"
    HARMED = "users harmed"
    STATUS = "s from the first bad answer to the abort in the status"
    SCRAPE = "s from the first scrape that shows one to the abort in the status"
    ZERO = "s from the first bad answer to weight 0 in the route"
    LAST = "s from the first bad answer to the last canary request"
    WEIGHT = "highest canary weight"
    BEFORE_KILL = "aborted before the kill"
    BY_HAND_STATUS = "s from the person's abort to Degraded in the status"
    BY_HAND_ZERO = "s from it to weight 0 in the route"
    BY_HAND_LAST = "s from it to the last canary request"
    ABORTED = "good release aborted"
    FULL = "s from the edit to weight 100 in the route, without the 60 s of pauses"
    OVERHEAD = "s from the edit to Healthy, without the 60 s of pauses"
    API = "API requests, without watches, leases and resync"
    RAISED = "weight raised without evidence"
    SILENT = "didn't say what is missing"
    SAID = "s until it said what is missing"
    BACK = "s from Prometheus' return to Healthy"
    OUTSIDE = "requests that failed outside the canary's own errors"


YES_OR_NO: Final = frozenset(
    {Figure.MISSED, Figure.BEFORE_KILL, Figure.ABORTED, Figure.RAISED, Figure.SILENT}
)
"""Figures that are 1 or 0; the table says of how many releases they are true."""


class Play(StrEnum):
    """What is done; `play` has a function for each."""

    BAD = "a bad release, left to the judge"
    KILL = "a bad release, and the operator is killed"
    BY_HAND = "a good release that a person aborts at 50 %"
    GOOD = "a good release"
    NO_TRAFFIC = "a good release that nobody asks"
    NO_PROMETHEUS = "a good release, and Prometheus stands still"


@dataclass(frozen=True)
class App:
    """What a version of the demo app does."""

    error_rate: float = 0.0
    """Share of its answers that are 500."""
    latency: str = "0"
    """As `app_settings.Latency` reads it."""


@dataclass(frozen=True)
class Row:
    """One kind of release."""

    title: str
    play: Play
    goals: Mapping[Figure, float]
    """The most that we want, of each release."""
    stable: App = App()
    canary: App = App()
    preset: str = "envoy"
    """The judge's."""
    judge: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of it; everything else is a default."""
    strategy: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the canary strategy."""
    kill_after_seconds: float = 0.0
    """From weight 10 in the route to SIGKILL."""
    retries: bool = True
    """Whether the proxy retries by its defaults; else never."""
    at_once: int = 1
    """Releases side by side, each with RATE requests a second."""

    def fields(self) -> dict[str, Any]:
        """Of the canary strategy: the judge with nothing tuned, in place of the analysis."""
        where = {"address": prometheus.URL}
        judge = {"preset": self.preset, "prometheus": where, **self.judge}
        return {"judge": judge, "analysis": None, **self.strategy}


_FIFTH: Final = App(error_rate=0.2)
_GOOD: Final = App(error_rate=0.005)
_ROUTED: Final = {Figure.OUTSIDE: 0}
_QUICK: Final = App(latency="lognormal:0.02:0.2")
_SLOW: Final = App(latency="lognormal:0.1:0.2")
_BY_LATENCY: Final = {"latency": {"slowerThan": "50ms"}}

ROWS: Final[Mapping[str, Row]] = {
    "fifth": Row(
        "20 % of answers 5xx",
        Play.BAD,
        {Figure.MISSED: 0, Figure.HARMED: 12, Figure.LAST: 3, **_ROUTED},
        canary=_FIFTH,
    ),
    "regression": Row(
        "2 % against a baseline of 0.1 %",
        Play.BAD,
        {Figure.MISSED: 0, Figure.HARMED: 20, Figure.WEIGHT: 10, **_ROUTED},
        stable=App(error_rate=0.001),
        canary=App(error_rate=0.02),
    ),
    "total": Row(
        "100 % 5xx",
        Play.BAD,
        {Figure.MISSED: 0, Figure.HARMED: 40, Figure.LAST: 2.5, **_ROUTED},
        canary=App(error_rate=1.0),
    ),
    "budget": Row(
        "100 % 5xx, with a harm budget of 10 requests",
        Play.BAD,
        {Figure.MISSED: 0, Figure.HARMED: 10, **_ROUTED},
        canary=App(error_rate=1.0),
        strategy={"harmBudget": {"requests": 10}},
    ),
    "latency": Row(
        "five times the latency, by Envoy's histogram",
        Play.BAD,
        {Figure.MISSED: 0, Figure.LAST: 5, **_ROUTED},
        stable=_QUICK,
        canary=_SLOW,
        judge=_BY_LATENCY,
    ),
    "latency-app": Row(
        "five times the latency, by the application's histogram",
        Play.BAD,
        {Figure.MISSED: 0, Figure.LAST: 5, **_ROUTED},
        preset="app",
        stable=_QUICK,
        canary=_SLOW,
        judge=_BY_LATENCY,
    ),
    "kill": Row(
        "kill -9 five seconds after weight 10, restart 1 s later (20 % 5xx)",
        Play.KILL,
        {Figure.MISSED: 0, Figure.HARMED: 60, Figure.LAST: 8, **_ROUTED},
        canary=_FIFTH,
        kill_after_seconds=5.0,
    ),
    "kill-early": Row(
        "kill -9 one second after weight 10, restart 1 s later (20 % 5xx)",
        Play.KILL,
        {Figure.MISSED: 0, Figure.HARMED: 60, Figure.LAST: 8, **_ROUTED},
        canary=_FIFTH,
        kill_after_seconds=1.0,
    ),
    "by-hand": Row(
        "a person aborts at 50 %",
        Play.BY_HAND,
        {Figure.BY_HAND_LAST: 0.25, **_ROUTED},
    ),
    "alone": Row(
        "a good release, one at a time",
        Play.GOOD,
        {Figure.ABORTED: 0, Figure.OVERHEAD: 2, Figure.API: 40, **_ROUTED},
        stable=_GOOD,
        canary=_GOOD,
    ),
    "good": Row(
        "a good release, 0.5 % errors on both sides, without the proxy's retries",
        Play.GOOD,
        {Figure.ABORTED: 0, **_ROUTED},
        stable=_GOOD,
        canary=_GOOD,
        retries=False,
        at_once=4,
    ),
    "no-traffic": Row(
        "no traffic",
        Play.NO_TRAFFIC,
        {Figure.RAISED: 0, Figure.SILENT: 0},
        at_once=5,
    ),
    "no-prometheus": Row(
        "Prometheus dead for 60 s",
        Play.NO_PROMETHEUS,
        {Figure.ABORTED: 0, Figure.RAISED: 0, Figure.SILENT: 0, **_ROUTED},
        stable=_GOOD,
        canary=_GOOD,
        at_once=3,
    ),
}
