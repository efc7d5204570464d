"""What a release cost, from the account of its requests and of the API server's writes.

Pure: records in, figures out, so that every figure is itself tested without a lab.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.bench_harm.rows import PAUSES_SECONDS, SLOW_SECONDS, Figure
from tests.lab import audit
from tests.lab.audit import Write
from tests.lab.chaos.routes import ALL, weights
from tests.lab.load_records import MadeBy, Request, Window

Figures = dict[Figure, float]
_ROLLOUTS = "rollouts"
_RUNS = "analysisruns"


@dataclass
class Release:
    """Everything that was seen of one release from the edit on, in the order it came."""

    version: str
    asked_at: datetime
    """When the edit was sent."""
    requests: Window = field(default_factory=Window)
    """All of them, from before the edit to the end."""
    writes: Sequence[Write] = ()
    """To the rollout's namespace, refused ones left out."""
    scrapes: Sequence[tuple[datetime, int]] = ()
    """When Prometheus saw errors of the canary that it hadn't seen, and how many by then."""
    by_latency: bool = False
    """Whether a slow answer is the bad one, in place of an error."""

    def is_bad(self, request: Request) -> bool:
        """Whether the release harmed this user."""
        if request.version != self.version:
            return False
        if self.by_latency:
            return request.latency_seconds > SLOW_SECONDS
        return not request.ok

    def first_bad(self) -> datetime | None:
        """When the first user had a bad answer; None: nobody."""
        answered = (_answered_at(each) for each in self.requests if self.is_bad(each))
        return min(answered, default=None)

    def first_shown(self) -> datetime | None:
        """When Prometheus first had an error to show; None: never, or it wasn't asked."""
        return self.scrapes[0][0] if self.scrapes else None

    def last_canary(self) -> datetime | None:
        """When the last request was sent that the new version answered; None: it had none."""
        sent = [each.sent_at for each in self.requests if each.version == self.version]
        return max(sent, default=None)

    def aborted_at(self) -> datetime | None:
        """When the status said so; None: it never did."""
        return self.first_status(lambda write: _status(write).get("abort") is True)

    def healthy_at(self) -> datetime | None:
        """When the status called the new version Healthy; None: it never did."""
        left = self.first_status(lambda write: _status(write).get("phase") != "Healthy")
        if left is None:
            return None
        return self.first_status(lambda write: _status(write)["phase"] == "Healthy", left)

    def weights(self) -> list[tuple[datetime, int]]:
        """Each weight of the canary in the route since the edit, and when it was written."""
        return [(write.answered_at, weight) for write, weight in self.routed()]

    def routed(self) -> list[tuple[Write, int]]:
        """The writes to the route since the edit, and the canary's weight after each."""
        return [
            (write, weights(write.answer)[0][1]) for write in self.since_asked("virtualservices")
        ]

    def zero_at(self) -> datetime | None:
        """When the route went back to weight 0; None: it never did."""
        raised = next((at for at, weight in self.weights() if weight > 0), None)
        if raised is None:
            return None
        return next((at for at, weight in self.weights() if weight == 0 and at > raised), None)

    def since_asked(self, resource: str) -> Iterator[Write]:
        """The writes to a resource since the edit, status included."""
        return (
            write
            for write in self.writes
            if write.resource == resource and write.answered_at >= self.asked_at
        )

    def first_status(
        self, is_so: Callable[[Write], bool], since: datetime | None = None
    ) -> datetime | None:
        """When a status was first written (after `since`) of which that is so; None: never."""
        return next(
            (
                write.answered_at
                for write in self.since_asked(_ROLLOUTS)
                if (since is None or write.answered_at > since) and _status(write) and is_so(write)
            ),
            None,
        )


def bad(release: Release) -> Figures:
    """Of a release that the judge was to abort."""
    since = release.first_bad()
    return {
        Figure.MISSED: float(release.aborted_at() is None),
        Figure.HARMED: sum(release.is_bad(each) for each in release.requests),
        Figure.WEIGHT: max((weight for _, weight in release.weights()), default=0),
        **_seconds(since, Figure.STATUS, release.aborted_at()),
        **_seconds(release.first_shown(), Figure.SCRAPE, release.aborted_at()),
        **_seconds(since, Figure.ZERO, release.zero_at()),
        **_seconds(since, Figure.LAST, release.last_canary()),
        Figure.OUTSIDE: len(unserved(release.requests)),
    }


