"""`make bench-harm`: releases under load on real components, and what they cost their users."""

import argparse
import asyncio
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markdown import Markdown

import davy
from tests.bench_harm import table
from tests.bench_harm.play import play
from tests.bench_harm.result import Result
from tests.bench_harm.rows import ROWS
from tests.lab import davy as davy_process
from tests.lab import launcher
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.load import LoadError
from tests.page import Place

RELEASES: Final = 5
GOOD: Final = 40
"""Of the row that counts false aborts."""


def main() -> int:
    """0 when every release was played, whether or not the goals were met; 1 when one wasn't."""
    asked = _arguments()
    try:
        results = _read(asked.json) if asked.json and asked.json.exists() else []
    except (KeyError, TypeError, ValueError) as error:
        print(
            f"bench-harm: {asked.json} isn't of this bench ({error}); name another file.",
            file=sys.stderr,
        )
        return 1
    if asked.rows:
        launcher.reexecute_inside()
        try:
            asyncio.run(_play(asked, results))
        except (LabError, LoadError) as error:
            print(f"bench-harm: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nbench-harm: interrupted, everything is down", file=sys.stderr)
            return 130
    told = table.markdown(results)
    if asked.page:
        asked.page.write(told)
    Console(width=150).print(Markdown("\n".join(told)))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench_harm", description=__doc__)
    parser.add_argument("--rows", type=_rows, default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--n", type=int, default=RELEASES, help="releases of a row, default 5")
    parser.add_argument("--good", type=int, default=GOOD, help="of the row `good`, default 40")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="add the figures to this file's, tell of all"
    )
    parser.add_argument(
        "--page",
        type=partial(Place, "bench-harm"),
        metavar="FILE",
        help="write the table between the marks of this file, too",
    )
    return parser.parse_args()


def _rows(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in ROWS:
            raise argparse.ArgumentTypeError(f"no row {name!r}; there are {', '.join(ROWS)}")
    return names


async def _play(asked: argparse.Namespace, results: list[Result]) -> None:
    """Adds to the results, and to the file after each, so that an interruption loses little."""
    commit = _commit()
    async with Lab.start(audited=True) as lab, davy_process.running(lab) as davy:
        for name in asked.rows:
            row, left = ROWS[name], asked.good if name == "good" else asked.n
            while left > 0:
                for played in await play(lab, davy, row, min(left, row.at_once)):
                    found = Result.of(name, commit, played)
                    results.append(found)
                    print(f"bench-harm: {found.line()}", flush=True)
                left -= row.at_once
                if asked.json:
                    held = [each.as_json() for each in results]
                    asked.json.write_text(json.dumps(held, indent=1) + "\n")


def _read(path: Path) -> list[Result]:
    """Raises KeyError, TypeError or ValueError when it holds something else."""
    return [Result.from_json(held) for held in json.loads(path.read_text())]


def _commit() -> str:
    """The last that changed the operator; empty where its sources are in no repository."""
    asked, where = ["git", "log", "-1", "--format=%h", "--", "."], Path(davy.__file__).parent
    found = subprocess.run(asked, cwd=where, capture_output=True, text=True, check=False)
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
