"""`make bench`: so many rollouts on a real API server, and what they cost."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.bench import cell
from tests.bench.account import Size
from tests.bench.table import table
from tests.lab import paths

SIZES: Final = "1,100,1000,5000"
_UNCOMPILED: Final = "PYTHONDONTWRITEBYTECODE"


def main() -> int:
    """0 when every size was measured; 1 when one wasn't."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help=f"rollouts, default {SIZES}")
    cell.options(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    found = []
    for size in asked.sizes.split(","):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            program = ["-m", "tests.bench.cell", size, file.name]
            options = ["--pause", asked.pause, f"--idle={asked.idle}", f"--at-once={asked.at_once}"]
            inside = ["-m", "tests.lab", "exec", "--", sys.executable, *program, *options]
            if code := subprocess.call([sys.executable, *inside], env=_environment()):
                print(f"bench: {size} rollouts: not measured (exit code {code})", file=sys.stderr)
                return 1
            found.append(Size.from_json(json.loads(Path(file.name).read_text())))
        if asked.json:
            asked.json.write_text(json.dumps([each.as_json() for each in found], indent=2) + "\n")
    Console(width=120).print(table(found))
    return 0


def _environment() -> dict[str, str]:
    """Compiled modules are kept, as in an image: a start is measured, not a compilation."""
    kept = {name: value for name, value in os.environ.items() if name != _UNCOMPILED}
    return {**kept, "PYTHONPYCACHEPREFIX": str(paths.REPOSITORY / "build" / "bytecode")}


if __name__ == "__main__":
    sys.exit(main())
