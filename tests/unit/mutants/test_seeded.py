"""The table of seeded defects fits the code, and its runner tells caught from survived."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants import seeded, tree
from tests.mutants.seeded import Defect, WrongTable

CODE = tree.ROOT / "operator" / "davy"
ROUNDED_UP = Defect(
    id="rounded-up",
    breaks="I2",
    file="api/capacity.py",
    old="self.total * available // self.full",
    new="self.total * available // self.full + 1",
    by="tests/unit/engine/test_properties.py::test_carried_and_needed_agree",
)


@pytest.mark.parametrize("defect", seeded.table(), ids=lambda defect: defect.id)
def test_a_row_fits_the_code(defect: Defect) -> None:
    """Its text occurs exactly once; its tests are there; what it makes is Python."""
    compile(seeded.mutated(defect, (CODE / defect.file).read_text()), defect.file, "exec")
    assert all((tree.ROOT / path.partition("::")[0]).exists() for path in defect.by.split())


def test_every_invariant_is_broken_in_three_ways_at_least() -> None:
    """I1 to I10, forty rows or more, each with a name of its own."""
    rows = seeded.table()
    counts = Counter(row.breaks for row in rows)
    assert {name for name, count in counts.items() if count >= 3} >= {
        f"I{number}" for number in range(1, 11)
    }
    assert len({row.id for row in rows}) == len(rows) >= 40


def test_a_text_that_isnt_there_once_is_an_error() -> None:
    """A table that no longer fits the code must not look like a suite that catches all."""
    with pytest.raises(WrongTable, match=r"occurs 0 times in operator/davy/api/capacity\.py"):
        seeded.mutated(replace(ROUNDED_UP, old="nowhere"), "ALL")
    with pytest.raises(WrongTable, match="occurs 2 times"):
        seeded.mutated(replace(ROUNDED_UP, old="ALL"), "ALL ALL")


def test_a_defect_is_caught_and_a_harmless_change_survives(tmp_path: Path) -> None:
    """In a copy, which is as it was afterwards; no test at all is no proof."""
    copy = tree.copied(tmp_path / "copy")
    seeded.check([ROUNDED_UP], copy)
    caught = seeded.tried(ROUNDED_UP, copy, seconds=600)
    assert caught.caught_by == ROUNDED_UP.by
    harmless = replace(ROUNDED_UP, old="Rounded down: a", new="A")
    assert seeded.tried(harmless, copy, seconds=600).caught_by == ""
    with pytest.raises(WrongTable, match="its tests don't run"):
        seeded.tried(replace(ROUNDED_UP, by="tests/unit/none.py"), copy, seconds=600)
    file = "operator/davy/api/capacity.py"
    assert (copy / file).read_text() == (tree.ROOT / file).read_text()
