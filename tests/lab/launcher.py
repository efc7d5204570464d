"""From a shell to a command inside the lab: check, obtain, run, clean up."""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

from tests.lab import binaries, namespace, paths, preflight, router_crds, rundir
from tests.lab.errors import LabError

OUTSIDE_PORTS: Final = ("kubernetes", "istio-gateway", "gateway-api", "prometheus")
"""What can be reached from the host's 127.0.0.1 when a lab is opened to the outside."""

INTERRUPTED: Final = 130
"""A shell's exit code after Ctrl-C."""


def reexecute_inside(*, outside: bool = False) -> None:
    """Return when inside a lab's namespaces; else run this very command line there and exit.

    A program that needs the lab calls it first thing in `main`: `python -m tests.lab.demo` then
    works from any shell.

    Args:
        outside: also listen on the host's 127.0.0.1, for `Lab.open_to_outside`.
    """
    if namespace.run_folder() is None:
        sys.exit(launch([sys.executable, *sys.orig_argv[1:]], outside=outside))


def launch(argv: Sequence[str], *, outside: bool = False) -> int:
    """The exit code of `argv` run inside new namespaces; 1 with a sentence if that can't be.

    Leaves no process and, but for the logs in `build/lab/last`, no file behind.
    """
    try:
        preflight.check()
        binaries.obtain()
        router_crds.obtain()
        for folder in rundir.remove_stale(paths.RUNS):
            _say(f"removed what a killed run left: {folder.name}")
        run = rundir.RunDir(paths.RUNS)
    except LabError as error:
        return _failed(error)
    except KeyboardInterrupt:
        return _interrupted()
    try:
        listeners = {name: _listen() for name in OUTSIDE_PORTS} if outside else {}
        return namespace.run(argv, run.path, listeners)
    except OSError as error:
        return _failed(error)
    finally:
        run.remove()


def build() -> int:
    """0 when all programs are there or have been compiled, else 1 and why."""
    try:
        preflight.check()
        binaries.obtain()
        router_crds.obtain()
    except LabError as error:
        return _failed(error)
    except KeyboardInterrupt:
        return _interrupted()
    return 0


def join(argv: Sequence[str]) -> int:
    """The exit code of `argv` (default: a shell) run inside the youngest lab that is up."""
    living = rundir.living(paths.RUNS)
    if not living:
        return _failed(LabError("No lab is up; `python -m tests.lab up` brings one up."))
    shell = [os.environ.get("SHELL", "/bin/sh")]
    try:
        return namespace.join(argv or shell, living[-1])
    except (OSError, ValueError) as error:
        return _failed(error)


def _listen() -> socket.socket:
    """A socket in the host's network that only this machine can reach, on a free port.

    A socket stays in the network it was made in, so the process inside that accepts from it is a
    bridge between the two, with no program outside.
    """
    return socket.create_server(("127.0.0.1", 0))


def _failed(error: Exception) -> int:
    _say(str(error))
    return 1


def _interrupted() -> int:
    _say("interrupted; a build resumes at the next start")
    return INTERRUPTED


def _say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)
