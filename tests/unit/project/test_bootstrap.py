import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import bootstrap

UNKNOWN_HOST = """\
Could not fetch URL x: connection error: (Caused by NewConnectionError('<o>: Failed to establish a \
new connection: [Errno -2] Name or service not known')) - skipping
ERROR: No matching distribution found for a==1
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with a lock and an environment whose Python exists."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.lock").write_text("a==1 \\\n    --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "LOCK", tmp_path / "requirements" / "dev.lock")
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "STATE", tmp_path / ".venv" / "davy-bootstrap.json")
    return tmp_path


def changed() -> set[str]:
    """What is no longer as the state file says."""
    wanted, found = bootstrap.wanted_state(), bootstrap.found_state()
    return {key for key in wanted if wanted[key] != found.get(key)}


def test_an_environment_without_its_state_file_counts_as_half_made(checkout: Path) -> None:
    """The state is written last, so an interrupted set-up has none and is made anew."""
    assert changed() == {"lock", "place", "project"}
    bootstrap.write_state(None)
    assert changed() == set()


def test_a_changed_lock_is_noticed(checkout: Path) -> None:
    """An environment is good for one lock."""
    bootstrap.write_state(None)
    bootstrap.LOCK.write_text("a==2\n")
    assert changed() == {"lock"}


def test_a_changed_project_file_is_linked_again_only(checkout: Path) -> None:
    """Its entry points may have changed, its packages haven't."""
    bootstrap.write_state(None)
    (checkout / "pyproject.toml").write_text("[project]\nname = 'davy'\n")
    assert changed() == {"project"}


def test_an_environment_whose_python_went_away_is_no_environment(checkout: Path) -> None:
    """An upgraded system Python leaves a dangling link behind."""
    bootstrap.write_state(None)
    bootstrap.VENV_PYTHON.unlink()
    bootstrap.VENV_PYTHON.symlink_to(checkout / "gone")
    assert changed() == {"lock", "place", "project"}


def test_an_interrupted_removal_leaves_nothing_that_looks_good(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state goes first, so the rest may stay behind."""

    def interrupted(_path: str) -> None:
        raise KeyboardInterrupt

    bootstrap.write_state(None)
    monkeypatch.setattr("shutil.rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.remove_environment()
    assert changed() == {"lock", "place", "project"}


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            UNKNOWN_HOST,
            "registry can't be reached (Name or service not known)",
        ),
        ("ReadTimeoutError: Read timed out. (read timeout=5)\n", "reached (timed out)"),
        ("ERROR: 503 Server Error: Service Unavailable for url\n", "reached (503 Server Error)"),
        ("ERROR: No matching distribution found for a==1\n", "offers no wheel of a==1 for Py"),
        ("ERROR: [Errno 28] No space left on device\n", "no space left on the disk"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM\n", "differs from its hash"),
        ("lots\nERROR: first\nERROR: the last word\n", "the last word"),
        ("", "pip failed without an error line"),
    ],
)
def test_a_failed_pip_is_one_sentence(output: str, sentence: str) -> None:
    """The cause is named by what to mend, not by a traceback."""
    assert sentence in bootstrap.reason(output, "3.11.7")


def test_the_first_package_comes_with_its_hashes() -> None:
    """The registry is tried with one small package, checked like the others."""
    lock = "# made by\na==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via b\nb==2\n"
    assert bootstrap.smallest_first(lock) == (
        "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"
    )


def a_python(folder: Path, name: str, script: str) -> None:
    """A program on the PATH that may say it is a Python."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_no_python_that_fits_is_told_with_what_each_one_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too old, without ensurepip, or a shim that doesn't run: one sentence."""
    a_python(tmp_path, "python3", "echo 3 8 18")
    bare = 'case "$2" in *ensurepip*) exit 1;; *version*) echo 3 12 1;; esac'
    a_python(tmp_path, "python3.12", bare)
    a_python(tmp_path, "python3.13", "exit 127")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/nowhere")
    a_python(tmp_path, "python", "exit 127")
    with pytest.raises(bootstrap.CannotError) as told:
        bootstrap.fitting_python(None)
    assert str(told.value) == (
        "Davy needs Python 3.11 or newer with venv and ensurepip; found: "
        f"{tmp_path}/python3 is 3.8.18; "
        f"{tmp_path}/python3.12 (3.12.1) has no ensurepip module (Debian: python3-venv)."
    )


def test_the_first_python_that_fits_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A too old `python3` doesn't hide a good `python3.13` behind it."""
    a_python(tmp_path, "python3", "echo 3 8 18")
    a_python(tmp_path, "python3.13", "echo 3 13 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bootstrap.fitting_python(None) == (f"{tmp_path}/python3.13", "3.13.0")


def test_the_script_uses_nothing_but_the_standard_library() -> None:
    """It runs before anything is installed: isolated, without site-packages."""
    command = [sys.executable, "-I", "-S", str(bootstrap.__file__), "--help"]
    assert subprocess.run(command, check=True, capture_output=True).stdout
