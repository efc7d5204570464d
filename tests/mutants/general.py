"""Mutants of `engine` and `analysis`: made by `mutations.py`, tried by `nursery.py`, told here.

Results are kept in `build/mutants/general.jsonl`: a run that was stopped goes on where it was, and
one after a change tries what the change may have touched. Survivors are in `survivors.toml`, each
with the reason why nothing can tell it from the code; one that isn't there is a missing test.
"""

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.mutants import mutations, nursery
from tests.mutants.mutations import Mutant
from tests.mutants.nursery import Trial
from tests.mutants.tree import BUILD, ROOT

ROOMS: Final = ("engine", "analysis")
SURVIVORS: Final = Path(__file__).parent / "survivors.toml"
RESULTS: Final = BUILD / "general.jsonl"
LEAST_KILLED: Final = 0.9
"""Share of the mutants."""
_CODE: Final = ROOT / "operator" / "davy"
_TESTS: Final = ROOT / "tests" / "unit"


def all_mutants() -> list[Mutant]:
    """Every mutant of the rooms."""
    return [
        mutant
        for room in ROOMS
        for path in sorted((_CODE / room).glob("*.py"))
        for mutant in mutations.of(f"davy.{room}.{path.stem}", str(path), path.read_text())
    ]


def excuses(path: Path = SURVIVORS) -> dict[str, str]:
    """Why a survivor can't be told from the code, by its id."""
    groups = tomllib.loads(path.read_text()).get("survivors", [])
    return {name: group["why"] for group in groups for name in group["mutants"]}


class Results:
    """What became of mutants, on disk as soon as it is known.

    Killed stays killed until its module changes: tests come and seldom go. A survivor is tried
    again as soon as anything changes, code or tests. To begin anew, remove the file.
    """

    def __init__(self, path: Path = RESULTS) -> None:
        self._path = path
        self._everything = _everything()
        self._modules: dict[str, str] = {}
        self.trials: dict[str, Trial] = {}
        """By the mutant's id."""
        for line in path.read_text().splitlines() if path.exists() else ():
            held = json.loads(line)
            trial = Trial(**held["trial"])
            same = held["for"] == self._for(trial)
            if same:
                self.trials[trial.id] = trial
            else:
                self.trials.pop(trial.id, None)

    def add(self, trial: Trial) -> None:
        """Keep one more; it replaces an earlier one of the same mutant."""
        self.trials[trial.id] = trial
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            held = {"for": self._for(trial), "trial": asdict(trial)}
            file.write(json.dumps(held, ensure_ascii=False) + "\n")

    def _for(self, trial: Trial) -> str:
        """Changes when this result may not hold any more."""
        if trial.lived:
            return self._everything
        module = trial.id.partition(":")[0].split(".")[1:3]
        file = _CODE.joinpath(*module).with_suffix(".py")
        if file.stem not in self._modules:
            self._modules[file.stem] = _digest([file]) if file.exists() else ""
        return self._modules[file.stem]


def _everything() -> str:
    folders = [_CODE / "api", *(base / room for room in ROOMS for base in (_CODE, _TESTS))]
    files = sorted(file for folder in folders for file in folder.iterdir() if file.is_file())
    return _digest([*files, *sorted(Path(__file__).parent.glob("*.py"))])


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def run(todo: Sequence[Mutant], *, jobs: int, told: Callable[[Trial], None]) -> None:
    """Every one of these mutants tried by its room's unit tests.

    Args:
        todo: mutants.
        jobs: forks at a time.
        told: called with each trial as it ends.
    """
    rooms = [room for room in ROOMS if any(f".{room}." in mutant.module for mutant in todo)]
    folders = [_CODE / room for room in rooms]
    tests = [str(_TESTS / room) for room in rooms]
    nursery.Nursery(todo, folders, jobs, told).run(tests)


def report(trials: Sequence[Trial], seconds: float) -> Iterator[str]:
    """Survivors without an excuse, excuses without a survivor, the table by module, the totals."""
    known = excuses()
    lived = {trial.id: trial for trial in trials if trial.lived}
    for name, trial in lived.items():
        if name not in known:
            yield f"{trial.outcome}: {name}"
    tried = {trial.id for trial in trials}
    for name in known.keys() - lived.keys():
        what = "was killed" if name in tried else "isn't a mutant any more"
        yield f"take it out of {SURVIVORS.name}, it {what}: {name}"
    yield f"{'module':<32} {'mutants':>8} {'killed':>8} {'time-out':>9} {'survived':>9}"
    modules: dict[str, Counter[str]] = {}
    for trial in trials:
        module = trial.id.partition(":")[0]
        module = ".".join(module.split(".")[:3])
        modules.setdefault(module, Counter())[trial.outcome] += 1
    for module, counts in modules.items():
        yield _row(module, counts)
    total: Counter[str] = sum(modules.values(), Counter())
    yield _row("all", total)
    excused = len(lived.keys() & known.keys())
    dead = total["killed"] + total["time-out"]
    yield (
        f"mutants: {total.total()}, killed {dead} ({dead / max(1, total.total()):.1%}), of these "
        f"{total['time-out']} by time-out; survived {len(lived)}, {excused} of them explained; "
        f"{seconds:.0f} s"
    )


def _row(name: str, counts: Counter[str]) -> str:
    lived = counts["survived"] + counts["not run"]
    return (
        f"{name:<32} {counts.total():>8} {counts['killed']:>8} {counts['time-out']:>9} {lived:>9}"
    )


def good(trials: Sequence[Trial]) -> bool:
    """Enough are killed, and who lives is excused, and nobody else."""
    lived = {trial.id for trial in trials if trial.lived}
    enough = len(trials) - len(lived) >= LEAST_KILLED * len(trials)
    return enough and lived == set(excuses())
