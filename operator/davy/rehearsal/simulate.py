"""A release from its manifest, played by the real engine and the real judge on a virtual clock.

It begins with a healthy revision, to which the template of the manifest comes at time 0, which is
midnight: times in messages count from the begin. It is over when the update is promoted, or aborted
and without traffic, or when nothing would happen before a person comes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final

from davy.api.conditions import RolloutPhase
from davy.api.errors import Finding, InvalidObject
from davy.api.status import RolloutStatus
from davy.engine import plan as plans
from davy.engine.decide import decide
from davy.engine.world import Rollout
from davy.rehearsal import answers, latency
from davy.rehearsal.analyses import Analyses, Outage
from davy.rehearsal.answers import Given
from davy.rehearsal.cluster import Cluster
from davy.rehearsal.invented import Invented
from davy.rehearsal.play import Service
from davy.rehearsal.release import Release
from davy.rehearsal.scenario import Scenario

BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST: Final = timedelta(days=7)
"""A release that isn't over then isn't played on."""
_BEFORE: Final = timedelta(hours=1)
"""The first revision comes so long before."""
_PASSES: Final = 100
"""At one moment; more is an engine that never comes to rest."""
_NUMBERS: Final = re.compile(r"\d+")


class End(StrEnum):
    """How a release ended."""

    PROMOTED = "promoted"
    ABORTED = "aborted"
    HELD = "held"
    """It waits for a person, or for evidence that doesn't come."""


@dataclass(frozen=True)
class Moment:
    """One line of the course."""

    seconds: float
    """Since the begin."""
    step: str
    """`2/5`; `-`: it has none."""
    wanted: int | None
    """The canary's weight as it is asked for; None: nothing is asked for yet."""
    served: float
    """The share of the requests that the canary gets from now on."""
    requests: int
    """Of the canary so far."""
    harmed: int
    """Those of them that failed or, where the canary is slower, were slow."""
    metric: str | None
    """Whose measurement it is; None: the rollout itself."""
    said: str


@dataclass(frozen=True)
class Simulation:
    """What became of a release."""

    moments: tuple[Moment, ...]
    end: End
    why: str
    seconds: float
    """From the begin to the end."""
    requests: int
    """Of the canary."""
    harmed: int


@dataclass(frozen=True)
class Circumstances:
    """Where a release is played."""

    service: Service
    slow: float
    """Share of stable's requests that take longer than a latency limit, from 0 to 1."""
    ready_after: timedelta
    """From a pod's creation to when it is ready, above 0."""
    patience: timedelta
    """So long nothing happens until it is said that a person is waited for."""
    seed: int = 1
    given: Mapping[str, Given] = field(default_factory=dict)
    """Answers to metrics that don't compare, by name."""


def simulate(release: Release, scenario: Scenario, around: Circumstances) -> Simulation:
    """What becomes of a release.

    Raises:
        InvalidObject: it can't be played, with everything that is in the way.
    """
    _playable(release, around)
    outage = None
    if scenario.outage is not None:
        undisturbed = _Play(release, replace(scenario, outage=None), around, None).run()
        middle = undisturbed.moments[-1].seconds / 2
        begins = BEGIN + timedelta(seconds=int(middle))
        outage = Outage(begins, begins + scenario.outage)
    return _Play(release, scenario, around, outage).run()


def _playable(release: Release, around: Circumstances) -> None:
    steps = release.spec.strategy.canary.steps or ()
    unknown = [
        Finding(f"spec.strategy.canary.steps[{at}].plugin", "isn't played: who knows what it does")
        for at, step in enumerate(steps)
        if step.plugin is not None
    ]
    if unknown:
        raise InvalidObject(unknown)
    metrics = {path: spec.metrics for path, spec in release.analyses()}
    answers.sure(metrics, around.given)
    latency.sure(metrics, around.service, around.slow)


