"""A bench's table in a page of the documentation, between two marks."""

import argparse
from collections.abc import Sequence
from pathlib import Path


class Place:
    """Where the table of a bench stands in a page; for argparse, so that a wrong page costs no run.

    `<!-- NAME: begin -->` is the line before it, `<!-- NAME: end -->` the one after.
    """

    def __init__(self, name: str, page: str) -> None:
        """Raises ArgumentTypeError when the page has no such lines, in that order."""
        self._marks = begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        self._page = Path(page)
        try:
            text = self._page.read_text()
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{page}: {error.strerror}") from None
        if not 0 <= text.find(begin) < text.find(end):
            raise argparse.ArgumentTypeError(
                f"{page} has no lines {begin} and {end}, between which the table goes"
            )

    def write(self, lines: Sequence[str]) -> None:
        """Put the lines in place of what is there."""
        begin, end = self._marks
        head, _, rest = self._page.read_text().partition(begin)
        tail = rest.partition(end)[2]
        self._page.write_text("\n".join([f"{head}{begin}", *lines, f"{end}{tail}"]))
