"""What holds for every test, and the one lab of a run.

Hypothesis: a slow machine is no failure, so an example has no deadline of its own; a failing one
prints the line that replays it. What it remembers is in build/, as of every tool.
"""

from pathlib import Path

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests.lab.fixtures import lab, namespace

__all__ = ["lab", "namespace"]

set_hypothesis_home_dir(Path(__file__).parent.parent / "build" / "hypothesis")
settings.register_profile("davy", deadline=None, print_blob=True)
settings.load_profile("davy")