class _Play:
    """One release under way."""

    def __init__(
        self, release: Release, scenario: Scenario, around: Circumstances, outage: Outage | None
    ) -> None:
        """The first revision is healthy, and the update begins."""
        self._release = release
        self._scenario = scenario
        self._around = around
        self._moments: list[Moment] = []
        self._cluster = _healthy(release, around)
        random = Random(around.seed)  # noqa: S311  chance, no secret
        self._invented = Invented(around.service, around.slow, scenario, BEGIN, random)
        self._analyses = Analyses(release, self._invented, around.given, outage)
        self._shown: tuple[object, ...] = ()
        self._stirred_at = BEGIN
        self._stirred: tuple[object, ...] = ()
        self._timed = True  # time alone changes something
        self._cluster.begin(release.spec, release.canary_hash)

    def run(self) -> Simulation:
        """To the end."""
        now = BEGIN
        while True:
            plan = self._settle(now)
            end = self._end(now)
            if end is not None:
                return self._over(end, now)
            moments = (
                plan.wake_at,
                self._cluster.next_pod_at(now),
                self._analyses.next_at(now),
                self._gives_up_at(now),
                BEGIN + LONGEST,
            )
            upcoming = min(at for at in moments if at is not None and at > now)
            self._invented.pass_to(upcoming, self._share(now))
            now = upcoming

    def _settle(self, now: datetime) -> plans.Plan:
        """Look and pass until nothing changes at this moment; tell what is new."""
        for _ in range(_PASSES):
            for news in self._analyses.measure(now, self._cluster.weight_changed_at):
                self._tell(now, news.metric, news.sentence)
            before = self._cluster.rollout.status
            plan = self._pass(now)
            if not plan.actions and plan.status == before:
                break
        self._show(now)
        self._watch(plan, now)
        return plan

    def _pass(self, now: datetime) -> plans.Plan:
        cluster, runs = self._cluster, self._analyses
        plan = decide(cluster.rollout, cluster.world(runs.observed(), now), now)
        for action in plan.actions:
            cluster.act(action, now)
            runs.act(action, now)
        cluster.write_status(plan.status)
        return plan

    @property
    def _status(self) -> RolloutStatus:
        return self._cluster.rollout.status

    def _share(self, now: datetime) -> float:
        return self._cluster.share(self._release.canary_hash, now)

    def _show(self, now: datetime) -> None:
        """A line where the rollout says something else, apart from numbers."""
        status = self._status
        message = status.message or ""
        shown = (
            status.current_step_index,
            status.traffic and status.traffic.wanted,
            self._share(now),
            status.phase,
            self._apart_from_numbers(message),
        )
        if shown != self._shown:
            self._shown = shown
            self._tell(now, None, message)

    def _apart_from_numbers(self, message: str) -> str:
        """And from what its analyses say, which has lines of its own."""
        for run in self._analyses.observed():
            for said in filter(None, (run.lacks, run.verdict, run.message)):
                message = message.replace(said, "")
        return _NUMBERS.sub("", message)

    def _tell(self, now: datetime, metric: str | None, said: str) -> None:
        status = self._status
        requests, harmed = self._served()
        self._moments.append(
            Moment(
                seconds=(now - BEGIN).total_seconds(),
                step=status.current_step or "-",
                wanted=status.traffic.wanted if status.traffic else None,
                served=self._share(now),
                requests=requests,
                harmed=harmed,
                metric=metric,
                said=said,
            )
        )

    def _served(self) -> tuple[int, int]:
        """Requests of the canary so far, and those that were harmed."""
        sent = self._invented.sent
        harm = sent.slow if self._scenario.slower > 1 else sent.failed
        return harm.canary, harm.canary_errors

    def _end(self, now: datetime) -> End | None:
        status = self._status
        is_stable = status.stable_rs == self._release.canary_hash
        if is_stable and status.phase is RolloutPhase.HEALTHY:
            return End.PROMOTED
        if status.aborted_at is not None and self._share(now) == 0:
            return End.ABORTED
        gives_up_at = self._gives_up_at(now)
        waited = gives_up_at is not None and gives_up_at <= now
        return End.HELD if waited or now >= BEGIN + LONGEST else None

    def _gives_up_at(self, now: datetime) -> datetime | None:
        """When nothing will have happened for too long; None: something will by itself."""
        canary = self._status.canary
        step_run = canary.current_step_analysis_run_status if canary else None
        if self._timed or self._analyses.is_going_on(step_run.name if step_run else None, now):
            return None
        return self._stirred_at + self._around.patience

    def _watch(self, plan: plans.Plan, now: datetime) -> None:
        """Remember whether anything moves."""
        status = self._status
        stirred = (
            status.current_step_index,
            status.traffic,
            status.phase,
            status.pause_conditions,
            status.available_replicas,
            status.stable_rs,
        )
        if stirred != self._stirred:
            self._stirred, self._stirred_at = stirred, now
        self._timed = plan.wake_at is not None or self._cluster.next_pod_at(now) is not None

    def _over(self, end: End, now: datetime) -> Simulation:
        requests, harmed = self._served()
        return Simulation(
            moments=tuple(self._moments),
            end=end,
            why=self._status.message or "",
            seconds=(now - BEGIN).total_seconds(),
            requests=requests,
            harmed=harmed,
        )


def _healthy(release: Release, around: Circumstances) -> Cluster:
    """The cluster with the revision before, healthy.

    Raises:
        InvalidObject: it doesn't come to that.
    """
    spec = release.spec.model_copy(update={"paused": False})
    rollout = Rollout(
        namespace=release.namespace,
        name=release.name,
        uid=release.name,
        generation=1,
        spec=spec,
        status=RolloutStatus(),
        hash=release.stable_hash,
    )
    cluster = Cluster(rollout, around.ready_after)
    now = BEGIN - _BEFORE
    while now < BEGIN:
        plan = decide(cluster.rollout, cluster.world((), now), now)
        for action in plan.actions:
            cluster.act(action, now)
        quiet = not plan.actions and plan.status == cluster.rollout.status
        cluster.write_status(plan.status)
        if quiet:
            if plan.status.phase is RolloutPhase.HEALTHY:
                return cluster
            moments = (plan.wake_at, cluster.next_pod_at(now), BEGIN)
            now = min(at for at in moments if at is not None and at > now)
    message = f"doesn't become healthy before the update: {cluster.rollout.status.message}"
    raise InvalidObject([Finding("spec", message)])
