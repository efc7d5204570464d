"""Drawings compared with committed text, as a person reads it.

After a change that is meant: `DAVY_WRITE_GOLDEN=1 python -m pytest tests/unit/cli`, and read what
git shows.
"""

import os
import re
from pathlib import Path

from rich.console import Console, RenderableType

_FOLDER = Path(__file__).parent / "golden"


def text_of(drawing: RenderableType, *, width: int = 110) -> str:
    """The drawing without colours, as lines without blanks at their ends."""
    console = Console(width=width, color_system=None, highlight=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(drawing)
    return re.sub(r" +$", "", captured.get(), flags=re.MULTILINE)


def check(name: str, drawing: RenderableType, *, width: int = 110) -> None:
    """Assert that the drawing is the text in `golden/NAME.txt`."""
    path = _FOLDER / f"{name}.txt"
    drawn = text_of(drawing, width=width)
    if os.environ.get("DAVY_WRITE_GOLDEN"):
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")
