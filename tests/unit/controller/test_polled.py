"""Measurements that go on elsewhere, as Kayenta's, through the whole operator in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from davy.analysis.answer import Decided, NotAnswered, Underway
from davy.api.analysis import Measurement, Metric, Phase
from davy.cluster.cache import Json
from davy.metrics.kayenta import EXECUTION
from davy.metrics.registry import Registry
from tests.unit.api.documents import KAYENTA
from tests.unit.controller.stage import Stage, playing
from tests.unit.controller.test_measure import a_run, status


@dataclass
class Judge:
    """Begins a judgement a call; says of each what the test put in."""

    begun: int = 0
    looked: list[str] = field(default_factory=list)
    says: Decided | NotAnswered | None = None
    """None: it goes on."""

    async def measure(self, metric: Metric) -> Underway:
        """See `Provider.measure`."""
        del metric
        self.begun += 1
        return self._underway(f"x-{self.begun}")

    async def resume(self, metric: Metric, held: Measurement) -> Underway | Decided | NotAnswered:
        """See `Polled.resume`."""
        del metric
        execution = (held.metadata or {})[EXECUTION]
        self.looked.append(execution)
        return self.says or self._underway(execution)

    async def close(self) -> None:
        """Nothing to close."""

    def _underway(self, execution: str) -> Underway:
        return Underway(Phase.RUNNING, f"judging {execution}", {EXECUTION: execution})


@asynccontextmanager
async def judged_by(judge: Judge, *running: Any) -> AsyncIterator[Stage]:
    """An operator that asks this judge."""
    async with playing(*running) as stage:
        providers = Registry({"kayenta": lambda: judge})
        stage.operator.providers = stage.operator.measurer.providers = providers
        yield stage


JUDGEMENT: Json = {
    "name": "judge",
    "interval": "5m",
    "count": 1,
    "provider": {"kayenta": KAYENTA},
}


def last(stage: Stage) -> Json:
    """The last measurement."""
    found: Json = status(stage)["metricResults"][0]["measurements"][-1]
    return found


async def test_a_judgement_is_begun_once_and_looked_at_until_it_ends() -> None:
    """Its id stands in the status; it is in no counter before it ends."""
    judge = Judge()
    async with judged_by(judge) as stage:
        a_run(stage, JUDGEMENT)
        await stage.turn(1)
        assert (last(stage)["phase"], last(stage)["metadata"]) == ("Running", {EXECUTION: "x-1"})
        assert not status(stage)["metricResults"][0].get("count")
        await stage.turn(60)
        assert judge.begun == 1
        assert set(judge.looked) == {"x-1"}
        assert 8 <= len(judge.looked) <= 60
        judge.says = Decided(Phase.SUCCESSFUL, "score 95", value="95")
        await stage.turn(10)
        assert (status(stage)["phase"], last(stage)["value"]) == ("Successful", "95")
        assert last(stage)["metadata"] == {EXECUTION: "x-1"}


async def test_an_operator_that_is_killed_looks_at_the_same_one() -> None:
    """I6: what was begun is found again, and not begun twice."""
    judge = Judge()
    async with judged_by(judge) as stage:
        a_run(stage, JUDGEMENT)
        await stage.turn(1)
        cluster, clock = stage.cluster, stage.clock
    judge.looked.clear()
    async with judged_by(judge, cluster, clock) as stage:
        await stage.turn(30)
        assert judge.begun == 1
        assert set(judge.looked) == {"x-1"}


async def test_a_judgement_that_is_lost_is_no_evidence() -> None:
    """I7: an Error that counts for nothing; another one is begun."""
    judge = Judge()
    async with judged_by(judge) as stage:
        a_run(stage, JUDGEMENT)
        await stage.turn(1)
        judge.says = NotAnswered("kayenta answered 404")
        await stage.turn(5)
        assert (last(stage)["phase"], last(stage)["message"]) == ("Error", "kayenta answered 404")
        judge.says = None
        await stage.turn(15)
        assert judge.begun == 2
        assert last(stage)["metadata"][EXECUTION] == "x-2"
        judge.says = Decided(Phase.FAILED, "score 10", value="10")
        await stage.turn(15)
        assert status(stage)["phase"] == "Failed"


async def test_a_run_that_is_terminated_leaves_its_judgement() -> None:
    """Kayenta ends it; the measurement is stopped, in no counter."""
    judge = Judge()
    async with judged_by(judge) as stage:
        a_run(stage, JUDGEMENT)
        await stage.turn(1)
        kind = stage.operator.kinds.analysis_run
        stage.cluster.edit(kind, "shop", "run", lambda run: run["spec"].update(terminate=True))
        await stage.turn(5)
        assert status(stage)["phase"] == "Successful"
        assert last(stage)["phase"] == "Inconclusive"
        assert last(stage)["message"] == "stopped, as the run had ended"
        looked = len(judge.looked)
        await stage.turn(60)
        assert len(judge.looked) == looked
