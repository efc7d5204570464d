"""The users of a run: each has a shop, releases version after version, and knows what must come.

What they do they do until it is done: a user whose `kubectl` meets an outage tries again.
"""

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from tests.lab.chaos.history import Json
from tests.lab.chaos.recorder import Recorder
from tests.lab.chaos.routes import HASH
from tests.lab.kube_errors import Conflict, KubeError
from tests.lab.lab import Lab
from tests.lab.shop import NAME, Router, Shop

_T = TypeVar("_T")

REPLICAS: Final = 3
DRAIN_SECONDS: Final = 10
TOO_MANY: Final = 429
_SECOND_TRY: Final = 0.3


class Kind(StrEnum):
    """What a user does with a release."""

    GOOD = "good"
    BAD = "bad"
    ABORTED = "aborted by hand"
    ROLLED_BACK = "rolled back in the middle"
    REPLACED = "replaced in the middle"
    RESUMED = "paused and promoted"


@dataclass
class Release:
    """One release of one shop."""

    namespace: str
    router: Router
    kind: Kind
    version: str
    before: str
    """The version that was stable when it began."""
    began: datetime
    error_rate: float = 0.0
    ended: datetime | None = None
    """When its user saw the outcome; None: never."""
    message: str = ""
    """`status.message` when its user stopped waiting."""

    @property
    def promoted(self) -> bool:
        """Whether its version must be stable at the end."""
        return self.kind in {Kind.GOOD, Kind.RESUMED}


async def insist(action: Callable[[], Awaitable[_T]]) -> _T:
    """What an action gives, once an API server that is away or behind lets it through.

    Raises:
        KubeError: a refusal that no second try can change.
    """
    while True:
        try:
            return await action()
        except Conflict:
            pass
        except KubeError as error:
            if 400 <= error.status < 500 and error.status != TOO_MANY:
                raise
        except (OSError, TimeoutError):
            pass
        await asyncio.sleep(_SECOND_TRY)


async def open_shop(lab: Lab, namespace: str, router: Router) -> Shop:
    """A shop for chaos: quick steps, an analysis that a killed pod's 503s can't fail.

    The analysis asks the app for its errors, as two of the three examples do: the third asks the
    proxy, which would rightly abort a good release whose pods are killed.
    """
    delays = ("scaleDownDelaySeconds", "abortScaleDownDelaySeconds")
    shop = await Shop.open(
        lab,
        namespace,
        router,
        steps=_steps(paused=False),
        canary=dict.fromkeys(delays, DRAIN_SECONDS),
        replicas=REPLICAS,
    )
    (template,) = Shop(lab, namespace, Router.GATEWAY_API, shop.rollout).analysis()
    template["spec"]["metrics"][0] |= {"count": 6, "failureLimit": 2}
    await lab.apply(template, namespace=namespace)
    return shop


