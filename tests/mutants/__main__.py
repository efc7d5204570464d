"""`python -m tests.mutants`: defects put into the code, to see whether the tests see them.

`seeded` puts each row of `defects.toml` into a copy of the project; `general` makes every small
change to the functions of `engine` and `analysis`. Exit 1 when one survives that must not.
"""

import argparse
import os
import sys
import time
from fnmatch import fnmatch

from tests.mutants import general, seeded, tree
from tests.mutants.nursery import Trial

_TOLD_EVERY = 200
"""Mutants."""


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=("seeded", "general", "all"), nargs="?", default="all")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-k", default="*", help="only those whose id fits this pattern")
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="general: every N-th only, for a first look",
    )
    options = parser.parse_args()
    results = []
    if options.part != "general":
        results.append(_seeded(options.jobs, options.k))
    if options.part != "seeded":
        results.append(_general(options.jobs, options.k, options.every))
    return max(results)


def _seeded(jobs: int, pattern: str) -> int:
    started = time.monotonic()
    defects = [defect for defect in seeded.table() if fnmatch(defect.id, pattern)]
    if not defects:
        print(f"error: no row of the table fits {pattern}.", file=sys.stderr)
        return 2
    try:
        results = seeded.run(
            defects,
            jobs=jobs,
            folder=tree.BUILD / "seeded",
            told=lambda result: print(seeded.line(result), flush=True),
        )
    except seeded.WrongTable as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for text in seeded.totals(results, time.monotonic() - started):
        print(text)
    return 0 if all(result.caught_by for result in results) else 1


def _general(jobs: int, pattern: str, every: int) -> int:
    started = time.monotonic()
    everything = general.all_mutants()
    ids = {mutant.id for mutant in everything}
    mutants = [mutant for mutant in everything if fnmatch(mutant.id, pattern)][::every]
    results = general.Results()
    todo = [mutant for mutant in mutants if mutant.id not in results.trials]
    ended = 0

    def told(trial: Trial) -> None:
        nonlocal ended
        results.add(trial)
        ended += 1
        if ended % _TOLD_EVERY == 0:
            seconds = time.monotonic() - started
            print(f"{ended} of {len(todo)} mutants in {seconds:.0f} s", flush=True)

    if todo:
        general.run(todo, jobs=jobs, told=told)
    trials = [results.trials[mutant.id] for mutant in mutants]
    for text in general.report(trials, ids, time.monotonic() - started):
        print(text)
    return 0 if general.good(trials, ids) else 1


if __name__ == "__main__":
    sys.exit(main())
