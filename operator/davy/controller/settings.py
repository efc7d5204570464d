"""Everything about the operator that can be set; under each field its effect, unit and default."""

import enum
from dataclasses import dataclass, field
from datetime import timedelta

from davy.api import group


class LogFormat(enum.Enum):
    """How log lines look."""

    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True)
class QueueSettings:
    """How keys are worked off."""

    workers: int = 16
    """Passes at the same time, of different objects; default 16. They mostly wait for answers."""

    backoff_first: timedelta = timedelta(milliseconds=100)
    """Wait after the first failure of a key; doubles with each further one. Default 0.1 s."""

    backoff_most: timedelta = timedelta(seconds=30)
    """The longest wait after a failure; default 30 s. A longer Retry-After counts more."""

    jitter: float = 0.2
    """Random share of a wait, 0 to 1, so that keys that failed together part; default 0.2."""

    clock_check: timedelta = timedelta(seconds=30)
    """The wall clock is looked at so often, so that a step of it delays nobody; default 30 s."""

    @property
    def share(self) -> int:
        """Passes at the same time in one namespace: half of all, so that no tenant has them all."""
        return max(1, self.workers // 2)


@dataclass(frozen=True)
class ApiSettings:
    """How the API server is spoken to."""

    timeout: timedelta = timedelta(seconds=15)
    """For one request in all; default 15 s."""

    kubeconfig: str | None = None
    """Path of a kubeconfig; default: the pod's service account, else the default kubeconfig."""


@dataclass(frozen=True)
class WatchSettings:
    """How the cache is kept true."""

    resync: timedelta = timedelta(minutes=5)
    """Every kind is listed and compared so often (± a tenth): heals lost events. Default 5 min."""

    retry: timedelta = timedelta(seconds=1)
    """Wait before a kind that couldn't be listed is listed again; default 1 s."""

    dead_after: timedelta = timedelta(seconds=300)
    """A kind without event, list or new watch for so long is a dead watch: /healthz fails.

    Watches are opened anew every 120 s; the default, 300 s, is two that failed."""

    stalled_after: timedelta = timedelta(seconds=30)
    """An event loop that was late by so much fails /healthz; default 30 s."""


@dataclass(frozen=True)
class MeasureSettings:
    """How metric providers are asked."""

    timeout: timedelta = timedelta(seconds=330)
    """A measurement without an answer for so long is given up; default 330 s.

    Above the longest time-out that a metric can set (300 s), which should end it first."""

    per_namespace: int = 8
    """Questions under way at the same time for one namespace; default 8. Others wait."""

    prometheus: str = ""
    """Base URL of the Prometheus that comparisons without a server ask.

    Default "": none, each names its own."""

    job_accounts: tuple[str, ...] = ()
    """Service accounts that Jobs of metrics may run as, `NAMESPACE/NAME`, `*` for all of either.

    Default (): none, and so no Job is made; `metrics/accounts.py` says why."""


@dataclass(frozen=True)
class LeaseSettings:
    """Which of several replicas acts."""

    namespace: str = "davy-system"
    """Of the Lease; default: the pod's own, outside a cluster davy-system."""

    name: str = group.DAVY
    """Of the Lease; default: the API group, as two Davys of different groups both act."""

    duration: timedelta = timedelta(seconds=3)
    """A leader that hasn't renewed for so long is followed by another; default 3 s.

    After a crash the next one acts within this and a tenth of it. Longer for an API server that
    takes seconds to answer: a leader without an answer for five sixths of it stops acting."""

    @property
    def renew_every(self) -> timedelta:
        """From the beginning of one renewal to that of the next."""
        return self.duration / 3

    @property
    def margin(self) -> timedelta:
        """The leader stops so long before another may lead."""
        return self.duration / 6

    @property
    def holds(self) -> timedelta:
        """A renewal holds for so long after it was sent; a later answer is worth nothing."""
        return self.duration - self.margin

    @property
    def poll(self) -> timedelta:
        """A follower looks so often whether the lease was released."""
        return self.duration / 10


@dataclass(frozen=True)
class Settings:
    """The operator's settings."""

    api_group: group.ApiGroup = field(default_factory=group.ApiGroup)
    """Under which group Rollouts are served; default `davy.dev`."""

    namespaces: tuple[str, ...] = ()
    """Namespaces that are served; default (): all."""

    listen: str = "0.0.0.0:8080"  # probes and Prometheus come from outside the pod
    """Address of /healthz, /readyz and /metrics; default 0.0.0.0:8080. Port 0 takes a free one."""

    log_format: LogFormat = LogFormat.TEXT
    """JSON for machines, text for people; default text."""

    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR; default INFO."""

    metric_addresses: tuple[str, ...] = ()
    """Hosts and networks that metrics may call, as `metrics/addresses.py` reads them.

    Default (): everything but the machine's own, link-local and metadata addresses and the API
    server."""

    sigv4_addresses: tuple[str, ...] = ()
    """`[SERVICE=]URL`s that metrics may ask with Davy's own AWS credentials, as
    `metrics/addresses.py` reads them. Default (): none."""

    settle: timedelta = timedelta(seconds=1)
    """A weight that no router can verify counts as in effect after so long; default 1 s.

    Proxies of a mesh take what is written within a few 100 ms; a large mesh may want more."""

    shutdown: timedelta = timedelta(seconds=0.4)
    """On SIGTERM passes may go on for so long; default 0.4 s, so that the next replica leads within
    a second. All they do may be repeated."""

    queue: QueueSettings = field(default_factory=QueueSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    lease: LeaseSettings = field(default_factory=LeaseSettings)