class User:
    """One user at work on one shop."""

    def __init__(self, shop: Shop, recorder: Recorder, seed: str, first: int) -> None:
        """Describe; `run` starts it.

        Args:
            shop: healthy at v1.
            recorder: through which outcomes are seen.
            seed: of all its choices.
            first: the kind of release to begin with, by its place among all; >= 0.
        """
        self.releases: list[Release] = []
        self.stable = "v1"
        """The version that was promoted last."""
        self._shop = shop
        self._recorder = recorder
        self._chance = random.Random(seed)
        self._kinds = _kinds(self._chance, first)
        self._next = 2

    async def run(self, stop: asyncio.Event, least: int) -> None:
        """Release after release until stopped, but at least so many."""
        while not stop.is_set() or len(self.releases) < least:
            await self._release(next(self._kinds))

    async def _release(self, kind: Kind) -> None:
        error_rate = round(self._chance.uniform(0.2, 1.0), 2) if kind is Kind.BAD else 0.0
        release = Release(
            self._shop.namespace,
            self._shop.router,
            kind,
            self._new_version(),
            self.stable,
            datetime.now(UTC),
            error_rate,
        )
        self.releases.append(release)
        try:
            await self._apply(release.version, error_rate, paused=kind not in {Kind.GOOD, Kind.BAD})
            await self._see_through(release)
            release.ended = datetime.now(UTC)
        finally:
            release.message = self._status.get("message", "")

    async def _see_through(self, release: Release) -> None:
        match release.kind:
            case Kind.GOOD:
                await self._until_promoted(release.version)
            case Kind.BAD:
                await self._until_aborted(release.version)
            case Kind.ABORTED:
                await self._until_somewhere(release.version, weighted=True)
                await insist(lambda: self._shop.edit_status(abort=True))
                await self._until_aborted(release.version)
            case Kind.ROLLED_BACK:
                await self._until_somewhere(release.version)
                await self._apply(self.stable, 0.0, paused=True)
                await self._until_promoted(self.stable)
            case Kind.REPLACED:
                await self._until_somewhere(release.version)
                following = dataclasses.replace(
                    release, kind=Kind.GOOD, version=self._new_version(), began=datetime.now(UTC)
                )
                self.releases.append(following)
                await self._apply(following.version, 0.0, paused=False)
                await self._until_promoted(following.version)
                following.ended = datetime.now(UTC)
            case Kind.RESUMED:
                await self._recorder.until(lambda: self._waits_for_a_person(release.version))
                await insist(lambda: self._shop.edit_status(pauseConditions=None))
                await self._until_promoted(release.version)

    async def _apply(self, version: str, error_rate: float, *, paused: bool) -> None:
        self._shop.canary["steps"] = _steps(paused=paused)
        await insist(lambda: self._shop.release(version, error_rate))

    async def _until_promoted(self, version: str) -> None:
        await self._recorder.until(lambda: self._is_promoted(version))
        self.stable = version

    async def _until_aborted(self, version: str) -> None:
        await self._recorder.until(lambda: self._is_aborted(version))

    async def _until_somewhere(self, version: str, *, weighted: bool = False) -> None:
        """Until a random point of the way: its pods start, it has some weight, it waits."""
        points = (
            lambda: self._updates(version),
            lambda: self._updates(version) and self._weight() > 0,
            lambda: self._waits_for_a_person(version),
        )
        await self._recorder.until(self._chance.choice(points[weighted:]))

    @property
    def _rollout(self) -> Json:
        return self._recorder.find(self._shop.namespace, "rollouts", NAME) or {}

    @property
    def _status(self) -> Json:
        found: Json = self._rollout.get("status") or {}
        return found

    def _weight(self) -> int:
        return (self._status.get("traffic") or {}).get("written") or 0

    def _is_promoted(self, version: str) -> bool:
        status = self._status
        return (
            status.get("phase") == "Healthy"
            and status.get("stableRS") == status.get("currentPodHash") == self._hash(version)
            and self._weight() == 0
        )

    def _is_aborted(self, version: str) -> bool:
        status = self._status
        return (
            bool(status.get("abort"))
            and status.get("currentPodHash") == self._hash(version)
            and (status.get("traffic") or {}).get("verified") == 0
            and (status.get("traffic") or {}).get("written") == 0
        )

    def _updates(self, version: str) -> bool:
        status = self._status
        return status.get("currentPodHash") == self._hash(version) != status.get("stableRS")

    def _waits_for_a_person(self, version: str) -> bool:
        status = self._status
        last = len(_steps(paused=True)) - 2
        return (
            self._updates(version)
            and status.get("currentStepIndex") == last
            and bool(status.get("pauseConditions"))
        )

    def _hash(self, version: str) -> str:
        """The hash of a version's ReplicaSet; empty before there is one."""
        for found in self._recorder.all(self._shop.namespace, "replicasets"):
            if version_of(found["spec"]["template"]) == version:
                return str(found["metadata"]["labels"][HASH])
        return ""

    def _new_version(self) -> str:
        version, self._next = f"v{self._next}", self._next + 1
        return version


def version_of(template: Json) -> str:
    """The version of the demo app in a pod template."""
    environment = template["spec"]["containers"][0].get("env", ())
    return next((each["value"] for each in environment if each["name"] == "VERSION"), "")


def _kinds(chance: random.Random, first: int) -> Iterator[Kind]:
    """All kinds, again and again: the first time in order from the `first` on, then shuffled."""
    kinds = list(Kind)
    first %= len(kinds)
    yield from (*kinds[first:], *kinds[:first])
    while True:
        chance.shuffle(kinds)
        yield from kinds


def _steps(*, paused: bool) -> list[Json]:
    """A release of about 20 s; with `paused` a person must let it through before its last step."""
    analysis: dict[str, Any] = {
        "templates": [{"templateName": "error-rate"}],
        "args": [
            {"name": "prometheus", "value": "http://prometheus.monitoring:9090"},
            {"name": "canary-hash", "valueFrom": {"podTemplateHashValue": "Latest"}},
        ],
    }
    return [
        {"setWeight": 33},
        {"pause": {"duration": "2s"}},
        {"analysis": analysis},
        {"setWeight": 66},
        {"pause": {} if paused else {"duration": "1s"}},
        {"setWeight": 100},
    ]