def by_hand(release: Release, told_at: datetime) -> Figures:
    """Of a release that a person aborted at `told_at`."""
    degraded = release.first_status(
        lambda write: _status(write).get("phase") == "Degraded", told_at
    )
    return {
        **_seconds(told_at, Figure.BY_HAND_STATUS, degraded),
        **_seconds(told_at, Figure.BY_HAND_ZERO, release.zero_at()),
        **_seconds(told_at, Figure.BY_HAND_LAST, release.last_canary()),
        Figure.OUTSIDE: len(unserved(release.requests)),
    }


def good(release: Release) -> Figures:
    """Of a release that was to be promoted."""
    return {
        Figure.ABORTED: float(release.aborted_at() is not None),
        Figure.OUTSIDE: len(unserved(release.requests)),
    }


def overhead(release: Release) -> Figures:
    """How much longer a good release took than its steps say."""
    full = next((at for at, weight in release.weights() if weight == ALL), None)
    since = release.asked_at + timedelta(seconds=PAUSES_SECONDS)
    return {
        **_seconds(since, Figure.FULL, full),
        **_seconds(since, Figure.OVERHEAD, release.healthy_at()),
    }


def raised(release: Release, since: datetime, until: datetime) -> float:
    """1 if any weight above 0 was written between the two, else 0."""
    return float(any(since < at < until and weight > 0 for at, weight in release.weights()))


def unserved(requests: Window) -> list[Request]:
    """Requests that failed though no version of the app made the error."""
    return [each for each in requests if not each.ok and each.made_by is not MadeBy.APP]


def api_requests(
    asked: Iterable[audit.Request], namespace: str, since: datetime, until: datetime
) -> int:
    """What the operator asked for in the release's namespace in that time.

    Watches go on whatever is released; so do leases and the lists of a resync, in no namespace.
    """
    return sum(
        since <= each.at < until and each.verb != "watch" and each.namespace == namespace
        for each in asked
    )


def timeline(release: Release, origin: datetime) -> list[tuple[float, str]]:
    """What was written when, in seconds from `origin`, for whoever asks where the time went."""
    found = [
        *((write, f"route: canary {weight}") for write, weight in release.routed()),
        *((write, f"run: {write.verb}: {_run(write)}") for write in release.since_asked(_RUNS)),
        *(
            (write, f"status: {_told(_status(write))}")
            for write in release.since_asked(_ROLLOUTS)
            if write.subresource == "status"
        ),
    ]
    times = [
        *((write.answered_at, told) for write, told in found),
        *((at, f"scrape: {errors} canary errors") for at, errors in release.scrapes),
    ]
    if last := release.last_canary():
        times.append((last, "last canary request"))
    return [(round((at - origin).total_seconds(), 3), told) for at, told in sorted(times)]


def _seconds(since: datetime | None, name: Figure, until: datetime | None) -> Figures:
    """From the one to the other; nothing where one of them is missing."""
    if since is None or until is None:
        return {}
    return {name: round((until - since).total_seconds(), 3)}


def _answered_at(request: Request) -> datetime:
    return request.sent_at + timedelta(seconds=request.latency_seconds)


def _status(write: Write) -> dict[str, Any]:
    found: dict[str, Any] = write.answer.get("status") or {}
    return found


def _run(write: Write) -> str:
    results = _status(write).get("metricResults") or ()
    measured = [each["measurements"][-1] for each in results if each.get("measurements")]
    said = [f"{each.get('finishedAt')}: {each.get('message', '')}" for each in measured]
    return "; ".join([_status(write).get("phase", "no phase"), *said])


def _told(status: dict[str, Any]) -> str:
    traffic = status.get("traffic") or {}
    split = "/".join(str(traffic.get(name)) for name in ("wanted", "written", "verified"))
    abort = ", abort" if status.get("abort") else ""
    return f"{status.get('phase')}, {split}{abort}: {status.get('message', '')}"
