"""The simulation itself, as CI runs it: in a process of its own, whose sets have one order."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.sim
ROOT = Path(__file__).parents[2]
SCHEDULES = 3000


def test_nothing_breaks_it() -> None:
    """I1 to I10 hold on every state of thousands of schedules, and every world comes to rest."""
    command = [sys.executable, "-m", "tests.sim", "--fresh"]
    command += ["--schedules", str(SCHEDULES), "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SCHEDULES} schedules from seed 1," in done.stdout
    assert " 0 breaks" in done.stdout
