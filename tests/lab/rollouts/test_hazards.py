"""Argo's hazards that no other file has: H3, H4 and H7, each where its order would show.

H1 and H5 are in `test_faults.py`, H2 and H6 in `test_pods.py`.
"""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from davy.api.fields import parse_instant
from tests.lab import audit
from tests.lab import davy as davy_process
from tests.lab.component import Component
from tests.lab.kube import Json
from tests.lab.rollouts.conftest import OpenShop
from tests.lab.rollouts.test_pods import available
from tests.lab.shop import Shop, now

PAUSED: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]
BEHIND = timedelta(milliseconds=12)
"""Argo loses what comes this soon after a status write of its own."""
PAUSES = 20


async def test_a_skipped_weight_waits_for_its_pods(open_shop: OpenShop) -> None:
    """H3: Argo's `promote` of a step that still scales puts its weight on the pods that are there.

    I2: one of three pods is allowed, and carries 25; the step is passed, the weight comes later.
    """
    steps = [{"setWeight": 25}, {"pause": {}}, {"setWeight": 75}, {"pause": {}}]
    shop = await open_shop(steps=steps)
    await shop.healthy()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "5"}},
    }
    await shop.lab.apply(quota, namespace=shop.namespace)
    async with shop.load(rate=100) as load:
        await shop.release("v2")
        status = await shop.until(phase="Paused", step=1, weight=25)
        await shop.edit_status(pauseConditions=None)
        await shop.until(step=2, message_has="1 of 3 pods of revision 2 are available")
        await shop.edit_status(currentStepIndex=3)
        await shop.until(step=3, message_has="Step 4 of 4: weight held at 25: 1 of 3 pods")
        since = now()
        await load.until(400, since=since)
        assert load.share("v2", since=since).agrees(25)
        assert await shop.weight() == 25
        assert (await available(shop))[status["currentPodHash"]] == 1
        await shop.lab.kube.delete("resourcequota", "few", namespace=shop.namespace)
        await shop.until(step=3, phase="Paused", weight=75)
        since = now()
        await load.until(400, since=since)
        assert load.share("v2", since=since).agrees(75)
    assert load.failed() == ()
    paused = [text for reason, text in await shop.events() if reason == "RolloutPaused"]
    assert paused[-1] == "CanaryPauseStep: step 4 of 4, weight 75"


async def test_a_long_delay_keeps_the_pods_of_an_aborted_canary(
    open_shop: OpenShop, davy: Component
) -> None:
    """H4: Argo takes them at once where the delay is longer than its resync; here all stay.

    So they do through passes that nothing asked for and a new operator, and a retry has them.
    """
    shop = await open_shop(steps=PAUSED, canary={"abortScaleDownDelaySeconds": 3600})
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        canary = (await shop.until(phase="Paused", weight=50))["currentPodHash"]
        begun = now()
        await shop.edit_status(abort=True)
        await shop.until(phase="Degraded", weight=0)
        for number in range(3):
            note = {"metadata": {"annotations": {"example.com/looked-at": str(number)}}}
            await shop.lab.kube.patch(shop.kind, "shop", note, namespace=shop.namespace)
            await load.until(20, since=now())
        await davy.kill()
        await davy.start()
        await load.until(60, since=now())
        assert (await available(shop))[canary] == 2
        found = await shop.lab.kube.get("replicaset", f"shop-{canary}", namespace=shop.namespace)
        assert found["spec"]["replicas"] == 2
        due = parse_instant(found["metadata"]["annotations"]["scale-down-deadline"])
        assert abs(due - begun - timedelta(hours=1)) < timedelta(seconds=10)
        await shop.edit_status(abort=False)
        await shop.until(phase="Paused", weight=50)
        await shop.edit_status(pauseConditions=None)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    assert _scaled_down(shop, f"shop-{canary}") == []


def _scaled_down(shop: Shop, name: str) -> list[int]:
    """Sizes that somebody wrote for a ReplicaSet below the one before."""
    written = audit.read(audit.log(shop.lab.folder), frozenset({shop.namespace}))
    sizes = [
        int(each.answer["spec"]["replicas"])
        for each in written
        if (each.resource, each.name) == ("replicasets", name) and each.applied
        if not each.subresource
    ]
    return [after for before, after in itertools.pairwise(sizes) if after < before]


@pytest.mark.untold("its commands race with Davy's own writes")
async def test_a_command_right_behind_a_status_write_is_not_lost(open_shop: OpenShop) -> None:
    """H7: Argo may lose one that comes within 12 ms of its own write; here each takes effect.

    Twenty pauses are ended as soon as they are written; then an abort, a retry and a new template.
    """
    shop = await open_shop(steps=[{"setWeight": 50}, *[{"pause": {}}] * PAUSES])
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        ends = [Order(_pauses_at(step), {"pauseConditions": None}) for step in range(1, PAUSES)]
        abort = Order(_pauses_at(PAUSES), {"abort": True})
        retry = Order(lambda status: "abortedAt" in status, {"abort": False})
        await _behind_each_write(shop, [*ends, abort, retry])
        await _behind_each_write(shop, [Order(_pauses_at(1), {})])
        await shop.release("v3")
        await shop.until(phase="Paused", step=1, weight=50)
        since = now()
        await load.until(100, since=since)
        assert load.counts("v2", since=since).sent == 0
        await shop.edit_status(promoteFull=True)
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()
    outcomes = [entry["outcome"] for entry in (await shop.status())["history"]]
    assert outcomes == ["FastPromoted", "Superseded", "Aborted", "Promoted"]
    assert min(_behind(shop)) < BEHIND


@dataclass(frozen=True)
class Order:
    """What a user writes into the status as soon as something is so."""

    is_so: Callable[[Json], bool]
    """Of the status."""
    fields: Json


def _pauses_at(step: int) -> Callable[[Json], bool]:
    return lambda status: status.get("currentStepIndex") == step and "pauseConditions" in status


async def _behind_each_write(shop: Shop, orders: list[Order]) -> None:
    """Gives one after the other, each with the watch event that tells of its moment."""
    waiting = deque(orders)
    changes = shop.lab.kube.watch(shop.kind, namespace=shop.namespace)
    async with asyncio.timeout(60), contextlib.aclosing(changes):
        async for _, found in changes:
            if waiting[0].is_so(found.get("status") or {}):
                order = waiting.popleft()
                await shop.edit_status(**order.fields)
                if not waiting:
                    return


def _behind(shop: Shop) -> list[timedelta]:
    """How long after Davy's last status write each of a user's commands came."""
    written = audit.read(audit.log(shop.lab.folder), frozenset({shop.namespace}))
    commands = [each for each in written if each.resource == "rollouts"]
    return [
        after.received_at - before.answered_at
        for before, after in itertools.pairwise(commands)
        if (before.user == davy_process.USER, after.user == davy_process.USER) == (True, False)
    ]
