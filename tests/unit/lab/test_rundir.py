import fcntl
import os
from pathlib import Path

from tests.lab import rundir


def test_a_dead_runs_folder_is_removed(tmp_path: Path) -> None:
    """What a run killed with SIGKILL left goes at the next start: nobody holds its lock."""
    dead = tmp_path / "1122-101010-77"
    (dead / "etcd").mkdir(parents=True)
    (dead / "lock").touch()
    assert rundir.remove_stale(tmp_path) == [dead]
    assert not dead.exists()


def test_a_living_runs_folder_stays(tmp_path: Path) -> None:
    """A lock that is held says that its lab lives."""
    living = tmp_path / "1122-101010-77"
    living.mkdir()
    fd = os.open(living / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert rundir.remove_stale(tmp_path) == []
        assert living.exists()
    finally:
        os.close(fd)


def test_a_runs_logs_are_kept_until_the_next_end(tmp_path: Path) -> None:
    """After the run its folder is gone but for the logs, which replace those of the run before."""
    for text in ("first", "second"):
        run = rundir.RunDir(tmp_path)
        (run.path / "logs").mkdir()
        (run.path / "logs" / "etcd.log").write_text(text)
        run.remove()
        assert not run.path.exists()
    last = tmp_path / rundir.LAST / "logs" / "etcd.log"
    assert last.read_text() == "second"
    assert rundir.remove_stale(tmp_path) == []
    assert last.exists()
