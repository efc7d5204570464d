"""Small changes are made one at a time, swapped in, and told apart by what became of them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.mutants import general, mutations, nursery, tree
from tests.mutants.nursery import Trial

SMALL = '''
class Box:
    def holds(self, room: int = 3) -> bool:
        """Docstrings and defaults stay."""
        return 0 < self.count <= room

    def empty(self):
        while self.count > 0:
            self.count -= 1

def unused(value):
    return not value
'''
TESTS = """
from small import Box

def test_holds() -> None:
    box = Box()
    box.count = 3
    assert box.holds()
    box.count = 0
    assert not box.holds()

def test_empty() -> None:
    box = Box()
    box.count = 2
    box.empty()
"""
RUN = """
import json, sys
from pathlib import Path
from tests.mutants import mutations, nursery

here = Path.cwd()
mutants = mutations.of("small", str(here / "small.py"), (here / "small.py").read_text())
trials = []
nursery.Nursery(mutants, [here], 2, trials.append).run(["test_small.py"])
Path("trials.json").write_text(json.dumps({trial.id: trial.outcome for trial in trials}))
"""


def test_each_change_is_one_mutant() -> None:
    """Two operators, a constant, the result: of `0 < self.count <= room`."""
    found = mutations.of("small", "small.py", SMALL)
    whole = "0 < self.count <= room"
    assert [mutant.change for mutant in found if mutant.function == "Box.holds"] == [
        f"`return {whole}` → `return None`",
        f"`{whole}` → `0 <= self.count <= room`",
        f"`{whole}` → `0 >= self.count <= room`",
        f"`{whole}` → `0 < self.count < room`",
        f"`{whole}` → `0 < self.count > room`",
        "`0` → `1`",
    ]
    assert {mutant.lines for mutant in found if mutant.function == "Box.holds"} == {(5, 5)}
    assert len({mutant.id for mutant in found}) == len(found)


def made(number: int) -> Callable[[], int]:
    """A function that makes one."""

    def call() -> int:
        return number + 1

    return call


EARLIER = made(1)


def test_functions_made_before_are_swapped_too() -> None:
    """A table that is filled at import keeps what its makers made."""
    path = Path(__file__)
    changed = {
        mutant.change: mutant
        for mutant in mutations.of(__name__, str(path), path.read_text())
        if mutant.function == "made"
    }
    before = made.__code__, EARLIER.__code__
    try:
        nursery.swap(changed["`number + 1` → `number - 1`"])
        assert (EARLIER(), made(5)()) == (0, 4)
    finally:
        made.__code__, EARLIER.__code__ = before


def test_what_becomes_of_mutants(tmp_path: Path) -> None:
    """Killed by a test, survived, hung, or run by no test; one doesn't touch the next."""
    (tmp_path / "small.py").write_text(SMALL)
    (tmp_path / "test_small.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    paths = f"{tree.ROOT}:{tree.ROOT / 'operator'}"
    subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, env={"PYTHONPATH": paths}, check=True)
    outcomes = json.loads((tmp_path / "trials.json").read_text())
    assert outcomes["small.Box.holds: `0 < self.count <= room` → `0 < self.count < room`"] == (
        "killed"
    )
    assert outcomes["small.Box.holds: `0` → `1`"] == "survived"
    assert outcomes["small.Box.empty: `self.count -= 1` → `pass`"] == "time-out"
    assert outcomes["small.unused: `not value` → `value`"] == "not run"


def test_killed_stays_killed_until_its_module_changes(tmp_path: Path) -> None:
    """A run that was stopped goes on where it was."""
    path = tmp_path / "results.jsonl"
    killed = Trial("davy.engine.weights.needed: `a` → `b`", "killed", "test_x")
    results = general.Results(path)
    results.add(killed)
    assert general.Results(path).trials == {killed.id: killed}
    path.write_text(path.read_text().replace('"for": "', '"for": "x'))
    assert general.Results(path).trials == {}


def test_too_many_survivors_and_wrong_excuses_fail() -> None:
    """Nine of ten must be killed; whoever has an excuse lives, and is a mutant."""
    excused = [Trial(name, "survived") for name in general.excuses()]
    killed = [Trial(str(number), "killed") for number in range(9 * len(excused))]
    ids = {trial.id for trial in (*excused, *killed)}
    assert general.good([*excused, *killed], ids)
    assert not general.good([*excused, *killed, Trial("new", "survived")], ids)
    assert not general.good([Trial(excused[0].id, "killed"), *killed], ids)
    assert not general.good(killed, ids - {excused[0].id})
    told = [*general.report([*killed, Trial("davy.engine.x: y", "not run")], ids, 1.0)]
    assert "not run: davy.engine.x: y" in told


def test_every_excuse_is_of_a_mutant() -> None:
    """Else it excuses nothing, and the list rots."""
    assert general.excuses().keys() <= {mutant.id for mutant in general.all_mutants()}
