"""The folder of one lab run, and the removal of those whose lab is dead.

`build/lab/<id>/` holds everything a run writes: etcd's data, keys, logs, temporary files. Its
`lock` file is held with flock(2) by the launcher and the init of the lab, so the kernel lets go of
it when both are dead, however they died: a folder whose lock can be had is stale.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LAST: Final = "last"
"""The logs of the run before, kept for whoever asks why it failed."""

_KEPT = ("logs", "pods")


class RunDir:
    """A run's folder, locked for as long as this process or a fork of it lives."""

    def __init__(self, runs: Path) -> None:
        """Create and lock a new folder under `runs`."""
        self.runs = runs
        self.path = runs / f"{time.strftime('%m%d-%H%M%S')}-{os.getpid()}"
        with _one_at_a_time(runs):
            self.path.mkdir()
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.path / "tmp").mkdir()

    def remove(self) -> None:
        """Remove the folder, keeping its logs as `last`."""
        last = self.runs / LAST
        kept = [self.path / name for name in _KEPT if (self.path / name).exists()]
        if kept:
            shutil.rmtree(last, ignore_errors=True)
            last.mkdir(exist_ok=True)
            for folder in kept:
                with contextlib.suppress(OSError):
                    folder.rename(last / folder.name)
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def living(runs: Path) -> list[Path]:
    """The folders of labs that are up, the youngest last."""
    found = []
    for folder in _folders(runs):
        with contextlib.suppress(OSError):
            fd = os.open(folder / "lock", os.O_RDWR)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                found.append(folder)
            finally:
                os.close(fd)
    return found


def remove_stale(runs: Path) -> list[Path]:
    """The folders removed: those under `runs` whose lab is dead.

    A run killed with SIGKILL can't clean up, so the next one does it. A living run's folder, also
    one of another user's lab that can't be opened, stays.
    """
    with _one_at_a_time(runs):
        return [folder for folder in _folders(runs) if _removed_if_dead(folder)]


def _folders(runs: Path) -> list[Path]:
    if not runs.exists():
        return []
    return [f for f in sorted(runs.iterdir()) if f.is_dir() and f.name != LAST]


def _removed_if_dead(folder: Path) -> bool:
    try:
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


@contextlib.contextmanager
def _one_at_a_time(runs: Path) -> Iterator[None]:
    """Keep others from seeing a folder between its creation and its lock."""
    runs.mkdir(parents=True, exist_ok=True)
    fd = os.open(runs / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
