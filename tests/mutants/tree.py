"""Copies of the project in which code may be broken; the work tree itself is never touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "mutants"
_COPIED: Final = ("operator", "tests", "manifests", "crds", "pyproject.toml")


def copied(target: Path) -> Path:
    """The folder, now a fresh copy of all that unit tests and simulation need."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy2(source, target / name)
    return target


def run(tree: Path, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` in a copy, where `davy` is the copy's.

    Raises:
        subprocess.TimeoutExpired: it didn't end within `seconds`.
    """
    paths = os.pathsep.join([str(tree / "operator"), str(tree)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        # Byte code is told from its source by time and size only: a mutant must not leave any.
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def check(tree: Path) -> None:
    """Raise an AssertionError unless the copy's own code is what runs in it."""
    found = run(tree, "-c", "import davy; print(davy.__file__)", seconds=60).stdout.strip()
    assert found == str(tree / "operator" / "davy" / "__init__.py"), f"runs {found}, not {tree}"
