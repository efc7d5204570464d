"""`make bench-judge`: releases by the thousand, judged by Davy and by threshold rules."""

import argparse
import sys
import time
from functools import partial

from tests.bench_judge import table, traffic
from tests.bench_judge.play import scores
from tests.page import Place


def main() -> int:
    """0; the table is printed or on the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_judge", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a corner of the grid, in a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--releases", type=int, default=60, help="of each kind")
    parser.add_argument(
        "--page",
        type=partial(Place, "bench-judge"),
        metavar="FILE",
        help="write the table between the marks of this file",
    )
    asked = parser.parse_args()
    places = traffic.corner() if asked.quick else traffic.places()
    started = time.monotonic()
    rows = {}
    for at, place in enumerate(places, 1):
        ratios = (table.GOOD, *traffic.RATIOS)
        rows[place] = {ratio: scores(place, ratio, asked.releases, asked.seed) for ratio in ratios}
        print(f"\r{at} of {len(places)} places", end="", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    print(f", {seconds:.0f} s", file=sys.stderr)
    head = f"Seed {asked.seed}, {asked.releases} releases of each kind."
    told = [head, "", *table.markdown(rows)]
    if asked.page:
        asked.page.write(told)
    else:
        print("\n".join(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
