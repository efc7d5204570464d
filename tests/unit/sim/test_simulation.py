"""What the simulation promises of itself."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.sim.cluster import Change
from tests.sim.schedule import Entry, Schedule, Setup, generate
from tests.sim.shrink import shrink
from tests.sim.trace import render
from tests.sim.world import World, play

ROOT = Path(__file__).parents[3]
DIGESTS = """
from tests.sim.schedule import generate
from tests.sim.world import play
print([play(generate(seed)).digest for seed in (3, 7, 11, 12)])
"""


def digests(hash_seed: str) -> str:
    """Of some seeds, in a process of its own."""
    path = os.pathsep.join([str(ROOT / "operator"), str(ROOT)])
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-c", DIGESTS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_seed_has_one_history() -> None:
    """To the last byte, in another process, and with another order of sets."""
    assert digests("0") == digests("1")


def test_nobody_changes_what_was_read() -> None:
    """Objects are shared between server, watches, caches and history: all stay as they were."""
    for seed in (21, 22, 23):
        world = World(generate(seed))
        told: dict[str, str] = {}

        def tell(change: Change, told: dict[str, str] = told) -> None:
            told[change.object["metadata"]["resourceVersion"]] = repr(change.object)

        world.cluster.watch(tell)
        world.run()
        assert told == {
            version: repr(found)
            for version, found in world.cluster.versions.items()
            if version in told
        }


def test_a_break_is_shrunk_to_what_it_needs() -> None:
    """Entries that don't matter go, those that do get shorter, the world gets plain."""
    schedule = generate(5)
    kill = Entry(7.0, "kill", {"seconds": 20.0})
    schedule = replace(schedule, entries=(*schedule.entries, kill))

    def breaks(candidate: Schedule) -> bool:
        return any(entry.what == "kill" for entry in candidate.entries)

    smaller = shrink(schedule, breaks)
    assert [entry.what for entry in smaller.entries] == ["kill"]
    assert smaller.entries[0].args["seconds"] < 1
    assert replace(smaller.setup, steps=()) == Setup()


def test_a_trace_says_who_changed_what() -> None:
    """A first version, told from its application to the route."""
    entries = (Entry(0.0, "apply", {"name": "cart", "version": "good-1"}),)
    told = "\n".join(render(play(Schedule(1, Setup(), entries))))
    assert "apply name=cart version=good-1" in told
    assert "spec.subsets[0].labels.rollouts-pod-template-hash: - → " in told
    assert "status.phase: Progressing → Healthy" in told
    assert told.endswith("nothing is broken")
