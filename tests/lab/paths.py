"""Where things are: the repository, the cache shared by all runs, the build folder of this one."""

import os
import sys
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
MODULE: Final = Path(__file__).resolve().parent / "control_plane"
"""The folder of go.mod and go.sum."""

RUNS: Final = REPOSITORY / "build" / "lab"
"""One folder per living lab; see `rundir`."""


def cache() -> Path:
    """The folder that outlives runs: `$DAVY_CACHE`, `$XDG_CACHE_HOME/davy` or `~/.cache/davy`."""
    if own := os.environ.get("DAVY_CACHE"):
        return Path(own).resolve()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg).resolve() / "davy"
    return Path.home() / ".cache" / "davy"


def lab_cache() -> Path:
    """The lab's part of the cache: compiled binaries, Go's own caches, a Go toolchain."""
    return cache() / "lab"


def scripts() -> Path:
    """The folder of the running Python's programs (`bin` of its virtual environment)."""
    return Path(sys.executable).parent
