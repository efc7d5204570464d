"""The command line on a real rollout, run as a person runs it."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.rollouts.conftest import OpenShop
from tests.lab.shop import Shop

STEPS = [{"setWeight": 50}, {"pause": {}}, {"setWeight": 100}]


async def _davy(shop: Shop, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and error output of `davy`."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("davy")),
        *arguments,
        "--kubeconfig",
        str(shop.lab.kubeconfig),
        "-n",
        shop.namespace,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_release_is_watched_promoted_aborted_and_retried_by_hand(
    open_shop: OpenShop,
) -> None:
    """get, list, promote, abort, retry: each does what it says, and says what it did."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    code, out, _ = await _davy(shop, "promote", "shop")
    assert code == 1
    await shop.release("v2")
    await shop.until(phase="Paused", weight=50)

    code, out, err = await _davy(shop, "get", "ro", "shop")
    assert (code, err) == (0, "")
    assert "paused at weight 50 until somebody promotes" in out
    assert "shop-" in out
    assert "\x1b[" not in out
    code, out, _ = await _davy(shop, "list", "-o", "json")
    listed: Any = json.loads(out)
    assert "shop" in json.dumps(listed)

    assert (await _davy(shop, "abort", "shop"))[0] == 0
    await shop.until(phase="Degraded", weight=0)
    code, out, _ = await _davy(shop, "get", "ro", "shop")
    assert "aborted at weight 50: by hand" in out
    assert (await _davy(shop, "retry", "shop"))[0] == 0
    await shop.until(phase="Paused", weight=50)
    assert (await _davy(shop, "promote", "shop"))[0] == 0
    await shop.until(phase="Healthy", weight=0)


async def test_promote_full_by_hand(open_shop: OpenShop) -> None:
    """All steps are skipped, with traffic still safe."""
    shop = await open_shop(steps=[{"setWeight": 10}, {"pause": {}}, {"setWeight": 20}])
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=10)
        assert (await _davy(shop, "promote", "shop", "--full"))[0] == 0
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


@pytest.mark.untold("there is none")
async def test_an_unknown_rollout_is_one_sentence(open_shop: OpenShop) -> None:
    """No traceback, exit code 1."""
    shop = await open_shop(steps=STEPS)
    code, _, err = await _davy(shop, "get", "ro", "nobody")
    assert code == 1
    assert "nobody" in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


async def test_an_update_is_paused_resumed_and_undone_by_hand(open_shop: OpenShop) -> None:
    """Pause holds the weight, resume goes on, undo is a rollback to stable; no request is lost."""
    shop = await open_shop(steps=[{"setWeight": 50}, {"pause": {}}, {"pause": {}}])
    await shop.healthy()
    async with shop.load() as load:
        await shop.release("v2")
        await shop.until(phase="Paused", weight=50)
        assert (await _davy(shop, "pause", "shop"))[0] == 0
        await shop.until(phase="Paused", message_has="manually paused")
        code, out, _ = await _davy(shop, "status", "shop", "--timeout", "5s")
        assert (code, out.split()[0]) == (1, "Paused")
        assert (await shop.status())["currentStepIndex"] == 1
        assert (await _davy(shop, "resume", "shop"))[0] == 0
        await shop.until(phase="Paused", message_has="Step 2 of 3: paused")
        assert (await _davy(shop, "promote", "shop"))[0] == 0
        await shop.until(phase="Paused", message_has="Step 3 of 3")
        code, out, _ = await _davy(shop, "undo", "shop")
        assert (code, "it is stable, so all traffic goes to it at once" in out) == (0, True)
        code, out, _ = await _davy(shop, "status", "shop", "--timeout", "60s")
        assert code == 0
        await shop.until(phase="Healthy", weight=0)
    assert load.failed() == ()


async def test_a_restart_by_hand_replaces_every_pod(open_shop: OpenShop) -> None:
    """One after the other, without a lost request; the revision stays the same."""
    shop = await open_shop(steps=STEPS)
    await shop.healthy()
    before = await _pods(shop)
    await asyncio.sleep(1.1)  # pods tell their age in whole seconds
    async with shop.load() as load:
        assert (await _davy(shop, "restart", "shop"))[0] == 0

        async def are_new() -> bool:
            return "restartedAt" in await shop.status()

        await shop.lab.until(are_new, describe="restarted", namespace=shop.namespace)
        assert not before & await _pods(shop)
        await shop.until(phase="Healthy")
    assert load.failed() == ()


async def _pods(shop: Shop) -> set[str]:
    """Uids of the pods that stay."""
    found = await shop.lab.kube.list("pod", namespace=shop.namespace)
    return {pod["metadata"]["uid"] for pod in found if "deletionTimestamp" not in pod["metadata"]}
