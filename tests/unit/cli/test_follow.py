"""Following a rollout: a line per change, until it is gone."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from davy.api.errors import Unreachable
from davy.cluster.kinds import Kind
from tests.unit.cli.cluster import FakeCluster, Shell
from tests.unit.cli.manifests import a_paused_rollout, a_rollout

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes between a change and the next."""
    monkeypatch.setattr("davy.cli.access._SETTLE_SECONDS", 0)
    monkeypatch.setattr("davy.cli.access._RETRY_SECONDS", 0)


_GONE = ("DELETED", "rollouts", a_rollout())


class Slow(FakeCluster):
    """A cluster that leaves a moment between two events."""

    async def changes(
        self, kind: Kind, namespace: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, Json], None]:
        """The scripted events, each after the one before was taken in."""
        async for event in super().changes(kind, namespace, resource_version):
            await asyncio.sleep(0.01)
            yield event


def _objects() -> dict[str, list[Json]]:
    return {"rollouts": [a_rollout()], "replicasets": [], "pods": [], "analysisruns": []}


def test_a_line_per_change_until_it_is_deleted(davy: Shell) -> None:
    """Each line has the time and what changed; a deletion ends it with a sentence."""
    cluster = Slow(_objects(), events=[("MODIFIED", "rollouts", a_paused_rollout()), _GONE])
    done = davy(cluster, "get", "ro", "cart", "-w")
    assert [line.split()[1] for line in done.out.splitlines()] == ["Progressing", "Paused"]
    assert (done.code, done.err) == (1, "error: rollout shop/cart was deleted.\n")


def test_a_stream_of_json(davy: Shell) -> None:
    """A document a line."""
    done = davy(Slow(_objects(), events=[_GONE]), "get", "ro", "cart", "-w", "-o", "json")
    assert [json.loads(line)["headline"]["name"] for line in done.out.splitlines()] == ["cart"]


class Flaky(FakeCluster):
    """A cluster whose first three watches break off at once."""

    lost = 0

    async def changes(
        self, kind: Kind, namespace: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, Json], None]:
        """Nothing but an error, three times."""
        if kind.plural == "rollouts" and self.lost < 3:
            self.lost += 1
            raise Unreachable("watch: the API server went away.")
        async for event in super().changes(kind, namespace, resource_version):
            yield event


def test_a_lost_connection_is_taken_up_again(davy: Shell) -> None:
    """The picture stays, and the next list brings it up to date."""
    cluster = Flaky(_objects(), events=[_GONE])
    done = davy(cluster, "get", "ro", "cart", "-w")
    assert (cluster.lost, done.err) == (3, "error: rollout shop/cart was deleted.\n")
