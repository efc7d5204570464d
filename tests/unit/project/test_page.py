"""A bench's table goes between its marks, and a page without them is refused before the run."""

import argparse
from pathlib import Path

import pytest

from tests.page import Place


def test_a_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """All else on the page stays."""
    path = tmp_path / "page.md"
    path.write_text("# A\n<!-- x: begin -->\nold\n<!-- x: end -->\nB\n")
    Place("x", str(path)).write(["new", "table"])
    assert path.read_text() == "# A\n<!-- x: begin -->\nnew\ntable\n<!-- x: end -->\nB\n"


@pytest.mark.parametrize("text", ["", "<!-- x: begin -->", "<!-- x: end --><!-- x: begin -->"])
def test_a_page_without_a_place_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(argparse.ArgumentTypeError, match=r"has no lines <!-- x: begin -->"):
        Place("x", str(path))


def test_a_page_that_isnt_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="No such file"):
        Place("x", str(tmp_path / "page.md"))
