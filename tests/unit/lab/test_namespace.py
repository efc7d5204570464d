import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import paths

RUN = """
import sys
from pathlib import Path
from tests.lab import namespace
sys.exit(namespace.run(sys.argv[2:], Path(sys.argv[1]), {}))
"""


@pytest.fixture(autouse=True)
def _allowed() -> None:
    tried = subprocess.run(  # not in this process: a fork of one with threads is unsafe
        [sys.executable, "-c", "from tests.lab import preflight; preflight.check_namespaces()"],
        cwd=paths.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(tried.stderr.strip().splitlines()[-1])


@contextlib.contextmanager
def running(folder: Path, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """A launcher that runs `argv` in new namespaces."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), *argv],
        cwd=paths.REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as launcher:
        try:
            yield launcher
        finally:
            launcher.kill()


def alive(marker: str) -> list[int]:
    """Processes that have `marker` among their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if marker in (entry / "cmdline").read_text().split("\0"):
                    found.append(int(entry.name))
    return found


def test_the_exit_code_and_streams_are_the_commands(tmp_path: Path) -> None:
    """A command inside is to its caller as it would be outside."""
    with running(tmp_path, "sh", "-c", "echo out; echo err >&2; exit 7") as launcher:
        assert launcher.communicate(timeout=20) == ("out\n", "err\n")
        assert launcher.returncode == 7


def test_an_unknown_command_is_said(tmp_path: Path) -> None:
    """The exit code is a shell's 127, with a sentence."""
    with running(tmp_path, "no-such-program") as launcher:
        _, err = launcher.communicate(timeout=20)
        assert launcher.returncode == 127
        assert "no-such-program: No such file or directory" in err


def test_every_pod_address_answers(tmp_path: Path) -> None:
    """Any address of the pods' network can be bound and reached, with nothing else to be done."""
    program = """
import socket
with socket.create_server(("10.64.7.7", 8080)) as server:
    with socket.create_connection(("10.64.7.7", 8080), timeout=5):
        print(server.accept()[1][0])
"""
    with running(tmp_path, sys.executable, "-c", program) as launcher:
        assert launcher.communicate(timeout=20) == ("10.64.7.7\n", "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_launcher(tmp_path: Path, number: signal.Signals) -> None:
    """Everything inside dies with the launcher, however it dies, also what has left its session."""
    marker = f"33{os.getpid()}{int(number)}"
    script = "setsid sleep $1 & sleep $1 & echo up; wait"
    with running(tmp_path, "sh", "-c", script, "sh", marker) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "up\n"
        launcher.send_signal(number)
        launcher.wait(timeout=20)
        deadline = time.monotonic() + 10
        while alive(marker) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert alive(marker) == []


def test_orphans_are_reaped(tmp_path: Path) -> None:
    """The init waits for processes whose parent is gone, so none stays a zombie."""
    script = "for i in 1 2 3; do (sleep 0.1 &) ; done; sleep 0.5; cat /proc/[0-9]*/stat"
    with running(tmp_path, "sh", "-c", script) as launcher:
        out, _ = launcher.communicate(timeout=20)
    assert [line for line in out.splitlines() if line.split(")")[1].split()[0] == "Z"] == []
