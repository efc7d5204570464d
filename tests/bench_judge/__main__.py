"""`make bench-judge`: releases by the thousand, judged by Davy and by threshold rules."""

import argparse
import sys
import time
from pathlib import Path
from typing import Final

from tests.bench_judge import table, traffic
from tests.bench_judge.play import scores

_MARKS: Final = ("<!-- bench-judge: begin -->", "<!-- bench-judge: end -->")


def main() -> int:
    """0, or 1 when the page has no place for the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench_judge", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a corner of the grid, in a minute")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--releases", type=int, default=60, help="of each kind")
    parser.add_argument("--page", type=Path, help="write the table between the marks of this file")
    asked = parser.parse_args()
    places = traffic.corner() if asked.quick else traffic.places()
    page = asked.page.read_text() if asked.page else "\n".join(_MARKS)
    begin, end = map(page.find, _MARKS)
    if not 0 <= begin < end:
        print(f"bench-judge: {asked.page} has no line {_MARKS[0]}", file=sys.stderr)
        return 1
    started = time.monotonic()
    rows = {}
    for at, place in enumerate(places, 1):
        ratios = (table.GOOD, *traffic.RATIOS)
        rows[place] = {ratio: scores(place, ratio, asked.releases, asked.seed) for ratio in ratios}
        print(f"\r{at} of {len(places)} places", end="", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    print(f", {seconds:.0f} s", file=sys.stderr)
    told = "\n".join(
        [f"Seed {asked.seed}, {asked.releases} releases of each kind.", "", *table.markdown(rows)]
    )
    if asked.page:
        head = page[: begin + len(_MARKS[0])]
        asked.page.write_text(f"{head}\n{told}\n{page[end:]}")
    else:
        print(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
