"""`make demo`: a good release and a bad one on real components, under steady load.

Version 1 is deployed; version 2 is good: 10 → 50 → 100, promoted; version 3 answers every fifth
request with an error: aborted at 10. At the end a table says what that cost, request by request.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import yaml
from rich.console import Console

from davy.api.group import ApiGroup
from davy.cli.view import RolloutView, rollout_view
from tests.lab import davy, up
from tests.lab.demo_account import Release, Row, as_json, row
from tests.lab.demo_view import Screen, table
from tests.lab.errors import LabError
from tests.lab.kube import Json
from tests.lab.lab import Lab
from tests.lab.load import Load, LoadError
from tests.lab.shop import Router, Shop, now

RATE: Final = 200.0
"""Requests per second."""
ERRORS: Final = 0.2
"""Of version 3: the part of its answers that are 500."""
PAUSE: Final = "10s"
"""Instead of the example's: the lab's Prometheus scrapes every second, so its window is shorter."""
RELEASE_SECONDS: Final = 180.0
LOOK_SECONDS: Final = 0.1


def main(argv: list[str]) -> int:
    """0 when both releases ended as they should and nobody else was harmed; 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab demo", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there too")
    parser.add_argument("--keep", action="store_true", help="leave the lab up until Ctrl-C")
    options = parser.parse_args(argv)
    console = Console()
    try:
        rows = asyncio.run(_play(console, keep=options.keep))
    except (LabError, LoadError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted, everything is down", file=sys.stderr)
        return 130
    passed = all(each.passed for each in rows)
    if options.json:
        options.json.write_text(json.dumps(as_json(rows), indent=2) + "\n")
    return 0 if passed else 1


async def _play(console: Console, *, keep: bool) -> list[Row]:
    async with Lab.start() as lab, davy.running(lab):
        print("demo: davy runs with the ServiceAccount and RBAC of manifests/", flush=True)
        shop = await _open(lab)
        async with shop.load(RATE) as load:
            good = await _release(console, shop, load, Release("v2", "promoted", now()))
            bad = await _release(console, shop, load, Release("v3", "aborted", now(), ERRORS))
        rows = [row(release, load.seen) for release in (good, bad)]
        console.print(table(rows, rate=RATE))
        if keep:
            print(await up.how_to_look_around(lab), flush=True)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    return rows


async def _open(lab: Lab) -> Shop:
    """The example, applied with kubectl, its first version healthy."""
    await lab.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    shop = await Shop.open(lab, "shop", Router.ISTIO_SUBSETS)
    for step in shop.canary["steps"]:
        if "pause" in step:
            step["pause"] = {"duration": PAUSE}
    print(f"demo: kubectl apply -f manifests/examples/{shop.router}/", flush=True)
    await _apply(shop, "v1")
    await shop.until(phase="Healthy")
    print("demo: version 1 is stable and has all traffic", flush=True)
    return shop


async def _apply(shop: Shop, version: str, error_rate: float = 0.0) -> None:
    shop.set_version(version, error_rate)
    manifest = yaml.safe_dump(shop.rollout, sort_keys=False)
    await shop.lab.kubectl("apply", "-n", shop.namespace, "-f", "-", stdin=manifest)


async def _release(console: Console, shop: Shop, load: Load, release: Release) -> Release:
    await _apply(shop, release.version, release.error_rate)
    quality = f"{release.error_rate:.0%} errors" if release.error_rate else "good"
    with Screen(console, f"version {release.version[1:]}: {quality}") as screen:
        async for rollout in _looks(shop):
            status = rollout.get("status") or {}
            release.saw(status.get("traffic") or {}, now())
            screen.show(await _around(shop, rollout), load.seen)
            if outcome := _outcome(rollout):
                release.end(outcome, status.get("message", ""), now())
                return release
    release.end("timed out", "", now())
    return release


async def _looks(shop: Shop) -> AsyncIterator[Json]:
    """The Rollout, again and again, until the release's time is up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RELEASE_SECONDS):
            while True:
                yield await shop.get()
                await asyncio.sleep(LOOK_SECONDS)


async def _around(shop: Shop, rollout: Json) -> RolloutView:
    replica_sets, pods, runs = await asyncio.gather(
        *(
            shop.lab.kube.list(kind, namespace=shop.namespace)
            for kind in ("replicaset", "pod", "analysisrun")
        )
    )
    return rollout_view(
        rollout,
        revision_annotation=ApiGroup().revision_annotation,
        replica_sets=replica_sets,
        pods=pods,
        runs=runs,
    )


def _outcome(rollout: Json) -> str:
    """`promoted`, `aborted` or "" while it goes on."""
    status = rollout.get("status") or {}
    if status.get("observedGeneration") != str(rollout["metadata"]["generation"]):
        return ""
    traffic = status.get("traffic") or {}
    if traffic.get("verified") != 0 or traffic.get("written") != 0:
        return ""
    if status.get("abort"):
        return "aborted"
    return "promoted" if status.get("phase") == "Healthy" else ""
