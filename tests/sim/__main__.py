# ruff: noqa: T201  # its output is its purpose
"""`python -m tests.sim --schedules N --seed S`: exit code 1 when an invariant breaks."""

import argparse
import os
import sys
from typing import Final

from tests.sim import runner, trace
from tests.sim.schedule import Schedule, generate
from tests.sim.shrink import Breaks, shrink
from tests.sim.world import play

_SHOWN: Final = 3
"""Breaks that are shrunk and printed; of the others the seed is told."""


def main(arguments: list[str]) -> int:
    """Run; one schedule is told in full, of many the breaks."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1, help="how many, from the seed on")
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--jobs", type=int, default=runner.cores(), help="processes")
    parser.add_argument("--fresh", action="store_true", help="forget an interrupted run")
    parser.add_argument("--first", action="store_true", help="stop at the first break, unshrunk")
    parser.add_argument("--shrink", action="store_true", help="shrink a single schedule, too")
    options = parser.parse_args(arguments)
    if options.schedules == 1:
        return _single(options.seed, smaller=options.shrink)
    return _many(options)


def _single(seed: int, *, smaller: bool) -> int:
    schedule = generate(seed)
    if smaller:
        schedule = shrink(schedule, _same_break(schedule))
    result = play(schedule)
    print(trace.text(trace.render(result)))
    outcome = "1 break" if result.found else "0 breaks"
    print(f"1 schedule, {result.passes} passes, {outcome}, digest {result.digest}")
    return 1 if result.found else 0


def _many(options: argparse.Namespace) -> int:
    tally, told = None, 0
    try:
        for tally in runner.run(
            options.seed,
            options.schedules,
            jobs=options.jobs,
            fresh=options.fresh or options.first,
            until_broken=options.first,
        ):
            for seed, why in tally.broken[told:]:
                print(f"seed {seed}: {why}", flush=True)
            told = len(tally.broken)
            if sys.stderr.isatty():
                print(f"\r{tally}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here")
    assert tally is not None
    for seed, why in [] if options.first else tally.broken[:_SHOWN]:
        if not why.startswith("simulation"):
            schedule = generate(seed)
            schedule = shrink(schedule, _same_break(schedule))
            print(f"\n{trace.text(trace.render(play(schedule)))}")
            print(f"shrunk from seed {seed}; the whole: make sim N=1 SEED={seed}")
    print(tally)
    return 1 if tally.broken else 0


def _same_break(schedule: Schedule) -> Breaks:
    found = play(schedule).found
    wanted = found.invariant if found else None

    def breaks(candidate: Schedule) -> bool:
        again = play(candidate).found
        return again is not None and again.invariant == wanted

    return breaks


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is part of a seed's meaning
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(  # noqa: S606  # itself
            sys.executable, [sys.executable, "-m", "tests.sim", *sys.argv[1:]]
        )
    sys.exit(main(sys.argv[1:]))
