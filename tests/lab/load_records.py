"""What the load generator saw: a record for every request, and questions to ask of many.

Pure, so that the accounting on which every traffic test stands is itself tested without traffic.
"""

import bisect
import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from tests.lab import binomial

SERVER_ERROR: Final = 500


class MadeBy(StrEnum):
    """Who made the answer."""

    APP = "app"
    """The demo app: its mark is on it, whatever the status."""

    PROXY = "proxy"
    """Somebody on the way: no route, no healthy pod, a refused connection."""

    NONE = "none"
    """Nobody: the connection failed or the time was up."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request and what came of it."""

    number: int
    """From 0, in the order they were due; none is missing."""

    sent_at: datetime
    late_seconds: float
    """How much later than due it was sent: the generator's own fault, never the service's."""

    latency_seconds: float
    """From sending to the answer's last byte, or to giving up."""

    made_by: MadeBy
    status: int | None = None
    """None without an answer."""

    version: str | None = None
    """What the app said it is; None of a proxy's answer and without one."""

    pod: str | None = None
    error: str | None = None
    """Why there is no answer."""

    @property
    def due_at(self) -> datetime:
        """When the schedule wanted it sent."""
        return self.sent_at - timedelta(seconds=self.late_seconds)

    @property
    def ok(self) -> bool:
        """Whether the app answered, with something else than a server error."""
        answered = self.made_by is MadeBy.APP and self.status is not None
        return answered and (self.status or 0) < SERVER_ERROR

    def as_json(self) -> str:
        """One line, as it goes from the generator to the test."""
        return json.dumps(
            [
                self.number,
                self.sent_at.timestamp(),
                round(self.late_seconds, 6),
                round(self.latency_seconds, 6),
                self.made_by,
                self.status,
                self.version,
                self.pod,
                self.error,
            ]
        )

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """The record of a line. Raises ValueError when it isn't one."""
        number, sent, late, latency, made_by, status, version, pod, error = json.loads(line)
        sent_at = datetime.fromtimestamp(sent, UTC)
        return cls(number, sent_at, late, latency, MadeBy(made_by), status, version, pod, error)

    def __str__(self) -> str:
        what = f"{self.made_by} {self.status}" if self.status else f"no answer ({self.error})"
        whose = f" by {self.version} ({self.pod})" if self.version else ""
        took = f"{self.latency_seconds * 1000:.0f} ms"
        return f"#{self.number} {self.sent_at:%H:%M:%S.%f}: {what}{whose} after {took}"


@dataclass(frozen=True)
class Counts:
    """How many requests had which end. `sent == ok + failed`, always."""

    ok: int = 0
    app_errors: int = 0
    """5xx by the app itself."""

    proxy_errors: int = 0
    """Answers the app never saw, whatever their status: a proxy's 404 is a lost request too."""

    unanswered: int = 0

    @property
    def failed(self) -> int:
        """Every request a user would complain about."""
        return self.app_errors + self.proxy_errors + self.unanswered

    @property
    def sent(self) -> int:
        """All of them."""
        return self.ok + self.failed

    def __str__(self) -> str:
        parts = {
            "app errors": self.app_errors,
            "proxy errors": self.proxy_errors,
            "unanswered": self.unanswered,
        }
        why = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
        return f"{self.sent} sent, {self.failed} failed" + (f" ({why})" if why else "")


@dataclass(frozen=True)
class Share:
    """The part of the app's answers that one version gave."""

    version: str
    hits: int
    of: int
    """Answers by the app, of any version: what a proxy answered reached no version."""

    @property
    def value(self) -> float:
        """0-1; 0 when nothing was answered."""
        return self.hits / self.of if self.of else 0.0

    def interval(self, confidence: float = 0.999) -> tuple[float, float]:
        """The exact interval of the true share; see `binomial`."""
        return binomial.interval(self.hits, self.of, confidence)

    def agrees(self, weight: int, confidence: float = 0.999) -> bool:
        """Whether a route at `weight` (0-100) gives such a sample. No sample agrees with none."""
        return self.of > 0 and binomial.agrees(self.hits, self.of, weight / 100, confidence)

    def __str__(self) -> str:
        low, high = self.interval()
        of = f"{self.hits} of {self.of}"
        return f"{self.version}: {self.value:.1%} ({of}; 99.9 %: {low:.1%} to {high:.1%})"


@dataclass
class Window:
    """Requests of a stretch of time, in the order they were sent, and the questions to ask."""

    requests: list[Request] = field(default_factory=list)

    def add(self, request: Request) -> None:
        """Puts a record in its place: answers come in another order than requests went out."""
        bisect.insort(self.requests, request, key=_sent_at)

    def between(self, since: datetime | None = None, until: datetime | None = None) -> "Window":
        """The requests sent from `since` on and before `until`; None is open."""
        first = bisect.bisect_left(self.requests, since, key=_sent_at) if since else 0
        last = bisect.bisect_left(self.requests, until, key=_sent_at) if until else None
        return Window(self.requests[first:last])

    def of(self, version: str) -> "Window":
        """The requests that this version's app answered."""
        return Window([each for each in self.requests if each.version == version])

    def counts(self) -> Counts:
        """How many had which end."""
        ok = sum(each.ok for each in self.requests)
        made = Counter(each.made_by for each in self.requests)
        return Counts(ok, made[MadeBy.APP] - ok, made[MadeBy.PROXY], made[MadeBy.NONE])

    def failed(self, outside: str | None = None) -> tuple[Request, ...]:
        """The requests that failed; `outside` leaves out the errors that version's app made.

        What a proxy answered or nobody did has no version, so it counts whatever `outside` says.
        """
        return tuple(
            each
            for each in self.requests
            if not each.ok and (outside is None or each.version != outside)
        )

    def share(self, version: str) -> Share:
        """The part of the app's answers that this version gave."""
        answered = [each for each in self.requests if each.made_by is MadeBy.APP]
        return Share(version, sum(each.version == version for each in answered), len(answered))

    def versions(self) -> dict[str, Counts]:
        """Each version that answered, by name, with its counts."""
        names = sorted({each.version for each in self.requests if each.version})
        return {name: self.of(name).counts() for name in names}

    def latency(self, quantile: float) -> float:
        """Seconds from *due* to answered that this part (0-1) of all requests stayed within.

        From due, not from sent: a generator held up by a slow service must not flatter it.
        """
        return at_quantile(
            [each.late_seconds + each.latency_seconds for each in self.requests], quantile
        )

    def lateness(self, quantile: float) -> float:
        """Seconds the generator itself was late: when it is large, judge nothing by this run."""
        return at_quantile([each.late_seconds for each in self.requests], quantile)

    def describe(self) -> str:
        """Counts, versions and the generator's own lateness, in a line."""
        if not self.requests:
            return "no request sent"
        versions = ", ".join(f"{name}: {counts}" for name, counts in self.versions().items())
        late = f"generator late by {self.lateness(0.99) * 1000:.1f} ms (99 %)"
        return "; ".join(part for part in (str(self.counts()), versions, late) if part)

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self.requests)


def _sent_at(request: Request) -> datetime:
    return request.sent_at


def at_quantile(values: Sequence[float], quantile: float) -> float:
    """The smallest value that at least this part (0-1) of all values doesn't exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    rank = math.ceil(quantile * len(ordered))
    return ordered[max(rank, 1) - 1]
