"""A package of somebody else's, built and installed without a network."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from davy.plugins import installed
from davy.plugins.installed import Installed

SOURCE = Path(__file__).parent / "acme"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed."""
    work = tmp_path_factory.mktemp("acme")
    shutil.copytree(SOURCE, work / "source")  # a build leaves its notes beside the source
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check"]
    command += ["--target", str(work / "here"), str(work / "source")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return work / "here"


@pytest.fixture
def plugins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    """What Davy finds at its start, with the package beside it."""
    monkeypatch.syspath_prepend(str(folder))
    yield installed.load()
    sys.modules.pop("acme_davy", None)
