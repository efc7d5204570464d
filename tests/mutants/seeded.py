"""The table of seeded defects (`defects.toml`): each is put into a copy, and a test must fail.

A row names a text that occurs exactly once in its file, so a table that no longer fits the code is
an error, never a defect that nobody made. Before any defect the copy's tests must pass, else
everything would count as caught.
"""

import queue
import re
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutants import tree

TABLE: Final = Path(__file__).parent / "defects.toml"
_PATIENCE: Final = 20.0
"""Tests that take so many times as long as all do without a defect hang, by the defect."""
_LONGEST: Final = 1800.0
"""Seconds; so long nothing takes that doesn't hang."""
_TESTS_FAILED: Final = 1
"""pytest's exit code; any other says that the tests didn't run, which proves nothing."""
_PYTEST: Final = ("-m", "pytest", "-x", "-q", "--tb=no", "--hypothesis-seed=0")
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Defect:
    """One row of the table."""

    id: str
    breaks: str
    """The invariant, I1 to I10, or the promise."""
    file: str
    """Below `operator/davy`."""
    old: str
    new: str
    by: str
    """A suite of the table's end, or paths for pytest: what must see it."""


@dataclass(frozen=True)
class Result:
    """What became of a defect."""

    defect: Defect
    caught_by: str
    """The test that failed, `time-out`, or "" when it survived."""
    seconds: float


class WrongTable(Exception):
    """The table doesn't fit the code, or the tests fail without any defect."""


def table(path: Path = TABLE) -> list[Defect]:
    """All rows, `by` resolved to paths for pytest."""
    held = tomllib.loads(path.read_text())
    suites: dict[str, str] = held["suites"]
    return [Defect(**{**row, "by": suites.get(row["by"], row["by"])}) for row in held["defects"]]


def mutated(defect: Defect, source: str) -> str:
    """The file's text with the defect.

    Raises:
        WrongTable: the text to replace isn't there exactly once, or is replaced by itself.
    """
    found = source.count(defect.old)
    if found != 1:
        message = (
            f"{defect.id}: {defect.old!r} occurs {found} times in operator/davy/{defect.file}; "
            f"mend its row in {TABLE.name}."
        )
        raise WrongTable(message)
    if defect.old == defect.new:
        raise WrongTable(f"{defect.id}: old and new are the same text.")
    return source.replace(defect.old, defect.new)


def tried(defect: Defect, copy: Path, *, seconds: float) -> Result:
    """The defect put into a copy, its tests run, the copy mended again.

    Args:
        defect: a row of the table.
        copy: of the project.
        seconds: until the tests hang.
    """
    file = copy / "operator" / "davy" / defect.file
    source = file.read_text()
    started = time.monotonic()
    file.write_text(mutated(defect, source))
    try:
        caught_by = _verdict(defect, tree.run(copy, *_PYTEST, *defect.by.split(), seconds=seconds))
    except subprocess.TimeoutExpired:
        caught_by = "time-out"
    finally:
        file.write_text(source)
    return Result(defect, caught_by, time.monotonic() - started)


def _verdict(defect: Defect, ended: subprocess.CompletedProcess[str]) -> str:
    if ended.returncode == 0:
        return ""
    failed = _FAILED.search(ended.stdout)
    if ended.returncode != _TESTS_FAILED or failed is None:
        raise WrongTable(f"{defect.id}: its tests don't run:\n{ended.stdout}{ended.stderr}")
    return failed[1]


def check(defects: Sequence[Defect], copy: Path) -> float:
    """Seconds that all tests take without a defect, if they pass and every row fits the code.

    Raises:
        WrongTable: else.
    """
    for defect in defects:
        mutated(defect, (copy / "operator" / "davy" / defect.file).read_text())
    tree.check(copy)
    tests = sorted({path for defect in defects for path in defect.by.split()})
    started = time.monotonic()
    ended = tree.run(copy, *_PYTEST, *tests, seconds=_LONGEST)
    if ended.returncode:
        raise WrongTable(f"Tests fail without any defect:\n{ended.stdout}{ended.stderr}")
    return time.monotonic() - started


def run(
    defects: Sequence[Defect], *, jobs: int, folder: Path, told: Callable[[Result], None]
) -> list[Result]:
    """Every defect tried, `jobs` at a time, each in a copy below the folder.

    Args:
        defects: rows of the table.
        jobs: at a time.
        folder: for the copies.
        told: called with each result as it comes.

    Raises:
        WrongTable: see `check`.
    """
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    copies = [tree.copied(folder / str(number)) for number in range(jobs)]
    seconds = min(_LONGEST, _PATIENCE * check(defects, copies[0]))
    for copy in copies:
        free.put(copy)

    def one(defect: Defect) -> Result:
        copy = free.get()
        try:
            result = tried(defect, copy, seconds=seconds)
        finally:
            free.put(copy)
        told(result)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, defects))


def line(result: Result) -> str:
    """A row of the report."""
    caught = result.caught_by.rpartition("/")[2] or "SURVIVED"
    return (
        f"{result.defect.breaks:<9} {result.defect.id:<34} {caught[:78]:<78} {result.seconds:6.1f}"
    )


def totals(results: Iterable[Result], seconds: float) -> Iterator[str]:
    """The last lines: what survived, and the count."""
    results = list(results)
    survivors = [result.defect for result in results if not result.caught_by]
    for defect in survivors:
        yield f"survived: {defect.id} (operator/davy/{defect.file}): {defect.old!r}"
    lived, made = len(survivors), len(results)
    yield f"seeded defects: {made}, caught {made - lived}, survived {lived}, {seconds:.0f} s"
