"""Many schedules on all cores, with a place to go on from."""

import gc
import hashlib
import json
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from tests.sim.schedule import generate
from tests.sim.world import play

_ROOT: Final = Path(__file__).parents[2]
PROGRESS: Final = _ROOT / "build" / "sim"
_CHUNK: Final = 10


@dataclass(frozen=True)
class Outcome:
    """One schedule's."""

    seed: int
    passes: int
    broken: str
    """Which invariant, when and why; "" when all hold."""


@dataclass
class Tally:
    """All so far; what the progress file holds."""

    code: str
    """Digest of the sources: other code is another run."""
    first: int
    """The first seed."""
    done: int = 0
    """Schedules, from the first on without a gap."""
    passes: int = 0
    seconds: float = 0.0
    """Of wall time."""
    broken: list[tuple[int, str]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.done += 1
        self.passes += outcome.passes
        if outcome.broken:
            self.broken.append((outcome.seed, outcome.broken))

    def __str__(self) -> str:
        rate = self.done / self.seconds if self.seconds else 0.0
        return (
            f"{self.done} schedules from seed {self.first}, {self.passes} passes, "
            f"{len(self.broken)} breaks, {rate:.1f} schedules a second"
        )


def one(seed: int) -> Outcome:
    """The outcome of one seed; an error of the simulation's own is one too."""
    try:
        result = play(generate(seed))
    except Exception:  # noqa: BLE001  # the other seeds go on
        return Outcome(seed, 0, f"simulation: {traceback.format_exc()}")
    return Outcome(seed, result.passes, str(result.found or ""))


def several(seeds: Sequence[int]) -> list[Outcome]:
    """What a worker does at a time; garbage is swept once, as much of it lives for a run."""
    gc.freeze()
    gc.disable()
    found = [one(seed) for seed in seeds]
    gc.collect()
    return found


def _leave_interrupts() -> None:
    """Ctrl-C reaches the workers too; the parent ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def outcomes(first: int, count: int, jobs: int) -> Iterator[Outcome]:
    """In the order of the seeds."""
    chunks = [
        range(start, min(start + _CHUNK, first + count))
        for start in range(first, first + count, _CHUNK)
    ]
    if jobs == 1:
        for chunk in chunks:
            yield from several(chunk)
        return
    with multiprocessing.get_context("fork").Pool(jobs, _leave_interrupts) as pool:
        for found in pool.imap(several, chunks):
            yield from found


def run(first: int, count: int, *, jobs: int, fresh: bool, until_broken: bool) -> Iterator[Tally]:
    """The tally after each schedule; it goes on where an interrupted run of the same code was.

    Args:
        first: seed.
        count: schedules.
        jobs: processes.
        fresh: begin anew in any case.
        until_broken: end with the first break.
    """
    place = PROGRESS / f"{first}-{count}.json"
    tally = Tally(digest(), first)
    if place.exists() and not fresh:
        held = Tally(**json.loads(place.read_text()))
        if held.code == tally.code and held.done < count:
            tally = held
            yield tally
    began, before = time.monotonic(), tally.seconds
    saved = began
    try:
        for outcome in outcomes(first + tally.done, count - tally.done, jobs):
            tally.add(outcome)
            tally.seconds = before + time.monotonic() - began
            if time.monotonic() - saved > 1:
                saved = time.monotonic()
                _save(place, tally)
            yield tally
            if until_broken and tally.broken:
                break
    finally:
        if tally.done < count and not tally.broken:
            _save(place, tally)
        else:
            place.unlink(missing_ok=True)


def _save(place: Path, tally: Tally) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(tally)))
    partial.rename(place)


def digest() -> str:
    """Of the operator's and the simulation's sources."""
    found = hashlib.sha256()
    for folder in (_ROOT / "operator" / "davy", _ROOT / "tests" / "sim"):
        for source in sorted(folder.rglob("*.py")):
            found.update(source.read_bytes())
    return found.hexdigest()[:16]


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))
