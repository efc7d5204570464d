"""Mutants of `engine` and `analysis`: made by `mutations.py`, tried by `nursery.py`, told here.

Results are kept in `build/mutants/general.jsonl`: a run that was stopped goes on where it was, and
one after a change tries what the change may have touched. Survivors are in `survivors.toml`, each
with the reason why nothing can tell it from the code; one that isn't there may be a missing test.
"""

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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


def report(trials: Sequence[Trial], mutants: Collection[str], seconds: float) -> Iterator[str]:
    """Survivors without an excuse, wrong excuses, a table by module, the totals.

    Args:
        trials: of this run, which may be of a part.
        mutants: ids of all that there are.
        seconds: that it took.
    """
    known = excuses()
    lived = [trial for trial in trials if trial.lived]
    for trial in lived:
        if trial.id not in known:
            yield f"{trial.outcome}: {trial.id}"
    for name, why in _wrong_excuses(trials, mutants).items():
        yield f"take it out of {SURVIVORS.name}, it {why}: {name}"
    yield f"{'module':<32} {'mutants':>8} {'killed':>8} {'time-out':>9} {'survived':>9}"
    modules: dict[str, Counter[str]] = {}
    for trial in trials:
        module = ".".join(trial.id.partition(":")[0].split(".")[:3])
        modules.setdefault(module, Counter())[trial.outcome] += 1
    for module, counts in modules.items():
        yield _row(module, counts)
    total: Counter[str] = sum(modules.values(), Counter())
    yield _row("all", total)
    explained = sum(trial.id in known for trial in lived)
    dead = len(trials) - len(lived)
    yield (
        f"mutants: {len(trials)} of {len(mutants)} tried, killed {dead} "
        f"({dead / max(1, len(trials)):.1%}), of these {total['time-out']} by time-out; "
        f"survived {len(lived)}, {explained} of them explained; {seconds:.0f} s"
    )


def good(trials: Sequence[Trial], mutants: Collection[str]) -> bool:
    """Enough are killed, and no excuse is wrong; survivors without one are told."""
    dead = sum(not trial.lived for trial in trials)
    return dead >= LEAST_KILLED * len(trials) and not _wrong_excuses(trials, mutants)


def _wrong_excuses(trials: Sequence[Trial], mutants: Collection[str]) -> dict[str, str]:
    """What is the matter with them, by id."""
    killed = {trial.id for trial in trials if not trial.lived}
    gone = {name: "isn't a mutant any more" for name in excuses() if name not in mutants}
    return gone | {name: "was killed" for name in excuses() if name in killed}


def _row(name: str, counts: Counter[str]) -> str:
    lived = counts["survived"] + counts["not run"]
    return (
        f"{name:<32} {counts.total():>8} {counts['killed']:>8} {counts['time-out']:>9} {lived:>9}"
    )
