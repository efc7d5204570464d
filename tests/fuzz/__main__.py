"""`python -m tests.fuzz -n 100000 --seed 0`: hostile input by the thousand; Ctrl-C tells so far."""

import argparse
import sys
import time
import traceback
from collections import Counter
from random import Random

from tests.fuzz.targets import TARGETS
from tests.fuzz.watchdog import watched

_SHOWN = 20


def main() -> int:
    """0: everything held; 1: finds, each with the command that replays it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("-n", type=int, default=100_000, help="cases (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first case's (default: 0)")
    parser.add_argument("--target", choices=[*TARGETS], help="only this one (default: all)")
    asked = parser.parse_args()
    names = [asked.target] if asked.target else [*TARGETS]
    shares = [TARGETS[name][1] for name in names]
    ran: Counter[str] = Counter()
    finds: dict[str, str] = {}
    slowest = (0.0, "")
    started = time.monotonic()
    with watched() as watch:
        for number in range(asked.seed, asked.seed + asked.n):
            name = Random(f"which {number}").choices(names, shares)[0]
            ran[name] += 1
            watch.again()
            begun = time.monotonic()
            try:
                TARGETS[name][0](Random(f"{name} {number}"))
            except KeyboardInterrupt:
                break
            except Exception as error:  # noqa: BLE001  # any exception is a find
                where = traceback.extract_tb(error.__traceback__)[-1]
                key = f"{name}: {type(error).__name__} in {where.filename}:{where.lineno}"
                told = f"{key}: {str(error)[:200]}\n  --target {name} --seed {number} -n 1"
                finds.setdefault(key, told)
            slowest = max(slowest, (time.monotonic() - begun, f"{name} {number}"))
    for told in list(finds.values())[:_SHOWN]:
        print(told, file=sys.stderr)
    seconds = time.monotonic() - started
    counts = ", ".join(f"{count} {name}" for name, count in ran.most_common())
    print(f"{counts}; slowest {slowest[0]:.2f} s ({slowest[1]})")
    done = ran.total()
    rate = done / max(seconds, 1e-9)
    print(f"{done} cases, {len(finds)} finds, {seconds:.0f} s, {rate:.0f} cases a second")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
